package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the demo as a program, built once: its shell, its script and its
// signals need one.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programDir, "demo"+exeSuffix())
	out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, err
})

// programDir is where built puts the program; it outlives the single tests.
var programDir string

func TestMain(m *testing.M) {
	var err error
	if programDir, err = os.MkdirTemp("", "awsmfa-demo-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(programDir)
	os.Exit(code)
}

func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, args...)
}

// hostile is the caller's environment with AWS settings that must not leak in.
func hostile(temp string) []string {
	return append(without(os.Environ(), "TMPDIR", "SHELL"), "TMPDIR="+temp,
		"AWS_PROFILE=elsewhere", "AWS_REGION=mars-north-1", "AWS_ACCESS_KEY_ID=AKIACALLERCALLERCALL", "AWS_SECRET_ACCESS_KEY=callers",
		"AWS_CONFIG_FILE=/nonexistent/config", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent/credentials", "AWS_CA_BUNDLE=/nonexistent/ca",
		"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWSMFA_OUTPUT=json", "AWSMFA_NO_INPUT=1", "AWSMFA_PROFILE=elsewhere",
		"XDG_CACHE_HOME=/nonexistent/cache", "XDG_STATE_HOME=/nonexistent/state", "HTTP_PROXY=http://127.0.0.1:1",
		"BASH_ENV=/nonexistent/bashenv", "ENV=/nonexistent/env", "PROMPT_COMMAND=echo intruder", "PS1=intruder")
}

