package session

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"awsmfa/credentials"
	"awsmfa/internal/privatefile"
	"awsmfa/profile"
)

const fiveMinutes = 5 * time.Minute

func TestGetColdThenWarm(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	p := w.process()
	first := p.mustGet(plan)
	if c := w.lastCall(); c.from != testID || c.serial != testSerial || c.code != "000001" || c.duration != 12*time.Hour {
		t.Errorf("%+v", c)
	}
	w.wantCalls("GetSessionToken")
	if first.Cached || first.Entry.Source != testID || first.Entry.Serial != testSerial || first.Entry.Granted != 12*time.Hour ||
		first.Credentials().AccessKeyID() != id(first) || len(first.Warnings) != 0 {
		t.Errorf("%+v", first)
	}
	w.pass(time.Minute)
	if again := w.process().mustGet(plan); !again.Cached || id(again) != id(first) {
		t.Errorf("a warm run got %v", again)
	}
	w.wantCalls()
	if len(p.requests) != 1 || p.requests[0] != (CodeRequest{Profile: "dev", Serial: testSerial, Attempt: 1}) || p.asked == 0 {
		t.Errorf("code requests %+v", p.requests)
	}
	w.wantAllFree()
}

func TestRolesShareTheSession(t *testing.T) {
	w := newWorld(t)
	w.process().mustGet(planFor(t, "a"))
	session := w.calls[0]
	if c := w.lastCall(); session.code == "" || c.code != "" || c.serial != "" || c.from != "ASIA0000000000000001" {
		t.Errorf("%+v then %+v", session, c)
	}
	w.wantCalls("GetSessionToken", "AssumeRole a")
	w.process().mustGet(planFor(t, "b"))
	w.process().mustGet(planFor(t))
	w.wantCalls("AssumeRole b")
	w.process().mustGet(planFor(t, "a", "c"))
	w.wantCalls("AssumeRole c")
}

func TestChain(t *testing.T) {
	w := newWorld(t)
	r := resolve(t, "a", "b", "c")
	r.STSEndpoint = value("http://127.0.0.1:1")
	p := w.process()
	got := p.mustGet(mustPlan(t, r, Options{Duration: flag("20m")}))
	if got.Entry.RoleARN != "arn:aws:iam::123456789012:role/c" || got.Entry.Kind != StepRole || p.requests[0].Endpoint != "http://127.0.0.1:1" {
		t.Errorf("%+v, %+v", got, p.requests)
	}
	for i, want := range []string{testID, "ASIA0000000000000001", "ASIA0000000000000002", "ASIA0000000000000003"} {
		if w.calls[i].from != want {
			t.Errorf("call %d is signed by %s", i, w.calls[i].from)
		}
	}
	if c := w.lastCall(); c.duration != 20*time.Minute {
		t.Errorf("%+v", c)
	}
	w.wantCalls("GetSessionToken", "AssumeRole a", "AssumeRole b", "AssumeRole c")
}

func TestLongRoleGoesDirect(t *testing.T) {
	w, plan := newWorld(t), mustPlan(t, resolve(t, "a"), Options{Duration: flag("2h")})
	w.process().mustGet(planFor(t))
	w.made()
	w.process().mustGet(plan)
	if c := w.lastCall(); c.from != testID || c.serial != testSerial || c.code != "000002" || c.duration != 2*time.Hour {
		t.Errorf("%+v", c)
	}
	w.wantCalls("AssumeRole a")
}

func TestWithoutMFA(t *testing.T) {
	w := newWorld(t)
	p := w.process()
	p.mustGet(mustPlan(t, resolve(t), Options{NoMFA: true}))
	if c := w.lastCall(); c.serial != "" || c.code != "" || len(p.requests)+p.asked != 0 {
		t.Errorf("%+v, and codes were asked for", c)
	}
	w.process().mustGet(mustPlan(t, resolve(t, "a"), Options{NoMFA: true}))
	w.wantCalls("GetSessionToken", "AssumeRole a")
}

