package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"awsmfa/credentials"
	"awsmfa/internal/term"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/seed"
	"awsmfa/stsclient"
)

// iamSigner is who signs a call: the key, or an MFA session.
type iamSigner = credentials.Credentials

// create makes the device when the store is open to take its seed.
func (e *enrollment) create(ctx context.Context) error {
	err := e.vault.AddMade(ctx, e.Serial, false, func() (seed.Seed, error) { return e.makeDevice(ctx) })
	if err != nil {
		return seedError(e.Serial, err)
	}
	return e.reach(mfa.Stored)
}

func (e *enrollment) makeDevice(ctx context.Context) (seed.Seed, error) {
	// The seed is forgotten after the device is gone: as long as that is there,
	// it must stay. It may be stored although storing it failed in the end.
	e.undo = append(e.undo, undoing{"", e.unwrite}, undoing{"its seed is forgotten", e.forget})
	if err := e.reach(mfa.Creating); err != nil {
		return seed.Seed{}, err
	}
	var made stsclient.NewDevice
	err := e.iam(ctx, func(c *stsclient.Client, from iamSigner) (err error) {
		made, err = c.CreateVirtualMFADevice(ctx, from, e.deviceName())
		return err
	})
	if err == nil || mayBeDone(err) {
		e.undo = append(e.undo, undoing{"the device is deleted", e.delete})
	}
	switch {
	case err != nil:
		return seed.Seed{}, err
	case made.Serial != e.Serial:
		e.Serial = made.Serial // what there is to delete
		return seed.Seed{}, errors.Join(fmt.Errorf("the new device has an unexpected name, %s", shown(made.Serial)), e.reach(mfa.Creating))
	}
	s, err := seed.ParseAWS(made.Seed.Bytes())
	return s.Named(awsIssuer, e.label()), err
}

// mayBeDone: what was asked for may have been done although it failed.
func mayBeDone(err error) bool {
	var aws *stsclient.Error
	return errors.As(err, &aws) && aws.MayBeDone()
}

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
		err = e.enabling(ctx, s)
	}
	if err != nil {
		return err
	}
	return e.reach(mfa.Enabled)
}

// putInStep: AWS enables a device with codes of a clock that is off, and counts
// it as off from then on. The login shows whether it helped.
func (e *enrollment) putInStep(ctx context.Context, s seed.Seed) {
	pairs := pairSource{made: true, get: func() (mfa.Code, mfa.Code, error) { return e.codes().chain.Pair(ctx, e.Serial, s) }}
	err := e.sendPairs(ctx, e.Serial, pairs, func(c *stsclient.Client, from iamSigner, codes stsclient.Codes) error {
		return c.ResyncMFADevice(ctx, from, e.UserName, e.Serial, codes)
	})
	if err != nil {
		e.debugf("resync: %v", err)
	}
}

// enabling sends the codes that prove to AWS that the seed is known.
func (e *enrollment) enabling(ctx context.Context, s seed.Seed) error {
	var offset time.Duration // that the codes were made with
	pairs := pairSource{made: true, get: func() (first, second mfa.Code, err error) {
		first, second, err = e.codes().chain.Pair(ctx, e.Serial, s)
		offset = e.offset.now()
		return first, second, orError(err, e.reach(mfa.Enabling))
	}}
	err := e.sendPairs(ctx, e.Serial, pairs, func(c *stsclient.Client, from iamSigner, codes stsclient.Codes) error {
		err := c.EnableMFADevice(ctx, from, e.UserName, e.Serial, codes)
		if err == nil || mayBeDone(err) {
			e.isActive()
			return err
		}
		if err := e.reach(mfa.Stored); err != nil {
			e.warn(err.Error())
		}
		return err
	})
	if err == nil && clockMoved(e.offset.now()-offset) {
		e.putInStep(ctx, s)
	}
	return err
}

