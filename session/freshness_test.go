package session

import (
	"testing"
	"time"
)

func TestServes(t *testing.T) {
	const m = time.Minute
	for _, c := range []struct {
		name    string
		want    Freshness
		granted time.Duration
		left    time.Duration // by our clock
		offset  time.Duration
		serves  bool
	}{
		{"just enough", Freshness{MinTTL: 5 * m}, 12 * time.Hour, 5 * m, 0, true},
		{"a second short", Freshness{MinTTL: 5 * m}, 12 * time.Hour, 5*m - time.Second, 0, false},
		{"half of a short one", Freshness{MinTTL: 16 * m}, 20 * m, 10 * m, 0, true},
		{"less than half of a short one", Freshness{MinTTL: 16 * m}, 20 * m, 10*m - time.Second, 0, false},
		{"half, asked by flag", Freshness{MinTTL: 24 * time.Hour, Explicit: true}, 12 * time.Hour, 6 * time.Hour, 0, true},
		{"less than half, asked by flag", Freshness{MinTTL: 24 * time.Hour, Explicit: true}, 12 * time.Hour, 6*time.Hour - 1, 0, false},
		{"any life", Freshness{}, time.Hour, time.Second, 0, true},
		{"no life", Freshness{}, time.Hour, time.Second - 1, 0, false},
		{"a negative wish", Freshness{MinTTL: -m}, time.Hour, 0, 0, false},
		{"expired", Freshness{MinTTL: m}, time.Hour, -m, 0, false},
		{"AWS ahead, enough", Freshness{MinTTL: 5 * m}, time.Hour, 15 * m, 10 * m, true},
		{"AWS ahead, too little", Freshness{MinTTL: 5 * m}, time.Hour, 15*m - 1, 10 * m, false},
		{"AWS behind helps nobody", Freshness{MinTTL: 5 * m}, time.Hour, 4 * m, -10 * m, false},
		{"AWS behind hurts nobody", Freshness{MinTTL: 5 * m}, time.Hour, 5 * m, -10 * m, true},
		{"more than was granted", Freshness{MinTTL: 5 * m}, time.Hour, 2 * time.Hour, 0, false},
		{"more than was granted, by a clock that is behind", Freshness{MinTTL: 5 * m}, time.Hour, 3 * time.Hour, 2 * time.Hour, true},
	} {
		e := sampleEntry(t)
		e.Granted, e.Credentials = c.granted, newCredentials(t, testID, "t", testStart().Add(c.left))
		if got := c.want.Serves(e, testStart(), c.offset); got != c.serves {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// What serves from the cache alone, and what a Get makes of the same entry
// when AWS would answer.
func TestFreshnessOfARun(t *testing.T) {
	const m = time.Minute
	for _, c := range []struct {
		name    string
		want    Freshness
		ago     time.Duration // obtained, with an hour to live
		renewed bool
	}{
		{"new", Freshness{MinTTL: 5 * m}, m, false},
		{"at the limit", Freshness{MinTTL: 5 * m}, 55 * m, false},
		{"beyond it", Freshness{MinTTL: 5 * m}, 55*m + time.Second, true},
		{"half its life, under an SDK", Freshness{MinTTL: 40 * m}, 30 * m, false},
		{"more than half", Freshness{MinTTL: 40 * m}, 30*m + time.Second, true},
		{"refresh", Freshness{MinTTL: 5 * m, Refresh: true}, m, true},
		{"expired", Freshness{}, time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, plan := newWorld(t), planFor(t, "a")
			w.stored(plan, 0, c.ago, 12*time.Hour)
			old := w.stored(plan, 1, c.ago, time.Hour)
			p := w.process()
			if got, ok := p.Peek(plan, c.want); ok == c.renewed || ok && !got.Cached {
				t.Errorf("from the cache alone: %v %v", got, ok)
			}
			got, err := p.get(plan, c.want)
			if err != nil || (id(got) != old.Credentials.AccessKeyID()) != c.renewed || got.Cached == c.renewed {
				t.Errorf("%v, %v", got, err)
			}
			if c.renewed {
				w.wantCalls("AssumeRole a") // the session stays, also under Refresh
			} else {
				w.wantCalls()
			}
		})
	}
}

func TestSourceNeedsAMinute(t *testing.T) {
	for left, renewed := range map[time.Duration]bool{time.Minute: false, time.Minute - time.Second: true, -time.Hour: true} {
		w, plan := newWorld(t), planFor(t, "a")
		w.stored(plan, 0, 12*time.Hour-left, 12*time.Hour)
		w.process().mustGet(plan)
		if got := len(w.made()); (got == 2) != renewed {
			t.Errorf("%s left: %d calls", left, got)
		}
	}
}

// AWS says when it ends; our own clock, wherever it stands, does not.
func TestClocksThatAreOff(t *testing.T) {
	for _, offset := range []time.Duration{-100 * time.Hour, -2 * time.Hour, 0, 2 * time.Hour, 100 * time.Hour} {
		w, plan := newWorld(t), planFor(t)
		w.offset = offset
		got := w.process().mustGet(plan)
		if got.Entry.Granted != 12*time.Hour || !got.Entry.Obtained.Equal(w.now()) {
			t.Errorf("offset %s: granted %s at %s", offset, got.Entry.Granted, got.Entry.Obtained)
		}
		w.pass(time.Minute)
		again, ok := w.process().Peek(plan, Freshness{MinTTL: 5 * time.Minute})
		// With a clock that is ahead by more than the lifetime nothing can be told.
		if want := offset > -12*time.Hour; ok != want || ok && id(again) != id(got) {
			t.Errorf("offset %s: served from the cache: %v", offset, ok)
		}
	}
}