func TestInputIsAskedForBeforeAnyLock(t *testing.T) {
	w := newWorld(t)
	for _, plan := range []*Plan{planFor(t), planFor(t, "a", "b"), mustPlan(t, resolve(t, "a"), Options{Duration: flag("2h")})} {
		p := w.process()
		p.available = noInput{}
		if _, err := p.get(plan, Freshness{MinTTL: fiveMinutes}); !errors.Is(err, noInput{}) {
			t.Errorf("%s: %v", shape(plan), err)
		}
	}
	if _, err := os.Stat(w.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
	w.wantCalls()
	// Where a session is cached, no code is needed and nobody is asked.
	plan := planFor(t, "a", "b")
	w.stored(plan, 0, time.Hour, 12*time.Hour)
	p := w.process()
	p.available = noInput{}
	p.mustGet(plan)
	if p.asked != 0 {
		t.Error("a code was thought to be needed")
	}
	w.wantCalls("AssumeRole a", "AssumeRole b")
}

func TestStandIn(t *testing.T) {
	offline := refusedCall(RefusedNetwork)
	for _, c := range []struct {
		name   string
		want   Freshness
		left   time.Duration
		input  error // what Available says
		answer error // what AWS says
		serves bool
	}{
		{"nobody to ask", Freshness{MinTTL: fiveMinutes}, time.Minute, noInput{}, nil, true},
		{"no network", Freshness{MinTTL: fiveMinutes}, time.Minute, nil, offline, true},
		{"less than a minute", Freshness{MinTTL: fiveMinutes}, time.Minute - time.Second, noInput{}, nil, false},
		{"less than a minute, no network", Freshness{MinTTL: fiveMinutes}, time.Minute - time.Second, nil, offline, false},
		{"asked for a lifetime", Freshness{MinTTL: fiveMinutes, Explicit: true}, 4 * time.Minute, noInput{}, nil, false},
		{"asked for a lifetime, no network", Freshness{MinTTL: fiveMinutes, Explicit: true}, 4 * time.Minute, nil, offline, false},
		{"asked anew", Freshness{MinTTL: fiveMinutes, Refresh: true}, 4 * time.Hour, noInput{}, nil, false},
		{"denied", Freshness{MinTTL: fiveMinutes}, 4 * time.Minute, nil, refusedCall(RefusedDenied), false},
		{"bad code", Freshness{MinTTL: fiveMinutes}, 4 * time.Minute, nil, refusedCall(RefusedCode), false},
		{"anything else", Freshness{MinTTL: fiveMinutes}, 4 * time.Minute, nil, errors.New("odd"), false},
		{"interrupted", Freshness{MinTTL: fiveMinutes}, 4 * time.Minute, nil, context.Canceled, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, plan := newWorld(t), planFor(t)
			old := w.stored(plan, 0, 12*time.Hour-c.left, 12*time.Hour)
			p := w.process()
			p.available = c.input
			w.respond(func(call) error { return c.answer })
			got, err := p.get(plan, c.want)
			w.wantAllFree()
			if !c.serves {
				if err == nil || !errors.Is(err, c.input) && !errors.Is(err, c.answer) {
					t.Errorf("%v, %v", got, err)
				}
				return
			}
			if err != nil || !got.Cached || id(got) != old.Credentials.AccessKeyID() {
				t.Fatalf("%v, %v", got, err)
			}
			if len(got.Warnings) != 1 || !strings.HasPrefix(got.Warnings[0], "using the session that ends in 1m0s: ") {
				t.Errorf("warnings %q", got.Warnings)
			}
		})
	}
}

func TestNothingToStandIn(t *testing.T) {
	w := newWorld(t)
	w.respond(func(call) error { return refusedCall(RefusedNetwork) })
	if _, err := w.process().get(planFor(t), Freshness{}); refusal(err) != RefusedNetwork {
		t.Errorf("%v", err)
	}
	// A session to stand on does not stand in for the role on it.
	plan := planFor(t, "a")
	w.stored(plan, 0, time.Hour, 12*time.Hour)
	if _, err := w.process().get(plan, Freshness{}); refusal(err) != RefusedNetwork {
		t.Errorf("%v", err)
	}
	w.wantAllFree()
}

