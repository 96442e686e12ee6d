package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/credentials"
	"awsmfa/internal/term"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/seed"
	"awsmfa/stsclient"
)

func deviceEnrollVerb() *verb {
	return &verb{
		name: "device enroll", args: "[PROFILE]", takesProfile: true,
		summary:  "make a virtual MFA device whose codes awsmfa makes, and write mfa_serial",
		examples: []string{"awsmfa device enroll dev", "awsmfa device enroll dev --phone"},
		flags: deviceFlags(
			&cli.StringFlag{Name: "name", Usage: "the device's `NAME`; the user's own when left out, as many policies want it"},
			&cli.BoolFlag{Name: "phone", Usage: "show a QR code, for a phone to make the same codes"},
			yesFlag(),
		),
		run: runDeviceEnroll,
	}
}

func runDeviceEnroll(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	if c.IsSet("name") && !isDeviceName(c.String("name")) {
		return usagef("--name %q is no device name: up to 226 letters, digits and + = , . @ - _", shown(c.String("name")))
	}
	k, err := r.keyHolder(ctx, o)
	if err != nil {
		return err
	}
	defer k.hangUp()
	e := &enrollment{keyHolder: k, yes: c.Bool("yes"), phone: c.Bool("phone"), name: c.String("name"), region: o.Region}
	if e.vault, err = r.vaultOf(o); err != nil {
		return err
	}
	// One at a time: two would make a device each.
	return k.renewer().Exclusive(ctx, "enroll-"+k.accessKeyID(), func() error { return e.run(ctx) })
}

// isDeviceName is the class of CreateVirtualMFADevice's virtualMFADeviceName.
func isDeviceName(s string) bool {
	for _, c := range s {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("+=,.@-_", c)) {
			return false
		}
	}
	return s != "" && len(s) <= 226
}

// enrollment is the way from nothing to a device that works. Each step that
// leaves something behind is written down first, and says how it is undone.
type enrollment struct {
	*keyHolder
	vault      *seed.Vault
	yes, phone bool
	name       string
	region     profile.Value
	mfa.Enrollment
	undo []undoing
}

// undoing takes one step back.
type undoing struct {
	what string // is told when it is done: "the device is deleted"
	do   func(context.Context) error
}

func (e *enrollment) run(ctx context.Context) error {
	begun, found, err := e.enrollments().Load(e.accessKeyID())
	if err != nil {
		return err
	}
	if found {
		goOn, err := e.settle(ctx, begun)
		if err != nil || !goOn {
			return err
		}
	} else if err := e.begin(ctx); err != nil {
		return e.back(ctx, err)
	}
	if err := e.complete(ctx); err != nil {
		return e.back(ctx, err)
	}
	if err := e.enrollments().Remove(e.accessKeyID()); err != nil {
		e.warn(err.Error())
	}
	e.note("%s: the device %s works, and awsmfa makes its codes: %s", shown(e.Profile), shown(e.Serial), e.detectShell().Eval("awsmfa env "+quoteArg(e.Profile)))
	return nil
}

// begin makes the device and stores its seed.
func (e *enrollment) begin(ctx context.Context) error {
	u, err := e.user(ctx)
	if err != nil {
		return err
	}
	if u.Name == "" {
		return errNoUser
	}
	e.Enrollment = mfa.Enrollment{
		Serial:   fmt.Sprintf("arn:%s:iam::%s:mfa/%s", partitionOf(u.ARN), u.Account, orElse(e.name, u.Name)),
		UserName: u.Name, Profile: e.resolved.Profile, Phase: mfa.Creating,
	}
	has, err := e.vault.Has(e.Serial)
	if err == nil && has {
		err = seed.ErrExists
	}
	if err != nil {
		return seedError(e.Serial, err)
	}
	if err := e.announce(ctx); err != nil {
		return err
	}
	return e.create(ctx)
}

var errNoUser = errors.New("this access key belongs to no IAM user (root, perhaps): its devices are made in the console")

func partitionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 3)
	return parts[1]
}

