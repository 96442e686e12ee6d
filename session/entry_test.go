package session

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func sampleEntry(t testing.TB) Entry {
	t.Helper()
	step := planFor(t, "a").Steps[1]
	return Entry{
		Key: step.Key, Family: step.family, Kind: StepRole, Obtained: testStart().Add(123456789), Granted: time.Hour,
		Credentials: newCredentials(t, "ASIAEXAMPLEEXAMPLE12", "sentinelToken/+=", testStart().Add(time.Hour)),
		Source:      testID, Serial: testSerial, RoleARN: "arn:aws:iam::123456789012:role/a",
	}
}

// same compares entries by what they hold: credentials hide themselves from ==.
func same(a, b Entry) bool { return a.values() == b.values() }

func TestEntryRoundTrip(t *testing.T) {
	plain := sampleEntry(t)
	for name, change := range map[string]func(*Entry){
		"as it is":         func(*Entry) {},
		"session":          func(e *Entry) { e.Kind, e.RoleARN = StepSession, "" },
		"no texts":         func(e *Entry) { e.Source, e.Serial, e.RoleARN = "", "", "" },
		"role with a sum":  func(e *Entry) { e.RoleARN = "arn:aws:iam::123456789012:role/sum=1" },
		"token with a sum": func(e *Entry) { e.Credentials = newCredentials(t, testID, "abcsum=", testStart()) },
		"device with =":    func(e *Entry) { e.Serial = "arn:aws:iam::123456789012:mfa/key=sum=" },
		"long token":       func(e *Entry) { e.Credentials = newCredentials(t, testID, strings.Repeat("t", 20_000), testStart()) },
		"before 1970":      func(e *Entry) { e.Obtained = time.Unix(-5, 0) },
	} {
		e := plain
		change(&e)
		got, err := decode(string(e.encode()))
		if err != nil || !same(got, e) || !got.Obtained.Equal(e.Obtained) || !got.Credentials.Expires().Equal(e.Credentials.Expires()) {
			t.Errorf("%s: %v, %v", name, err, got)
		}
	}
}

func TestEntryKeepsToItsLines(t *testing.T) {
	e := sampleEntry(t)
	e.RoleARN = "a\nrole_arn=b"
	got, err := decode(string(e.encode()))
	if err != nil || got.RoleARN != "a role_arn=b" {
		t.Errorf("%q, %v", got.RoleARN, err)
	}
}

func TestDamageIsFound(t *testing.T) {
	text := sampleEntry(t).encode()
	damaged := func(what string, b []byte) {
		t.Helper()
		if _, err := decode(string(b)); !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for i := range text {
		damaged("cut short", text[:i])
		for bit := range 8 {
			flipped := append([]byte(nil), text...)
			flipped[i] ^= 1 << bit
			damaged("a bit flipped", flipped)
		}
		damaged("a byte missing", append(append([]byte(nil), text[:i]...), text[i+1:]...))
		damaged("a byte doubled", append(append([]byte(nil), text[:i+1]...), text[i:]...))
	}
	damaged("something behind", append(append([]byte(nil), text...), '\n'))
	damaged("twice", append(append([]byte(nil), text...), text...))
}

// sealed ends a body with a checksum that is right, as only encode should.
func sealed(body string) string {
	sum := checksum([]byte(body))
	return body + "sum=" + string(sum[:]) + "\n"
}

// What encode would write otherwise is not taken, whatever its checksum says.
func TestOnlyOneWayToWrite(t *testing.T) {
	plain := sampleEntry(t)
	text := string(plain.encode())
	body := text[:strings.LastIndex(text, "sum=")]
	if _, err := decode(sealed(body)); err != nil {
		t.Fatalf("the body as it is: %v", err)
	}
	replace := func(old, new string) string {
		t.Helper()
		if strings.Count(body, old) != 1 {
			t.Fatalf("%q is not there once", old)
		}
		return strings.Replace(body, old, new, 1)
	}
	for name, other := range map[string]string{
		"another version":   replace("session 1", "session 2"),
		"a plus":            replace("granted=", "granted=+"),
		"a zero in front":   replace("granted=", "granted=0"),
		"a kind unheard of": replace("kind=1", "kind=2"),
		"a negative kind":   replace("kind=1", "kind=-1"),
		"no kind":           replace("kind=1\n", ""),
		"another order":     replace("source="+testID+"\nserial="+testSerial, "serial="+testSerial+"\nsource="+testID),
		"one line more":     body + "more=1\n",
		"upper case key":    replace("key="+plain.Key.String(), "key="+strings.ToUpper(plain.Key.String())),
		"a bad id":          replace("ASIAEXAMPLEEXAMPLE12", "ASIA;"),
		"a secret too odd":  replace(testSecret, "$(id)"),
		"a token too odd":   replace("sentinelToken", "a b"),
		"a short key":       replace("key="+plain.Key.String(), "key=00"),
		"nothing":           "",
	} {
		if _, err := decode(sealed(other)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	text := string(sampleEntry(f).encode())
	for _, seed := range []string{
		text, strings.ToUpper(text), strings.ReplaceAll(text, "\n", "\r\n"), "", "sum=", entryHeader + "\n",
		text[:len(text)/2], strings.Replace(text, "expires=", "expires=9223372036854775807", 1),
		strings.Replace(text, "obtained=", "obtained=-", 1), strings.Replace(text, "kind=1", "kind=9", 1),
	} {
		f.Add(seed)
		body, _, _ := strings.Cut(seed, "sum=")
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, text := range []string{text, sealed(text)} {
			e, err := decode(text)
			if err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("another error: %v", err)
				}
				continue
			}
			if again := string(e.encode()); again != text {
				t.Errorf("%q encodes back to %q", text, again)
			}
			e.plausible(testStart())
			e.absurd(testStart(), time.Hour)
		}
	})
}

