package session

import (
	"strconv"
	"strings"
	"time"

	"awsmfa/internal/digest"
	"awsmfa/profile"
)

// Key names a cache entry: a SHA-256 over everything that changes the answer
// of AWS, and over nothing else (never the profile's name, never the region).
// An edited role or a rotated key is therefore another entry, and two source
// profiles with one role never share one.
type Key [digest.Size]byte

// String is the key's file name.
func (k Key) String() string { return digest.Hex(k[:]) }

const hexDigits = "0123456789abcdef"

// parseKey reads what String writes.
func parseKey(k *Key, s string) error {
	if len(s) != 2*len(k) {
		return ErrDamaged
	}
	for i := range k {
		high, low := strings.IndexByte(hexDigits, s[2*i]), strings.IndexByte(hexDigits, s[2*i+1])
		if high < 0 || low < 0 {
			return ErrDamaged
		}
		k[i] = byte(high<<4 | low)
	}
	return nil
}

// fields collects what goes into a key. Each is written with its length, so
// that no two lists of fields read the same.
type fields []byte

// plainFields is room enough for nearly all: grown step by step, they would
// take pages of memory of each size.
const plainFields = 1 << 10

func (f *fields) add(values ...string) {
	for _, v := range values {
		*f = strconv.AppendInt(*f, int64(len(v)), 10)
		*f = append(append(*f, ':'), v...)
	}
}

func (f *fields) list(values []string) {
	f.add(strconv.Itoa(len(values)))
	f.add(values...)
}

func (f fields) key() Key { return digest.Sum256(f) }

// sourceFields begin every key: whose credentials, which device, where to. The
// partition is the device's. A role brings its own with its ARN, and were it
// put here, a key profile with a hardware token, whose serial number names no
// partition, would not share its session with its roles.
func sourceFields(p *Plan) fields {
	var f fields
	f.add("awsmfa 1", p.sourceText(), p.serialField(), profile.PartitionOf(p.MFASerial.Text), p.Endpoint)
	return f
}

// serialField keeps a session without MFA apart from one with a device that
// is merely unknown.
func (p *Plan) serialField() string {
	if p.NoMFA {
		return "no-mfa"
	}
	return "mfa:" + p.MFASerial.Text
}

// sourceText identifies the source: its access key id, or the command or
// settings that it comes from, with what of the environment they follow.
func (p *Plan) sourceText() string {
	switch p.Source.Kind {
	case profile.SourceKeys, profile.SourceSession:
		return "key:" + p.Source.Keys.AccessKeyID()
	}
	var f fields
	f.add(strconv.Itoa(int(p.Source.Kind)), p.Source.Text.Text, p.Source.Context)
	return "text:" + string(f)
}

// roleFields add one hop. Durations up to an hour share an entry; a longer one
// is its own, since it was asked for to outlive the others.
func (f *fields) roleFields(r profile.Role, sessionName string, d time.Duration) {
	f.add("role", r.ARN.Text, sessionName, r.ExternalID.Text, r.SourceIdentity.Text, durationClass(d))
	f.list(r.PolicyARNs)
	f.add(strconv.Itoa(len(r.Tags)))
	for _, t := range r.Tags {
		f.add(t.Key, t.Value)
	}
	f.list(r.TransitiveTags)
}

func durationClass(d time.Duration) string {
	if d <= MaxChainedDuration {
		return "short"
	}
	return strconv.Itoa(int(d / time.Second))
}
