package term

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The tests run this test binary once more as a process of its own on a
// pseudo terminal: partVariable says which part it plays, and it reports on its
// standard output, a pipe.
const partVariable = "AWSMFA_TERM_TEST_PART"

// waitVariable has the process wait at its end until the test has read what
// it showed: the kernel throws away what is unread when a session leader ends.
const waitVariable = "AWSMFA_TERM_TEST_WAIT"

// patience bounds every wait for another process; only a fault uses it up.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if part := os.Getenv(partVariable); part != "" {
		wait := os.Getenv(waitVariable) != ""
		os.Unsetenv(waitVariable) // its children need not wait
		play(part)
		if wait {
			os.Stdout.Close()
			io.Copy(io.Discard, os.NewFile(3, "release"))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// pty is the outside of a pseudo terminal and the process inside.
type pty struct {
	t       *testing.T
	master  *os.File
	name    string
	before  unix.Termios
	screen  *display
	shown   string // output so far, from where expect left off
	all     string // all output so far
	output  chan string
	reports *bufio.Reader
	release *os.File // closed to let the process end
	cmd     *exec.Cmd
}

const testColumns = 40

func startPTY(t *testing.T, part string, typed string) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	p := &pty{t: t, master: master, screen: newDisplay(testColumns), output: make(chan string)}
	p.control(func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0) })
	p.control(func(fd int) error {
		n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
		p.name = "/dev/pts/" + strconv.Itoa(n)
		return err
	})
	p.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: testColumns})
	})
	slave, err := os.OpenFile(p.name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	p.before = p.mode()
	p.screen.write("own line\r\n")
	go p.drain()
	p.typeIn(typed)
	p.start(part, slave)
	return p
}

func (p *pty) start(part string, slave *os.File) {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0], "-test.run=^$")
	// Without this the race detector has every process sleep for a second at its end.
	p.cmd.Env = append(os.Environ(), partVariable+"="+part, "GORACE=atexit_sleep_ms=0", waitVariable+"=1")
	p.cmd.Stdin = slave
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	reports, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.reports = bufio.NewReader(reports)
	held, release, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	defer held.Close()
	p.release = release
	p.cmd.ExtraFiles = []*os.File{held}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	watch := time.AfterFunc(patience, func() { unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL); reports.Close() })
	p.t.Cleanup(func() {
		watch.Stop()
		release.Close()
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
}

func (p *pty) control(do func(fd int) error) {
	p.t.Helper()
	var err error
	control(p.master, func(fd int) { err = do(fd) })
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pty) mode() (mode unix.Termios) {
	p.control(func(fd int) error {
		got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			mode = *got
		}
		return err
	})
	return mode
}

func (p *pty) drain() {
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		if err != nil {
			// EIO: the last process inside has closed the terminal.
			close(p.output)
			return
		}
		p.output <- string(buf[:n])
	}
}

func (p *pty) typeIn(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, s); err != nil {
		p.t.Fatal(err)
	}
}

// expect waits until the terminal has shown s, from where the last call left off.
func (p *pty) expect(s string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%q", s), func() bool { return strings.Contains(p.shown, s) })
	p.shown = p.shown[strings.Index(p.shown, s)+len(s):]
}

func (p *pty) until(what string, seen func() bool) {
	p.t.Helper()
	deadline := time.After(patience)
	for !seen() {
		select {
		case text, ok := <-p.output:
			if !ok {
				p.t.Fatalf("the terminal closed before %s; shown: %q", what, p.shown)
			}
			p.shown += text
			p.all += text
			p.screen.write(text)
		case <-deadline:
			p.t.Fatalf("never shown: %s; shown: %q; screen: %q", what, p.shown, p.screen)
		}
	}
}

// report returns the next line that the process inside reports.
func (p *pty) report(want string) {
	p.t.Helper()
	got, err := p.reports.ReadString('\n')
	if got = strings.TrimSuffix(got, "\n"); got != want {
		p.t.Fatalf("reported %q (%v), want %q", got, err, want)
	}
}

// end lets the process end and reads on until then.
func (p *pty) end() {
	p.t.Helper()
	p.release.Close()
	for text := range p.output {
		p.shown += text
		p.all += text
		p.screen.write(text)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the process inside: %v", err)
	}
}

// finish checks that the terminal is as it was: nothing on the screen but the
// user's own line, and the same mode.
func (p *pty) finish() {
	p.t.Helper()
	p.until("an empty screen", func() bool { return p.screen.String() == "own line" })
	if p.mode() != p.before {
		p.t.Errorf("the mode changed from %+v to %+v", p.before, p.mode())
	}
	p.end()
	if got := p.screen.String(); got != "own line" {
		p.t.Errorf("left on the screen: %q", got)
	}
}

