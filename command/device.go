package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"awsmfa/internal/term"
	"awsmfa/profile"
	"awsmfa/session"
	"awsmfa/stsclient"
)

// deviceError says why no device could be found, with what IAM answered.
type deviceError struct {
	profile string
	fido    []string // registered, but of no use with STS
	err     error    // IAM's refusal, if it was one
}

func (e *deviceError) Error() string {
	switch {
	case e.err != nil:
		return fmt.Sprintf("profile %q has no mfa_serial, and its devices cannot be listed: %v", shown(e.profile), e.err)
	case len(e.fido) > 0:
		return fmt.Sprintf("profile %q: the user's only MFA device is a FIDO key or passkey (%s), which STS takes no code of", shown(e.profile), shown(e.fido[0]))
	}
	return fmt.Sprintf("profile %q has no mfa_serial, and its user has no MFA device", shown(e.profile))
}

func (e *deviceError) Unwrap() error { return e.err }

// discoverDevice asks IAM for the devices of the key's user and remembers
// which to use. Several processes ask once: the lock is the key's.
func (s *subject) discoverDevice(ctx context.Context) error {
	renewer, id := s.renewer(), s.resolved.Source.Keys.AccessKeyID()
	for {
		err := renewer.Exclusive(ctx, "choose-"+id, func() error { return s.settleDevice(ctx, id) })
		if !errors.Is(err, session.ErrSuspended) {
			return err
		}
		renewer.Suspend() // the lock is released by now
	}
}

func (s *subject) settleDevice(ctx context.Context, id string) error {
	if s.recallDevice(); s.resolved.MFASerial.IsSet() {
		return nil
	}
	serial, err := s.findDevice(ctx)
	if err != nil {
		return err
	}
	s.resolved.SetMFASerial(profile.Value{Text: serial, Origin: profile.Origin{Name: "iam:ListMFADevices"}})
	if err := s.places.Devices().Store(id, serial); err != nil {
		s.warn("the MFA device is not remembered: " + err.Error())
	}
	return nil
}

func (s *subject) findDevice(ctx context.Context) (string, error) {
	client, err := s.sts()
	if err != nil {
		return "", err
	}
	var devices []stsclient.Device
	s.callIAM(func() { devices, err = client.ListMFADevices(ctx, s.resolved.Source.Keys) })
	if err != nil {
		return "", s.listError(err)
	}
	var usable, fido []string
	for _, d := range devices {
		v := profile.Value{Text: d.Serial, Origin: profile.Origin{Name: "iam:ListMFADevices"}}
		if profile.CheckSerial(s.resolved.Profile, v) == nil {
			usable = append(usable, d.Serial)
		} else {
			fido = append(fido, d.Serial)
		}
	}
	switch len(usable) {
	case 0:
		return "", &deviceError{profile: s.resolved.Profile, fido: fido}
	case 1:
		return usable[0], nil
	}
	return s.chooseDevice(ctx, usable)
}

// listError: a policy that lets nobody list devices without MFA is common, and
// then the profile has to say. A bad key or a lost network is no matter of devices.
func (s *subject) listError(err error) error {
	var aws *stsclient.Error
	if errors.As(err, &aws) && aws.Kind == stsclient.NotAuthorized {
		return &deviceError{profile: s.resolved.Profile, err: err}
	}
	return refused(err)
}

func (s *subject) chooseDevice(ctx context.Context, serials []string) (string, error) {
	several := fmt.Errorf("profile %q has several MFA devices: %s", shown(s.resolved.Profile), shown(strings.Join(serials, ", ")))
	if s.options.NoInput {
		return "", &inputNeeded{err: several, what: "device"}
	}
	t, err := s.terminal()
	if err != nil {
		return "", &inputNeeded{err: several, what: "device"}
	}
	defer t.Close()
	n, err := t.Choose(ctx, "MFA device for "+shown(s.resolved.Profile)+": ", serials)
	switch {
	case errors.Is(err, term.ErrSuspended):
		return "", session.ErrSuspended
	case errors.Is(err, term.ErrBackground):
		return "", &inputNeeded{err: several, what: "device"}
	case err != nil:
		return "", fmt.Errorf("choosing the MFA device: %w", err)
	}
	return serials[n], nil
}

// forgetBadDevice drops a remembered device that AWS does not know any more.
func (s *subject) forgetBadDevice(err error) {
	var e *stsclient.Error
	if errors.As(err, &e) && e.Kind == stsclient.BadSerial && s.recalled() {
		s.places.Devices().Forget(s.resolved.Source.Keys.AccessKeyID())
		s.note("the remembered MFA device is forgotten; the next run asks IAM again")
	}
}
