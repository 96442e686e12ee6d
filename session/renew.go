package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"awsmfa/credentials"
	"awsmfa/internal/filename"
	"awsmfa/profile"
)

// STS makes the calls. Its errors implement Refused where that matters.
type STS interface {
	// GetSessionToken sends what proof holds, if anything, once.
	GetSessionToken(ctx context.Context, from credentials.Credentials, step Step, proof MFA) (credentials.Credentials, error)
	AssumeRole(ctx context.Context, from credentials.Credentials, step Step, proof MFA) (credentials.Credentials, error)
}

// Code is a token code on its way to AWS.
type Code interface {
	Text() string
	// Until is the instant after which the code must not leave any more: the
	// call then fails with RefusedStale. Zero is no limit.
	Until() time.Time
}

// MFA is what a call takes along of a device. The zero MFA is none.
type MFA struct {
	Serial string
	Code   Code
}

// Codes gives token codes. It is called with the device's lock held, but for
// Available, which decides before any lock is taken.
type Codes interface {
	// Available is nil when a code could be had, without reading anything.
	Available(serial string) error
	// Next returns a code that was never sent, and has recorded it.
	Next(ctx context.Context, req CodeRequest) (Code, error)
	// Again reports whether another Next makes sense after a refusal, which is
	// RefusedCode or RefusedClock.
	Again(req CodeRequest, meaning Refusal) bool
}

// CodeRequest says what a code is for.
type CodeRequest struct {
	Profile, Serial string
	Endpoint        string // shown when it is not AWS's own
	Attempt         int    // from 1
	Last            error  // why the code before was refused
}

// Renewer gets the credentials of a plan, from the cache or from AWS.
type Renewer struct {
	Cache      Cache
	Locks      string // directory of the lock files
	STS        STS
	Codes      Codes
	Fetch      func(context.Context, profile.Source) (credentials.Credentials, error) // runs a source that is not a key
	Now        func() time.Time
	Offset     func() time.Duration // server clock minus ours, as far as known
	Notify     func(string)         // a line to the person who waits
	Share      func(error) (Failure, bool)
	Suspend    func() // stops the process until it is continued
	Patience   time.Duration
	PID        int
	TTY        string // controlling terminal, "" without one
	OnTerminal bool   // messages go to that terminal
	// Obtained, if set, is told of each new entry that is in the cache.
	Obtained func(Entry)
}

// Result is what was got; the warnings come with an error as well.
type Result struct {
	Entry    Entry
	Cached   bool
	Warnings []string
}

// Credentials are what a profile's user wants of a result.
func (r Result) Credentials() credentials.Credentials { return r.Entry.Credentials }

// run is one Get.
type run struct {
	*Renewer
	plan     *Plan
	want     Freshness
	began    time.Time
	before   []string                // access key ids that the cache held then, one a step
	waited   time.Duration           // for other processes, in all
	source   credentials.Credentials // what Fetch gave
	refused  []string                // access key ids that AWS took no more
	warnings []string
}

func (r *run) warn(text string) {
	for _, w := range r.warnings {
		if w == text {
			return
		}
	}
	r.warnings = append(r.warnings, text)
}

// Peek answers from the cache alone: no lock, no network, no input.
func (r *Renewer) Peek(p *Plan, want Freshness) (Result, bool) {
	last, ok := p.Last()
	if !ok || want.Refresh {
		return Result{}, false
	}
	now := r.Now()
	e, ok, _ := r.Cache.Load(last.Key, now)
	if !ok || !want.Serves(e, now, r.Offset()) {
		return Result{}, false
	}
	return Result{Entry: e, Cached: true}, true
}

// Get returns credentials that are as fresh as wanted. When a renewal needs
// input that cannot be had, or the network is down, an entry that is still
// valid for a minute stands in, with a warning, unless a certain lifetime was
// asked for.
func (r *Renewer) Get(ctx context.Context, p *Plan, want Freshness) (Result, error) {
	if got, ok := r.Peek(p, want); ok {
		return got, nil
	}
	one := &run{Renewer: r, plan: p, want: want, began: r.Now()}
	for _, step := range p.Steps {
		one.before = append(one.before, r.Cache.present(step.Key))
	}
	for {
		e, err := one.get(ctx)
		if errors.Is(err, ErrSuspended) {
			r.Suspend()
			one.waited = 0
			continue
		}
		if err != nil {
			return one.standIn(err)
		}
		return Result{Entry: e, Warnings: one.warnings}, nil
	}
}

func (r *run) get(ctx context.Context) (Entry, error) {
	if _, ok := r.plan.Last(); !ok {
		c, err := r.sourceCredentials(ctx)
		return r.entry(Step{}, c), err
	}
	last := len(r.plan.Steps) - 1
	if err := r.checkInput(last); err != nil {
		return Entry{}, err
	}
	return r.obtain(ctx, last)
}

// checkInput decides, before step i's lock is taken, whether the code that it
// needs can be had. Of a command this shows only when it has run: it may give
// credentials that take no code.
func (r *run) checkInput(i int) error {
	unknown := r.plan.Source.Kind == profile.SourceProcess && r.source.IsZero()
	if unknown || !r.needsCode(i) {
		return nil
	}
	return r.Codes.Available(r.plan.MFASerial.Text)
}

