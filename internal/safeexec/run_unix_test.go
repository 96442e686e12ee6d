//go:build unix

package safeexec

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// script returns the argv of a shell script in a directory of the test's own.
func script(t *testing.T, body string, args ...string) []string {
	t.Helper()
	return append([]string{program(t, filepath.Join(t.TempDir(), "helper"), 0o755, body)}, args...)
}

// env is what the scripts need to find sleep and the like.
func env() []string { return []string{"PATH=" + os.Getenv("PATH")} }

func TestRun(t *testing.T) {
	t.Setenv("INHERITED", "leaked")
	for _, c := range []struct {
		label, body string
		args        []string
		env         []string
		want        string
	}{
		{"output", `printf '%s\n' "$@"`, []string{"a b", "$(id)", "*"}, nil, "a b\n$(id)\n*\n"},
		{"given environment", `echo "$GIVEN"`, nil, []string{"GIVEN=yes"}, "yes\n"},
		{"no environment of ours", `echo "[$INHERITED]"`, nil, nil, "[]\n"},
		{"no input", `read -r line; echo "[$line] $?"`, nil, nil, "[] 1\n"},
		{"full but not over", `head -c 65536 /dev/zero | tr '\0' x`, nil, env(), strings.Repeat("x", MaxOutput)},
		{"lots of stderr", `head -c 300000 /dev/zero >&2; echo done`, nil, env(), "done\n"},
		{"a child keeps the output", `sleep 60 & echo "answer"`, nil, env(), "answer\n"},
	} {
		t.Run(c.label, func(t *testing.T) {
			got, err := Run(t.Context(), Command{Argv: script(t, c.body, c.args...), Env: c.env})
			if string(got) != c.want || err != nil {
				t.Errorf("got %.80q, %v", got, err)
			}
		})
	}
}

func TestRunFailures(t *testing.T) {
	const secret = "wJalrXUtnFEMI"
	for _, c := range []struct {
		label, body string
		want        string // in the error
		is          error
	}{
		{"exit code", `echo ` + secret + `; exit 3`, `program "helper": exit code 3`, nil},
		{"last words", `echo "no\033[2J device" >&2; exit 1`, `exit code 1: no`, nil},
		{"signal", `kill -9 $$`, `exit code 137`, nil},
		{"too long", `head -c 65537 /dev/zero; sleep 60`, "too long", ErrTooLong},
		{"endless", `while :; do echo ` + secret + `; done`, "too long", ErrTooLong},
		{"too slow", `echo ` + secret + `; sleep 60`, "no answer in time (300ms)", ErrTimeout},
	} {
		t.Run(c.label, func(t *testing.T) {
			command := Command{Argv: script(t, c.body), Env: env()}
			if c.is == ErrTimeout {
				command.Timeout = 300 * time.Millisecond
			}
			out, err := Run(t.Context(), command)
			if err == nil || out != nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("got %q, %v", out, err)
			}
			if strings.ContainsAny(err.Error(), "\x1b\n") || strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows what it must not: %q", err)
			}
			var exit *ExitError
			if errors.As(err, &exit) != (c.is == nil) {
				t.Errorf("error type %T", err)
			}
		})
	}
}

func TestRunRefusesRelative(t *testing.T) {
	t.Chdir(filepath.Dir(script(t, "")[0]))
	for _, argv := range [][]string{nil, {"helper"}, {"./helper"}, {""}} {
		if _, err := Run(t.Context(), Command{Argv: argv}); !errors.Is(err, ErrNotAbsolute) {
			t.Errorf("%q: %v", argv, err)
		}
	}
	if _, err := Run(t.Context(), Command{Argv: []string{"/nonexistent/program"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

func TestRunEndsWithContext(t *testing.T) {
	cause := errors.New("the user interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	started := filepath.Join(t.TempDir(), "started")
	go func() {
		await(t, started)
		cancel(cause)
	}()
	_, err := Run(ctx, Command{Argv: script(t, `: >"$1"; sleep 60`, started), Env: env()})
	if !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
}

// TestRunKillsTheGroup has a program and its child ignore the request to end.
func TestRunKillsTheGroup(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	body := `trap '' TERM; sh -c 'trap "" TERM; echo $$ >>"$1"; while :; do sleep 1; done' sh "$1" &
echo $$ >>"$1"; while :; do sleep 1; done`
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for strings.Count(await(t, pids), "\n") < 2 {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	if _, err := Run(ctx, Command{Argv: script(t, body, pids), Env: env()}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for _, line := range strings.Fields(await(t, pids)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d survived", pid)
			}
		}
	}
}

// TestRunWakesTheStopped lets a program that was stopped tidy up.
func TestRunWakesTheStopped(t *testing.T) {
	tidied := filepath.Join(t.TempDir(), "tidied")
	body := `trap ': >"$1"; exit' TERM; kill -STOP $$; sleep 60`
	_, err := Run(t.Context(), Command{Argv: script(t, body, tidied), Env: env(), Timeout: 300 * time.Millisecond})
	if !errors.Is(err, ErrTimeout) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(tidied); err != nil {
		t.Error("it was killed without being asked to end")
	}
}

// alive counts a zombie, which waits only for its new parent, as dead.
func alive(pid int) bool {
	if unix.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

// await waits until a script has written a file, and returns its text.
func await(t *testing.T, path string) string {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil {
			return string(text)
		}
		if time.Now().After(deadline) {
			t.Errorf("%s never came", path)
			return "\n\n"
		}
	}
}

func TestRunPassesStreams(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "input")
	if err := os.WriteFile(input, []byte("typed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdin, err := os.Open(input)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	_, err = Run(t.Context(), Command{
		Argv: script(t, `read -r line; echo "said $line" >&2; exit 4`), Stdin: stdin, Stderr: stderr,
	})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 4 || exit.Stderr != "" {
		t.Errorf("error %v", err)
	}
	if said, _ := os.ReadFile(stderr.Name()); string(said) != "said typed\n" {
		t.Errorf("stderr %q", said)
	}
}

func TestExitErrorText(t *testing.T) {
	long := &ExitError{Program: "p", Code: 1, Stderr: strings.Repeat("a", 1000) + "the end"}
	if s := long.Error(); len([]rune(s)) > 450 || !strings.HasSuffix(s, "the end") {
		t.Errorf("%d runes: %s", len([]rune(s)), s)
	}
}
