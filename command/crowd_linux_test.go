package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"awsmfa/internal/pty"
	"awsmfa/stsclient/ststest"
)

// crowd is a HOME with profiles, a server, and many processes at once.
type crowd struct {
	t      *testing.T
	server *ststest.Server
	user   *ststest.User
	home   string
	binary string // the test binary under the name awsmfa
}

// patience bounds every wait of these tests; only a fault uses it up.
const testPatience = 60 * time.Second

const crowdConfig = `[profile dev]
region = eu-west-1
mfa_serial = SERIAL
`

func newCrowd(t *testing.T, config string, options ...ststest.Option) *crowd {
	t.Helper()
	c := &crowd{t: t, server: ststest.New(options...), home: t.TempDir()}
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.server.Close() })
	c.user = c.server.NewUser("alice")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.binary = filepath.Join(t.TempDir(), "awsmfa")
	if err := os.Symlink(self, c.binary); err != nil {
		t.Fatal(err)
	}
	c.write("config", config)
	c.write("credentials", "[dev]\naws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\n")
	return c
}

func (c *crowd) write(name, text string) {
	c.t.Helper()
	text = strings.NewReplacer("SERIAL", c.user.MFASerial, "KEY_ID", c.user.AccessKeyID,
		"SECRET", c.user.SecretAccessKey, "ACCOUNT", c.user.Account).Replace(text)
	dir := filepath.Join(c.home, ".aws")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// command is one awsmfa, with nothing of our own environment.
func (c *crowd) command(args ...string) *exec.Cmd {
	cmd := exec.Command(c.binary, args...)
	cmd.Dir = c.home
	cmd.Env = []string{
		"HOME=" + c.home, "PATH=" + os.Getenv("PATH"), "AWSMFA_SHELL=bash", "TERM=xterm", quickExit,
		"AWS_ENDPOINT_URL_STS=" + c.server.URL(), "AWS_ENDPOINT_URL_IAM=" + c.server.URL(),
	}
	return cmd
}

// outcome is how one process ended.
type outcome struct {
	stdout, stderr string
	code           int
}

func exitOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Errorf("the process did not run: %v", err)
	return -1
}

// all runs the commands at once and waits for every one.
func (c *crowd) all(commands []*exec.Cmd) []outcome {
	c.t.Helper()
	outcomes := make([]outcome, len(commands))
	var wait sync.WaitGroup
	for i, cmd := range commands {
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			c.t.Fatal(err)
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			err := cmd.Wait()
			outcomes[i] = outcome{stdout.String(), stderr.String(), exitOf(c.t, err)}
		}()
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(testPatience):
		for _, cmd := range commands {
			cmd.Process.Kill()
		}
		<-done
		c.t.Fatal("processes hang")
	}
	return outcomes
}

func (c *crowd) calls(action string, want int) {
	c.t.Helper()
	if got := c.server.Calls(action); got != want {
		c.t.Errorf("%s was called %d times, want %d", action, got, want)
	}
	if twice := c.server.CodesSeenTwice(); len(twice) > 0 {
		c.t.Errorf("codes were sent twice: %+v", twice)
	}
}

func (c *crowd) many(n int, args ...string) []*exec.Cmd {
	list := make([]*exec.Cmd, n)
	for i := range list {
		list[i] = c.command(args...)
	}
	return list
}

func TestCrowdSharesOneCode(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	c.server.Fault(ststest.Fault{Match: ststest.OnAction("GetSessionToken"), Kind: ststest.Slow, Delay: 200 * time.Millisecond})
	outcomes := c.all(c.many(100, "env", "dev", "--token-code", c.user.NextCode()))
	for i, o := range outcomes {
		if o.code != 0 || o.stdout != outcomes[0].stdout || !strings.Contains(o.stdout, "export AWS_ACCESS_KEY_ID='ASIA") {
			t.Fatalf("process %d of 100: exit %d\n%s%s", i, o.code, o.stdout, o.stderr)
		}
	}
	c.calls("GetSessionToken", 1)
}

