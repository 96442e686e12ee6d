package command

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"awsmfa/internal/pty"
	"awsmfa/shell"
)

// The tests here put what init prints into the real shells, as a start-up file
// would, and do what a user does.

// hooked is one shell, and how it says what the tests want.
type hooked struct {
	program string
	argv    []string // before a script
	strict  []string // preludes under which all must hold
	export  string   // sets NAME to VALUE for children
	private string   // sets it, not for children; "" where there is no such thing
	show    string   // prints NAME's value in brackets
	loop    string   // does BODY N times
	hook    string   // what the shell does before a prompt
	rewind  string   // lets a minute pass
	trace   string   // shows what is run
	await   string   // waits for the outcome of a renewal; "await" by default
	init    string   // in a script, where that is not the line of a start-up file
	keeps   bool     // a failure cannot take anything back, and ends a script
	forks   bool     // it has no clock of its own
}

func hookedShells() []hooked {
	posix := hooked{
		export: "export NAME=VALUE", private: "NAME=VALUE", show: `echo "[$NAME]"`,
		hook: "_awsmfa_hook", rewind: "_awsmfa_started=0", trace: "set -vx",
	}
	strict := []string{"", "set -eu", "set -euC -o pipefail", "IFS=:0123456789", "IFS=", "set -f", "trap 'echo trapped' ERR"}
	bash, zsh := posix, posix
	bash.program, bash.argv, bash.strict = "bash", nil, append(strict, "set -E; trap 'echo trapped' ERR", "shopt -s extglob nocasematch nullglob dotglob", "set -o posix", "set -T")
	bash.trace = "set -vxT; trap 'echo \"$BASH_COMMAND\" >&2' DEBUG"
	bash.loop = "for ((i = 0; i < N; i++)); do BODY; done"
	zsh.program, zsh.argv, zsh.loop = "zsh", []string{"-f"}, "repeat N; do BODY; done"
	zsh.strict = append(strict, "setopt ksh_arrays", "setopt sh_word_split glob_subst", "setopt no_unset err_exit err_return", "setopt ksh_glob extended_glob csh_null_glob",
		"setopt warn_create_global warn_nested_var", "setopt octal_zeroes c_bases", "emulate sh", "emulate ksh", "setopt no_function_argzero typeset_silent rc_quotes")
	fish := hooked{program: "fish", argv: []string{"--no-config"}, strict: []string{""}, export: "set -gx NAME VALUE", private: "set -gu NAME VALUE", show: `echo "[$NAME]"`,
		loop: "for i in (seq N); BODY; end", hook: "_awsmfa_hook", rewind: "set -g _awsmfa_started 0", trace: "set -g fish_trace 1"}
	ksh, mksh := posix, posix
	ksh.program, ksh.strict, ksh.loop = "ksh", append(strict, "set -o globstar", "set -G; set +B"), "for ((i = 0; i < N; i++)); do BODY; done"
	mksh.program, mksh.strict, mksh.loop = "mksh", append(strict, "set -o posix", "set +o braceexpand"), "i=0; while ((i++ < N)); do BODY; done"
	tcsh := hooked{program: "tcsh", argv: []string{"-f"}, strict: []string{"", "set noglob", "set nonomatch", "set globstar; set globdot", "set echo_style=both", "set backslash_quote", "set correct=all; set noclobber"},
		export: "setenv NAME VALUE", loop: "set i = 0\nwhile ( $i < N )\n@ i++\nBODY\nend", hook: "_awsmfa_hook", rewind: "set _awsmfa_started = 0", trace: "set echo verbose"}
	elvish := hooked{program: "elvish", argv: []string{"-norc"}, strict: []string{""}, export: "set-env NAME VALUE", loop: "for i [(range N)] { BODY }",
		hook: "$ns[awsmfa-hook~]", forks: true, keeps: true,
		init: "var ns; eval (awsmfa init elvish | slurp) &on-end={|n| set ns = $n }; var @USE@~ = $ns[@USE@~]; var awsmfa-off~ = $ns[awsmfa-off~]"}
	xonsh := hooked{program: "xonsh", argv: []string{"--no-rc"}, strict: []string{"", "$RAISE_SUBPROC_ERROR = True"}, export: "$NAME = VALUE", loop: "for i in range(N):\n    BODY",
		hook: "events.on_pre_prompt.fire()", rewind: "_awsmfa_state['started'] = 0", trace: "$XONSH_TRACE_SUBPROC = True", await: "_awsmfa_state['job'].wait()"}
	nu := hooked{program: "nu", argv: []string{"-n"}, strict: []string{""}, export: "$env.NAME = VALUE", loop: "for i in 1..N { BODY }", hook: "_awsmfa_hook",
		rewind: "$env._awsmfa.started = 0", keeps: true, init: "source @awsmfa init nu@"}
	return []hooked{bash, zsh, ksh, mksh, fish, tcsh, elvish, xonsh, nu}
}

