package command

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"awsmfa/seed"
	"awsmfa/stsclient/ststest"
	"awsmfa/warm"
)

// eventually waits for something that another process brings about.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testPatience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came: %s", what)
		}
	}
}

func proc(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }

// closedToOthers checks from outside that the process can neither leave a core
// nor be looked into by others of its user.
func closedToOthers(t *testing.T, what string, pid int) {
	t.Helper()
	for _, name := range []string{"mem", "environ", "maps"} {
		var st unix.Stat_t
		must(t, unix.Stat(proc(pid, name), &st))
		if st.Uid != 0 {
			t.Errorf("%s: %s belongs to user %d, as that of any process", what, name, st.Uid)
		}
	}
	limits, err := os.ReadFile(proc(pid, "limits"))
	must(t, err)
	if f := strings.Fields(behind(string(limits), "Max core file size")); len(f) < 2 || f[0] != "0" || f[1] == "0" {
		t.Errorf("%s: limits of a core: %q", what, f)
	}
}

// TestNobodyLooksInside looks at runs that are held up with secrets in hand.
func TestNobodyLooksInside(t *testing.T) {
	d := nobodys(t, buildRelease(t))
	d.server.Fault(ststest.Fault{Match: ststest.OnAction("GetSessionToken"), Kind: ststest.Hang, Times: 1})
	cmd := d.command("env dev -t CODE")
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `ulimit -S -c unlimited; exec "$@"`, "sh"}, cmd.Args...)
	must(t, cmd.Start())
	eventually(t, "the call", func() bool { return d.server.Calls("GetSessionToken") == 1 })
	closedToOthers(t, "the full way", cmd.Process.Pid)
	cmd.Process.Kill()
	cmd.Wait()

	d.must2(d.run("env dev -t CODE"))
	full, empty := fullPipe(t)
	cmd = d.command("env dev")
	cmd.Stdout = full
	must(t, cmd.Start())
	eventually(t, "the write", func() bool { return blockedInWrite(cmd.Process.Pid) })
	closedToOthers(t, "the end", cmd.Process.Pid)
	empty()
	cmd.Wait()
}

func (d *disk) must2(o outcome) {
	d.t.Helper()
	if o.code != 0 {
		d.t.Fatalf("exit %d\n%s", o.code, o.stderr)
	}
}

// fullPipe is a pipe that takes nothing more until it is emptied.
func fullPipe(t *testing.T) (w *os.File, empty func()) {
	t.Helper()
	var fds [2]int
	must(t, unix.Pipe2(fds[:], unix.O_CLOEXEC))
	must(t, unix.SetNonblock(fds[1], true))
	for err := error(nil); err == nil; {
		_, err = unix.Write(fds[1], make([]byte, 4096))
	}
	must(t, unix.SetNonblock(fds[1], false))
	w = os.NewFile(uintptr(fds[1]), "full")
	t.Cleanup(func() { w.Close() })
	return w, func() { unix.Close(fds[0]) }
}

func blockedInWrite(pid int) bool {
	tasks, _ := filepath.Glob(proc(pid, "task/*/wchan"))
	for _, task := range tasks {
		if text, err := os.ReadFile(task); err == nil && strings.Contains(string(text), "pipe_write") {
			return true
		}
	}
	return false
}

