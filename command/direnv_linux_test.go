package command

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newDirenv is a HOME with the library where direnv looks for it. Nobody has a
// session yet.
func newDirenv(t *testing.T) *crowd {
	t.Helper()
	need(t, "direnv")
	c := newCold(t)
	o := c.all([]*exec.Cmd{c.command("init", "direnv")})[0]
	if o.code != 0 || o.stderr != "" {
		t.Fatalf("init direnv: exit %d\n%s", o.code, o.stderr)
	}
	c.put(".config/direnv/lib/awsmfa.sh", o.stdout)
	return c
}

// put writes a file below HOME.
func (c *crowd) put(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// project is a directory below HOME with an .envrc that is allowed.
func (c *crowd) project(name, envrc string) string {
	c.t.Helper()
	dir := filepath.Dir(c.put(name+"/.envrc", envrc))
	if o := finish(c.t, c.detached(need(c.t, "direnv"), "allow", dir)); o.code != 0 {
		c.t.Fatalf("direnv allow: %s", o.stderr)
	}
	return dir
}

// inProject runs a program as direnv has its environment there.
func (c *crowd) inProject(dir string, env ...string) (map[string]string, outcome) {
	c.t.Helper()
	dumps := c.t.TempDir()
	cmd := c.detached(need(c.t, "direnv"), "exec", dir, "dumpenv", "in")
	cmd.Dir, cmd.Env = dir, c.environ(append(env, "DUMPS="+dumps)...)
	o := finish(c.t, cmd)
	if _, err := os.Stat(filepath.Join(dumps, "in")); err != nil {
		return nil, o
	}
	return readEnv(c.t, dumps, "in"), o
}

// direnvShells are those with a hook of direnv's own, each with ours beside it.
func direnvShells(c *crowd, t *testing.T, name string) (argv, env []string) {
	rc := `eval "$(awsmfa init SH)"; eval "$(direnv hook SH)"; PS1='$ '` + "\n"
	switch name {
	case "bash":
		return []string{need(t, name), "--rcfile", c.put("rc", strings.ReplaceAll(rc, "SH", name)), "-i"}, nil
	case "zsh":
		c.put("zsh/.zshrc", strings.ReplaceAll(rc, "SH", name)+"setopt no_prompt_cr no_prompt_sp\n")
		return []string{need(t, name), "-d", "-i"}, []string{"ZDOTDIR=" + filepath.Join(c.home, "zsh")}
	}
	c.put(".config/fish/config.fish", "awsmfa init fish | source\ndirenv hook fish | source\nfunction fish_prompt; echo '$ '; end\n")
	return []string{need(t, name), "-i"}, nil
}

// sit starts the shell in front of a terminal.
func (c *crowd) sit(t *testing.T, name string) *terminal {
	t.Helper()
	argv, env := direnvShells(c, t, name)
	words := []string{"unset AWSMFA_SHELL; exec env"}
	env = append(env, "DUMPS="+c.home, "SHELL=/bin/false", "TERM=xterm", "AWSMFA_TEST_CLOCK="+filepath.Join(c.home, "clock"))
	for _, word := range append(c.environ(env...), argv...) {
		words = append(words, quoteArg(word))
	}
	tm := c.onTerminal(strings.Join(words, " "))
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go tm.answerQueries(stop)
	tm.untilQuiet()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen shows:\n%s", tm.screen())
		}
	})
	return tm
}

// held types a line and then looks at what a command would get. What is typed
// waits for the prompt, and so for direnv.
func (c *crowd) held(tm *terminal, line, dump string) map[string]string {
	c.t.Helper()
	tm.typeIn(line + "\r")
	tm.untilQuiet()
	tm.typeIn("dumpenv " + dump + "\r")
	c.untilFile(dump)
	tm.untilQuiet()
	return readEnv(c.t, c.home, dump)
}

func (c *crowd) loginElsewhere(clock string) {
	c.t.Helper()
	cmd := c.command("login", "dev", "--token-code", c.user.NextCode())
	cmd.Env = append(cmd.Env, clock)
	if o := c.all([]*exec.Cmd{cmd})[0]; o.code != 0 {
		c.t.Fatalf("login: exit %d\n%s", o.code, o.stderr)
	}
}

func checkNone(t *testing.T, when string, env map[string]string) {
	t.Helper()
	for name := range env {
		if strings.HasPrefix(name, "AWS_ACCESS") || strings.HasPrefix(name, "AWSMFA_") && !strings.HasPrefix(name, "AWSMFA_TEST_") {
			t.Errorf("%s there is %s", when, name)
		}
	}
}

const needsCode = "awsmfa: dev needs a code; run: awsmfa login dev"

