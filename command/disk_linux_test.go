package command

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// disk is a crowd of the release in a directory that the user of the runs can
// reach, with one session in the cache.
type disk struct {
	*crowd
	uid uint32 // of the runs, where it is not ours
}

func newDisk(t *testing.T, binary string) *disk {
	t.Helper()
	return &disk{crowd: newKillCrowd(t, binary)}
}

// command runs as the disk's user.
func (d *disk) command(line string, env ...string) *exec.Cmd {
	cmd := d.crowd.command(d.words(line)...)
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if d.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: d.uid, Gid: d.uid}
	}
	return cmd
}

func (d *disk) run(line string, env ...string) outcome {
	d.t.Helper()
	return d.all([]*exec.Cmd{d.command(line, env...)})[0]
}

// under runs a line through a shell that prepares something first; "$@" is the run.
func (d *disk) under(script, line string, env ...string) outcome {
	d.t.Helper()
	cmd := d.command(line, env...)
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", script, "sh"}, cmd.Args...)
	return d.all([]*exec.Cmd{cmd})[0]
}

func (d *disk) check(what string, o outcome, wantWarning bool) {
	d.t.Helper()
	if o.code != 0 || !completeStatements(o.stdout) {
		d.t.Errorf("%s: exit %d\n%s%s", what, o.code, o.stdout, o.stderr)
	}
	if warned := strings.Contains(o.stderr, "awsmfa: "); warned != wantWarning {
		d.t.Errorf("%s: stderr is %q", what, o.stderr)
	}
}

// impostors are what may stand in the place of a file of ours. Each keeps a
// file "victim" in reach, which nobody may touch.
func impostors(t *testing.T, victim string) map[string]func(path string) {
	list := map[string]func(string){
		"FIFO":          func(p string) { must(t, syscall.Mkfifo(p, 0o600)) },
		"directory":     func(p string) { must(t, os.Mkdir(p, 0o700)) },
		"hard link":     func(p string) { must(t, os.Link(victim, p)) },
		"symbolic link": func(p string) { must(t, os.Symlink(victim, p)) },
		"wide mode":     func(p string) { must(t, os.WriteFile(p, []byte("x"), 0o600)); must(t, os.Chmod(p, 0o666)) },
	}
	if long() {
		list["dangling link"] = func(p string) { must(t, os.Symlink(victim+"-none", p)) }
		list["socket"] = func(p string) { must(t, syscall.Mknod(p, syscall.S_IFSOCK|0o600, 0)) }
	}
	if os.Geteuid() == 0 {
		list["device"] = func(p string) { must(t, syscall.Mknod(p, syscall.S_IFCHR|0o600, int(unix.Mkdev(1, 5)))) } // /dev/zero
		list["foreign file"] = func(p string) { must(t, os.WriteFile(p, []byte("x"), 0o600)); must(t, os.Chown(p, 65534, 65534)) }
	}
	return list
}

// TestImpostors puts every kind of thing in the place of every file that
// awsmfa keeps: the run neither hangs, nor fails, nor follows.
func TestImpostors(t *testing.T) {
	binary := buildRelease(t)
	for kind := range impostors(t, "") {
		t.Run(kind, func(t *testing.T) {
			for i := 0; ; i++ {
				d := newDisk(t, binary)
				d.write("config", strings.ReplaceAll(killConfig, "mfa_serial = SERIAL\n", ""))
				d.check("first run", d.run("env dev -t CODE"), false)
				places := d.places()
				if i == len(places) {
					break
				}
				d.replaced(kind, places[i])
			}
		})
	}
}

// places are all files that awsmfa may keep, relative to HOME.
func (d *disk) places() []string {
	d.t.Helper()
	clock := sha256.Sum256([]byte(d.server.URL()))
	list := append(d.ownFiles(), fmt.Sprintf(".local/state/awsmfa/clock-%x", clock[:8]))
	all := strings.Join(list, " ")
	for _, kind := range []string{"/sessions/", "/locks/", "/ledger/", "/device-"} {
		if !strings.Contains(all, kind) {
			d.t.Fatalf("no file of %q among %q", kind, list)
		}
	}
	for _, n := range list {
		if lock, found := strings.CutSuffix(n, ".lock"); found {
			return append(list, lock+".failure")
		}
	}
	return list
}

