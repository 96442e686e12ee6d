package seed

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

var (
	keyringPlace = slot{serial: "arn:aws:iam::123456789012:mfa/jane", id: "00112233445566778899aabbccddeeff"}
	otherPlace   = slot{serial: "arn:aws:iam::123456789012:mfa/jane", id: "ffeeddccbbaa99887766554433221100"}
)

// wantTrouble fails unless err is a StoreError about the keyring, of this kind.
func wantTrouble(t *testing.T, err error, trouble Trouble, part string) {
	t.Helper()
	var got *StoreError
	switch {
	case !errors.As(err, &got):
		t.Fatalf("got error %v, want one of the store", err)
	case got.Trouble != trouble || got.Store != keyringStore || !strings.Contains(err.Error(), part):
		t.Errorf("got %v of %q: %v; want %v with %q", got.Trouble, got.Store, err, trouble, part)
	case (trouble == Locked || trouble == Absent) && !strings.Contains(strings.Join(got.Hints, " "), "AWSMFA_SEED_STORE=file"):
		t.Errorf("no way out in the hints %q", got.Hints)
	}
}

func impatient() keyring {
	return keyring{
		getenv:  func(string) string { return "" },
		asks:    func() bool { return false },
		quick:   20 * time.Millisecond,
		patient: 20 * time.Millisecond,
	}
}

func TestKeyringThatHangs(t *testing.T) {
	for _, person := range []bool{false, true} {
		k := impatient()
		if person {
			k.asks, k.quick = func() bool { return true }, time.Hour
		}
		release := make(chan struct{})
		_, err := during(t.Context(), k, func(v *visit) (int, error) {
			v.patiently()
			<-release
			return 1, nil
		})
		close(release)
		if person {
			wantTrouble(t, err, Locked, "not answered in 20ms")
		} else {
			wantTrouble(t, err, Unusable, "did not answer in 20ms")
		}
	}
}

func TestKeyringWaitsLongerForAPerson(t *testing.T) {
	t.Parallel()
	k := impatient()
	k.asks, k.quick, k.patient = func() bool { return true }, 300*time.Millisecond, time.Hour
	got, err := during(t.Context(), k, func(v *visit) (int, error) {
		v.patiently()
		time.Sleep(k.quick + 100*time.Millisecond)
		v.hurry()
		return 1, nil
	})
	if got != 1 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
	_, err = during(t.Context(), k, func(v *visit) (int, error) {
		v.patiently()
		v.hurry()
		<-v.ctx.Done()
		return 1, v.ctx.Err()
	})
	wantTrouble(t, err, Unusable, "did not answer in 300ms")
}

func TestKeyringInterrupted(t *testing.T) {
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	k := impatient()
	k.quick = time.Hour
	_, err := during(ctx, k, func(v *visit) (int, error) {
		cancel(cause)
		<-v.ctx.Done()
		return 0, v.ctx.Err()
	})
	if !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}

func TestKeyringPanicEndsTheVisitOnly(t *testing.T) {
	k := impatient()
	k.quick = time.Hour
	_, err := during(t.Context(), k, func(*visit) (int, error) { panic("JBSWY3DPEHPK3PXP") })
	wantTrouble(t, err, Unusable, "makes no sense")
	if strings.Contains(err.Error(), "JBSW") {
		t.Errorf("the error repeats what the keyring gave: %v", err)
	}
}

func TestKeyringRefusesWhatIsNoSerial(t *testing.T) {
	for _, s := range []slot{
		{},
		{serial: "jane"},
		{serial: "jane", id: "xyz"},
		{serial: "", id: keyringPlace.id},
		{serial: "jane\n-s other", id: keyringPlace.id},
		{serial: "jane\x00", id: keyringPlace.id},
		{serial: "jané", id: keyringPlace.id},
		{serial: strings.Repeat("a", 257), id: keyringPlace.id},
	} {
		k := impatient()
		k.getenv = func(string) string { t.Error("the keyring was looked for"); return "" }
		_, err := k.load(t.Context(), s)
		wantTrouble(t, err, Unusable, "cannot be the serial")
		_, err = k.save(t.Context(), s, []byte("x"))
		wantTrouble(t, err, Unusable, "cannot be the serial")
		wantTrouble(t, k.remove(t.Context(), s), Unusable, "cannot be the serial")
		wantTrouble(t, k.ready(s), Unusable, "cannot be the serial")
	}
}

// TestRecordsFitEveryKeyring: the limits of the platforms never meet a record.
func TestRecordsFitEveryKeyring(t *testing.T) {
	longest := slot{serial: strings.Repeat("=", maxSerial), id: keyringPlace.id}
	for _, goos := range []string{"windows", "darwin", "unix"} {
		if err := checkSize(goos, account(longest), make([]byte, maxRecord)); err != nil {
			t.Errorf("%s: %v", goos, err)
		}
	}
	for goos, size := range map[string]int{"windows": 2561, "darwin": 3000, "unix": 65537} {
		wantTrouble(t, checkSize(goos, account(keyringPlace), make([]byte, size)), Unusable, "too large")
	}
	if err := checkSize("windows", account(keyringPlace), make([]byte, 2560)); err != nil {
		t.Error(err)
	}
}

func TestNewKeyringTouchesNothing(t *testing.T) {
	k := newKeyring(func(string) string { t.Error("the environment was read"); return "" },
		func() error { t.Error("the terminal was looked at"); return nil })
	if k.quick != 2*time.Second || k.patient != time.Minute {
		t.Errorf("deadlines are %v and %v", k.quick, k.patient)
	}
}

// Who has seeds in a keyring that is gone, and is told to use the other store,
// gets to hear that they are in this one.
func TestHintsOfKeptSeeds(t *testing.T) {
	shared := keyringError(Absent, "gone", nil, hintInstall, hintFile)
	before := shared.(*StoreError).Hints
	hasHint(t, ofKept(shared), hintLeave)
	if before[1] != hintFile {
		t.Error("the hints of others changed")
	}
	if err := ofKept(ErrNoSeed); err != ErrNoSeed {
		t.Errorf("another error became %v", err)
	}
}
