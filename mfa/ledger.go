package mfa

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"awsmfa/internal/privatefile"
)

const (
	// stepLength is the life of a code (RFC 6238 section 4.1; AWS devices use
	// its default).
	stepLength = 30 * time.Second
	// keep is how long a spent code is remembered: far longer than the three
	// steps in which AWS would take it, short enough to keep the file small.
	keep = 5 * time.Minute
	// keepAlways is how many are remembered whatever the clock says.
	keepAlways = 4
	// maxLedger bounds the file, in bytes. Five minutes hold about ten codes
	// of 90 bytes; a larger file is not ours.
	maxLedger = 64 << 10

	ledgerHeader = "awsmfa-ledger 1"
	saltLength   = 16 // bytes
)

// ErrLedgerDamaged is wrapped by a LedgerError when the file's text makes no
// sense. What it remembered is lost; Record starts it anew.
var ErrLedgerDamaged = errors.New("damaged, starting a new one")

// LedgerError says that the ledger could not be used. It is a reason to warn,
// not to stop: AWS refuses a repeated code too, only less kindly.
type LedgerError struct {
	Action string // "reading" or "writing"
	Path   string
	Err    error
}

func (e *LedgerError) Error() string {
	return fmt.Sprintf("%s the record of used codes %q: %v", e.Action, e.Path, privatefile.Bare(e.Err))
}

func (e *LedgerError) Unwrap() error { return e.Err }

// Ledger remembers which codes were spent, one small private file for each
// device. The caller holds the device lock; where there is none to hold, two
// writers may lose an entry of this file to each other, and what keeps a code
// from going twice is its claim: a file named by its digest, which can be made
// once. Membership alone decides, never a time, so no clock that was set, or
// found to be off, makes a code new again or blocks another.
type Ledger struct {
	dir    string
	now    func() time.Time
	offset func() time.Duration
}

// OpenLedger returns the ledger kept below dir, the state directory. Nothing
// is touched yet. The clock is this machine's own; by the offset, AWS's clock
// minus ours as far as it is known, users are told only how long to wait.
func OpenLedger(dir string, now func() time.Time, offset func() time.Duration) *Ledger {
	return &Ledger{filepath.Join(dir, "ledger"), now, offset}
}

// Spent reports whether the code is on record for this device, and how long
// the device shows the same code still. An error is a *LedgerError, and means
// that nothing is known.
func (l *Ledger) Spent(serial string, c Code) (wait time.Duration, spent bool, err error) {
	b, err := l.read(serial)
	if err != nil {
		return 0, false, err
	}
	if !b.has(b.digest(serial, c)) {
		return 0, false, nil
	}
	return l.untilNextStep(), true, nil
}

// Claim puts the code on record unless it is there already; then it says, as
// Spent does, how long to wait for another. Of many that claim one code at a
// time, locks or not, one gets it. With an error, a *LedgerError, and not
// spent, the record is not what it should be.
func (l *Ledger) Claim(serial string, c Code) (wait time.Duration, spent bool, err error) {
	wait, spent, err = l.Spent(serial, c)
	if spent {
		return wait, true, err
	}
	first, claimErr := l.claim(serial, c)
	if claimErr == nil && !first {
		return l.untilNextStep(), true, err
	}
	recordErr := l.Record(serial, c)
	for _, e := range []error{recordErr, claimErr} {
		if err == nil {
			err = e
		}
	}
	return 0, false, err
}

// claim makes the code's file. One that is too old to be about this code is in
// the way: a code comes again after a million others.
func (l *Ledger) claim(serial string, c Code) (first bool, err error) {
	if err := privatefile.EnsureDir(l.dir); err != nil {
		return false, &LedgerError{"writing", l.dir, err}
	}
	l.sweep()
	path := l.claimPath(serial, c)
	first, err = privatefile.Create(path)
	if err != nil {
		return false, &LedgerError{"writing", path, err}
	}
	if first {
		os.Chtimes(path, l.now(), l.now()) // our clock may not be the file system's
	}
	return first, nil
}

const claimPrefix = "claim-"

// claimPath hides the code no better than the record does, see digest.
func (l *Ledger) claimPath(serial string, c Code) string {
	sum := sha256.Sum256([]byte("claim\x00" + serial + "\x00" + c.Text()))
	return filepath.Join(l.dir, claimPrefix+hex.EncodeToString(sum[:]))
}

// sweep removes the claims whose time is over.
func (l *Ledger) sweep() {
	files, err := os.ReadDir(l.dir)
	if err != nil {
		return
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), claimPrefix) {
			continue
		}
		if info, err := f.Info(); err == nil && !(entry{time: info.ModTime().Unix()}).recent(l.now()) {
			privatefile.Remove(filepath.Join(l.dir, f.Name()))
		}
	}
}

