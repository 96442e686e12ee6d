package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"awsmfa/mfa"
	"awsmfa/profile"
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
	e := &enrollment{keyHolder: k, yes: c.Bool("yes"), phone: c.Bool("phone"), name: c.String("name")}
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
	yes, phone bool
	name       string // of --name
	mfa.Enrollment
	shownDiff string // the change of the config file that the user has seen
	undo      []undoing
}

func (e *enrollment) run(ctx context.Context) error {
	begun, found, err := e.enrollments().Load(e.accessKeyID())
	if err != nil {
		return err
	}
	over := false
	if found {
		if over, err = e.settle(ctx, begun); err != nil || over {
			return err
		}
	}
	if e.Phase == "" { // nothing to go on from
		if err := e.begin(ctx); err != nil {
			return e.back(ctx, err)
		}
	}
	if err := e.complete(ctx); err != nil {
		return e.back(ctx, err)
	}
	if err := e.enrollments().Remove(e.accessKeyID()); err != nil {
		e.warn(err.Error())
	}
	e.note("%s: the device %s works, and awsmfa makes its codes: %s", shown(e.Profile), shown(e.Serial), e.detectShell().Eval("awsmfa env "+quoteArg(e.Profile)))
	if !e.phone { // what is on this machine alone is lost with it, or with a passphrase
		e.hint("let a phone make its codes too, for the day when this machine is gone: awsmfa totp export %s --as-qr", quoteArg(shown(e.Profile)))
	}
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
	e.unknown = e.Serial
	for _, check := range []func(context.Context) error{e.isNew, e.nameIsFree, e.seedsAreReadable, e.announce} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	if err := e.confirm(ctx, e.options, e.yes, "go on?"); err != nil {
		return err
	}
	return e.create(ctx)
}

var errNoUser = &profile.Error{Kind: profile.NoKeys, Detail: "this access key is not an IAM user's, but root's perhaps: such devices are made in the AWS console"}

func partitionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 3)
	return parts[1]
}

// takenError: there is a device of that name.
type takenError struct {
	serial, profile, name string
	user                  string // whose it is, "" for nobody's
	stored                bool   // its seed is here
}

func (e *takenError) Error() string {
	switch {
	case e.stored:
		return fmt.Sprintf("%s: a seed of this device is stored here already", shown(e.serial))
	case e.user != "":
		return fmt.Sprintf("there is a device of that name already, %s, which belongs to %s", shown(e.serial), shown(e.user))
	}
	return fmt.Sprintf("there is a device of that name already, %s, which is assigned to nobody", shown(e.serial))
}

func explainTaken(rep report, e *takenError) report {
	p, serial := quoteArg(shown(e.profile)), quoteArg(shown(e.serial))
	rep.exit = exitFailure
	switch {
	case e.stored:
		rep = rep.hint("awsmfa env %s makes its codes, where mfa_serial names it; to begin anew: awsmfa device remove %s -p %s", p, serial, p)
	case e.user == "":
		rep = rep.hint("where it is left over, and nobody is about to enable it: awsmfa device remove %s -p %s", serial, p)
	}
	return rep.hint("choose another name: awsmfa device enroll %s --name %s", p, quoteArg(shown(e.name)+"-2"))
}

// taken is about the device that is to be made.
func (e *enrollment) taken() *takenError {
	return &takenError{serial: e.Serial, profile: e.Profile, name: e.deviceName()}
}

func (e *enrollment) isNew(context.Context) error {
	has, err := e.vault.Has(e.Serial)
	if err != nil || !has {
		return seedError(e.Serial, err)
	}
	taken := e.taken()
	taken.stored = true
	return taken
}

// nameIsFree makes sure that a device of that name, where one is found later,
// is ours to delete. Who may not list learns it from CreateVirtualMFADevice.
func (e *enrollment) nameIsFree(ctx context.Context) error {
	var all []stsclient.VirtualDevice
	err := e.iamOnce(func(c *stsclient.Client, from iamSigner) (err error) {
		all, err = c.ListVirtualMFADevices(ctx, from, stsclient.Any)
		return err
	})
	if stsclient.KindOf(err) == stsclient.NotAuthorized {
		return nil
	}
	for _, d := range all {
		if d.Serial == e.Serial {
			taken := e.taken()
			taken.user = d.UserARN
			return taken
		}
	}
	return err
}

// seedsAreReadable: where nobody can unlock the store, the device would be made
// in vain.
func (e *enrollment) seedsAreReadable(context.Context) error {
	stored, err := e.vault.List()
	if err == nil && len(stored) > 0 {
		err = e.vault.Ready(stored[0].Serial)
	}
	return seedError(e.Serial, err)
}

// announce shows all that is to happen before anything does.
func (e *enrollment) announce(ctx context.Context) error {
	e.tellTrade()
	e.note("the virtual device %s will be made for user %s, its seed stored here, and mfa_serial written:", shown(e.Serial), shown(e.UserName))
	if err := e.showEdit(ctx); err != nil {
		return err
	}
	if has := e.resolved.MFASerial; has.IsSet() && has.Text != e.Serial {
		e.warn(fmt.Sprintf("profile %q uses %s now (%s)", shown(e.resolved.Profile), shown(has.Text), has.Origin))
	}
	return nil
}
