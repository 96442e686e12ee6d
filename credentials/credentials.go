// Package credentials holds one set of AWS credentials and its written forms.
//
// A Credentials value keeps its text inside a function and hides itself from
// fmt, slog and JSON, so that it cannot reach a log or an error by accident.
// Start with New, which refuses anything outside the classes of characters
// that AWS issues: what passes may be printed for a shell to run.
package credentials

import (
	"errors"
	"strconv"
	"time"
)

// MaxTokenLength is the longest session token that is accepted, in bytes. STS
// takes back at most 20,000 and sets no limit on what it issues; the bound
// only keeps a broken answer from filling a shell's environment.
const MaxTokenLength = 64 << 10

// Credentials is an access key: long-term when it has no session token,
// temporary otherwise. The zero value holds nothing.
type Credentials struct {
	// A function, not a pointer: of a struct that holds Credentials unexported,
	// fmt's %s prints what a pointer points at without asking for String.
	text func() text
}

type text struct {
	id, secret, token string
	expires           time.Time
}

// Errors of New. They never hold the refused text.
var (
	ErrAccessKeyID     = errors.New("access key id is not 16 to 128 letters and digits")
	ErrSecretAccessKey = errors.New("secret access key holds characters that AWS never issues")
	ErrSessionToken    = errors.New("session token holds characters that AWS never issues")
)

// New makes credentials from their parts, refusing any character that AWS
// does not issue (access key ids are [\w]{16,128}, STS API reference; secrets
// and tokens are base64 text). A zero expiry means that they do not expire.
func New(accessKeyID, secretAccessKey, sessionToken string, expires time.Time) (Credentials, error) {
	if len(accessKeyID) < 16 || len(accessKeyID) > 128 || !all(accessKeyID, isAlphanumeric) {
		return Credentials{}, ErrAccessKeyID
	}
	if secretAccessKey == "" || len(secretAccessKey) > 256 || !all(secretAccessKey, isBase64) {
		return Credentials{}, ErrSecretAccessKey
	}
	if len(sessionToken) > MaxTokenLength || !all(sessionToken, isBase64) {
		return Credentials{}, ErrSessionToken
	}
	t := text{accessKeyID, secretAccessKey, sessionToken, expires}
	return Credentials{func() text { return t }}, nil
}

func all(s string, class func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !class(s[i]) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
}

// isBase64 takes both base64 alphabets: a secret in either is inert in every shell.
func isBase64(c byte) bool {
	return isAlphanumeric(c) || c == '+' || c == '/' || c == '=' || c == '-' || c == '_'
}

func (c Credentials) get() text {
	if c.text == nil {
		return text{}
	}
	return c.text()
}

// AccessKeyID returns the access key id, which is not a secret.
func (c Credentials) AccessKeyID() string { return c.get().id }

// SecretAccessKey returns the secret itself. Only what writes it where the
// user asked for it, or signs with it, may call this.
func (c Credentials) SecretAccessKey() string { return c.get().secret }

// SessionToken returns the token, or "" for a long-term key.
func (c Credentials) SessionToken() string { return c.get().token }

// Expires returns the instant, by the server's clock, at which AWS stops
// accepting the credentials; zero when they do not expire.
func (c Credentials) Expires() time.Time { return c.get().expires }

// IsZero reports whether c holds nothing.
func (c Credentials) IsZero() bool { return c.text == nil }

// Temporary reports whether c came from STS: it has a session token, or an
// access key id of the kind that only STS issues (IAM user guide,
// "Understanding unique ID prefixes").
func (c Credentials) Temporary() bool {
	return c.SessionToken() != "" || len(c.AccessKeyID()) > 4 && c.AccessKeyID()[:4] == "ASIA"
}

// String hides the value.
func (c Credentials) String() string {
	if c.IsZero() {
		return "credentials(none)"
	}
	return "credentials(" + c.AccessKeyID() + ", hidden)"
}

// GoString hides the value from %#v.
func (c Credentials) GoString() string { return c.String() }

// MarshalText hides the value from encoders, which prefer it to fields.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// ExpiryText is the expiry as every SDK reads it: RFC 3339 in UTC with whole
// seconds and a Z; "" when there is none. botocore fails on any other form.
func (c Credentials) ExpiryText() string {
	if c.Expires().IsZero() {
		return ""
	}
	return c.Expires().UTC().Format("2006-01-02T15:04:05Z")
}

// ProcessJSON is the answer of a credential_process: one JSON object with a
// numeric Version (AWS SDKs and Tools Reference Guide, "Process credential
// provider") and a final newline. New let nothing through that JSON would
// have to escape.
func (c Credentials) ProcessJSON() []byte {
	t := c.get()
	b := make([]byte, 0, 192+len(t.id)+len(t.secret)+len(t.token)) // grown, it would take memory of many sizes
	b = append(b, `{"Version":1`...)
	b = appendField(b, "AccessKeyId", c.AccessKeyID())
	b = appendField(b, "SecretAccessKey", c.SecretAccessKey())
	b = appendField(b, "SessionToken", c.SessionToken())
	b = appendField(b, "Expiration", c.ExpiryText())
	return append(b, "}\n"...)
}

func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = strconv.AppendQuote(append(b, ','), name)
	return strconv.AppendQuote(append(b, ':'), value)
}
