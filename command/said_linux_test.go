package command

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"awsmfa/environment"
	"awsmfa/shell"
)

// TestNothingSaidIsObeyed: a command line may come out of a file or a branch's
// name. No error, hint, note, warning or step of --debug takes its escapes to
// the terminal.
func TestNothingSaidIsObeyed(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	const evil = "dev\x1b]0;owned\a\u009b2J\u202e"
	for _, args := range [][]string{
		{"exec", evil}, {"exec", evil, "--", "true"}, {"env", evil, "--no-input"}, {"env", "-s", evil}, {"env", "-o", evil},
		{evil}, {"env", "--" + evil}, {"env", "-p" + evil}, {"env", "dev", evil}, {"env", "dev", "-d", evil}, {"process", evil},
		{"env", "dev", "--mfa-serial", evil}, {"env", "dev", "--region", evil}, {"env", "dev", "-t", evil}, {"help", evil},
		{"env"}, {"status"}, {"env", "--debug"}, {"exec", "dev", "--", "./" + evil}, {"explain", "dev", "--debug"},
	} {
		cmd := c.command(args...)
		cmd.Env = append(cmd.Env, "AWSMFA_PROFILE="+evil, "AWSMFA_OWNED=K:"+evil, "AWS_ACCESS_KEY_ID=K", "AWS_REGION="+evil)
		o := finish(t, cmd)
		if o.stderr == "" {
			t.Errorf("%q says nothing", args)
		}
		if i := strings.IndexFunc(o.stderr, obeyed); i >= 0 {
			t.Errorf("%q: %q", args, o.stderr)
		}
	}
}

func obeyed(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }

// TestPanicIsAFailure: a shell sees a bug of ours as it sees any failure, and
// nobody a stack, or the value that a panic was called with.
func TestPanicIsAFailure(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	clock := filepath.Join(c.home, "clock")
	must(t, os.WriteFile(clock, []byte("panic"), 0o600))
	for verb, stdout := range map[string]string{"env": "false;\n", "process": "", "login": ""} {
		cmd := c.command(verb, "dev", "--no-input")
		cmd.Env = append(cmd.Env, "AWSMFA_TEST_FULL=1", "AWSMFA_TEST_CLOCK="+clock)
		o := finish(t, cmd)
		if o.code != exitFailure || o.stdout != stdout {
			t.Errorf("%s: exit %d, stdout %q", verb, o.code, o.stdout)
		}
		if !strings.Contains(o.stderr, "error: this is a bug in awsmfa: string (script_test.go:") || !strings.Contains(o.stderr, "hint: please report it") ||
			strings.Contains(o.stderr, "goroutine") || strings.Contains(o.stderr, "a secret") {
			t.Errorf("%s: %s", verb, o.stderr)
		}
	}
}

// TestLaterSignalEndsAStuckRun: a write that nobody takes cannot be called
// back. The first signal changes nothing then; one that comes later does.
func TestLaterSignalEndsAStuckRun(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	c.login(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP} {
		full, _ := fullPipe(t)
		cmd := c.command("env", "dev")
		cmd.Env = append(cmd.Env, "AWSMFA_TEST_FULL=1")
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &stderr
		must(t, cmd.Start())
		eventually(t, "the write", func() bool { return blockedInWrite(cmd.Process.Pid) })
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var err error
		eventually(t, "the end", func() bool {
			cmd.Process.Signal(sig)
			select {
			case err = <-ended:
				return true
			case <-time.After(50 * time.Millisecond):
				return false
			}
		})
		if code := exitOf(t, err); code != exitSignal+int(sig) || stderr.Len() > 0 {
			t.Errorf("%v: exit %d, %s", sig, code, stderr.String())
		}
	}
}

// TestVariablesInAnyCase: where names are the same in any case, what is set or
// kept from a command goes under every spelling.
func TestVariablesInAnyCase(t *testing.T) {
	environ := []string{"Aws_Profile=a", "aws_session_token=b", "Awsmfa_Token_Code=123456", "Path=c"}
	changes := environment.Changes{Unset: []string{"AWS_PROFILE"}, Set: []shell.Var{{Name: "AWS_SESSION_TOKEN", Value: "new"}}}
	for folds, want := range map[bool]struct{ command, helper []string }{
		true:  {[]string{"Path=c", "AWS_SESSION_TOKEN=new"}, []string{"Aws_Profile=a", "Path=c"}},
		false: {append(slices.Clone(environ), "AWS_SESSION_TOKEN=new"), environ},
	} {
		r := newRun(World{Environ: environ})
		r.folds = folds
		if got := r.applyTo(changes); !slices.Equal(got, want.command) {
			t.Errorf("folds %v: exec gives %q", folds, got)
		}
		if got := (&subject{run: r}).childEnviron(); !slices.Equal(got, want.helper) {
			t.Errorf("folds %v: a helper is given %q", folds, got)
		}
	}
}
