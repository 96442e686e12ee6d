package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/credentials"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/seed"
	"awsmfa/session"
	"awsmfa/stsclient"
)

// deviceVerbs are about the MFA devices that IAM knows.
func deviceVerbs() []*verb {
	return []*verb{deviceListVerb(), deviceEnrollVerb(), deviceResyncVerb(), deviceRemoveVerb()}
}

// keyHolder is the IAM user behind a profile, by the access key at the end of
// its chain.
type keyHolder struct {
	*subject
	with  credentials.Credentials // the key, or an MFA session once a policy wanted one
	mfa   string                  // the device of that session, when it is not the profile's
	vault *seed.Vault             // of the verb, unlocked once

	unknown string // a device that AWS cannot know yet: it gives no session
}

// keyHolder finds whose key a profile ends in. What is wrong with the
// profile's device or its roles is no obstacle: it may be what the verb mends.
func (r *run) keyHolder(ctx context.Context, o options) (*keyHolder, error) {
	o.noteProfile(r)
	s, err := r.subject(ctx, o, false)
	if s == nil {
		return nil, err
	}
	src := s.resolved.Source
	if src.Kind == profile.SourceSession && errors.Is(err, session.ErrPastedSession) {
		return nil, err
	}
	if src.Kind != profile.SourceKeys {
		return nil, &profile.Error{Kind: profile.NoKeys, Profile: o.Profile, Origin: src.Origin,
			Detail: fmt.Sprintf("profile %q has no access key of an IAM user, which is what a device belongs to (it has: %s)", shown(o.Profile), src.Kind)}
	}
	k := &keyHolder{subject: s, with: src.Keys}
	k.vault, err = r.vaultOf(o)
	return k, err
}

func (k *keyHolder) accessKeyID() string { return k.resolved.Source.Keys.AccessKeyID() }

// iamCall is one call to IAM, by whoever signs it.
type iamCall func(*stsclient.Client, credentials.Credentials) error

// iam makes a call with the long-term key and, where a policy refuses that for
// want of MFA, once more with an MFA session.
func (k *keyHolder) iam(ctx context.Context, call iamCall) error {
	err := k.iamOnce(call)
	if stsclient.KindOf(err) != stsclient.NotAuthorized || k.with.Temporary() {
		return err
	}
	if err := k.elevate(ctx, err); err != nil {
		return err
	}
	return k.iamOnce(call)
}

func (k *keyHolder) iamOnce(call iamCall) error {
	client, err := k.sts()
	if err != nil {
		return err
	}
	k.callIAM(func() { err = call(client, k.with) })
	return refused(err)
}

// elevate gets an MFA session, which signs from now on, after a refusal; that
// one it returns where there is none to be had.
func (k *keyHolder) elevate(ctx context.Context, refusal error) error {
	with, err := k.mfaSession(ctx)
	switch {
	case errors.Is(err, errNoOtherDevice):
		return refusal
	case err != nil:
		return fmt.Errorf("%w; and there is no MFA session to try with: %w", refusal, err)
	}
	k.with = with
	return nil
}

// renewClient starts the time for the network anew.
func (k *keyHolder) renewClient() {
	k.hangUp()
	k.client = nil
}

// errNoOtherDevice: a policy wants MFA, and no device is known to give it.
var errNoOtherDevice = errors.New("no MFA device is known for it")

// mfaSession is the session of the key itself, without any role.
func (k *keyHolder) mfaSession(ctx context.Context) (credentials.Credentials, error) {
	serial := k.resolved.MFASerial
	if k.mfa != "" {
		serial = profile.Value{Text: k.mfa, Origin: profile.Origin{Name: "the device"}}
	}
	if !serial.IsSet() || serial.Text == k.unknown || profile.CheckSerial(k.resolved.Profile, serial) != nil {
		return credentials.Credentials{}, errNoOtherDevice
	}
	s, err := k.ofKey(ctx, serial)
	if err != nil {
		return credentials.Credentials{}, err
	}
	got, err := s.get(ctx)
	return got.Credentials(), err
}

// ofKey is the key alone, without the roles of any profile; the device is the
// one that is configured for it where serial is not set.
func (k *keyHolder) ofKey(ctx context.Context, serial profile.Value) (*subject, error) {
	o := k.options
	o.Profile, o.ProfileOrigin, o.MFASerial = k.resolved.Source.Profile, "the source profile", serial
	s, err := k.run.subject(ctx, o, false)
	if s == nil {
		return nil, err
	}
	s.unlocked, s.offset.told = k.vault, k.offset.told
	s.resolved.Roles, s.resolved.Duration = nil, 0
	s.plan, err = session.NewPlan(s.resolved, session.Options{SessionDuration: o.SessionDuration})
	return s, err
}