// say fills a name and a value into one of the shell's ways to say something.
func say(how, name, value string) string {
	return strings.NewReplacer("NAME", name, "VALUE", "'"+strings.Trim(value, "'")+"'").Replace(how) + "\n"
}

func (h hooked) times(n int, body string) string {
	return strings.NewReplacer("N;", strconv.Itoa(n)+";", "< N", "< "+strconv.Itoa(n), "N)", strconv.Itoa(n)+")", "N )", strconv.Itoa(n)+" )", "1..N", "1..<"+strconv.Itoa(n+1), "BODY", body).Replace(h.loop) + "\n"
}

func (h hooked) wait() string {
	if h.await != "" {
		return h.await + "\n"
	}
	return "await\n"
}

// load is the documented line, with flags for init.
func (h hooked) load(flags string) string {
	line, _ := shell.HookLine(h.program)
	if h.init != "" {
		line = h.init
	}
	use := "awsmfa-use"
	if _, after, found := strings.Cut(flags, "--cmd "); found {
		use, _, _ = strings.Cut(after, " ")
	}
	line = strings.ReplaceAll(line, "@USE@", use)
	return strings.Replace(line, "awsmfa init", strings.TrimSpace("awsmfa init "+flags), 1) + "\n"
}

// soon is an expiry that is due, by the shell's own clock.
func soon(in time.Duration) string { return strconv.FormatInt(time.Now().Add(in).Unix(), 10) }

// newHooks is a HOME with a session of dev, and commands for the scripts:
// await waits for the outcome of a renewal.
func newHooks(t *testing.T) *crowd {
	t.Helper()
	c := newShells(t)
	await := "#!/bin/sh\nn=0\nuntil [ -n \"$(find \"$HOME/.local/state/awsmfa/hooks\" -type f -size +0 2>/dev/null)\" ]; do\n" +
		"sleep 0.05; n=$((n + 1)); [ $n -lt 600 ] || { echo no outcome; exit 1; }\ndone\n"
	if err := os.WriteFile(filepath.Join(filepath.Dir(c.binary), "await"), []byte(await), 0o700); err != nil {
		t.Fatal(err)
	}
	return c
}

