package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"awsmfa/environment"
	"awsmfa/internal/term"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/seed"
	"awsmfa/session"
	"awsmfa/stsclient"
)

// subject is a profile made ready: what its files say, the plan, and the means
// to carry it out.
type subject struct {
	*run
	options  options
	files    *profile.Files
	resolved *profile.Resolved
	plan     *session.Plan
	places   session.Places
	held     environment.Held
	region   profile.Value // for the calls and for what is printed
	setsIt   bool          // region is to be printed: it is not the user's own
	client   *stsclient.Client
	offset   *offsetMemory

	codeOrigin mfa.Origin // where the last code came from
	obtained   bool       // a call of this run gave credentials

	asked     *session.Recorder // of the variables that resolving asked for
	awsFiles  []string
	awsStates []string // before they were read

	unlocked *seed.Vault // that a verb has opened already, nil for none

	deviceOf    string // the access key id whose remembered device was looked for
	deviceState string // before it was read
}

// subject resolves the profile and plans; findDevice allows asking IAM which
// MFA device there is.
func (r *run) subject(ctx context.Context, o options, findDevice bool) (*subject, error) {
	s := &subject{run: r, options: o, held: environment.Read(r.getenv)}
	var err error
	if s.places, err = session.FindPlaces(r.getenv); err != nil {
		r.warn("nothing is cached: " + err.Error())
	}
	s.offset = newOffsetMemory(s)
	paths := profile.Locate(r.getenv, session.Home(r.getenv))
	s.awsFiles = []string{paths.Config, paths.Credentials}
	s.awsStates = s.states()
	if s.files, err = profile.Load(paths); err != nil {
		return nil, err
	}
	if err = s.resolve(); err != nil {
		return nil, err
	}
	err = s.makePlan(ctx, findDevice)
	s.debugf("profile %s: MFA device %s, region %s", shown(strings.Join(s.resolved.Chain, " -> ")), whence(s.resolved.MFASerial), whence(s.region))
	return s, err
}

// session is a subject and the credentials got for it.
func (r *run) session(ctx context.Context, o options) (*subject, session.Result, error) {
	s, err := r.subject(ctx, o, true)
	if err != nil {
		return nil, session.Result{}, err
	}
	got, err := s.get(ctx)
	return s, got, err
}

// whence is a value with the place that it comes from.
func whence(v profile.Value) string {
	if !v.IsSet() {
		return "none"
	}
	return shown(v.Text) + " (" + v.Origin.String() + ")"
}

func (s *subject) resolve() error {
	var err error
	s.asked = session.NewRecorder(s.getenv)
	s.resolved, err = s.files.Resolve(profile.Request{Profile: s.options.Profile, Getenv: s.asked.Getenv, MFASerial: s.options.MFASerial})
	if err != nil {
		return err
	}
	return s.chooseRegion()
}

// chooseRegion: --region, else the user's exported one, else the profile's. To
// renew what the shell holds keeps the region that it holds.
func (s *subject) chooseRegion() error {
	region, from := s.held.RegionFor(s.options.Profile, s.options.Region.Text, s.resolved.Region.Text)
	s.setsIt = from != environment.RegionExported
	switch from {
	case environment.RegionAsked:
		s.region = s.options.Region
	case environment.RegionExported:
		name, _ := s.held.ForeignRegion()
		s.region = profile.Value{Text: region, Origin: profile.Origin{Name: name}}
	case environment.RegionHeld:
		s.region = profile.Value{Text: region, Origin: profile.Origin{Name: "AWSMFA_OWNED"}}
	case environment.RegionConfigured:
		s.region = s.resolved.Region
	}
	if !s.region.IsSet() {
		return nil
	}
	return profile.CheckRegion(s.region)
}

// printedRegion is what goes into AWS_REGION, "" for nothing.
func (s *subject) printedRegion() string {
	if !s.setsIt {
		return ""
	}
	return s.region.Text
}

func (s *subject) makePlan(ctx context.Context, findDevice bool) error {
	s.recallDevice()
	opts := session.Options{Duration: s.options.Duration, SessionDuration: s.options.SessionDuration, NoMFA: s.options.NoMFA}
	var err error
	s.plan, err = session.NewPlan(s.resolved, opts)
	if !errors.Is(err, session.ErrNoDevice) || s.resolved.Source.Kind != profile.SourceKeys {
		return err
	}
	if s.options.Cached {
		return session.ErrNotCached
	}
	if !findDevice {
		return err
	}
	if err := s.discoverDevice(ctx); err != nil {
		return err
	}
	s.plan, err = session.NewPlan(s.resolved, opts)
	return err
}

// recallDevice takes the device that was found or chosen for this key before.
func (s *subject) recallDevice() {
	id := s.resolved.Source.Keys.AccessKeyID()
	if s.resolved.MFASerial.IsSet() || s.options.NoMFA || id == "" || s.places.State == "" {
		return
	}
	devices := s.places.Devices()
	if s.deviceOf == "" {
		s.deviceOf, s.deviceState = id, session.State(devices.Origin(id), s.Now())
	}
	serial := devices.Load(id)
	v := profile.Value{Text: serial, Origin: profile.Origin{Path: devices.Origin(id)}}
	if serial != "" && profile.CheckSerial(s.resolved.Profile, v) == nil {
		s.resolved.SetMFASerial(v)
	}
}

