package mfa

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

const serial = "arn:aws:iam::123456789012:mfa/alice"

var testStart = time.Date(2026, 3, 1, 12, 0, 13, 0, time.UTC) // 17 s before a step ends

// clock is a clock that tests set.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func noOffset() time.Duration { return 0 }

func newLedger(t *testing.T) (*Ledger, *clock) {
	t.Helper()
	c := &clock{testStart}
	return OpenLedger(t.TempDir(), c.now, noOffset), c
}

func mustRecord(t *testing.T, l *Ledger, serial, code string) {
	t.Helper()
	if err := l.Record(serial, newCode(code)); err != nil {
		t.Fatal(err)
	}
}

func mustSpent(t *testing.T, l *Ledger, serial, code string) bool {
	t.Helper()
	_, spent, err := l.Spent(serial, newCode(code))
	if err != nil {
		t.Fatal(err)
	}
	return spent
}

func TestLedgerRemembersPerDevice(t *testing.T) {
	l, _ := newLedger(t)
	if mustSpent(t, l, serial, "123456") {
		t.Error("a code is spent before it was recorded")
	}
	mustRecord(t, l, serial, "123456")
	mustRecord(t, l, serial, "222222")
	if !mustSpent(t, l, serial, "123456") || !mustSpent(t, l, serial, "222222") {
		t.Error("a recorded code is not spent")
	}
	if mustSpent(t, l, serial, "123457") || mustSpent(t, l, serial+"2", "123456") {
		t.Error("another code, or another device, is spent too")
	}
	again := OpenLedger(filepath.Dir(l.dir), l.now, noOffset)
	if !mustSpent(t, again, serial, "123456") {
		t.Error("the next process does not know the code")
	}
}

// Old entries go, but for the last few, and a code that is on record is spent
// whatever the clock says: it may have been set a moment ago.
func TestLedgerForgets(t *testing.T) {
	for _, c := range []struct {
		jump time.Duration
		kept int // of ten
	}{
		{0, 10},
		{5 * time.Minute, 10},
		{5*time.Minute + time.Second, keepAlways},
		{-5 * time.Minute, 10},
		{-5*time.Minute - time.Second, keepAlways}, // a clock that was far ahead leaves nothing behind
		{-20 * 365 * 24 * time.Hour, keepAlways},
		{-60 * 365 * 24 * time.Hour, keepAlways}, // before 1970
	} {
		l, clock := newLedger(t)
		code := func(i int) string { return fmt.Sprintf("%06d", i) }
		for i := range 10 {
			mustRecord(t, l, serial, code(i))
		}
		clock.advance(c.jump)
		if !mustSpent(t, l, serial, code(9)) {
			t.Errorf("after %v the last code is not spent", c.jump)
		}
		if mustSpent(t, l, serial, "777777") {
			t.Errorf("after %v another code is spent", c.jump)
		}
		mustRecord(t, l, serial, "777777")
		b, err := l.read(serial)
		if err != nil || len(b.entries) != c.kept+1 {
			t.Errorf("after %v: %d entries in the file, want %d (%v)", c.jump, len(b.entries), c.kept+1, err)
		}
		if !mustSpent(t, l, serial, code(9)) || mustSpent(t, l, serial, code(0)) != (c.kept == 10) {
			t.Errorf("after %v the wrong ones are kept", c.jump)
		}
	}
}

// An offset that is learned moves the wait that is told, and no entry.
func TestLedgerOffset(t *testing.T) {
	l, _ := newLedger(t)
	mustRecord(t, l, serial, "123456")
	mustRecord(t, l, serial, "222222")
	for offset, want := range map[time.Duration]time.Duration{0: 17 * time.Second, 10 * time.Second: 7 * time.Second, -6*time.Minute - time.Second: 18 * time.Second} {
		l.offset = func() time.Duration { return offset }
		wait, spent, err := l.Spent(serial, newCode("123456"))
		if wait != want || !spent || err != nil {
			t.Errorf("offset %s: %s, %v, %v", offset, wait, spent, err)
		}
		mustRecord(t, l, serial, "333333")
	}
	if b, err := l.read(serial); err != nil || b.entries[0].time != testStart.Unix() || b.entries[4].time != testStart.Unix() {
		t.Errorf("entries %+v, %v", b, err)
	}
}