// dropSessions forgets the sessions that a device's codes have opened: nothing
// could renew them any more.
func (k *keyHolder) dropSessions(serial string) int {
	all, err := k.places.Sessions().All(k.Now())
	n := 0
	for _, entry := range all {
		if entry.Serial != serial || entry.Source != k.accessKeyID() {
			continue
		}
		if gone, rerr := k.places.Sessions().Remove(entry.Key); rerr != nil {
			err = rerr
		} else if gone {
			n++
		}
	}
	if err != nil {
		k.warn("the sessions of " + shown(serial) + " are not forgotten: " + err.Error())
	}
	return n
}

// user is the IAM user's name, which the calls for devices want.
func (k *keyHolder) user(ctx context.Context) (stsclient.User, error) {
	var u stsclient.User
	client, err := k.sts()
	if err != nil {
		return u, err
	}
	k.callIAM(func() { u, err = client.GetUser(ctx, k.with) })
	if stsclient.KindOf(err) != stsclient.NotAuthorized {
		return u, refused(err)
	}
	// Everybody may ask who they are; the name is the ARN's last part.
	identity, err := k.identity(ctx, k.with)
	if err != nil {
		return u, err
	}
	u = stsclient.User{ARN: identity.ARN, Account: identity.Account}
	if _, path, found := strings.Cut(identity.ARN, ":user/"); found {
		u.Name = path[strings.LastIndexByte(path, '/')+1:]
	}
	return u, nil
}

func (k *keyHolder) enrollments() mfa.Enrollments { return mfa.Enrollments{Dir: k.places.State} }

func deviceListVerb() *verb {
	return &verb{
		name: "device list", args: "[PROFILE]", takesProfile: true,
		summary:  "show the user's MFA devices as IAM knows them",
		examples: []string{"awsmfa device list dev"},
		flags:    deviceFlags(jsonFlag()),
		run:      runDeviceList,
	}
}

// deviceFlags are for verbs that call IAM.
func deviceFlags(more ...cli.Flag) []cli.Flag {
	return seedFlags(append(more,
		&cli.StringFlag{Name: "region", Usage: "use this `REGION`"},
		&cli.StringFlag{Name: "token-code", Aliases: []string{"t", "mfa-token"}, Usage: "the MFA `CODE` where a policy wants a session, or - to read it from stdin"},
	)...)
}

type deviceRow struct {
	Serial   string   `json:"mfa_serial"`
	Kind     string   `json:"kind"`
	Enabled  string   `json:"enabled"`
	Seed     bool     `json:"seed_stored"`
	Profiles []string `json:"profiles"`
}

func runDeviceList(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	k, err := r.keyHolder(ctx, o)
	if err != nil {
		return err
	}
	defer k.hangUp()
	devices, err := k.devices(ctx)
	if err != nil {
		return err
	}
	rows := k.deviceRows(devices)
	k.tellUnfinished()
	if o.JSON {
		return r.writeJSON(map[string]any{"devices": rows})
	}
	if len(rows) == 0 {
		r.note("the user has no MFA device; awsmfa device enroll %s makes one", quoteArg(shown(o.Profile)))
		return nil
	}
	var page bytes.Buffer
	table(&page, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "DEVICE\tKIND\tENABLED\tSEED\tPROFILES")
		for _, row := range rows {
			kept := "-"
			if row.Seed {
				kept = "stored"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", shown(row.Serial), row.Kind, row.Enabled[:len("2006-01-02")], kept, dash(someOf(row.Profiles)))
		}
	})
	return r.print(&page)
}

func (k *keyHolder) devices(ctx context.Context) ([]stsclient.Device, error) {
	var devices []stsclient.Device
	err := k.iam(ctx, func(c *stsclient.Client, from credentials.Credentials) (err error) {
		devices, err = c.ListMFADevices(ctx, from)
		return err
	})
	return devices, err
}

func (k *keyHolder) deviceRows(devices []stsclient.Device) []deviceRow {
	users := k.profilesByDevice()
	rows := []deviceRow{}
	for _, d := range devices {
		row := deviceRow{Serial: d.Serial, Kind: deviceKind(d.Serial), Enabled: d.Enabled.UTC().Format(time.RFC3339), Profiles: append([]string{}, users[d.Serial]...)}
		row.Seed, _ = k.vault.Has(d.Serial)
		rows = append(rows, row)
	}
	return rows
}

// deviceKind goes by the form of the serial number (IAM user guide, "Checking MFA status").
func deviceKind(serial string) string {
	switch {
	case strings.Contains(serial, ":mfa/"):
		return "virtual"
	case strings.Contains(serial, ":u2f/"):
		return "FIDO"
	}
	return "hardware"
}

// tellUnfinished: an enrolment was cut off.
func (k *keyHolder) tellUnfinished() {
	one, found, err := k.enrollments().Load(k.accessKeyID())
	if err != nil {
		k.warn(err.Error())
	}
	if found {
		k.warn(fmt.Sprintf("the enrolment of %s was cut off; awsmfa device enroll %s finishes it or removes it", shown(one.Serial), quoteArg(shown(k.options.Profile))))
	}
}
