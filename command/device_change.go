package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/internal/term"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/seed"
	"awsmfa/stsclient"
)

func deviceResyncVerb() *verb {
	return &verb{
		name: "device resync", args: deviceArgument, takesProfile: true,
		summary:  "tell AWS how far a device's clock is off, by two codes in a row",
		examples: []string{"awsmfa device resync dev"},
		flags: deviceFlags(
			&cli.BoolFlag{Name: "stdin", Usage: "read the two codes from standard input, one a line"},
		),
		run: runDeviceResync,
	}
}

func runDeviceResync(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	_, k, serial, err := r.deviceAndHolder(ctx, c, a)
	if err != nil {
		return err
	}
	defer k.hangUp()
	if deviceKind(serial) == "FIDO" {
		return profile.CheckSerial(k.resolved.Profile, profile.Value{Text: serial})
	}
	u, err := k.user(ctx)
	if err != nil {
		return err
	}
	get, err := k.pairs(ctx, serial, c.Bool("stdin"))
	if err != nil {
		return err
	}
	err = k.sendPairs(ctx, serial, get, func(c *stsclient.Client, from iamSigner, codes stsclient.Codes) error {
		return c.ResyncMFADevice(ctx, from, u.Name, serial, codes)
	})
	if err != nil {
		return err
	}
	r.note("%s: in step with AWS again", shown(serial))
	return nil
}

// pairs is where two codes in a row come from.
func (k *keyHolder) pairs(ctx context.Context, serial string, stdin bool) (pairSource, error) {
	has, err := k.vault.Has(serial)
	switch {
	case err != nil:
		return pairSource{}, err
	case stdin:
		return pairSource{get: func() (mfa.Code, mfa.Code, error) { return k.readPair(serial) }}, nil
	case !has:
		return pairSource{get: func() (mfa.Code, mfa.Code, error) { return k.typedPair(ctx, serial) }}, nil
	}
	s, err := k.vault.Load(ctx, serial)
	if err != nil {
		return pairSource{}, seedError(serial, err)
	}
	return pairSource{made: true, get: func() (mfa.Code, mfa.Code, error) { return k.codes().chain.Pair(ctx, serial, s) }}, nil
}

// pairSource gives two codes in a row, recorded as spent.
type pairSource struct {
	get  func() (first, second mfa.Code, err error)
	made bool // of a seed: there are always others
}

// pairTries bounds how often pairs of codes are sent, or made in vain.
const pairTries = 4

var errPairs = errors.New("AWS did not take the device's codes in several tries")

// sendPairs sends two codes with a call, under the device's lock, and others
// where those were not to blame. Each try has codes of its own.
func (k *keyHolder) sendPairs(ctx context.Context, serial string, from pairSource, call func(*stsclient.Client, iamSigner, stsclient.Codes) error) error {
	for range pairTries {
		before, sent := k.offset.now(), false
		err := k.renewer().WithDevice(ctx, serial, func() error {
			first, second, err := from.get()
			if err != nil {
				return err
			}
			sent = true
			return k.iamOnce(func(c *stsclient.Client, with iamSigner) error { return call(c, with, codesOf(first, second)) })
		})
		if err == nil || !sent || mayBeDone(err) {
			return err
		}
		if err := k.pairAgain(ctx, err, from.made, k.offset.now()-before); err != nil {
			return err
		}
	}
	return errPairs
}

// pairAgain is nil where other codes may be taken.
func (k *keyHolder) pairAgain(ctx context.Context, err error, made bool, moved time.Duration) error {
	switch stsclient.KindOf(err) {
	case stsclient.NotAuthorized:
		if !k.with.Temporary() {
			return k.elevate(ctx, err) // without the device's lock, which a session takes as well
		}
	case stsclient.Stale, stsclient.NoSuchEntity: // too late; AWS has not yet heard everywhere of the device
		if made {
			return nil
		}
	case stsclient.InvalidAuthenticationCode, stsclient.ClockSkew:
		if made && clockMoved(moved) { // a clock that was off is known by now
			return nil
		}
	}
	return err
}

// deviceAndHolder reads the command line of a verb about one device in IAM.
func (r *run) deviceAndHolder(ctx context.Context, c *cli.Context, a arrangement) (options, *keyHolder, string, error) {
	o, err := readSeedOptions(r, c, a)
	if err != nil {
		return o, nil, "", err
	}
	// Where a policy wants a session it is made with the profile's own device,
	// as long as there is one: the other may be lost, or out of step.
	named := o.MFASerial
	o.MFASerial = profile.Value{}
	k, err := r.keyHolder(ctx, o)
	if err != nil {
		return o, nil, "", err
	}
	serial := orElse(named.Text, k.resolved.MFASerial.Text)
	if serial == "" {
		return o, nil, "", &deviceError{profile: o.Profile}
	}
	k.mfa = orElse(k.resolved.MFASerial.Text, serial)
	return o, k, serial, nil
}

// typedPair asks for two codes of a device whose seed is not here.
func (k *keyHolder) typedPair(ctx context.Context, serial string) (first, second mfa.Code, err error) {
	needed := &inputNeeded{err: fmt.Errorf("two codes of %s are needed, one after the other, and there is nobody to ask", shown(serial)), what: "pair"}
	typed := [2]string{}
	for i, which := range []string{"first", "next"} {
		err := k.ask(ctx, k.options, needed, func(t *term.Terminal) (err error) {
			typed[i], err = t.ReadLine(ctx, which+" code of "+shownUpTo(serial, 80)+": ")
			return err
		})
		if err == nil {
			_, err = mfa.ParseCode(typed[i])
		}
		if err != nil {
			return first, second, err
		}
	}
	first, _ = mfa.ParseCode(typed[0])
	second, err = mfa.ParseCode(typed[1])
	return k.recorded(serial, first, second, err)
}

