package ststest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The AWS Signature Version 4 scheme, as the IAM user guide describes it
// under "Create a signed AWS API request".
const (
	algorithm  = "AWS4-HMAC-SHA256"
	isoBasic   = "20060102T150405Z"
	dateWindow = 5 * time.Minute
)

// signature is what a request claims about its own signing.
type signature struct {
	keyID, day, region, service string
	headers                     []string // names of the signed headers, as listed
	value                       string
	date                        string // X-Amz-Date, or Date, as sent
	token                       string
	presigned                   bool
	lifetime                    time.Duration // of a presigned request
}

// parseSignature reads the Authorization header or the presigned query.
func parseSignature(r *http.Request) (*signature, *refusal) {
	query := r.URL.Query()
	if query.Get("X-Amz-Algorithm") != "" {
		return parsePresigned(query)
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, refuse(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	scheme, rest, _ := strings.Cut(header, " ")
	if scheme != algorithm {
		return nil, refuse(http.StatusBadRequest, "IncompleteSignature", "Unsupported AWS 'algorithm': '"+scheme+"'.")
	}
	fields := map[string]string{}
	for _, part := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	g := &signature{value: fields["Signature"], token: r.Header.Get("X-Amz-Security-Token"), date: or(r.Header.Get("X-Amz-Date"), r.Header.Get("Date"))}
	return g.complete(fields["Credential"], fields["SignedHeaders"], "Authorization header")
}

func parsePresigned(query url.Values) (*signature, *refusal) {
	if a := query.Get("X-Amz-Algorithm"); a != algorithm {
		return nil, refuse(http.StatusBadRequest, "IncompleteSignature", "Unsupported AWS 'algorithm': '"+a+"'.")
	}
	seconds, err := strconv.Atoi(query.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || seconds > 604800 {
		seconds = int(dateWindow / time.Second)
	}
	g := &signature{value: query.Get("X-Amz-Signature"), token: query.Get("X-Amz-Security-Token"), date: query.Get("X-Amz-Date"), presigned: true, lifetime: time.Duration(seconds) * time.Second}
	return g.complete(query.Get("X-Amz-Credential"), query.Get("X-Amz-SignedHeaders"), "AWS query-string parameters")
}

// complete fills in the scope and the signed headers, or says all that is missing.
func (g *signature) complete(credential, signedHeaders, where string) (*signature, *refusal) {
	var missing []string
	for _, f := range [][2]string{{"Credential", credential}, {"Signature", g.value}, {"SignedHeaders", signedHeaders}} {
		if f[1] == "" {
			missing = append(missing, where+" requires '"+f[0]+"' parameter.")
		}
	}
	if g.date == "" {
		missing = append(missing, where+" requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if len(missing) > 0 {
		return nil, refuse(http.StatusBadRequest, "IncompleteSignature", strings.Join(missing, " "))
	}
	scope := strings.Split(credential, "/")
	if len(scope) != 5 {
		return nil, refuse(http.StatusBadRequest, "IncompleteSignature", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '"+credential+"'")
	}
	if scope[4] != "aws4_request" {
		return nil, refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped with a valid terminator: 'aws4_request', not '"+scope[4]+"'.")
	}
	g.keyID, g.day, g.region, g.service = scope[0], scope[1], scope[2], scope[3]
	g.headers = strings.Split(signedHeaders, ";")
	return g, nil
}

// checkScope holds the scope against the service that was called, and the
// list of signed headers against those that must be in it.
func (g *signature) checkScope(r *http.Request, service string) *refusal {
	if !validRegion(g.region) {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped to a valid region. ")
	}
	if g.service != service {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped to correct service: '"+service+"'. ")
	}
	if !slices.Contains(g.headers, "host") {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !slices.Contains(g.headers, lower) {
			return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "'"+name+"' must be a 'SignedHeader' in the AWS Authorization.")
		}
	}
	return nil
}

// validRegion admits the names that regions have: letters first, then digits and hyphens.
func validRegion(region string) bool {
	for i, c := range []byte(region) {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return region != "" && len(region) <= 63
}

// checkDate holds the request's date against the server's clock.
func (g *signature) checkDate(now time.Time) *refusal {
	at, err := time.Parse(isoBasic, g.date)
	if err != nil {
		if at, err = http.ParseTime(g.date); err != nil {
			return refuse(http.StatusBadRequest, "IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got '"+g.date+"'. See http://en.wikipedia.org/wiki/ISO_8601")
		}
	}
	sent := at.UTC().Format(isoBasic)
	if day := sent[:8]; day != g.day {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+g.day+"' != '"+day+"', from '"+sent+"'.")
	}
	old := dateWindow
	if g.presigned {
		old = g.lifetime
	}
	now = now.UTC().Truncate(time.Second)
	if edge := now.Add(-old); at.Before(edge) {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Signature expired: "+sent+" is now earlier than "+edge.Format(isoBasic)+" ("+now.Format(isoBasic)+" - "+strconv.Itoa(int(old/time.Minute))+" min.)")
	}
	if edge := now.Add(dateWindow); at.After(edge) {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Signature not yet current: "+sent+" is still later than "+edge.Format(isoBasic)+" ("+now.Format(isoBasic)+" + 5 min.)")
	}
	return nil
}

// matches computes the signature anew and compares.
func (g *signature) matches(secret string, r *http.Request, body []byte) bool {
	want := g.sign(secret, canonicalRequest(r, g, body))
	return subtle.ConstantTimeCompare([]byte(want), []byte(g.value)) == 1
}

// sign is the last half of the scheme: string to sign, derived key, signature.
func (g *signature) sign(secret, canonical string) string {
	at, err := time.Parse(isoBasic, g.date)
	if err != nil {
		at, _ = http.ParseTime(g.date)
	}
	scope := g.day + "/" + g.region + "/" + g.service + "/aws4_request"
	text := algorithm + "\n" + at.UTC().Format(isoBasic) + "\n" + scope + "\n" + hexHash([]byte(canonical))
	k := []byte("AWS4" + secret)
	for _, part := range []string{g.day, g.region, g.service, "aws4_request"} {
		k = mac(k, part)
	}
	return hex.EncodeToString(mac(k, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// canonicalRequest writes the request in the one form that both sides hash.
func canonicalRequest(r *http.Request, g *signature, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range g.headers {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(g.headers, ";") + "\n" + hexHash(body))
	return b.String()
}

// canonicalPath encodes the path twice, as every service but S3 does.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	segments := strings.Split(path, "/")
	for i := range segments {
		segments[i] = encode(segments[i])
	}
	return strings.Join(segments, "/")
}

// canonicalQuery sorts the encoded pairs; the signature cannot sign itself.
func canonicalQuery(raw string) string {
	var pairs []string
	for _, pair := range strings.Split(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || name == "X-Amz-Signature" {
			continue
		}
		// NUL sorts before every encoded character, so a name's pairs stay together.
		pairs = append(pairs, encode(name)+"\x00"+encode(value))
	}
	slices.Sort(pairs)
	return strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")
}

// encode is RFC 3986: all but the unreserved characters, capital hex digits.
func encode(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}

// headerValue finds the header, also those that net/http keeps elsewhere.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := r.Header.Values(name)
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.Join(strings.FieldsFunc(v, func(c rune) bool { return c == ' ' }), " ")
	}
	return strings.Join(trimmed, ",")
}
