package session

import (
	"errors"
	"strings"
	"testing"
	"time"

	"awsmfa/profile"
)

// shape is a plan in short: each step's call, lifetime and whether it takes a code.
func shape(p *Plan) string {
	var steps []string
	for _, s := range p.Steps {
		text := "session"
		if s.Kind == StepRole {
			text = "role " + s.Role.Profile
		}
		text += " " + Short(s.Duration)
		if s.TakesCode {
			text += " code"
		}
		steps = append(steps, text)
	}
	return strings.Join(steps, ", ")
}

func TestPlan(t *testing.T) {
	type resolved = profile.Resolved
	configured := func(d time.Duration) func(*resolved) {
		return func(r *resolved) { r.Duration, r.DurationFrom = d, value(Short(d)) }
	}
	source := func(kind profile.SourceKind, serial string) func(*resolved) {
		return func(r *resolved) {
			r.Source = profile.Source{Kind: kind, Profile: "dev", Text: value("/bin/helper")}
			r.MFASerial = profile.Value{}
			if serial != "" {
				r.MFASerial = value(serial)
			}
		}
	}
	pasted := func(r *resolved) {
		r.Source.Kind, r.Source.Keys = profile.SourceSession, newCredentials(t, "ASIAEXAMPLEEXAMPLE12", "token", time.Time{})
	}
	both := func(fs ...func(*resolved)) func(*resolved) {
		return func(r *resolved) {
			for _, f := range fs {
				f(r)
			}
		}
	}
	a, chain := []string{"a"}, []string{"a", "b", "c"}
	for _, c := range []struct {
		name   string
		roles  []string
		change func(*resolved)
		flags  Options
		want   string // the steps
		prints time.Duration
		warns  string // a part of the only warning
		notes  string // a part of some note
	}{
		{name: "key profile", want: "session 12h code", prints: 12 * time.Hour, notes: "shared by every profile"},
		{name: "key profile, configured", change: configured(2 * time.Hour), want: "session 2h code", prints: 2 * time.Hour},
		{name: "key profile, --duration", flags: Options{Duration: flag("90m")}, want: "session 90m code", prints: 90 * time.Minute},
		{name: "key profile, bare seconds", flags: Options{Duration: flag("900")}, want: "session 15m code", prints: 15 * time.Minute},
		{name: "key profile, --session-duration", flags: Options{SessionDuration: flag("36h")}, want: "session 36h code", prints: 36 * time.Hour},
		{name: "--duration beats the others", change: configured(2 * time.Hour),
			flags: Options{Duration: flag("3h"), SessionDuration: flag("4h")}, want: "session 3h code", prints: 3 * time.Hour},
		{name: "--session-duration beats the file", change: configured(2 * time.Hour),
			flags: Options{SessionDuration: flag("4h")}, want: "session 4h code", prints: 4 * time.Hour},
		{name: "no MFA", flags: Options{NoMFA: true}, want: "session 12h", prints: 12 * time.Hour, notes: "no MFA, as asked"},
		{name: "no MFA without a device", change: func(r *resolved) { r.MFASerial = profile.Value{} },
			flags: Options{NoMFA: true}, want: "session 12h", prints: 12 * time.Hour},

		{name: "role", roles: a, want: "session 12h code, role a 1h", prints: time.Hour, notes: "shared by every profile"},
		{name: "role of an hour", roles: a, change: configured(time.Hour), want: "session 12h code, role a 1h", prints: time.Hour},
		{name: "short role", roles: a, flags: Options{Duration: flag("900s")}, want: "session 12h code, role a 15m", prints: 15 * time.Minute},
		{name: "role, --session-duration", roles: a, flags: Options{SessionDuration: flag("20h")},
			want: "session 20h code, role a 1h", prints: time.Hour},
		{name: "duration_seconds of a role is not the session's", roles: a, change: configured(30 * time.Minute),
			want: "session 12h code, role a 30m", prints: 30 * time.Minute},
		{name: "a second over an hour goes direct", roles: a, flags: Options{Duration: flag("3601")},
			want: "role a 3601s code", prints: 3601 * time.Second, notes: "AssumeRole directly, with its own code"},
		{name: "configured long role", roles: a, change: configured(12 * time.Hour), want: "role a 12h code",
			prints: 12 * time.Hour, notes: "over 1h"},
		{name: "flag shortens a long role", roles: a, change: configured(12 * time.Hour), flags: Options{Duration: flag("1h")},
			want: "session 12h code, role a 1h", prints: time.Hour},
		{name: "no MFA role", roles: a, flags: Options{NoMFA: true}, want: "role a 1h", prints: time.Hour},
		{name: "no MFA long role", roles: a, flags: Options{NoMFA: true, Duration: flag("2h")}, want: "role a 2h", prints: 2 * time.Hour},

		{name: "chain", roles: chain, want: "session 12h code, role a 1h, role b 1h, role c 1h", prints: time.Hour},
		{name: "short chain", roles: chain, flags: Options{Duration: flag("20m")},
			want: "session 12h code, role a 1h, role b 1h, role c 20m", prints: 20 * time.Minute},
		{name: "chain, configured too long", roles: chain, change: configured(4 * time.Hour),
			want: "session 12h code, role a 1h, role b 1h, role c 1h", prints: time.Hour,
			warns: `duration_seconds 4h of profile "c" (~/.aws/config:7) is reduced to 1h`},

		{name: "pasted session under a role", roles: a, change: pasted, want: "role a 1h", prints: time.Hour},
		{name: "pasted session under a long role", roles: a, change: both(pasted, configured(2*time.Hour)),
			want: "role a 1h", prints: time.Hour, warns: "is reduced to 1h"},

		{name: "process", change: source(profile.SourceProcess, ""), want: "", prints: 12 * time.Hour, notes: "used as they are"},
		{name: "process with a device", change: source(profile.SourceProcess, testSerial), want: "session 12h code", prints: 12 * time.Hour},
		{name: "process without MFA", change: source(profile.SourceProcess, ""), flags: Options{NoMFA: true},
			want: "session 12h", prints: 12 * time.Hour},
		{name: "process under a role", roles: a, change: source(profile.SourceProcess, ""), want: "role a 1h", prints: time.Hour},
		{name: "process with a device under a role", roles: a, change: source(profile.SourceProcess, testSerial),
			want: "session 12h code, role a 1h", prints: time.Hour},
		{name: "process with a device under a long role", roles: a, flags: Options{Duration: flag("2h")},
			change: source(profile.SourceProcess, testSerial), want: "role a 2h code", prints: 2 * time.Hour},
		{name: "process under a long role", roles: a, change: both(source(profile.SourceProcess, ""), configured(2*time.Hour)),
			want: "role a 1h", prints: time.Hour, warns: "is reduced to 1h"},
		{name: "sso", change: source(profile.SourceSSO, ""), want: "", prints: 12 * time.Hour},
		{name: "sso has no use for a device", change: source(profile.SourceSSO, testSerial), want: "", prints: 12 * time.Hour},
		{name: "sso under a role", roles: a, change: source(profile.SourceSSO, testSerial), want: "role a 1h", prints: time.Hour},
		{name: "credential_source", change: source(profile.SourceCredentialSource, ""), want: "", prints: 12 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := resolve(t, c.roles...)
			if c.change != nil {
				c.change(r)
			}
			p := mustPlan(t, r, c.flags)
			if got := shape(p); got != c.want {
				t.Errorf("steps %q, want %q", got, c.want)
			}
			if p.Duration != c.prints {
				t.Errorf("prints %s, want %s", p.Duration, c.prints)
			}
			if all := strings.Join(p.Warnings, "\n"); !strings.Contains(all, c.warns) || (c.warns == "") != (all == "") {
				t.Errorf("warnings %q, want %q", all, c.warns)
			}
			if all := strings.Join(p.Notes, "\n"); !strings.Contains(all, c.notes) {
				t.Errorf("notes %q, want %q", all, c.notes)
			}
			if last, ok := p.Last(); ok != (c.want != "") || ok && last.Key != p.Steps[len(p.Steps)-1].Key {
				t.Errorf("last step %v %v", last, ok)
			}
		})
	}
}