func orError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// isActive: from here on the device belongs to the user, or may.
func (e *enrollment) isActive() {
	e.undo = append(e.undo, undoing{"the device is deactivated", e.deactivate})
	e.useNewDevice()
}

// useNewDevice has MFA sessions made with the new device's own codes.
func (e *enrollment) useNewDevice() {
	if !e.with.Temporary() {
		e.mfa, e.unknown, e.options.TokenCode = e.Serial, "", profile.Value{}
	}
}

func (e *enrollment) isEnabled(ctx context.Context) (bool, error) {
	devices, err := e.devices(ctx)
	return slices.ContainsFunc(devices, func(d stsclient.Device) bool { return d.Serial == e.Serial }), err
}

// showPhone lets a phone have the seed too, as the second of the two.
func (e *enrollment) showPhone(ctx context.Context, s seed.Seed) error {
	code, err := seed.QR(s.URI(awsIssuer, e.label()))
	if err != nil {
		return err
	}
	return e.ask(ctx, e.options, errNoScreen, func(t *term.Terminal) error {
		picture := "\n" + code + "\n"
		if err := t.Picture(picture); err != nil {
			return err
		}
		defer t.Erase(strings.Count(picture, "\n")) // it is the seed
		_, err := t.ReadLine(ctx, "scan it with the phone, then press Enter: ")
		return err
	})
}

var errNoScreen = &inputNeeded{err: errors.New("--phone shows a QR code, and there is no terminal to show it on"), what: "screen"}

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

// loginTries: for some seconds after a device was enabled STS may not know it.
// Each try takes the code of another step.
const loginTries = 3

// tryLogin gets a session with the new device: what is promised is tried.
func (e *enrollment) tryLogin(ctx context.Context) error {
	e.options.TokenCode = profile.Value{} // it was another device's
	for try := 1; ; try++ {
		s, err := e.ofKey(ctx, profile.Value{})
		if err != nil {
			return err
		}
		if has := s.resolved.MFASerial; has.Text != e.Serial {
			return fmt.Errorf("profile %q takes its device from elsewhere: %s (%s)", shown(e.holder()), shown(has.Text), has.Origin)
		}
		s.options.Refresh = true
		if try == 1 {
			e.note("trying the device; its next code comes within 30 s")
		}
		_, err = s.get(ctx)
		if err == nil {
			e.noteOthers()
			return nil
		}
		if !tooEarly(err) || try == loginTries {
			return &loginError{err}
		}
		e.note("AWS may not know the new device everywhere yet; trying again with another code")
		if err := e.codes().chain.Wait(ctx, loginPause*time.Duration(try)); err != nil {
			return err
		}
	}
}

// loginError: the device was made and enabled, and gives no session.
type loginError struct{ err error }

func (e *loginError) Error() string { return fmt.Sprintf("the new device does not work: %v", e.err) }
func (e *loginError) Unwrap() error { return e.err }

func (r *run) explainLogin(rep report, a arrangement, e *loginError) report {
	why := r.explainFailure(a, e.err)
	rep.exit, rep.hints = why.exit, why.hints
	if tooEarly(e.err) { // what to do about a device that exists helps nobody
		rep.hints = []string{"AWS may need longer to know a new device: run this again in a few minutes"}
	}
	return rep
}

const loginPause = 3 * time.Second

// tooEarly: what AWS says of a device that it does not know, too.
func tooEarly(err error) bool {
	kind := stsclient.KindOf(err)
	return kind == stsclient.BadSerial || kind == stsclient.InvalidCode
}

// noteOthers tells of profiles on this key that name another device.
func (e *enrollment) noteOthers() {
	s, err := e.keyHolder.run.subject(context.Background(), e.options, false)
	if s != nil && err == nil && s.resolved.MFASerial.Text != e.Serial {
		has := s.resolved.MFASerial
		e.warn(fmt.Sprintf("profile %q names another device itself: %s (%s)", shown(e.Profile), shown(has.Text), has.Origin))
	}
}
