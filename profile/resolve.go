package profile

import (
	"strings"
	"time"

	"awsmfa/credentials"
)

// MaxDepth is how many source_profile hops are followed: AWS sets no limit,
// but each hop is one more call, and nobody means more.
const MaxDepth = 5

// Request is what Resolve is asked. Getenv is only called for variables that
// can change the answer, so that a caller may record them.
type Request struct {
	Profile   string
	Getenv    func(string) string
	MFASerial Value // given by the user; beats every file
}

// SourceKind says what stands at the end of a chain of profiles.
type SourceKind int

// The kinds of source, in the order in which one profile is searched for them.
const (
	SourceKeys    SourceKind = iota // a long-term access key
	SourceSession                   // a pasted temporary one: ASIA… or with a session token
	SourceProcess                   // credential_process
	SourceSSO
	SourceLogin
	SourceWebIdentity
	SourceCredentialSource
)

// String is the word that explain and list show.
func (k SourceKind) String() string {
	switch k {
	case SourceKeys:
		return "access key"
	case SourceSession:
		return "temporary access key"
	case SourceProcess:
		return "credential_process"
	case SourceSSO:
		return "sso"
	case SourceLogin:
		return "login_session"
	case SourceWebIdentity:
		return "web_identity_token_file"
	case SourceCredentialSource:
		return "credential_source"
	}
	return "unknown"
}

// Source is where the first credentials come from.
//
// For SourceWebIdentity and SourceCredentialSource the role of Profile belongs
// to the source: whoever fetches them gets the role's credentials, so that
// role is not among Resolved.Roles.
type Source struct {
	Kind    SourceKind
	Profile string                  // the profile that holds it
	Keys    credentials.Credentials // of SourceKeys and SourceSession
	Text    Value                   // of the others: the command line, or all that tells it from another
	Context string                  // of the others: what of the environment changes whose credentials come
	Origin  Origin                  // of its first key
}

// Tag is a session tag.
type Tag struct{ Key, Value string }

// Role is one AssumeRole call.
type Role struct {
	Profile                                      string
	ARN, SessionName, ExternalID, SourceIdentity Value
	PolicyARNs                                   []string
	Tags                                         []Tag
	TransitiveTags                               []string
	Duration                                     time.Duration // 0 when not configured
	DurationFrom                                 Value
}

// Resolved is everything the files and the environment say about getting
// credentials for a profile.
type Resolved struct {
	Profile string
	Origin  Origin
	Chain   []string // profile names, the requested one first, the source's last
	Source  Source
	Roles   []Role // in the order they are assumed: the requested profile's last

	MFASerial  Value // may be unset: finding a device is the caller's
	MFAProcess Value
	Region     Value // of the files only

	Duration     time.Duration // duration_seconds of the requested profile; 0 when not configured
	DurationFrom Value

	STSEndpoint, IAMEndpoint Value
	FIPS, DualStack          bool
	FIPSFrom, DualStackFrom  Value
	CABundle                 Value
	RegionalSTS              Value  // "regional" or "legacy"
	Partition                string // "" when neither serial nor role tells

	Warnings []Warning // about the profiles in Chain
}

// Resolve follows a profile to its source and gathers what it takes to get
// credentials. Values that are used are checked; the first bad one is an
// *Error with its place.
func (f *Files) Resolve(req Request) (*Resolved, error) {
	if req.Getenv == nil {
		req.Getenv = func(string) string { return "" }
	}
	r := &resolver{files: f, req: req, out: &Resolved{Profile: req.Profile}}
	for _, step := range []func() error{r.walk, r.roles, r.device, r.settings, r.endpoints} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	r.warnings()
	return r.out, nil
}

// resolver holds what one Resolve gathers.
type resolver struct {
	files *Files
	req   Request
	out   *Resolved
	chain []*Profile // the profiles of out.Chain
	hops  []*Profile // those with a role to assume, the requested one first
}

// fail makes an error about a value of a profile.
func fail(kind Kind, p *Profile, key string, v Value, detail string) error {
	return &Error{
		Kind: kind, Profile: p.Name, Key: key, Origin: v.Origin,
		Detail: "profile " + quote(p.Name) + ": " + detail,
	}
}

// use returns a value that is about to be used: control characters are refused
// there, not in keys that nobody asks for.
func use(p *Profile, key string) (Value, error) {
	v := p.Get(key)
	if controls(strings.ReplaceAll(v.Text, "\t", " ")) {
		what := "holds control characters"
		if strings.Contains(v.Text, "\n") {
			what = "goes on in the next line"
		}
		return Value{}, fail(BadValue, p, key, v, key+" "+what)
	}
	return v, nil
}