// needsCode looks from step i inwards for one that must be made and takes a code.
func (r *run) needsCode(i int) bool {
	for ; i >= 0; i-- {
		if _, ok := r.load(i); ok {
			return false
		}
		if r.plan.Steps[i].TakesCode {
			return true
		}
	}
	return false
}

// standIn serves what is left of an entry when it could not be renewed.
func (r *run) standIn(err error) (Result, error) {
	if r.want.Explicit || r.want.Refresh || !errors.As(err, new(Unavailable)) && !unanswered(err) {
		return Result{Warnings: r.warnings}, err
	}
	last, ok := r.plan.Last()
	if !ok {
		return Result{Warnings: r.warnings}, err
	}
	now := r.Now()
	e, ok, _ := r.Cache.Load(last.Key, now)
	if !ok || !forMinute().Serves(e, now, r.Offset()) {
		return Result{Warnings: r.warnings}, err
	}
	left := e.Remaining(now, r.Offset())
	r.warn(fmt.Sprintf("using the session that ends in %s: %v", left.Truncate(time.Second), err))
	return Result{Entry: e, Cached: true, Warnings: r.warnings}, nil
}

// unanswered: AWS did not get as far as to say anything about the credentials.
func unanswered(err error) bool {
	switch refusal(err) {
	case RefusedNetwork, RefusedClock, RefusedStale:
		return true
	}
	return false
}

// Unavailable is implemented by errors that say input is needed and none can be had.
type Unavailable interface {
	error
	InputUnavailable()
}

// forMinute is what a source must outlive, and what stands in.
func forMinute() Freshness { return Freshness{MinTTL: SourceTTL} }

// load returns the entry of a step if it serves: as what is printed for the
// last one, as a source for the others. One that was obtained since this run
// began always does while it lives, whatever our clock makes of its expiry: it
// is what we waited for.
func (r *run) load(i int) (Entry, bool) {
	now := r.Now()
	e, ok, err := r.Cache.Load(r.plan.Steps[i].Key, now)
	if err != nil {
		r.warn("cached session ignored: " + err.Error())
	}
	switch {
	case !ok, slices.Contains(r.refused, e.Credentials.AccessKeyID()):
		return Entry{}, false
	case r.isNew(i, e):
		return e, now.Sub(e.Obtained) < e.Granted
	case i < len(r.plan.Steps)-1:
		return e, forMinute().Serves(e, now, r.Offset())
	}
	return e, !r.want.Refresh && r.want.Serves(e, now, r.Offset())
}

// isNew: e was obtained since this run began. The clock alone does not tell: it
// may have been set back.
func (r *run) isNew(i int, e Entry) bool {
	there := i < len(r.before) && e.Credentials.AccessKeyID() == r.before[i]
	return !there && !e.Obtained.Before(r.began)
}

// obtain makes step i, and before it those that it rests on, unless another
// process does so meanwhile.
func (r *run) obtain(ctx context.Context, i int) (Entry, error) {
	step := r.plan.Steps[i]
	h, e, served, err := r.acquire(ctx, step.Key.String(), func() (Entry, bool) { return r.load(i) })
	if err != nil || served {
		return e, err
	}
	defer h.unlock()
	stamp := r.Cache.stamp(step.family)
	c, err := r.call(ctx, i)
	if err != nil {
		r.share(h, err)
		return Entry{}, err
	}
	e = r.entry(step, c)
	if e.Granted <= 0 {
		return e, nil // a command's credentials that do not say when they end
	}
	// The code is spent: a cache that cannot be written must not lose what it bought.
	if err := r.Cache.Store(e); err != nil {
		r.warn("the session is not cached: " + err.Error())
	}
	// After the store, so that a logout between the two finds the entry itself.
	if r.Cache.stamp(step.family) != stamp {
		r.Cache.Remove(step.Key)
		r.warn("the session is not cached: there was a logout meanwhile")
	}
	if r.Obtained != nil {
		r.Obtained(e)
	}
	return e, nil
}

func (r *run) entry(step Step, c credentials.Credentials) Entry {
	now := r.Now()
	e := Entry{
		Key: step.Key, Family: step.family, Kind: step.Kind, Credentials: c, Obtained: now,
		Source: r.plan.Source.Keys.AccessKeyID(), Serial: r.plan.MFASerial.Text, RoleARN: step.Role.ARN.Text,
	}
	if !c.Expires().IsZero() {
		e.Granted = c.Expires().Sub(now.Add(r.Offset())).Round(time.Second)
	}
	return e
}

