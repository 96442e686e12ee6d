package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awsmfa/internal/privatefile"
)

// leader starts a Get that AWS holds up, and returns when it holds its locks.
// AWS answers as soon as the returned function is called.
func (w *world) leader(p *process, plan *Plan) (done chan outcome, answer func(error)) {
	w.t.Helper()
	arrived, answers := make(chan struct{}), make(chan error)
	var once sync.Once
	w.respond(func(call) (err error) {
		once.Do(func() {
			close(arrived)
			err = <-answers
		})
		return err
	})
	done = p.start(context.Background(), plan, Freshness{MinTTL: fiveMinutes})
	select {
	case <-arrived:
	case o := <-done:
		w.t.Fatalf("the leader is done already: %v", o.err)
	}
	return done, func(err error) { answers <- err }
}

// waiter starts a Get that comes behind a leader, and returns when it waits.
func (w *world) waiter(p *process, plan *Plan, want Freshness) chan outcome {
	done := p.start(context.Background(), plan, want)
	<-p.waits
	return done
}

func TestWaitersGetWhatTheLeaderGot(t *testing.T) {
	for name, want := range map[string]Freshness{
		"usual": {MinTTL: fiveMinutes}, "asked for more": {MinTTL: 24 * time.Hour, Explicit: true}, "refresh": {Refresh: true},
	} {
		w, plan := newWorld(t), planFor(t)
		led, answer := w.leader(w.process(), plan)
		var waiting []chan outcome
		for range 3 {
			p := w.process()
			p.next = func(CodeRequest) (Code, error) { t.Error("a waiter asks for a code"); return nil, noInput{} }
			waiting = append(waiting, w.waiter(p, plan, want))
		}
		w.pass(time.Minute)
		answer(nil)
		first := <-led
		for _, done := range waiting {
			if o := <-done; o.err != nil || id(o.Result) != id(first.Result) {
				t.Errorf("%s: %v, %v", name, o.Result, o.err)
			}
		}
		w.wantCalls("GetSessionToken")
		w.wantAllFree()
	}
}

// What was waited for serves although our clock says that it is over: it is
// ahead by more than the session lives.
func TestWaitersTrustTheLeaderNotTheClock(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	w.offset = -20 * time.Hour
	led, answer := w.leader(w.process(), plan)
	waiting := w.waiter(w.process(), plan, Freshness{MinTTL: fiveMinutes})
	answer(nil)
	first := <-led
	if o := <-waiting; o.err != nil || id(o.Result) != id(first.Result) {
		t.Errorf("%v, %v", o.Result, o.err)
	}
	w.wantCalls("GetSessionToken")
}

// But not when it ended while we were stopped.
func TestWaitersTakeNothingThatEnded(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	r := &run{Renewer: w.process().Renewer, plan: plan, began: w.now()}
	w.pass(time.Minute)
	w.stored(plan, 0, 0, time.Hour)
	if _, ok := r.load(0); !ok {
		t.Error("a new entry does not serve")
	}
	w.pass(time.Hour)
	if _, ok := r.load(0); ok {
		t.Error("an entry that ended serves")
	}
}

func TestEntryAppearsWhileSomebodyElseHoldsTheLock(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	held := w.hold(w.lockPath(plan.Steps[0].Key), "pid=1 tty=")
	defer held.Unlock()
	done := w.waiter(w.process(), plan, Freshness{MinTTL: fiveMinutes})
	e := w.stored(plan, 0, 0, time.Hour)
	if o := <-done; o.err != nil || id(o.Result) != e.Credentials.AccessKeyID() {
		t.Errorf("%v, %v", o.Result, o.err)
	}
	w.wantCalls()
}

// hold takes a lock as another process would.
func (w *world) hold(path, holder string) *privatefile.Lock {
	w.t.Helper()
	if err := privatefile.EnsureDir(w.locks()); err != nil {
		w.t.Fatal(err)
	}
	lock, got, err := privatefile.TryLock(path)
	if err != nil || !got {
		w.t.Fatal(got, err)
	}
	lock.SetHolder(holder)
	return lock
}

