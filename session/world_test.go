package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"awsmfa/credentials"
	"awsmfa/internal/privatefile"
	"awsmfa/profile"
)

const (
	testID     = "AKIAEXAMPLEEXAMPLE12"
	testSerial = "arn:aws:iam::123456789012:mfa/alice"
	testSecret = "sentinelSecretAbcdefghijklmnopqrstuvwxyz"
)

// testStart is where the tests' clock begins.
func testStart() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

func newCredentials(t testing.TB, id, token string, expires time.Time) credentials.Credentials {
	t.Helper()
	c, err := credentials.New(id, testSecret, token, expires)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func value(text string) profile.Value {
	return profile.Value{Text: text, Origin: profile.Origin{Path: "~/.aws/config", Line: 7}}
}

func flag(text string) profile.Value {
	return profile.Value{Text: text, Origin: profile.Origin{Name: "--flag"}}
}

// resolve is a profile "dev" on a long-term key with a device, and roles by
// name, in the order in which they are assumed.
func resolve(t testing.TB, roles ...string) *profile.Resolved {
	t.Helper()
	r := &profile.Resolved{
		Profile: "dev", MFASerial: value(testSerial), Partition: "aws",
		Source: profile.Source{Kind: profile.SourceKeys, Profile: "dev", Keys: newCredentials(t, testID, "", time.Time{})},
	}
	for _, name := range roles {
		r.Profile = name
		r.Roles = append(r.Roles, profile.Role{Profile: name, ARN: value("arn:aws:iam::123456789012:role/" + name)})
	}
	return r
}

func mustPlan(t testing.TB, r *profile.Resolved, o Options) *Plan {
	t.Helper()
	p, err := NewPlan(r, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func planFor(t testing.TB, roles ...string) *Plan {
	t.Helper()
	return mustPlan(t, resolve(t, roles...), Options{})
}

// call is one that reached the fake AWS.
type call struct {
	action, role string
	from         string // access key id
	serial, code string
	duration     time.Duration
}

// world is a fake AWS, a clock, and the directories that processes share. It
// holds that no code is ever sent twice.
type world struct {
	t   testing.TB
	dir string

	mu     sync.Mutex
	time   time.Time
	offset time.Duration // AWS's clock minus ours
	codes  int
	sent   map[string]bool
	issued int
	calls  []call
	answer func(call) error // may fail a call, or hold it up
}

func newWorld(t testing.TB) *world {
	return &world{t: t, dir: filepath.Join(t.TempDir(), "awsmfa"), time: testStart(), sent: map[string]bool{}}
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

func (w *world) cache() Cache  { return Cache{Dir: filepath.Join(w.dir, "sessions")} }
func (w *world) locks() string { return filepath.Join(w.dir, "locks") }

func (w *world) lockPath(k Key) string { return filepath.Join(w.locks(), k.String()+".lock") }
func (w *world) stepLocks(p *Plan) (paths []string) {
	for _, s := range p.Steps {
		paths = append(paths, w.lockPath(s.Key))
	}
	return paths
}
func (w *world) devicePath() string {
	return filepath.Join(w.locks(), deviceLock(testSerial)+".lock")
}

// respond lets a function decide about every call.
func (w *world) respond(f func(call) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = f
}

func (w *world) serve(c call) (credentials.Credentials, error) {
	w.mu.Lock()
	w.calls = append(w.calls, c)
	if c.code != "" && w.sent[c.code] {
		w.t.Errorf("code %s was sent twice", c.code)
	}
	w.sent[c.code] = true
	answer := w.answer
	w.mu.Unlock()
	if answer != nil {
		if err := answer(c); err != nil {
			return credentials.Credentials{}, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.issued++
	return newCredentials(w.t, fmt.Sprintf("ASIA%016d", w.issued), "token", w.time.Add(w.offset+c.duration)), nil
}

func (w *world) GetSessionToken(_ context.Context, from credentials.Credentials, step Step, proof MFA) (credentials.Credentials, error) {
	return w.serve(call{"GetSessionToken", "", from.AccessKeyID(), proof.Serial, proof.text(), step.Duration})
}

func (w *world) AssumeRole(_ context.Context, from credentials.Credentials, step Step, proof MFA) (credentials.Credentials, error) {
	arn := step.Role.ARN.Text
	return w.serve(call{"AssumeRole", arn[strings.LastIndexByte(arn, '/')+1:], from.AccessKeyID(), proof.Serial, proof.text(), step.Duration})
}

func (m MFA) text() string {
	if m.Code == nil {
		return ""
	}
	return m.Code.Text()
}

// made lists the calls so far, as "GetSessionToken" or "AssumeRole name", and
// forgets them.
func (w *world) made() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, c := range w.calls {
		list = append(list, strings.TrimSpace(c.action+" "+c.role))
	}
	w.calls = nil
	return list
}

func (w *world) wantCalls(want ...string) {
	w.t.Helper()
	if got := w.made(); !slices.Equal(got, want) {
		w.t.Errorf("calls %q, want %q", got, want)
	}
}

// lastCall is the newest call that is still in the list.
func (w *world) lastCall() call {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.calls) == 0 {
		w.t.Fatal("no call was made")
	}
	return w.calls[len(w.calls)-1]
}

// free reports whether nobody holds the lock at path.
func (w *world) free(path string) bool {
	w.t.Helper()
	if _, err := os.Stat(path); err != nil {
		return true
	}
	lock, got, err := privatefile.TryLock(path)
	if err != nil {
		w.t.Errorf("trying %s: %v", path, err)
		return false
	}
	if got {
		lock.Unlock()
	}
	return got
}

// wantAllFree holds that no lock was left behind.
func (w *world) wantAllFree() {
	w.t.Helper()
	paths, err := filepath.Glob(filepath.Join(w.locks(), "*.lock"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range paths {
		if !w.free(p) {
			w.t.Errorf("lock %s is still held", filepath.Base(p))
		}
	}
}

// process is a Renewer as one process has it: its codes, its messages.
type process struct {
	*Renewer
	w     *world
	waits chan struct{} // closed when it first looks whether waiting is over

	mu        sync.Mutex
	once      sync.Once
	available error // why no code can be had
	asked     int   // times that Available was called
	tries     int   // codes that may follow a refused one
	requests  []CodeRequest
	meanings  []Refusal                       // that Again was asked about
	next      func(CodeRequest) (Code, error) // instead of a good code
	notes     []string
	shareTTY  string
}

func (w *world) process() *process {
	p := &process{w: w, waits: make(chan struct{})}
	p.Renewer = &Renewer{
		Cache: w.cache(), Locks: w.locks(), STS: w, Codes: p,
		Fetch: func(context.Context, profile.Source) (credentials.Credentials, error) {
			w.t.Error("a source was run that is none")
			return credentials.Credentials{}, errors.New("not a command")
		},
		Now:    p.now,
		Offset: func() time.Duration { w.mu.Lock(); defer w.mu.Unlock(); return w.offset },
		Notify: func(line string) { p.mu.Lock(); defer p.mu.Unlock(); p.notes = append(p.notes, line) },
		Share:  p.share, Suspend: func() { w.t.Error("suspended") },
		Patience: 5 * time.Second, PID: 4711, TTY: "/dev/pts/1",
	}
	return p
}

// now tells the tests that this process waits, or is about to, for a session's
// lock: it has seen the failures before, and looks at the cache.
func (p *process) now() time.Time {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); strings.HasSuffix(f.Function, "(*waiter).wait") {
			p.once.Do(func() { close(p.waits) })
		}
	}
	return p.w.now()
}

type code string

func (c code) Text() string     { return string(c) }
func (c code) Until() time.Time { return time.Time{} }

func (p *process) Available(serial string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if serial != testSerial {
		p.w.t.Errorf("asked for a code of %q", serial)
	}
	return p.available
}

func (p *process) Next(_ context.Context, req CodeRequest) (Code, error) {
	if p.w.free(p.w.devicePath()) {
		p.w.t.Error("a code is obtained without the device's lock")
	}
	p.mu.Lock()
	p.requests = append(p.requests, req)
	next := p.next
	p.mu.Unlock()
	if next != nil {
		return next(req)
	}
	return p.w.goodCode(), nil
}

func (p *process) Again(req CodeRequest, meaning Refusal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meanings = append(p.meanings, meaning)
	return req.Attempt <= p.tries
}

// goodCode is one that nobody else has.
func (w *world) goodCode() Code {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.codes++
	return code(fmt.Sprintf("%06d", w.codes))
}

// share shares all but what has to do with input.
func (p *process) share(err error) (Failure, bool) {
	return Failure{Exit: 6, Message: err.Error(), Hints: []string{"a hint", "another"}, TTY: p.shareTTY}, !errors.As(err, new(Unavailable))
}

func (p *process) get(plan *Plan, want Freshness) (Result, error) {
	return p.Get(context.Background(), plan, want)
}

// mustGet gets credentials with five minutes of life.
func (p *process) mustGet(plan *Plan) Result {
	p.w.t.Helper()
	got, err := p.get(plan, Freshness{MinTTL: 5 * time.Minute})
	if err != nil {
		p.w.t.Fatal(err)
	}
	return got
}

// outcome is how a Get ended.
type outcome struct {
	Result
	err error
}

// start runs Get beside the test.
func (p *process) start(ctx context.Context, plan *Plan, want Freshness) chan outcome {
	done := make(chan outcome, 1)
	go func() {
		got, err := p.Get(ctx, plan, want)
		done <- outcome{got, err}
	}()
	return done
}

// refusedCall is a failure of the fake AWS.
type refusedCall Refusal

func (e refusedCall) Error() string    { return fmt.Sprintf("refused in the way %d", int(e)) }
func (e refusedCall) Refusal() Refusal { return Refusal(e) }

// noInput is what Codes says when there is nobody to ask.
type noInput struct{}

func (noInput) Error() string     { return "nobody to ask" }
func (noInput) InputUnavailable() {}

func id(r Result) string { return r.Entry.Credentials.AccessKeyID() }

// stored writes an entry for a step as a renewal would have, obtained some
// time ago with a lifetime of its own.
func (w *world) stored(p *Plan, step int, ago, granted time.Duration) Entry {
	w.t.Helper()
	w.mu.Lock()
	w.issued++
	n, now, offset := w.issued, w.time, w.offset
	w.mu.Unlock()
	s := p.Steps[step]
	e := Entry{
		Key: s.Key, Family: s.family, Kind: s.Kind, Obtained: now.Add(-ago), Granted: granted,
		Credentials: newCredentials(w.t, fmt.Sprintf("ASIA%016d", n), "token", now.Add(offset-ago+granted)),
		Source:      p.Source.Keys.AccessKeyID(), Serial: p.MFASerial.Text, RoleARN: s.Role.ARN.Text,
	}
	if err := w.cache().Store(e); err != nil {
		w.t.Fatal(err)
	}
	return e
}