func TestRefusedSourceIsMadeAnewOnce(t *testing.T) {
	w, plan := newWorld(t), planFor(t, "a")
	old := w.stored(plan, 0, time.Hour, 12*time.Hour)
	oldID := old.Credentials.AccessKeyID()
	w.respond(func(c call) error {
		if c.from == oldID {
			return refusedCall(RefusedSource)
		}
		return nil
	})
	w.process().mustGet(plan)
	w.wantCalls("AssumeRole a", "GetSessionToken", "AssumeRole a")

	// Refused for ever: one new source, and no third try.
	w.pass(2 * time.Hour)
	w.respond(func(c call) error {
		if c.action == "AssumeRole" {
			return refusedCall(RefusedSource)
		}
		return nil
	})
	if _, err := w.process().get(plan, Freshness{MinTTL: fiveMinutes}); refusal(err) != RefusedSource {
		t.Errorf("%v", err)
	}
	w.wantCalls("AssumeRole a", "GetSessionToken", "AssumeRole a")
	w.wantAllFree()

	// A new source that is refused was not at fault: no second code.
	w2 := newWorld(t)
	w2.respond(w.answer)
	if _, err := w2.process().get(plan, Freshness{MinTTL: fiveMinutes}); refusal(err) != RefusedSource {
		t.Errorf("%v", err)
	}
	w2.wantCalls("GetSessionToken", "AssumeRole a")
}

func TestRefusedSourceIsForgotten(t *testing.T) {
	w, plan := newWorld(t), planFor(t, "a")
	w.stored(plan, 0, time.Hour, 12*time.Hour)
	w.respond(func(call) error { return refusedCall(RefusedSource) })
	p := w.process()
	p.available = noInput{}
	if _, err := p.get(plan, Freshness{}); !errors.Is(err, noInput{}) {
		t.Errorf("the next step is to have a code: %v", err)
	}
	if _, ok := w.process().Peek(planFor(t), Freshness{}); ok {
		t.Error("what AWS refused is still printed for others")
	}
	w.wantCalls("AssumeRole a")
	w.wantAllFree()
}

// Another process has replaced what was refused: its new session is used.
func TestRefusedSourceThatIsReplacedAlready(t *testing.T) {
	w, plan := newWorld(t), planFor(t, "a")
	old := w.stored(plan, 0, time.Hour, 12*time.Hour)
	w.respond(func(c call) error {
		if c.from != old.Credentials.AccessKeyID() {
			return nil
		}
		w.stored(plan, 0, time.Minute, 12*time.Hour)
		return refusedCall(RefusedSource)
	})
	p := w.process()
	p.available = noInput{}
	p.mustGet(plan)
	w.wantCalls("AssumeRole a", "AssumeRole a")
}

// While another process is about to renew it, what was refused stays for that
// one to replace, and is not tried again.
func TestRefusedSourceThatStays(t *testing.T) {
	w, plan := newWorld(t), planFor(t, "a")
	old := w.stored(plan, 0, time.Hour, 12*time.Hour)
	w.respond(func(c call) error {
		if c.from == old.Credentials.AccessKeyID() {
			// Somebody else holds its lock, so that it is not removed.
			lock, got, err := privatefile.TryLock(w.lockPath(plan.Steps[0].Key))
			if err != nil || !got {
				t.Errorf("%v, %v", got, err)
				return refusedCall(RefusedSource)
			}
			time.AfterFunc(2*pollEvery, func() {
				if _, ok, _ := w.cache().Load(plan.Steps[0].Key, w.now()); !ok {
					t.Error("removed under another's lock")
				}
				lock.Unlock()
			})
			return refusedCall(RefusedSource)
		}
		return nil
	})
	w.process().mustGet(plan)
	w.wantCalls("AssumeRole a", "GetSessionToken", "AssumeRole a")
}

func TestChainWithTwoRefusedSources(t *testing.T) {
	w, plan := newWorld(t), planFor(t, "a", "b")
	w.stored(plan, 0, time.Hour, 12*time.Hour)
	w.stored(plan, 1, 30*time.Minute, time.Hour)
	w.respond(func(c call) error {
		if c.from == "ASIA0000000000000001" || c.from == "ASIA0000000000000002" {
			return refusedCall(RefusedSource)
		}
		return nil
	})
	w.process().mustGet(plan)
	w.wantCalls("AssumeRole b", "AssumeRole a", "GetSessionToken", "AssumeRole a", "AssumeRole b")
}

func TestCodesAreTriedAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		tries  int // that Codes gives after a refusal
		bad    int // codes that AWS refuses
		codes  int
		worked bool
	}{
		{"at once", 2, 0, 1, true},
		{"the second", 2, 1, 2, true},
		{"the third", 2, 2, 3, true},
		{"none of three", 2, 3, 3, false},
		{"only one to have", 0, 1, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			bad := c.bad
			w.respond(func(call) error {
				if bad--; bad >= 0 {
					return refusedCall(RefusedCode)
				}
				return nil
			})
			p := w.process()
			p.tries = c.tries
			_, err := p.get(planFor(t), Freshness{})
			if (err == nil) != c.worked || !c.worked && refusal(err) != RefusedCode {
				t.Errorf("%v", err)
			}
			if len(p.requests) != c.codes || len(w.made()) != c.codes {
				t.Errorf("%d codes", len(p.requests))
			}
			for i, req := range p.requests {
				if req.Attempt != i+1 || (req.Last == nil) != (i == 0) {
					t.Errorf("request %d: %+v", i, req)
				}
			}
			w.wantAllFree()
		})
	}
}

// Only a refused code leads to another one.
func TestOtherRefusalsEndTheTries(t *testing.T) {
	for _, meaning := range []Refusal{RefusedOther, RefusedSource, RefusedDenied, RefusedNetwork} {
		w := newWorld(t)
		w.respond(func(call) error { return refusedCall(meaning) })
		p := w.process()
		p.tries = 9
		if _, err := p.get(planFor(t), Freshness{}); !errors.Is(err, refusedCall(meaning)) || len(p.requests) != 1 {
			t.Errorf("%d: %d codes, %v", meaning, len(p.requests), err)
		}
		w.wantAllFree()
	}
}

func TestNoCodeAfterAll(t *testing.T) {
	w := newWorld(t)
	p := w.process()
	p.next = func(CodeRequest) (Code, error) { return nil, noInput{} }
	if _, err := p.get(planFor(t), Freshness{}); !errors.Is(err, noInput{}) {
		t.Errorf("%v", err)
	}
	w.wantCalls()
	w.wantAllFree()
}

func TestSuspendReleasesEveryLock(t *testing.T) {
	w, plan := newWorld(t), planFor(t, "a", "b")
	p := w.process()
	suspended := 0
	p.next = func(CodeRequest) (Code, error) {
		if suspended == 0 {
			return nil, ErrSuspended
		}
		return w.goodCode(), nil
	}
	p.Suspend = func() {
		suspended++
		w.wantAllFree()
		for _, path := range append(w.stepLocks(plan), w.devicePath()) {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("this lock was never taken: %v", err)
			}
		}
	}
	p.mustGet(plan)
	if suspended != 1 || len(p.requests) != 2 || p.requests[1].Attempt != 1 || p.asked < 2 {
		t.Errorf("suspended %d times; requests %+v, asked %d times", suspended, p.requests, p.asked)
	}
	w.wantCalls("GetSessionToken", "AssumeRole a", "AssumeRole b")
}

// Patience begins anew with the run, and a command that gave its keys is not
// asked again.
func TestStartingOverAfterSuspension(t *testing.T) {
	w := newWorld(t)
	p, plan, ran := command(t, w, testSerial, newCredentials(t, testID, "", time.Time{}), Options{})
	path := w.lockPath(plan.Steps[0].Key)
	lock := w.hold(path, "pid=1 tty=")
	time.AfterFunc(90*time.Millisecond, func() { lock.Unlock() })
	p.next = func(CodeRequest) (Code, error) { return nil, ErrSuspended }
	p.Suspend = func() {
		p.next, p.Patience = nil, 80*time.Millisecond // less than was waited before
		lock := w.hold(path, "pid=1 tty=")
		time.AfterFunc(5*time.Millisecond, func() { lock.Unlock() })
	}
	p.mustGet(plan)
	if *ran != 1 {
		t.Errorf("the command ran %d times", *ran)
	}
}

// Whoever was let in meanwhile has done the work.
func TestSuspendedLongEnough(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	p := w.process()
	p.next = func(CodeRequest) (Code, error) { return nil, ErrSuspended }
	p.Suspend = func() { w.pass(time.Hour); w.process().mustGet(plan) }
	got, err := p.get(plan, Freshness{MinTTL: 24 * time.Hour, Explicit: true})
	if err != nil || id(got) != "ASIA0000000000000001" {
		t.Errorf("%v, %v", got, err)
	}
	w.wantCalls("GetSessionToken")
}

