package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"awsmfa/mfa"
	"awsmfa/seed"
	"awsmfa/stsclient"
)

// undoing takes one step back.
type undoing struct {
	what string // is told when it was done: "the device is deleted"
	do   func(context.Context) (done bool, err error)
}

const (
	// undoBudget is the time to undo in, also when it is ^C that asks for it:
	// enough for the new device's next code, where a policy wants MFA.
	undoBudget = 2 * time.Minute
	// A device that was just deactivated may count as assigned for a while.
	deleteTries = 4
	deletePause = 2 * time.Second
)

// back undoes what was done, the last step first, and says so. It stops at
// what cannot be undone: the seed of a device that still exists must stay.
func (e *enrollment) back(ctx context.Context, failed error) error {
	e.takeBack(ctx)
	return failed
}

// takeBack reports whether all is undone.
func (e *enrollment) takeBack(ctx context.Context) bool {
	if len(e.undo) == 0 {
		return true
	}
	if ctx.Err() != nil { // who broke it off is asked no more
		e.options.NoInput = true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoBudget)
	defer cancel()
	e.renewClient() // what failed may have used up the time for the network
	for i := len(e.undo) - 1; i >= 0; i-- {
		step := e.undo[i]
		done, err := step.do(ctx)
		if err != nil {
			e.tellLeft(err)
			return false
		}
		if done && step.what != "" {
			e.note("undone: %s", step.what)
		}
	}
	e.dropSessions(e.Serial)
	return true
}

// tellLeft says what could not be undone, and what to do about it.
func (e *enrollment) tellLeft(err error) {
	e.warn(fmt.Sprintf("not undone: %v", err))
	switch e.Phase {
	case mfa.Creating:
		e.warn(fmt.Sprintf("left: the device %s in IAM, if it was made, assigned to nobody; nobody has its seed", shown(e.Serial)))
	case mfa.Stored:
		e.warn(fmt.Sprintf("left: the device %s in IAM, assigned to nobody, and its seed here", shown(e.Serial)))
	default:
		e.warn(fmt.Sprintf("left: the device %s, which is user %s's, and its seed here", shown(e.Serial), shown(e.UserName)))
	}
	e.hint("awsmfa device enroll %s finishes it or removes it", quoteArg(shown(e.Profile)))
}

// unwrite ends the record: nothing is open any more.
func (e *enrollment) unwrite(context.Context) (bool, error) {
	return true, e.enrollments().Remove(e.accessKeyID())
}

func (e *enrollment) deactivate(ctx context.Context) (bool, error) {
	done, err := there(e.iam(ctx, func(c *stsclient.Client, from iamSigner) error {
		return c.DeactivateMFADevice(ctx, from, e.UserName, e.Serial)
	}))
	if err == nil && (e.Phase == mfa.Enabling || e.Phase == mfa.Enabled) {
		err = e.reach(mfa.Stored)
	}
	return done, err
}

func (e *enrollment) delete(ctx context.Context) (bool, error) {
	for try := 1; ; try++ {
		done, err := there(e.iam(ctx, func(c *stsclient.Client, from iamSigner) error {
			return c.DeleteVirtualMFADevice(ctx, from, e.Serial)
		}))
		kind := stsclient.KindOf(err)
		if kind != stsclient.DeleteConflict && kind != stsclient.TemporarilyUnmodifiable || try == deleteTries {
			return done, err
		}
		if err := e.codes().chain.Wait(ctx, deletePause); err != nil {
			return false, err
		}
	}
}

func (e *enrollment) forget(ctx context.Context) (bool, error) {
	err := e.vault.Remove(ctx, e.Serial)
	if errors.Is(err, seed.ErrNoSeed) {
		return false, nil
	}
	return err == nil, err
}

// there tells a removal from finding nothing to remove, which is as good.
func there(err error) (done bool, _ error) {
	if stsclient.KindOf(err) == stsclient.NoSuchEntity {
		return false, nil
	}
	return err == nil, err
}