// announce shows all that is to happen before anything does.
func (e *enrollment) announce(ctx context.Context) error {
	e.tellTrade()
	edit, err := e.previewConfig(ctx)
	if err != nil {
		return err
	}
	e.note("the virtual device %s will be made for user %s, its seed stored here, and this written:", shown(e.Serial), shown(e.UserName))
	e.tell(edit.Diff())
	if has := e.resolved.MFASerial; has.IsSet() && has.Text != e.Serial {
		e.warn(fmt.Sprintf("profile %q uses %s now (%s)", shown(e.resolved.Profile), shown(has.Text), has.Origin))
	}
	return e.confirm(ctx, e.options, e.yes, "go on?")
}

// create makes the device when the store is open to take its seed.
func (e *enrollment) create(ctx context.Context) error {
	err := e.vault.AddMade(ctx, e.Serial, false, func() (seed.Seed, error) { return e.makeDevice(ctx) })
	if err != nil {
		return seedError(e.Serial, err)
	}
	// Undone after the device is gone: as long as it is there, the seed must stay.
	e.undo = slices.Insert(e.undo, 1, undoing{"its seed is forgotten", e.forget})
	return e.reach(mfa.Stored)
}

func (e *enrollment) makeDevice(ctx context.Context) (seed.Seed, error) {
	if err := e.reach(mfa.Creating); err != nil {
		return seed.Seed{}, err
	}
	e.undo = append(e.undo, undoing{"", e.unwrite})
	var made stsclient.NewDevice
	err := e.iam(ctx, func(c *stsclient.Client, from credentials.Credentials) (err error) {
		made, err = c.CreateVirtualMFADevice(ctx, from, e.deviceName())
		return err
	})
	var aws *stsclient.Error
	if err == nil || errors.As(err, &aws) && aws.MayBeDone() {
		e.undo = append(e.undo, undoing{"the device is deleted", e.delete})
	}
	switch {
	case err != nil:
		return seed.Seed{}, err
	case made.Serial != e.Serial:
		e.Serial = made.Serial // what there is to delete
		return seed.Seed{}, fmt.Errorf("the new device has an unexpected name, %s", shown(made.Serial))
	}
	s, err := seed.ParseAWS(made.Seed.Bytes())
	return s.Named(awsIssuer, e.label()), err
}

// unwrite ends the record: nothing is open any more.
func (e *enrollment) unwrite(context.Context) error { return e.enrollments().Remove(e.accessKeyID()) }

const awsIssuer = "Amazon Web Services"

func (e *enrollment) label() string {
	return e.deviceName() + "@" + strings.SplitN(e.Serial, ":", 6)[4]
}

func (e *enrollment) deviceName() string { return e.Serial[strings.LastIndexByte(e.Serial, '/')+1:] }

// reach writes down how far it has come.
func (e *enrollment) reach(p mfa.Phase) error {
	e.Phase = p
	return e.enrollments().Store(e.accessKeyID(), e.Enrollment)
}

// complete goes on from a device whose seed is stored.
func (e *enrollment) complete(ctx context.Context) error {
	if e.Phase != mfa.Enabled {
		if err := e.enable(ctx); err != nil {
			return err
		}
	}
	if err := e.writeSerial(ctx); err != nil {
		return err
	}
	return e.tryLogin(ctx)
}

func (e *enrollment) enable(ctx context.Context) error {
	s, err := e.vault.Load(ctx, e.Serial)
	if err != nil {
		return seedError(e.Serial, err)
	}
	if e.phone {
		if err := e.showPhone(ctx, s); err != nil {
			return err
		}
	}
	enabled := false
	if e.Phase == mfa.Enabling { // cut off while the answer was on its way
		if enabled, err = e.isEnabled(ctx); err != nil {
			return err
		}
	}
	if !enabled {
		err = e.renewer().WithDevice(ctx, e.Serial, func() error { return e.sendPair(ctx, s) })
	}
	if err != nil {
		return err
	}
	return e.reach(mfa.Enabled)
}

// sendPair proves to AWS that the seed is known.
func (e *enrollment) sendPair(ctx context.Context, s seed.Seed) error {
	for try := 1; ; try++ {
		first, second, err := e.codes().chain.Pair(ctx, e.Serial, s)
		if err != nil {
			return err
		}
		if err := e.reach(mfa.Enabling); err != nil {
			return err
		}
		e.undo = append(e.undo, undoing{"the device is deactivated", e.deactivate})
		before := e.offset.now()
		err = e.iam(ctx, func(c *stsclient.Client, from credentials.Credentials) error {
			return c.EnableMFADevice(ctx, from, e.UserName, e.Serial, codesOf(first, second))
		})
		// A clock that was off is known by now; other codes may fit.
		if stsclient.KindOf(err) != stsclient.InvalidAuthenticationCode || try == 2 || (e.offset.now()-before).Abs() < seed.Step/2 {
			return err
		}
		e.undo = e.undo[:len(e.undo)-1]
	}
}