func TestFailedWriteLosesNothing(t *testing.T) {
	w, plan := newWorld(t), planFor(t, "a")
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, w.cache().Dir, nil, 0o600)
	p := w.process()
	got := p.mustGet(plan)
	if id(got) != "ASIA0000000000000002" || !slices.ContainsFunc(got.Warnings, func(s string) bool { return strings.HasPrefix(s, "the session is not cached: ") }) {
		t.Errorf("%v, warnings %q", id(got), got.Warnings)
	}
	w.wantCalls("GetSessionToken", "AssumeRole a")
}

func TestDamagedEntryIsReplaced(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	w.stored(plan, 0, time.Hour, 12*time.Hour)
	mustWrite(t, w.cache().path(plan.Steps[0].Key), []byte("x"), 0o600)
	got := w.process().mustGet(plan)
	if want := []string{"cached session ignored: cache entry is damaged"}; !slices.Equal(got.Warnings, want) {
		t.Errorf("warnings %q", got.Warnings)
	}
	w.pass(time.Minute)
	if _, ok := w.process().Peek(plan, Freshness{MinTTL: fiveMinutes}); !ok {
		t.Error("the new entry is not there")
	}
}

// command is a plan on a credential_process, with what it gives.
func command(t *testing.T, w *world, serial string, gives credentials.Credentials, o Options, roles ...string) (*process, *Plan, *int) {
	t.Helper()
	r := resolve(t, roles...)
	r.Source = profile.Source{Kind: profile.SourceProcess, Profile: "dev", Text: value("/bin/helper")}
	if r.MFASerial = (profile.Value{}); serial != "" {
		r.MFASerial = value(serial)
	}
	p, ran := w.process(), new(int)
	p.Fetch = func(_ context.Context, src profile.Source) (credentials.Credentials, error) {
		if *ran++; src.Text.Text != "/bin/helper" {
			t.Errorf("ran %q", src.Text.Text)
		}
		return gives, nil
	}
	return p, mustPlan(t, r, o), ran
}

func TestCommandThatGivesKeys(t *testing.T) {
	keys := newCredentials(t, "AKIAFROMCOMMAND00001", "", time.Time{})
	w := newWorld(t)
	p, plan, ran := command(t, w, testSerial, keys, Options{}, "a")
	p.mustGet(plan)
	if c := w.calls[0]; c.from != "AKIAFROMCOMMAND00001" || c.code == "" || *ran != 1 {
		t.Errorf("%+v, ran %d times", c, *ran)
	}
	w.wantCalls("GetSessionToken", "AssumeRole a")
	w.pass(30 * time.Minute)
	p.mustGet(plan)
	if *ran != 1 {
		t.Error("a live role session needs no command")
	}

	p, plan, ran = command(t, w, testSerial, keys, Options{}, "b")
	p.available = noInput{}
	p.mustGet(plan)
	if *ran != 0 {
		t.Error("a live session needs no command")
	}
	p, plan, _ = command(t, w, testSerial, keys, Options{Duration: flag("2h")}, "c")
	p.available = noInput{}
	if _, err := p.get(plan, Freshness{}); !errors.Is(err, noInput{}) || len(p.requests) != 0 {
		t.Errorf("long-term keys need a code: %v", err)
	}
	p, plan, _ = command(t, w, "", keys, Options{}, "d")
	if _, err := p.get(plan, Freshness{}); !errors.Is(err, ErrNoDevice) {
		t.Errorf("long-term keys and no device: %v", err)
	}
	p, plan, _ = command(t, w, "", keys, Options{})
	if _, err := p.get(plan, Freshness{}); !errors.Is(err, ErrNoDevice) {
		t.Errorf("long-term keys are never printed: %v", err)
	}
	w.made()
	p, plan, _ = command(t, w, "", keys, Options{NoMFA: true})
	p.mustGet(plan)
	w.wantCalls("GetSessionToken")
	w.wantAllFree()
}