// replaced puts an impostor in the place of one file, and runs.
func (d *disk) replaced(kind, name string) {
	d.t.Helper()
	victim, what := filepath.Join(d.home, "victim"), kind+" in place of "+name
	must(d.t, os.WriteFile(victim, []byte("victim"), 0o600))
	os.Remove(filepath.Join(d.home, name))
	impostors(d.t, victim)[kind](filepath.Join(d.home, name))
	o := d.run("env dev --refresh -t CODE")
	if o.code != 0 || !completeStatements(o.stdout) {
		d.t.Errorf("%s: exit %d\n%s%s", what, o.code, o.stdout, o.stderr)
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "victim" {
		d.t.Errorf("%s: the victim is %q, %v", what, text, err)
	}
	if _, err := os.Stat(victim + "-none"); err == nil {
		d.t.Errorf("%s: a link was followed", what)
	}
	if strings.Contains(o.stderr, "the session is not cached: ") && strings.Contains(name, "/sessions/") {
		return // what is no file is left for its owner to look at
	}
	if o = d.run("env dev --no-input"); o.code != 0 {
		d.t.Errorf("%s: the next run: exit %d\n%s", what, o.code, o.stderr)
	}
}

// ownFiles are the files that awsmfa made, relative to HOME.
func (d *disk) ownFiles() []string {
	d.t.Helper()
	var list []string
	for _, f := range d.tree() {
		name, err := filepath.Rel(d.home, f)
		must(d.t, err)
		if !strings.HasPrefix(name, ".aws/") {
			list = append(list, name)
		}
	}
	return list
}

// TestStdoutThatIsNone: output that cannot be written is an error, and the
// session that a code bought is kept. A closed stream cannot be told from the
// null device, which Go's runtime puts in its place: nobody asked for the output.
func TestStdoutThatIsNone(t *testing.T) {
	d := newDisk(t, buildRelease(t))
	for _, c := range []struct {
		name, script, line string
		code, calls        int
	}{
		{"read-only", `exec "$@" 1</dev/null`, "env dev -t CODE", 1, 1},
		{"read-only, warm", `exec "$@" 1</dev/null`, "env dev", 1, 0},
		{"closed", `exec "$@" >&-`, "env dev --refresh -t CODE", 0, 1},
		{"closed, for an SDK", `exec "$@" >&-`, "process dev", 0, 0},
		{"all closed", `exec "$@" <&- >&- 2>&-`, "env dev", 0, 0},
		{"both ways", `exec "$@" 1<>/dev/null`, "env dev", 0, 0},
		{"full", `exec "$@" >/dev/full`, "env dev", 1, 0},
		{"full, for an SDK", `exec "$@" >/dev/full`, "process dev", 1, 0},
		{"full, cold", `exec "$@" >/dev/full`, "env dev --refresh -t CODE", 1, 1},
		{"thrown away", `exec "$@" >/dev/null`, "env dev", 0, 0},
	} {
		d.server.ForgetRequests()
		o := d.under(c.script, c.line)
		if o.code != c.code || o.stdout != "" {
			t.Errorf("%s: exit %d\n%s%s", c.name, o.code, o.stdout, o.stderr)
		}
		if c.code != 0 && !strings.Contains(o.stderr, "awsmfa: error: writing standard output: ") {
			t.Errorf("%s: %s", c.name, o.stderr)
		}
		if n := d.server.Calls("GetSessionToken"); n != c.calls {
			t.Errorf("%s: %d calls", c.name, n)
		}
	}
	d.check("after all that", d.run("env dev --cached"), false)
}

// TestReaderThatLeft: the pipe breaks after the code was spent; the session is kept.
func TestReaderThatLeft(t *testing.T) {
	d := newDisk(t, buildRelease(t))
	r, w, err := os.Pipe()
	must(t, err)
	must(t, r.Close())
	cmd := d.command("env dev -t CODE")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &stderr
	err = cmd.Run()
	w.Close()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGPIPE {
		t.Errorf("%v\n%s", err, stderr.String())
	}
	d.check("the next run", d.run("env dev --cached"), false)
	d.calls("GetSessionToken", 1)
}

// TestUmask: modes are ours to choose.
func TestUmask(t *testing.T) {
	binary := buildRelease(t)
	for _, mask := range []string{"000", "777"} {
		d := newDisk(t, binary)
		d.check(mask, d.under("umask "+mask+`; exec "$@"`, "env dev -t CODE"), false)
		d.check(mask+", again", d.under("umask "+mask+`; exec "$@"`, "env dev --cached"), false)
		for _, name := range d.ownFiles() {
			path := filepath.Join(d.home, name)
			for want := os.FileMode(0o600); path != d.home; want, path = 0o700, filepath.Dir(path) {
				if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != want {
					t.Errorf("umask %s: %s: %v, %v", mask, path, info.Mode(), err)
				}
			}
		}
	}
}

// TestFewDescriptors: a process that may open hardly any files still prints
// what it bought.
func TestFewDescriptors(t *testing.T) {
	binary := buildRelease(t)
	for n := 8; n <= 16; n++ {
		d := newDisk(t, binary)
		o := d.under(fmt.Sprintf(`ulimit -n %d; exec "$@"`, n), "env dev -t CODE")
		bought := false
		for _, r := range d.server.Requests() {
			bought = bought || r.Issued != ""
		}
		switch {
		case bought && (o.code != 0 || !completeStatements(o.stdout)), !bought && (o.code == 0 || o.stdout != "false;\n"):
			t.Errorf("%d descriptors, bought %v: exit %d\n%s%s", n, bought, o.code, o.stdout, o.stderr)
		}
		d.worksAgain(d.sessions())
	}
}

// TestSmallFiles: files may not grow (EFBIG), which also brings a signal.
func TestSmallFiles(t *testing.T) {
	d := newDisk(t, buildRelease(t))
	o := d.under(`ulimit -f 0; exec "$@"`, "env dev -t CODE")
	if o.code != 0 && !strings.Contains(o.stderr, "file too large") {
		t.Errorf("exit %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}

// anotherUser is a uid that runs can have and that has nothing here; 0 unless
// we are root.
func anotherUser(n uint32) uint32 {
	if os.Geteuid() != 0 {
		return 0
	}
	return 64990 + n
}

// give makes a directory tree another user's.
func (d *disk) give(dir string) {
	d.t.Helper()
	if d.uid == 0 {
		return
	}
	must(d.t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(d.uid), int(d.uid))
	}))
}

// openWay lets another user come as far as dir.
func openWay(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		must(t, err)
		must(t, os.Chmod(dir, info.Mode().Perm()|0o055))
	}
}