// Record remembers the code as spent, with the step that it was generated for;
// call it before the code leaves. A file that cannot be read is replaced; an
// error is a *LedgerError.
func (l *Ledger) Record(serial string, c Code) error {
	b, err := l.read(serial)
	if err != nil {
		b = newBook()
	}
	now := l.now()
	b.prune(now)
	b.entries = append(b.entries, entry{b.digest(serial, c), max(now.Unix(), 0), max(c.step, 0)})
	if err := privatefile.EnsureDir(l.dir); err != nil {
		return &LedgerError{"writing", l.dir, err} // the directory is what to mend
	}
	if err := privatefile.Write(l.path(serial), b.text()); err != nil {
		return &LedgerError{"writing", l.path(serial), err}
	}
	return nil
}

// path names the file by a digest: a serial holds slashes and more.
func (l *Ledger) path(serial string) string {
	sum := sha256.Sum256([]byte(serial))
	return filepath.Join(l.dir, hex.EncodeToString(sum[:]))
}

func (l *Ledger) read(serial string) (*book, error) {
	path := l.path(serial)
	data, err := privatefile.Read(path, maxLedger)
	if errors.Is(err, fs.ErrNotExist) {
		return newBook(), nil
	}
	var b *book
	if err == nil {
		b, err = parseBook(string(data))
	}
	if err != nil {
		return nil, &LedgerError{"reading", path, err}
	}
	return b, nil
}

func (l *Ledger) untilNextStep() time.Duration {
	now := l.now().Add(l.offset())
	const n = int64(stepLength)
	past := (now.Unix()%30*int64(time.Second) + int64(now.Nanosecond())) % n
	return time.Duration(n - (past+n)%n)
}

// book is the text of one ledger file:
//
//	awsmfa-ledger 1
//	salt <32 hex digits>
//	<64 hex digits> <unix time> <step>
//	end
//
// The last line tells a whole file from a torn one.
type book struct {
	salt    []byte
	entries []entry
}

type entry struct {
	digest string
	time   int64
	step   int64
}

func newBook() *book {
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails: it ends the program instead
	return &book{salt: salt}
}

// digest stands for the code in the file. There are only a million codes, so
// whoever can read the file finds the code by trying them all, and no digest
// can change that: the mode of the file protects it, and its age makes it
// worthless. The salt only makes the same code look different for two devices
// or two files, and spares no reader more than a prepared table.
func (b *book) digest(serial string, c Code) string {
	h := hmac.New(sha256.New, b.salt)
	h.Write([]byte(serial))
	h.Write([]byte{0}) // no serial holds it, so no other pair gives these bytes
	h.Write([]byte(c.Text()))
	return hex.EncodeToString(h.Sum(nil))
}

func (b *book) has(digest string) bool {
	for _, e := range b.entries {
		if e.digest == digest {
			return true
		}
	}
	return false
}

// recent measures the distance to now in both directions: an entry from the
// future was written by a clock that was ahead, and would otherwise stay.
func (e entry) recent(now time.Time) bool {
	const limit = int64(keep / time.Second)
	age := now.Unix() - e.time
	return -limit <= age && age <= limit
}

// prune forgets what is old, but for the last few: where the clock was set
// meanwhile, only the order of the entries tells that they are new. One of
// them comes up by chance once in some hundred thousand codes.
func (b *book) prune(now time.Time) {
	var kept []entry
	for i, e := range b.entries {
		if e.recent(now) || i >= len(b.entries)-keepAlways {
			kept = append(kept, e)
		}
	}
	b.entries = kept
}

func (b *book) text() []byte {
	var s strings.Builder
	fmt.Fprintf(&s, "%s\nsalt %x\n", ledgerHeader, b.salt)
	for _, e := range b.entries {
		fmt.Fprintf(&s, "%s %d %d\n", e.digest, e.time, e.step)
	}
	s.WriteString("end\n")
	return []byte(s.String())
}

// parseBook accepts exactly what text writes. Anything else is damage, not a
// dialect: the file has one writer.
func parseBook(s string) (*book, error) {
	lines := strings.Split(s, "\n")
	n := len(lines)
	if n < 4 || lines[0] != ledgerHeader || lines[n-2] != "end" || lines[n-1] != "" {
		return nil, ErrLedgerDamaged
	}
	salt, found := strings.CutPrefix(lines[1], "salt ")
	if !found || !isHex(salt, saltLength) {
		return nil, ErrLedgerDamaged
	}
	b := &book{}
	b.salt, _ = hex.DecodeString(salt)
	for _, line := range lines[2 : n-2] {
		e, ok := parseEntry(line)
		if !ok {
			return nil, ErrLedgerDamaged
		}
		b.entries = append(b.entries, e)
	}
	return b, nil
}

func parseEntry(line string) (e entry, ok bool) {
	digest, numbers, _ := strings.Cut(line, " ")
	at, step, _ := strings.Cut(numbers, " ")
	e.digest = digest
	var err1, err2 error
	e.time, err1 = parseCount(at)
	e.step, err2 = parseCount(step)
	return e, isHex(digest, sha256.Size) && err1 == nil && err2 == nil
}

// parseCount reads a number in its one written form.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, ErrLedgerDamaged
	}
	return n, nil
}

func isHex(s string, bytes int) bool {
	if len(s) != 2*bytes {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !('0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f') {
			return false
		}
	}
	return true
}
