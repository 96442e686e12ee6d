package command

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"awsmfa/environment"
	"awsmfa/stsclient/ststest"
)

func TestExecAWSCLI(t *testing.T) {
	need(t, "aws")
	t.Parallel()
	c := newShells(t)
	o := finish(t, c.detached(c.binary, "exec", "dev", "--", "aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"))
	if o.code != 0 || o.stdout != c.user.ARN+"\n" || o.stderr != "" {
		t.Errorf("got %+v", o)
	}
	c.calls("GetSessionToken", 0)
}

// exitCase is one line of the table of exit codes. In its command line KEEP is
// the crowd's profile with a session, COLD one without.
type exitCase struct {
	name  string
	code  int
	line  string
	env   []string
	fault *ststest.Fault
	says  string // on stderr
}

// exitCases holds every code of the documented list but 8, a secret store that
// is locked or missing: there is no store yet.
func exitCases(closedPort string) []exitCase {
	denied := &ststest.Fault{Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied", Message: "not authorized to perform: sts:GetSessionToken"}
	const run = " -- sh -c "
	return []exitCase{
		{name: "ok", code: 0, line: "exec dev -- true"},
		{name: "the command's own", code: 1, line: "exec dev -- false"},
		{name: "the command's own, another", code: 7, line: "exec dev" + run + "'exit 7'"},
		{name: "the command's own, the last", code: 255, line: "exec dev" + run + "'exit 255'"},
		{name: "other failure", code: exitFailure, line: "env dev >/dev/full", says: "writing standard output"},
		{name: "other failure of process", code: exitFailure, line: "process dev >/dev/full", says: "writing standard output"},
		{name: "a question answered no", code: exitFailure, line: "status dev --min-ttl 13h"},
		{name: "unknown flag", code: exitUsage, line: "exec --nope dev -- true", says: "nope"},
		{name: "no command", code: exitUsage, line: "exec dev", says: "no command"},
		{name: "no profile", code: exitUsage, line: "exec", says: "profile"},
		{name: "bad code", code: exitUsage, line: "exec cold --token-code 12345 -- true", says: "digits"},
		{name: "no such profile", code: exitProfile, line: "exec nosuch -- true", says: "nosuch"},
		{name: "a profile with an error", code: exitProfile, line: "exec loop -- true", says: "loop"},
		{name: "no code to be had", code: exitInput, line: "exec cold -- true", says: "awsmfa login cold"},
		{name: "not in the cache", code: exitInput, line: "exec --cached cold -- true", says: "awsmfa login cold"},
		{name: "code refused", code: exitCode, line: "exec cold --token-code 000000 -- true",
			fault: &ststest.Fault{Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied", Message: "MultiFactorAuthentication failed with invalid MFA one time pass code."}},
		{name: "denied", code: exitDenied, line: "exec cold --token-code 111111 -- true", fault: denied, says: "AccessDenied"},
		{name: "wrong secret", code: exitDenied, line: "exec wrong --refresh --token-code 222222 -- true", says: "secret access key"},
		{name: "no network", code: exitNetwork, line: "exec cold --token-code 333333 -- true", env: []string{"AWS_ENDPOINT_URL_STS=http://" + closedPort}},
		{name: "server's fault", code: exitNetwork, line: "exec cold --token-code 444444 -- true", fault: &ststest.Fault{Kind: ststest.ServerError}},
		{name: "not executable", code: exitNotProgram, line: "exec cold -- ./plain", says: "permission denied"},
		{name: "a directory", code: exitNotProgram, line: "exec cold -- ./.aws", says: "directory"},
		{name: "not executable in PATH", code: exitNotProgram, line: "exec cold -- plain", env: []string{"PATH=$HOME"}, says: "plain"},
		{name: "no interpreter", code: exitNoProgram, line: "exec dev -- ./lost"},
		{name: "not found", code: exitNoProgram, line: "exec cold -- nosuchprogram", says: "nosuchprogram"},
		{name: "not found by path", code: exitNoProgram, line: "exec cold -- ./nosuch", says: "nosuch"},
		{name: "hung up", code: 128 + 1, line: "exec dev" + run + "'kill -HUP $$'"},
		{name: "interrupted", code: exitInterrupted, line: "exec dev" + run + "'kill -INT $$'"},
		{name: "killed", code: 128 + 9, line: "exec dev" + run + "'kill -KILL $$'"},
		{name: "broken pipe", code: 128 + 13, line: "exec dev" + run + "'kill -PIPE $$'"},
		{name: "terminated", code: 128 + 15, line: "exec dev" + run + "'kill -TERM $$'"},
	}
}

const exitConfig = crowdConfig + `
[profile cold]
region = eu-west-1
mfa_serial = SERIAL

[profile wrong]
region = eu-west-1
mfa_serial = SERIAL

[profile loop]
role_arn = arn:aws:iam::ACCOUNT:role/Admin
source_profile = pool

[profile pool]
role_arn = arn:aws:iam::ACCOUNT:role/Admin
source_profile = loop
`

func TestExitCodes(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, exitConfig)
	cold := c.server.NewUser("cold")
	c.write("config", strings.Replace(exitConfig, "SERIAL\n\n[profile wrong", cold.MFASerial+"\n\n[profile wrong", 1))
	c.write("credentials", "[dev]\naws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\n[cold]\naws_access_key_id = "+cold.AccessKeyID+
		"\naws_secret_access_key = "+cold.SecretAccessKey+"\n[wrong]\naws_access_key_id = KEY_ID\naws_secret_access_key = "+cold.SecretAccessKey+"\n")
	c.login(t)
	for name, text := range map[string]string{"plain": "", "lost": "#!/nosuch/interpreter\n"} {
		mode := os.FileMode(0o600)
		if name == "lost" {
			mode = 0o700
		}
		if err := os.WriteFile(filepath.Join(c.home, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range exitCases(closedPort(t)) {
		t.Run(e.name, func(t *testing.T) { c.checkExit(t, e) })
	}
}

// checkExit lets a shell say the code, as users see it: it makes 128+n of a
// signal.
func (c *crowd) checkExit(t *testing.T, e exitCase) {
	if e.fault != nil {
		c.server.Fault(*e.fault)
		defer c.server.ClearFaults()
	}
	prefix := ""
	for _, kv := range e.env {
		prefix += kv + " "
	}
	cmd := c.detached("/bin/bash", "-c", prefix+`"`+c.binary+`" `+e.line)
	cmd.Args[2] += "\nexit $?" // or bash would not stay to see it
	o := finish(t, cmd)
	if o.code != e.code || !strings.Contains(o.stderr, e.says) {
		t.Errorf("exit %d, want %d, and %q in:\n%s", o.code, e.code, e.says, o.stderr)
	}
	if e.says != "" && !strings.HasPrefix(o.stderr, "awsmfa: error: ") {
		t.Errorf("no error line:\n%s", o.stderr)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// inherited is what a program gets from its parent beside its environment:
// signals that are ignored or blocked, limits, open files, the working
// directory. awsmfa must hand on what it found.
const inherited = `grep -E '^(Sig(Blk|Ign)|NoNewPrivs|Seccomp|THP_enabled|CoreDumping)' /proc/self/status; cat /proc/self/limits; ls /proc/self/fd; pwd; umask; nice`

func TestExecHandsOnWhatItFound(t *testing.T) {
	t.Parallel()
	c := newShells(t)
	for _, before := range []string{":", "ulimit -c unlimited 2>/dev/null; ulimit -Sn 64; umask 027", "trap '' INT HUP; exec 7</dev/null"} {
		direct := finish(t, c.detached("/bin/bash", "-c", before+"; exec sh -c \"$1\"", "bash", inherited))
		through := finish(t, c.detached("/bin/bash", "-c", before+"; exec \"$2\" exec dev -- sh -c \"$1\"", "bash", inherited, c.binary))
		if direct.stdout == "" || through.stderr != "" || direct.stdout != through.stdout {
			t.Errorf("%s\ndirectly:\n%s\nthrough exec:\n%s%s", before, direct.stdout, through.stdout, through.stderr)
		}
	}
}

func TestExecGivesVariablesAndNothingElse(t *testing.T) {
	t.Parallel()
	c := newShells(t)
	cmd := c.detached(c.binary, "exec", "dev", "--", "env", "-0")
	odd := []string{"ODD=a\nb'\"$x", "EMPTY=", "AWS_CONFIG_FILE=", "BYTES=\xff\xfe"}
	cmd.Env = append(append(cmd.Env, odd...), append(leftovers(), "AWSMFA_TOKEN_CODE=123456")...)
	o := finish(t, cmd)
	got := map[string]string{}
	for kv := range strings.SplitSeq(strings.TrimSuffix(o.stdout, "\x00"), "\x00") {
		name, value, _ := strings.Cut(kv, "=")
		if _, twice := got[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		got[name] = value
	}
	checkHolds(t, "in exec", got, "dev", "eu-west-1")
	for _, name := range append(environment.AlwaysUnset(), "AWSMFA_TOKEN_CODE") {
		if value, ok := got[name]; ok {
			t.Errorf("%s is %q", name, value)
		}
	}
	for _, kv := range odd {
		if name, value, _ := strings.Cut(kv, "="); got[name] != value {
			t.Errorf("%s is %q, was %q", name, got[name], value)
		}
	}
}

// TestExecIsTheCommand: the same process, so that whoever started awsmfa may
// signal the command.
func TestExecIsTheCommand(t *testing.T) {
	t.Parallel()
	c := newShells(t)
	cmd := c.detached(c.binary, "exec", "dev", "--", "sh", "-c", `trap 'echo got it; exit 42' TERM; echo "$$"; while :; do sleep 0.02; done`)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(testPatience, func() { cmd.Process.Kill() }).Stop()
	buf := make([]byte, 64)
	n, _ := stdout.Read(buf)
	if pid := strings.TrimSpace(string(buf[:n])); pid != strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("the command is process %q, awsmfa was %d", pid, cmd.Process.Pid)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	n, _ = stdout.Read(buf)
	code := exitOf(t, cmd.Wait())
	if string(buf[:n]) != "got it\n" || code != 42 {
		t.Errorf("the command answered %q and ended with %d", buf[:n], code)
	}
}

func TestExecLeavesTheTerminalUsable(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, crowdConfig)
	tm := c.onTerminal(`trap : INT; stty -a >before; "$AWSMFA" exec dev -- sh -c 'stty -a >during; read line; echo "read $line"; test -t 0 && test -t 1 && test -t 2 && echo on tty'
		echo "code $?"; "$AWSMFA" exec dev -- sleep 60; echo "interrupted $?"; stty -a >after; cmp before during && cmp before after && echo same`)
	tm.until(prompt)
	tm.typeIn(c.user.NextCode() + "\n")
	c.untilFile("during")
	tm.typeIn("words\n")
	tm.until("read words")
	tm.until("on tty")
	tm.until("code 0")
	c.untilChild(tm.cmd.Process.Pid, "sleep")
	tm.typeIn("\x03")
	tm.until("interrupted 130")
	tm.until("same")
	c.calls("GetSessionToken", 1)
}

// untilFile waits for a file with something in it.
func (c *crowd) untilFile(name string) {
	c.t.Helper()
	for deadline := time.Now().Add(testPatience); ; time.Sleep(10 * time.Millisecond) {
		if info, err := os.Stat(filepath.Join(c.home, name)); err == nil && info.Size() > 0 {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s never came", name)
		}
	}
}

// untilChild waits until a child of the process has become the program.
func (c *crowd) untilChild(pid int, program string) {
	c.t.Helper()
	stat := regexp.MustCompile(`^\d+ \(` + program + `\) \S `)
	for deadline := time.Now().Add(testPatience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		for _, child := range strings.Fields(string(children)) {
			if text, err := os.ReadFile("/proc/" + child + "/stat"); err == nil && stat.Match(text) {
				return
			}
		}
	}
	c.t.Fatalf("%s was never run", program)
}
