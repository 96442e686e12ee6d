package main_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// installer runs install.sh under one shell with one set of places.
type installer struct {
	t     *testing.T
	shell []string
	dir   string // of its own, writable
	env   []string
}

// installers calls test once for each shell that install.sh must run under.
func installers(t *testing.T, test func(*testing.T, installer)) {
	t.Parallel()
	for _, shell := range [][]string{{"sh"}, {"dash"}, {"bash"}, {"busybox", "sh"}} {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			needShell(t, shell[0])
			test(t, installer{t: t, shell: shell, dir: t.TempDir(), env: os.Environ()})
		})
	}
}

func needShell(t *testing.T, name string) {
	t.Helper()
	required := strings.FieldsFunc(os.Getenv("AWSMFA_REQUIRE_SHELLS"), func(r rune) bool { return r == ',' || r == ' ' })
	_, err := exec.LookPath(name)
	if err != nil && slices.Contains(required, name) {
		t.Fatalf("%s is required and not here", name)
	}
	if err != nil {
		t.Skipf("%s is not here", name)
	}
}

// with sets variables; a name without "=" is unset.
func (i installer) with(env ...string) installer {
	set := slices.Clone(i.env)
	for _, e := range env {
		name, _, assigned := strings.Cut(e, "=")
		set = slices.DeleteFunc(set, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		if assigned {
			set = append(set, e)
		}
	}
	i.env = set
	return i
}

// script runs a script and returns its streams and exit code.
func (i installer) script(path string, args ...string) (stdout, stderr string, code int) {
	i.t.Helper()
	shell, err := exec.LookPath(i.shell[0])
	if err != nil {
		i.t.Fatal(err)
	}
	cmd := exec.Command(shell, append(append(i.shell[1:len(i.shell):len(i.shell)], path), args...)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = &out, &errOut, i.env, i.dir
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		i.t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

func (i installer) run(args ...string) (stderr string, code int) {
	i.t.Helper()
	stdout, stderr, code := i.script(checkout(i.t, "install.sh"), args...)
	if stdout != "" {
		i.t.Errorf("install.sh %q wrote to stdout: %q", args, stdout)
	}
	return stderr, code
}

func (i installer) succeed(args ...string) (stderr string) {
	i.t.Helper()
	stderr, code := i.run(args...)
	if code != 0 {
		i.t.Fatalf("install.sh %q: exit code %d\n%s", args, code, stderr)
	}
	return stderr
}

// fail expects an exit code, one error line that holds about, and a next step.
func (i installer) fail(code int, about string, args ...string) {
	i.t.Helper()
	stderr, got := i.run(args...)
	if got != code {
		i.t.Errorf("install.sh %q: exit code %d, want %d\n%s", args, got, code, stderr)
	}
	if strings.Count(stderr, "error: ") != 1 || !strings.Contains(stderr, about) {
		i.t.Errorf("install.sh %q: want one error about %q, got\n%s", args, about, stderr)
	}
	if !strings.Contains(stderr, "hint: ") {
		i.t.Errorf("install.sh %q names no next step:\n%s", args, stderr)
	}
}

// checkout is the absolute path of a file beside this one.
func checkout(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// files lists what lies below dir, without the directories.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path == filepath.Join(dir, "conf", "go") {
			return fs.SkipDir // go keeps counters of its own there
		}
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(dir, path)
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("below %s lie %q, want %q", dir, got, want)
	}
}

// extras are the files that come with the program, below a prefix for all users.
func extras(t *testing.T) []string {
	t.Helper()
	list := []string{"share/man/man1/awsmfa.1"}
	if hasCompletions(t) {
		list = append(list, "share/bash-completion/completions/awsmfa", "share/zsh/site-functions/_awsmfa",
			"share/fish/vendor_completions.d/awsmfa.fish", "share/nushell/vendor/autoload/awsmfa-completions.nu")
	}
	slices.Sort(list)
	return list
}

func hasCompletions(t *testing.T) bool {
	t.Helper()
	text, err := os.ReadFile("command/app.go")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(text, []byte("completionVerb()"))
}

func TestInstall(t *testing.T) {
	installers(t, func(t *testing.T, i installer) {
		prefix := filepath.Join(i.dir, "a prefix; with $signs")
		program := filepath.Join(prefix, "bin", "awsmfa")
		said := i.succeed("--prefix", prefix)
		if !strings.Contains(said, filepath.Join(prefix, "bin")+" is not in PATH") {
			t.Errorf("no word about PATH:\n%s", said)
		}
		installed := append([]string{"bin/awsmfa"}, extras(t)...)
		wantFiles(t, prefix, installed...)
		info, err := os.Stat(program)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o755 {
			t.Errorf("mode %v, want 0755", info.Mode().Perm())
		}
		out, err := exec.Command(program, "version").Output()
		if err != nil || !strings.Contains(string(out), "awsmfa") {
			t.Errorf("awsmfa version: %q, %v", out, err)
		}

		// What others keep there stays, here and on uninstall.
		other := filepath.Join(prefix, "bin", "zz-other")
		if err := os.WriteFile(other, []byte("other\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		said = i.with("PATH="+filepath.Join(prefix, "bin")+":"+os.Getenv("PATH")).succeed("--prefix", prefix)
		if strings.Contains(said, "hint:") {
			t.Errorf("a hint though the directory is in PATH:\n%s", said)
		}
		again, err := os.Stat(program)
		if err != nil {
			t.Fatal(err)
		}
		if os.SameFile(info, again) {
			t.Error("the program was overwritten in place, want a new file moved over it")
		}
		i.succeed("--prefix="+prefix, "--uninstall")
		wantFiles(t, prefix, "bin/zz-other")
		i.succeed("--prefix", prefix, "--uninstall") // nothing there is no failure
	})
}

func TestInstallToHome(t *testing.T) {
	i := installer{t: t, shell: []string{"sh"}, dir: t.TempDir(), env: os.Environ()}
	t.Parallel()
	// The caches of go stay where they are; only HOME moves.
	i = i.atHome()
	i.succeed()
	if _, err := os.Stat(filepath.Join(i.dir, ".local", "bin", "awsmfa")); err != nil {
		t.Error(err)
	}
	i.succeed("--uninstall")
	wantFiles(t, filepath.Join(i.dir, ".local"))

	// A relative directory is meant from where the user stands.
	// What is installed is for this machine, whatever else go was told to build for.
	i.with("GOOS=plan9").succeed("--bin-dir", "tools")
	wantFiles(t, filepath.Join(i.dir, "tools"), "awsmfa")
	i.succeed("--uninstall", "--bin-dir", "tools")
	wantFiles(t, filepath.Join(i.dir, "tools"))
}

// atHome has the directory for its HOME. The caches of go stay where they are.
func (i installer) atHome(env ...string) installer {
	i.t.Helper()
	return i.with(append([]string{"HOME=" + i.dir, "XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR", "SHELL=/bin/bash",
		"GOCACHE=" + goEnv(i.t, "GOCACHE"), "GOMODCACHE=" + goEnv(i.t, "GOMODCACHE"), "GOPATH=" + goEnv(i.t, "GOPATH")}, env...)...)
}

// TestInstallForAUser: everything lies where this user's programs look for it,
// and is gone after --uninstall.
func TestInstallForAUser(t *testing.T) {
	t.Parallel()
	for _, shell := range [][]string{{"dash"}, {"busybox", "sh"}} {
		needShell(t, shell[0])
		i := installer{t: t, shell: shell, dir: t.TempDir(), env: os.Environ()}
		i = i.atHome("XDG_CONFIG_HOME="+filepath.Join(i.dir, "conf"), "XDG_DATA_HOME=relative")
		mine := filepath.Join(i.dir, ".local/share/zsh/site-functions/_mine")
		write(t, mine, "#compdef mine\n", 0o644)
		if err := os.MkdirAll(filepath.Join(i.dir, "conf/nushell"), 0o755); err != nil {
			t.Fatal(err)
		}
		said := i.succeed()
		want := []string{".local/bin/awsmfa", ".local/share/man/man1/awsmfa.1", ".local/share/zsh/site-functions/_mine", "conf/direnv/lib/awsmfa.sh"}
		if hasCompletions(t) {
			want = append(want, ".local/share/bash-completion/completions/awsmfa", ".local/share/zsh/site-functions/_awsmfa",
				"conf/fish/completions/awsmfa.fish", "conf/nushell/autoload/awsmfa-completions.nu")
		}
		slices.Sort(want)
		wantFiles(t, i.dir, want...)
		if line := `eval "$(` + filepath.Join(i.dir, ".local/bin/awsmfa") + ` init bash)"`; !strings.Contains(said, line) || !strings.Contains(said, filepath.Join(i.dir, ".bashrc")) {
			t.Errorf("it does not tell the line %s:\n%s", line, said)
		}
		library := filepath.Join(i.dir, "conf/direnv/lib/awsmfa.sh")
		if text, err := os.ReadFile(library); err != nil || !bytes.Contains(text, []byte(filepath.Join(i.dir, ".local/bin/awsmfa"))) {
			t.Errorf("direnv's library does not know where awsmfa is (%v)", err)
		}
		write(t, library, "# another's\n", 0o644)
		if said := i.succeed(); !strings.Contains(said, "hint: "+library+" is not of this awsmfa") {
			t.Errorf("another's file:\n%s", said)
		}
		i.succeed("--uninstall")
		wantFiles(t, i.dir, ".local/share/zsh/site-functions/_mine", "conf/direnv/lib/awsmfa.sh")
	}
}

// startUp are the start-up files that --rc writes to.
func startUp() map[string]string {
	return map[string]string{"bash": ".bashrc", "zsh": "zsh/.zshrc", "ksh": ".kshrc", "mksh": ".mkshrc", "fish": ".config/fish/config.fish",
		"tcsh": ".tcshrc", "elvish": ".config/elvish/rc.elv", "xonsh": ".xonshrc"}
}

// fakeBuild is a go that "builds" a small program, for tests of what comes after.
func (i installer) fakeBuild() installer {
	i.t.Helper()
	bin := filepath.Join(i.dir, "fake")
	write(i.t, filepath.Join(bin, "go"), `#!/bin/sh
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\n# awsmfa/command.Run\nexit 0\n' >"$2"
`, 0o755)
	return i.with("PATH=" + bin + ":" + filepath.Join(i.dir, ".local/bin") + ":" + os.Getenv("PATH"))
}

// TestInstallLine: --rc adds one line, shows it first, and --uninstall takes it
// away, to the byte.
func TestInstallLine(t *testing.T) {
	installers(t, func(t *testing.T, i installer) {
		i = i.atHome("ZDOTDIR=" + filepath.Join(i.dir, "zsh")).fakeBuild()
		for shell, name := range startUp() {
			file := filepath.Join(i.dir, name)
			for _, before := range []string{"", "# mine\nset x = 1\n", "no end", "# awsmfa init is for later\n"} {
				if before == "" {
					os.Remove(file)
				} else {
					write(t, file, before, 0o640)
				}
				said := i.succeed("--rc=" + shell)
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				added := strings.TrimPrefix(strings.TrimPrefix(string(text), before), "\n")
				if !strings.HasPrefix(string(text), before) || strings.Count(added, "\n") != 1 || !strings.Contains(added, "awsmfa init "+shell) ||
					!strings.Contains(said, "+ "+added) || strings.Index(said, "+ ") < strings.Index(said, file) {
					t.Errorf("%s, %q: the file is %q; it said\n%s", shell, before, text, said)
				}
				i.succeed("--rc=" + shell)
				if again, _ := os.ReadFile(file); string(again) != string(text) {
					t.Errorf("%s: the second time the file is %q", shell, again)
				}
				i.succeed("--uninstall")
				after, err := os.ReadFile(file)
				if before == "" && !os.IsNotExist(err) || before != "" && strings.TrimSuffix(string(after), "\n") != strings.TrimSuffix(before, "\n") {
					t.Errorf("%s, %q: after --uninstall the file is %q (%v)", shell, before, after, err)
				}
				if _, err := os.Stat(file + ".before-awsmfa"); err == nil && before != "no end" {
					t.Errorf("%s, %q: the copy stays", shell, before)
				}
				os.Remove(file + ".before-awsmfa")
			}
		}
	})
}

// TestInstallLineIsCareful: a link stays one, changes of others stay, and a line
// that is there already is enough.
func TestInstallLineIsCareful(t *testing.T) {
	installers(t, func(t *testing.T, i installer) {
		i = i.atHome().fakeBuild()
		real, rc := filepath.Join(i.dir, "dotfiles", "bashrc"), filepath.Join(i.dir, ".bashrc")
		write(t, real, "mine\n", 0o600)
		if err := os.Symlink(real, rc); err != nil {
			t.Fatal(err)
		}
		i.succeed("--rc")
		if target, err := os.Readlink(rc); err != nil || target != real {
			t.Errorf("the link is %q (%v)", target, err)
		}
		text, _ := os.ReadFile(real)
		write(t, real, string(text)+"later\n", 0o600)
		i.succeed("--uninstall")
		if text, _ := os.ReadFile(real); string(text) != "mine\nlater\n" {
			t.Errorf("the file is %q", text)
		}
		if target, err := os.Readlink(rc); err != nil || target != real {
			t.Errorf("the link is %q (%v)", target, err)
		}
		write(t, real, "eval \"$(awsmfa init bash --cmd use)\"\n", 0o600)
		if said := i.succeed("--rc"); !strings.Contains(said, rc+" has the line of awsmfa init") {
			t.Errorf("a line of the user's own:\n%s", said)
		}
		i.fail(2, `--rc cannot write a line for the shell "cmd"`, "--rc=cmd")
		i.with("SHELL=/bin/odd").fail(2, `--rc cannot write a line for the shell "/bin/odd"`, "--rc")
		i.with("SHELL=/bin/bash", "PATH="+filepath.Join(i.dir, "fake")+":"+os.Getenv("PATH")).fail(2, "--rc cannot", "--rc", "--prefix", filepath.Join(i.dir, "a b"))
	})
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestInstallRefuses(t *testing.T) {
	installers(t, func(t *testing.T, i installer) {
		file := filepath.Join(i.dir, "file")
		write(t, file, "a file\n", 0o644)
		i.fail(2, "--prefix needs", "--prefix")
		i.fail(2, "--prefix needs", "--prefix", "")
		i.fail(2, "--bin-dir needs", "--bin-dir=")
		i.fail(2, "not both", "--prefix", "a", "--bin-dir", "b")
		i.fail(2, `"--frefix"`, "--frefix", "a")
		i.fail(2, `"dir"`, "dir")
		i.fail(1, "cannot write to "+file+"/bin", "--prefix", file)
		if os.Geteuid() != 0 { // root may write anywhere
			closed := filepath.Join(i.dir, "closed")
			if err := os.Mkdir(closed, 0o500); err != nil {
				t.Fatal(err)
			}
			i.fail(1, "cannot write to "+closed, "--bin-dir", closed)
		}
		i.with("HOME").fail(1, "HOME is not set")
		i.with("HOME=").fail(1, "HOME is not set")

		// Some tools only: neither go nor another way to it.
		tools := filepath.Join(i.dir, "tools")
		for _, name := range []string{"dirname", "grep", "sed", "cat"} {
			link(t, name, tools)
		}
		i.with("PATH="+tools).fail(1, "no go in PATH", "--prefix", i.dir)
		wantFiles(t, i.dir, "file", "tools/cat", "tools/dirname", "tools/grep", "tools/sed")
	})
}

func link(t *testing.T, name, dir string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// Another program of the same name is neither replaced nor removed.
func TestInstallSparesOtherPrograms(t *testing.T) {
	installers(t, func(t *testing.T, i installer) {
		program := filepath.Join(i.dir, "bin", "awsmfa")
		write(t, program, "#!/bin/sh\necho another awsmfa\n", 0o755)
		page := filepath.Join(i.dir, "share", "man", "man1", "awsmfa.1")
		write(t, page, ".TH other 1\n", 0o644)
		i.fail(1, program+" is another program", "--prefix", i.dir)
		i.fail(1, program+" is another program", "--prefix", i.dir, "--uninstall")
		wantFiles(t, i.dir, "bin/awsmfa", "share/man/man1/awsmfa.1")

		if err := os.Remove(program); err != nil {
			t.Fatal(err)
		}
		i.succeed("--prefix", i.dir, "--uninstall")
		wantFiles(t, i.dir, "share/man/man1/awsmfa.1")

		if err := os.MkdirAll(program, 0o755); err != nil {
			t.Fatal(err)
		}
		i.fail(1, program+" is a directory", "--prefix", i.dir)
	})
}

// A copy of the script alone, or one cut off in the middle, does nothing.
func TestInstallNeedsTheWholeCheckout(t *testing.T) {
	installers(t, func(t *testing.T, i installer) {
		text, err := os.ReadFile("install.sh")
		if err != nil {
			t.Fatal(err)
		}
		alone := filepath.Join(i.dir, "copy", "install.sh")
		write(t, alone, string(text), 0o755)
		prefix := filepath.Join(i.dir, "prefix")
		_, stderr, code := i.script(alone, "--prefix", prefix)
		if code != 1 || !strings.Contains(stderr, "is not a checkout of awsmfa") || !strings.Contains(stderr, "hint: ") {
			t.Errorf("a copy alone: exit code %d\n%s", code, stderr)
		}

		half := filepath.Join(i.dir, "half.sh")
		lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
		write(t, half, strings.Join(lines[:len(lines)-1], ""), 0o755)
		stdout, stderr, code := i.script(half, "--prefix", prefix)
		if code != 0 || stdout != "" || stderr != "" {
			t.Errorf("without its last line: exit code %d, %q %q", code, stdout, stderr)
		}
		if _, err := os.Stat(prefix); err == nil {
			t.Error("something was made below the prefix")
		}
	})
}

// A build that fails leaves an installed program, and nothing else, behind.
func TestInstallSurvivesAFailedBuild(t *testing.T) {
	installers(t, func(t *testing.T, i installer) {
		program := filepath.Join(i.dir, "bin", "awsmfa")
		write(t, program, "the installed one: awsmfa/command.Run\n", 0o755)
		fake := filepath.Join(i.dir, "fake")
		write(t, filepath.Join(fake, "go"), "#!/bin/sh\necho broken >&2\nexit 1\n", 0o755)
		i.with("PATH="+fake+":"+os.Getenv("PATH")).fail(1, "the build failed", "--prefix", i.dir)

		// One that "builds" what does not run.
		write(t, filepath.Join(fake, "go"), `#!/bin/sh
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\nexit 1\n' >"$2"
`, 0o755)
		i.with("PATH="+fake+":"+os.Getenv("PATH")).fail(1, "does not run", "--prefix", i.dir)

		wantFiles(t, i.dir, "bin/awsmfa", "fake/go")
		text, err := os.ReadFile(program)
		if err != nil || !strings.HasPrefix(string(text), "the installed one") {
			t.Errorf("the installed program now reads %q (%v)", text, err)
		}
	})
}

func TestInstallHelp(t *testing.T) {
	installers(t, func(t *testing.T, i installer) {
		stdout, stderr, code := i.script(checkout(t, "install.sh"), "--help")
		if code != 0 || stderr != "" {
			t.Errorf("exit code %d, stderr %q", code, stderr)
		}
		for _, option := range []string{"--prefix", "--bin-dir", "--rc", "--uninstall", "--help"} {
			if !strings.Contains(stdout, option) {
				t.Errorf("the help does not name %s", option)
			}
		}
	})
}