// TestDirenvDay is a day in two projects: in, out, the end of the session and
// the next, a renewal; and never "direnv reload".
func TestDirenvDay(t *testing.T) {
	for _, name := range []string{"bash", "zsh", "fish"} {
		t.Run(name, func(t *testing.T) {
			need(t, name)
			t.Parallel()
			c := newDirenv(t)
			c.t = t
			c.project("one", "use awsmfa dev\nPATH_add bin\nexport AFTER=1\n")
			c.project("two", "use awsmfa prod\n")
			tm := c.sit(t, name)

			failed := c.held(tm, "cd one", "failed")
			checkNone(t, "without a session", failed)
			if failed["AFTER"] != "1" || !strings.HasPrefix(failed["PATH"], filepath.Join(c.home, "one", "bin")+":") {
				t.Errorf("the rest of .envrc is not loaded: AFTER=%q PATH=%s", failed["AFTER"], failed["PATH"])
			}
			tm.untilTimes(needsCode, 1)
			c.loginElsewhere("AWSMFA_TEST_CLOCK=" + filepath.Join(c.home, "clock"))
			checkHolds(t, "after the login", c.held(tm, "", "recovered"), "dev", "eu-west-1")
			checkHolds(t, "in the other project", c.held(tm, "cd ../two", "role"), "prod", "eu-west-1")
			checkNone(t, "outside", c.held(tm, "cd ~", "outside"))
			checkHolds(t, "back", c.held(tm, "cd one", "back"), "dev", "eu-west-1")

			clock := c.advance(13 * time.Hour)
			tm.typeIn(say(setIn(name), "AWSMFA_EXPIRATION", soon(-time.Minute)))
			tm.untilQuiet() // where direnv's hook comes before ours, it sees the stamp a prompt later
			checkNone(t, "at the end", c.held(tm, "", "ended"))
			tm.untilTimes(needsCode, 2)
			c.loginElsewhere(clock)
			again := c.held(tm, "", "again")
			checkHolds(t, "the next day", again, "dev", "eu-west-1")
			c.renewsInProject(t, tm, name)
			if n := strings.Count(tm.screen(), needsCode); n != 2 {
				t.Errorf("it was said %d times that a code is needed", n)
			}
		})
	}
}

func setIn(shell string) string {
	if shell == "fish" {
		return "set -gx NAME VALUE"
	}
	return "export NAME=VALUE"
}

