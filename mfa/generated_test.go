package mfa

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// drawer is a store of seeds with one seed in it, whose code is the step's
// number: "060000" for step 60,000.
type drawer struct {
	serial        string
	broken        error // of the index
	locked        error
	loads, looked int
	codes         map[int64]string // where a step has another code
	asked         []time.Time
}

func (d *drawer) Has(serial string) (bool, error) {
	d.looked++
	return serial == d.serial && d.broken == nil, d.broken
}

func (d *drawer) Ready(string) error { return d.locked }

func (d *drawer) Load(context.Context, string) (Generator, error) {
	d.loads++
	return d, d.locked
}

func (d *drawer) Code(at time.Time) (string, int64) {
	d.asked = append(d.asked, at)
	step := at.Unix() / 30
	if code, ok := d.codes[step]; ok {
		return code, step
	}
	return codeOfStep(step), step
}

func codeOfStep(step int64) string { return fmt.Sprintf("%06d", step%1000000) }

// stepAt is the step of the tests' clock, moved by steps.
func stepAt(steps int64) int64 { return testStart.Unix()/30 + steps }

// seeded is a chain with a stored seed, whose sleep moves the clock.
type seeded struct {
	Chain
	*clock
	drawer *drawer
	slept  []time.Duration
	offset time.Duration
}

func newSeeded(t *testing.T) *seeded {
	l, clock := newLedger(t)
	s := &seeded{clock: clock, drawer: &drawer{serial: serial}}
	l.offset = func() time.Duration { return s.offset }
	s.Chain = Chain{
		Seeds: s.drawer, Ledger: l, Now: clock.now, Offset: l.offset, NoInput: true,
		Notify: func(line string) { t.Errorf("said %q", line) },
		Warn:   func(line string) { t.Errorf("warned: %s", line) },
		Sleep: func(_ context.Context, d time.Duration) error {
			s.slept = append(s.slept, d)
			clock.advance(d)
			return nil
		},
	}
	return s
}

func (s *seeded) must(t *testing.T, req Request) Code {
	t.Helper()
	code, origin, err := s.Next(t.Context(), req)
	if err != nil || origin != FromSeed {
		t.Fatalf("from %v: %v", origin, err)
	}
	return code
}

func TestGenerated(t *testing.T) {
	s := newSeeded(t)
	code := s.must(t, devRequest)
	end := testStart.Add(17 * time.Second)
	if code.Text() != codeOfStep(stepAt(0)) || !code.Until().Equal(end) || len(s.slept) != 0 {
		t.Errorf("%s until %v after %v", code.Text(), code.Until(), s.slept)
	}
	b, err := s.Ledger.read(serial)
	if err != nil || len(b.entries) != 1 || b.entries[0].step != stepAt(0) {
		t.Errorf("on record: %+v, %v", b.entries, err)
	}
	// The same step again: it waits for the next, silently, and unlocks nothing anew.
	code = s.must(t, devRequest)
	if code.Text() != codeOfStep(stepAt(1)) || !slices.Equal(s.slept, []time.Duration{17 * time.Second}) {
		t.Errorf("%s after %v", code.Text(), s.slept)
	}
	if s.drawer.loads != 1 {
		t.Errorf("unlocked %d times", s.drawer.loads)
	}
}

// A step that is nearly over is left alone: a code of it would arrive too late.
func TestGeneratedNearTheEnd(t *testing.T) {
	for _, row := range []struct {
		after time.Duration // into the clock's step
		steps int64
		slept time.Duration
	}{
		{0, 0, 0},
		{28 * time.Second, 0, 0}, // the margin and no less
		{28*time.Second + time.Millisecond, 1, 1999 * time.Millisecond},
		{30*time.Second - 1, 1, 1},
		{30 * time.Second, 1, 0},
	} {
		s := newSeeded(t)
		s.advance(row.after - 13*time.Second)
		if got := s.must(t, devRequest).Text(); got != codeOfStep(stepAt(row.steps)) {
			t.Errorf("%s into the step: code of another step, %s", row.after, got)
		}
		if got := s.waited; got != row.slept {
			t.Errorf("%s into the step: waited %s", row.after, got)
		}
	}
}

