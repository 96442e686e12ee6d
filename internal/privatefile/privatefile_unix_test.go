//go:build unix

package privatefile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestWriteThenRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := EnsureDir(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "f")
	for _, write := range []func(string, []byte) error{Write, WriteCache, WriteHint} {
		for _, text := range []string{"one", "", "a longer text"} {
			if err := write(path, []byte(text)); err != nil {
				t.Fatal(err)
			}
			got, err := Read(path, 100)
			if err != nil || string(got) != text {
				t.Fatalf("read %q, %v", got, err)
			}
		}
	}
	if _, err := Read(path, 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("beyond the limit: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "none"), 3); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	mode(t, dir, 0o700)
	mode(t, path, 0o600)
}

func mode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != want {
		t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
	}
}

// Each umask runs in a child, since the umask belongs to the whole process.
func TestUmask(t *testing.T) {
	if mask := os.Getenv("PRIVATEFILE_UMASK"); mask != "" {
		n, _ := strconv.ParseInt(mask, 8, 32)
		syscall.Umask(int(n))
		dir := filepath.Join(os.Getenv("PRIVATEFILE_DIR"), "x", "y")
		if err := EnsureDir(dir); err != nil {
			t.Fatal(err)
		}
		if err := Write(filepath.Join(dir, "f"), []byte("text")); err != nil {
			t.Fatal(err)
		}
		mode(t, filepath.Dir(dir), 0o700)
		mode(t, dir, 0o700)
		mode(t, filepath.Join(dir, "f"), 0o600)
		if _, _, err := TryLock(filepath.Join(dir, "l")); err != nil {
			t.Fatal(err)
		}
		mode(t, filepath.Join(dir, "l"), 0o600)
		return
	}
	for _, mask := range []string{"0", "22", "77", "777"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestUmask$")
		cmd.Env = append(os.Environ(), "PRIVATEFILE_UMASK="+mask, "PRIVATEFILE_DIR="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("umask %s: %v\n%s", mask, err, out)
		}
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	for _, c := range []struct {
		name string
		make func(path string) error
		want error
	}{
		{"symlink", func(p string) error { return os.Symlink(plain, p) }, ErrSymlink},
		{"directory", func(p string) error { return os.Mkdir(p, 0o700) }, ErrNotRegular},
		{"pipe", func(p string) error { return syscall.Mkfifo(p, 0o600) }, ErrNotRegular},
		{"hard link", func(p string) error {
			if err := os.WriteFile(plain, nil, 0o600); err != nil {
				return err
			}
			return os.Link(plain, p)
		}, ErrHardLink},
		{"wide mode", func(p string) error {
			if err := os.WriteFile(p, nil, 0o600); err != nil {
				return err
			}
			return os.Chmod(p, 0o640)
		}, ErrMode},
	} {
		path := filepath.Join(dir, c.name)
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path, 10); !errors.Is(err, c.want) {
			t.Errorf("%s: read: %v", c.name, err)
		}
		if c.want == ErrMode {
			continue // a lock file of that kind is mended, see below
		}
		if _, _, err := TryLock(path); !errors.Is(err, c.want) && !errors.Is(err, syscall.EISDIR) {
			t.Errorf("%s: lock: %v", c.name, err)
		}
	}
	for _, name := range []string{"symlink", "pipe", "directory"} {
		if err := Write(filepath.Join(dir, name), []byte("x")); !errors.Is(err, ErrNotRegular) {
			t.Errorf("write over %s: %v", name, err)
		}
	}
}

func TestForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, 1); !errors.Is(err, ErrOwner) {
		t.Errorf("foreign file: %v", err)
	}
	sub := filepath.Join(dir, "d")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(sub, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := EnsureDir(sub); !errors.Is(err, ErrOwner) {
		t.Errorf("foreign directory: %v", err)
	}
}

func TestEnsureDirRefusals(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(at("real"), 0o700))
	must(os.Symlink(at("real"), at("link")))
	must(os.Mkdir(at("wide"), 0o755))
	must(os.WriteFile(at("file"), nil, 0o600))
	must(os.Mkdir(at("open"), 0o777))
	must(os.Chmod(at("open"), 0o777))
	for name, want := range map[string]error{
		"link": ErrSymlink, "wide": ErrMode, "file": ErrNotDir, "open/x": ErrOpenParent,
	} {
		if err := EnsureDir(at(name)); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := EnsureDir("relative"); !errors.Is(err, ErrNotAbsolute) {
		t.Errorf("relative: %v", err)
	}
	must(os.Mkdir(at("sticky"), 0o700))
	must(os.Chmod(at("sticky"), 0o777|fs.ModeSticky))
	must(EnsureDir(at("sticky/x")))
}