func TestCrowdOfRolesSharesOneSession(t *testing.T) {
	config, names := crowdConfig, []string{}
	for i := range 50 {
		name := fmt.Sprintf("role%d", i)
		config += fmt.Sprintf("[profile %s]\nrole_arn = arn:aws:iam::ACCOUNT:role/%s\nsource_profile = dev\n", name, name)
		names = append(names, name)
	}
	c := newCrowd(t, config)
	for _, name := range names {
		if err := c.server.AddRole(ststest.Role{ARN: "arn:aws:iam::" + c.user.Account + ":role/" + name, RequireMFA: true}); err != nil {
			t.Fatal(err)
		}
	}
	rounds := 1
	if long() {
		rounds = 20
	}
	for round := range rounds {
		code := c.user.NextCode()
		var commands []*exec.Cmd
		for _, name := range names {
			cmd := c.command("process", name, "--token-code", "-")
			cmd.Stdin = strings.NewReader(code + "\n")
			commands = append(commands, cmd)
		}
		for i, o := range c.all(commands) {
			if o.code != 0 {
				t.Fatalf("round %d, %s: exit %d\n%s", round, names[i], o.code, o.stderr)
			}
		}
		c.calls("GetSessionToken", round+1)
		c.calls("AssumeRole", 50*(round+1))
		c.must("logout --all")
	}
}

func TestCrowdFailsWithItsLeader(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	denied := ststest.Fault{Match: ststest.OnAction("GetSessionToken"), Kind: ststest.ErrorAnswer, Status: 403,
		Code: "AccessDenied", Message: "User is not authorized to perform: sts:GetSessionToken", Delay: 1500 * time.Millisecond}
	c.server.Fault(denied)
	began := time.Now()
	outcomes := c.all(c.many(20, "env", "dev", "--token-code", c.user.NextCode()))
	for i, o := range outcomes {
		if o.code != exitDenied || o.stdout != "false;\n" || firstLine(o.stderr) != firstLine(outcomes[0].stderr) {
			t.Fatalf("process %d: exit %d\n%s%s", i, o.code, o.stdout, o.stderr)
		}
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the waiters took %s to fail", took)
	}
	c.calls("GetSessionToken", 1)
}

func firstLine(s string) string {
	for _, line := range strings.Split(s, "\n") {
		if strings.HasPrefix(line, "awsmfa: error: ") {
			return line
		}
	}
	return s
}

// terminal is a pseudo terminal with a script in it that runs many awsmfa.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	mu     sync.Mutex
	shown  strings.Builder
	before string // shown before the last forget
	more   chan struct{}
}

// onTerminal runs a shell script in front of a terminal, as a user's own would be.
func (c *crowd) onTerminal(script string) *terminal {
	c.t.Helper()
	master, tty, err := pty.Open(24, 200)
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", script)
	like := c.command()
	cmd.Dir, cmd.Env = like.Dir, append(like.Env, "AWSMFA="+c.binary)
	pty.Control(cmd, tty)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	tty.Close()
	tm := &terminal{t: c.t, master: master, cmd: cmd, more: make(chan struct{}, 1)}
	go tm.drain()
	c.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its own session: only what we started
		master.Close()
	})
	return tm
}

