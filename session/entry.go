package session

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"awsmfa/credentials"
	"awsmfa/internal/digest"
)

// Entry is what the cache keeps of one step: the credentials and what is
// needed to judge them later.
type Entry struct {
	Key         Key
	Family      Key // Key without the duration
	Kind        StepKind
	Credentials credentials.Credentials
	Obtained    time.Time     // local clock
	Granted     time.Duration // the lifetime that AWS gave
	Source      string        // access key id of the source, "" when it has none; for people
	Serial      string        // MFA device, for people
	RoleARN     string        // for people
}

const (
	entryHeader = "awsmfa session 1"
	// maxEntry bounds a file in bytes: a session token of any length that
	// credentials.New takes, and the rest.
	maxEntry = credentials.MaxTokenLength + 8<<10
	// clockSlack is for clocks that differ: AWS takes signatures that are off by
	// five minutes.
	clockSlack = 5 * time.Minute
	// maxLifetime: nothing that AWS grants lives longer than 36 h.
	maxLifetime = MaxSessionDuration + clockSlack
)

// ErrDamaged means that an entry cannot be trusted: it counts as missing.
var ErrDamaged = errors.New("cache entry is damaged")

var entryNames = [...]string{"key", "family", "kind", "access_key_id", "secret_access_key", "session_token",
	"expires", "obtained", "granted", "source", "serial", "role_arn"}

func (e Entry) values() [len(entryNames)]string {
	c := e.Credentials
	return [...]string{e.Key.String(), e.Family.String(), strconv.Itoa(int(e.Kind)),
		c.AccessKeyID(), c.SecretAccessKey(), c.SessionToken(),
		strconv.FormatInt(c.Expires().Unix(), 10), strconv.FormatInt(e.Obtained.UnixNano(), 10),
		strconv.FormatInt(int64(e.Granted/time.Second), 10), e.Source, e.Serial, e.RoleARN}
}

// encode writes the entry as lines of key=value, ended by a checksum that
// tells a torn or flipped file from a whole one.
func (e Entry) encode() []byte {
	values := e.values()
	size := len(entryHeader+"\n"+"sum=\n") + digest.Size // exact: memory of another size is another page
	for i, name := range entryNames {
		size += len(name) + len(values[i]) + len("=\n")
	}
	b := append(make([]byte, 0, size), entryHeader+"\n"...)
	for i, name := range entryNames {
		b = append(append(b, name...), '=')
		b = append(append(b, strings.ReplaceAll(values[i], "\n", " ")...), '\n')
	}
	sum := checksum(b)
	b = append(append(b, "sum="...), sum[:]...)
	return append(b, '\n')
}

// checksum is an array, which takes no memory of its own.
func checksum(text []byte) (sum [digest.Size]byte) {
	full := digest.Sum256(text)
	digest.AppendHex(sum[:0], full[:digest.Size/2])
	return sum
}

// decode reads what encode wrote, and nothing else: writing the entry again,
// checksum included, must give the same text.
func decode(text string) (Entry, error) {
	rest, found := strings.CutPrefix(text, entryHeader+"\n")
	if !found {
		return Entry{}, ErrDamaged
	}
	var v [len(entryNames)]string
	for i, name := range entryNames {
		line, more, found := strings.Cut(rest, "\n")
		value, named := strings.CutPrefix(line, name+"=")
		if !found || !named {
			return Entry{}, ErrDamaged
		}
		v[i], rest = value, more
	}
	e, err := fromValues(v)
	if err != nil || string(e.encode()) != text {
		return Entry{}, ErrDamaged
	}
	return e, nil
}

func fromValues(v [len(entryNames)]string) (Entry, error) {
	var e Entry
	kind, err1 := strconv.Atoi(v[2])
	expires, err2 := strconv.ParseInt(v[6], 10, 64)
	obtained, err3 := strconv.ParseInt(v[7], 10, 64)
	granted, err4 := strconv.ParseInt(v[8], 10, 32)
	creds, err5 := credentials.New(v[3], v[4], v[5], time.Unix(expires, 0).UTC())
	e.Kind, e.Credentials = StepKind(kind), creds
	if errors.Join(err1, err2, err3, err4, err5, parseKey(&e.Key, v[0]), parseKey(&e.Family, v[1])) != nil ||
		e.Kind != StepSession && e.Kind != StepRole {
		return Entry{}, ErrDamaged
	}
	e.Obtained, e.Granted = time.Unix(0, obtained), time.Duration(granted)*time.Second
	e.Source, e.Serial, e.RoleARN = v[9], v[10], v[11]
	return e, nil
}

// plausible refuses what no honest answer looks like at now: dated in the
// future (the clock was ahead then, so nothing can be said about it), or
// longer than AWS ever grants. Whether the expiry makes sense shows only where
// AWS's clock is known: absurd.
func (e Entry) plausible(now time.Time) bool {
	return !e.Obtained.After(now.Add(5*time.Second)) && e.Granted > 0 && e.Granted <= maxLifetime
}

// absurd: more is left than was ever granted.
func (e Entry) absurd(now time.Time, offset time.Duration) bool {
	return e.Remaining(now, offset) > e.Granted+clockSlack
}

// Remaining is how long the entry is still good: against the local clock or
// the one corrected by offset (server minus local), whichever leaves less.
func (e Entry) Remaining(now time.Time, offset time.Duration) time.Duration {
	return e.Credentials.Expires().Sub(now.Add(max(offset, 0)))
}
