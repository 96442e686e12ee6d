//go:build unix

package profile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOddFiles: nothing that is not a regular file is opened, and a FIFO
// without a writer is refused at once.
func TestOddFiles(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(fifo, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, link, "/dev/zero", "/dev/tty"} {
		_, err := Load(Paths{Config: path})
		kind, ok := kindOf(err)
		if path == "/dev/tty" && err == nil {
			continue // there is none
		}
		if !ok || kind != BadFile || !strings.Contains(err.Error(), "regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("[default]\n"), 0o200); err != nil {
		t.Fatal(err)
	}
	_, err := Load(Paths{Config: path})
	if kind, ok := kindOf(err); !ok || kind != BadFile || strings.Count(err.Error(), path) != 1 {
		t.Errorf("%v", err)
	}
}

func TestLinksAreFollowed(t *testing.T) {
	f := home(t, "[profile dev]\nregion = eu-west-1\n", "")
	dir := t.TempDir()
	if err := os.Symlink(filepath.Dir(f.Paths().Config), filepath.Join(dir, ".aws")); err != nil {
		t.Fatal(err)
	}
	g, err := Load(Locate(func(string) string { return "" }, dir))
	if err != nil {
		t.Fatal(err)
	}
	p, err := g.Profile("dev")
	if err != nil || p.Get("region").Origin.String() != "~/.aws/config:2" {
		t.Errorf("%v", err)
	}
}

func TestCommandAllowed(t *testing.T) {
	f := home(t, "[profile dev]\nmfa_process = x\n", "[dev]\ncredential_process = y\n")
	load := func(mode os.FileMode) *Files {
		if err := os.Chmod(f.Paths().Config, mode); err != nil {
			t.Fatal(err)
		}
		g, err := Load(f.Paths())
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	for mode, allowed := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o444: true, 0o620: false, 0o602: false, 0o666: false} {
		g := load(mode)
		p, err := g.Profile("dev")
		if err != nil {
			t.Fatal(err)
		}
		err = g.CommandAllowed(p.Get("mfa_process"))
		if kind, ok := kindOf(err); allowed != (err == nil) || err != nil && (!ok || kind != UntrustedFile || !strings.Contains(err.Error(), "~/.aws/config:2")) {
			t.Errorf("%o: %v", mode, err)
		}
		if err := g.CommandAllowed(p.Get("credential_process")); err != nil {
			t.Errorf("the other file: %v", err)
		}
	}
	g := load(0o600)
	if err := g.CommandAllowed(Value{"x", Origin{Name: "--mfa-process"}}); err != nil {
		t.Errorf("given by the user: %v", err)
	}
	if err := g.CommandAllowed(Value{"x", Origin{Path: "/etc/other", Line: 1}}); err == nil {
		t.Error("a file that was not read is trusted")
	}
}

// TestForeignOwner needs another user's file; only root can make one.
func TestForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	f := home(t, "[profile dev]\nmfa_process = x\n", "")
	if err := os.Chown(f.Paths().Config, 65534, 65534); err != nil {
		t.Skip(err)
	}
	g, err := Load(f.Paths())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := g.Profile("dev")
	if kind, ok := kindOf(g.CommandAllowed(p.Get("mfa_process"))); !ok || kind != UntrustedFile {
		t.Error("another user's file is trusted")
	}
}
