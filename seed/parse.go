package seed

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"awsmfa/internal/text"
)

const (
	minSecret = 16  // base32 characters: 80 bits, the shortest that services hand out; AWS has 64
	maxSecret = 256 // base32 characters
	maxInput  = 4096
	maxIssuer = 128 // bytes
	maxLabel  = 320 // bytes: a device name of 226 (IAM), "@", an account alias of 63
)

// ParseError says why a text or a picture is no seed, and what to do. It never
// holds any part of what was read: that may be the secret.
type ParseError struct {
	Why  string
	Hint string // what to do next
}

func (e *ParseError) Error() string { return e.Why }

const (
	hintAgain   = "copy the secret again where AWS shows it, or enroll the device anew: AWS shows a secret once"
	hintWhole   = "copy the whole secret; AWS gives 64 characters"
	hintFormat  = "give the base32 secret, as AWS shows it, or an otpauth://totp/ URI"
	hintAWS     = "AWS devices use SHA-1, 6 digits and 30 seconds; is this the seed of another service?"
	hintOneURI  = "give one otpauth://totp/ URI, or the base32 secret alone"
	hintNewName = "give the base32 secret alone, without the URI"
)

var (
	errEmpty       = &ParseError{"there is no seed: the input is empty", hintFormat}
	errLongInput   = &ParseError{"the input is too long to be a seed", hintFormat}
	errLines       = &ParseError{"the input has more than one line", "give one seed, on one line"}
	errNotBase32   = &ParseError{"the seed is not base32, which is the letters A to Z and the digits 2 to 7", "look for 0, 1 and 8 where O, I and B are meant, and " + hintFormat}
	errCode        = &ParseError{"this is a code, not the seed that codes are made from", hintFormat}
	errShort       = &ParseError{"the seed is too short: it needs 16 characters or more", hintWhole}
	errLong        = &ParseError{"the seed is too long: 256 characters are the most", hintWhole}
	errCut         = &ParseError{"the seed is not whole: its last characters are missing, or some are too many", hintWhole}
	errBadURI      = &ParseError{"the otpauth URI is damaged", hintOneURI}
	errFragment    = &ParseError{"the otpauth URI has a bare #", "write it %23, or give the base32 secret alone"}
	errMigration   = &ParseError{"this is an export of Google Authenticator (otpauth-migration), which may hold many seeds", "give the one seed: its base32 secret or its otpauth://totp/ URI"}
	errOtherURI    = &ParseError{"this is a web address or another URI, not a seed", hintFormat}
	errHOTP        = &ParseError{"the otpauth URI is of type hotp: its codes go by a counter, those of AWS by time", hintAWS}
	errType        = &ParseError{"the otpauth URI is not of type totp", hintOneURI}
	errNoSecret    = &ParseError{"the otpauth URI has no secret", "copy the whole URI, or give the base32 secret alone"}
	errTwoSecrets  = &ParseError{"the otpauth URI has more than one secret", hintOneURI}
	errTwice       = &ParseError{"the otpauth URI says the same thing twice", hintOneURI}
	errDigits      = &ParseError{"the otpauth URI asks for another number of digits than 6", hintAWS}
	errPeriod      = &ParseError{"the otpauth URI asks for another period than 30 seconds", hintAWS}
	errAlgorithm   = &ParseError{"the otpauth URI asks for another algorithm than SHA-1", hintAWS}
	errControl     = &ParseError{"the names in the otpauth URI hold control or invisible characters", hintNewName}
	errLongName    = &ParseError{"the names in the otpauth URI are too long", hintNewName}
	errNotAWSBytes = &ParseError{"the seed that AWS sent is not base32", hintAgain}
)

// Parse reads a seed as people have it: base32 in either case, with or without
// spaces, dashes and padding, or an otpauth://totp URI. An error is a
// *ParseError.
func Parse(input []byte) (Seed, error) {
	if len(input) > maxInput {
		return Seed{}, errLongInput
	}
	line := strings.TrimSpace(strings.TrimPrefix(string(input), "\ufeff"))
	switch {
	case line == "":
		return Seed{}, errEmpty
	case strings.ContainsAny(line, "\r\n"):
		return Seed{}, errLines
	case scheme(line, "otpauth-migration"):
		return Seed{}, errMigration
	case scheme(line, "otpauth"):
		return parseURI(line)
	case strings.Contains(line, ":"):
		return Seed{}, errOtherURI
	}
	secret, err := canonical(line)
	if err != nil {
		return Seed{}, err
	}
	return hold(held{secret: secret}), nil
}

// ParseAWS reads a Base32StringSeed of iam:CreateVirtualMFADevice, which is
// base32 text, wrapped in base64 as long as nobody has unwrapped it.
func ParseAWS(answer []byte) (Seed, error) {
	if len(answer) > maxInput {
		return Seed{}, errNotAWSBytes
	}
	// Unwrapping comes first: next to no base32 text is base64 of another one.
	plain, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(answer)))
	if err == nil {
		if secret, err := canonical(string(plain)); err == nil {
			return hold(held{secret: secret}), nil
		}
	}
	secret, err := canonical(string(bytes.TrimSpace(answer)))
	if err != nil {
		return Seed{}, errNotAWSBytes
	}
	return hold(held{secret: secret}), nil
}