func TestCommandThatGivesASession(t *testing.T) {
	gives := func(life time.Duration) credentials.Credentials {
		return newCredentials(t, "ASIAFROMCOMMAND00001", "token", testStart().Add(life))
	}
	w := newWorld(t)
	// A device is configured, and nobody is there; but no code is needed.
	p, plan, _ := command(t, w, testSerial, gives(time.Hour), Options{}, "a")
	p.available = noInput{}
	p.mustGet(plan)
	if c := w.lastCall(); c.from != "ASIAFROMCOMMAND00001" || c.code != "" {
		t.Errorf("%+v", c)
	}
	w.wantCalls("AssumeRole a")
	p, plan, _ = command(t, w, "", gives(time.Hour), Options{}, "b")
	p.mustGet(plan)
	w.wantCalls("AssumeRole b")
	p, plan, ran := command(t, w, "", gives(time.Hour), Options{})
	if got := p.mustGet(plan); id(got) != "ASIAFROMCOMMAND00001" || got.Cached || *ran != 1 {
		t.Errorf("%v, ran %d times", got, *ran)
	}

	// A long role on it is chained after all.
	p, plan, _ = command(t, w, testSerial, gives(time.Hour), Options{Duration: flag("2h")}, "c")
	var duration *DurationError
	if _, err := p.get(plan, Freshness{}); !errors.As(err, &duration) || !duration.Chained || !duration.Flag || duration.Max != time.Hour {
		t.Errorf("asked for by flag: %v", err)
	}
	w.wantCalls()
	p, plan, _ = command(t, w, testSerial, gives(time.Hour), Options{}, "d")
	plan = mustPlan(t, &profile.Resolved{
		Profile: "d", Source: plan.Source, MFASerial: plan.MFASerial, Roles: []profile.Role{plan.Steps[1].Role},
		Duration: 2 * time.Hour, DurationFrom: value("2h"),
	}, Options{})
	got := p.mustGet(plan)
	if c := w.lastCall(); c.duration != time.Hour || c.code != "" || !slices.Equal(got.Warnings,
		[]string{"duration reduced to 1h: the source is temporary (role chaining)"}) {
		t.Errorf("%+v, warnings %q", c, got.Warnings)
	}
	w.wantAllFree()
}

// Nothing can be said later about credentials that do not tell their end.
func TestCommandWithoutAnEnd(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		p, plan, ran := command(t, w, testSerial, newCredentials(t, "ASIAFROMCOMMAND00001", "token", time.Time{}), Options{})
		if got := p.mustGet(plan); id(got) != "ASIAFROMCOMMAND00001" || len(got.Warnings) != 0 || *ran != 1 {
			t.Errorf("%v, ran %d times", got, *ran)
		}
	}
	if all, _ := w.cache().All(w.now()); len(all) != 0 {
		t.Error("they are in the cache")
	}
}

func TestCommandThatFails(t *testing.T) {
	failed := errors.New("no such command")
	for _, serial := range []string{"", testSerial} {
		w := newWorld(t)
		p, plan, _ := command(t, w, serial, credentials.Credentials{}, Options{}, "a")
		p.Fetch = func(context.Context, profile.Source) (credentials.Credentials, error) {
			return credentials.Credentials{}, failed
		}
		if _, err := p.get(plan, Freshness{}); !errors.Is(err, failed) {
			t.Errorf("%v", err)
		}
		w.wantCalls()
		w.wantAllFree()
	}
}

func TestPastedSessionUnderARole(t *testing.T) {
	w, r := newWorld(t), resolve(t, "a")
	r.Source.Kind, r.Source.Keys = profile.SourceSession, newCredentials(t, "ASIAPASTED0000000001", "token", time.Time{})
	r.MFASerial = profile.Value{}
	p := w.process()
	p.available = noInput{}
	p.mustGet(mustPlan(t, r, Options{}))
	if c := w.lastCall(); c.from != "ASIAPASTED0000000001" || c.duration != time.Hour {
		t.Errorf("%+v", c)
	}
}

func TestPanicReleasesTheLocks(t *testing.T) {
	w := newWorld(t)
	p := w.process()
	p.next = func(CodeRequest) (Code, error) { panic("odd") }
	func() {
		defer func() { recover() }()
		p.get(planFor(t, "a"), Freshness{})
		t.Error("no panic")
	}()
	w.wantAllFree()
}

