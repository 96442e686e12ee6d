package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/profile"
)

// options are the flags that every verb about a profile shares.
type options struct {
	Profile       string // as asked for, "" when not
	ProfileOrigin string // "argument", "AWS_PROFILE", …

	Region, Duration, SessionDuration, MFASerial, TokenCode profile.Value

	MinTTL    time.Duration
	MinTTLSet bool

	Refresh, Cached, NoInput, NoMFA, JSON bool
}

// flagVariables is every environment variable that stands for a flag. An
// empty one counts as unset. The framework's own reading of variables is not
// used: it takes an empty string for a value, and AWSMFA_PROFILE is a marker
// of ours rather than the flag --profile. AWSMFA_SHELL is not among them: it
// helps detection, and an ancestor that is a shell goes before it.
var flagVariables = [...]struct{ flag, variable string }{
	{"region", "AWSMFA_REGION"},
	{"duration", "AWSMFA_DURATION"},
	{"session-duration", "AWSMFA_SESSION_DURATION"},
	{"token-code", "AWSMFA_TOKEN_CODE"},
	{"min-ttl", "AWSMFA_MIN_TTL"},
	{"refresh", "AWSMFA_REFRESH"},
	{"cached", "AWSMFA_CACHED"},
	{"no-input", "AWSMFA_NO_INPUT"},
	{"no-mfa", "AWSMFA_NO_MFA"},
	{"quiet", "AWSMFA_QUIET"},
	{"debug", "AWSMFA_DEBUG"},
	{"json", "AWSMFA_JSON"},
	{"output", "AWSMFA_OUTPUT"},
}

func variableOf(flag string) string {
	for _, fv := range flagVariables {
		if fv.flag == flag {
			return fv.variable
		}
	}
	return ""
}

// talkFlags are for every verb.
func talkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "say only errors"},
		&cli.BoolFlag{Name: "debug", Usage: "tell each step on stderr, without secrets"},
	}
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "answer in JSON"}
}

// profileFlags name the profile and how its plan is made; for verbs that look.
func profileFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "profile", Aliases: []string{"p"}, Usage: "the `PROFILE`, in place of the argument"},
		&cli.StringFlag{Name: "region", Usage: "use this `REGION`"},
		&cli.StringFlag{Name: "duration", Aliases: []string{"d"}, Usage: "lifetime of what is printed, as seconds or 12h, 90m (`TIME`)"},
		&cli.StringFlag{Name: "session-duration", Usage: "lifetime of the MFA session behind it, up to 36h (`TIME`)"},
		&cli.StringFlag{Name: "mfa-serial", Usage: "use this MFA device (`SERIAL`)"},
		&cli.BoolFlag{Name: "no-mfa", Usage: "do without MFA"},
		&cli.StringFlag{Name: "min-ttl", Usage: "renew what lasts shorter than this `TIME` (5m; process: 16m)"},
		jsonFlag(),
	}, talkFlags()...)
}

// sessionFlags are for verbs that may get a session.
func sessionFlags() []cli.Flag {
	return append(profileFlags(),
		&cli.StringFlag{Name: "token-code", Aliases: []string{"t", "mfa-token"}, Usage: "the MFA `CODE`, or - to read it from stdin"},
		&cli.BoolFlag{Name: "refresh", Usage: "renew even when the cache would do"},
		&cli.BoolFlag{Name: "cached", Usage: "answer only from the cache, without network"},
		&cli.BoolFlag{Name: "no-input", Usage: "never ask for anything"},
	)
}

// flagReader reads flags, and their variables where a flag is not given.
type flagReader struct {
	r   *run
	c   *cli.Context
	err error
}

func (f *flagReader) value(name string) profile.Value {
	if f.c.IsSet(name) {
		return profile.Value{Text: f.c.String(name), Origin: profile.Origin{Name: "--" + name}}
	}
	variable := variableOf(name)
	if variable == "" {
		return profile.Value{}
	}
	return profile.Value{Text: f.r.getenv(variable), Origin: profile.Origin{Name: variable}}
}

// given is value, and refuses a flag that was given an empty text.
func (f *flagReader) given(name string) profile.Value {
	v := f.value(name)
	if f.c.IsSet(name) && v.Text == "" {
		f.fail("--%s is empty: give it a value, or leave it out", name)
	}
	return v
}

func (f *flagReader) bool(name string) bool {
	if f.c.IsSet(name) {
		return f.c.Bool(name)
	}
	variable := variableOf(name)
	yes, ok := truth(f.r.getenv(variable))
	if !ok {
		f.fail("%s must be 1 or 0", variable)
	}
	return yes
}