func TestFailureIsSharedWithThoseWhoWaited(t *testing.T) {
	w, plan := newWorld(t), planFor(t, "a")
	led, answer := w.leader(w.process(), plan)
	var waiting []chan outcome
	for range 3 {
		waiting = append(waiting, w.waiter(w.process(), plan, Freshness{MinTTL: fiveMinutes}))
	}
	// Another role waits for the session inside.
	waiting = append(waiting, w.waiter(w.process(), planFor(t, "b"), Freshness{MinTTL: fiveMinutes}))
	// And behind it one that hears of the failure from it.
	waiting = append(waiting, w.waiter(w.process(), planFor(t, "b"), Freshness{MinTTL: fiveMinutes}))
	time.Sleep(2 * pollEvery) // until the first of them is at the inner lock
	answer(refusedCall(RefusedDenied))
	if o := <-led; !errors.Is(o.err, refusedCall(RefusedDenied)) {
		t.Errorf("the leader: %v", o.err)
	}
	for _, done := range waiting {
		o := <-done
		var shared *SharedError
		if !errors.As(o.err, &shared) || shared.Exit != 6 || shared.Error() != "refused in the way 3" ||
			refusal(o.err) != RefusedDenied || !slices.Equal(shared.Hints, []string{"a hint", "another"}) {
			t.Errorf("a waiter: %+v", o.err)
		}
	}
	w.wantCalls("GetSessionToken")
	w.wantAllFree()
	// A newcomer tries for itself.
	w.process().mustGet(plan)
	w.wantCalls("GetSessionToken", "AssumeRole a")
}

func TestSharedNetworkFailureLetsWaitersStandIn(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	old := w.stored(plan, 0, 12*time.Hour-2*time.Minute, 12*time.Hour)
	led, answer := w.leader(w.process(), plan)
	waiting := w.waiter(w.process(), plan, Freshness{MinTTL: fiveMinutes})
	strict := w.waiter(w.process(), plan, Freshness{MinTTL: fiveMinutes, Explicit: true})
	answer(refusedCall(RefusedNetwork))
	for _, done := range []chan outcome{led, waiting} {
		if o := <-done; o.err != nil || id(o.Result) != old.Credentials.AccessKeyID() || len(o.Warnings) != 1 {
			t.Errorf("%v, %v", o.Result, o.err)
		}
	}
	if o := <-strict; !errors.As(o.err, new(*SharedError)) {
		t.Errorf("%v, %v", o.Result, o.err)
	}
	w.wantCalls("GetSessionToken")
}

func TestLackOfInputIsNotShared(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	p := w.process()
	waits, fails := make(chan struct{}), make(chan struct{})
	p.next = func(CodeRequest) (Code, error) { close(waits); <-fails; return nil, noInput{} }
	led := p.start(context.Background(), plan, Freshness{})
	<-waits
	next := w.waiter(w.process(), plan, Freshness{})
	close(fails)
	if o := <-led; !errors.Is(o.err, noInput{}) {
		t.Errorf("the leader: %v", o.err)
	}
	if o := <-next; o.err != nil {
		t.Errorf("the next: %v", o.err)
	}
	w.wantCalls("GetSessionToken")
}

func TestFailureOnATerminalStaysThere(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	p := w.process()
	p.shareTTY = "/dev/pts/1"
	led, answer := w.leader(p, plan)
	here, there := w.process(), w.process()
	there.TTY = "/dev/pts/2"
	same, other := w.waiter(here, plan, Freshness{}), w.waiter(there, plan, Freshness{})
	// The other one's success would serve here as well: it has to come later.
	heard := make(chan struct{})
	inner := w.answer
	w.respond(func(c call) error {
		if len(there.requests) > 0 {
			<-heard
		}
		return inner(c)
	})
	answer(refusedCall(RefusedOther))
	<-led
	if o := <-same; !errors.As(o.err, new(*SharedError)) {
		t.Errorf("on the same terminal: %v, %v", o.Result, o.err)
	}
	close(heard)
	if o := <-other; o.err != nil {
		t.Errorf("on another: %v", o.err)
	}
	w.wantCalls("GetSessionToken", "GetSessionToken")
}

func TestFailureFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "locks")
	if err := privatefile.EnsureDir(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x.lock")
	h := held{lock: &privatefile.Lock{}, path: path}
	f := Failure{Exit: 7, Meaning: RefusedNetwork, TTY: "/dev/pts/1", Message: "no\nnetwork", Hints: []string{"one", "", "t\nwo"}}
	h.tell(f)
	got, mark := failure(path)
	if got.Exit != 7 || got.Meaning != RefusedNetwork || got.TTY != f.TTY || got.Message != "no network" ||
		!slices.Equal(got.Hints, []string{"one", "", "t wo"}) || mark == "" {
		t.Errorf("%+v, %q", got, mark)
	}
	h.tell(f)
	if _, again := failure(path); again == mark || again == "" {
		t.Error("two failures with one mark")
	}
	held{path: path}.tell(Failure{Exit: 1}) // who holds no lock has nothing to say
	if got, _ := failure(path); got.Exit != 7 {
		t.Errorf("%+v", got)
	}
	for _, text := range []string{"", "m\n7\n4\n\n", "m\n0\n4\n\nfine\n", "m\n-1\n4\n\nfine\n", "m\nx\n4\n\nbad\n", "m\n7\nx\n\nbad\n",
		"m\n7\n4\n\n" + strings.Repeat("x", 20_000)} {
		mustWrite(t, failurePath(path), []byte(text), 0o600)
		if got, mark := failure(path); mark != "" || got.Exit != 0 {
			t.Errorf("%.20q: %+v, %q", text, got, mark)
		}
	}
}

// Somebody removes the whole cache while we wait: nothing is taken for a
// failure, and the locks are made anew.
func TestCacheDisappearsWhileWaiting(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	path := w.lockPath(plan.Steps[0].Key)
	lock := w.hold(path, "pid=1 tty=")
	held{lock, path}.tell(Failure{Exit: 6, Message: "an old failure"})
	p := w.process()
	done := w.waiter(p, plan, Freshness{MinTTL: fiveMinutes})
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	o := <-done
	if o.err != nil || len(o.Warnings) != 0 {
		t.Errorf("%v, warnings %q", o.err, o.Warnings)
	}
	lock.Unlock()
	if _, ok := p.Peek(plan, Freshness{MinTTL: fiveMinutes}); !ok {
		t.Error("the session is not in the cache")
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("there is no lock: %v", err)
	}
}

func TestPatience(t *testing.T) {
	w, plan := newWorld(t), planFor(t, "a")
	p := w.process()
	p.Patience = 30 * time.Millisecond
	for holder, want := range map[string]string{
		"pid=42 tty=/dev/pts/9": "gave up waiting for another awsmfa (pid 42 on /dev/pts/9) after 0s",
		"pid=42 tty=":           "gave up waiting for another awsmfa (pid 42) after 0s",
		"":                      "gave up waiting for another awsmfa after 0s",
	} {
		lock := w.hold(w.lockPath(plan.Steps[1].Key), holder)
		if _, err := p.get(plan, Freshness{}); !errors.Is(err, ErrWaited) || err.Error() != want {
			t.Errorf("%q: %v", holder, err)
		}
		lock.Unlock()
	}
	w.wantCalls()
	w.wantAllFree()
}

