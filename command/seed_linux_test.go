package command

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"awsmfa/internal/pty"
	"awsmfa/seed"
	"awsmfa/stsclient/ststest"
)

// seededCrowd is a crowd with a stored seed, whose processes and server share
// clocks that move where somebody waits for a time step.
type seededCrowd struct {
	*crowd
	clock string
	env   []string
}

func newSeededCrowd(t *testing.T, config string, options ...ststest.Option) *seededCrowd {
	t.Helper()
	c := &seededCrowd{crowd: newCrowd(t, config, options...)}
	c.clock = filepath.Join(c.home, "clock")
	identity := filepath.Join(c.home, "identity")
	if err := writeIdentity(identity); err != nil {
		t.Fatal(err)
	}
	o := seed.Options{Dir: filepath.Join(c.home, ".local", "share", "awsmfa"), Store: "file", AgeIdentity: identity}
	if err := addSeed(o, c.user.MFASerial, c.user.Seed); err != nil {
		t.Fatal(err)
	}
	c.env = []string{
		"AWSMFA_TEST_CLOCK=" + c.clock, "AWSMFA_TEST_SLEEP=" + c.server.AdminURL(),
		"AWSMFA_AGE_IDENTITY=" + identity, "AWSMFA_UNLOCK_TTL=0",
	}
	return c
}

// advance moves the clocks as time would.
func (c *seededCrowd) advance(d time.Duration) {
	c.t.Helper()
	c.server.Clock().Advance(d)
	if err := moveClock(c.clock, readClock(c.clock)+d); err != nil {
		c.t.Fatal(err)
	}
}

func (c *seededCrowd) run(args ...string) *exec.Cmd {
	cmd := c.command(args...)
	cmd.Env = append(cmd.Env, c.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // nobody to ask
	return cmd
}

// Five roles over an hour take a code each, of one device: fifty processes at
// once get their sessions with five codes of five steps.
func TestCrowdOfLongRolesOnOneSeed(t *testing.T) {
	config := crowdConfig
	for i := range 5 {
		config += fmt.Sprintf("[profile long%d]\nrole_arn = arn:aws:iam::ACCOUNT:role/long%d\nsource_profile = dev\nduration_seconds = 7200\n", i, i)
	}
	c := newSeededCrowd(t, config)
	for i := range 5 {
		role := ststest.Role{ARN: fmt.Sprintf("arn:aws:iam::%s:role/long%d", c.user.Account, i), RequireMFA: true, MaxDuration: 12 * time.Hour}
		if err := c.server.AddRole(role); err != nil {
			t.Fatal(err)
		}
	}
	verbs := []string{"env", "process", "login", "exec"}
	var commands []*exec.Cmd
	for i := range 50 {
		args := []string{verbs[i%len(verbs)], fmt.Sprintf("long%d", i%5)}
		if args[0] == "exec" {
			args = append(args, "--", "true")
		}
		commands = append(commands, c.run(args...))
	}
	for i, o := range c.all(commands) {
		if o.code != 0 || strings.Contains(o.stderr, "warning") {
			t.Errorf("process %d, %q: exit %d\n%s", i, commands[i].Args[1:], o.code, o.stderr)
		}
	}
	c.calls("AssumeRole", 5)
	c.calls("GetSessionToken", 0)
}

// relay passes connections on to the server, the first of them only when told.
type relay struct {
	listener net.Listener
	came     chan struct{} // the first connection sent its first bytes
	goOn     chan struct{}
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{l, make(chan struct{}), make(chan struct{})}
	t.Cleanup(func() { l.Close() })
	go func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(conn, to, first)
		}
	}()
	return r
}

func (r *relay) pass(conn net.Conn, to string, hold bool) {
	defer conn.Close()
	begun := make([]byte, 1)
	if _, err := io.ReadFull(conn, begun); err != nil {
		return
	}
	if hold {
		close(r.came)
		<-r.goOn
	}
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	if _, err := server.Write(begun); err != nil {
		return
	}
	go io.Copy(server, conn)
	io.Copy(conn, server)
}