// play is the inside.
func play(part string) {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	switch part, argument, _ := strings.Cut(part, ":"); part {
	case "read":
		read(ctx, argument)
	case "ready-read":
		fmt.Println("ready")
		read(ctx, argument)
	case "read-twice":
		read(ctx, argument)
		read(ctx, argument)
	case "read-then-stdin":
		read(ctx, argument)
		rest, err := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Printf("stdin %q %v\n", rest, err)
	case "secret":
		t := open()
		defer t.Close()
		line, err := t.ReadSecret(ctx, argument)
		reportRead(line, err)
	case "panicking":
		panicking()
	case "suspending-secret":
		suspendingSecret(ctx)
	case "suspending":
		suspending(ctx)
	case "choose":
		choose(ctx, strings.Split(argument, ","))
	case "names":
		names()
	case "say":
		t := open()
		t.Printf("said %s\n", "a\x1b[2Jb")
		fmt.Println("done")
	case "shell":
		shell(argument)
	case "inner-shell":
		innerShell(argument)
	default:
		panic("no such part: " + part)
	}
}

func open() *Terminal {
	t, err := Open()
	if err != nil {
		fmt.Printf("open: %v\n", err)
		os.Exit(0)
	}
	return t
}

func read(ctx context.Context, prompt string) {
	t := open()
	defer t.Close()
	if rest, dumb := strings.CutPrefix(prompt, "dumb "); dumb {
		t.Dumb, prompt = true, rest
	}
	line, err := t.ReadLine(ctx, prompt)
	reportRead(line, err)
}

func reportRead(line string, err error) {
	if err != nil {
		fmt.Printf("error %v\n", err)
		return
	}
	fmt.Printf("read %q\n", line)
}

// suspending does what a caller does about ErrSuspended.
func suspending(ctx context.Context) {
	t := open()
	for {
		line, err := t.ReadLine(ctx, "code: ")
		reportRead(line, err)
		if !errors.Is(err, ErrSuspended) {
			return
		}
		Suspend()
		fmt.Println("continued")
	}
}

// suspendingSecret shows the mode that the shell finds while it is stopped.
func suspendingSecret(ctx context.Context) {
	t := open()
	for {
		line, err := t.ReadSecret(ctx, "passphrase: ")
		reportRead(line, err)
		if !errors.Is(err, ErrSuspended) {
			return
		}
		fmt.Printf("echo %v\n", t.echoes())
		Suspend()
		fmt.Println("continued")
	}
}

// panicking is a question that ends in a panic.
func panicking() {
	t := open()
	defer func() {
		recover()
		fmt.Printf("echo %v\n", t.echoes())
	}()
	q := &question{Terminal: t}
	defer q.reveal()
	q.hide()
	fmt.Printf("echo %v\n", t.echoes())
	panic("lost")
}

func choose(ctx context.Context, options []string) {
	n, err := open().Choose(ctx, "which device", options)
	fmt.Printf("chose %d %v\n", n, err)
}

func names() {
	t, err := Open()
	if err != nil {
		fmt.Printf("open: none %v, available %v, attached %q\n", errors.Is(err, ErrNone), Available(), Attached())
		return
	}
	fmt.Printf("open: %q, available %v, attached %q, width %d, terminal %v\n",
		t.Name(), Available(), Attached(), Width(os.Stdin), IsTerminal(os.Stdin))
}

// shell is a job control shell that runs one job: it plays argument
// "PART" in the foreground, or "&PART" in the background.
func shell(argument string) {
	signal.Ignore(unix.SIGTTOU, unix.SIGTSTP)
	part, background := strings.CutPrefix(argument, "&")
	// A shell that took the terminal away: "-" before the part.
	part, takes := strings.CutPrefix(part, "-")
	job := exec.Command(os.Args[0], "-test.run=^$")
	job.Env = append(os.Environ(), partVariable+"="+part)
	job.Stdin, job.Stdout, job.Stderr = os.Stdin, os.Stdout, os.Stderr
	job.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Foreground: !background, Ctty: 0}
	// A real shell gives its jobs the default actions back.
	restore := make(chan os.Signal, 1)
	signal.Notify(restore, unix.SIGTTOU, unix.SIGTSTP)
	if err := job.Start(); err != nil {
		panic(err)
	}
	signal.Ignore(unix.SIGTTOU, unix.SIGTSTP)
	if takes {
		waitForPrompt()
		foreground(unix.Getpgrp())
	}
	for {
		var status unix.WaitStatus
		if _, err := unix.Wait4(job.Process.Pid, &status, unix.WUNTRACED, nil); err != nil {
			panic(err)
		}
		if !status.Stopped() {
			foreground(unix.Getpgrp())
			fmt.Printf("shell: job ended %d\n", status.ExitStatus())
			return
		}
		foreground(unix.Getpgrp())
		fmt.Println("shell: job stopped")
		foreground(job.Process.Pid)
		unix.Kill(-job.Process.Pid, unix.SIGCONT)
	}
}