// A chain has many locks, and the device one more; patience is for all.
func TestPatienceIsForAllLocks(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	for _, inner := range []string{w.lockPath(plan.Steps[0].Key), w.devicePath()} {
		lock := w.hold(inner, "pid=1 tty=")
		r := &run{Renewer: w.process().Renewer, plan: plan, began: w.now(), waited: time.Hour}
		r.Patience = time.Hour
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := r.get(ctx); !errors.Is(err, ErrWaited) {
			t.Errorf("%v", err)
		}
		lock.Unlock()
		w.wantAllFree()
	}
	r := &run{Renewer: w.process().Renewer, plan: plan, began: w.now()}
	r.Patience = 10 * time.Millisecond
	lock := w.hold(w.devicePath(), "pid=1 tty=")
	defer lock.Unlock()
	if _, _, _, err := r.acquire(context.Background(), deviceLock(testSerial), errNoEntry); !errors.Is(err, ErrWaited) || r.waited < r.Patience {
		t.Errorf("waited %s: %v", r.waited, err)
	}
}

func TestCancelledWait(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	lock := w.hold(w.lockPath(plan.Steps[0].Key), "pid=1 tty=")
	defer lock.Unlock()
	why := errors.New("a signal")
	ctx, cancel := context.WithCancelCause(context.Background())
	p := w.process()
	done := p.start(ctx, plan, Freshness{})
	<-p.waits
	cancel(why)
	if o := <-done; o.err != why {
		t.Errorf("%v", o.err)
	}
}

func TestHolderIsNamedInTheLock(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	p := w.process()
	p.next = func(CodeRequest) (Code, error) {
		for _, path := range []string{w.lockPath(plan.Steps[0].Key), w.devicePath()} {
			if got := privatefile.Holder(path); got != "pid=4711 tty=/dev/pts/1" {
				t.Errorf("holder %q", got)
			}
		}
		return w.goodCode(), nil
	}
	p.mustGet(plan)
	if got := privatefile.Holder(w.devicePath()); got != "" {
		t.Errorf("a free lock names %q", got)
	}
}

func TestWhatWaitersSay(t *testing.T) {
	for _, c := range []struct {
		name, holder string
		onTerminal   bool
		waited       time.Duration
		want         []string
	}{
		{"another terminal", "pid=7 tty=/dev/pts/9", true, time.Second, []string{"waiting for another awsmfa (pid 7 on /dev/pts/9)"}},
		{"no terminal", "pid=7 tty=", true, time.Second, []string{"waiting for another awsmfa (pid 7)"}},
		{"this terminal", "pid=7 tty=/dev/pts/1", true, time.Second, nil},
		{"this terminal, but stderr goes elsewhere", "pid=7 tty=/dev/pts/1", false, time.Second,
			[]string{"waiting for another awsmfa (pid 7 on /dev/pts/1)"}},
		{"nobody known", "", true, time.Second, nil},
		{"a moment", "pid=7 tty=/dev/pts/9", true, 0, nil},
	} {
		w, plan := newWorld(t), planFor(t)
		path := w.lockPath(plan.Steps[0].Key)
		lock := w.hold(path, c.holder)
		p := w.process()
		p.OnTerminal = c.onTerminal
		wait := waiter{run: &run{Renewer: p.Renewer, plan: plan}, path: path, since: time.Now().Add(-c.waited)}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range 2 { // it is said once
			wait.pause(ctx)
		}
		if !slices.Equal(p.notes, c.want) {
			t.Errorf("%s: %q", c.name, p.notes)
		}
		lock.SetHolder("pid=8 tty=")
		if wait.pause(ctx); c.waited > 0 && !slices.Contains(p.notes, "waiting for another awsmfa (pid 8)") {
			t.Errorf("%s: the next holder is not named: %q", c.name, p.notes)
		}
		lock.Unlock()
	}
}

