package safeexec

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// insideVariable has the test binary run a script, through Run, on a terminal
// of its own; limitVariable is its timeout, and detachedVariable keeps the
// terminal from it.
const (
	insideVariable   = "AWSMFA_SAFEEXEC_TEST_SCRIPT"
	limitVariable    = "AWSMFA_SAFEEXEC_TEST_LIMIT"
	detachedVariable = "AWSMFA_SAFEEXEC_TEST_DETACHED"
)

func TestMain(m *testing.M) {
	if script := os.Getenv(insideVariable); script != "" {
		limit, err := time.ParseDuration(os.Getenv(limitVariable))
		if err != nil {
			panic(err)
		}
		command := Command{Argv: []string{script}, Env: os.Environ(), Stderr: os.Stdin, Timeout: limit}
		if os.Getenv(detachedVariable) == "" {
			command.Stdin = os.Stdin
		}
		out, err := Run(context.Background(), command)
		fmt.Printf("%q %v\n", out, errors.Is(err, ErrTimeout))
		// Its end would hang up the terminal, which the test looks at first.
		io.Copy(io.Discard, os.NewFile(3, "release"))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// onTerminal runs a script inside a fresh terminal, types an answer to its
// "? ", and returns the result and the terminal's mode before and after.
func onTerminal(t *testing.T, body, typed, limit string) (result string, before, after unix.Termios) {
	t.Helper()
	master, slave := openPTY(t)
	before = mode(t, master)
	held, release, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	defer release.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), insideVariable+"="+script(t, body)[0], limitVariable+"="+limit, "GORACE=atexit_sleep_ms=0")
	cmd.Stdin, cmd.Stderr, cmd.ExtraFiles = slave, os.Stderr, []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	go answer(master, typed)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), before, mode(t, master)
}

// answer types once the script has asked.
func answer(master *os.File, typed string) {
	shown := ""
	buf := make([]byte, 1024)
	for {
		n, err := master.Read(buf)
		if err != nil {
			return
		}
		if shown += string(buf[:n]); strings.Contains(shown, "? ") {
			io.WriteString(master, typed)
			shown = ""
		}
	}
}

func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no pseudo terminals: %v", err)
	}
	master = os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

func mode(t *testing.T, master *os.File) unix.Termios {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(master.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *mode
}

// TestRunOnATerminal has the program ask on the terminal that it was given and
// on /dev/tty, which takes that it is in the foreground.
func TestRunOnATerminal(t *testing.T) {
	got, _, _ := onTerminal(t, `printf '? ' >&2; read -r one; printf '? ' >/dev/tty; read -r two </dev/tty; echo "$one $two"`, "code\n", "30s")
	if got != `"code code\n" false` {
		t.Errorf("got %s", got)
	}
}

// TestRunGivesTheTerminalBack kills a program that has switched echo off and
// is deaf to the request to end.
func TestRunGivesTheTerminalBack(t *testing.T) {
	got, before, after := onTerminal(t, `trap '' TERM; stty -echo; echo off; while :; do sleep 1; done`, "", "1s")
	if got != `"" true` {
		t.Errorf("got %s", got)
	}
	if before != after {
		t.Errorf("mode %+v became %+v", before, after)
	}
}

// TestRunWithoutTerminal checks that a program that was given no terminal has
// none, and so fails at once where it would be stopped for asking there.
func TestRunWithoutTerminal(t *testing.T) {
	t.Setenv(detachedVariable, "yes")
	got, _, _ := onTerminal(t, `if read -r line </dev/tty; then echo "$line"; else echo none; fi 2>/dev/null`, "", "30s")
	if got != `"none\n" false` {
		t.Errorf("got %s", got)
	}
}
