package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awsmfa/stsclient/ststest"
)

// warmCase is one run, made both ways.
type warmCase struct {
	name string
	args string
	env  string // NAME=value words; OURS stands for the marks of a shell that holds dev
	warm bool   // the short way must have answered
}

const warmConfig = `[profile dev]
region = eu-west-1
mfa_serial = SERIAL
[profile bare]
source_profile = dev
role_arn = arn:aws:iam::ACCOUNT:role/Admin
mfa_serial = SERIAL
[default]
region = us-east-1
mfa_serial = SERIAL
[profile it's odd]
mfa_serial = SERIAL
source_profile = dev
role_arn = arn:aws:iam::ACCOUNT:role/Admin
[profile capped]
source_profile = bare
role_arn = arn:aws:iam::ACCOUNT:role/Other
duration_seconds = 7200
`

func warmCases() []warmCase {
	return []warmCase{
		{"plain", "env dev", "", true},
		{"process", "process dev", "", true},
		{"its other name", "credential-process dev", "", true},
		{"role", "env bare", "", true},
		{"role for an SDK", "process bare", "", true},
		{"default", "env", "", true},
		{"named by AWS_PROFILE", "env", "AWS_PROFILE=dev", true},
		{"the same by both", "env dev", "AWS_PROFILE=dev", true},
		{"an SDK's own profile", "process dev", "AWS_PROFILE=dev-mfa", true},
		{"renewal", "env", "OURS", true},
		{"renewal by name", "env dev", "OURS", true},
		{"switch", "env bare", "OURS", true},
		{"another region held", "env dev", "OURS AWSMFA_OWNED=HELD:ap-south-1 AWS_REGION=ap-south-1 AWS_DEFAULT_REGION=ap-south-1", true},
		{"one region is the user's", "env dev", "OURS AWS_REGION=us-west-2", true},
		{"region of the user", "env dev", "AWS_REGION=us-west-2", true},
		{"other variable", "env dev", "AWS_DEFAULT_REGION=us-west-2", true},
		{"damaged mark", "env dev", "OURS AWSMFA_OWNED=HELD:x;y AWS_REGION=x;y", true},
		{"fish", "env dev --shell fish", "", true},
		{"fish before", "env --shell=fish dev", "", true},
		{"short", "env -s tcsh dev", "", true},
		{"nu", "env dev -s nu", "", true},
		{"by variable", "env dev", "AWSMFA_SHELL=zsh", true},
		{"cached", "env --cached dev", "", true},
		{"no input", "process dev --no-input", "", true},
		{"empty variable", "env dev", "AWSMFA_DURATION=", true},

		{"bad region of the user", "env dev", "AWS_REGION=no/region", false},
		{"unknown shell", "env dev --shell klingon", "", false},
		{"two shells", "env dev -s fish -s bash", "", false},
		{"shell without name", "env dev -s", "", false},
		{"shell for an SDK", "process dev -s fish", "", false},
		{"two profiles", "env dev bare", "", false},
		{"another than AWS_PROFILE", "env dev", "AWS_PROFILE=bare", false},
		{"AWS_PROFILE and another held", "env", "OURS AWS_PROFILE=bare", false},
		{"no profile for an SDK", "process", "", false},
		{"duration", "env dev --duration 1h", "", false},
		{"duration by variable", "env dev", "AWSMFA_DURATION=1h", false},
		{"wants long", "env dev", "AWSMFA_MIN_TTL=11h30m", false},
		{"json", "env dev --json", "", false},
		{"dotenv", "env dev", "AWSMFA_OUTPUT=dotenv", false},
		{"region by flag", "env dev --region us-east-2", "", false},
		{"other serial", "env dev", "AWSMFA_MFA_SERIAL=GAHT12345678", true}, // the profile's own goes before it
		{"other endpoint", "env dev --cached", "AWS_ENDPOINT_URL_STS=http://127.0.0.1:1", false},
		{"other session name", "env bare --cached", "AWS_ROLE_SESSION_NAME=somebody", false},
		{"other files", "env dev --cached", "AWS_CONFIG_FILE=/nonexistent", false},
		{"unknown profile", "env nosuch", "", false},
		{"warnings to tell", "env capped --cached", "", false},
		{"unset", "env --unset", "OURS", false},
		{"help", "env --help", "", false},
		{"unknown flag", "env dev --bogus", "", false},
		{"behind --", "env -- dev", "", false},
		{"another verb", "status dev", "", false},
		{"nothing", "", "", false},
	}
}

