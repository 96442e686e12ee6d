package profile

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// errDuration is the cause of every refused duration.
var errDuration = errors.New(`not a duration: write seconds (3600) or units (12h, 1h30m)`)

// ParseDuration reads "3600", "3600s", "90m", "12h" or "1h30m": whole seconds,
// more than none.
func ParseDuration(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		// Beyond ten years nothing is meant, and nanoseconds overflow later.
		if seconds <= 0 || seconds > 10*366*24*3600 || text[0] == '+' {
			return 0, errDuration
		}
		return time.Duration(seconds) * time.Second, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d%time.Second != 0 || text[0] == '+' {
		return 0, errDuration
	}
	return d, nil
}

// CheckRegion refuses what cannot be a region before a host name is built of
// it.
func CheckRegion(v Value) error {
	ok := len(v.Text) > 0 && len(v.Text) <= 63 && 'a' <= v.Text[0] && v.Text[0] <= 'z'
	for i := 0; ok && i < len(v.Text); i++ {
		c := v.Text[i]
		ok = 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-'
	}
	if ok && v.Text[len(v.Text)-1] != '-' {
		return nil
	}
	return &Error{
		Kind: BadRegion, Key: "region", Origin: v.Origin,
		Detail: "region " + quote(v.Text) + " is not a region name such as eu-west-1",
	}
}

// CheckEndpoint accepts https anywhere and http on this machine: the request
// carries a signature and perhaps a code.
func CheckEndpoint(v Value) error {
	bad := func(why string) error {
		return &Error{
			Kind: BadEndpoint, Key: "endpoint_url", Origin: v.Origin,
			Detail: "endpoint " + quote(hideUser(v.Text)) + " " + why,
		}
	}
	scheme, rest, ok := strings.Cut(v.Text, "://")
	scheme = strings.ToLower(scheme)
	authority, path, _ := strings.Cut(rest, "/")
	host, port, portOK := splitPort(authority)
	switch {
	case !ok || scheme != "https" && scheme != "http":
		return bad("must begin with https://")
	case strings.Contains(authority, "@"):
		return bad("must not hold a user name or password")
	case strings.ContainsAny(rest, "?#"):
		return bad("must not hold a query or fragment")
	case !plain(path):
		return bad("holds characters that do not belong in a URL")
	case host == "" || !portOK || !hostName(host):
		return bad("has no valid host")
	case port != "" && !portNumber(port):
		return bad("has no valid port")
	case scheme == "http" && !loopback(host):
		return bad("must use https: http is for 127.0.0.0/8, [::1] and localhost only")
	}
	return nil
}

// hideUser keeps a password out of messages.
func hideUser(url string) string {
	at := strings.LastIndexByte(url, '@')
	if at < 0 {
		return url
	}
	from := strings.Index(url, "://")
	if from < 0 || from > at {
		return "…" + url[at:]
	}
	return url[:from+3] + "…" + url[at:]
}

func splitPort(authority string) (host, port string, ok bool) {
	if strings.HasPrefix(authority, "[") {
		host, rest, closed := strings.Cut(authority, "]")
		if !closed || rest != "" && rest[0] != ':' || rest == ":" {
			return "", "", false
		}
		return host + "]", strings.TrimPrefix(rest, ":"), true
	}
	host, port, found := strings.Cut(authority, ":")
	return host, port, !found || port != ""
}

func portNumber(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && '0' <= s[0] && s[0] <= '9'
}

func hostName(host string) bool {
	if strings.HasPrefix(host, "[") {
		return len(host) > 3 && len(host) <= 47 && strings.Trim(host[1:len(host)-1], "0123456789abcdefABCDEF:.") == ""
	}
	for i := 0; i < len(host); i++ {
		if c := host[i]; !word(c) && c != '.' && c != '-' {
			return false
		}
	}
	return len(host) <= 253 && host[0] != '.' && host[0] != '-'
}

// loopback takes addresses in their usual form only, and the one name that
// resolvers keep on this machine; "127.1" and "localhost." mean other things
// to other programs.
func loopback(host string) bool {
	if host == "localhost" || host == "[::1]" {
		return true
	}
	part := strings.Split(host, ".")
	if len(part) != 4 || part[0] != "127" {
		return false
	}
	for _, p := range part[1:] {
		if n, err := strconv.ParseUint(p, 10, 8); err != nil || strconv.FormatUint(n, 10) != p {
			return false
		}
	}
	return true
}