func (e *enrollment) isEnabled(ctx context.Context) (bool, error) {
	devices, err := e.devices(ctx)
	for _, d := range devices {
		if d.Serial == e.Serial {
			e.undo = append(e.undo, undoing{"the device is deactivated", e.deactivate})
			return true, nil
		}
	}
	return false, err
}

// showPhone lets a phone have the seed too, as the second of the two.
func (e *enrollment) showPhone(ctx context.Context, s seed.Seed) error {
	code, err := seed.QR(s.URI(awsIssuer, e.label()))
	if err != nil {
		return err
	}
	needed := &inputNeeded{err: errors.New("--phone shows a QR code, and there is no terminal to show it on"), what: "confirmation"}
	return e.ask(ctx, e.options, needed, func(t *term.Terminal) error {
		if _, err := t.Write([]byte("\n" + code + "\n")); err != nil {
			return err
		}
		_, err := t.ReadLine(ctx, "scan it with the phone, then press Enter: ")
		return err
	})
}

// writeSerial puts the device into the profile, as was shown before.
func (e *enrollment) writeSerial(ctx context.Context) error {
	undone, err := e.rewriteConfig(ctx)
	if err != nil {
		return err
	}
	if undone != nil {
		e.undo = append(e.undo, undoing{"the config file is as it was", undone})
	}
	return nil
}

// tryLogin gets a session with the new device: what is promised is tried.
func (e *enrollment) tryLogin(ctx context.Context) error {
	o := e.options
	o.Profile, o.MFASerial, o.Refresh, o.TokenCode = e.Profile, profile.Value{}, true, profile.Value{}
	e.note("trying the device; its next code comes within 30 s")
	s, _, err := e.subject.run.session(ctx, o)
	if err != nil {
		return fmt.Errorf("the new device does not work: %w", err)
	}
	if s.resolved.MFASerial.Text != e.Serial {
		return fmt.Errorf("profile %q takes its device from elsewhere: %s (%s)", shown(e.Profile), shown(s.resolved.MFASerial.Text), s.resolved.MFASerial.Origin)
	}
	return nil
}

// undoBudget is the time to undo in, also when it is ^C that asks for it.
const undoBudget = 30 * time.Second

// back undoes what was done, the last step first, and says so. It stops at
// what cannot be undone: the seed of a device that still exists must stay.
func (e *enrollment) back(ctx context.Context, failed error) error {
	if len(e.undo) == 0 {
		return failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoBudget)
	defer cancel()
	for i := len(e.undo) - 1; i >= 0; i-- {
		step := e.undo[i]
		if err := step.do(ctx); err != nil {
			e.warn(fmt.Sprintf("not undone: %v", err))
			e.hint("awsmfa device enroll %s finishes or removes it", quoteArg(shown(e.Profile)))
			return failed
		}
		if step.what != "" {
			e.note("undone: %s", step.what)
		}
	}
	return failed
}

func (e *enrollment) deactivate(ctx context.Context) error {
	return gone(e.iam(ctx, func(c *stsclient.Client, from credentials.Credentials) error {
		return c.DeactivateMFADevice(ctx, from, e.UserName, e.Serial)
	}))
}

func (e *enrollment) delete(ctx context.Context) error {
	return gone(e.iam(ctx, func(c *stsclient.Client, from credentials.Credentials) error {
		return c.DeleteVirtualMFADevice(ctx, from, e.Serial)
	}))
}

func (e *enrollment) forget(ctx context.Context) error {
	err := e.vault.Remove(ctx, e.Serial)
	if errors.Is(err, seed.ErrNoSeed) {
		return nil
	}
	return err
}

// gone: what is not there need not be removed.
func gone(err error) error {
	if stsclient.KindOf(err) == stsclient.NoSuchEntity {
		return nil
	}
	return err
}