// A process that is stopped between the making of its code and the sending,
// here in the middle of the TLS handshake, makes another one: the code that
// has grown old in its hands reaches nobody.
func TestStoppedBeforeTheCodeLeaves(t *testing.T) {
	c := newSeededCrowd(t, crowdConfig, ststest.WithTLS())
	r := newRelay(t, strings.TrimPrefix(c.server.URL(), "https://"))
	ca := filepath.Join(c.home, "ca.pem")
	if err := os.WriteFile(ca, c.server.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := c.run("env", "dev", "--debug")
	cmd.Env = append(cmd.Env, "AWS_CA_BUNDLE="+ca, "AWS_ENDPOINT_URL_STS=https://"+r.listener.Addr().String())
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill()
	select {
	case <-r.came:
	case err := <-ended:
		t.Fatalf("it ended before it connected: %v\n%s", err, said.String())
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	untilState(t, cmd.Process.Pid, "T")
	c.advance(40 * time.Second)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	close(r.goOn)
	if err := <-ended; err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if !strings.Contains(said.String(), "GetSessionToken: too late after") {
		t.Errorf("no code was too late:\n%s", said.String())
	}
	c.calls("GetSessionToken", 1)
}

// untilState waits until the kernel says that a process is stopped.
func untilState(t *testing.T, pid int, want string) {
	t.Helper()
	for deadline := time.Now().Add(testPatience); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		if _, rest, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(rest, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the process is never in state %s: %s", want, stat)
		}
	}
}

// On a terminal the wait for the next step is seen passing, and nothing of it
// stays.
func TestCountdownOnATerminal(t *testing.T) {
	if _, _, err := pty.Open(24, 80); err != nil {
		t.Skip(err)
	}
	c := newSeededCrowd(t, crowdConfig)
	tm := c.onTerminal(`export ` + strings.Join(c.env, " ") + `
		"$AWSMFA" login dev -q && "$AWSMFA" env dev --refresh -q >out && echo quiet && "$AWSMFA" env dev --refresh >out2; echo "exit $?"`)
	tm.until("exit 0")
	first, rest, _ := strings.Cut(tm.screen(), "quiet\r\n")
	if first != "" {
		t.Errorf("with -q it is not quiet:\n%q", first)
	}
	if !regexp.MustCompile(`^(\r\x1b\[Kwaiting for the next MFA code: \d+ s){3,30}\r\x1b\[Kexit 0\r\n$`).MatchString(rest) {
		t.Errorf("no countdown that leaves nothing:\n%q", rest)
	}
	c.calls("GetSessionToken", 3)
}

// While a session serves, the store of seeds is not so much as looked at, on
// the short way and on the full one: here the look would fail.
func TestCachedSessionAsksNoStore(t *testing.T) {
	c := newSeededCrowd(t, crowdConfig)
	if o := c.all([]*exec.Cmd{c.run("login", "dev")})[0]; o.code != 0 {
		t.Fatalf("exit %d\n%s", o.code, o.stderr)
	}
	c.advance(time.Hour) // files that are just written are not trusted to stay
	seeds := filepath.Join(c.home, ".local", "share", "awsmfa", "seeds")
	if err := os.RemoveAll(seeds); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(seeds, []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(c.home, "mark")
	for i, way := range []string{"AWSMFA_TEST_FULL=1", "AWSMFA_TEST_FULL=1", "AWSMFA_TEST_MARK=" + mark} {
		cmd := c.run("env", "dev")
		cmd.Env = append(cmd.Env, way, "AWSMFA_SEED_STORE=nonsense", "AWSMFA_UNLOCK_TTL=nonsense", "AWSMFA_PASSPHRASE_FILE=nowhere")
		if o := c.all([]*exec.Cmd{cmd})[0]; o.code != 0 || o.stderr != "" || !strings.Contains(o.stdout, "ASIA") {
			t.Errorf("run %d: exit %d\n%s", i, o.code, o.stderr)
		}
	}
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("the short way was not taken: %v", err)
	}
	if o := c.all([]*exec.Cmd{c.run("env", "dev", "--refresh")})[0]; o.code != exitStore {
		t.Errorf("a renewal does not look either: exit %d\n%s", o.code, o.stderr)
	}
	c.calls("GetSessionToken", 1)
}