func TestPlausible(t *testing.T) {
	now := testStart()
	for _, c := range []struct {
		name    string
		ago     time.Duration // since it was obtained
		granted time.Duration
		want    bool
	}{
		{"fresh", 0, 12 * time.Hour, true},
		{"old", 11 * time.Hour, 12 * time.Hour, true},
		{"expired", 20 * time.Hour, 12 * time.Hour, true}, // a miss, but nothing is wrong with it
		{"the longest", 0, MaxSessionDuration, true},
		{"the longest, and clocks that differ", 0, MaxSessionDuration + 5*time.Minute, true},
		{"longer than AWS grants", 0, MaxSessionDuration + 5*time.Minute + time.Second, false},
		{"no time at all", 0, 0, false},
		{"less than none", 0, -time.Hour, false},
		{"a moment ahead", -5 * time.Second, time.Hour, true},
		{"dated in the future", -6 * time.Second, time.Hour, false},
	} {
		e := sampleEntry(t)
		e.Obtained, e.Granted = now.Add(-c.ago), c.granted
		if got := e.plausible(now); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestRemaining(t *testing.T) {
	e := sampleEntry(t) // ends an hour from now
	for offset, want := range map[time.Duration]time.Duration{
		0: time.Hour,
		// AWS is ahead of us: it ends sooner than our clock thinks.
		10 * time.Minute: 50 * time.Minute,
		2 * time.Hour:    -time.Hour,
		// AWS is behind: no later than the server's own date on our clock.
		-10 * time.Minute: time.Hour,
	} {
		if got := e.Remaining(testStart(), offset); got != want {
			t.Errorf("offset %s: %s, want %s", offset, got, want)
		}
	}
}

func TestAbsurd(t *testing.T) {
	now := testStart()
	for _, c := range []struct {
		name    string
		expires time.Duration // from now
		offset  time.Duration
		want    bool
	}{
		{"as granted", time.Hour, 0, false},
		{"nearly", time.Hour + 5*time.Minute, 0, false},
		{"far more than granted", 30 * time.Hour, 0, true},
		{"our clock is two days behind", 49 * time.Hour, 48 * time.Hour, false},
		{"and even then", 55 * time.Hour, 48 * time.Hour, true},
		{"expired", -time.Hour, 0, false},
	} {
		e := sampleEntry(t)
		e.Credentials = newCredentials(t, testID, "t", now.Add(c.expires))
		if got := e.absurd(now, c.offset); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
