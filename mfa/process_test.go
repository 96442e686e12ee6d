package mfa

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"awsmfa/internal/safeexec"
)

// The test binary plays the program: programMode says which one, so that the
// tests need no shell and run on every system.
const programMode = "MFA_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if mode, found := os.LookupEnv(programMode); found {
		os.Exit(playProgram(mode))
	}
	os.Exit(m.Run())
}

// playProgram does what mode says: words to print, or a way to fail.
func playProgram(mode string) int {
	verb, rest, _ := strings.Cut(mode, ":")
	switch verb {
	case "print":
		fmt.Print(rest)
	case "fail":
		fmt.Println("123456")
		fmt.Fprint(os.Stderr, rest)
		return 1
	case "hang":
		signal.Ignore(syscall.SIGTERM)
		for {
			time.Sleep(time.Hour)
		}
	case "count": // a generator: the next code of the file each time
		codes, _ := os.ReadFile(rest)
		first, others, _ := strings.Cut(string(codes), "\n")
		os.WriteFile(rest, []byte(others), 0o600)
		fmt.Println(first)
	case "echo": // what stands on the input
		in, _ := io.ReadAll(os.Stdin)
		fmt.Fprintf(os.Stderr, "asked on stderr")
		fmt.Printf("%s", in)
	case "environment":
		fmt.Println(len(os.Environ()))
		for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "HOME", "PATH"} {
			if _, found := os.LookupEnv(name); found {
				return 1
			}
		}
		fmt.Println("123456")
	case "flood":
		fmt.Print(strings.Repeat("x", safeexec.MaxOutput+1))
	}
	return 0
}

// program is a Process that plays mode.
func program(t testing.TB, mode string) *Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A binary built with -race sleeps a second at its end unless told not to.
	env := []string{programMode + "=" + mode, "GORACE=atexit_sleep_ms=0"}
	return &Process{Line: quoteWord(self) + " --seed NEVERSHOWN", Env: env}
}

func quoteWord(s string) string {
	if filepath.Separator == '\\' {
		return `"` + s + `"`
	}
	return "'" + s + "'"
}

// noSleep fails the test when anything waits.
func noSleep(t *testing.T) func(context.Context, time.Duration) error {
	return func(_ context.Context, d time.Duration) error {
		t.Errorf("waited for %v", d)
		return nil
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestProcessOutput(t *testing.T) {
	for _, c := range []struct {
		mode, code string
		want       error
		says       string
	}{
		{"print:123456\n", "123456", nil, ""},
		{"print:976249 lasts 24s", "976249", nil, ""},
		{"print:\x1b[32m123 456 \x1b[0m or 654321", "654321", nil, ""},
		{"print:", "", ErrSilent, "it is empty"},
		{"print:\r\n", "", ErrSilent, "it is empty"},
		{"print:1234567\n", "", ErrNoDigits, "no code of six digits"},
		{"print:111111 222222", "", ErrSeveralCodes, "more than one code"},
		{"print:\x1b]0;NEVERSHOWN\x07\x1b[2J", "", ErrNoDigits, "no code of six digits"},
		{"flood:", "", safeexec.ErrTooLong, "too long"},
	} {
		chain := Chain{Process: program(t, c.mode), Sleep: noSleep(t)}
		code, origin, err := chain.Next(t.Context(), devRequest)
		if code.Text() != c.code || origin != FromProcess || !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%q: %q from %v, %v", c.mode, code.Text(), origin, err)
		}
		if err != nil {
			checkProcessError(t, err, c.says)
		}
	}
}

func checkProcessError(t *testing.T, err error, says string) {
	t.Helper()
	var processErr *ProcessError
	if !errors.As(err, &processErr) {
		t.Errorf("%v is no ProcessError", err)
	}
	s := err.Error()
	if !strings.HasPrefix(s, "mfa_process: ") || !strings.Contains(s, says) {
		t.Errorf("says %q, want %q", s, says)
	}
	if strings.Contains(s, "NEVERSHOWN") || strings.ContainsAny(s, "\x1b\x07\n\r") {
		t.Errorf("the error shows too much: %q", s)
	}
}

func TestProcessFails(t *testing.T) {
	chain := Chain{Process: program(t, "fail:\x1b[31mno key\r\nplugged in\x07")}
	_, _, err := chain.Next(t.Context(), devRequest)
	var exit *safeexec.ExitError
	if !errors.As(err, &exit) || exit.Code != 1 {
		t.Fatalf("Next: %v", err)
	}
	checkProcessError(t, err, "exit code 1")
	checkProcessError(t, err, "plugged in")
}

func TestProcessHangs(t *testing.T) {
	p := program(t, "hang:")
	p.Timeout = 50 * time.Millisecond
	_, _, err := (&Chain{Process: p}).Next(t.Context(), devRequest)
	if !errors.Is(err, safeexec.ErrTimeout) {
		t.Fatalf("Next: %v", err)
	}
	checkProcessError(t, err, "no answer in time")
}

func TestProcessInterrupted(t *testing.T) {
	stop := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	p := program(t, "hang:")
	time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
	if _, _, err := (&Chain{Process: p}).Next(ctx, devRequest); !errors.Is(err, stop) {
		t.Fatalf("Next: %v", err)
	}
}

func TestProcessCannotStart(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	writeFile(t, plain, "123456")
	for _, c := range []struct {
		line string
		want error
	}{
		{"", safeexec.ErrSyntax},
		{"   ", safeexec.ErrSyntax},
		{"no-such-program-here NEVERSHOWN", safeexec.ErrNotFound},
		{"./plain NEVERSHOWN", safeexec.ErrNotAbsolute},
		{quoteWord(filepath.Join(dir, "missing")) + " NEVERSHOWN", safeexec.ErrNotFound},
	} {
		chain := Chain{Process: &Process{Line: c.line, Path: dir}}
		_, _, err := chain.Next(t.Context(), devRequest)
		if !errors.Is(err, c.want) {
			t.Errorf("%q: %v, want %v", c.line, err, c.want)
			continue
		}
		checkProcessError(t, err, "")
	}
}

func TestProcessIsFoundInPath(t *testing.T) {
	p := program(t, "print:123456")
	self, _ := os.Executable()
	p.Line, p.Path = filepath.Base(self), filepath.Dir(self)
	if code, _, err := (&Chain{Process: p}).Next(t.Context(), devRequest); err != nil || code.Text() != "123456" {
		t.Errorf("%q, %v", code.Text(), err)
	}
}

func TestProcessEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "NEVERSHOWN")
	chain := Chain{Process: program(t, "environment:")}
	if code, _, err := chain.Next(t.Context(), devRequest); err != nil || code.Text() != "123456" {
		t.Errorf("%q, %v", code.Text(), err)
	}
}