// What is on its way during a logout is printed, and not kept.
func TestLogoutDuringRenewal(t *testing.T) {
	for name, logout := range map[string]func(*world, *Plan){
		"of all":         func(w *world, _ *Plan) { w.cache().Clear() },
		"of the profile": func(w *world, p *Plan) { w.cache().Forget(w.now(), p) },
	} {
		w, plan := newWorld(t), planFor(t)
		w.respond(func(call) error { logout(w, plan); return nil })
		got, err := w.process().Get(t.Context(), plan, Interactive())
		if err != nil || got.Credentials().IsZero() || len(got.Warnings) != 1 {
			t.Errorf("%s: %v, warnings %q", name, err, got.Warnings)
		}
		if all, _ := w.cache().All(w.now()); len(all) != 0 {
			t.Errorf("%s: the session is kept", name)
		}
		w.respond(nil)
		w.process().mustGet(plan)
		if all, _ := w.cache().All(w.now()); len(all) != 1 {
			t.Errorf("%s: the next session is not kept", name)
		}
	}
	w, plan := newWorld(t), planFor(t)
	w.respond(func(call) error { w.cache().Forget(w.now(), planFor(t, "a")); return nil })
	if got := w.process().mustGet(plan); len(got.Warnings) != 1 {
		t.Errorf("the role's logout takes the session that it rests on: %q", got.Warnings)
	}
}

// A clock that was set back a little does not make an old entry a new one.
func TestRefreshAfterTheClockWasSetBack(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	old := w.process().mustGet(plan)
	w.pass(-4 * time.Second)
	got, err := w.process().Get(t.Context(), plan, Freshness{MinTTL: time.Minute, Refresh: true})
	if err != nil || got.Credentials().AccessKeyID() == old.Credentials().AccessKeyID() {
		t.Errorf("the old one is served: %v", err)
	}
}

// A code that did not leave in its time was seen by nobody: another takes its
// place, without counting as a try, three times at most.
func TestStaleCodesAreReplaced(t *testing.T) {
	for _, c := range []struct {
		stale, codes int
		worked       bool
	}{{0, 1, true}, {1, 2, true}, {2, 3, true}, {3, 3, false}} {
		w := newWorld(t)
		left := c.stale
		w.respond(func(call) error {
			if left--; left >= 0 {
				return refusedCall(RefusedStale)
			}
			return nil
		})
		p := w.process()
		_, err := p.get(planFor(t), Freshness{})
		if (err == nil) != c.worked || !c.worked && refusal(err) != RefusedStale {
			t.Errorf("%d stale: %v", c.stale, err)
		}
		if len(p.requests) != c.codes {
			t.Errorf("%d stale: %d codes", c.stale, len(p.requests))
		}
		for _, req := range p.requests {
			if req.Attempt != 1 || req.Last != nil {
				t.Errorf("%d stale: %+v", c.stale, req)
			}
		}
		w.wantAllFree()
	}
}

// The time of a request was wrong: whether there is another code is for Codes
// to say, and what stands in for no answer stands in here too.
func TestRefusedClock(t *testing.T) {
	for _, tries := range []int{0, 1} {
		w := newWorld(t)
		refused := false
		w.respond(func(call) error {
			if !refused {
				refused = true
				return refusedCall(RefusedClock)
			}
			return nil
		})
		p := w.process()
		p.tries = tries
		_, err := p.get(planFor(t), Freshness{})
		if (err == nil) != (tries == 1) || len(p.requests) != tries+1 {
			t.Errorf("%d tries: %v after %d codes", tries, err, len(p.requests))
		}
		if tries == 1 && (len(p.meanings) != 1 || p.meanings[0] != RefusedClock) {
			t.Errorf("asked about %v", p.meanings)
		}
		w.wantAllFree()
	}
	for _, meaning := range []Refusal{RefusedClock, RefusedStale} {
		w, plan := newWorld(t), planFor(t)
		old := w.stored(plan, 0, 12*time.Hour-2*time.Minute, 12*time.Hour)
		w.respond(func(call) error { return refusedCall(meaning) })
		got := w.process().mustGet(plan)
		if !got.Cached || got.Entry.Credentials.AccessKeyID() != old.Credentials.AccessKeyID() || len(got.Warnings) == 0 {
			t.Errorf("%d: %+v", meaning, got)
		}
	}
}