func TestSweepTakesOnlyDeadWriters(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(dir, tempPrefix+strconv.Itoa(child.Process.Pid)+"-0")
	live := filepath.Join(dir, tempPrefix+strconv.Itoa(os.Getppid())+"-0")
	for _, p := range []string{dead, live} {
		if err := os.WriteFile(p, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(filepath.Join(dir, "f"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the file of a dead writer stayed")
	}
	if _, err := os.Stat(live); err != nil {
		t.Error("the file of a live writer is gone")
	}
}

func TestLockExcludesAndDiesWithItsProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if os.Getenv("PRIVATEFILE_HOLD") != "" {
		path = os.Getenv("PRIVATEFILE_HOLD")
		l, ok, err := TryLock(path)
		if err != nil || !ok {
			os.Exit(3)
		}
		l.SetHolder("pid=1 tty=/dev/pts/9")
		os.Stdout.WriteString("held\n")
		time.Sleep(time.Minute)
		os.Exit(4)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestLockExcludesAndDiesWithItsProcess$")
	child.Env = append(os.Environ(), "PRIVATEFILE_HOLD="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := out.Read(buf); err != nil || !bytes.Equal(buf, []byte("held\n")) {
		t.Fatalf("%q, %v", buf, err)
	}
	if _, ok, err := TryLock(path); ok || err != nil {
		t.Fatalf("a held lock was taken: %v, %v", ok, err)
	}
	if got := Holder(path); got != "pid=1 tty=/dev/pts/9" {
		t.Errorf("holder %q", got)
	}
	child.Process.Kill()
	child.Wait()
	l, ok, err := TryLock(path)
	if !ok || err != nil {
		t.Fatalf("the lock outlived its process: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if got := Holder(path); got != "" {
		t.Errorf("a free lock names a holder: %q", got)
	}
}

func TestDeletedLockFileIsNotHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, ok, err := TryLock(path)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	os.Remove(path)
	second, ok, err := TryLock(path)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if !sameFile(path, second.f) || sameFile(path, first.f) {
		t.Error("the new lock is not on the new file")
	}
}

// Writers of one process use the same names for their temporary files, one
// after the other; so do those of containers that share a directory.
func TestWritersLeaveEachOtherAlone(t *testing.T) {
	dir := t.TempDir()
	failures := make(chan error, 8)
	for i := range cap(failures) {
		go func() {
			path := filepath.Join(dir, strconv.Itoa(i))
			var err error
			for n := 0; n < 40 && err == nil; n++ {
				// Not Write, which tries again when its file is gone.
				err = replace(dir, path, []byte(strconv.Itoa(n)), hint)
			}
			failures <- err
		}()
	}
	for range cap(failures) {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files stayed: %q, %v", left, err)
	}
}

// A lock file of our own that is open to others is closed to them, and locked.
func TestWideLockIsMended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	lock, got, err := TryLock(path)
	if err != nil || !got {
		t.Fatalf("%v, %v", got, err)
	}
	defer lock.Unlock()
	mode(t, path, 0o600)
	if _, got, err := TryLock(path); got || err != nil {
		t.Errorf("locked twice: %v, %v", got, err)
	}
}

func TestCreateIsForOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "claim")
	results := make(chan bool)
	for range 50 {
		go func() {
			ok, err := Create(path)
			if err != nil {
				t.Error(err)
			}
			results <- ok
		}()
	}
	n := 0
	for range 50 {
		if <-results {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of 50 made the file", n)
	}
	if err := os.Symlink(filepath.Join(dir, "away"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if ok, err := Create(filepath.Join(dir, "link")); ok || err != nil {
		t.Errorf("over a link: %v, %v", ok, err)
	}
}

// Nothing is read from, or written to, wherever we happen to stand.
func TestRelativePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("f", []byte("planted"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, readErr := Read("f", 10)
	_, _, lockErr := TryLock("f")
	_, createErr := Create("g")
	for name, err := range map[string]error{
		"read": readErr, "lock": lockErr, "create": createErr, "write": Write("f", nil), "remove": Remove("f"), "directory": EnsureDir("d"),
	} {
		if !errors.Is(err, ErrNotAbsolute) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if Holder("f") != "" {
		t.Error("a holder is read")
	}
	if text, err := os.ReadFile("f"); string(text) != "planted" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