// TestWarmIsTheSame runs each case by the short way and by the full one: what
// is printed must be the same to the byte, and so must the end.
func TestWarmIsTheSame(t *testing.T) {
	c := newWarmCrowd(t)
	held := c.run(t, warmCase{args: "env dev"}, false)
	id := between(t, held.stdout, "AWS_ACCESS_KEY_ID='", "'")
	for _, tc := range append(warmCases(), warmCase{"odd name", "env ODD", "", true}) {
		tc.env = strings.ReplaceAll(strings.ReplaceAll(tc.env, "OURS",
			"AWS_ACCESS_KEY_ID=HELD AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 AWSMFA_PROFILE=dev AWSMFA_EXPIRATION=4102444800 AWSMFA_OWNED=HELD:eu-west-1"), "HELD", id)
		t.Run(tc.name, func(t *testing.T) {
			full := c.run(t, tc, false)
			short := c.run(t, tc, true)
			if short.stdout != full.stdout || short.stderr != full.stderr || short.code != full.code {
				t.Errorf("short way: exit %d\n%s%sfull way: exit %d\n%s%s",
					short.code, short.stdout, short.stderr, full.code, full.stdout, full.stderr)
			}
			if short.warm != tc.warm {
				t.Errorf("answered by the short way: %v", short.warm)
			}
			if tc.warm && (short.code != 0 || short.stdout == "") {
				t.Errorf("exit %d: %s", short.code, short.stderr)
			}
		})
	}
	c.calls("GetSessionToken", 1)
}

// TestWarmGivesWay changes what a remembered request rests on: the short way
// must not answer from memory any more.
func TestWarmGivesWay(t *testing.T) {
	files := func(c *warmCrowd, name string) string { return filepath.Join(c.home, ".aws", name) }
	plain := warmCase{args: "env dev --cached"}
	for name, change := range map[string]func(t *testing.T, c *warmCrowd){
		"config edited": func(t *testing.T, c *warmCrowd) { c.append(t, files(c, "config"), "[profile new]\n") },
		"keys edited":   func(t *testing.T, c *warmCrowd) { c.append(t, files(c, "credentials"), "[new]\n") },
		"config gone": func(t *testing.T, c *warmCrowd) {
			if err := os.Remove(files(c, "config")); err != nil {
				t.Fatal(err)
			}
		},
		"session gone": func(t *testing.T, c *warmCrowd) { c.run(t, warmCase{args: "logout --all"}, false) },
		"session near its end": func(t *testing.T, c *warmCrowd) {
			c.moved += 12*time.Hour - 4*time.Minute
			c.setClock(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newWarmCrowd(t)
			if o := c.run(t, plain, true); !o.warm {
				t.Fatalf("no short way to begin with: %s", o.stderr)
			}
			change(t, c)
			if o := c.run(t, plain, true); o.warm {
				t.Errorf("still answered by the short way:\n%s", o.stdout)
			}
		})
	}
}

// warmCrowd has sessions for dev and bare, and has remembered the requests.
type warmCrowd struct {
	*crowd
	moved time.Duration
}

func newWarmCrowd(t *testing.T) *warmCrowd {
	c := &warmCrowd{crowd: newCrowd(t, warmConfig), moved: time.Hour}
	c.write("credentials", "[dev]\naws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\n"+
		"[default]\naws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\n")
	for _, role := range []string{"Admin", "Other"} {
		if err := c.server.AddRole(ststest.Role{ARN: "arn:aws:iam::" + c.user.Account + ":role/" + role, RequireMFA: role == "Admin"}); err != nil {
			t.Fatal(err)
		}
	}
	c.server.Clock().Advance(c.moved)
	c.setClock(t)
	code := c.user.NextCode()
	for _, line := range []string{"env dev -t " + code, "env bare", "env", "process dev", "env ODD", "env capped"} {
		if o := c.run(t, warmCase{args: line}, false); o.code != 0 {
			t.Fatalf("%s: exit %d\n%s", line, o.code, o.stderr)
		}
	}
	return c
}

// setClock moves awsmfa's clock: files count as settled only after a while.
func (c *warmCrowd) setClock(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.home, "clock"), []byte(c.moved.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (c *warmCrowd) append(t *testing.T, path, text string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(before, text...), 0o600); err != nil {
		t.Fatal(err)
	}
}

type warmOutcome struct {
	outcome
	warm bool
}

func (c *warmCrowd) run(t *testing.T, tc warmCase, short bool) warmOutcome {
	t.Helper()
	args := strings.Fields(tc.args)
	for i, a := range args {
		if a == "ODD" {
			args[i] = "it's odd"
		}
	}
	cmd := c.command(args...)
	mark := filepath.Join(c.home, "mark")
	cmd.Env = append(cmd.Env, "AWSMFA_TEST_CLOCK="+filepath.Join(c.home, "clock"), "AWSMFA_TEST_MARK="+mark)
	if !short {
		cmd.Env = append(cmd.Env, "AWSMFA_TEST_FULL=1")
	}
	cmd.Env = append(cmd.Env, strings.Fields(tc.env)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	_, noMark := os.Stat(mark)
	os.Remove(mark)
	return warmOutcome{outcome{stdout.String(), stderr.String(), exitOf(t, err)}, noMark == nil}
}

func between(t *testing.T, s, before, after string) string {
	t.Helper()
	_, rest, found := strings.Cut(s, before)
	value, _, ended := strings.Cut(rest, after)
	if !found || !ended {
		t.Fatalf("no %q in %s", before, s)
	}
	return value
}