// renewsInProject: the role's hour ends, and the prompt hook sees to it.
func (c *crowd) renewsInProject(t *testing.T, tm *terminal, shell string) {
	t.Helper()
	before := c.held(tm, "cd ../two", "before")
	checkHolds(t, "before the renewal", before, "prod", "eu-west-1")
	c.server.Clock().Advance(54 * time.Minute)
	if err := moveClock(filepath.Join(c.home, "clock"), 13*time.Hour+54*time.Minute); err != nil {
		t.Fatal(err)
	}
	rewind := "_awsmfa_started=0 _awsmfa_file=" // the hook tries once a minute
	if shell == "fish" {
		rewind = "set -g _awsmfa_started 0; set -g _awsmfa_file"
	}
	c.held(tm, rewind+"; "+strings.TrimSpace(say(setIn(shell), "AWSMFA_EXPIRATION", soon(5*time.Minute))), "due")
	for deadline := time.Now().Add(testPatience); ; time.Sleep(20 * time.Millisecond) {
		now := c.held(tm, "", "renewed")
		if now["AWS_ACCESS_KEY_ID"] != before["AWS_ACCESS_KEY_ID"] {
			checkHolds(t, "after the renewal", now, "prod", "eu-west-1")
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("there is no renewal")
		}
		if err := os.Remove(filepath.Join(c.home, "renewed")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDirenvAsks: --prompt has the terminal.
func TestDirenvAsks(t *testing.T) {
	t.Parallel()
	need(t, "bash")
	c := newDirenv(t)
	c.project("one", "use awsmfa dev --prompt\n")
	tm := c.sit(t, "bash")
	tm.typeIn("cd one\r")
	tm.untilTimes(prompt+" (", 1)
	tm.typeIn(c.user.NextCode() + "\r")
	tm.untilQuiet()
	checkHolds(t, "after the answer", c.held(tm, "", "held"), "dev", "eu-west-1")
	c.calls("GetSessionToken", 1)
}

// TestDirenvLeavesNoTrace: whatever becomes of it, the shell that reads .envrc
// is as it was, under every mode that it may be in.
func TestDirenvLeavesNoTrace(t *testing.T) {
	t.Parallel()
	c := newDirenv(t)
	const look = "look() { set +o; shopt; trap; compgen -v | grep -v -e ^AWS -e ^DIRENV_WATCHES -e ^BASH -e ^PIPESTATUS -e ^_$ -e ^first -e ^FUNCNAME -e ^SAME; }\n"
	const body = `first=$(look)` + "\nuse awsmfa WHAT || true\n" + `[[ $first == "$(look)" ]] && export SAME=1` + "\nexport AFTER=1\n"
	modes := []string{"", "strict_env\n", "set -vx\n", "set -a\n", "set -f; IFS=:0123456789\n", "trap 'echo trapped' ERR\n"}
	for _, session := range []bool{false, true} {
		if session {
			c.loginElsewhere("A=")
		}
		for n, what := range []string{"dev", "prod --region us-east-2", "nosuch", "dev --process", "prod --process", "dev --nosuch", "", "-x", "dev --duration 2h --process"} {
			for i, mode := range modes {
				if i != n%len(modes) && os.Getenv("AWSMFA_LONG") == "" {
					continue
				}
				dir := c.project("p", mode+look+strings.Replace(body, "WHAT", what, 1))
				env, o := c.inProject(dir)
				if o.code != 0 || env["AFTER"] != "1" || env["SAME"] != "1" {
					t.Errorf("%q, %q: exit %d, AFTER=%q SAME=%q\n%s", mode, what, o.code, env["AFTER"], env["SAME"], o.stderr)
				}
				if secret := env["AWS_SECRET_ACCESS_KEY"]; secret != "" && strings.Contains(o.stderr, secret) {
					t.Errorf("%q, %q: a secret is shown", mode, what)
				}
				if got := env["AWS_ACCESS_KEY_ID"] != ""; got != (session && strings.HasPrefix(what, "dev") && len(what) == 3 || session && strings.HasPrefix(what, "prod --region")) {
					t.Errorf("%q, %q, session %v: keys %v\n%s", mode, what, session, got, o.stderr)
				}
				for name := range env {
					if strings.Contains(strings.ToLower(name), "_awsmfa") || strings.HasPrefix(name, "awsmfa") {
						t.Errorf("%q, %q: %s is in the environment", mode, what, name)
					}
				}
			}
		}
	}
}

// TestDirenvSaysOneLine, with what to type, whatever the profile is called.
func TestDirenvSaysOneLine(t *testing.T) {
	t.Parallel()
	c := newDirenv(t)
	for _, row := range []struct{ use, says string }{
		{"dev", needsCode},
		{"--required dev", needsCode},
		{"dev --mfa-serial arn:aws:iam::111122223333:mfa/other", "awsmfa: dev needs a code; run: awsmfa login --mfa-serial arn:aws:iam::111122223333:mfa/other dev"},
		{quoteArg(oddProfile), `awsmfa: it\'s\ a\*b\ \$HOME needs a code; run: awsmfa login it\'s\ a\*b\ \$HOME`},
		{"", "awsmfa: usage: use awsmfa PROFILE [--prompt] [--required] [--process] [OPTION...]"},
	} {
		dir := c.project("p", "use awsmfa "+row.use+"\nexport AFTER=1\n")
		env, o := c.inProject(dir, "AWS_PROFILE=gone")
		var said []string
		for line := range strings.Lines(o.stderr) {
			if strings.Contains(line, "awsmfa") && !strings.Contains(line, "direnv: using awsmfa") {
				said = append(said, strings.TrimSuffix(strings.TrimPrefix(line, "\x1b[38;5;1mdirenv: "), "\x1b[m\n"))
			}
		}
		if len(said) != 1 || said[0] != row.says {
			t.Errorf("use awsmfa %s says %q, want %q", row.use, said, row.says)
		}
		if required := strings.Contains(row.use, "--required"); required != (o.code != 0) || !required && env["AFTER"] != "1" {
			t.Errorf("use awsmfa %s: exit %d, AFTER=%q\n%s", row.use, o.code, env["AFTER"], o.stderr)
		}
	}
}

// TestDirenvTakesWhatIsOurs: a failure leaves no other profile behind, and
// keys of another origin alone.
func TestDirenvTakesWhatIsOurs(t *testing.T) {
	t.Parallel()
	c := newDirenv(t)
	dir := c.project("p", "use awsmfa dev\n")
	ours := []string{"AWS_ACCESS_KEY_ID=ASIAOLD", "AWS_SECRET_ACCESS_KEY=s", "AWSMFA_OWNED=ASIAOLD:eu-west-2", "AWS_REGION=eu-west-2", "AWSMFA_PROFILE=dev", "AWSMFA_EXPIRATION=" + soon(time.Hour)}
	env, o := c.inProject(dir, ours...)
	checkNone(t, "after a failure", env)
	if env["AWS_REGION"] != "" || !strings.Contains(o.stderr, needsCode) {
		t.Errorf("AWS_REGION=%q\n%s", env["AWS_REGION"], o.stderr)
	}
	if env, _ := c.inProject(dir, "AWS_ACCESS_KEY_ID=AKIATHEIRS", "AWS_SECRET_ACCESS_KEY=s"); env["AWS_ACCESS_KEY_ID"] != "AKIATHEIRS" {
		t.Error("keys of another origin were taken")
	}
}

// TestDirenvProcess: no secret comes near direnv, and what is missing is told.
func TestDirenvProcess(t *testing.T) {
	t.Parallel()
	c := newDirenv(t)
	c.loginElsewhere("A=")
	dir := c.project("p", "use awsmfa dev --process --region us-east-2\nexport AFTER=1\n")
	env, o := c.inProject(dir, "AWS_ACCESS_KEY_ID=AKIATHEIRS", "AWS_SECRET_ACCESS_KEY=s")
	if env["AWS_PROFILE"] != "dev-mfa" || env["AWS_REGION"] != "us-east-2" || env["AWS_ACCESS_KEY_ID"] != "" || env["AFTER"] != "1" || strings.Contains(o.stderr, "awsmfa:") {
		t.Errorf("AWS_PROFILE=%q AWS_REGION=%q key %q\n%s", env["AWS_PROFILE"], env["AWS_REGION"], env["AWS_ACCESS_KEY_ID"], o.stderr)
	}
	diff := c.direnvDiff(dir)
	if !strings.Contains(diff, `"AWS_PROFILE":"dev-mfa"`) || strings.Contains(diff, "SECRET") || strings.Contains(diff, "ASIA") {
		t.Errorf("DIRENV_DIFF is %s", diff)
	}
	if diff := c.direnvDiff(c.project("q", "use awsmfa dev\n")); !strings.Contains(diff, "AWS_SECRET_ACCESS_KEY") {
		t.Errorf("the test shows nothing: %s", diff)
	}

	dir = c.project("r", "use awsmfa prod --process\nexport AFTER=1\n")
	env, o = c.inProject(dir)
	for _, line := range []string{"[profile prod-mfa]\n", "credential_process = awsmfa process prod\n"} {
		if env["AWS_PROFILE"] != "" || env["AFTER"] != "1" || !strings.Contains(o.stderr, "awsmfa: hint: "+line) {
			t.Errorf("AWS_PROFILE=%q, and no %q in\n%s", env["AWS_PROFILE"], line, o.stderr)
		}
	}
}

// direnvDiff is what direnv keeps in its variable.
func (c *crowd) direnvDiff(dir string) string {
	c.t.Helper()
	cmd := c.detached(need(c.t, "direnv"), "export", "json")
	cmd.Dir, cmd.Env = dir, c.environ()
	o := finish(c.t, cmd)
	var env map[string]string
	if err := json.Unmarshal([]byte(o.stdout), &env); err != nil {
		c.t.Fatalf("%v\n%s", err, o.stderr)
	}
	packed, err := base64.URLEncoding.DecodeString(env["DIRENV_DIFF"])
	if err != nil {
		c.t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// TestStampsFollowSessions: who gets or forgets a session touches the stamps of
// all that share it.
func TestStampsFollowSessions(t *testing.T) {
	t.Parallel()
	c := newCold(t)
	stamp := func(args ...string) string {
		o := c.all([]*exec.Cmd{c.command(append([]string{"__direnv", "stamp"}, args...)...)})[0]
		path := strings.TrimSuffix(o.stdout, "\n")
		if info, err := os.Stat(path); o.code != 0 || o.stderr != "" || err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("stamp %v: exit %d, %q %v\n%s", args, o.code, path, err, o.stderr)
		}
		return path
	}
	paths := map[string]string{"dev": stamp("dev"), "prod": stamp("prod"), "nosuch": stamp("nosuch"), "alone": stamp("dev-mfa", "--no-mfa")}
	for _, row := range []struct{ line, touched string }{
		{"login dev --token-code CODE", "dev prod nosuch"},
		{"login dev", ""},
		{"env prod", "prod nosuch"},
		{"logout prod", "dev prod nosuch"},
		{"logout --all", "dev prod nosuch alone"},
		{"login nosuch", ""},
	} {
		before := map[string]time.Time{}
		for name, path := range paths {
			before[name] = modified(t, path)
		}
		line := row.line
		if before, found := strings.CutSuffix(line, "CODE"); found {
			line = before + c.user.NextCode()
		}
		c.all([]*exec.Cmd{c.command(strings.Fields(line)...)})
		for name, path := range paths {
			if got, want := modified(t, path).Unix() > before[name].Unix(), strings.Contains(" "+row.touched+" ", " "+name+" "); got != want {
				t.Errorf("%s: the stamp of %s is touched: %v, want %v", row.line, name, got, want)
			}
		}
	}
}

func modified(t *testing.T, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}
