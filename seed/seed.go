package seed

import (
	"crypto/subtle"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"awsmfa/internal/text"
)

// Seed is the secret that an MFA device and AWS share, with the names that came
// with it. The zero value is no seed.
type Seed struct{ held func() held }

// held lies behind a function, so that whatever walks through values with
// reflection finds an address there and nothing else.
type held struct{ secret, issuer, label string }

func hold(h held) Seed { return Seed{func() held { return h }} }

func (s Seed) get() held {
	if s.held == nil {
		return held{}
	}
	return s.held()
}

// IsZero reports whether s holds nothing.
func (s Seed) IsZero() bool { return s.held == nil }

// Issuer names the service that the seed is for, as the URI said; "" when it
// did not. It is foreign text: without control characters, and otherwise
// anything.
func (s Seed) Issuer() string { return s.get().issuer }

// Label names the account at the issuer, without the issuer; "" when there is
// none. It is foreign text like the issuer.
func (s Seed) Label() string { return s.get().label }

// Named is the same seed under other names.
func (s Seed) Named(issuer, label string) Seed {
	h := s.get()
	h.issuer, h.label = fit(issuer, maxIssuer), fit(label, maxLabel)
	return hold(h)
}

// ForAnotherService reports that the seed came with the name of an issuer that
// is not AWS. Its codes are then hardly what an MFA device of AWS gives, which
// is a reason to warn.
func (s Seed) ForAnotherService() bool {
	switch strings.ToLower(s.Issuer()) {
	case "", "amazon web services", "aws":
		return false
	}
	return true
}

// secret is the seed in one form of its many: upper-case base32, no padding.
func (s Seed) secret() string { return s.get().secret }

// same compares the secrets alone, in a time that does not depend on them.
func (s Seed) same(other Seed) bool {
	return !s.IsZero() && !other.IsZero() &&
		subtle.ConstantTimeCompare([]byte(s.secret()), []byte(other.secret())) == 1
}

// stored is the text that a store keeps: a URI, so that the names stay with
// the secret. It has at most maxStored bytes.
func (s Seed) stored() string { return s.URI(s.Issuer(), s.Label()) }

// maxStored bounds what stored returns, in bytes: a credential of Windows holds
// 2,560.
const maxStored = 2100

// fromStored is the way back from stored. It takes nothing else than what
// stored writes, so damage is not read as another seed.
func fromStored(kept []byte) (Seed, error) {
	s, err := Parse(kept)
	if err != nil {
		return Seed{}, err
	}
	if subtle.ConstantTimeCompare([]byte(s.stored()), kept) != 1 {
		return Seed{}, errNotAsStored
	}
	return s, nil
}

var errNotAsStored = &ParseError{Why: "the stored seed is not as it was written", Hint: hintAgain}

// URI is the seed as authenticator apps read it, under these names. This shows
// the secret: it is for export, and for a phone beside this machine.
func (s Seed) URI(issuer, label string) string {
	if s.IsZero() {
		return ""
	}
	issuer, label = fit(issuer, maxIssuer), fit(label, maxLabel)
	query := "?secret=" + s.secret()
	if issuer != "" {
		query += "&issuer=" + strings.ReplaceAll(url.QueryEscape(issuer), "+", "%20")
	}
	// A colon parts the issuer from the label, so a label with one of its own
	// needs one before it even where there is no issuer.
	if issuer != "" || strings.Contains(label, ":") {
		label = issuer + ":" + label
	}
	return "otpauth://totp/" + url.PathEscape(label) + query
}

// fit makes a name such that Parse takes it: clean, and of at most max bytes.
func fit(name string, max int) string {
	name = strings.TrimSpace(text.Clean(name, max))
	for len(name) > max {
		_, size := utf8.DecodeLastRuneInString(name)
		name = strings.TrimSpace(name[:len(name)-size])
	}
	return name
}

// String hides the seed.
func (s Seed) String() string {
	if s.IsZero() {
		return "seed(none)"
	}
	return "seed(hidden)"
}

// GoString hides the seed from %#v.
func (s Seed) GoString() string { return s.String() }

// Format hides the seed from every verb of package fmt.
func (s Seed) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText hides the seed from encoders and from log/slog, which prefer it
// to fields.
func (s Seed) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
