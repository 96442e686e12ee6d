//go:build unix

package profile

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain: with a directory given, this is a process that edits the config
// file there until it is killed, or fails.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PROFILE_TEST_EDIT"); dir != "" {
		editForEver(dir)
	}
	os.Exit(m.Run())
}

func editForEver(home string) {
	r := Rewriter{Paths: Locate(func(string) string { return "" }, home), Dir: filepath.Join(home, "state")}
	r.Paths.Credentials = ""
	fmt.Println("begun")
	values := []string{"a", "b"}
	if once := os.Getenv("PROFILE_TEST_ONCE"); once != "" {
		values = []string{once}
	}
	for i := 0; ; i++ {
		_, err := r.Set(context.Background(), "dev", "k", values[i%len(values)])
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if len(values) == 1 {
			os.Exit(0)
		}
	}
}

// TestKilled: a kill at any point leaves one of the two texts whole, and the
// next edit clears up.
func TestKilled(t *testing.T) {
	rounds := 25
	if os.Getenv("AWSMFA_LONG") != "" {
		rounds = 250
	}
	filler := strings.Repeat("# a comment, so that a write takes a while\n", 20000)
	text := func(value string) string { return "[profile dev]\nk = " + value + "\n" + filler }
	r := rewriter(t, text("a"))
	r.Dir = filepath.Join(r.Paths.Home, "state")
	for range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PROFILE_TEST_EDIT="+r.Paths.Home)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "begun\n" {
			t.Fatal(line, err)
		}
		time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
		cmd.Process.Kill()
		cmd.Wait()
		if got := content(t, r.Paths.Config); got != text("a") && got != text("b") {
			t.Fatalf("the file has %d bytes", len(got))
		}
	}
	_, err := r.set(t, "c")
	must(t, err)
	alone(t, r.Paths.Config)
	backups, err := filepath.Glob(filepath.Join(r.Dir, "config-backups", "*"))
	must(t, err)
	for _, b := range backups {
		if got := content(t, b); got != text("a") && got != text("b") {
			t.Errorf("%s has %d bytes", b, len(got))
		}
	}
}

func TestSweepSparesTheLiving(t *testing.T) {
	r := rewriter(t, devText)
	dir := filepath.Dir(r.Paths.Config)
	dead := exec.Command("true")
	must(t, dead.Run())
	for name, stays := range map[string]bool{
		".config.awsmfa-" + strconv.Itoa(dead.Process.Pid) + "-1": false,
		".config.awsmfa-" + strconv.Itoa(os.Getppid()) + "-1":     true,
		".config.awsmfa-x-1": true, ".configs.awsmfa-1": true, "config.awsmfa-" + strconv.Itoa(dead.Process.Pid): true,
	} {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, nil, 0o600))
		_, err := r.set(t, name)
		must(t, err)
		if _, err := os.Stat(path); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestModeStays(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o640, 0o644, 0o200 | 0o400 | 0o066} {
		r := rewriter(t, devText)
		must(t, os.Chmod(r.Paths.Config, mode))
		done, err := r.set(t, "new")
		must(t, err)
		for path, want := range map[string]os.FileMode{r.Paths.Config: mode, done.Backup: 0o600, filepath.Dir(done.Backup): 0o700} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, want %v", path, info.Mode(), want)
			}
		}
	}
	defer syscall.Umask(syscall.Umask(0o777))
	r := rewriter(t, "")
	_, err := r.set(t, "new")
	must(t, err)
	for path, want := range map[string]os.FileMode{r.Paths.Config: 0o600, filepath.Dir(r.Paths.Config): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want %v", path, info.Mode(), want)
		}
	}
}