// nobodys is a disk whose runs are those of a plain user, also for root.
func nobodys(t *testing.T, binary string) *disk {
	t.Helper()
	d := newDisk(t, binary)
	openWay(t, d.home)
	openWay(t, filepath.Dir(binary))
	d.uid = anotherUser(1)
	d.give(d.home)
	return d
}

// TestPlacesThatWillNotDo: where nothing can be kept, what was bought is
// printed, with a word about it.
func TestPlacesThatWillNotDo(t *testing.T) {
	binary := buildRelease(t)
	at := func(d *disk) string {
		dir := filepath.Join(d.home, "place")
		must(t, os.Mkdir(dir, 0o700))
		return dir
	}
	for name, prepare := range map[string]func(d *disk) (env []string){
		"HOME that is /":    func(d *disk) []string { return []string{"HOME=/"} },
		"HOME that is not":  func(d *disk) []string { return []string{"HOME=/nonexistent/x"} },
		"no HOME":           func(d *disk) []string { return []string{"HOME="} },
		"relative HOME":     func(d *disk) []string { return []string{"HOME=home"} },
		"relative HOME, up": func(d *disk) []string { return []string{"HOME=../home"} },
		"read-only directory": func(d *disk) []string {
			dir := at(d)
			d.give(dir)
			must(t, os.Chmod(dir, 0o500))
			return []string{"XDG_CACHE_HOME=" + dir}
		},
		"a file": func(d *disk) []string {
			f := filepath.Join(d.home, "f")
			must(t, os.WriteFile(f, nil, 0o600))
			return []string{"XDG_CACHE_HOME=" + f}
		},
		"open to everybody": func(d *disk) []string {
			dir := at(d)
			d.give(dir)
			must(t, os.Chmod(dir, 0o777))
			return []string{"XDG_CACHE_HOME=" + dir}
		},
		"wide": func(d *disk) []string {
			dir := filepath.Join(at(d), "awsmfa")
			must(t, os.MkdirAll(filepath.Join(dir, "sessions"), 0o700))
			d.give(filepath.Dir(dir))
			must(t, os.Chmod(filepath.Join(dir, "sessions"), 0o755))
			return []string{"XDG_CACHE_HOME=" + filepath.Dir(dir)}
		},
		"a link": func(d *disk) []string {
			dir := filepath.Join(at(d), "awsmfa")
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.Mkdir(filepath.Join(d.home, "else"), 0o700))
			must(t, os.Symlink(filepath.Join(d.home, "else"), filepath.Join(dir, "sessions")))
			d.give(filepath.Dir(dir))
			return []string{"XDG_CACHE_HOME=" + filepath.Dir(dir)}
		},
	} {
		d := nobodys(t, binary)
		env := append(prepare(d), "AWS_CONFIG_FILE="+filepath.Join(d.home, ".aws", "config"),
			"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(d.home, ".aws", "credentials"))
		o := d.run("env dev -t CODE", env...)
		if o.code != 0 || !completeStatements(o.stdout) || !strings.Contains(o.stderr, "awsmfa: warning: ") {
			t.Errorf("%s: exit %d\n%s%s", name, o.code, o.stdout, o.stderr)
		}
		for _, f := range d.tree() {
			if strings.Contains(f, "/sessions/") {
				t.Errorf("%s: %s was written", name, f)
			}
		}
		d.calls("GetSessionToken", 1)
	}
}