// The program reads and complains on the terminal that it is handed, and has
// an empty input without one or when input is turned off.
func TestProcessTerminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tty")
	for _, c := range []struct {
		name    string
		noInput bool
		err     error
		want    error
	}{
		{"handed over", false, nil, nil},
		{"no terminal", false, errNoTerminal, ErrSilent},
		{"no input", true, nil, ErrSilent},
	} {
		writeFile(t, path, "123456\n")
		opened := false
		p := program(t, "echo:")
		p.Terminal = func() (*os.File, error) {
			opened = true
			if c.err != nil {
				return nil, c.err
			}
			return os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
		}
		code, _, err := (&Chain{Process: p, NoInput: c.noInput}).Next(t.Context(), devRequest)
		if !errors.Is(err, c.want) || (err == nil) != (code.Text() == "123456") {
			t.Errorf("%s: %q, %v", c.name, code.Text(), err)
		}
		if opened == c.noInput {
			t.Errorf("%s: opened %v", c.name, opened)
		}
		if asked := strings.Contains(readText(t, path), "asked on stderr"); asked != (c.want == nil) {
			t.Errorf("%s: stderr reached the terminal: %v", c.name, asked)
		}
	}
}

// A generator gives the spent code again: the chain waits for the next step
// and asks once more.
func TestProcessRepeat(t *testing.T) {
	for _, c := range []struct{ name, codes, code string }{
		{"another code next", "111111\n222222\n333333\n", "222222"},
		{"the same code for ever", "111111\n111111\n333333\n", ""},
	} {
		l, clock := newLedger(t)
		mustRecord(t, l, serial, "111111")
		file := filepath.Join(t.TempDir(), "codes")
		writeFile(t, file, c.codes)
		var shown []time.Duration
		slept := time.Duration(0)
		chain := Chain{
			Process:  program(t, "count:"+file),
			Ledger:   l,
			Notify:   func(s string) { t.Errorf("%s: said %q", c.name, s) },
			Progress: func(left time.Duration) { shown = append(shown, left) },
			Sleep: func(_ context.Context, d time.Duration) error {
				slept += d
				clock.advance(d)
				return nil
			},
		}
		code, _, err := chain.Next(t.Context(), devRequest)
		var repeat *RepeatError
		if code.Text() != c.code || (err == nil) != (c.code != "") || err != nil && !errors.As(err, &repeat) {
			t.Errorf("%s: %q, %v", c.name, code.Text(), err)
		}
		if slept != 17*time.Second || len(shown) != 18 || shown[0] != slept || shown[17] != 0 {
			t.Errorf("%s: slept %v, shown %v", c.name, slept, shown)
		}
		if rest := readText(t, file); rest != "333333\n" {
			t.Errorf("%s: the program was not asked twice: %q left", c.name, rest)
		}
	}
}

// Without a countdown the wait is announced in one line; and it can be ended.
func TestProcessRepeatInterrupted(t *testing.T) {
	l, _ := newLedger(t)
	mustRecord(t, l, serial, "111111")
	stop := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	var said []string
	chain := Chain{Process: program(t, "print:111111"), Ledger: l, Notify: func(s string) {
		said = append(said, s)
		cancel(stop)
	}}
	if _, _, err := chain.Next(ctx, devRequest); !errors.Is(err, stop) {
		t.Errorf("Next: %v", err)
	}
	if len(said) != 1 || said[0] != "code already used; next code in 17 s" {
		t.Errorf("said %q", said)
	}
}

func TestProcessIsNotAskedAfterARefusal(t *testing.T) {
	refusal := errors.New("refused by AWS")
	file := filepath.Join(t.TempDir(), "codes")
	writeFile(t, file, "111111\n")
	chain := Chain{Process: program(t, "count:"+file), Terminal: (&typist{}).open}
	_, _, err := chain.Next(t.Context(), Request{Serial: serial, Attempt: 2, Last: refusal})
	if !errors.Is(err, ErrNoOtherCode) || !errors.Is(err, refusal) {
		t.Errorf("Next: %v", err)
	}
	if readText(t, file) != "111111\n" {
		t.Error("the program was asked")
	}
}