// Codes are made by AWS's clock, and end by ours.
func TestGeneratedByTheOffset(t *testing.T) {
	for _, offset := range []time.Duration{95 * time.Second, -95 * time.Second, 20 * time.Minute, -20 * time.Minute} {
		s := newSeeded(t)
		s.offset = offset
		server := testStart.Add(offset)
		code := s.must(t, devRequest)
		if code.Text() != codeOfStep(server.Unix()/30) {
			t.Errorf("%s: code of another step", offset)
		}
		if left := code.Until().Sub(testStart); left != 30*time.Second-time.Duration(server.Unix()%30)*time.Second {
			t.Errorf("%s: good for %s", offset, left)
		}
	}
}

// The first refusal may have told the offset; one more try is made, in all.
func TestGeneratedAfterARefusal(t *testing.T) {
	s := newSeeded(t)
	refusal := errors.New("refused by AWS")
	s.must(t, devRequest)
	if !s.Retry(FromSeed) || !s.RetryClock(FromSeed) || s.RetryClock(FromTerminal) || s.RetryClock(FromFlag) {
		t.Fatal("whether to try again")
	}
	s.offset = 20 * time.Minute
	again := devRequest
	again.Attempt, again.Last = 2, refusal
	if got := s.must(t, again).Text(); got != codeOfStep(stepAt(40)) || len(s.slept) != 0 {
		t.Errorf("%s after %v", got, s.slept)
	}
	if s.Retry(FromSeed) || s.RetryClock(FromSeed) {
		t.Error("a third try")
	}
	s.must(t, devRequest)
	if s.Retry(FromSeed) {
		t.Error("a third try, of another call")
	}
}

// A refusal with the right clock: the step's code may have been spent by a
// phone, and the next one is waited for.
func TestGeneratedAfterARefusalOfTheSameStep(t *testing.T) {
	s := newSeeded(t)
	s.must(t, devRequest)
	again := devRequest
	again.Attempt, again.Last = 2, errors.New("refused by AWS")
	if got := s.must(t, again).Text(); got != codeOfStep(stepAt(1)) || len(s.slept) != 1 {
		t.Errorf("%s after %v", got, s.slept)
	}
}

// A clock that was ahead has spent steps of the future. That blocks nothing
// once it is right, and a step that it reaches again is not spent twice.
func TestClockThatWasAhead(t *testing.T) {
	s := newSeeded(t)
	s.advance(20 * time.Minute)
	for range 3 {
		s.must(t, devRequest)
	}
	s.advance(-21 * time.Minute) // three steps took a minute: right again
	s.slept = nil
	for i := range 3 {
		s.must(t, devRequest)
		if len(s.slept) != i {
			t.Fatalf("code %d was waited for: %v", i, s.slept)
		}
	}
}

func TestCodeThatRepeatsByChance(t *testing.T) {
	s := newSeeded(t)
	first := codeOfStep(stepAt(0))
	s.drawer.codes = map[int64]string{stepAt(1): first}
	s.must(t, devRequest)
	if got := s.must(t, devRequest).Text(); got != codeOfStep(stepAt(2)) || s.waited != 47*time.Second {
		t.Errorf("%s after %v", got, s.waited)
	}
}

// The waiting ends, whatever the clock does.
func TestGeneratedIsNotWaitedForEver(t *testing.T) {
	s := newSeeded(t)
	s.must(t, devRequest)
	still := *s.clock
	s.Sleep = func(context.Context, time.Duration) error { s.slept = append(s.slept, 1); *s.clock = still; return nil }
	_, _, err := s.Next(t.Context(), devRequest)
	if repeat := new(RepeatError); !errors.As(err, &repeat) || len(s.slept) != maxWaits {
		t.Errorf("%v after %d waits", err, len(s.slept))
	}
	s.slept, s.Patience, s.waited = nil, 10*time.Second, 0
	if _, _, err := s.Next(t.Context(), devRequest); !errors.As(err, new(*RepeatError)) || len(s.slept) != 0 {
		t.Errorf("%v after %d waits", err, len(s.slept))
	}
	refusal := errors.New("refused by AWS")
	_, _, err = s.Next(t.Context(), Request{Serial: serial, Attempt: 2, Last: refusal})
	if !errors.Is(err, refusal) || !errors.Is(err, ErrNoOtherCode) {
		t.Errorf("after a refusal: %v", err)
	}
}

