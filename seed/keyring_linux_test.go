package seed

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// session is a D-Bus of the test's own, with a home for what runs there.
type session struct {
	t    *testing.T
	dir  string
	path string // the socket
}

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><servicedir>%s</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`

// shortDir is a directory whose sockets have names of at most 107 bytes.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "keyring")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newSession(t *testing.T) *session {
	t.Helper()
	daemon := need(t, "dbus-daemon")
	s := &session{t: t, dir: shortDir(t)}
	s.path = filepath.Join(s.dir, "bus")
	for _, d := range []string{"services", "home", "data", "run", "control"} {
		if err := os.Mkdir(filepath.Join(s.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(s.dir, "bus.conf")
	text := fmt.Sprintf(busConfig, s.path, filepath.Join(s.dir, "services"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start(daemon, "", "--config-file="+config, "--nofork", "--nopidfile", "--nosyslog")
	s.until("the bus", func() bool {
		c, err := net.Dial("unix", s.path)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return s
}

// until polls for what a child does in its own time.
func (s *session) until(what string, done func() bool) {
	s.t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("waited in vain for %s", what)
}

func (s *session) environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "DBUS_SESSION_BUS_ADDRESS=unix:path=" + s.path,
		"HOME=" + s.dir + "/home", "XDG_DATA_HOME=" + s.dir + "/data", "XDG_RUNTIME_DIR=" + s.dir + "/run", "LC_ALL=C"}
}

func (s *session) start(program, stdin string, args ...string) *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = s.environment(), s.dir, strings.NewReader(stdin)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { s.end(cmd) })
	return cmd
}

func (s *session) end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// run runs a client to its end.
func (s *session) run(program, stdin string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = s.environment(), s.dir, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// needGnomeKeyring tells a daemon that may not run: its file has a capability
// that some containers do not let through.
func needGnomeKeyring(t *testing.T) string {
	t.Helper()
	daemon := need(t, "gnome-keyring-daemon")
	if err := exec.Command(daemon, "--version").Run(); err != nil {
		t.Skipf("%s does not run here: %v", daemon, err)
	}
	return daemon
}

// gnomeKeyring starts the daemon, with its login keyring unlocked (and made, if
// need be) or without anybody having logged in.
func (s *session) gnomeKeyring(unlocked bool) *exec.Cmd {
	s.t.Helper()
	args := []string{"--foreground", "--components=secrets", "--control-directory=" + s.dir + "/control"}
	if unlocked {
		args = append(args, "--unlock")
	}
	cmd := s.start(needGnomeKeyring(s.t), "a password\n", args...)
	conn := s.connect()
	s.until("gnome-keyring", func() bool {
		var owned bool
		_ = conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, secretsName).Store(&owned)
		return owned
	})
	return cmd
}

func (s *session) connect() *dbus.Conn {
	s.t.Helper()
	conn, err := dbus.Connect("unix:path=" + s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// keyring is the backend as somebody without a screen has it. Its deadlines are
// those for a busy machine: where a test waits for one, it says which.
func (s *session) keyring() keyring {
	k := newKeyring(environment(map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + s.path}), nil)
	k.quick, k.patient = 20*time.Second, 20*time.Second
	return k
}

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

const keyringSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

func keyringRecord(t *testing.T) []byte {
	t.Helper()
	s, err := Parse([]byte("otpauth://totp/AWS:J%C3%A4ne?secret=" + keyringSecret + "&issuer=AWS"))
	if err != nil {
		t.Fatal(err)
	}
	return record(keyringPlace.serial, s)
}

func mustSave(t *testing.T, k keyring, s slot, text []byte) {
	t.Helper()
	if sum, err := k.save(t.Context(), s, text); err != nil || sum != "" {
		t.Fatalf("save: %q, %v", sum, err)
	}
}

func wantLoad(t *testing.T, k keyring, s slot, want []byte) {
	t.Helper()
	if got, err := k.load(t.Context(), s); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("load: %d bytes, %v; want %d bytes", len(got), err, len(want))
	}
}

func TestGnomeKeyring(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.gnomeKeyring(true)
	k, text := s.keyring(), keyringRecord(t)
	if err := k.probe(t.Context()); err != nil {
		t.Fatalf("probe: %v", err)
	}
	_, err := k.load(t.Context(), keyringPlace)
	wantTrouble(t, err, Missing, keyringPlace.serial)
	wantTrouble(t, k.ready(keyringPlace), Missing, keyringPlace.serial)
	if err := k.remove(t.Context(), keyringPlace); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
	mustSave(t, k, keyringPlace, text)
	mustSave(t, k, otherPlace, []byte("another"))
	wantLoad(t, k, keyringPlace, text)
	wantLoad(t, k, otherPlace, []byte("another"))
	mustSave(t, k, otherPlace, []byte("rewritten"))
	wantLoad(t, k, otherPlace, []byte("rewritten"))
	for size := range 17 { // every length of padding
		mustSave(t, k, otherPlace, bytes.Repeat([]byte{'x'}, size+1))
	}
	if err := k.ready(keyringPlace); err != nil {
		t.Errorf("ready: %v", err)
	}
	if err := k.remove(t.Context(), keyringPlace); err != nil {
		t.Errorf("remove: %v", err)
	}
	_, err = k.load(t.Context(), keyringPlace)
	wantTrouble(t, err, Missing, keyringPlace.serial)
}

func TestSecretToolSeesSeeds(t *testing.T) {
	t.Parallel()
	tool := need(t, "secret-tool")
	s := newSession(t)
	s.gnomeKeyring(true)
	k, text := s.keyring(), keyringRecord(t)
	mustSave(t, k, keyringPlace, text)
	query := []string{"service", "awsmfa", "username", keyringPlace.serial}
	if out, err := s.run(tool, "", append([]string{"lookup"}, query...)...); out != string(text) || err != nil {
		t.Errorf("secret-tool lookup: %d bytes, %v; want %d", len(out), err, len(text))
	}
	out, err := s.run(tool, "", append([]string{"search", "--all"}, query...)...)
	if !strings.Contains(out, "label = awsmfa: TOTP seed of "+keyringPlace.serial) || err != nil {
		t.Errorf("secret-tool search shows no such label, %v", err)
	}
	// Somebody edits it, then takes it away.
	edit := append([]string{"store", "--label=edited"}, append(query, "place", keyringPlace.id)...)
	if out, err := s.run(tool, strings.Replace(string(text), "JBSW", "JBSX", 1), edit...); err != nil {
		t.Fatalf("secret-tool store: %v\n%s", err, out)
	}
	edited, err := k.load(t.Context(), keyringPlace)
	if err != nil || bytes.Equal(edited, text) {
		t.Fatalf("load of an edited item: %v", err)
	}
	if _, err := readRecord(edited, keyringPlace.serial); err == nil {
		t.Error("an edited seed was taken for a seed")
	}
	if out, err := s.run(tool, "", append([]string{"clear"}, query...)...); err != nil {
		t.Fatalf("secret-tool clear: %v\n%s", err, out)
	}
	_, err = k.load(t.Context(), keyringPlace)
	wantTrouble(t, err, Missing, "")
}

func TestLockedKeyring(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	daemon := s.gnomeKeyring(true)
	k, text := s.keyring(), keyringRecord(t)
	mustSave(t, k, keyringPlace, text)
	check := func() {
		t.Helper()
		wantTrouble(t, k.probe(t.Context()), Locked, "is locked")
		wantTrouble(t, k.ready(keyringPlace), Locked, "is locked")
		_, err := k.load(t.Context(), keyringPlace)
		wantTrouble(t, err, Locked, "is locked")
		_, err = k.save(t.Context(), otherPlace, text)
		wantTrouble(t, err, Locked, "is locked")
		wantTrouble(t, k.remove(t.Context(), keyringPlace), Locked, "is locked")
	}
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	login := []dbus.ObjectPath{"/org/freedesktop/secrets/collection/login"}
	call := s.connect().Object(secretsName, secretsRoot).Call(secretService+".Lock", 0, login)
	if err := call.Store(&locked, &prompt); err != nil || len(locked) != 1 {
		t.Fatalf("lock: %v, %v", locked, err)
	}
	check()
	// After a restart nobody has logged in.
	s.end(daemon)
	daemon = s.gnomeKeyring(false)
	check()
	s.end(daemon)
	s.gnomeKeyring(true)
	wantLoad(t, k, keyringPlace, text)
}

func TestNoDefaultKeyring(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.gnomeKeyring(false)
	k := s.keyring()
	wantTrouble(t, k.probe(t.Context()), Absent, "no default keyring")
	wantTrouble(t, k.ready(keyringPlace), Absent, "no default keyring")
	_, err := k.load(t.Context(), keyringPlace)
	wantTrouble(t, err, Absent, "no default keyring")
	_, err = k.save(t.Context(), keyringPlace, []byte("x"))
	wantTrouble(t, err, Absent, "no default keyring")
}

func TestNoSecretService(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	wantTrouble(t, s.keyring().probe(t.Context()), Absent, "no program keeps secrets")
}

// TestServiceIsStartedByTheBus: one that can be started counts as one.
func TestServiceIsStartedByTheBus(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	daemon := needGnomeKeyring(t)
	service := fmt.Sprintf("[D-BUS Service]\nName=%s\nExec=%s --start --foreground --components=secrets --control-directory=%s\n",
		secretsName, daemon, s.dir+"/control")
	if err := os.WriteFile(s.dir+"/services/"+secretsName+".service", []byte(service), 0o600); err != nil {
		t.Fatal(err)
	}
	conn := s.connect()
	if err := conn.BusObject().Call("org.freedesktop.DBus.ReloadConfig", 0).Err; err != nil {
		t.Fatal(err)
	}
	wantTrouble(t, s.keyring().probe(t.Context()), Absent, "no default keyring")
	var pid int
	if err := conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, secretsName).Store(&pid); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	// One that cannot be started is none.
	if err := os.WriteFile(s.dir+"/services/"+secretsName+".service",
		[]byte("[D-BUS Service]\nName="+secretsName+"\nExec=/nonexistent/daemon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.until("the end of the daemon", func() bool {
		var owned bool
		_ = conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, secretsName).Store(&owned)
		return !owned
	})
	if err := conn.BusObject().Call("org.freedesktop.DBus.ReloadConfig", 0).Err; err != nil {
		t.Fatal(err)
	}
	wantTrouble(t, s.keyring().probe(t.Context()), Absent, "no program keeps secrets")
}

func TestGnomeKeyringStoppedAndKilled(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	daemon := s.gnomeKeyring(true)
	k, text := s.keyring(), keyringRecord(t)
	mustSave(t, k, keyringPlace, text)
	_ = daemon.Process.Signal(syscall.SIGSTOP)
	hurried := k
	hurried.quick = 200 * time.Millisecond
	_, err := hurried.load(t.Context(), keyringPlace)
	wantTrouble(t, err, Unusable, "did not answer in 200ms")
	// Killed with a question before it: the bus says so, no deadline is needed.
	asked := make(chan error)
	go func() {
		_, err := k.load(t.Context(), keyringPlace)
		asked <- err
	}()
	conn := s.connect()
	s.until("the question", func() bool {
		var names []string
		err := conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names)
		return err == nil && len(names) >= 5 // the bus and its name, the daemon and its name, k, and this
	})
	s.end(daemon)
	var trouble *StoreError
	if err := <-asked; err == nil {
		t.Error("load succeeded without a keyring")
	} else if trouble, _ = err.(*StoreError); trouble == nil || trouble.Trouble != Unusable && trouble.Trouble != Absent {
		t.Errorf("load: %v", err)
	}
	_, err = k.load(t.Context(), keyringPlace)
	wantTrouble(t, err, Absent, "no program keeps secrets")
}

// proxied puts a listener between the keyring and the bus that hears everything.
func (s *session) proxied(k keyring) (keyring, func() string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "proxy")
	listener, err := net.Listen("unix", path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { listener.Close() })
	var mu sync.Mutex
	var heard bytes.Buffer
	listen := func(to io.Writer, from io.Reader) {
		part := make([]byte, 64<<10)
		for {
			n, err := from.Read(part)
			mu.Lock()
			heard.Write(part[:n])
			mu.Unlock()
			if _, failed := to.Write(part[:n]); err != nil || failed != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			bus, err := net.Dial("unix", s.path)
			if err != nil {
				return
			}
			go func() { listen(bus, client); bus.Close() }()
			go func() { listen(client, bus); client.Close() }()
		}
	}()
	k.getenv = environment(map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + path})
	return k, func() string { mu.Lock(); defer mu.Unlock(); return heard.String() }
}

func TestSeedsCrossTheBusEncrypted(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.gnomeKeyring(true)
	k, heard := s.proxied(s.keyring())
	text := keyringRecord(t)
	mustSave(t, k, keyringPlace, text)
	wantLoad(t, k, keyringPlace, text)
	if !strings.Contains(heard(), keyringPlace.serial) {
		t.Fatal("the listener hears nothing")
	}
	if strings.Contains(heard(), keyringSecret) {
		t.Error("the seed crossed the bus as it is")
	}
}

// ---- no bus, or none that answers ----

func TestNoBus(t *testing.T) {
	dir := shortDir(t)
	trace := filepath.Join(dir, "trace")
	for _, name := range []string{"dbus-launch", "dbus-daemon", "exec"} {
		script := "#!/bin/sh\n: >'" + trace + "'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("DISPLAY", ":99")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	if err := os.WriteFile(filepath.Join(dir, "bus"), nil, 0o600); err != nil { // no socket
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"":                                   "there is no D-Bus session bus",
		"autolaunch:":                        "there is no D-Bus session bus",
		"autolaunch:scope=user":              "there is no D-Bus session bus",
		"unix:path=" + dir + "/nowhere":      "no such file or directory",
		"unix:path=" + dir + "/bus":          "connection refused",
		"unix:abstract=awsmfa-" + dir:        "connection refused",
		"unixexec:path=" + dir + "/exec":     "names no socket",
		"tcp:host=127.0.0.1,port=9":          "names no socket",
		"launchd:env=X":                      "names no socket",
		"disabled:":                          "names no socket",
		"unix:path=%zz;unix:path=relative":   "names no socket",
		"unix:tmpdir=/tmp":                   "names no socket",
		strings.Repeat(";", 100) + "unix:,=": "names no socket",
	} {
		k := newKeyring(environment(map[string]string{
			"DBUS_SESSION_BUS_ADDRESS": address, "XDG_RUNTIME_DIR": dir, "DISPLAY": ":99"}), nil)
		k.quick = 20 * time.Second
		err := k.probe(t.Context())
		wantTrouble(t, err, Absent, want)
		_, err = k.load(t.Context(), keyringPlace)
		wantTrouble(t, err, Absent, want)
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("a program was started")
	}
}

func TestBusSockets(t *testing.T) {
	dir := shortDir(t)
	listener, err := net.Listen("unix", filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for address, want := range map[string]string{
		"":                                      dir + "/bus",
		"autolaunch:":                           dir + "/bus",
		"unix:path=/run/user/7/bus,guid=0a":     "/run/user/7/bus",
		"unix:guid=0a,path=/a%20b%2c":           "/a b,",
		"unix:abstract=/tmp/dbus-x,guid=1":      "@/tmp/dbus-x",
		"unix:runtime=yes":                      dir + "/bus",
		"tcp:host=x;unix:path=/a;unix:path=/b;": "/a /b",
	} {
		got, err := busSockets(environment(map[string]string{"DBUS_SESSION_BUS_ADDRESS": address, "XDG_RUNTIME_DIR": dir}), 7)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, %v; want %q", address, got, err, want)
		}
	}
}

// listening is a bus of a few words: it takes what comes, and says these lines.
func listening(t *testing.T, lines ...string) keyring {
	t.Helper()
	path := filepath.Join(shortDir(t), "bus")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				for _, line := range lines {
					fmt.Fprint(c, line+"\r\n")
				}
				_, _ = io.Copy(io.Discard, c)
				c.Close()
			}()
		}
	}()
	k := newKeyring(environment(map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + path}), nil)
	k.quick = 100 * time.Millisecond
	return k
}

func TestBusThatNeverAnswers(t *testing.T) {
	t.Parallel()
	for _, lines := range [][]string{
		nil,
		{"REJECTED EXTERNAL"},
		{"REJECTED EXTERNAL", "OK 1234deadbeef"},
	} {
		k := listening(t, lines...)
		wantTrouble(t, k.probe(t.Context()), Unusable, "did not answer in 100ms")
		_, err := k.load(t.Context(), keyringPlace)
		wantTrouble(t, err, Unusable, "did not answer in 100ms")
	}
	for _, lines := range [][]string{
		{"REJECTED ANONYMOUS"},
		{"HTTP/1.1 400 Bad Request"},
		{""},
		{"REJECTED EXTERNAL", "REJECTED"},
		{"REJECTED EXTERNAL", "OK 12", strings.Repeat("\xff", 4096)},
	} {
		k := listening(t, lines...)
		k.quick = 500 * time.Millisecond
		if err := k.probe(t.Context()); err == nil {
			t.Errorf("%q passed for a bus", lines)
		}
	}
}

func TestBusOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	path := filepath.Join(shortDir(t), "bus")
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	listeners := make(chan net.Listener)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its user
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			t.Error(errno)
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Error(err)
		}
		listeners <- l
	}()
	l := <-listeners
	if l == nil {
		return
	}
	defer l.Close()
	k := newKeyring(environment(map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + path}), nil)
	k.quick = 20 * time.Second
	wantTrouble(t, k.probe(t.Context()), Absent, "belongs to user 65534")
}