func TestPlanRefusals(t *testing.T) {
	type resolved = profile.Resolved
	bare := func(r *resolved) { r.MFASerial = profile.Value{} }
	pasted := func(r *resolved) {
		r.Source.Kind, r.Source.Keys = profile.SourceSession, newCredentials(t, "ASIAEXAMPLEEXAMPLE12", "token", time.Time{})
	}
	process := func(r *resolved) {
		r.MFASerial, r.Source = profile.Value{}, profile.Source{Kind: profile.SourceProcess, Text: value("x")}
	}
	configured := func(d time.Duration) func(*resolved) {
		return func(r *resolved) { r.Duration, r.DurationFrom = d, value(Short(d)) }
	}
	a, chain := []string{"a"}, []string{"a", "b"}
	for _, c := range []struct {
		name   string
		roles  []string
		change func(*resolved)
		flags  Options
		is     error
		text   string // of a *DurationError
		usage  bool   // it came from a flag
	}{
		{name: "no device", change: bare, is: ErrNoDevice},
		{name: "no device under a role", roles: a, change: bare, is: ErrNoDevice},
		{name: "pasted session", change: pasted, is: ErrPastedSession},
		{name: "pasted session without MFA", change: pasted, flags: Options{NoMFA: true}, is: ErrPastedSession},
		{name: "unreadable flag", flags: Options{Duration: flag("soon")}, is: ErrBadDuration},
		{name: "unreadable flag for a role", roles: a, flags: Options{Duration: flag("soon")}, is: ErrBadDuration},
		{name: "unreadable session flag", roles: a, flags: Options{SessionDuration: flag("0")}, is: ErrBadDuration},

		{name: "session too short", flags: Options{Duration: flag("899")}, text: "duration 899s (--flag): must be 15m to 36h", usage: true},
		{name: "session too long", flags: Options{Duration: flag("36h1s")}, text: "duration 129601s (--flag): must be 15m to 36h", usage: true},
		{name: "session flag too long", roles: a, flags: Options{SessionDuration: flag("37h")}, text: "duration 37h (--flag): must be 15m to 36h", usage: true},
		{name: "configured session too short", change: configured(time.Minute), text: "duration 1m (~/.aws/config:7): must be 15m to 36h"},
		{name: "role too short", roles: a, flags: Options{Duration: flag("14m")}, text: "duration 14m (--flag): must be 15m to 12h", usage: true},
		{name: "role too long", roles: a, flags: Options{Duration: flag("13h")}, text: "duration 13h (--flag): must be 15m to 12h", usage: true},
		{name: "configured role too long", roles: a, change: configured(13 * time.Hour), text: "duration 13h (~/.aws/config:7): must be 15m to 12h"},
		{name: "chain asked for too long", roles: chain, flags: Options{Duration: flag("2h")},
			text: "duration 2h (--flag): role chaining is capped at 1h by AWS", usage: true},
		{name: "role on a pasted session asked for too long", roles: a, change: pasted, flags: Options{Duration: flag("2h")},
			text: "duration 2h (--flag): role chaining is capped at 1h by AWS", usage: true},
		{name: "role on a command asked for too long", roles: a, change: process, flags: Options{Duration: flag("2h")},
			text: "duration 2h (--flag): role chaining is capped at 1h by AWS", usage: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := resolve(t, c.roles...)
			if c.change != nil {
				c.change(r)
			}
			p, err := NewPlan(r, c.flags)
			if err == nil {
				t.Fatalf("planned %q", shape(p))
			}
			var duration *DurationError
			switch isDuration := errors.As(err, &duration); {
			case isDuration != (c.text != ""), c.is != nil && !errors.Is(err, c.is):
				t.Errorf("error %v", err)
			case isDuration && (err.Error() != c.text || duration.Flag != c.usage):
				t.Errorf("error %v (by flag: %v), want %s", err, duration.Flag, c.text)
			case !isDuration && !strings.Contains(err.Error(), "dev") && !strings.Contains(err.Error(), "--flag") && !strings.Contains(err.Error(), `"a"`):
				t.Errorf("the error names neither profile nor flag: %v", err)
			}
		})
	}
}