// Where the file system has no locks the work is done, and the cache is used.
func TestWithoutLocks(t *testing.T) {
	spoil := map[string]func(*world, *Plan) error{
		"a file for a directory": func(w *world, _ *Plan) error { return os.WriteFile(w.locks(), nil, 0o600) },
		"open to others": func(w *world, _ *Plan) error {
			return errors.Join(os.Mkdir(w.locks(), 0o700), os.Chmod(w.locks(), 0o755))
		},
		"a directory for a lock": func(w *world, p *Plan) error {
			err := os.Mkdir(w.locks(), 0o700)
			for _, path := range append(w.stepLocks(p), w.devicePath()) {
				err = errors.Join(err, os.Mkdir(path, 0o700))
			}
			return err
		},
	}
	for name, f := range spoil {
		t.Run(name, func(t *testing.T) {
			w, plan := newWorld(t), planFor(t, "a", "b")
			if err := errors.Join(os.Mkdir(w.dir, 0o700), f(w, plan)); err != nil {
				t.Fatal(err)
			}
			p := w.process()
			p.next = func(CodeRequest) (Code, error) { return w.goodCode(), nil }
			p.Codes = lockless{p}
			got := p.mustGet(plan)
			if len(got.Warnings) == 0 || !strings.HasPrefix(got.Warnings[0], "working without locks: ") {
				t.Errorf("warnings %q", got.Warnings)
			}
			w.wantCalls("GetSessionToken", "AssumeRole a", "AssumeRole b")
			w.pass(56 * time.Minute)
			p.available = noInput{}
			p.mustGet(plan)
			w.wantCalls("AssumeRole b")
			// A source that is refused is replaced here too.
			w.pass(61 * time.Minute)
			p.available = nil
			w.respond(func(c call) error {
				if c.from == "ASIA0000000000000001" {
					return refusedCall(RefusedSource)
				}
				return nil
			})
			p.mustGet(plan)
			w.wantCalls("AssumeRole a", "GetSessionToken", "AssumeRole a", "AssumeRole b")
		})
	}
}

// lockless gives codes without looking for the device's lock.
type lockless struct{ *process }

func (l lockless) Next(_ context.Context, req CodeRequest) (Code, error) { return l.next(req) }

func TestExclusive(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(w.locks(), "choose.lock")
	p := w.process()
	inside := errors.New("from inside")
	for _, want := range []error{nil, inside, ErrSuspended} {
		ran := false
		err := p.Exclusive(context.Background(), "choose", func() error {
			if ran = true; w.free(path) {
				t.Error("the lock is not held")
			}
			return want
		})
		if !ran || err != want {
			t.Errorf("%v, ran %v", err, ran)
		}
		w.wantAllFree()
	}
	func() {
		defer func() { recover() }()
		p.Exclusive(context.Background(), "choose", func() error { panic("odd") })
	}()
	w.wantAllFree()
	lock := w.hold(path, "pid=1 tty=")
	defer lock.Unlock()
	p.Patience = 10 * time.Millisecond
	if err := p.Exclusive(context.Background(), "choose", func() error { t.Error("ran"); return nil }); !errors.Is(err, ErrWaited) {
		t.Errorf("%v", err)
	}
}

