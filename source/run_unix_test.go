//go:build unix

package source

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awsmfa/internal/safeexec"
)

// helper writes a shell script called name into a directory of its own and
// returns the directory.
func helper(t *testing.T, name, body string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// options finds programs in dir first; scripts find theirs in the usual places.
func options(dir, line string, env ...string) Options {
	path := dir + ":/usr/local/bin:/usr/bin:/bin"
	return Options{
		Profile: "dev", Line: line, Path: path, Env: append([]string{"PATH=" + path}, env...),
		Timeout: 20 * time.Second, Now: func() time.Time { return now },
	}
}

func printing(text string) string { return "cat <<'END'\n" + text + "\nEND\n" }

func TestProcess(t *testing.T) {
	const checks = `
[ "$1" = "with blank" ] && [ "$2" = '$HOME' ] && [ "$#" = 2 ] || exit 9
[ "$KEPT" = yes ] && [ "$AWSMFA_PROFILE_CHAIN" = outer:dev ] && [ -z "${AWSMFA_TOKEN_CODE+x}" ] || exit 8
echo "a word to the user" >&2
`
	dir := helper(t, "give-keys", checks+printing(answerWith()))
	for _, line := range []string{
		`give-keys "with blank" '$HOME'`,
		dir + `/give-keys with\ blank $HOME`,
	} {
		o := options(dir, line, "KEPT=yes", "AWSMFA_PROFILE_CHAIN=outer", "AWSMFA_TOKEN_CODE=123456")
		c, err := Process(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if c.AccessKeyID() != testID || c.SecretAccessKey() != testSecret || !c.Expires().Equal(now.Add(time.Hour)) {
			t.Errorf("%s: got %v", line, c)
		}
	}
}

func TestProcessFailures(t *testing.T) {
	for _, c := range []struct {
		label, body string
		line        string // "give-keys" when empty
		want        error
	}{
		{"text before the answer", "echo MFA code accepted\n" + printing(answerWith()), "", ErrNotJSON},
		{"over 64,000 bytes", "head -c 64001 /dev/zero | tr '\\0' ' '\n" + printing(answerWith()), "", safeexec.ErrTooLong},
		{"expired", printing(answerWith("2026-03-01T13", "2025-03-01T13")), "", ErrExpired},
		{"missing program", "", "no-such-program", safeexec.ErrNotFound},
		{"relative program", "", "./give-keys", safeexec.ErrNotAbsolute},
		{"open quote", "", "give-keys 'x", safeexec.ErrSyntax},
		{"no program", "", " ", safeexec.ErrSyntax},
		{"slow", "sleep 60\n", "", safeexec.ErrTimeout},
		{"itself", printing(answerWith()), "awsmfa process dev", ErrRecursive},
	} {
		t.Run(c.label, func(t *testing.T) {
			dir := helper(t, "give-keys", c.body)
			o := options(dir, "give-keys")
			if c.line != "" {
				o.Line = c.line
			}
			if c.want == safeexec.ErrTimeout {
				o.Timeout = 200 * time.Millisecond
			}
			got, err := Process(t.Context(), o)
			if !errors.Is(err, c.want) || !got.IsZero() {
				t.Fatalf("got %v, %v", got, err)
			}
			if !strings.Contains(err.Error(), `"dev"`) || strings.Contains(err.Error(), "wJalr") {
				t.Errorf("the error reads %q", err)
			}
		})
	}
}

func TestProcessExitCode(t *testing.T) {
	dir := helper(t, "give-keys", printing(answerWith())+"echo 'locked: see manual' >&2; exit 7\n")
	_, err := Process(t.Context(), options(dir, "give-keys"))
	var exit *safeexec.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 || exit.Stderr != "locked: see manual" || strings.Contains(err.Error(), "wJalr") {
		t.Errorf("error %v", err)
	}
}

// TestProcessIndirectRecursion has a script lead back to the same profile.
func TestProcessIndirectRecursion(t *testing.T) {
	dir := helper(t, "give-keys", printing(answerWith()))
	o := options(dir, "give-keys", "AWSMFA_PROFILE_CHAIN=dev:base")
	if _, err := Process(t.Context(), o); !errors.Is(err, ErrRecursive) {
		t.Errorf("error %v", err)
	}
}

func TestThroughCLI(t *testing.T) {
	const checks = `
printf '%s|' "$@" >"$RECORD"; env | grep -E '^AWS' | sort >>"$RECORD"
`
	dir := helper(t, "aws", checks+printing(answerWith()))
	shell := []string{
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=x", "AWS_SESSION_TOKEN=x", "AWS_SECURITY_TOKEN=x",
		"AWS_PROFILE=other", "AWS_DEFAULT_PROFILE=other", "AWSMFA_TOKEN_CODE=123456", "AWS_REGION=eu-west-1",
		"AWS_CONFIG_FILE=/x", "AWS_CREDENTIAL_EXPIRATION=x", "AWS_CLI_AUTO_PROMPT=on",
	}
	const kept = "AWSMFA_PROFILE_CHAIN=--debug+x\nAWS_CLI_AUTO_PROMPT=off\nAWS_CONFIG_FILE=/x\nAWS_REGION=eu-west-1\n"
	record := filepath.Join(t.TempDir(), "record")
	o := options(dir, "", append(shell, "RECORD="+record)...)
	c, err := ThroughCLI(t.Context(), "--debug x", o)
	if err != nil || c.SecretAccessKey() != testSecret {
		t.Fatalf("got %v, %v", c, err)
	}
	text, err := os.ReadFile(record)
	if want := "configure|export-credentials|--profile=--debug x|--format|process|" + kept; string(text) != want || err != nil {
		t.Errorf("ran with %q, want %q", text, want)
	}

	o.KeepKeys = true
	if _, err = ThroughCLI(t.Context(), "env", o); err != nil {
		t.Fatal(err)
	}
	text, _ = os.ReadFile(record)
	for part, want := range map[string]bool{"AWS_ACCESS_KEY_ID=AKIA": true, "AWS_SESSION_TOKEN=x": true, "AWS_PROFILE=": false} {
		if strings.Contains(string(text), part) != want {
			t.Errorf("with the shell's keys: %q in %q", part, text)
		}
	}
}

func TestThroughCLIFailures(t *testing.T) {
	const v1 = `printf '\naws: error: argument subcommand: Invalid choice, valid choices are:\n\nlist | get\n' >&2; exit 2`
	for _, c := range []struct {
		label, body string
		want        error
		stderr      string
	}{
		{"version 1", v1, ErrCLITooOld, ""},
		{"version 2.4", strings.Replace(v1, "exit 2", "exit 252", 1), ErrCLITooOld, ""},
		{"no format", `echo 'Unknown options: --format, process' >&2; exit 252`, ErrCLITooOld, ""},
		{"signed out", `echo 'Error when retrieving token from sso: Token has expired and refresh failed' >&2; exit 255`, nil, "Token has expired"},
		{"other usage error", `echo 'no region' >&2; exit 252`, nil, "no region"},
		{"no answer", ``, ErrNotJSON, ""},
	} {
		t.Run(c.label, func(t *testing.T) {
			got, err := ThroughCLI(t.Context(), "sso", options(helper(t, "aws", c.body), ""))
			if err == nil || !got.IsZero() || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("got %v, %v", got, err)
			}
			var exit *safeexec.ExitError
			if c.want == nil && (!errors.As(err, &exit) || !strings.Contains(err.Error(), c.stderr)) {
				t.Errorf("error %v", err)
			}
		})
	}
	// Its words are needed to tell the failures apart, wherever others' go.
	loud := options(helper(t, "aws", v1), "")
	loud.Stderr = os.Stderr
	if _, err := ThroughCLI(t.Context(), "sso", loud); !errors.Is(err, ErrCLITooOld) {
		t.Errorf("with a stderr: %v", err)
	}
	none := options(t.TempDir(), "")
	none.Path = t.TempDir()
	if _, err := ThroughCLI(t.Context(), "sso", none); !errors.Is(err, ErrNoCLI) {
		t.Errorf("without an aws: %v", err)
	}
	if _, err := ThroughCLI(t.Context(), "", none); !errors.Is(err, ErrNoProfile) {
		t.Errorf("without a profile: %v", err)
	}
	again := options(helper(t, "aws", printing(answerWith())), "", "AWSMFA_PROFILE_CHAIN=sso")
	if _, err := ThroughCLI(t.Context(), "sso", again); !errors.Is(err, ErrRecursive) {
		t.Errorf("called for itself: %v", err)
	}
	open := helper(t, "aws", printing(answerWith()))
	if err := os.Chmod(filepath.Join(open, "aws"), 0o777); err != nil {
		t.Fatal(err)
	}
	none.Path = open
	if _, err := ThroughCLI(t.Context(), "sso", none); !errors.Is(err, safeexec.ErrUnsafe) {
		t.Errorf("an aws that everybody may change: %v", err)
	}
}

// TestThroughTheRealCLI asks whichever AWS CLI is installed for a key profile.
func TestThroughTheRealCLI(t *testing.T) {
	aws, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("no AWS CLI")
	}
	home := t.TempDir()
	file := filepath.Join(home, "credentials")
	text := "[my keys]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = " + testSecret + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options(filepath.Dir(aws), "", "HOME="+home, "AWS_SHARED_CREDENTIALS_FILE="+file, "AWS_CONFIG_FILE="+home+"/config")
	o.Env[0] = "PATH=" + os.Getenv("PATH")
	o.Timeout = time.Minute
	c, err := ThroughCLI(t.Context(), "my keys", o)
	switch {
	case errors.Is(err, ErrCLITooOld):
		t.Log("the AWS CLI is too old, and recognised as such")
	case err != nil || c.SecretAccessKey() != testSecret:
		t.Errorf("got %v, %v", c, err)
	}
}