func (r *run) call(ctx context.Context, i int) (credentials.Credentials, error) {
	if i == 0 {
		from, err := r.sourceCredentials(ctx)
		if err != nil {
			return credentials.Credentials{}, err
		}
		return r.first(ctx, from)
	}
	from, err := r.obtain(ctx, i-1)
	if err != nil {
		return credentials.Credentials{}, err
	}
	c, err := r.STS.AssumeRole(ctx, from.Credentials, r.plan.Steps[i], MFA{})
	if refusal(err) != RefusedSource || r.isNew(i-1, from) {
		return c, err
	}
	// The cached source is no longer good: once more, from a new one.
	r.drop(i-1, from)
	if err := r.checkInput(i - 1); err != nil {
		return c, err
	}
	if from, err = r.obtain(ctx, i-1); err != nil {
		return c, err
	}
	return r.STS.AssumeRole(ctx, from.Credentials, r.plan.Steps[i], MFA{})
}

// drop makes a step's entry a miss, for us and, where it is still in the cache,
// for others: under its lock, or the new one of another process might go.
func (r *run) drop(i int, bad Entry) {
	id, key := bad.Credentials.AccessKeyID(), r.plan.Steps[i].Key
	r.refused = append(r.refused, id)
	lock, got, err := tryLock(r.Locks, filename.Join(r.Locks, key.String()+".lock"))
	if err == nil && !got {
		return // somebody renews it already
	}
	defer held{lock: lock}.unlock()
	if e, ok, _ := r.Cache.Load(key, r.Now()); ok && e.Credentials.AccessKeyID() == id {
		r.Cache.Remove(key) // where this fails, the new one replaces it
	}
}

// first makes the innermost call, from the source's own credentials.
func (r *run) first(ctx context.Context, from credentials.Credentials) (credentials.Credentials, error) {
	step := r.plan.Steps[0]
	if from.Temporary() {
		if step.Kind == StepSession {
			return from, nil // a command gave a session already
		}
		if err := r.capChained(&step); err != nil {
			return credentials.Credentials{}, err
		}
	}
	call := r.STS.AssumeRole
	if step.Kind == StepSession {
		call = r.STS.GetSessionToken
	}
	if !step.TakesCode {
		return call(ctx, from, step, MFA{})
	}
	if err := r.checkInput(0); err != nil { // now it is known of a command too
		return credentials.Credentials{}, err
	}
	return r.withCode(ctx, func(proof MFA) (credentials.Credentials, error) {
		return call(ctx, from, step, proof)
	})
}

// capChained: a long role was planned on keys, but the source turned out temporary.
func (r *run) capChained(step *Step) error {
	step.TakesCode = false
	if step.Duration <= MaxChainedDuration {
		return nil
	}
	if from := r.plan.DurationAsked; from.IsSet() {
		return &DurationError{Asked: step.Duration, From: from, Max: MaxChainedDuration, Chained: true, Flag: true}
	}
	r.warn(fmt.Sprintf("duration reduced to %s: the source is temporary (role chaining)", Short(MaxChainedDuration)))
	step.Duration = MaxChainedDuration
	return nil
}

// withCode sends a code with call, under the device's lock. Only a refusal of
// the code itself, or of the clock that made it, leads to another, as often as
// Codes allows.
func (r *run) withCode(ctx context.Context, call func(MFA) (credentials.Credentials, error)) (credentials.Credentials, error) {
	serial := r.plan.MFASerial.Text
	h, _, _, err := r.acquire(ctx, deviceLock(serial), errNoEntry)
	if err != nil {
		return credentials.Credentials{}, err
	}
	defer h.unlock()
	req := CodeRequest{Profile: r.plan.Profile, Serial: serial, Endpoint: r.plan.Endpoint}
	for req.Attempt = 1; ; req.Attempt++ {
		c, err := r.sendCode(ctx, req, call)
		meaning := refusal(err)
		if err == nil || meaning != RefusedCode && meaning != RefusedClock || !r.Codes.Again(req, meaning) {
			return c, err
		}
		req.Last = err
	}
}

// maxStale bounds how often a code is obtained anew because the one before did
// not leave in its time: whoever is stopped in each of three is not served by a
// fourth.
const maxStale = 3

// sendCode obtains one code and sends it. One whose time was over before it
// left, since the process was stopped or the network slow, was seen by nobody,
// and another takes its place.
func (r *run) sendCode(ctx context.Context, req CodeRequest, call func(MFA) (credentials.Credentials, error)) (credentials.Credentials, error) {
	for tries := 1; ; tries++ {
		code, err := r.Codes.Next(ctx, req)
		if err != nil {
			return credentials.Credentials{}, err
		}
		c, err := call(MFA{Serial: req.Serial, Code: code})
		if err == nil || refusal(err) != RefusedStale || tries == maxStale {
			return c, err
		}
	}
}

// sourceCredentials are what the innermost call is signed with.
func (r *run) sourceCredentials(ctx context.Context) (credentials.Credentials, error) {
	src := r.plan.Source
	if src.Kind == profile.SourceKeys || src.Kind == profile.SourceSession {
		return src.Keys, nil
	}
	if r.source.IsZero() {
		c, err := r.Fetch(ctx, src)
		if err != nil {
			return c, err
		}
		r.source = c
	}
	if !r.source.Temporary() && !r.plan.NoMFA && !r.plan.MFASerial.IsSet() {
		return credentials.Credentials{}, fmt.Errorf("profile %q: %w", r.plan.Profile, ErrNoDevice)
	}
	return r.source, nil
}
