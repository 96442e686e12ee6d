//go:build linux

package command

import (
	"awsmfa/environment"
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const sdkConfig = shellsConfig + `
[profile role-mfa]
credential_process = "AWSMFA" credential-process prod
region = eu-west-1
`

func newSDK(t *testing.T) *crowd {
	t.Helper()
	c := newCold(t)
	c.write("config", strings.ReplaceAll(sdkConfig, "AWSMFA", c.binary))
	return c
}

func (c *crowd) login(t *testing.T) {
	t.Helper()
	if o := finish(t, c.command("login", "dev", "--token-code", c.user.NextCode())); o.code != 0 {
		t.Fatalf("login: exit %d\n%s", o.code, o.stderr)
	}
}

// detached is a program in a session of its own: it has no terminal to ask at,
// whoever runs the tests.
func (c *crowd) detached(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = c.home, c.environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

func TestAWSCLIThroughCredentialProcess(t *testing.T) {
	aws := need(t, "aws")
	t.Parallel()
	c := newSDK(t)
	identity := []string{"--profile", "dev-mfa", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"}

	began := time.Now()
	o := finish(t, c.detached(aws, identity...))
	if o.code == 0 || o.stdout != "" || time.Since(began) > 20*time.Second {
		t.Errorf("without a code: exit %d after %s, stdout %q", o.code, time.Since(began), o.stdout)
	}
	line := onlyLine(o.stderr, "awsmfa: error: ")
	if !strings.Contains(line, "code") || !strings.Contains(line, "awsmfa login dev") {
		t.Errorf("the CLI's user does not see what to do:\n%s", o.stderr)
	}
	if strings.Contains(o.stderr, c.user.SecretAccessKey) || strings.Contains(o.stderr, "Traceback") {
		t.Errorf("the CLI shows too much:\n%s", o.stderr)
	}
	c.calls("", 0)

	c.login(t)
	if o := finish(t, c.detached(aws, identity...)); o.code != 0 || o.stdout != c.user.ARN+"\n" || o.stderr != "" {
		t.Errorf("with a session: %+v", o)
	}
	c.calls("GetSessionToken", 1)
}

// TestAWSCLIAsksOnTheTerminal: the CLI keeps credential_process's output to
// itself, and its standard input may be data; the question is asked all the same.
func TestAWSCLIAsksOnTheTerminal(t *testing.T) {
	need(t, "aws")
	t.Parallel()
	c := newSDK(t)
	tm := c.onTerminal(`export AWS_PROFILE=dev-mfa AWS_EC2_METADATA_DISABLED=true
		aws sts get-caller-identity --query Arn --output text </dev/null >arn; echo "code $?"; cat arn; stty -a`)
	tm.until(prompt)
	tm.typeIn(c.user.NextCode() + "\n")
	tm.until("code 0")
	tm.until(c.user.ARN)
	tm.until(" echo ")
	c.calls("GetSessionToken", 1)
}

// onlyLine is the one line that holds the text; "" where there is none or two.
func onlyLine(text, with string) string {
	var found []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.Contains(line, with) {
			found = append(found, line)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

func TestBoto3(t *testing.T) {
	python := needPython(t, "boto3")
	t.Parallel()
	c := newSDK(t)
	c.login(t)
	script, err := os.ReadFile("testdata/sdk/boto.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := c.detached(python, "-", c.binary)
	cmd.Stdin = strings.NewReader(string(script))
	o := finish(t, cmd)
	if o.code != 0 || o.stderr != "" {
		t.Fatalf("exit %d\n%s", o.code, o.stderr)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
		t.Fatal(err)
	}
	checkBoto(t, c, got)
	c.calls("GetSessionToken", 1)
	c.calls("AssumeRole", 1)
}

func checkBoto(t *testing.T, c *crowd, got map[string]any) {
	t.Helper()
	// With an expiry beside them botocore knows when the variables' keys end.
	fromVariables := []any{c.user.ARN, "eu-west-1", "RefreshableCredentials", "env"}
	cleared := environment.AlwaysUnset()
	slices.Sort(cleared)
	var nulls []any
	for _, name := range cleared {
		nulls = append(nulls, name)
	}
	for name, want := range map[string]any{
		"process arn": c.user.ARN, "process class": "RefreshableCredentials", "process method": "custom-process", "process refresh needed": false,
		"session arn": "arn:aws:sts::" + c.user.Account + ":assumed-role/Admin/alice", "region": "eu-west-1",
		"json": fromVariables, "dotenv": fromVariables, "dotenv is json": true, "json nulls": nulls,
	} {
		if !reflect.DeepEqual(got[name], want) {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
	for _, name := range []string{"process hours left", "refreshed hours left"} {
		if hours, _ := got[name].(float64); hours < 11.9 || hours > 12 {
			t.Errorf("%s: %v, want almost 12", name, got[name])
		}
	}
	if key, _ := got["refreshed key"].(string); !strings.HasPrefix(key, "ASIA") {
		t.Errorf("the refreshed key is %v", got["refreshed key"])
	}
}