func plain(path string) bool {
	for i := 0; i < len(path); i++ {
		if c := path[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}

func word(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_'
}

// all reports whether s is min to max characters of the word class and extra.
func all(s string, min, max int, extra string) bool {
	if len(s) < min || len(s) > max {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !word(s[i]) && strings.IndexByte(extra, s[i]) < 0 {
			return false
		}
	}
	return true
}

// arn is an ARN of IAM.
type arn struct{ partition, account, resource string }

// splitARN takes IAM's ARNs apart; they hold no region.
func splitARN(s string) (arn, bool) {
	part := strings.SplitN(s, ":", 6)
	if len(part) != 6 || part[0] != "arn" || !partitionName(part[1]) || part[2] != "iam" || part[3] != "" {
		return arn{}, false
	}
	return arn{part[1], part[4], part[5]}, part[5] != ""
}

func partitionName(s string) bool {
	return strings.HasPrefix(s, "aws") && all(s, 3, 32, "-") && strings.ToLower(s) == s
}

// PartitionOf is the partition that the ARN of a device or role names, "" for
// a hardware token's serial number and anything else.
func PartitionOf(text string) string { return partition(text) }

// partition is the partition of an ARN, "" for anything else.
func partition(s string) string {
	a, ok := splitARN(s)
	if !ok {
		return ""
	}
	return a.partition
}

func accountID(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) == 12
}

// CheckSerial says why STS cannot use a serial: GetSessionToken and AssumeRole
// take the ARN of a virtual device or the number of a hardware token, 9 to 256
// of [\w+=/:,.@-].
func CheckSerial(profileName string, serial Value) error {
	bad := func(kind Kind, why string) error {
		return &Error{
			Kind: kind, Profile: profileName, Key: "mfa_serial", Origin: serial.Origin,
			Detail: "mfa_serial " + quote(serial.Text) + " " + why,
		}
	}
	a, isARN := splitARN(serial.Text)
	kind, name, _ := strings.Cut(a.resource, "/")
	switch {
	case strings.Contains(serial.Text, ":u2f/"):
		return bad(SerialFIDO, "is a FIDO key or passkey, which STS cannot use: it takes no code")
	case strings.HasPrefix(serial.Text, "arn:") && !isARN:
		return bad(SerialMalformed, "is not the ARN of an MFA device")
	case isARN && kind == "sms-mfa":
		return bad(SerialMalformed, "is an SMS device, which AWS no longer supports")
	case isARN && kind != "mfa":
		return bad(SerialMalformed, "is the ARN of a "+resourceName(kind)+", not of an MFA device")
	case isARN && (!accountID(a.account) || name == ""):
		return bad(SerialMalformed, "is not the ARN of an MFA device: arn:aws:iam::<12 digits>:mfa/<name>")
	case !all(serial.Text, 1, 256, "+=/:,.@-"):
		return bad(SerialMalformed, "holds characters that no MFA serial has")
	case len(serial.Text) < 9:
		return bad(SerialMalformed, "is too short for a serial")
	case !isARN && !hardware(serial.Text):
		return bad(SerialMalformed, "is neither the ARN of an MFA device nor the number of a hardware token: a user name will not do")
	}
	return nil
}

func resourceName(kind string) string {
	switch kind {
	case "user", "role", "group", "policy":
		return kind
	}
	return "resource"
}

// hardware tells a token's number from a user's name: it has digits, and no
// separators.
func hardware(s string) bool {
	digits := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digits++
		case !word(c) && c != '-':
			return false
		}
	}
	return digits >= 4
}

// tagText accepts what STS does: letters, digits and blanks of any script and
// _.:/=+-@ (AssumeRole, Tag); of what is not ASCII only controls are refused.
func tagText(s string, min, max int) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < utf8.RuneSelf && !word(c) && strings.IndexByte(" .:/=+-@", c) < 0 {
			return false
		}
	}
	n := utf8.RuneCountInString(s)
	return n >= min && n <= max && !controls(s)
}