func scheme(line, name string) bool {
	before, _, found := strings.Cut(line, ":")
	return found && strings.EqualFold(before, name)
}

// canonical brings a secret into the one form that is stored and compared.
func canonical(written string) (string, error) {
	secret, err := squeeze(written)
	switch {
	case err != nil:
		return "", err
	case secret == "":
		return "", errEmpty
	case 6 <= len(secret) && len(secret) <= 8 && strings.Trim(secret, "0123456789") == "":
		return "", errCode
	case strings.Trim(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "":
		return "", errNotBase32
	case len(secret) < minSecret:
		return "", errShort
	case len(secret) > maxSecret:
		return "", errLong
	}
	// A last group that no number of bytes ends in, or bits left over in the
	// last character, mean that something was cut off. Others let the bits
	// pass; a seed of AWS has none, and a wrong one is found only when AWS
	// refuses its codes.
	plain, err := unpadded.DecodeString(secret)
	if err != nil || unpadded.EncodeToString(plain) != secret {
		return "", errCut
	}
	return secret, nil
}

var unpadded = base32.StdEncoding.WithPadding(base32.NoPadding)

// squeeze takes out what people and web pages put between the characters.
func squeeze(written string) (string, error) {
	var b strings.Builder
	for _, r := range written {
		switch {
		case unicode.Is(unicode.Zs, r), r == '\t', unicode.Is(unicode.Pd, r):
		case r > unicode.MaxASCII:
			return "", errNotBase32 // before the case is changed: some map to ASCII
		case 'a' <= r && r <= 'z':
			b.WriteRune(r - 'a' + 'A')
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimRight(b.String(), "="), nil
}

// parseURI reads the form that authenticator apps share ("Key Uri Format",
// wiki of google-authenticator).
func parseURI(line string) (Seed, error) {
	uri, err := url.Parse(line) // its error quotes the input
	switch {
	case err != nil:
		return Seed{}, errBadURI
	case strings.EqualFold(uri.Host, "hotp"):
		return Seed{}, errHOTP
	case !strings.EqualFold(uri.Host, "totp") || uri.User != nil || uri.Opaque != "":
		return Seed{}, errType
	case strings.Contains(line, "#"):
		return Seed{}, errFragment // what stands behind it would be lost
	}
	given, err := parameters(uri.RawQuery)
	if err != nil {
		return Seed{}, err
	}
	if err := asAWS(given); err != nil {
		return Seed{}, err
	}
	h := held{}
	if h.issuer, h.label, err = names(strings.TrimPrefix(uri.Path, "/"), given["issuer"]); err != nil {
		return Seed{}, err
	}
	if h.secret, err = canonical(given["secret"]); err == errEmpty {
		err = errNoSecret
	}
	if err != nil {
		return Seed{}, err
	}
	return hold(h), nil
}

// parameters reads the query. A name counts in any case, since one that is
// passed over, such as Digits=8, means wrong codes.
func parameters(query string) (map[string]string, error) {
	all, err := url.ParseQuery(query)
	if err != nil {
		return nil, errBadURI
	}
	given := map[string]string{}
	for name, values := range all {
		name = strings.ToLower(name)
		_, again := given[name]
		if name == "secret" && (again || len(values) > 1) {
			return nil, errTwoSecrets
		}
		if counts(name) && (again || len(values) > 1) {
			return nil, errTwice
		}
		given[name] = values[0]
	}
	return given, nil
}

func counts(name string) bool {
	switch name {
	case "issuer", "digits", "period", "algorithm":
		return true
	}
	return false
}

// asAWS refuses what would give other codes than a device of AWS.
func asAWS(given map[string]string) error {
	if digits, ok := given["digits"]; ok && digits != "6" {
		return errDigits
	}
	if period, ok := given["period"]; ok && period != "30" {
		return errPeriod
	}
	if algorithm, ok := given["algorithm"]; ok {
		switch strings.ToUpper(algorithm) {
		case "SHA1", "SHA-1", "HMACSHA1", "HMAC-SHA1":
		default:
			return errAlgorithm
		}
	}
	return nil
}

// names parts the path of a URI. The parameter is the better word for the
// issuer; a prefix that says the same is dropped from the label, another stays.
func names(path, parameter string) (issuer, label string, err error) {
	issuer, label = strings.TrimSpace(parameter), path
	if issuer == "" {
		before, after, found := strings.Cut(path, ":")
		if found {
			issuer, label = before, after
		}
	} else if n := len(issuer); len(path) > n && path[n] == ':' && strings.EqualFold(path[:n], issuer) {
		label = path[n+1:]
	}
	issuer, label = strings.TrimSpace(issuer), strings.TrimSpace(label)
	for _, name := range []string{parameter, path} {
		if !utf8.ValidString(name) || text.Clean(name, maxInput) != name {
			return "", "", errControl
		}
	}
	if len(issuer) > maxIssuer || len(label) > maxLabel {
		return "", "", errLongName
	}
	return issuer, label, nil
}