// advance moves the clocks of AWS and of awsmfa, not the shell's.
func (c *crowd) advance(by time.Duration) string {
	c.t.Helper()
	c.server.Clock().Advance(by)
	clock := filepath.Join(c.home, "clock")
	if err := os.WriteFile(clock, []byte(by.String()), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return "AWSMFA_TEST_CLOCK=" + clock
}

// runHooked runs a script in the shell; env comes on top of a user's own.
func (c *crowd) runHooked(t *testing.T, h hooked, dumps, script string, env ...string) outcome {
	t.Helper()
	file := filepath.Join(dumps, "script")
	if err := os.WriteFile(file, []byte(c.sourced(dumps, script)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := c.detached(need(t, h.program), append(h.argv, file)...)
	cmd.Dir, cmd.Env = c.home, c.environ(append(env, "DUMPS="+dumps, "SHELL=/bin/false")...)
	return finish(t, cmd)
}

// sourced puts a file's name in place of "@awsmfa init nu FLAGS@": nu reads what
// a script sources before it runs any of it.
func (c *crowd) sourced(dir, script string) string {
	before, line, found := strings.Cut(script, "@awsmfa ")
	if !found {
		return script
	}
	args, after, _ := strings.Cut(line, "@")
	file := filepath.Join(dir, "init.nu")
	if err := os.WriteFile(file, []byte(c.must(args).stdout), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return before + file + c.sourced(dir, after)
}

func forHooked(t *testing.T, do func(t *testing.T, h hooked)) {
	for _, h := range hookedShells() {
		t.Run(h.program, func(t *testing.T) {
			need(t, h.program)
			t.Parallel()
			do(t, h)
		})
	}
}

// TestHookPushAndPop: awsmfa-use and awsmfa-off, under all that makes a shell
// strict or strange.
func TestHookPushAndPop(t *testing.T) {
	c := newHooks(t)
	forHooked(t, func(t *testing.T, h hooked) {
		for i, prelude := range h.strict {
			t.Run(prelude, func(t *testing.T) { c.pushAndPop(t, h, prelude, i%2 == 1) })
		}
	})
}

func (c *crowd) pushAndPop(t *testing.T, h hooked, prelude string, hook bool) {
	dumps := t.TempDir()
	flags := "--cmd aws-as --no-hook"
	if hook {
		flags = "--cmd aws-as --renew-before 5m"
	}
	script := prelude + "\n" + h.load(flags) + h.load(flags) + say(h.export, "AWS_PROFILE", "dev") + say(h.export, "AWS_REGION", "''")
	if h.private != "" {
		script += say(h.private, "AWS_DEFAULT_REGION", "mine")
	}
	script += "dumpenv before\naws-as dev\ndumpenv dev\naws-as prod\ndumpenv prod\nawsmfa-off\ndumpenv after\n"
	want := "end\n"
	if h.private != "" {
		script += say(h.show, "AWS_DEFAULT_REGION", "")
		want = "[mine]\n" + want
	}
	script += "awsmfa-off\naws-as dev\nawsmfa-off --hook\ndumpenv gone\necho end\n"
	if o := c.runHooked(t, h, dumps, script); o.code != 0 || o.stdout != want || o.stderr != "" {
		t.Errorf("exit %d, stdout %q, stderr:\n%s", o.code, o.stdout, o.stderr)
	}
	before := readEnv(t, dumps, "before")
	checkHolds(t, "after use dev", readEnv(t, dumps, "dev"), "dev", "eu-west-1")
	checkHolds(t, "after use prod", readEnv(t, dumps, "prod"), "prod", "eu-west-1")
	checkSame(t, "after off", before, readEnv(t, dumps, "after"))
	checkSame(t, "after off --hook", before, readEnv(t, dumps, "gone"))
	for _, dump := range []string{"before", "dev", "prod", "after", "gone"} {
		for name := range readEnv(t, dumps, dump) {
			if strings.HasPrefix(name, "_awsmfa") {
				t.Errorf("%s is in the environment of commands", name)
			}
		}
	}
}

// TestHookFailure: a failed awsmfa-use is a failure, and takes what was meant
// to be replaced. What was there before it all comes back.
func TestHookFailure(t *testing.T) {
	c := newHooks(t)
	forHooked(t, func(t *testing.T, h hooked) {
		if h.keeps {
			t.Skip("a failure here raises, and prints nothing")
		}
		dumps := t.TempDir()
		status := "CMD\necho $?\n"
		switch h.program {
		case "fish", "tcsh":
			status = "CMD\necho $status\n"
		case "xonsh":
			status = "print(!(CMD).returncode)\n"
		}
		script := h.load("") + say(h.export, "AWS_ACCOUNT_ID", "7") + "dumpenv before\nawsmfa-use dev\n" + strings.ReplaceAll(status, "CMD", "awsmfa-use nosuch") +
			"dumpenv failed\nawsmfa-off\ndumpenv after\n" + strings.ReplaceAll(status, "CMD", "awsmfa-off nonsense")
		if o := c.runHooked(t, h, dumps, script); o.stdout != "3\n2\n" || strayLines(o.stderr) != "" {
			t.Errorf("exit %d, stdout %q, stderr:\n%s", o.code, o.stdout, o.stderr)
		}
		if id := readEnv(t, dumps, "failed")["AWS_ACCESS_KEY_ID"]; id != "" {
			t.Error("after a failed switch the keys of the other profile are still there")
		}
		checkSame(t, "after off", readEnv(t, dumps, "before"), readEnv(t, dumps, "after"))
	})
}

// TestHookPopsNothingExpired: what was awsmfa's own before, and is over by now,
// is not given back. Keys of somebody else's are never taken.
func TestHookPopsNothingExpired(t *testing.T) {
	c := newHooks(t)
	forHooked(t, func(t *testing.T, h hooked) {
		dumps := t.TempDir()
		old := map[string]string{"AWS_ACCESS_KEY_ID": "ASIAOLD", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "AWSMFA_OWNED": "ASIAOLD:eu-west-2",
			"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-2", "AWSMFA_PROFILE": "old", "AWSMFA_EXPIRATION": soon(-time.Hour)}
		script := h.load("")
		for name, value := range old {
			script += say(h.export, name, value)
		}
		script += "awsmfa-use dev\nawsmfa-off\ndumpenv expired\nawsmfa-use dev\n" + say(h.export, "AWS_ACCESS_KEY_ID", "AKIATHEIRS") + "awsmfa-off\ndumpenv theirs\n"
		for name, value := range old {
			script += say(h.export, name, value)
		}
		script += say(h.export, "AWSMFA_EXPIRATION", soon(time.Hour)) + "dumpenv before\nawsmfa-use dev\nawsmfa-off\ndumpenv valid\n"
		o := c.runHooked(t, h, dumps, script)
		if o.code != 0 || o.stdout != "" || o.stderr != "awsmfa: this shell's AWS credentials were not set by awsmfa: they stay\n" {
			t.Errorf("exit %d, stdout %q, stderr:\n%s", o.code, o.stdout, o.stderr)
		}
		checkSame(t, "after off", map[string]string{"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
			"AWS_ENDPOINT_URL_STS": c.server.URL(), "AWS_ENDPOINT_URL_IAM": c.server.URL()}, readEnv(t, dumps, "expired"))
		if theirs := readEnv(t, dumps, "theirs"); theirs["AWS_ACCESS_KEY_ID"] != "AKIATHEIRS" || theirs["AWS_SECRET_ACCESS_KEY"] == "" {
			t.Error("keys of another origin were taken")
		}
		checkSame(t, "after off", readEnv(t, dumps, "before"), readEnv(t, dumps, "valid"))
	})
}

// TestHookRenews: near the end a session is renewed in the background, and a
// later prompt has it, in the region of the shell.
func TestHookRenews(t *testing.T) {
	forHooked(t, func(t *testing.T, h hooked) {
		c, dumps := newHooks(t), t.TempDir()
		c.must("login prod")
		clock := c.advance(54 * time.Minute)
		script := h.load("") + "awsmfa-use prod --region us-east-2\ndumpenv first\n" + say(h.export, "AWSMFA_EXPIRATION", soon(5*time.Minute)) +
			h.hook + "\n" + h.wait() + h.hook + "\ndumpenv renewed\n" + h.times(3, h.hook) + "awsmfa-off\ndumpenv after\n"
		if o := c.runHooked(t, h, dumps, script, clock); o.code != 0 || o.stdout != "" || o.stderr != "" {
			t.Errorf("exit %d, stdout %q, stderr:\n%s", o.code, o.stdout, o.stderr)
		}
		first, renewed := readEnv(t, dumps, "first"), readEnv(t, dumps, "renewed")
		checkHolds(t, "at first", first, "prod", "us-east-2")
		checkHolds(t, "after the renewal", renewed, "prod", "us-east-2")
		if first["AWS_ACCESS_KEY_ID"] == renewed["AWS_ACCESS_KEY_ID"] {
			t.Error("the shell has no new session")
		}
		if id := readEnv(t, dumps, "after")["AWS_ACCESS_KEY_ID"]; id != "" {
			t.Error("after off there are keys")
		}
		c.calls("AssumeRole", 2)
		c.calls("GetSessionToken", 0)
	})
}

// TestHookSaysOnce: where a code is needed, one line says so, and no more. In a
// directory of direnv's the stamp is touched, and nothing else happens.
func TestHookSaysOnce(t *testing.T) {
	forHooked(t, func(t *testing.T, h hooked) {
		c, dumps := newHooks(t), t.TempDir()
		clock := c.advance(11*time.Hour + 54*time.Minute)
		due := h.hook + "\n" + h.wait() + h.times(5, h.hook)
		const needs = ", and a new one needs a code: awsmfa-use\n"
		script := h.load("") + "awsmfa-use dev\n" + say(h.export, "AWSMFA_EXPIRATION", soon(5*time.Minute)) + due
		want := "awsmfa: this shell's AWS session ends in 5 min" + needs
		if h.rewind != "" {
			script += h.rewind + "\n" + due + say(h.export, "AWSMFA_EXPIRATION", soon(-time.Minute)) + h.rewind + "\n" + due
			want += "awsmfa: this shell's AWS session has ended" + needs
		}
		o := c.runHooked(t, h, dumps, script+"dumpenv two\n", clock)
		if o.code != 0 || o.stdout != "" || o.stderr != want {
			t.Errorf("exit %d, stdout %q, stderr:\n%swant:\n%s", o.code, o.stdout, o.stderr, want)
		}
		checkHolds(t, "after no renewal", readEnv(t, dumps, "two"), "dev", "eu-west-1")
		c.calls("", 0)
	})
}

func TestHookTouchesDirenvsStamp(t *testing.T) {
	forHooked(t, func(t *testing.T, h hooked) {
		c, dumps := newHooks(t), t.TempDir()
		c.must("login prod")
		clock := c.advance(54 * time.Minute)
		stamp, old := filepath.Join(c.home, "a stamp"), time.Now().Add(-time.Hour)
		if err := os.WriteFile(stamp, []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(stamp, old, old); err != nil {
			t.Fatal(err)
		}
		script := h.load("") + "awsmfa-use prod\n" + say(h.export, "AWSMFA_EXPIRATION", soon(5*time.Minute)) + say(h.export, "AWSMFA_DIRENV", "'"+stamp+"'") +
			"dumpenv first\n" + h.hook + "\n" + h.wait() + h.hook + "\ndumpenv second\n"
		if o := c.runHooked(t, h, dumps, script, clock); o.code != 0 || o.stdout != "" || o.stderr != "" {
			t.Errorf("exit %d, stdout %q, stderr:\n%s", o.code, o.stdout, o.stderr)
		}
		checkSame(t, "beside direnv", readEnv(t, dumps, "first"), readEnv(t, dumps, "second"))
		text, err := os.ReadFile(stamp)
		if info, serr := os.Stat(stamp); err != nil || serr != nil || string(text) != "kept" || time.Since(info.ModTime()) > time.Minute {
			t.Errorf("the stamp was not touched: %q %v %v", text, err, serr)
		}
	})
}

// TestHookIsQuietAboutSecrets: tracing shows none of them, and is on again.
func TestHookIsQuietAboutSecrets(t *testing.T) {
	forHooked(t, func(t *testing.T, h hooked) {
		if h.trace == "" {
			t.Skip("this shell has no tracing that shows values")
		}
		c, dumps := newHooks(t), t.TempDir()
		c.must("login prod")
		clock := c.advance(54 * time.Minute)
		script := h.load("") + h.trace + "\nawsmfa-use prod\ndumpenv one\n" + say(h.export, "AWSMFA_EXPIRATION", soon(5*time.Minute)) + h.hook + "\n" + h.wait() + h.hook +
			"\ndumpenv two\nawsmfa-use prod\nawsmfa-off\nawsmfa-use dev\ndumpenv three\nawsmfa-off --hook\ndumpenv four\n"
		o := c.runHooked(t, h, dumps, script, clock)
		for _, dump := range []string{"one", "two", "three"} {
			env := readEnv(t, dumps, dump)
			for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
				if env[name] == "" || strings.Contains(o.stdout+o.stderr, env[name]) {
					t.Errorf("the trace shows %s of dump %s (or it is empty)", name, dump)
				}
			}
		}
		shown := strings.ReplaceAll(o.stderr, "', '", " ") // as xonsh writes words
		if !strings.Contains(shown, "dumpenv one") || !strings.Contains(shown, "dumpenv four") {
			t.Errorf("tracing does not come back:\n%s", o.stderr)
		}
	})
}

// TestHookKeepsItsSecrets: what was there before is no command's to see, even
// where a shell exports all that is set.
func TestHookKeepsItsSecrets(t *testing.T) {
	c := newHooks(t)
	forHooked(t, func(t *testing.T, h hooked) {
		if !strings.HasPrefix(h.trace, "set -vx") {
			t.Skip("this shell has no such option")
		}
		dumps := t.TempDir()
		script := "set -a\n" + h.load("") + "AWS_SECRET_ACCESS_KEY=theirs\nawsmfa-use dev\ndumpenv in\nawsmfa-off\ndumpenv out\n"
		if o := c.runHooked(t, h, dumps, script); o.code != 0 || o.stderr != "" {
			t.Errorf("exit %d\n%s", o.code, o.stderr)
		}
		if out := readEnv(t, dumps, "out"); out["AWS_SECRET_ACCESS_KEY"] != "theirs" {
			t.Error("what was exported is not again")
		}
		for name, value := range readEnv(t, dumps, "in") {
			if strings.HasPrefix(name, "_awsmfa_was") || strings.Contains(value, "theirs") {
				t.Errorf("%s is in the environment of commands", name)
			}
		}
	})
}

// TestHookStartsNothing counts the processes of 200 prompts while all is well,
// whatever stands for the expiry: by the kernel's own account.
func TestHookStartsNothing(t *testing.T) {
	need(t, "strace")
	c := newHooks(t)
	master, tty, err := pty.Open(24, 80)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); tty.Close() })
	forHooked(t, func(t *testing.T, h hooked) {
		if h.forks {
			t.Skip("this shell has no clock of its own")
		}
		if none, many := c.startedBy(t, h, tty, 0), c.startedBy(t, h, tty, 25); none != many {
			t.Errorf("%d processes more for 200 prompts", many-none)
		}
	})
}

// startedBy counts what the shell starts when it shows so many prompts for each
// of several texts in place of the expiry.
func (c *crowd) startedBy(t *testing.T, h hooked, tty *os.File, prompts int) int {
	t.Helper()
	dumps := t.TempDir()
	script := h.load("") + say(h.export, "AWSMFA_OWNED", "ASIAX:") + say(h.export, "AWS_ACCESS_KEY_ID", "ASIAX")
	for _, expiry := range []string{soon(time.Hour), "", "soon", "0123", "-1", "99999999999999999999999", "a[$(touch PWN)]", "1e9"} {
		script += say(h.export, "AWSMFA_EXPIRATION", expiry) + h.times(prompts, h.hook)
	}
	file, log := filepath.Join(dumps, "script"), filepath.Join(dumps, "log")
	if err := os.WriteFile(file, []byte(c.sourced(dumps, script)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := c.detached(need(t, "strace"), append([]string{"-qq", "-o", log, "-e", "trace=fork,vfork,clone,clone3", need(t, h.program)}, append(h.argv, file)...)...)
	cmd.Env, cmd.Stdin = c.environ("SHELL=/bin/false"), tty // of which tcsh takes the clock
	if o := finish(t, cmd); o.code != 0 || o.stdout != "" || o.stderr != "" {
		t.Fatalf("exit %d, stdout %q, stderr:\n%s", o.code, o.stdout, o.stderr)
	}
	calls, err := os.ReadFile(log)
	if err != nil || len(calls) == 0 && h.program != "nu" {
		t.Fatalf("strace wrote nothing: %v", err)
	}
	return len(started.FindAll(calls, -1)) - bytes.Count(calls, []byte("CLONE_THREAD"))
}

// TestHookWithoutNetwork: a session that is over, no way to AWS and 200
// prompts: no question, no word, and only the renewal tries to connect.
func TestHookWithoutNetwork(t *testing.T) {
	strace := need(t, "strace")
	forHooked(t, func(t *testing.T, h hooked) {
		c, dumps := newHooks(t), t.TempDir()
		c.must("login prod")
		clock := c.advance(61 * time.Minute)
		vars := ""
		for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "ASIAX", "AWS_SECRET_ACCESS_KEY": "s", "AWSMFA_OWNED": "ASIAX:", "AWSMFA_PROFILE": "prod", "AWSMFA_EXPIRATION": soon(-time.Minute)} {
			vars += say(h.export, name, value)
		}
		c.server.Close()
		prompts := 200
		if (h.forks || h.program == "tcsh") && !long() {
			prompts = 20 // without a terminal tcsh asks date too: slow under strace
		}
		script := h.load("") + vars + h.hook + "\n" + h.wait() + h.times(prompts, h.hook)
		file, log := filepath.Join(dumps, "script"), filepath.Join(dumps, "log")
		if err := os.WriteFile(file, []byte(c.sourced(dumps, script)), 0o600); err != nil {
			t.Fatal(err)
		}
		argv := append([]string{"-f", "-qq", "-o", log, "-s", "300", "-e", "trace=execve,socket,fork,vfork,clone,clone3", need(t, h.program)}, append(h.argv, file)...)
		cmd := c.detached(strace, argv...)
		cmd.Dir, cmd.Env = c.home, c.environ("SHELL=/bin/false", clock)
		if o := finish(t, cmd); o.code != 0 || o.stdout != "" || o.stderr != "" {
			t.Fatalf("exit %d, stdout %q, stderr:\n%s", o.code, o.stdout, o.stderr)
		}
		calls, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		checkSockets(t, string(calls), 1)
	})
}

var (
	started = regexp.MustCompile(`(?m)^(?:\d+ +)?(?:<\.\.\. )?v?(?:fork|clone3?)\b.* = (\d+)$`)
	execed  = regexp.MustCompile(`execve\("[^"]*awsmfa", \["[^"]*awsmfa", "(\w+)"`)
)

// checkSockets: so many renewals ran, and nothing else opened a connection.
func checkSockets(t *testing.T, log string, renewals int) {
	t.Helper()
	parent, verb := map[string]string{}, map[string]string{}
	var connected []string
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		pid, _, _ := strings.Cut(line, " ")
		if child := started.FindStringSubmatch(line); child != nil {
			parent[child[1]] = pid
		}
		if run := execed.FindStringSubmatch(line); run != nil {
			verb[pid] = run[1]
		}
		if strings.Contains(line, "socket(AF_INET") {
			connected = append(connected, pid)
		}
	}
	logins := 0
	for _, v := range verb {
		if v == "login" {
			logins++
		}
	}
	if logins != renewals || len(connected) == 0 {
		t.Errorf("%d renewals, want %d; %d sockets, which should not be none", logins, renewals, len(connected))
	}
	for _, pid := range connected {
		who := pid
		for verb[who] == "" && parent[who] != "" {
			who = parent[who] // a thread, or a child
		}
		if verb[who] != "login" {
			t.Errorf("process %s, awsmfa %s, opens a socket", who, verb[who])
		}
	}
}

// TestHookOfAStrangePlace: the program may lie anywhere, and is called by the
// path it had, not by the one that a symbolic link led to.
func TestHookOfAStrangePlace(t *testing.T) {
	c := newHooks(t)
	dir := filepath.Join(t.TempDir(), "it's a \"b\" $HOME `id` {x,y} *?!$(touch PWN) \u2019\\")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(c.binary, filepath.Join(dir, "awsmfa")); err != nil {
		t.Fatal(err)
	}
	c.binary = filepath.Join(dir, "awsmfa") // for nu
	forHooked(t, func(t *testing.T, h hooked) {
		dumps := t.TempDir()
		script := h.load("") + say(h.export, "PATH", os.Getenv("PATH"))
		if h.program == "xonsh" {
			script = h.load("") + "$PATH = '" + os.Getenv("PATH") + "'.split(':')\n"
		}
		if h.program == "nu" {
			script = h.load("") + "$env.PATH = ('" + os.Getenv("PATH") + "' | split row ':')\n"
		}
		d, err := shell.Lookup(h.program)
		if err != nil {
			t.Fatal(err)
		}
		script += "awsmfa-use " + d.QuoteWord(oddProfile) + "\nsh -c 'env -0 >$DUMPS/in'\n"
		if o := c.runHooked(t, h, dumps, script, "PATH="+dir+":"+os.Getenv("PATH")); o.code != 0 || o.stderr != "" {
			t.Errorf("exit %d\n%s", o.code, o.stderr)
		}
		checkHolds(t, "after awsmfa-use", readEnv(t, dumps, "in"), oddProfile, "us-east-2")
	})
	if _, err := os.Stat(filepath.Join(c.home, "PWN")); err == nil {
		t.Error("a part of the path was run")
	}
}

// TestInitTidies: what a shell has not lived to take away goes with the next
// one's start, and what may still be asked for stays.
func TestInitTidies(t *testing.T) {
	t.Parallel()
	c := newHooks(t)
	state := filepath.Join(c.home, ".local/state/awsmfa")
	c.must("init tcsh")
	scripts, err := filepath.Glob(filepath.Join(state, "init-*.tcsh"))
	if err != nil || len(scripts) != 1 {
		t.Fatalf("scripts: %q %v", scripts, err)
	}
	days := func(n int) time.Time { return time.Now().AddDate(0, 0, -n) }
	files := []struct {
		path  string
		age   int
		stays bool
	}{
		{scripts[0], 1000, true}, // it is in use again
		{filepath.Join(state, "init-00000000.tcsh"), 1000, false},
		{filepath.Join(state, "init-00000001.tcsh"), 300, true},
		{filepath.Join(state, "hooks", "1.1"), 2, false},
		{filepath.Join(state, "hooks", "1.2"), 0, true},
		{filepath.Join(state, "other"), 1000, true},
	}
	for i, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			if err := os.WriteFile(f.path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(f.path, days(f.age), days(f.age)); err != nil {
			t.Fatal(err)
		}
	}
	c.must("init tcsh")
	c.must("init bash")
	for _, f := range files {
		if _, err := os.Stat(f.path); (err == nil) != f.stays {
			t.Errorf("%s, %d days old: %v", f.path, f.age, err)
		}
	}
}

// TestInitFails: what cannot be is a usage error, and one for the shell too.
func TestInitFails(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, crowdConfig)
	for _, row := range []struct{ args, says, prints string }{
		{"init dash", `there is nothing to put into the start-up file of the shell "dash"`, "false;\n"},
		{"init zhs", `did you mean "zsh"?`, "false;\n"},
		{"init bash zsh", `unexpected argument "zsh"`, "false;\n"},
		{"init bash --cmd a;b", "cannot be the command's name", "false;\n"},
		{"init bash --cmd awsmfa", "cannot be the command's name", "false;\n"},
		{"init bash --renew-before soon", "is not a duration", "false;\n"},
		{"init fish --nosuch", `has no flag "--nosuch"`, "false;\n"},
	} {
		o := c.all([]*exec.Cmd{c.command(strings.Fields(row.args)...)})[0]
		if o.code != exitUsage || o.stdout != row.prints || !strings.Contains(o.stderr, row.says) {
			t.Errorf("%s: exit %d, stdout %q\n%s", row.args, o.code, o.stdout, o.stderr)
		}
	}
	for _, args := range []string{"init", "hook bash", "init --renew-before 0 -q"} {
		if o := c.all([]*exec.Cmd{c.command(strings.Fields(args)...)})[0]; o.code != 0 || o.stderr != "" || !strings.HasPrefix(o.stdout, "# ") {
			t.Errorf("%s: exit %d, %s", args, o.code, o.stderr)
		}
	}
	if o := c.all([]*exec.Cmd{c.command("init", "--help")})[0]; o.stdout != "" || !strings.Contains(o.stderr, "--renew-before TIME") {
		t.Errorf("help on stdout would be run: %q", fmt.Sprint(o))
	}
}
