// Package session knows which credentials a profile needs now: it makes the
// plan (NewPlan), names each step of it by a cache key, keeps what was
// obtained in private files (Cache), and renews what is due under locks that
// all processes share (Renewer.Get).
//
// The ideas, in the order of a run: a Plan is a short list of Steps, at most
// one GetSessionToken and then one AssumeRole a hop. The last step's entry is
// what gets printed. Renewer.Get answers from the cache where it may;
// otherwise it climbs from the last step inwards, taking one lock a step, and
// comes back outwards making the calls. The device's lock is the innermost: it
// covers obtaining, recording and sending a token code.
//
// Nothing here reads flags, the environment or the clock, and nothing prints.
package session

import (
	"errors"
	"time"
)

// Limits of AWS, in the STS API reference (GetSessionToken, AssumeRole), and
// the defaults that follow from them.
const (
	MinDuration            = 15 * time.Minute
	MaxSessionDuration     = 36 * time.Hour
	DefaultSessionDuration = 12 * time.Hour
	MaxRoleDuration        = 12 * time.Hour
	DefaultRoleDuration    = time.Hour
	// MaxChainedDuration caps AssumeRole with temporary credentials, those of
	// GetSessionToken included ("role chaining", IAM user guide).
	MaxChainedDuration = time.Hour
)

// SourceTTL is how much life an entry must have left to serve as the source of
// the next call, in place of the wish for what is printed.
const SourceTTL = time.Minute

// Errors of this room.
var (
	// ErrNotCached: only the cache was to be asked, and it has nothing fresh.
	ErrNotCached = errors.New("no session in the cache that lasts long enough")
	// ErrWaited: another process held the lock for too long.
	ErrWaited = errors.New("gave up waiting")
	// ErrSuspended: the user stopped the process at a prompt. Codes return it;
	// the locks are released before the process really stops.
	ErrSuspended = errors.New("suspended at the prompt")
	// ErrPastedSession: the profile holds temporary credentials, which cannot
	// ask for a session.
	ErrPastedSession = errors.New("holds temporary credentials, which cannot get an MFA session")
	// ErrNoDevice: no MFA device is known for the profile.
	ErrNoDevice = errors.New("no MFA device is known")
)

// Refusal says what a failed call means for the renewal. Errors of an STS
// implementation that carry one implement Refused.
type Refusal int

// The refusals that a renewal treats differently.
const (
	RefusedOther   Refusal = iota
	RefusedCode            // the code was wrong or used: another may be tried
	RefusedSource          // the cached source is expired or gone: obtain it anew, once
	RefusedDenied          // AWS said no; every waiter would hear the same
	RefusedNetwork         // no answer; every waiter would get none either
	RefusedClock           // the time of the request was wrong: AWS looked at no code, and its own time is known now
	RefusedStale           // the code's time was over before it left: nothing was sent
)

// Refused is implemented by errors of calls to AWS.
type Refused interface {
	error
	Refusal() Refusal
}

func refusal(err error) Refusal {
	var r Refused
	if errors.As(err, &r) {
		return r.Refusal()
	}
	return RefusedOther
}