// truth reads a variable that is on or off.
func truth(text string) (yes, ok bool) {
	switch strings.ToLower(text) {
	case "", "0", "false", "no", "off":
		return false, true
	case "1", "true", "yes", "on":
		return true, true
	}
	return false, false
}

func (f *flagReader) duration(name string) (time.Duration, bool) {
	v := f.given(name)
	if !v.IsSet() {
		return 0, false
	}
	if v.Text == "0" {
		return 0, true
	}
	d, err := profile.ParseDuration(v.Text)
	if err != nil {
		f.fail("%s %q is not a duration: give seconds, or a form such as 12h or 90m", v.Origin, shown(v.Text))
	}
	return d, true
}

func (f *flagReader) fail(format string, args ...any) {
	if f.err == nil {
		f.err = usagef(format, args...)
	}
}

// talk reads what concerns all that is said.
func (f *flagReader) talk() {
	f.r.quiet, f.r.debug = f.bool("quiet"), f.bool("debug")
}

// readOptions is the one place where the shared flags become options.
func readOptions(r *run, c *cli.Context, a arrangement) (options, error) {
	f := &flagReader{r: r, c: c}
	f.talk()
	o := options{
		Region: f.given("region"), Duration: f.given("duration"), SessionDuration: f.given("session-duration"),
		MFASerial: f.given("mfa-serial"), TokenCode: f.given("token-code"),
		Refresh: f.bool("refresh"), Cached: f.bool("cached"), NoInput: f.bool("no-input"),
		NoMFA: f.bool("no-mfa"), JSON: f.bool("json"),
	}
	o.MinTTL, o.MinTTLSet = f.duration("min-ttl")
	if err := o.setProfile(r, c, a); err != nil {
		f.fail("%v", err)
	}
	o.settle(f)
	return o, f.err
}

// settle: of two that exclude each other the flag goes before the variable.
func (o *options) settle(f *flagReader) {
	switch {
	case !o.NoMFA || !o.MFASerial.IsSet():
	case !f.c.IsSet("no-mfa"):
		o.NoMFA = false
	default:
		f.fail("--no-mfa and --mfa-serial exclude each other")
	}
	switch cached, refresh := f.c.IsSet("cached"), f.c.IsSet("refresh"); {
	case !o.Cached || !o.Refresh:
	case cached != refresh:
		o.Cached, o.Refresh = cached, refresh
	default:
		f.fail("--cached and --refresh exclude each other")
	}
}

// setProfile: argument or --profile, else AWS_PROFILE, else the profile that
// this shell holds (to renew it), else default.
func (o *options) setProfile(r *run, c *cli.Context, a arrangement) error {
	flag := c.String("profile")
	switch {
	case c.IsSet("profile") && flag == "":
		return errors.New("--profile is empty: give it a value, or leave it out")
	case len(a.args) > 0 && c.IsSet("profile") && a.args[0] != flag:
		return fmt.Errorf("two profiles: the argument %q and --profile %q", shown(a.args[0]), shown(flag))
	case len(a.args) > 0:
		o.Profile, o.ProfileOrigin = a.args[0], "the argument"
	case c.IsSet("profile"):
		o.Profile, o.ProfileOrigin = flag, "--profile"
	}
	if o.ProfileOrigin != "" {
		if o.Profile == "" {
			return errors.New("the profile's name is empty: awsmfa list shows the profiles")
		}
		return nil
	}
	if a.verb.needsProfile {
		return fmt.Errorf("awsmfa %s needs a profile: awsmfa %s %s", a.verb.name, a.verb.name, a.verb.args)
	}
	o.Profile, o.ProfileOrigin = "default", "no other"
	if held := r.getenv("AWSMFA_PROFILE"); held != "" {
		o.Profile, o.ProfileOrigin = held, "AWSMFA_PROFILE"
	}
	if named := r.getenv("AWS_PROFILE"); named != "" {
		o.Profile, o.ProfileOrigin = named, "AWS_PROFILE"
	}
	return nil
}

// noteProfile tells which profile was taken where two were named. Not so where
// the shell holds one: to name another is how one switches.
func (o options) noteProfile(r *run) {
	named, held := r.getenv("AWS_PROFILE"), r.getenv("AWSMFA_PROFILE")
	switch o.ProfileOrigin {
	case "AWS_PROFILE":
		if held != "" && held != named {
			r.note("profile %q from AWS_PROFILE, not %q that this shell holds (AWSMFA_PROFILE)", shown(named), shown(held))
		}
	case "the argument", "--profile":
		if named != "" && named != o.Profile {
			r.note("profile %q from %s, not %q from AWS_PROFILE", shown(o.Profile), o.ProfileOrigin, shown(named))
		}
	}
}