func (tm *terminal) drain() {
	buf := make([]byte, 4096)
	for {
		n, err := tm.master.Read(buf)
		tm.mu.Lock()
		tm.shown.Write(buf[:n])
		tm.mu.Unlock()
		select {
		case tm.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (tm *terminal) screen() string {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	return tm.shown.String()
}

// until waits for text on the screen.
func (tm *terminal) until(text string) {
	tm.t.Helper()
	deadline := time.After(testPatience)
	for !strings.Contains(tm.screen(), text) {
		select {
		case <-tm.more:
		case <-deadline:
			tm.t.Fatalf("%q never came; the screen shows:\n%s", text, tm.screen())
		}
	}
}

func (tm *terminal) typeIn(text string) {
	tm.t.Helper()
	if _, err := io.WriteString(tm.master, text); err != nil {
		tm.t.Fatal(err)
	}
}

const prompt = "MFA code for dev"

func TestOnePromptOnOneTerminal(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	tm := c.onTerminal(`for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		{ "$AWSMFA" env dev </dev/null >out.$i; echo "$?" >code.$i; } & done; wait; cat code.*; echo finished; stty -a`)
	tm.until(prompt)
	tm.typeIn(c.user.NextCode() + "\n")
	tm.until("finished")
	tm.until("echo ")
	if n := strings.Count(tm.screen(), prompt); n != 1 {
		t.Errorf("%d prompts on the screen:\n%s", n, tm.screen())
	}
	if strings.Contains(tm.screen(), "waiting for") {
		t.Errorf("the prompt was torn apart:\n%s", tm.screen())
	}
	first, err := os.ReadFile(filepath.Join(c.home, "out.1"))
	if err != nil || !strings.HasPrefix(string(first), "unset ") {
		t.Fatalf("%v: %s", err, first)
	}
	for i := 2; i <= 20; i++ {
		if text, err := os.ReadFile(filepath.Join(c.home, fmt.Sprintf("out.%d", i))); err != nil || string(text) != string(first) {
			t.Errorf("process %d printed something else: %v", i, err)
		}
	}
	c.calls("GetSessionToken", 1)
}

func TestNextTakesOverFromAKilledLeader(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	leader := c.onTerminal(`exec "$AWSMFA" env dev`)
	leader.until(prompt)
	next := c.onTerminal(`"$AWSMFA" env dev >out; echo "exit $?"`)
	next.until("waiting for another awsmfa (pid ")
	if strings.Contains(next.screen(), prompt) {
		t.Fatal("two prompts at once")
	}
	if !strings.Contains(next.screen(), " on /dev/pts/") {
		t.Errorf("the wait does not name the terminal:\n%s", next.screen())
	}
	leader.cmd.Process.Kill()
	next.until(prompt)
	next.typeIn(c.user.NextCode() + "\n")
	next.until("exit 0")
	c.calls("GetSessionToken", 1)
}

func TestInterruptEndsAllOnTheTerminal(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	tm := c.onTerminal(`trap : INT; for i in 1 2 3 4 5; do { "$AWSMFA" env dev >out.$i 2>err.$i; echo "code $?" >code.$i; } & done
		wait; wait; echo; cat code.*; cat out.*; stty -a; echo finished`)
	tm.until(prompt)
	c.untilWaiting(4) // an interrupt that comes before they wait is not theirs
	tm.typeIn("12\x03")
	tm.until("finished")
	if n := strings.Count(tm.screen(), prompt); n != 1 {
		t.Errorf("%d prompts:\n%s", n, tm.screen())
	}
	if n := strings.Count(tm.screen(), "code 130"); n != 5 {
		t.Errorf("%d of 5 were interrupted:\n%s", n, tm.screen())
	}
	if strings.Contains(tm.screen(), "-echo ") || !strings.Contains(tm.screen(), " echo ") {
		t.Errorf("echo is off:\n%s", tm.screen())
	}
	c.calls("GetSessionToken", 0)
}

// untilWaiting waits until n processes said, in files err.*, that they wait.
func (c *crowd) untilWaiting(n int) {
	c.t.Helper()
	for deadline := time.Now().Add(testPatience); ; time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(c.home, "err*"))
		if err != nil {
			c.t.Fatal(err)
		}
		waiting := 0
		for _, f := range files {
			if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), "waiting for another awsmfa (pid ") {
				waiting++
			}
		}
		if waiting >= n {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%d of %d wait", waiting, n)
		}
	}
}

func TestInterruptReachesOtherGroups(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	// The second one waits in a process group of its own: ^C does not reach it.
	tm := c.onTerminal(`set -m; { until test -e go; do sleep 0.05; done; "$AWSMFA" env dev --token-code 123456 2>err >out; echo "waiter $?"; } &
		"$AWSMFA" env dev; echo "leader $?"; wait; cat err`)
	tm.until(prompt)
	if err := os.WriteFile(filepath.Join(c.home, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.untilWaiting(1)
	tm.typeIn("\x03")
	tm.until("waiter 130")
	tm.until("leader 130")
	tm.until("interrupted at the other prompt")
	c.calls("GetSessionToken", 0)
}

func TestSuspendedPromptLetsOthersIn(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	tm := c.onTerminal(`set -m; "$AWSMFA" env dev >out; echo "stopped $?"; "$AWSMFA" env dev --token-code ` + c.user.NextCode() +
		` >other; echo "other $?"; fg >/dev/null; echo "resumed $?"; cmp out other && echo same`)
	tm.until(prompt)
	tm.typeIn("\x1a")
	tm.until("other 0")
	tm.until("resumed 0")
	tm.until("same")
	c.calls("GetSessionToken", 1)
}

func TestBackgroundJobNeverHangs(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	tm := c.onTerminal(`set -m; { "$AWSMFA" env dev; echo "exit $?"; } & wait; echo finished`)
	tm.until("exit 4")
	tm.until("finished")
	if strings.Contains(tm.screen(), prompt) {
		t.Errorf("a background job asked:\n%s", tm.screen())
	}
	c.calls("GetSessionToken", 0)
}

func TestWithoutTerminalFailsAtOnce(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	cmd := c.command("env", "dev")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	o := c.all([]*exec.Cmd{cmd})[0]
	if o.code != exitInput || o.stdout != "false;\n" || !strings.Contains(o.stderr, "awsmfa login dev") {
		t.Errorf("exit %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	c.calls("", 0)
}