// TestLinkStays: a dotfile manager's link, over two steps, one of them below
// a directory that is a link itself.
func TestLinkStays(t *testing.T) {
	r := rewriter(t, devText)
	home := r.Paths.Home
	must(t, os.MkdirAll(filepath.Join(home, "dotfiles", "deep", "aws"), 0o700))
	must(t, os.Rename(r.Paths.Config, filepath.Join(home, "dotfiles", "deep", "config.real")))
	must(t, os.Symlink(filepath.Join(home, "dotfiles", "deep", "aws"), filepath.Join(home, "way")))
	must(t, os.Symlink("../config.real", filepath.Join(home, "way", "config"))) // in deep/aws, so deep/config.real
	must(t, os.Symlink("../way/config", r.Paths.Config))
	_, err := r.set(t, "new")
	must(t, err)
	for _, link := range []string{r.Paths.Config, filepath.Join(home, "way", "config")} {
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more", link)
		}
	}
	real := filepath.Join(home, "dotfiles", "deep", "config.real")
	if content(t, real) != "[profile dev]\nk = new # note\n" {
		t.Error(content(t, real))
	}
	alone(t, real)
	must(t, os.Remove(real)) // the link dangles
	if _, err := r.set(t, "new"); err != nil || content(t, real) != "[profile dev]\nk = new\n" {
		t.Error(err)
	}
	must(t, os.RemoveAll(filepath.Join(home, "dotfiles")))
	if _, err := r.set(t, "new"); err == nil {
		t.Error("directories are made at the end of a link")
	}
	must(t, os.Remove(r.Paths.Config))
	must(t, os.Symlink("config", r.Paths.Config))
	if kind, _ := kindOf(errorOf(r.set(t, "new"))); kind != BadFile {
		t.Error("a loop of links")
	}
}

func TestRewriteRefusedUnix(t *testing.T) {
	fifo := rewriter(t, devText)
	must(t, os.Remove(fifo.Paths.Config))
	must(t, syscall.Mkfifo(fifo.Paths.Config, 0o600))
	if kind, _ := kindOf(errorOf(fifo.set(t, "new"))); kind != BadFile {
		t.Error("FIFO")
	}
	linked := rewriter(t, devText)
	must(t, os.Link(linked.Paths.Config, linked.Paths.Config+"2"))
	if err := errorOf(linked.set(t, "new")); err == nil || err.Error() != `"~/.aws/config" is not edited: it has more than one hard link` {
		t.Error(err)
	}
	if os.Geteuid() == 0 {
		return // root writes everywhere
	}
	closed := rewriter(t, devText)
	dir := filepath.Dir(closed.Paths.Config)
	must(t, os.Chmod(dir, 0o500))
	defer os.Chmod(dir, 0o700)
	if err := errorOf(closed.set(t, "new")); err == nil || !strings.Contains(err.Error(), "its directory: permission denied") {
		t.Error(err)
	}
}

// TestRootKeepsOwner: who edits as root edits a file that stays its owner's.
func TestRootKeepsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	r := rewriter(t, devText)
	must(t, os.Chown(r.Paths.Config, 65534, 65533))
	_, err := r.set(t, "new")
	must(t, err)
	info, err := os.Stat(r.Paths.Config)
	must(t, err)
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 65534 || stat.Gid != 65533 || info.Mode().Perm() != 0o600 {
		t.Errorf("%d:%d %v", stat.Uid, stat.Gid, info.Mode())
	}
}

// TestForeignConfig edits as another user, who owns home but not the config.
func TestForeignConfig(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	home, err := os.MkdirTemp("", "profile") // which another user can reach
	must(t, err)
	defer os.RemoveAll(home)
	self := filepath.Join(home, "self")
	text, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.WriteFile(self, text, 0o755))
	must(t, os.Mkdir(filepath.Join(home, ".aws"), 0o700))
	config := filepath.Join(home, ".aws", "config")
	must(t, os.WriteFile(config, []byte(devText), 0o666))
	must(t, os.Chmod(config, 0o666))
	must(t, os.Chown(home, 65534, 65534))
	must(t, os.Chown(filepath.Dir(config), 65534, 65534))
	run := func() string {
		cmd := exec.Command(self)
		cmd.Env = []string{"PROFILE_TEST_EDIT=" + home, "PROFILE_TEST_ONCE=new"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if out := run(); !strings.Contains(out, "it belongs to another user") || content(t, config) != devText {
		t.Error(out)
	}
	must(t, os.Chown(config, 65534, 65534))
	must(t, os.Chmod(filepath.Dir(config), 0o500))
	if out := run(); !strings.Contains(out, "its directory: permission denied") || content(t, config) != devText {
		t.Error(out)
	}
	must(t, os.Chmod(filepath.Dir(config), 0o700))
	if out := run(); out != "begun\n" || content(t, config) == devText {
		t.Error(out)
	}
}
