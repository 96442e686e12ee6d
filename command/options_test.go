package command

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// optionsOf reads a command line of env as runEnv does.
func optionsOf(t *testing.T, line, environ string) (envOptions, error) {
	t.Helper()
	var o envOptions
	list := verbs()
	list[0].run = func(_ context.Context, r *run, c *cli.Context, a arrangement) (err error) {
		o, err = readEnvOptions(r, c, a)
		return err
	}
	a, err := arrange(strings.Fields("env "+line), list)
	if err != nil {
		return o, err
	}
	r := shellHolding(strings.Fields(environ)...)
	r.Stderr = &strings.Builder{}
	err = r.dispatch(context.Background(), a)
	return o, err
}

func TestOptions(t *testing.T) {
	for _, tc := range []struct {
		line, environ string
		holds         func(envOptions) bool
	}{
		{"dev", "", func(o envOptions) bool { return o.Profile == "dev" && o.ProfileOrigin == "the argument" }},
		{"-p dev", "AWS_PROFILE=x", func(o envOptions) bool { return o.Profile == "dev" && o.ProfileOrigin == "--profile" }},
		{"", "AWS_PROFILE=x AWSMFA_PROFILE=y", func(o envOptions) bool { return o.Profile == "x" && o.ProfileOrigin == "AWS_PROFILE" }},
		{"", "AWS_PROFILE= AWSMFA_PROFILE=y", func(o envOptions) bool { return o.Profile == "y" && o.ProfileOrigin == "AWSMFA_PROFILE" }},
		{"", "", func(o envOptions) bool { return o.Profile == "default" }},

		{"--region a", "AWSMFA_REGION=b", func(o envOptions) bool { return o.Region.Text == "a" && o.Region.Origin.Name == "--region" }},
		{"", "AWSMFA_REGION=b", func(o envOptions) bool { return o.Region.Text == "b" && o.Region.Origin.Name == "AWSMFA_REGION" }},
		{"", "AWSMFA_REGION=", func(o envOptions) bool { return !o.Region.IsSet() }},
		{"-t 1", "AWSMFA_TOKEN_CODE=2", func(o envOptions) bool { return o.TokenCode.Text == "1" }},
		{"", "AWSMFA_TOKEN_CODE=2", func(o envOptions) bool { return o.TokenCode.Origin.Name == "AWSMFA_TOKEN_CODE" }},
		{"-d 1h", "AWSMFA_DURATION=2h", func(o envOptions) bool { return o.Duration.Text == "1h" }},
		{"", "AWSMFA_SESSION_DURATION=2h", func(o envOptions) bool { return o.SessionDuration.Text == "2h" }},

		{"", "", func(o envOptions) bool { return !o.MinTTLSet && o.MinTTL == 0 }},
		{"--min-ttl 90", "", func(o envOptions) bool { return o.MinTTLSet && o.MinTTL == 90*time.Second }},
		{"--min-ttl 0", "", func(o envOptions) bool { return o.MinTTLSet && o.MinTTL == 0 }},
		{"--min-ttl 1h", "AWSMFA_MIN_TTL=bad", func(o envOptions) bool { return o.MinTTL == time.Hour }},
		{"", "AWSMFA_MIN_TTL=2h", func(o envOptions) bool { return o.MinTTL == 2*time.Hour }},

		{"--refresh", "", func(o envOptions) bool { return o.Refresh && !o.Cached }},
		{"--refresh", "AWSMFA_CACHED=1", func(o envOptions) bool { return o.Refresh && !o.Cached }},
		{"--cached", "AWSMFA_REFRESH=1", func(o envOptions) bool { return !o.Refresh && o.Cached }},
		{"--cached=false", "AWSMFA_CACHED=1", func(o envOptions) bool { return !o.Cached }},
		{"", "AWSMFA_NO_INPUT=YES", func(o envOptions) bool { return o.NoInput }},
		{"", "AWSMFA_NO_INPUT=off", func(o envOptions) bool { return !o.NoInput }},
		{"--mfa-serial x", "AWSMFA_NO_MFA=1", func(o envOptions) bool { return !o.NoMFA && o.MFASerial.Text == "x" }},
		{"", "AWSMFA_NO_MFA=1", func(o envOptions) bool { return o.NoMFA }},

		{"-s fish", "AWSMFA_SHELL=zsh", func(o envOptions) bool { return o.shell.Text == "fish" }},
		{"", "AWSMFA_SHELL=zsh", func(o envOptions) bool { return !o.shell.IsSet() }}, // detection's business
		{"", "", func(o envOptions) bool { return o.form.name() == "shell" }},
		{"--json", "", func(o envOptions) bool { return o.form.name() == "json" }},
		{"--json=1", "AWSMFA_OUTPUT=dotenv", func(o envOptions) bool { return o.form.name() == "json" }},
		{"-o dotenv", "AWSMFA_JSON=1", func(o envOptions) bool { return o.form.name() == "dotenv" && !o.form.json }},
		{"", "AWSMFA_JSON=1", func(o envOptions) bool { return o.form.name() == "json" }},
		{"", "AWSMFA_JSON=1 AWSMFA_OUTPUT=dotenv", func(o envOptions) bool { return o.form.name() == "dotenv" && !o.form.json }},
		{"--json=false", "AWSMFA_JSON=1", func(o envOptions) bool { return o.form.name() == "shell" }},
		{"-u", "", func(o envOptions) bool { return o.unset }},
		{"", "AWSMFA_UNSET=1", func(o envOptions) bool { return !o.unset }},
	} {
		o, err := optionsOf(t, tc.line, tc.environ)
		if err != nil {
			t.Errorf("%q with %q: %v", tc.line, tc.environ, err)
		} else if !tc.holds(o) {
			t.Errorf("%q with %q: %+v", tc.line, tc.environ, o)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, tc := range []struct{ line, environ, want string }{
		{"dev -p prod", "", "two profiles"},
		{"-p=", "", "--profile is empty"},
		{"dev -p=", "", "--profile is empty"},
		{"dev prod", "", `unexpected argument "prod"`},
		{"--region=", "", "--region is empty"},
		{"--token-code=", "", "--token-code is empty"},
		{"--shell=", "", "--shell is empty"},
		{"--output=", "", "--output is empty"},
		{"--duration=", "", "--duration is empty"},
		{"--mfa-serial=", "AWSMFA_MFA_SERIAL=x", "--mfa-serial is empty"},
		{"--cached --refresh", "", "--cached and --refresh exclude"},
		{"", "AWSMFA_CACHED=1 AWSMFA_REFRESH=1", "--cached and --refresh exclude"},
		{"--no-mfa --mfa-serial x", "", "--no-mfa and --mfa-serial exclude"},
		{"--min-ttl soon", "", `--min-ttl "soon"`},
		{"", "AWSMFA_MIN_TTL=-1", `AWSMFA_MIN_TTL "-1"`},
		{"", "AWSMFA_QUIET=2", "AWSMFA_QUIET must be"},
		{"--json=2", "", "--json is on or off"},
	} {
		_, err := optionsOf(t, tc.line, tc.environ)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q with %q: %v, want %q", tc.line, tc.environ, err, tc.want)
		}
	}
}