// waitForPrompt waits for a sign from the test that the prompt is there.
func waitForPrompt() {
	signalled := make(chan os.Signal, 1)
	signal.Notify(signalled, unix.SIGUSR1)
	fmt.Println("shell: ready")
	<-signalled
}

func foreground(group int) {
	if err := unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, group); err != nil {
		panic(err)
	}
}

// innerShell is an interactive shell inside another one that runs a part in
// a command substitution: in its own group. It ignores ^Z for itself, and for the
// part unless argument begins with "+", as zsh does.
func innerShell(argument string) {
	part, resets := strings.CutPrefix(argument, "+")
	if resets {
		signal.Notify(make(chan os.Signal, 1), unix.SIGTSTP)
	} else {
		signal.Ignore(unix.SIGTSTP)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), partVariable+"="+part)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		panic(err)
	}
}

func TestReadLine(t *testing.T) {
	for _, c := range []struct{ name, prompt, typed, want string }{
		{"a code", "code: ", "123456\n", `read "123456"`},
		{"edited", "code: ", "12x\x7f3456\n", `read "123456"`},
		{"empty", "code: ", "\n", `read ""`},
		{"end of input", "code: ", "\x04", "error EOF"},
		{"end after text", "code: ", "12\x04\x04", `read "12"`},
		{"wrapping answer", "code: ", strings.Repeat("1", 100) + "\n", `read "` + strings.Repeat("1", 100) + `"`},
		{"full row", "code: ", strings.Repeat("1", testColumns-6) + "\n", `read "` + strings.Repeat("1", testColumns-6) + `"`},
		{"wrapping prompt", strings.Repeat("p", 70) + ": ", "1\n", `read "1"`},
		{"utf-8", "code: ", "é日\n", `read "é日"`},
		{"interrupt", "code: ", "12\x03", "error interrupt signal received"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startPTY(t, "read:"+c.prompt, "")
			p.expect(c.prompt)
			p.typeIn(c.typed)
			p.report(c.want)
			p.finish()
		})
	}
}

// TestReadLineTooLong leaves what scrolled off alone, and nothing of the line
// to the next question.
func TestReadLineTooLong(t *testing.T) {
	p := startPTY(t, "read-twice:code: ", "")
	p.expect("code: ")
	p.typeIn(strings.Repeat("x", MaxLine+500) + "\n")
	p.report("error " + ErrTooLong.Error())
	p.expect("code: ")
	p.typeIn("123456\n")
	p.report(`read "123456"`)
	p.expect("\r\x1b[1A\x1b[J")
	p.end()
}

func TestReadLineTypedAhead(t *testing.T) {
	p := startPTY(t, "read-twice:code: ", "")
	p.expect("code: ")
	p.typeIn("111111\n222222\n")
	p.report(`read "111111"`)
	p.report(`read "222222"`)
	p.end()
}

// TestReadLineTypedBefore types before the process has begun: the echo then
// stands above the prompt, and is not the question's to erase.
func TestReadLineTypedBefore(t *testing.T) {
	p := startPTY(t, "read:code: ", "123456\n")
	p.report(`read "123456"`)
	p.expect("code: \r\x1b[J")
	p.end()
	if got := p.screen.String(); got != "own line\n123456" {
		t.Errorf("left on the screen: %q", got)
	}
}

func TestReadLineShowsNoControls(t *testing.T) {
	p := startPTY(t, "read:code\x1b[2J\x07\n: ", "")
	p.expect("code?[2J? : ")
	p.typeIn("1\n")
	p.report(`read "1"`)
	p.finish()
}

func TestReadLineOnADumbTerminal(t *testing.T) {
	p := startPTY(t, "read:dumb code: ", "")
	p.expect("code: ")
	p.typeIn("123456\n")
	p.report(`read "123456"`)
	p.expect("123456\r\n")
	p.end()
	if p.shown != "" {
		t.Errorf("shown after the prompt: %q", p.shown)
	}
}