// TestWarmIsHardenedFirst: so does the short way, before it reads anything.
func TestWarmIsHardenedFirst(t *testing.T) {
	if os.Getenv("HYGIENE_CHILD") == "" {
		cmd := exec.Command("/bin/sh", "-c", `ulimit -S -c 100; exec "$0" -test.run='^TestWarmIsHardenedFirst$'`, os.Args[0])
		cmd.Env = append(os.Environ(), "HYGIENE_CHILD=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "asked the time") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	home := t.TempDir()
	warm.Answer(warm.Process{Args: []string{"env", "dev"}, Stdout: io.Discard.(io.StringWriter),
		Getenv: func(name string) string { return map[string]string{"HOME": home}[name] },
		Now: func() time.Time { // asked before any file is opened
			var core unix.Rlimit
			must(t, unix.Getrlimit(unix.RLIMIT_CORE, &core))
			dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
			if core.Cur != 0 || dumpable != 0 || err != nil {
				t.Errorf("core %d, dumpable %d, %v", core.Cur, dumpable, err)
			}
			fmt.Println("asked the time")
			return time.Now()
		}})
}

// TestCoreLimitOfTheCommand: exec's command has the limit that the shell had.
func TestCoreLimitOfTheCommand(t *testing.T) {
	d := newDisk(t, buildRelease(t))
	d.must2(d.run("login dev -t CODE"))
	o := d.under(`ulimit -S -c 100; exec "$@" -- sh -c 'ulimit -S -c; cat /proc/self/limits >/dev/null && stat -c %u /proc/self/mem'`, "exec dev")
	if o.stdout != fmt.Sprintf("100\n%d\n", os.Geteuid()) {
		t.Errorf("exit %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}

// spy is a program that notes what it can see of itself and its ancestors.
const spy = `#!/bin/sh
{ tr '\0' '\n' </proc/$$/environ; echo; for p in /proc/[0-9]*/cmdline; do tr '\0' ' ' <$p; echo; done 2>/dev/null; } >>"$HOME/seen-$1"
`

// TestSecretsStayInside runs every verb with secrets in all places where they
// may be, and looks for them in all places where they may not.
func TestSecretsStayInside(t *testing.T) {
	c := newKillCrowd(t, buildRelease(t))
	d := &disk{crowd: c}
	helper := filepath.Join(c.home, "helper")
	must(t, os.WriteFile(helper, []byte(spy+`case $1 in
mfa) echo "$(cat "$HOME/code")" ;;
source) cat "$HOME/keys" ;;
esac
`), 0o700))
	c.write("config", killConfig+`[profile asks]
mfa_serial = SERIAL
mfa_process = `+helper+` mfa
[profile fetched]
mfa_serial = SERIAL
credential_process = `+helper+` source
`)
	c.write("credentials", "[dev]\naws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\n[asks]\naws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\n")
	must(t, os.WriteFile(filepath.Join(c.home, "keys"), []byte(fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q}`,
		c.user.AccessKeyID, c.user.SecretAccessKey)), 0o600))
	secrets := []string{c.user.SecretAccessKey, "sentinelHeldSecret0000000000000000000000", "sentinelHeldToken", "sentinelPassphrase"}
	env := []string{"AWS_ACCESS_KEY_ID=ASIASENTINELSENTINEL", "AWS_SECRET_ACCESS_KEY=" + secrets[1], "AWS_SESSION_TOKEN=" + secrets[2],
		"AWS_SECURITY_TOKEN=" + secrets[2], "AWSMFA_PASSPHRASE_FILE=" + secrets[3]}
	var said strings.Builder
	for _, line := range []string{
		"env asks --debug", "env fetched --debug", "env admin --debug", "process admin --debug", "login dev --refresh --debug",
		"env nosuch --debug", "explain admin --debug", "list", "status admin", "whoami admin --debug", "env dev --refresh --debug -t 000000",
		"logout --all --debug",
	} {
		code := c.user.NextCode()
		secrets = append(secrets, code)
		must(t, os.WriteFile(filepath.Join(c.home, "code"), []byte(code), 0o600))
		with := env
		if !strings.Contains(line, "asks") {
			with = append(slices.Clip(env), "AWSMFA_TOKEN_CODE="+code)
		}
		o := d.run(line, with...)
		said.WriteString(o.stderr)
		if !strings.HasPrefix(line, "env") && !strings.HasPrefix(line, "process") {
			said.WriteString(o.stdout)
		}
		for _, e := range c.sessions() {
			secrets = append(secrets, e.Credentials.SecretAccessKey(), e.Credentials.SessionToken())
		}
		if strings.Contains(o.stderr, "goroutine ") {
			t.Errorf("%s: %s", line, o.stderr)
		}
	}
	for _, name := range []string{"mfa", "source"} {
		seen, err := os.ReadFile(filepath.Join(c.home, "seen-"+name))
		must(t, err)
		if !strings.Contains(string(seen), "HOME="+c.home) {
			t.Fatalf("the spy saw nothing: %s", seen)
		}
		noneOf(t, "a child's environment, or an argument", string(seen), secrets)
	}
	noneOf(t, "what was said", said.String(), secrets)
}

func noneOf(t *testing.T, where, text string, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if len(s) < 6 {
			t.Fatalf("no secret: %q", s)
		}
		if at := strings.Index(text, s); at >= 0 {
			t.Errorf("%s shows a secret: …%s…", where, text[max(0, at-80):min(len(text), at+len(s)+20)])
		}
	}
}

// TestChildOfExec: the environment of the command is ours, with the documented
// changes and no others.
func TestChildOfExec(t *testing.T) {
	d := newDisk(t, buildRelease(t))
	odd := []string{"ODD=a\nb", "EMPTY=", "AWS_PROFILE=dev", "AWS_ROLE_ARN=x", "AWS_SECURITY_TOKEN=old", "AWSMFA_PASSPHRASE_FILE=/x"}
	code := d.user.NextCode()
	o := d.run("exec dev -- env -0", append(odd, "AWSMFA_TOKEN_CODE="+code)...)
	d.must2(o)
	before := map[string]bool{}
	for _, kv := range append(d.crowd.command().Env, odd[:2]...) {
		before[kv] = true
	}
	set := []string{}
	for _, kv := range strings.Split(strings.TrimSuffix(o.stdout, "\x00"), "\x00") {
		if before[kv] {
			delete(before, kv)
			continue
		}
		name, _, _ := strings.Cut(kv, "=")
		set = append(set, name)
	}
	slices.Sort(set)
	want := "AWSMFA_EXPIRATION AWSMFA_OWNED AWSMFA_PROFILE AWS_ACCESS_KEY_ID AWS_CREDENTIAL_EXPIRATION AWS_DEFAULT_REGION AWS_REGION AWS_SECRET_ACCESS_KEY AWS_SESSION_EXPIRATION AWS_SESSION_TOKEN"
	if got := strings.Join(set, " "); got != want || len(before) > 0 {
		t.Errorf("set: %s\nlost: %v", got, before)
	}
}

// TestCrashShowsNothing: a crash prints every goroutine with the words that
// were passed to functions, and those must be addresses.
func TestCrashShowsNothing(t *testing.T) {
	c := newKillCrowd(t, buildRelease(t))
	d := &disk{crowd: c}
	for _, sig := range []syscall.Signal{syscall.SIGABRT, syscall.SIGSEGV} {
		c.server.ForgetRequests()
		c.server.Fault(ststest.Fault{Match: ststest.OnAction("GetSessionToken"), Kind: ststest.Hang, Times: 1})
		code := c.user.NextCode()
		cmd := d.command("env dev --debug", "GOTRACEBACK=all", "AWSMFA_TOKEN_CODE="+code)
		cmd.Dir = c.home
		var stderr strings.Builder
		cmd.Stderr = &stderr
		must(t, cmd.Start())
		eventually(t, "the call", func() bool { return c.server.Calls("GetSessionToken") == 1 })
		must(t, cmd.Process.Signal(sig))
		cmd.Wait()
		text := stderr.String()
		if !strings.Contains(text, "goroutine ") {
			t.Fatalf("no crash: %s", text)
		}
		secrets := []string{code, c.user.SecretAccessKey}
		for _, s := range slices.Clone(secrets) {
			secrets = append(secrets, asWords(s)...)
		}
		noneOf(t, sig.String(), text, secrets)
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.CoreDump() {
			t.Error("it left a core")
		}
	}
}

// asWords is a text as registers would hold it, in hexadecimal.
func asWords(s string) (words []string) {
	for i := 0; i+6 <= len(s); i++ {
		var word [8]byte
		copy(word[:], s[i:])
		words = append(words, fmt.Sprintf("0x%x", binary.LittleEndian.Uint64(word[:])))
	}
	return words
}

// TestNoConnectionWithoutTerminal: a run that can only fail does so before
// anybody hears of it.
func TestNoConnectionWithoutTerminal(t *testing.T) {
	d := newDisk(t, buildRelease(t))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	var heard atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			heard.Add(1)
			conn.Close()
		}
	}()
	url := "http://" + listener.Addr().String()
	for _, line := range []string{"env dev", "env admin", "process dev", "login dev", "exec dev -- true", "env dev --refresh"} {
		o := d.run(line, "AWS_ENDPOINT_URL_STS="+url, "AWS_ENDPOINT_URL_IAM="+url)
		if o.code != exitInput {
			t.Errorf("%s: exit %d\n%s", line, o.code, o.stderr)
		}
	}
	if n := heard.Load(); n > 0 {
		t.Errorf("%d connections", n)
	}
}

// TestClosedStreams starts runs with every set of the standard streams closed:
// no file of ours may come to stand in their place.
func TestClosedStreams(t *testing.T) {
	binary := buildRelease(t)
	for set := range 8 {
		d := newDisk(t, binary)
		script, names := `exec "$@"`, []string{"<&-", ">&-", "2>&-"}
		for i, name := range names {
			if set&(1<<i) != 0 {
				script += " " + name
			}
		}
		for _, line := range []string{"login dev -t CODE", "env admin --debug", "env dev --refresh --debug -t CODE", "exec dev -- true"} {
			o := d.under(script, line)
			if o.code != 0 {
				t.Errorf("%s, %s: exit %d\n%s", script, line, o.code, o.stderr)
			}
		}
		for _, f := range d.tree() {
			text, err := os.ReadFile(f)
			must(t, err)
			if strings.Contains(string(text), "awsmfa: ") || strings.Contains(string(text), "AWS_SESSION_TOKEN") {
				t.Errorf("%s: %s got what was printed: %s", script, f, text)
			}
		}
		if n := len(d.sessions()); n == 0 {
			t.Errorf("%s: nothing is cached", script)
		}
	}
}

// promptCase is a question that a signal ends.
type promptCase struct{ name, args, question string }

// TestSignalsAtPrompts: whatever ends a question, the terminal is as it was
// and the exit code says what it was.
func TestSignalsAtPrompts(t *testing.T) {
	binary := buildRelease(t)
	for _, p := range []promptCase{
		{"code", "env dev", "MFA code for dev"},
		{"device", "env bare", "MFA device for bare"},
		{"program", "env asks", "passphrase:"},
		{"seed", "env dev", "Passphrase of the stored seeds: "},
		{"unlock", "totp code dev", "Passphrase of the stored seeds: "},
	} {
		for _, sig := range []struct {
			name string
			sig  syscall.Signal
			code string
		}{{"INT", syscall.SIGINT, "130"}, {"TERM", syscall.SIGTERM, "143"}, {"HUP", syscall.SIGHUP, "129"}, {"QUIT", syscall.SIGQUIT, "131"}, {"TSTP", syscall.SIGTSTP, "130"}} {
			t.Run(p.name+" "+sig.name, func(t *testing.T) {
				t.Parallel()
				c := newKillCrowd(t, binary)
				if _, err := c.user.AddDevice("second"); err != nil {
					t.Fatal(err)
				}
				helper := filepath.Join(c.home, "helper")
				must(t, os.WriteFile(helper, []byte("#!/bin/sh\nstty -echo -icanon; printf 'passphrase:' >/dev/tty; read x\n"), 0o700))
				c.write("config", killConfig+"[profile asks]\nmfa_serial = SERIAL\nmfa_process = "+helper+"\n")
				keys := "aws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\n"
				c.write("credentials", "[dev]\n"+keys+"[asks]\n"+keys)
				if p.name == "device" {
					c.write("config", "")
					c.write("credentials", "[bare]\n"+keys)
				}
				stdout := "false;\n"
				switch p.name {
				case "unlock":
					stdout = ""
					fallthrough
				case "seed":
					c.lockedSeed()
				}
				tm := c.onTerminal(`read begin; set -m; export AWSMFA_SEED_STORE=file AWSMFA_UNLOCK_TTL=0; "$AWSMFA" ` + p.args + ` >out; echo "code $?"; test ! -e go && { echo stopped; while test ! -e go; do sleep 0.05; done; fg; echo "code $?"; }; read end`)
				was := tm.modes()
				tm.typeIn("\r")
				tm.until(p.question)
				pid := foreground(t, tm.master)
				if sig.sig == syscall.SIGTSTP {
					must(t, syscall.Kill(-pid, sig.sig)) // as the key sends it
					tm.until("stopped")
					own := p.name != "program" // else the mode is the program's, which goes on with it
					if own {
						tm.same(was)
					}
					must(t, os.WriteFile(filepath.Join(c.home, "go"), nil, 0o600))
					eventually(t, "the second question", func() bool {
						return strings.Count(tm.screen(), p.question) == 2 || !own && foreground(t, tm.master) == pid
					})
					must(t, syscall.Kill(foreground(t, tm.master), syscall.SIGINT))
				} else {
					must(t, os.WriteFile(filepath.Join(c.home, "go"), nil, 0o600))
					must(t, syscall.Kill(pid, sig.sig))
				}
				tm.until("code " + sig.code)
				tm.same(was)
				if out, err := os.ReadFile(filepath.Join(c.home, "out")); err != nil || string(out) != stdout {
					t.Errorf("stdout: %q, %v", out, err)
				}
				c.calls("GetSessionToken", 0)
			})
		}
	}
}

// lockedSeed puts a store with a seed for the user's device into place. The
// passphrase is made slow on purpose: one store serves all that only ask for it.
func (c *crowd) lockedSeed() {
	c.t.Helper()
	lockedSeeds.Lock()
	defer lockedSeeds.Unlock()
	if lockedSeeds.files[c.user.MFASerial] == nil {
		dir := c.t.TempDir()
		pass := filepath.Join(dir, "pass")
		must(c.t, os.WriteFile(pass, []byte("correct horse\n"), 0o600))
		must(c.t, addSeed(seed.Options{Dir: dir, Store: "file", PassphraseFile: pass}, c.user.MFASerial, c.user.Seed))
		files := map[string][]byte{}
		must(c.t, fs.WalkDir(os.DirFS(filepath.Join(dir, "seeds")), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(filepath.Join(dir, "seeds", path))
			files[path] = text
			return err
		}))
		lockedSeeds.files[c.user.MFASerial] = files
	}
	seeds := filepath.Join(c.home, ".local", "share", "awsmfa", "seeds")
	must(c.t, os.MkdirAll(seeds, 0o700))
	for name, file := range lockedSeeds.files[c.user.MFASerial] {
		must(c.t, os.WriteFile(filepath.Join(seeds, name), file, 0o600))
	}
}

// lockedSeeds are the stores by the device.
var lockedSeeds = struct {
	sync.Mutex
	files map[string]map[string][]byte
}{files: map[string]map[string][]byte{}}

// foreground is the process that leads the terminal's foreground group.
func foreground(t *testing.T, master *os.File) int {
	t.Helper()
	group, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPGRP)
	must(t, err)
	return group
}

func (tm *terminal) modes() unix.Termios {
	tm.t.Helper()
	m, err := unix.IoctlGetTermios(int(tm.master.Fd()), unix.TCGETS)
	must(tm.t, err)
	return *m
}

func (tm *terminal) same(was unix.Termios) {
	tm.t.Helper()
	if now := tm.modes(); now != was {
		tm.t.Errorf("the terminal is another:\n%+v\n%+v", was, now)
	}
}