func TestExclusiveRunsOneAtATime(t *testing.T) {
	w := newWorld(t)
	var wait sync.WaitGroup
	var inside, ran atomic.Int32
	for range 8 {
		wait.Go(func() {
			err := w.process().Exclusive(context.Background(), "choose", func() error {
				if inside.Add(1) != 1 {
					t.Error("two at once")
				}
				time.Sleep(time.Millisecond)
				inside.Add(-1)
				ran.Add(1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if ran.Load() != 8 {
		t.Errorf("%d ran", ran.Load())
	}
}

func TestExclusiveSharesItsFailure(t *testing.T) {
	w := newWorld(t)
	began, fail := make(chan struct{}), make(chan struct{})
	led := make(chan error, 1)
	go func() {
		led <- w.process().Exclusive(context.Background(), "choose", func() error {
			close(began)
			<-fail
			return refusedCall(RefusedDenied)
		})
	}()
	<-began
	p := w.process()
	next := make(chan error, 1)
	one := &run{Renewer: p.Renewer}
	go func() {
		_, _, _, err := one.acquire(context.Background(), "choose", func() (Entry, bool) {
			p.once.Do(func() { close(p.waits) })
			return Entry{}, false
		})
		next <- err
	}()
	<-p.waits
	close(fail)
	if err := <-led; !errors.Is(err, refusedCall(RefusedDenied)) {
		t.Errorf("%v", err)
	}
	if err := <-next; !errors.As(err, new(*SharedError)) {
		t.Errorf("%v", err)
	}
}

func TestDeviceLocksDiffer(t *testing.T) {
	a, b := deviceLock(testSerial), deviceLock(testSerial+"2")
	if a == b || strings.ContainsAny(a, "/:") {
		t.Errorf("%q, %q", a, b)
	}
}

// Chains and the roles on their way take the same locks, always from the last
// role to the session and then the device: nobody waits for another in a
// circle, and nothing is asked of AWS twice.
func TestCrowdOnChains(t *testing.T) {
	w := newWorld(t)
	plans := []*Plan{planFor(t, "a", "b", "c"), planFor(t, "a", "b"), planFor(t, "a"), planFor(t), planFor(t, "a", "b", "d")}
	session, a, b, c := plans[0].Steps[0].Key, plans[0].Steps[1].Key, plans[0].Steps[2].Key, plans[0].Steps[3].Key
	for round, r := range []struct {
		remove []Key
		want   []string
	}{
		{nil, []string{"AssumeRole a", "AssumeRole b", "AssumeRole c", "AssumeRole d", "GetSessionToken"}},
		{[]Key{c}, []string{"AssumeRole c"}},
		{[]Key{a, b, c}, []string{"AssumeRole a", "AssumeRole b", "AssumeRole c"}},
		{[]Key{session, b}, []string{"AssumeRole b", "GetSessionToken"}},
		{[]Key{session, a, b, c}, []string{"AssumeRole a", "AssumeRole b", "AssumeRole c", "GetSessionToken"}},
	} {
		w.pass(time.Minute)
		for _, k := range r.remove {
			if there, err := w.cache().Remove(k); !there || err != nil {
				t.Fatalf("round %d: %v, %v", round, there, err)
			}
		}
		got := make([]string, 30)
		var wait sync.WaitGroup
		for i := range got {
			wait.Go(func() {
				o, err := w.process().get(plans[i%len(plans)], Freshness{MinTTL: fiveMinutes})
				if err != nil {
					t.Errorf("round %d, process %d: %v", round, i, err)
				}
				got[i] = fmt.Sprint(id(o))
			})
		}
		wait.Wait()
		for i := range got {
			if got[i] != got[i%len(plans)] {
				t.Errorf("round %d: processes of one plan got %s and %s", round, got[i], got[i%len(plans)])
			}
		}
		calls := w.made()
		if slices.Sort(calls); !slices.Equal(calls, r.want) {
			t.Errorf("round %d: calls %q, want %q", round, calls, r.want)
		}
		w.wantAllFree()
	}
}

// That it worked without locks is told of a run that fails, too: there it matters.
func TestWarningsComeWithErrors(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	if err := errors.Join(os.Mkdir(w.dir, 0o700), os.WriteFile(w.locks(), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	p := w.process()
	p.next = func(CodeRequest) (Code, error) { return w.goodCode(), nil }
	p.Codes = lockless{p}
	w.respond(func(call) error { return refusedCall(RefusedDenied) })
	got, err := p.Get(t.Context(), plan, Interactive())
	if err == nil || len(got.Warnings) != 1 || !strings.HasPrefix(got.Warnings[0], "working without locks: ") {
		t.Errorf("%v, warnings %q", err, got.Warnings)
	}
}

// A lock that was opened to others is used, and closed.
func TestWideLocksAreUsed(t *testing.T) {
	w, plan := newWorld(t), planFor(t)
	if err := os.MkdirAll(w.locks(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range append(w.stepLocks(plan), w.devicePath()) {
		mustWrite(t, path, nil, 0o644)
	}
	if got := w.process().mustGet(plan); len(got.Warnings) != 0 {
		t.Errorf("warnings %q", got.Warnings)
	}
}
