package mfa

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Digits is the length of a token code: STS takes exactly six digits.
const Digits = 6

// ErrCodeFormat is wrapped by every refusal of a text that is no token code.
// The refusals say what is wrong with the text and never repeat it.
var ErrCodeFormat = errors.New("a code is six digits")

// Errors of FindCode.
var (
	ErrNoDigits     = errors.New("no code of six digits in it")
	ErrSeveralCodes = errors.New("more than one code of six digits in it")
)

// Code is a token code: six digits. It hides itself from fmt, slog and JSON;
// only Text gives the digits away.
type Code struct {
	// A function, not a pointer: as part of another struct, which hides our
	// methods from fmt, %s and %q of a pointer print what it points at.
	digits func() string
	step   int64     // that it was generated for, 0 when it was not
	until  time.Time // see Until
}

// Until is the instant, on this machine's clock, at which the code's own step
// ends; it must not leave after that. It is zero for a code that was not
// generated here: nobody knows when that was made.
func (c Code) Until() time.Time { return c.until }

// Text returns the digits, "" for the zero Code. It is for the request that
// spends the code.
func (c Code) Text() string {
	if c.digits == nil {
		return ""
	}
	return c.digits()
}

// IsZero reports whether c holds no code.
func (c Code) IsZero() bool { return c.digits == nil }

// String hides the digits.
func (c Code) String() string {
	if c.IsZero() {
		return "code(none)"
	}
	return "code(hidden)"
}

// GoString hides the digits from %#v.
func (c Code) GoString() string { return c.String() }

// MarshalText hides the digits from encoders, which prefer it to fields.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func newCode(digits string) Code {
	return Code{digits: func() string { return digits }}
}

// ParseCode reads a code as people type it: six ASCII digits, with blanks
// anywhere, since authenticators show "123 456". Digits of other scripts are
// refused rather than translated: STS takes 0 to 9 alone, and a guess would
// spend a try.
func ParseCode(s string) (Code, error) {
	var digits []byte
	for _, r := range s {
		switch {
		case r == ' ' || r == '\t' || r == '\r' || r == '\n':
		case '0' <= r && r <= '9':
			digits = append(digits, byte(r))
		case unicode.IsDigit(r):
			return Code{}, fmt.Errorf("%w from 0 to 9", ErrCodeFormat)
		default:
			return Code{}, fmt.Errorf("%w, nothing else", ErrCodeFormat)
		}
	}
	switch len(digits) {
	case Digits:
		return newCode(string(digits)), nil
	case 0:
		return Code{}, fmt.Errorf("%w, this is empty", ErrCodeFormat)
	}
	return Code{}, fmt.Errorf("%w, this has %d", ErrCodeFormat, len(digits))
}

// FindCode takes the code out of what a program printed: the only run of
// exactly six digits ("976249 lasts 24s"), or "123 456" and nothing else. A
// run that is part of a longer number does not count, and two different runs
// are refused: trying the wrong one would cost the user a lockout.
func FindCode(noisy string) (Code, error) {
	if s := strings.TrimSpace(noisy); len(s) == Digits+1 && s[3] == ' ' {
		if c, err := ParseCode(s); err == nil {
			return c, nil
		}
	}
	found := ""
	for i := 0; i < len(noisy); {
		n := digitRun(noisy[i:])
		if n == Digits && standsAlone(noisy[:i], noisy[i+n:]) {
			run := noisy[i : i+n]
			if found != "" && found != run {
				return Code{}, ErrSeveralCodes
			}
			found = run
		}
		i += max(n, 1)
	}
	if found == "" {
		return Code{}, ErrNoDigits
	}
	return newCode(found), nil
}

func digitRun(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// standsAlone reports whether the number between before and after ends there:
// "0.123456", "1,123456" and a run that goes on in the digits of another script
// are longer numbers. A full stop that ends a sentence is not.
func standsAlone(before, after string) bool {
	last, n := utf8.DecodeLastRuneInString(before)
	if separates(last) {
		last, _ = utf8.DecodeLastRuneInString(before[:len(before)-n])
	}
	next, n := utf8.DecodeRuneInString(after)
	if separates(next) {
		next, _ = utf8.DecodeRuneInString(after[n:])
	}
	return !unicode.IsDigit(last) && !unicode.IsDigit(next)
}

func separates(r rune) bool { return r == '.' || r == ',' }
