package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"awsmfa/credentials"
	"awsmfa/internal/term"
	"awsmfa/mfa"
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
	o, k, serial, err := r.deviceAndHolder(ctx, c, a)
	if err != nil {
		return err
	}
	defer k.hangUp()
	u, err := k.user(ctx)
	if err != nil {
		return err
	}
	v, err := r.vaultOf(o)
	if err != nil {
		return err
	}
	has, err := v.Has(serial)
	if err != nil {
		return err
	}
	get := func() (mfa.Code, mfa.Code, error) { return k.typedPair(ctx, serial, c.Bool("stdin")) }
	if has && !c.Bool("stdin") {
		s, err := v.Load(ctx, serial)
		if err != nil {
			return seedError(serial, err)
		}
		get = func() (mfa.Code, mfa.Code, error) { return k.codes().chain.Pair(ctx, serial, s) }
	}
	err = k.renewer().WithDevice(ctx, serial, func() error {
		first, second, err := get()
		if err != nil {
			return err
		}
		return k.iam(ctx, func(c *stsclient.Client, from credentials.Credentials) error {
			return c.ResyncMFADevice(ctx, from, u.Name, serial, codesOf(first, second))
		})
	})
	if err != nil {
		return err
	}
	r.note("%s: in step with AWS again", shown(serial))
	return nil
}

// deviceAndHolder reads the command line of a verb about one device in IAM.
func (r *run) deviceAndHolder(ctx context.Context, c *cli.Context, a arrangement) (options, *keyHolder, string, error) {
	o, err := readSeedOptions(r, c, a)
	if err != nil {
		return o, nil, "", err
	}
	k, err := r.keyHolder(ctx, o)
	if err != nil {
		return o, nil, "", err
	}
	serial := k.resolved.MFASerial.Text
	if serial == "" {
		return o, nil, "", &deviceError{profile: o.Profile}
	}
	k.mfa = serial
	return o, k, serial, nil
}

// typedPair asks for two codes of a device whose seed is not here.
func (k *keyHolder) typedPair(ctx context.Context, serial string, stdin bool) (first, second mfa.Code, err error) {
	if stdin {
		return k.readPair()
	}
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

func (k *keyHolder) readPair() (first, second mfa.Code, err error) {
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
	return k.recorded(k.mfa, codes[0], codes[1], nil)
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
	if e.vault, err = r.vaultOf(o); err != nil {
		return err
	}
	if err := e.deactivate(ctx); err != nil {
		return err
	}
	if deviceKind(serial) == "virtual" {
		if err := e.delete(ctx); err != nil {
			r.warn("the device is deactivated, but not deleted; run this again")
			return err
		}
	}
	return e.afterRemoval(ctx)
}

// afterRemoval clears what stands here of a device that is gone.
func (e *enrollment) afterRemoval(ctx context.Context) error {
	if err := e.forget(ctx); err != nil && !errors.Is(err, seed.ErrNoSeed) {
		return seedError(e.Serial, err)
	}
	if err := e.places.Devices().Forget(e.accessKeyID()); err != nil {
		e.warn(err.Error())
	}
	e.note("%s is removed", shown(e.Serial))
	for _, name := range e.profilesByDevice()[e.Serial] {
		e.hint("profile %q still names it: take mfa_serial out of its section, or awsmfa device enroll %s", shown(name), quoteArg(shown(name)))
	}
	return nil
}

func codesOf(first, second mfa.Code) stsclient.Codes {
	return stsclient.Codes{First: first.Text(), Second: second.Text(), Until: second.Until()}
}
