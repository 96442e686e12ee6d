package session

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"awsmfa/profile"
)

// StepKind is the call that a step makes.
type StepKind int

// The kinds of step.
const (
	StepSession StepKind = iota // sts:GetSessionToken
	StepRole                    // sts:AssumeRole
)

// Step is one call of a plan.
type Step struct {
	Kind        StepKind
	Key         Key
	Role        profile.Role // of a StepRole
	SessionName string
	Duration    time.Duration // asked of AWS
	TakesCode   bool          // serial and token code go with this call
	family      Key           // the key but for the duration: what logout takes
}

// Plan is how a profile's credentials come about, before any call.
type Plan struct {
	Profile   string
	Source    profile.Source
	MFASerial profile.Value
	NoMFA     bool
	Partition string
	Endpoint  string // explicitly configured, "" for AWS's own
	Steps     []Step // in the order of the calls; empty when the source itself is printed
	Duration  time.Duration
	// DurationAsked is the flag that asked for Duration, if one did.
	DurationAsked profile.Value
	// DurationFrom is where Duration comes from, and SessionFrom where the
	// lifetime of the MFA session does; unset for AWS's own or our default.
	DurationFrom, SessionFrom profile.Value
	Notes                     []string // why it is as it is, for explain
	Warnings                  []string // what was reduced or ignored
}

// Options are what a command's flags add to the profile.
type Options struct {
	Duration        profile.Value // --duration, as typed; "" when not given
	SessionDuration profile.Value // --session-duration
	NoMFA           bool
}

// DurationError is a lifetime that AWS would refuse.
type DurationError struct {
	Asked    time.Duration
	From     profile.Value
	Min, Max time.Duration
	Chained  bool // the cap is the one of role chaining
	Flag     bool // asked by flag or its variable: a usage error
}

func (e *DurationError) Error() string {
	why := fmt.Sprintf("must be %s to %s", Short(e.Min), Short(e.Max))
	if e.Chained {
		why = fmt.Sprintf("role chaining is capped at %s by AWS", Short(e.Max))
	}
	return fmt.Sprintf("duration %s (%s): %s", Short(e.Asked), e.From.Origin, why)
}