// recalled: the device is remembered, not configured.
func (s *subject) recalled() bool {
	id := s.resolved.Source.Keys.AccessKeyID()
	return id != "" && s.resolved.MFASerial.Origin.Path == s.places.Devices().Origin(id)
}

// sts makes the client on first use: a warm run never needs one.
func (s *subject) sts() (*stsclient.Client, error) {
	if s.client != nil {
		return s.client, nil
	}
	ca, err := s.caBundle()
	if err != nil {
		return nil, err
	}
	c := s.stsPlace()
	c.CABundle, c.Getenv, c.Version, c.Now = ca, s.getenv, versionText(), s.Now
	c.Offset, c.Budget, c.Debugf = s.offset.now(), s.Budget, s.debugf
	s.client, err = stsclient.New(c)
	if stsclient.KindOf(err) == stsclient.BadCABundle {
		err = &caBundleError{s.resolved.CABundle, errNoCertificate}
	}
	return s.client, err
}

// stsPlace is the part of the configuration that decides where STS is called.
func (s *subject) stsPlace() stsclient.Config {
	r := s.resolved
	return stsclient.Config{
		Region: s.region.Text, Partition: r.Partition, Endpoint: r.STSEndpoint.Text, IAMEndpoint: r.IAMEndpoint.Text,
		FIPS: r.FIPS, DualStack: r.DualStack, LegacyGlobal: r.RegionalSTS.Text == "legacy",
	}
}

// hangUp drops idle connections: what a server sends on one unasked would be
// logged to stderr by net/http.
func (s *subject) hangUp() {
	if s.client != nil {
		s.client.Close()
	}
}

// maxCABundle bounds a CA bundle, in bytes; the system's own is 200 KB.
const maxCABundle = 8 << 20

func (s *subject) caBundle() ([]byte, error) {
	v := s.resolved.CABundle
	if !v.IsSet() {
		return nil, nil
	}
	f, err := openRegular(v.Text)
	if err != nil {
		return nil, &caBundleError{v, err}
	}
	defer f.Close()
	pem, err := io.ReadAll(io.LimitReader(f, maxCABundle))
	if err != nil {
		return nil, &caBundleError{v, err}
	}
	return pem, nil
}

var errNoCertificate = errors.New("it holds no certificate in PEM form")

// caBundleError is a CA bundle that cannot be read.
type caBundleError struct {
	from profile.Value
	err  error
}

func (e *caBundleError) Error() string {
	return fmt.Sprintf("reading the CA bundle %q (%s): %v", shown(e.from.Text), e.from.Origin, reason(e.err))
}

func (e *caBundleError) Unwrap() error { return e.err }

// openRegular opens a file for reading unless it is a pipe or a device, on
// which a read could hang.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return os.Open(path)
}

// renewer joins the rooms: cache and locks from session, calls from stsclient,
// codes from mfa.
func (s *subject) renewer() *session.Renewer {
	return &session.Renewer{
		Cache: s.places.Sessions(), Locks: s.places.Locks(),
		STS: &calls{subject: s}, Codes: s.codes(), Fetch: s.fetch,
		Now: s.Now, Offset: s.offset.now, Notify: func(text string) { s.note("%s", text) },
		Share: s.share, Suspend: term.Suspend, Patience: s.standard.patience,
		PID: s.PID, TTY: term.Attached(), OnTerminal: s.stderrIsTerminal(),
		Obtained: func(e session.Entry) { s.touchStamps(e.Family) },
	}
}

// whyNot says what is wrong with the entry in the cache, for who looks closely:
// to all others a damaged one is none.
func (s *subject) whyNot() string {
	if last, ok := s.plan.Last(); ok && s.debug {
		if _, _, err := s.places.Sessions().Load(last.Key, s.Now()); err != nil {
			return ": " + err.Error()
		}
	}
	return ""
}

// freshness is what the flags ask of a cached session.
func (s *subject) freshness() session.Freshness {
	want := s.standard.Freshness
	want.Refresh = s.options.Refresh
	if s.options.MinTTLSet {
		want.MinTTL, want.Explicit = s.options.MinTTL, true
	}
	return want
}

// get returns the profile's credentials, as fresh as the options ask.
func (s *subject) get(ctx context.Context) (session.Result, error) {
	want := s.freshness()
	s.warnAll(s.plan.Warnings)
	renewer := s.renewer()
	if got, ok := renewer.Peek(s.plan, want); ok {
		s.debugf("the cached session serves: it ends in %s", s.left(got.Entry))
		s.warnShort(got)
		s.offset.forget()
		return got, nil
	}
	s.debugf("no cached session serves%s", s.whyNot())
	if s.options.Cached {
		return session.Result{}, session.ErrNotCached
	}
	got, err := renewer.Get(ctx, s.plan, want)
	s.hangUp()
	s.warnAll(got.Warnings)
	if err != nil {
		s.forgetBadDevice(err)
		return got, err
	}
	s.warnShort(got)
	s.offset.forget()
	return got, nil
}