func TestPlanRefusesBadSerials(t *testing.T) {
	for _, serial := range []string{"arn:aws:iam::123456789012:u2f/user/alice/key", "alice"} {
		r := resolve(t)
		r.MFASerial = value(serial)
		var bad *profile.Error
		if _, err := NewPlan(r, Options{}); !errors.As(err, &bad) {
			t.Errorf("%s: %v", serial, err)
		}
		if _, err := NewPlan(r, Options{NoMFA: true}); err != nil {
			t.Errorf("%s, without MFA: %v", serial, err)
		}
	}
}

func TestSessionName(t *testing.T) {
	long := strings.Repeat("x", 70)
	for _, c := range []struct{ serial, configured, want string }{
		{testSerial, "", "alice"},
		{testSerial, "me@work", "me@work"},
		{"arn:aws:iam::123456789012:mfa/team/bob", "", "bob"},
		{"arn:aws:iam::123456789012:mfa/b+o=b,x.y@z-_", "", "b+o=b,x.y@z-_"},
		{"arn:aws:iam::123456789012:mfa/a:b c", "", "a-b-c"},
		{"arn:aws:iam::123456789012:mfa/é!", "", "---"},
		{"arn:aws:iam::123456789012:mfa/x", "", "awsmfa"},
		{"arn:aws:iam::123456789012:mfa/xy", "", "xy"},
		{"arn:aws:iam::123456789012:mfa/", "", "awsmfa"},
		{"GAHT12345678", "", "GAHT12345678"},
		{"arn:aws:iam::123456789012:mfa/" + long, "", long[:64]},
		{"", "", "awsmfa"},
	} {
		p := &Plan{MFASerial: value(c.serial)}
		if got := p.sessionName(profile.Role{SessionName: value(c.configured)}); got != c.want {
			t.Errorf("%q, %q: %q, want %q", c.serial, c.configured, got, c.want)
		}
	}
	r := resolve(t, "a", "b")
	r.Roles[0].SessionName = value("first")
	p := mustPlan(t, r, Options{})
	if p.Steps[1].SessionName != "first" || p.Steps[2].SessionName != "alice" {
		t.Errorf("session names %q and %q", p.Steps[1].SessionName, p.Steps[2].SessionName)
	}
	if p := mustPlan(t, resolve(t, "a"), Options{NoMFA: true}); p.Steps[0].SessionName != "awsmfa" {
		t.Errorf("without MFA the device names the session: %q", p.Steps[0].SessionName)
	}
}