// Short writes a duration of whole seconds in its largest whole unit: 12h, 90m, 3601s.
func Short(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// NewPlan decides which calls a resolved profile needs. It fails with
// ErrNoDevice when MFA is wanted and no device is known (the caller may
// discover one, set r.MFASerial and ask again), ErrPastedSession, or a
// *DurationError.
func NewPlan(r *profile.Resolved, o Options) (*Plan, error) {
	p := &Plan{
		Profile: r.Profile, Source: r.Source, MFASerial: r.MFASerial, NoMFA: o.NoMFA,
		Partition: r.Partition, Endpoint: r.STSEndpoint.Text, DurationAsked: o.Duration,
	}
	if err := p.checkSource(r); err != nil {
		return nil, err
	}
	if o.NoMFA {
		p.MFASerial = profile.Value{}
	}
	session, err := p.sessionDuration(r, o)
	if err != nil {
		return nil, err
	}
	if len(r.Roles) == 0 {
		return p.planKeys(session)
	}
	return p.planRoles(r, o, session)
}

func (p *Plan) checkSource(r *profile.Resolved) error {
	if p.Source.Kind == profile.SourceSession && len(r.Roles) == 0 {
		return fmt.Errorf("profile %q (%s) %w", p.Profile, p.Source.Origin, ErrPastedSession)
	}
	if p.Source.Kind != profile.SourceKeys || p.NoMFA {
		return nil
	}
	if !p.MFASerial.IsSet() {
		return fmt.Errorf("profile %q: %w", p.Profile, ErrNoDevice)
	}
	return profile.CheckSerial(p.Profile, p.MFASerial)
}

// sessionDuration is what GetSessionToken is asked for: --duration or
// duration_seconds for a key profile, where the session itself is printed,
// else --session-duration, else 12 h.
func (p *Plan) sessionDuration(r *profile.Resolved, o Options) (time.Duration, error) {
	d, from := DefaultSessionDuration, profile.Value{}
	if o.SessionDuration.IsSet() {
		from = o.SessionDuration
	}
	if len(r.Roles) == 0 && o.Duration.IsSet() {
		from = o.Duration
	}
	flag := from.IsSet()
	if flag {
		var err error
		if d, err = parseFlag(from); err != nil {
			return 0, err
		}
	} else if len(r.Roles) == 0 && r.Duration != 0 {
		d, from = r.Duration, r.DurationFrom
	}
	if d < MinDuration || d > MaxSessionDuration {
		return 0, &DurationError{Asked: d, From: from, Min: MinDuration, Max: MaxSessionDuration, Flag: flag}
	}
	p.SessionFrom = from
	return d, nil
}

// ErrBadDuration is a duration flag that cannot be read.
var ErrBadDuration = errors.New("not a duration: give seconds, or a form such as 12h or 90m")

func parseFlag(v profile.Value) (time.Duration, error) {
	d, err := profile.ParseDuration(v.Text)
	if err != nil {
		return 0, fmt.Errorf("%s %q: %w", v.Origin, v.Text, ErrBadDuration)
	}
	return d, nil
}

func (p *Plan) planKeys(d time.Duration) (*Plan, error) {
	p.Duration, p.DurationFrom = d, p.SessionFrom
	switch {
	case p.Source.Kind == profile.SourceKeys || p.takesSession():
		p.addSession(d)
	default:
		p.Notes = append(p.Notes, "the source gives temporary credentials: they are used as they are")
	}
	return p, nil
}

// takesSession: a command or the AWS CLI usually gives temporary credentials,
// which cannot get a session; a device beside it says that these are
// long-term keys. Renewer.Get looks at what really came.
func (p *Plan) takesSession() bool {
	return p.Source.Kind == profile.SourceProcess && (p.MFASerial.IsSet() || p.NoMFA)
}

func (p *Plan) addSession(d time.Duration) {
	f := sourceFields(p)
	f.add("session")
	p.Steps = append(p.Steps, Step{Kind: StepSession, Key: f.key(), family: f.key(), Duration: d, TakesCode: !p.NoMFA})
	if p.NoMFA {
		p.Notes = append(p.Notes, "no MFA, as asked: a plain session")
		return
	}
	p.Notes = append(p.Notes, "one MFA session for access key and device, shared by every profile that ends in them")
}

func (p *Plan) planRoles(r *profile.Resolved, o Options, session time.Duration) (*Plan, error) {
	d, err := p.roleDuration(r, o)
	if err != nil {
		return nil, err
	}
	p.Duration = d
	longTerm := p.Source.Kind == profile.SourceKeys || p.takesSession()
	direct := d > MaxChainedDuration // roleDuration let it through only where it can work
	if longTerm && !p.NoMFA && !direct {
		p.addSession(session)
	}
	if direct && !p.NoMFA {
		p.Notes = append(p.Notes, fmt.Sprintf("over %s a role cannot come from a session (role chaining): AssumeRole directly, with its own code", Short(MaxChainedDuration)))
	}
	f, family := sourceFields(p), sourceFields(p)
	for i, role := range r.Roles {
		step := Step{Kind: StepRole, Role: role, SessionName: p.sessionName(role), Duration: MaxChainedDuration}
		if i == len(r.Roles)-1 {
			step.Duration, step.TakesCode = d, direct && !p.NoMFA
		}
		f.roleFields(role, step.SessionName, step.Duration)
		family.roleFields(role, step.SessionName, 0)
		step.Key, step.family = f.key(), family.key()
		p.Steps = append(p.Steps, step)
	}
	return p, nil
}

// roleDuration is the lifetime of the requested role, within what AWS allows.
func (p *Plan) roleDuration(r *profile.Resolved, o Options) (time.Duration, error) {
	d, from, flag := DefaultRoleDuration, profile.Value{}, o.Duration.IsSet()
	switch {
	case flag:
		var err error
		from = o.Duration
		if d, err = parseFlag(from); err != nil {
			return 0, err
		}
	case r.Duration != 0:
		d, from = r.Duration, r.DurationFrom
	}
	if d < MinDuration || d > MaxRoleDuration {
		return 0, &DurationError{Asked: d, From: from, Min: MinDuration, Max: MaxRoleDuration, Flag: flag}
	}
	p.DurationFrom = from
	if d <= MaxChainedDuration || !p.chained(r) {
		return d, nil
	}
	if flag {
		return 0, &DurationError{Asked: d, From: from, Max: MaxChainedDuration, Chained: true, Flag: true}
	}
	p.Warnings = append(p.Warnings, fmt.Sprintf("duration_seconds %s of profile %q (%s) is reduced to %s: role chaining is capped there by AWS",
		Short(d), r.Profile, from.Origin, Short(MaxChainedDuration)))
	return MaxChainedDuration, nil
}

// chained: more than one hop, or a source that is itself temporary.
func (p *Plan) chained(r *profile.Resolved) bool {
	return len(r.Roles) > 1 || p.Source.Kind != profile.SourceKeys && !p.takesSession()
}

// sessionName is what CloudTrail shows: as configured, else the device's name,
// which tells who it was. Never a timestamp, since it is part of the cache key.
func (p *Plan) sessionName(r profile.Role) string {
	if r.SessionName.IsSet() {
		return r.SessionName.Text
	}
	serial := p.MFASerial.Text
	name := sanitizeSessionName(serial[strings.LastIndexByte(serial, '/')+1:])
	if len(name) < 2 {
		return "awsmfa"
	}
	return name
}

// sanitizeSessionName keeps [\w+=,.@-], at most 64 (STS API reference, AssumeRole).
func sanitizeSessionName(s string) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < 64; i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("_+=,.@-", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('-')
		}
	}
	return b.String()
}

// Last is the step whose entry is printed; ok is false when the source itself is.
func (p *Plan) Last() (Step, bool) {
	if len(p.Steps) == 0 {
		return Step{}, false
	}
	return p.Steps[len(p.Steps)-1], true
}