// TestReadLineCancelled ends the context from outside. What is typed then
// belongs to whoever reads next.
func TestReadLineCancelled(t *testing.T) {
	p := startPTY(t, "read-then-stdin:code: ", "")
	p.expect("code: ")
	p.cmd.Process.Signal(unix.SIGTERM)
	p.report("error terminated signal received")
	p.expect("\x1b[J")
	p.typeIn("next\n")
	p.report(`stdin "next\n" <nil>`)
	if p.mode() != p.before {
		t.Error("the mode changed")
	}
}

// TestReadLineHeld holds the output with ^S: the prompt cannot be shown, and
// ending the context still ends the question.
func TestReadLineHeld(t *testing.T) {
	p := startPTY(t, "ready-read:code: ", "\x13")
	p.report("ready")
	p.cmd.Process.Signal(unix.SIGTERM)
	p.report("error terminated signal received")
	p.typeIn("\x11")
}

func TestReadLineInRawMode(t *testing.T) {
	for typed, want := range map[string]string{
		"123456\r": `read "123456"`,
		"\x04":     "error EOF",
		"1\x03":    "error EOF",
	} {
		p := startPTY(t, "shell:read:code: ", "")
		p.control(func(fd int) error {
			raw := p.before
			raw.Iflag &^= unix.ICRNL | unix.IXON
			raw.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG | unix.IEXTEN
			raw.Oflag &^= unix.OPOST
			p.before = raw
			return unix.IoctlSetTermios(fd, unix.TCSETS, &raw)
		})
		p.expect("code: ")
		p.typeIn(typed)
		p.report(want)
		p.report("shell: job ended 0")
		p.finish()
	}
}

func TestSuspend(t *testing.T) {
	p := startPTY(t, "shell:suspending", "")
	for range 2 { // the second ^Z must work as the first
		p.expect("code: ")
		p.typeIn("12\x1a")
		p.report("error " + ErrSuspended.Error())
		p.report("shell: job stopped")
		p.report("continued")
	}
	p.expect("code: ")
	p.typeIn("123456\n")
	p.report(`read "123456"`)
	p.report("shell: job ended 0")
	p.finish()
}

// TestSuspendLater types ^Z when nothing is asked any more.
func TestSuspendLater(t *testing.T) {
	p := startPTY(t, "shell:read-then-stdin:code: ", "")
	p.expect("code: ")
	p.typeIn("1\n")
	p.report(`read "1"`)
	p.typeIn("\x1a")
	p.report("shell: job stopped")
	p.typeIn("next\n")
	p.report(`stdin "next\n" <nil>`)
	p.report("shell: job ended 0")
	p.end()
}

// TestNoSuspend types ^Z where a stopped process would never be continued.
func TestNoSuspend(t *testing.T) {
	for name, part := range map[string]string{
		"session leader":                        "read:code: ",
		"substitution, ^Z ignored":              "shell:inner-shell:read:code: ",
		"substitution with the default for ^Z ": "shell:inner-shell:+read:code: ",
	} {
		t.Run(name, func(t *testing.T) {
			p := startPTY(t, part, "")
			p.expect("code: ")
			p.typeIn("\x1a")
			p.expect("^Z")
			p.typeIn("123456\n")
			p.report(`read "123456"`)
		})
	}
}

func TestBackground(t *testing.T) {
	p := startPTY(t, "shell:&names", "")
	p.report(fmt.Sprintf("open: none true, available false, attached %q", p.name))
	p.report("shell: job ended 0")
	p.finish()
}

// TestBecomingBackground takes the terminal away while the job asks: it must
// neither be stopped nor draw on the screen that is now another's.
func TestBecomingBackground(t *testing.T) {
	p := startPTY(t, "shell:-read:code: ", "")
	p.report("shell: ready")
	p.expect("code: ")
	p.cmd.Process.Signal(unix.SIGUSR1)
	p.report("error " + ErrBackground.Error())
	p.report("shell: job ended 0")
	p.end()
	if p.shown != "" {
		t.Errorf("shown in the background: %q", p.shown)
	}
}

func TestNames(t *testing.T) {
	p := startPTY(t, "names", "")
	p.report(fmt.Sprintf("open: %q, available true, attached %q, width %d, terminal true", p.name, p.name, testColumns))
	p.finish()
}