func TestPlanCarriesWhatItWasMadeOf(t *testing.T) {
	r := resolve(t, "a")
	r.STSEndpoint, r.Partition = value("https://sts.example"), "aws-cn"
	r.Duration, r.DurationFrom = 30*time.Minute, value("1800")
	p := mustPlan(t, r, Options{SessionDuration: flag("10h")})
	if p.Profile != "a" || p.Endpoint != "https://sts.example" || p.Partition != "aws-cn" || p.MFASerial != r.MFASerial ||
		p.Source.Keys.AccessKeyID() != testID || p.DurationFrom != r.DurationFrom || p.SessionFrom.Text != "10h" {
		t.Errorf("%+v", p)
	}
	p = mustPlan(t, r, Options{Duration: flag("20m")})
	if p.DurationAsked.Text != "20m" || p.DurationFrom.Text != "20m" || p.SessionFrom.IsSet() {
		t.Errorf("%+v", p)
	}
	if p := mustPlan(t, r, Options{NoMFA: true}); p.MFASerial.IsSet() {
		t.Error("a plan without MFA names a device")
	}
	if p := mustPlan(t, resolve(t), Options{Duration: flag("20m")}); p.DurationFrom.Text != "20m" {
		t.Errorf("%+v", p)
	}
}

func TestShort(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"12h": 12 * time.Hour, "90m": 90 * time.Minute, "1h": time.Hour, "15m": 900 * time.Second,
		"3601s": time.Hour + time.Second, "59s": 59 * time.Second, "0s": 0, "1m": time.Minute,
	} {
		if got := Short(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