// TestOddHome: a line end in HOME is part of a name like any other.
func TestOddHome(t *testing.T) {
	d := newDisk(t, buildRelease(t))
	odd := filepath.Join(filepath.Dir(d.home), "line\nend $(touch x)")
	must(t, os.Rename(d.home, odd))
	d.home = odd
	d.check("first", d.run("env dev -t CODE"), false)
	d.check("second", d.run("env dev --cached"), false)
	o := d.run("env nosuch")
	if o.code != exitProfile || strings.Contains(o.stderr, "line\nend") {
		t.Errorf("exit %d\n%s", o.code, o.stderr)
	}
}

// TestTwoUsers: one user prepares the directories that another's XDG variables
// name, in a directory like /tmp. Nothing of the other's gets there.
func TestTwoUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be two users")
	}
	binary := buildRelease(t)
	for name, c := range map[string]struct {
		mode   os.FileMode
		shared string // what the first user owns
	}{
		"sticky, its own directory there":    {0o777 | os.ModeSticky, "awsmfa"},
		"sticky, its own one below":          {0o777 | os.ModeSticky, "awsmfa/sessions"},
		"not sticky":                         {0o777, ""},
		"the first user's":                   {0o755, "."},
		"the first user's, and for everyone": {0o777 | os.ModeSticky, "."},
	} {
		d := nobodys(t, binary)
		tmp := filepath.Join(d.home, "tmp")
		must(t, os.Mkdir(tmp, 0o755))
		if c.shared != "" {
			dir := filepath.Join(tmp, c.shared)
			must(t, os.MkdirAll(dir, 0o777))
			for ; dir != d.home; dir = filepath.Dir(dir) {
				must(t, os.Chmod(dir, 0o777))
				if dir != tmp || c.shared == "." {
					must(t, os.Chown(dir, int(anotherUser(2)), int(anotherUser(2))))
				}
			}
		}
		must(t, os.Chmod(tmp, c.mode))
		o := d.run("env dev -t CODE", "XDG_CACHE_HOME="+tmp, "XDG_STATE_HOME="+tmp)
		if o.code != 0 || !completeStatements(o.stdout) {
			t.Errorf("%s: exit %d\n%s%s", name, o.code, o.stdout, o.stderr)
		}
		for _, f := range d.tree() {
			info, err := os.Lstat(f)
			must(t, err)
			if strings.HasPrefix(f, tmp) && info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s has mode %v", name, f, info.Mode())
			}
		}
		if c.shared != "." && !strings.Contains(o.stderr, "the session is not cached: ") {
			t.Errorf("%s: cached under another's hand: %s", name, o.stderr)
		}
	}
}

// TestSmallDisk has no room left, and a disk that may only be read.
func TestSmallDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	binary := buildRelease(t)
	for name, options := range map[string]string{"full": "size=4k,nr_inodes=6", "half full": "size=8k", "no room for names": "nr_inodes=3", "read-only": "ro"} {
		d := newDisk(t, binary)
		must(t, os.Mkdir(filepath.Join(d.home, ".cache"), 0o700))
		must(t, os.Mkdir(filepath.Join(d.home, ".local"), 0o700))
		script := `mount -t tmpfs -o "$OPTIONS",mode=700 none "$HOME/.cache" && mount -t tmpfs -o "$OPTIONS",mode=700 none "$HOME/.local" || exit 99
			"$@" || exit; find "$HOME" -name '.tmp-*' >&2`
		cmd := d.command("env dev -t CODE", "OPTIONS="+options)
		cmd.Args = append([]string{"unshare", "-m", "sh", "-c", script, "sh"}, cmd.Args...)
		path, err := exec.LookPath("unshare")
		if err != nil {
			t.Skip("no unshare here")
		}
		cmd.Path = path
		o := d.all([]*exec.Cmd{cmd})[0]
		if o.code == 99 || o.code == 1 && strings.Contains(o.stderr, "unshare") {
			t.Skip("nothing can be mounted here: " + o.stderr)
		}
		if o.code != 0 || !completeStatements(o.stdout) || strings.Contains(o.stderr, ".tmp-") && !strings.Contains(o.stderr, "warning") {
			t.Errorf("%s: exit %d\n%s%s", name, o.code, o.stdout, o.stderr)
		}
		if name != "half full" && !strings.Contains(o.stderr, "the session is not cached: ") {
			t.Errorf("%s: no word about it: %s", name, o.stderr)
		}
	}
}
