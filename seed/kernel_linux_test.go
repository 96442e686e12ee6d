package seed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// needKernelKeyring skips where the kernel has no keyring for us, or fails
// where it was said that it has.
func needKernelKeyring(t *testing.T) {
	t.Helper()
	name := keptPrefix + "test:" + newSlot("").id
	keepIdentity(name, []byte("here"), time.Minute)
	defer dropIdentities(func(n string) bool { return n == name })
	if string(keptIdentity(name)) == "here" {
		return
	}
	if strings.Contains(os.Getenv("AWSMFA_REQUIRE_SHELLS"), "kernel-keyring") {
		t.Fatal("the kernel's keyring is required (AWSMFA_REQUIRE_SHELLS), and is not here")
	}
	t.Skip("no kernel keyring here")
}

// keeping is a world where the kernel keeps the key.
func keeping(t *testing.T, ttl time.Duration) *world {
	t.Helper()
	needKernelKeyring(t)
	w := newWorld(t)
	w.o.UnlockTTL = ttl
	t.Cleanup(func() { w.vault().Lock() })
	return w
}

// nameInKernel is the name of the key that unlocks the vault now.
func (w *world) nameInKernel() string {
	w.t.Helper()
	ix, err := readIndex(w.seeds())
	if err != nil {
		w.t.Fatal(err)
	}
	return keptName(w.seeds(), ix.key.recipient)
}

func TestKernelKeepsTheKey(t *testing.T) {
	ctx := context.Background()
	w := keeping(t, time.Hour)
	w.add(w.vault("right", "right"), jane, secretA)
	w.holds(w.vault(), jane, secretA) // nobody is asked
	if err := w.vault().Ready(jane); err != nil {
		t.Error(err)
	}
	first := w.nameInKernel()
	if err := w.vault("new", "new").ChangePassphrase(ctx); err != nil {
		t.Fatal(err)
	}
	if keptIdentity(first) != nil {
		t.Error("the old key stays with the kernel")
	}
	w.holds(w.vault(), jane, secretA)
	if err := w.vault().Lock(); err != nil {
		t.Fatal(err)
	}
	w.holds(w.vault("new"), jane, secretA)
	w.holds(w.vault(), jane, secretA)

	// The wrong key under the right name is not taken for the right one.
	name := w.nameInKernel()
	for _, text := range []string{"nonsense", strings.Repeat("x", 5000), "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"} {
		keepIdentity(name, []byte(text), time.Hour)
		w.holds(w.vault("new"), jane, secretA)
	}
	// Damage does not keep it unlocked.
	w.put("index", []byte("damaged"))
	if err := w.vault().Lock(); err != nil || keptIdentity(name) != nil {
		t.Errorf("%v, kept: %v", err, keptIdentity(name) != nil)
	}
}

func TestKernelKeepsNothingUnasked(t *testing.T) {
	w := keeping(t, 0)
	w.add(w.vault("right", "right"), jane, secretA)
	if keptIdentity(w.nameInKernel()) != nil {
		t.Error("it is kept")
	}
	w.holds(w.vault("right"), jane, secretA)
}

func TestRemovingTheLastForgetsTheKey(t *testing.T) {
	w := keeping(t, time.Hour)
	w.add(w.vault("right", "right"), jane, secretA)
	name := w.nameInKernel()
	if err := w.vault().Remove(context.Background(), jane); err != nil || keptIdentity(name) != nil {
		t.Errorf("%v, kept: %v", err, keptIdentity(name) != nil)
	}
}