// checkEmpty holds the demo to its promise to leave nothing behind.
func checkEmpty(t *testing.T, temp string) {
	t.Helper()
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// transcript is the tour on a terminal, with what differs from run to run cut out.
const transcript = `$ eval $(awsmfa env dev)
MFA code for dev (arn:aws:iam::111122223333:mfa/alice) at URL: CODE
# One code, one call to AWS (GetSessionToken). On a real screen the question is wiped away once answered.

$ awsmfa whoami
arn:aws:iam::111122223333:user/alice
account 111122223333, user id ID

$ eval $(awsmfa env dev)
# No question and no network: the stand-in had seen 2 calls before, and 2 now.

$ eval $(awsmfa env deploy)
# A role that asks for MFA, without another code: it comes from the same session.

$ awsmfa whoami
arn:aws:sts::111122223333:assumed-role/Deploy/alice
account 111122223333, user id ID:alice

$ eval $(awsmfa env prod) && echo deploying to prod
awsmfa: error: profile "prod" not found in ~/.aws/config or ~/.aws/credentials
awsmfa: hint: awsmfa list shows the profiles
awsmfa: this shell's credentials for "deploy" are removed
# What follows && did not run, and the shell no longer acts as deploy.
#
# In all: 1 MFA code for 2 sessions; calls seen: GetSessionToken 1, AssumeRole 1, GetCallerIdentity 2.
# ~/.aws/config and ~/.aws/credentials are byte for byte what they were.
`

var differs = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+`), "URL"},
	{regexp.MustCompile(`\b\d{6}\n`), "CODE\n"},
	{regexp.MustCompile(`A[IR][DO]A[A-Z0-9]+`), "ID"},
}

func steady(shown string) string {
	for _, d := range differs {
		shown = d.pattern.ReplaceAllString(shown, d.with)
	}
	return shown
}

func TestTour(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("the demo knows no pseudo terminal here")
	}
	temp := t.TempDir()
	cmd := program(t)
	cmd.Env, cmd.Dir = hostile(temp), "../internal/text" // any directory of the module will do
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.HasSuffix(steady(string(out)), "on a terminal:\n\n"+transcript) {
		t.Errorf("the transcript is\n%s\nand should end with\n%s", out, transcript)
	}
	checkEmpty(t, temp)
}

// TestTourOnPipes is the tour where no pseudo terminal can be had.
func TestTourOnPipes(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var out bytes.Buffer
	if err := run(options{pipes: true}, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"No pseudo terminal can be had here", "| awsmfa env dev --token-code -)\n# One code", "assumed-role/Deploy/alice"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	checkEmpty(t, temp)
}

// TestTourInSh is the tour where there is no bash.
func TestTourInSh(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh in PATH")
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	s, err := newStage(t.Context(), &out)
	defer s.clear()
	if err != nil {
		t.Fatal(err)
	}
	only := t.TempDir()
	if err := os.Symlink(sh, filepath.Join(only, "sh")); err != nil {
		t.Skip(err)
	}
	t.Setenv("PATH", only)
	if err := tour(t.Context(), s, &out, false); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "A user types in sh") && runtime.GOOS != "windows" {
		t.Errorf("not in sh:\n%s", &out)
	}
}

// TestShell plays in the subshell: the device's next code is refused when it
// was used, so only what needs none is played.
func TestShell(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("drives sh")
	}
	temp := t.TempDir()
	cmd := program(t, "--shell")
	cmd.Env = append(hostile(temp), "SHELL=/bin/sh")
	cmd.Stdin = strings.NewReader(`
		pwd; echo "home $HOME"; env | grep -E '^(AWS|XDG)' | sort
		eval "$(awsmfa env deploy --no-input)" && echo "in $AWSMFA_PROFILE"
		echo "code $(demo-code)"
		demo-code | { read -r code; test ${#code} = 6 && echo six digits; }
		exit 7
	`)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	_, played, _ := strings.Cut(out.String(), "\n# A shell to play in: sh.")
	for _, want := range []string{"in deploy\n", "six digits\n", "# All of it is removed.\n", "AWS_ENDPOINT_URL_STS=http://127.0.0.1:"} {
		if !strings.Contains(played, want) {
			t.Errorf("no %q in\n%s", want, played)
		}
	}
	for _, leak := range []string{"AKIACALLER", "AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "XDG_", "AWS_PROFILE="} {
		if strings.Contains(played, leak) {
			t.Errorf("the caller's %s leaked in:\n%s", leak, played)
		}
	}
	checkEmpty(t, temp)
}

// TestEndedBySignal ends the demo while the user's shell runs.
func TestEndedBySignal(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("needs signals")
	}
	temp := t.TempDir()
	cmd := program(t, "--shell")
	cmd.Env = append(hostile(temp), "SHELL=/bin/sh")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	for b := make([]byte, 4096); !strings.Contains(shown.String(), "A shell to play in"); {
		n, err := out.Read(b)
		shown.Write(b[:n])
		if err != nil {
			t.Fatalf("%v\n%s", err, &shown)
		}
	}
	cmd.Process.Signal(os.Interrupt) // the shell's affair
	cmd.Process.Signal(syscall.SIGTERM)
	go func() { shown.ReadFrom(out) }()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGTERM) {
		t.Errorf("ended with %v", err)
	}
	checkEmpty(t, temp)
}

// TestFailureIsSeen: a step that goes wrong is an error and clears the stage.
func TestFailureIsSeen(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("PATH", "")
	var out bytes.Buffer
	if err := run(options{}, &out); err == nil {
		t.Errorf("no error without go and sh:\n%s", &out)
	}
	checkEmpty(t, temp)
	if code := exitCode(errors.New("some step")); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if code := exitCode(context.Canceled); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

// TestStepsAreHeld: the tour notices a command that does something else.
func TestStepsAreHeld(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("drives sh")
	}
	t.Setenv("TMPDIR", t.TempDir())
	s := &stage{}
	defer s.clear()
	if err := errors.Join(s.makeDirs(), s.startServer(), s.writeFiles()); err != nil {
		t.Fatal(err)
	}
	seat, err := sit(t.Context(), s.bare(), s.home, false)
	if err != nil {
		t.Fatal(err)
	}
	defer seat.leave()
	var out bytes.Buffer
	g := &guide{s, t.Context(), &out, seat}
	for name, c := range map[string]struct {
		line string
		want expectation
		fine bool
	}{
		"as expected":  {"echo a; (exit 3)", expectation{status: 3, shows: "a\n"}, true},
		"status":       {"(exit 3)", expectation{}, false},
		"text":         {"echo a", expectation{shows: "b"}, false},
		"not silent":   {"echo a", expectation{}, false},
		"call missing": {":", expectation{calls: "GetSessionToken"}, false},
	} {
		if err := g.do(c.line, c.want); (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := seat.do(ctx, "sleep 60", "", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that ends: %v", err)
	}
}