func (k *keyHolder) readPair(serial string) (first, second mfa.Code, err error) {
	lines := bufio.NewScanner(k.Stdin)
	var codes []mfa.Code
	for len(codes) < 2 && lines.Scan() {
		code, err := mfa.ParseCode(lines.Text())
		if err != nil {
			return first, second, fmt.Errorf("standard input, line %d: %w", len(codes)+1, err)
		}
		codes = append(codes, code)
	}
	if len(codes) < 2 {
		return first, second, errors.Join(errOneCode, lines.Err())
	}
	return k.recorded(serial, codes[0], codes[1], nil)
}

var errOneCode = fmt.Errorf("standard input: two codes, one a line, are needed: %w", mfa.ErrCodeFormat)

// recorded puts typed codes on record before they leave.
func (k *keyHolder) recorded(serial string, first, second mfa.Code, err error) (mfa.Code, mfa.Code, error) {
	if err == nil && first.Text() == second.Text() {
		err = fmt.Errorf("the two codes are the same: wait for the next one: %w", mfa.ErrCodeFormat)
	}
	if err != nil {
		return first, second, err
	}
	return first, second, k.codes().chain.Record(serial, first, second)
}

func deviceRemoveVerb() *verb {
	return &verb{
		name: "device remove", args: deviceArgument, takesProfile: true,
		summary:  "deactivate a device, delete it if it is virtual, and forget its seed",
		examples: []string{"awsmfa device remove dev"},
		flags:    deviceFlags(yesFlag()),
		run:      runDeviceRemove,
	}
}

func runDeviceRemove(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, k, serial, err := r.deviceAndHolder(ctx, c, a)
	if err != nil {
		return err
	}
	defer k.hangUp()
	u, err := k.user(ctx)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("remove %s from user %s? what needs MFA then works with another device only", shownUpTo(serial, 60), shownUpTo(u.Name, 40))
	if err := k.confirm(ctx, o, c.Bool("yes"), question); err != nil {
		return err
	}
	e := &enrollment{keyHolder: k, Enrollment: mfa.Enrollment{Serial: serial, UserName: u.Name, Profile: o.Profile}}
	done := false
	if !e.isGone(ctx) {
		if done, err = e.takeAway(ctx); err != nil {
			return err
		}
	}
	return e.afterRemoval(ctx, done)
}

// isGone: IAM was seen not to have the device. Where a policy wants MFA for a
// removal, nobody could get a session with it to find that out.
func (e *enrollment) isGone(ctx context.Context) bool {
	var mine []stsclient.Device
	var all []stsclient.VirtualDevice
	err := e.iamOnce(func(c *stsclient.Client, from iamSigner) (err error) {
		mine, err = c.ListMFADevices(ctx, from)
		return err
	})
	if err == nil && deviceKind(e.Serial) == "virtual" {
		err = e.iamOnce(func(c *stsclient.Client, from iamSigner) (err error) {
			all, err = c.ListVirtualMFADevices(ctx, from, stsclient.Any)
			return err
		})
	}
	return err == nil && !slices.ContainsFunc(mine, func(d stsclient.Device) bool { return d.Serial == e.Serial }) &&
		!slices.ContainsFunc(all, func(d stsclient.VirtualDevice) bool { return d.Serial == e.Serial })
}

// takeAway removes the device from IAM. A virtual one is deleted, which is
// tried first: AWS says then whether a policy wants MFA for it, while there is
// a device to get a session with.
func (e *enrollment) takeAway(ctx context.Context) (done bool, err error) {
	virtual := deviceKind(e.Serial) == "virtual"
	if virtual {
		done, err := there(e.iam(ctx, func(c *stsclient.Client, from iamSigner) error {
			return c.DeleteVirtualMFADevice(ctx, from, e.Serial)
		}))
		if stsclient.KindOf(err) != stsclient.DeleteConflict {
			return done, err
		}
	}
	done, err = e.deactivate(ctx)
	if err != nil || !virtual {
		return done, err
	}
	if !done {
		return false, fmt.Errorf("%s is not a device of user %s", shown(e.Serial), shown(e.UserName))
	}
	if _, err = e.delete(ctx); err != nil {
		e.warn("the device is deactivated, but not deleted; run this again")
	}
	return true, err
}

// afterRemoval clears what stands here of a device that is gone.
func (e *enrollment) afterRemoval(ctx context.Context, done bool) error {
	forgotten, err := e.forget(ctx)
	if err != nil {
		return seedError(e.Serial, err)
	}
	if devices := e.places.Devices(); devices.Load(e.accessKeyID()) == e.Serial {
		if err := devices.Forget(e.accessKeyID()); err != nil {
			e.warn(err.Error())
		}
	}
	begun, found, err := e.enrollments().Load(e.accessKeyID())
	if found && begun.Serial == e.Serial {
		err = e.enrollments().Remove(e.accessKeyID())
	}
	if err != nil {
		e.warn(err.Error())
	}
	said, and := "is removed", ""
	if !done {
		said = "was not, or no longer, there"
	}
	if forgotten {
		and = "; its seed is forgotten"
	}
	e.note("%s %s%s", shown(e.Serial), said, and)
	if n := e.dropSessions(e.Serial); n > 0 {
		e.note("%s forgotten that its codes opened; AWS lets copies of them live out their time", count(n, "session"))
	}
	e.hintNames()
	return nil
}

// clockMoved: codes that were made before are not those of AWS's clock.
func clockMoved(by time.Duration) bool { return by.Abs() >= seed.Step/2 }

func codesOf(first, second mfa.Code) stsclient.Codes {
	return stsclient.Codes{First: first.Text(), Second: second.Text(), Until: second.Until()}
}