// A damaged key file is told while the seeds can still be saved.
func TestUnlockedWithADamagedKeyFile(t *testing.T) {
	w := keeping(t, time.Hour)
	w.add(w.vault("right", "right"), jane, secretA)
	ix, _ := readIndex(w.seeds())
	w.put("identity-"+ix.key.id(), []byte("damaged"))
	w.holds(w.vault(), jane, secretA)
	if len(w.warned) != 1 || !strings.Contains(w.warned[0], "migrate") {
		t.Errorf("warned: %q", w.warned)
	}
	if err := w.vault("new", "new").ChangePassphrase(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.vault().Lock()
	w.holds(w.vault("new"), jane, secretA)
}

// The kernel's own clock, so this one has to wait.
func TestKernelForgets(t *testing.T) {
	w := keeping(t, 1*time.Second)
	w.add(w.vault("right", "right"), jane, secretA)
	name := w.nameInKernel()
	for range 200 {
		if keptIdentity(name) == nil {
			w.holds(w.vault("right"), jane, secretA)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the key outlives its time")
}

// inSession runs this test again as a process with another session keyring: as
// after another login, or in a tmux.
const inSession = "SEED_TEST_SESSION"

func TestKernelKeepsForOtherLogins(t *testing.T) {
	if dir := os.Getenv(inSession); dir != "" {
		runtime.LockOSThread()
		newLogin(t)
		w := &world{t: t, ring: &ring{gone: true}, person: &person{}, o: Options{Dir: dir}}
		w.holds(w.vault(), jane, secretA)
		if err := w.vault().Lock(); err != nil {
			t.Fatal(err)
		}
		return
	}
	w := keeping(t, time.Hour)
	w.add(w.vault("right", "right"), jane, secretA)
	child := exec.Command(os.Args[0], "-test.run=^TestKernelKeepsForOtherLogins$")
	child.Env = append(os.Environ(), quickExit, inSession+"="+w.o.Dir)
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if keptIdentity(w.nameInKernel()) != nil {
		t.Error("another login cannot lock")
	}
}

// newLogin gives this thread a session keyring of its own, without a name.
func newLogin(t *testing.T) {
	t.Helper()
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
}

// As another user: works there, and does not get at the keys of this one.
const otherUser = "SEED_TEST_OTHER_USER"

func TestKernelAsAnotherUser(t *testing.T) {
	if foreign := os.Getenv(otherUser); foreign != "" {
		name, number, _ := strings.Cut(foreign, " ")
		id, _ := strconv.Atoi(number)
		if text := keptIdentity(name); text != nil {
			t.Error("found the key of another user")
		}
		if _, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, make([]byte, 256), 0); !errors.Is(err, unix.EACCES) {
			t.Errorf("reading the key of another user: %v", err)
		}
		runtime.LockOSThread()
		newLogin(t)
		w := keeping(t, time.Hour)
		w.add(w.vault("right", "right"), jane, secretA)
		w.holds(w.vault(), jane, secretA)
		return
	}
	w := keeping(t, time.Hour)
	w.add(w.vault("right", "right"), jane, secretA)
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", w.nameInKernel(), 0)
	if err != nil {
		t.Fatal(err)
	}
	asAnotherUser(t, otherUser+"="+w.nameInKernel()+" "+strconv.Itoa(id))
}

// asAnotherUser runs the test that calls it again, as a process of a user that
// is neither root nor anybody.
func asAnotherUser(t *testing.T, env ...string) {
	t.Helper()
	setpriv, err := exec.LookPath("setpriv")
	if os.Geteuid() != 0 || err != nil {
		t.Skip("needs root and setpriv")
	}
	home := open(t, "uid-65533")
	program := filepath.Join(home, "test")
	copyProgram(t, program)
	child := exec.Command(setpriv, "--reuid=65533", "--regid=65533", "--clear-groups", program, "-test.run=^"+t.Name()+"$")
	child.Dir = home
	child.Env = append(append(os.Environ(), quickExit, "TMPDIR="+home, "HOME="+home), env...)
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// open makes a directory that the other user owns and can get to.
func open(t *testing.T, pattern string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", pattern)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, 65533, 65533); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(f, from)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// A full quota is no failure: the key is not kept, that is all.
func TestKernelQuota(t *testing.T) {
	needKernelKeyring(t)
	keepIdentity(keptPrefix+"test:quota", bytes.Repeat([]byte("x"), 40_000), time.Minute) // more than a key may hold
	if keptIdentity(keptPrefix+"test:quota") != nil {
		t.Error("it is kept")
	}
}

// What cannot be written is told, and what was there stays.
func TestReadOnlyDirectory(t *testing.T) {
	if os.Geteuid() == 0 { // who may write anywhere
		asAnotherUser(t)
		return
	}
	w := newWorld(t)
	w.add(w.vault("right", "right"), jane, secretA)
	if err := os.Chmod(w.seeds(), 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(w.seeds(), 0o700)
	trouble(t, w.vault().Remove(context.Background(), jane), Unusable)
	w.holds(w.vault("right"), jane, secretA)
	if err := os.Chmod(w.seeds(), 0); err != nil {
		t.Fatal(err)
	}
	_, err := w.vault().Load(context.Background(), jane)
	trouble(t, err, Unusable)
}