func TestLedgerWait(t *testing.T) {
	for _, c := range []struct {
		at   time.Time
		wait time.Duration
		says string
	}{
		{testStart, 17 * time.Second, "code already used; next code in 17 s"},
		{testStart.Add(17 * time.Second), 30 * time.Second, "code already used; next code in 30 s"},
		{testStart.Add(16999 * time.Millisecond), time.Millisecond, "code already used; next code in 1 s"},
		{testStart.Add(500 * time.Millisecond), 16500 * time.Millisecond, "code already used; next code in 17 s"},
		{time.Unix(-1, 0), time.Second, "code already used; next code in 1 s"},
		{time.Unix(-30, 1), 30*time.Second - 1, "code already used; next code in 30 s"},
	} {
		l, clock := newLedger(t)
		clock.t = c.at
		mustRecord(t, l, serial, "123456")
		wait, spent, err := l.Spent(serial, newCode("123456"))
		if !spent || err != nil || wait != c.wait {
			t.Errorf("at %v: wait %v, spent %v, %v; want %v", c.at, wait, spent, err, c.wait)
		}
		if says := (&RepeatError{wait}).Error(); says != c.says {
			t.Errorf("at %v: %q, want %q", c.at, says, c.says)
		}
	}
}

func TestLedgerFile(t *testing.T) {
	l, _ := newLedger(t)
	mustRecord(t, l, serial, "314159")
	other := serial + "2"
	mustRecord(t, l, other, "314159")
	info, err := os.Stat(l.path(serial))
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Separator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if name := filepath.Base(l.path(serial)); !isHex(name, 32) {
		t.Errorf("file name %q", name)
	}
	one, two := readText(t, l.path(serial)), readText(t, l.path(other))
	for _, s := range []string{"314159", "alice", "123456789012"} {
		if strings.Contains(one, s) {
			t.Errorf("the file holds %q: %s", s, one)
		}
	}
	if strings.Split(one, "\n")[1] == strings.Split(two, "\n")[1] {
		t.Error("two files have the same salt")
	}
	if leftovers, _ := filepath.Glob(filepath.Join(l.dir, ".*")); len(leftovers) != 0 {
		t.Errorf("left behind: %v", leftovers)
	}
	generated := newCode("271828")
	generated.step = 59123456
	if err := l.Record(serial, generated); err != nil {
		t.Fatal(err)
	}
	if b, err := l.read(serial); err != nil || b.entries[1].step != 59123456 || b.entries[0].step != 0 {
		t.Errorf("entries %+v, %v", b.entries, err)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A file that was copied to another device's place says nothing about that device.
func TestLedgerDigestNamesTheDevice(t *testing.T) {
	l, _ := newLedger(t)
	mustRecord(t, l, serial, "123456")
	writeFile(t, l.path("other"), readText(t, l.path(serial)))
	if mustSpent(t, l, "other", "123456") {
		t.Error("the other device's code is spent")
	}
}

// A torn or altered file is told from a whole one at every length, and the
// next record heals it.
func TestLedgerDamage(t *testing.T) {
	l, _ := newLedger(t)
	mustRecord(t, l, serial, "123456")
	whole := readText(t, l.path(serial))
	damaged := []string{"", "\n", "null", whole + "x", whole + whole, "\x00" + whole,
		strings.Replace(whole, "ledger 1", "ledger 2", 1),
		strings.Replace(whole, " 0\nend", " +0\nend", 1),
		strings.Replace(whole, " 0\nend", " 99999999999999999999\nend", 1),
		strings.Replace(whole, " 0\nend", " -1\nend", 1),
		strings.ReplaceAll(whole, "\n", "\r\n"),
		strings.ToUpper(whole),
		whole[:60] + "G" + whole[61:]}
	for i := range len(whole) {
		damaged = append(damaged, whole[:i])
	}
	for _, text := range damaged {
		if err := os.WriteFile(l.path(serial), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, spent, err := l.Spent(serial, newCode("123456"))
		var ledgerErr *LedgerError
		if spent || !errors.Is(err, ErrLedgerDamaged) || !errors.As(err, &ledgerErr) || ledgerErr.Path != l.path(serial) {
			t.Fatalf("%q: spent %v, %v", text, spent, err)
		}
	}
	mustRecord(t, l, serial, "654321")
	if !mustSpent(t, l, serial, "654321") || mustSpent(t, l, serial, "123456") {
		t.Error("the file did not start anew")
	}
}

func TestLedgerTooLarge(t *testing.T) {
	l, _ := newLedger(t)
	mustRecord(t, l, serial, "123456")
	if err := os.WriteFile(l.path(serial), make([]byte, maxLedger+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Spent(serial, newCode("123456")); err == nil {
		t.Error("no error for a file that is too large")
	}
	mustRecord(t, l, serial, "123456")
	if !mustSpent(t, l, serial, "123456") {
		t.Error("the file did not start anew")
	}
}

// A file stands where the directory should be: nothing can be kept.
func TestLedgerUnwritable(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ledger"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := OpenLedger(dir, func() time.Time { return testStart }, noOffset)
	err := l.Record(serial, newCode("314159"))
	var ledgerErr *LedgerError
	if !errors.As(err, &ledgerErr) || ledgerErr.Action != "writing" {
		t.Fatalf("Record: %v", err)
	}
	if strings.Contains(err.Error(), "314159") || strings.Count(err.Error(), dir) != 1 {
		t.Errorf("the error reads %q", err)
	}
	if _, err := os.Stat(l.path(serial)); err == nil || errors.Is(err, fs.ErrExist) {
		t.Error("a file appeared")
	}
}

// The ledger relies on the device lock; with one around each use, no code is
// let through twice and none is forgotten.
func TestLedgerUnderLock(t *testing.T) {
	dir := t.TempDir()
	now := func() time.Time { return testStart }
	var device sync.Mutex
	var wg sync.WaitGroup
	passed := make(chan string, 8*20)
	for range 8 {
		wg.Go(func() {
			chain := Chain{Ledger: OpenLedger(dir, now, noOffset)}
			for i := range 20 {
				code := fmt.Sprintf("%06d", i)
				device.Lock()
				err := chain.claim(serial, newCode(code))
				device.Unlock()
				if err == nil {
					passed <- code
				}
			}
		})
	}
	wg.Wait()
	close(passed)
	times := map[string]int{}
	for code := range passed {
		times[code]++
	}
	for i := range 20 {
		if code := fmt.Sprintf("%06d", i); times[code] != 1 {
			t.Errorf("code %s passed %d times", code, times[code])
		}
	}
	b, err := OpenLedger(dir, now, noOffset).read(serial)
	if err != nil || len(b.entries) != 20 {
		t.Errorf("%d entries, %v", len(b.entries), err)
	}
}

func FuzzLedgerFile(f *testing.F) {
	b := newBook()
	f.Add(string(b.text()))
	b.entries = []entry{{b.digest(serial, newCode("123456")), 1772366413, 0}, {b.digest(serial, newCode("000000")), 0, 59078880}}
	f.Add(string(b.text()))
	f.Add("awsmfa-ledger 1\nsalt 00\nend\n")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := parseBook(s)
		if err != nil {
			if !errors.Is(err, ErrLedgerDamaged) {
				t.Fatalf("parseBook(%q): %v", s, err)
			}
			return
		}
		if string(b.text()) != s {
			t.Fatalf("%q prints back as %q", s, b.text())
		}
		again, err := parseBook(string(b.text()))
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Fatalf("%q does not come back: %v", s, err)
		}
		b.prune(testStart)
	})
}

// Without any lock, of many that have one code one gets to send it.
func TestClaimWithoutLock(t *testing.T) {
	dir := t.TempDir()
	results := make(chan error)
	for range 50 {
		go func() {
			l := OpenLedger(dir, func() time.Time { return testStart }, noOffset)
			chain := Chain{Given: NewGiven(FromFlag, "123456"), Ledger: l}
			_, _, err := chain.Next(t.Context(), devRequest)
			results <- err
		}()
	}
	got := 0
	for range 50 {
		err := <-results
		if err == nil {
			got++
		} else if !errors.As(err, new(*RepeatError)) {
			t.Error(err)
		}
	}
	if got != 1 {
		t.Errorf("%d of 50 may send the code", got)
	}
}

func TestClaimsAreSwept(t *testing.T) {
	l, clock := newLedger(t)
	claims := func() int {
		files, err := filepath.Glob(filepath.Join(l.dir, claimPrefix+"*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	for i, jump := range []time.Duration{0, time.Minute, 10 * time.Minute, -time.Hour} {
		clock.advance(jump)
		if _, spent, err := l.Claim(serial, newCode(fmt.Sprintf("%06d", i))); spent || err != nil {
			t.Fatal(spent, err)
		}
		if want := []int{1, 2, 1, 1}[i]; claims() != want {
			t.Errorf("%d claims after %s, want %d", claims(), jump, want)
		}
	}
	if _, spent, err := l.Claim(serial, newCode("000003")); !spent || err != nil {
		t.Errorf("claimed twice: %v, %v", spent, err)
	}
}
