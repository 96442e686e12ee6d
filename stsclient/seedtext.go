package stsclient

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Bounds of a seed's text. AWS sends 64 characters; RFC 4226 asks for 128 bits,
// and what is far longer is no seed.
const (
	minSeedText = 16
	maxSeedText = 256
)

const hiddenSeed = "(seed not shown)"

// SeedText is the base32 text of a new device's seed. Printing shows nothing
// of it, whatever the verb: the text stands behind a pointer and Format takes
// every verb. Bytes is the one way to it.
type SeedText struct{ p *seedText }

type seedText struct{ base32 []byte }

// Bytes returns a copy of the base32 text; nil when there is none.
func (s SeedText) Bytes() []byte {
	if s.p == nil {
		return nil
	}
	return append([]byte(nil), s.p.base32...)
}

// IsZero tells whether there is no seed.
func (s SeedText) IsZero() bool { return s.p == nil }

// String shows that there is a seed, not which.
func (s SeedText) String() string { return hiddenSeed }

// GoString is String for %#v.
func (s SeedText) GoString() string { return hiddenSeed }

// Format is String for every verb.
func (s SeedText) Format(f fmt.State, _ rune) { io.WriteString(f, hiddenSeed) }

// MarshalText is String for encoders.
func (s SeedText) MarshalText() ([]byte, error) { return []byte(hiddenSeed), nil }

// LogValue is String for slog.
func (s SeedText) LogValue() slog.Value { return slog.StringValue(hiddenSeed) }

// decodeSeed undoes the base64 that AWS wraps around the base32 text.
func decodeSeed(wrapped string) (SeedText, error) {
	wrapped = strings.TrimSpace(wrapped)
	if len(wrapped) > base64.StdEncoding.EncodedLen(maxSeedText) {
		return SeedText{}, errBadSeed
	}
	text, err := base64.StdEncoding.DecodeString(wrapped)
	if err != nil || !isBase32(text) {
		return SeedText{}, errBadSeed
	}
	return SeedText{&seedText{text}}, nil
}

// isBase32 takes capital base32 with or without padding at its end.
func isBase32(text []byte) bool {
	letters := strings.TrimRight(string(text), "=")
	if len(letters) < minSeedText || len(text) > maxSeedText || len(text)-len(letters) > 6 {
		return false
	}
	for i := 0; i < len(letters); i++ {
		if c := letters[i]; !('A' <= c && c <= 'Z' || '2' <= c && c <= '7') {
			return false
		}
	}
	return true
}