func TestCountdown(t *testing.T) {
	s := newSeeded(t)
	s.must(t, devRequest)
	var shown []time.Duration
	s.Progress = func(left time.Duration) { shown = append(shown, left/time.Second) }
	s.must(t, devRequest)
	if len(shown) != 18 || shown[0] != 17 || shown[16] != 1 || shown[17] != 0 {
		t.Errorf("shown %v", shown)
	}
	// Who was stopped meanwhile does not wait for what is over.
	s.Sleep = func(context.Context, time.Duration) error { s.advance(20 * time.Second); return nil }
	shown = nil
	s.must(t, devRequest)
	if want := []time.Duration{30, 10, 0}; !slices.Equal(shown, want) {
		t.Errorf("shown %v, want %v", shown, want)
	}
	stop := errors.New("interrupted")
	s.Sleep = func(context.Context, time.Duration) error { return stop }
	*s.clock = clock{testStart.Add(47 * time.Second)}
	shown = nil
	if _, _, err := s.Next(t.Context(), devRequest); !errors.Is(err, stop) || shown[len(shown)-1] != 0 {
		t.Errorf("%v, shown %v", err, shown)
	}
}

func TestSeedInTheOrder(t *testing.T) {
	locked, broken := errors.New("locked"), errors.New("broken")
	for _, row := range []struct {
		name      string
		change    func(*Chain, *drawer)
		available error // and what Next says
		origin    Origin
	}{
		{"before a program", func(c *Chain, _ *drawer) { c.Process = program(t, "print:222222") }, nil, FromSeed},
		{"behind a given code", func(c *Chain, _ *drawer) { c.Given = NewGiven(FromFlag, "111111") }, nil, FromFlag},
		{"given code, locked store", func(c *Chain, d *drawer) { c.Given = NewGiven(FromFlag, "111111"); d.locked = locked }, nil, FromFlag},
		{"another device's", func(c *Chain, d *drawer) { d.serial = "other"; c.Process = program(t, "print:222222") }, nil, FromProcess},
		{"none, nobody to ask", func(_ *Chain, d *drawer) { d.serial = "other" }, ErrInputNeeded, FromTerminal},
		{"locked", func(c *Chain, d *drawer) { d.locked = locked; c.Process = program(t, "print:222222") }, locked, FromSeed},
		{"broken index", func(c *Chain, d *drawer) { d.broken = broken; c.Process = program(t, "print:222222") }, broken, FromSeed},
		{"program that must not run", func(c *Chain, d *drawer) { d.serial = "other"; c.Process = &Process{Forbidden: broken} }, broken, FromProcess},
		{"the same, behind a seed", func(c *Chain, _ *drawer) { c.Process = &Process{Forbidden: broken} }, nil, FromSeed},
	} {
		s := newSeeded(t)
		row.change(&s.Chain, s.drawer)
		if err := s.Available(serial); !errors.Is(err, row.available) {
			t.Errorf("%s: available: %v", row.name, err)
		}
		if s.drawer.loads != 0 {
			t.Errorf("%s: the seed was loaded", row.name)
		}
		if given := s.Given != nil; given && s.drawer.looked != 0 {
			t.Errorf("%s: the store was looked into", row.name)
		}
		if _, origin, err := s.Next(t.Context(), devRequest); origin != row.origin || !errors.Is(err, row.available) {
			t.Errorf("%s: from %v, %v", row.name, origin, err)
		}
	}
}

// A broken ledger costs a warning; AWS refuses repeats as well.
func TestGeneratedWithoutALedger(t *testing.T) {
	s := newSeeded(t)
	s.Ledger = nil
	s.must(t, devRequest)
}