func TestNoTerminal(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), partVariable+"=names")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	start := time.Now()
	out, err := cmd.Output()
	if want := "open: none true, available false, attached \"\"\n"; string(out) != want || err != nil {
		t.Errorf("reported %q, %v", out, err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestChoose(t *testing.T) {
	p := startPTY(t, "choose:arn:aws:iam::123456789012:mfa/one,evil\x1b[2J\x07,"+strings.Repeat("l", 200), "")
	for _, typed := range []string{"0\n", "four\n"} {
		p.expect("which device [1-3]: ")
		p.typeIn(typed)
		p.expect("\x1b[J")
	}
	p.expect("2  evil?[2J?")
	p.expect("which device [1-3]: ")
	p.typeIn(" 2 \n")
	p.report("chose 1 <nil>")
	p.finish()
}

func TestChooseGivesUp(t *testing.T) {
	p := startPTY(t, "choose:one,two", "")
	for range choiceTries {
		p.expect("which device [1-2]: ")
		p.typeIn("9\n")
	}
	p.report("chose 0 " + ErrNoChoice.Error())
	p.finish()
}

func TestPrintf(t *testing.T) {
	p := startPTY(t, "say", "")
	p.expect("said a?[2Jb")
	p.report("done")
}

func TestProcStatus(t *testing.T) {
	s := procStatus("Name:\tx\nPPid:\t42\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000080000\nSigCgt:\tzz\n")
	if got := string(s.field("PPid:")); got != "42" {
		t.Errorf("PPid %q", got)
	}
	if !s.has("SigIgn:", unix.SIGTSTP) || s.has("SigIgn:", unix.SIGTTIN) || s.has("SigBlk:", unix.SIGTSTP) ||
		s.has("SigCgt:", unix.SIGTSTP) || procStatus(nil).has("SigIgn:", unix.SIGTSTP) {
		t.Error("signal masks misread")
	}
}

func TestIsTerminalAndWidth(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	if IsTerminal(f) || IsTerminal(nil) || Width(f) != 80 {
		t.Error("a file is taken for a terminal")
	}
	f.Close()
	if IsTerminal(f) {
		t.Error("a closed file is taken for a terminal")
	}
}

func (p *pty) untilEcho(on bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); p.mode().Lflag&unix.ECHO != 0 != on; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("the echo is never %v", on)
		}
	}
}

func TestReadSecret(t *testing.T) {
	p := startPTY(t, "secret:passphrase: ", "")
	p.expect("passphrase: ")
	p.untilEcho(false)
	p.typeIn("hush hush\n")
	p.report(`read "hush hush"`)
	p.finish()
	if strings.Contains(p.all, "hush") {
		t.Errorf("it was shown: %q", p.all)
	}
}

// Whatever ends the question, the echo is on again.
func TestSecretEnds(t *testing.T) {
	for _, c := range []struct {
		name, typed string
		signal      unix.Signal
		want        string
	}{
		{"end of input", "\x04", 0, "error EOF"},
		{"^C", "\x03", 0, "error interrupt signal received"},
		{"terminated", "", unix.SIGTERM, "error terminated signal received"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startPTY(t, "secret:passphrase: ", "")
			p.expect("passphrase: ")
			p.untilEcho(false)
			if p.typeIn(c.typed); c.signal != 0 {
				unix.Kill(p.cmd.Process.Pid, c.signal)
			}
			p.report(c.want)
			p.finish()
		})
	}
}

func TestSecretPanics(t *testing.T) {
	p := startPTY(t, "panicking", "")
	p.report("echo false")
	p.report("echo true")
	p.finish()
}

// ^Z: the shell finds the terminal as it was, and the question comes back hidden.
func TestSuspendedSecret(t *testing.T) {
	p := startPTY(t, "shell:suspending-secret", "")
	p.expect("passphrase: ")
	p.untilEcho(false)
	p.typeIn("half\x1a")
	p.report("error suspended while asking")
	p.report("echo true")
	p.report("shell: job stopped")
	p.report("continued")
	p.expect("passphrase: ")
	p.untilEcho(false)
	p.typeIn("whole\n")
	p.report(`read "whole"`)
	p.report("shell: job ended 0")
	p.finish()
	if strings.Contains(p.all, "hal") || strings.Contains(p.all, "who") {
		t.Errorf("it was shown: %q", p.all)
	}
}

// A shell that puts its mode back while the job is stopped by kill -STOP does
// not make the secret visible, and its mode is what stays.
func TestSecretAfterAnothersMode(t *testing.T) {
	p := startPTY(t, "secret:passphrase: ", "")
	p.expect("passphrase: ")
	p.untilEcho(false)
	p.control(func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, &p.before) })
	p.untilEcho(false)
	p.typeIn("hush\n")
	p.report(`read "hush"`)
	p.finish()
	if strings.Contains(p.all, "hush") {
		t.Errorf("it was shown: %q", p.all)
	}
}