// nearest returns the key of the first profile in the chain that has it.
func (r *resolver) nearest(key string) (Value, error) {
	for _, p := range r.chain {
		if v, err := use(p, key); err != nil || v.IsSet() {
			return v, err
		}
	}
	return Value{}, nil
}

// nearestOrDefault goes on to [default], as nothing but region and the STS
// settings may: a role or a device of another profile is never meant.
func (r *resolver) nearestOrDefault(key string) (Value, error) {
	if v, err := r.nearest(key); err != nil || v.IsSet() {
		return v, err
	}
	if p := r.files.find("default"); p != nil {
		return use(p, key)
	}
	return Value{}, nil
}

func (r *resolver) env(name string) Value {
	return Value{r.req.Getenv(name), Origin{Name: name}}
}

func (r *resolver) warn(at Origin, text string) {
	r.out.Warnings = append(r.out.Warnings, Warning{at, text})
}

// settings gathers region, duration and how STS is to be reached.
func (r *resolver) settings() error {
	var err error
	out := r.out
	if out.Region, err = r.nearestOrDefault("region"); err != nil {
		return err
	}
	if out.Region.IsSet() {
		if err := CheckRegion(out.Region); err != nil {
			return err
		}
	}
	if err := r.duration(); err != nil {
		return err
	}
	if out.FIPS, out.FIPSFrom, err = r.boolean("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"); err != nil {
		return err
	}
	if out.DualStack, out.DualStackFrom, err = r.boolean("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"); err != nil {
		return err
	}
	if out.CABundle, err = r.setting("AWS_CA_BUNDLE", "ca_bundle"); err != nil {
		return err
	}
	return r.regionalSTS()
}

// setting is an environment variable, else a key of the chain or of [default].
func (r *resolver) setting(variable, key string) (Value, error) {
	if v := r.env(variable); v.IsSet() {
		return v, nil
	}
	return r.nearestOrDefault(key)
}

func (r *resolver) boolean(variable, key string) (bool, Value, error) {
	v, err := r.setting(variable, key)
	if err != nil || !v.IsSet() {
		return false, Value{}, err
	}
	switch strings.ToLower(v.Text) {
	case "true":
		return true, v, nil
	case "false":
		return false, v, nil
	}
	return false, Value{}, r.badWord(key, v, "true or false")
}

func (r *resolver) regionalSTS() error {
	v, err := r.setting("AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints")
	if err != nil || !v.IsSet() {
		return err
	}
	v.Text = strings.ToLower(v.Text)
	if v.Text != "regional" && v.Text != "legacy" {
		return r.badWord("sts_regional_endpoints", v, "regional or legacy")
	}
	r.out.RegionalSTS = v
	return nil
}

func (r *resolver) badWord(key string, v Value, words string) error {
	return &Error{
		Kind: BadValue, Profile: r.req.Profile, Key: key, Origin: v.Origin,
		Detail: key + " is " + quote(v.Text) + ", not " + words,
	}
}

// duration takes duration_seconds of the requested profile: a role's was
// checked with the role.
func (r *resolver) duration() error {
	if n := len(r.out.Roles); n > 0 && r.out.Roles[n-1].Profile == r.req.Profile {
		r.out.Duration, r.out.DurationFrom = r.out.Roles[n-1].Duration, r.out.Roles[n-1].DurationFrom
		return nil
	}
	d, v, err := durationOf(r.chain[0], 36*time.Hour)
	r.out.Duration, r.out.DurationFrom = d, v
	return err
}

// durationOf reads duration_seconds; STS takes 15 minutes at least, 12 hours
// at most for a role and 36 for a session (STS API reference).
func durationOf(p *Profile, most time.Duration) (time.Duration, Value, error) {
	const key = "duration_seconds"
	v, err := use(p, key)
	if err != nil || !v.IsSet() {
		return 0, Value{}, err
	}
	d, err := ParseDuration(v.Text)
	if err != nil {
		return 0, Value{}, fail(BadDuration, p, key, v, key+" "+quote(v.Text)+" is "+err.Error())
	}
	if d < 15*time.Minute || d > most {
		limits := "900 to 43200 seconds (15m to 12h) for a role"
		if most > 12*time.Hour {
			limits = "900 to 129600 seconds (15m to 36h) for a session"
		}
		return 0, Value{}, fail(BadDuration, p, key, v, key+" "+quote(v.Text)+" is out of range: "+limits)
	}
	return d, v, nil
}
