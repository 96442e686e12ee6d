package mfa

import (
	"context"
	"errors"
	"time"
)

// Unspent gives the code that a seed has now, for a person to see, and how long
// it lasts: that of the next step when AWS had this one already and would
// refuse it. It is not put on record, since what becomes of it is not known.
func (c *Chain) Unspent(ctx context.Context, serial string, g Generator) (Code, time.Duration, error) {
	for waits := 0; ; waits++ {
		code, err := c.codeAt(g, 0)
		if err != nil {
			return Code{}, 0, err
		}
		left := code.until.Sub(c.Now())
		if waits == maxWaits || !c.spent(serial, code) {
			return code, left, nil
		}
		if err := c.waitAloud(ctx, &RepeatError{left}); err != nil {
			return Code{}, 0, err
		}
	}
}

// Pair gives the codes of two steps in a row that were never sent, the second
// of them the present one, as IAM wants them to enable or resync a device. Both
// are on record when it returns: the caller holds the device's lock.
func (c *Chain) Pair(ctx context.Context, serial string, g Generator) (first, second Code, err error) {
	for waits := 0; ; waits++ {
		first, err = c.codeAt(g, -1)
		if err == nil {
			second, err = c.codeAt(g, 0)
		}
		if err != nil {
			return Code{}, Code{}, err
		}
		left := second.until.Sub(c.Now())
		if !c.spent(serial, first) && !c.spent(serial, second) && left >= margin {
			// A run that was killed on the way here may have claimed one without a record.
			if err := c.Record(serial, first, second); !errors.As(err, new(*RepeatError)) {
				return first, second, err
			}
		}
		if waits == maxWaits {
			return Code{}, Code{}, &RepeatError{left}
		}
		if err := c.wait(ctx, left); err != nil {
			return Code{}, Code{}, err
		}
	}
}

// Record puts codes on record that go to AWS without a session in mind. The
// first that is there already is refused as a repeat.
func (c *Chain) Record(serial string, codes ...Code) error {
	for _, code := range codes {
		if err := c.claim(serial, code); err != nil {
			return err
		}
	}
	return nil
}

// codeAt is the code of the step that is so many after the present one by
// AWS's clock.
func (c *Chain) codeAt(g Generator, steps int) (Code, error) {
	return c.codeOf(g, c.Now().Add(time.Duration(steps)*stepLength))
}

func (c *Chain) spent(serial string, code Code) bool {
	if c.Ledger == nil {
		return false
	}
	_, spent, _ := c.Ledger.Spent(serial, code) // who sends it claims it, and is told what is wrong
	return spent
}

// Wait passes d without a word.
func (c *Chain) Wait(ctx context.Context, d time.Duration) error { return c.sleep(ctx, d) }
