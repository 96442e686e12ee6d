package mfa

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Errors of the chain. All are wrapped with what was attempted.
var (
	// ErrInputNeeded: a code is needed and there is no place to have one from.
	ErrInputNeeded = errors.New("an MFA code is needed and there is nowhere to get one")
	// ErrNoOtherCode: the code was refused and its source is not asked again.
	ErrNoOtherCode = errors.New("no other MFA code to try")
	// ErrNoCode: the input ended before a code came.
	ErrNoCode = errors.New("no MFA code was entered")
	// ErrTooManyTries: three prompts gave no usable code. It comes with why the
	// last code was refused, else with what was wrong with the last answer.
	ErrTooManyTries = errors.New("no usable MFA code in three tries")
)

// RepeatError refuses a code that was sent to AWS before. AWS would refuse it
// too, and counts refusals.
type RepeatError struct {
	Wait time.Duration // until the device shows its next code
}

func (e *RepeatError) Error() string {
	return fmt.Sprintf("code already used; next code in %d s", seconds(e.Wait))
}

// seconds rounds up, so that nobody is told to come back too early.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// Origin says where a code came from.
type Origin int

// The places a code may come from.
const (
	FromFlag Origin = iota + 1
	FromEnv
	FromStdin
	FromSeed
	FromProcess
	FromTerminal
)

// String names the place as a user knows it.
func (o Origin) String() string {
	switch o {
	case FromFlag:
		return "--token-code"
	case FromEnv:
		return "AWSMFA_TOKEN_CODE"
	case FromStdin:
		return "standard input"
	case FromSeed:
		return "the stored seed"
	case FromProcess:
		return "mfa_process"
	case FromTerminal:
		return "the terminal"
	}
	return "nowhere"
}

// Request says for what a code is wanted.
type Request struct {
	Profile  string
	Serial   string
	Endpoint string // shown to the user; set it when the code will not go to AWS's own endpoint
	Attempt  int    // 1 for the first code, one more after each refusal
	Last     error  // why AWS refused the previous code
}

// refused reports whether an earlier code of this request was turned down.
func (r Request) refused() bool { return r.Last != nil || r.Attempt > 1 }

// Chain is the list of places a code may come from, first to last. The first
// that is present is the only one asked: a code that the user gave, a seed that
// the user stored, or a program that the user named, is an answer, and no
// reason to prompt as well. A Chain belongs to one goroutine.
type Chain struct {
	Given    *Given                                     // nil when no code was given
	Seeds    Seeds                                      // nil without a store of seeds
	Process  *Process                                   // nil without mfa_process
	Terminal func() (Prompter, error)                   // opens the controlling terminal; fails when there is none
	NoInput  bool                                       // never touch the terminal
	Ledger   *Ledger                                    // nil remembers nothing
	Notify   func(string)                               // says one line to the user; may be nil
	Warn     func(string)                               // the same of what went wrong without harm; may be nil
	Progress func(left time.Duration)                   // shows a countdown each second, 0 at its end; may be nil
	Sleep    func(context.Context, time.Duration) error // nil really sleeps
	Now      func() time.Time                           // this machine's clock; Seeds need it
	Offset   func() time.Duration                       // AWS's clock minus ours, as far as known; Seeds need it
	Patience time.Duration                              // for all waits for steps of a seed together; 0 is no limit

	prompts   int           // answered for the present request
	generator Generator     // of the seed, once it was loaded,
	of        string        // and the device that it belongs to
	retried   bool          // a generated code was refused, and another is due or made
	waited    time.Duration // for the steps of a seed
}

// place finds the first place that is present. A store of seeds that cannot be
// looked into ends the search: a prompt in place of a stored seed would hide
// that something is wrong with it.
func (c *Chain) place(serial string) (Origin, error) {
	if c.Given != nil {
		return c.Given.origin, nil
	}
	if c.Seeds != nil {
		if has, err := c.Seeds.Has(serial); has || err != nil {
			return FromSeed, err
		}
	}
	if c.Process != nil {
		return FromProcess, nil
	}
	return FromTerminal, nil
}

