package mfa

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Seeds is the store of TOTP seeds as this room needs it.
type Seeds interface {
	// Has tells, without unlocking anything, whether a device has a seed.
	Has(serial string) (bool, error)
	// Ready is nil when Load can succeed; it asks nobody anything.
	Ready(serial string) error
	// Load unlocks the seed, and may ask for a passphrase.
	Load(ctx context.Context, serial string) (Generator, error)
}

// Generator gives the code of a seed at an instant of the server's clock, and
// the number of the 30-second step that it belongs to.
type Generator interface {
	Code(at time.Time) (code string, step int64)
}

const (
	// margin is the least of its step that a code must have left when it is
	// made: a second for a new connection over TLS, and one because a Date
	// header, which tells AWS's clock, knows whole seconds only. AWS also takes
	// a code for some time after its step; that is its reserve, not ours.
	margin = 2 * time.Second
	// maxWaits bounds how often one code is waited for. One wait serves, and
	// one more where the step is nearly over; beyond that the clock stands
	// still, or somebody else spends each code as it comes.
	maxWaits = 3
)

// generated makes a code of the stored seed that was never sent, and waits for
// it where the present step's is spent or about to end. Membership in the
// ledger decides: a step that a clock which was ahead has used blocks nothing.
func (c *Chain) generated(ctx context.Context, req Request) (Code, error) {
	c.retried = c.retried || req.refused()
	if err := c.load(ctx, req.Serial); err != nil {
		return Code{}, err
	}
	for waits := 0; ; waits++ {
		code, err := c.generate()
		if err != nil {
			return Code{}, err
		}
		wait := code.until.Sub(c.Now())
		if wait >= margin {
			repeat := new(RepeatError)
			if err := c.claim(req.Serial, code); !errors.As(err, &repeat) {
				return code, err
			}
		}
		if waits == maxWaits || c.Patience > 0 && c.waited+wait > c.Patience {
			return Code{}, outOfSteps(req, wait)
		}
		c.waited += wait
		if err := c.wait(ctx, wait); err != nil {
			return Code{}, err
		}
	}
}

// outOfSteps ends the waiting: with the refusal that led to it, if there was one.
func outOfSteps(req Request, wait time.Duration) error {
	if req.Last != nil {
		return fmt.Errorf("%w: %w", ErrNoOtherCode, req.Last)
	}
	return &RepeatError{wait}
}

// load unlocks the seed once: another code, after a refusal or a delay, must
// not ask for the passphrase again.
func (c *Chain) load(ctx context.Context, serial string) error {
	if c.generator != nil && c.of == serial {
		return nil
	}
	g, err := c.Seeds.Load(ctx, serial)
	if err != nil {
		return err
	}
	c.generator, c.of = g, serial
	return nil
}

// generate makes the code of the present step by AWS's clock.
func (c *Chain) generate() (Code, error) { return c.codeOf(c.generator, c.Now()) }

// codeOf is a seed's code of an instant of our clock. The end of its step is a
// bare time of day, without the monotonic reading that time.Now adds: that one
// stands still while the machine sleeps.
func (c *Chain) codeOf(g Generator, at time.Time) (Code, error) {
	offset := c.Offset()
	digits, step := g.Code(at.Add(offset))
	code, err := ParseCode(digits)
	if err != nil {
		return Code{}, fmt.Errorf("from the stored seed: %w", err)
	}
	code.step = step
	code.until = time.Unix((step+1)*int64(stepLength/time.Second), 0).Add(-offset)
	return code, nil
}