// Available reports, without reading a code or unlocking anything, whether
// Next would have a place to ask: nil, ErrInputNeeded, or what stands in the
// way of a stored seed or of mfa_process. Ask before taking a lock, so that a
// process which can only fail does not make others wait.
func (c *Chain) Available(serial string) error {
	origin, err := c.place(serial)
	switch {
	case err != nil:
		return err
	case c.Given != nil:
		return c.Given.unused(nil)
	case origin == FromSeed:
		return c.Seeds.Ready(serial)
	case origin == FromProcess:
		return c.Process.Forbidden
	}
	t, err := c.open()
	if err != nil {
		return err
	}
	return t.Close()
}

// Next obtains a code and records it as spent before returning it. The caller
// holds the device lock from before Next until the answer of AWS is there, and
// must give it up when the error wraps the terminal's suspension.
func (c *Chain) Next(ctx context.Context, req Request) (Code, Origin, error) {
	if ctx.Err() != nil {
		return Code{}, 0, context.Cause(ctx)
	}
	origin, err := c.place(req.Serial)
	if err != nil {
		return Code{}, origin, err
	}
	var code Code
	switch origin {
	case FromSeed:
		code, err = c.generated(ctx, req)
	case FromProcess:
		code, err = c.process(ctx, req)
	case FromTerminal:
		code, err = c.prompt(ctx, req)
	default:
		code, err = c.given(ctx, req)
	}
	if err != nil {
		return Code{}, origin, err
	}
	return code, origin, nil
}

// Retry reports whether another Next makes sense after AWS refused a code of
// this origin. A person may have mistyped, three times. A generated code may
// have been made by a wrong clock, which the refusal has put right, or been
// spent by a phone with the same seed: one more is tried, in all. Asking a
// program again would spend tries without anybody noticing.
func (c *Chain) Retry(o Origin) bool {
	return o == FromTerminal && c.prompts < maxPrompts || o == FromSeed && !c.retried
}

// RetryClock reports the same after AWS refused not the code but the time of
// the request that carried it. Only of a stored seed there is another code at
// once; the code itself may have been right, and is on record all the same.
func (c *Chain) RetryClock(o Origin) bool { return o == FromSeed && !c.retried }

// claim puts the code on record, or refuses it as a repeat. A ledger that does
// not work costs a warning, not the session: AWS refuses repeats as well.
func (c *Chain) claim(serial string, code Code) error {
	if c.Ledger == nil {
		return nil
	}
	wait, spent, err := c.Ledger.Claim(serial, code)
	if spent {
		return &RepeatError{wait}
	}
	if err != nil {
		c.warn(err.Error())
	}
	return nil
}

func (c *Chain) warn(line string) {
	if c.Warn != nil {
		c.Warn(line)
	}
}

func (c *Chain) notify(line string) {
	if c.Notify != nil {
		c.Notify(line)
	}
}

// waitAloud passes the time until the next code, and shows it passing, or says
// once how long it takes.
func (c *Chain) waitAloud(ctx context.Context, repeat *RepeatError) error {
	if c.Progress == nil {
		c.notify(repeat.Error())
	}
	return c.wait(ctx, repeat.Wait)
}

// wait passes d, with a countdown where there is one. The clock is looked at
// again each second, so that a process that was stopped meanwhile does not
// wait for what is over; a clock that stands still or runs back ends it no later.
func (c *Chain) wait(ctx context.Context, d time.Duration) error {
	if c.Progress == nil {
		return c.sleep(ctx, d)
	}
	defer c.Progress(0)
	var until time.Time
	if c.Now != nil {
		until = c.Now().Round(0).Add(d)
	}
	for left := d; left > 0; {
		c.Progress(left)
		second := min(left, time.Second)
		if err := c.sleep(ctx, second); err != nil {
			return err
		}
		left -= second
		if c.Now != nil {
			left = min(left, until.Sub(c.Now().Round(0)))
		}
	}
	return nil
}

func (c *Chain) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
