//go:build linux

package command

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"awsmfa/environment"
	"awsmfa/shell"
	"awsmfa/stsclient/ststest"
)

// The tests here type the documented line into real shells. Awsmfa has to find
// out by itself which one it is, since SHELL names another one.

// oddProfile is a name that no shell takes bare.
const oddProfile = `it's a*b $HOME`

const shellsConfig = crowdConfig + `
[profile prod]
role_arn = arn:aws:iam::ACCOUNT:role/Admin
source_profile = dev

[profile "` + oddProfile + `"]
source_profile = dev
role_arn = arn:aws:iam::ACCOUNT:role/Admin
region = us-east-2

[profile dev-mfa]
credential_process = AWSMFA process dev
region = eu-west-1
`

// newShells is a HOME in which dev has a session already, so that no shell
// needs a code.
func newShells(t *testing.T) *crowd {
	t.Helper()
	c := newCold(t)
	if o := c.all([]*exec.Cmd{c.command("login", "dev", "--token-code", c.user.NextCode())})[0]; o.code != 0 {
		t.Fatalf("login: exit %d\n%s", o.code, o.stderr)
	}
	c.server.ForgetRequests()
	return c
}

// newCold is the same before the first session.
func newCold(t *testing.T) *crowd {
	t.Helper()
	c := newCrowd(t, "")
	c.write("config", strings.ReplaceAll(shellsConfig, "AWSMFA", c.binary))
	if err := c.server.AddRole(ststest.Role{ARN: "arn:aws:iam::" + c.user.Account + ":role/Admin", RequireMFA: true}); err != nil {
		t.Fatal(err)
	}
	dump := "#!/bin/sh\nexec env -0 >\"$DUMPS/$1\"\n"
	if err := os.WriteFile(filepath.Join(filepath.Dir(c.binary), "dumpenv"), []byte(dump), 0o700); err != nil {
		t.Fatal(err)
	}
	return c
}

// environ is what a user's shell has: awsmfa and the clients in PATH, no hint
// about the shell but a wrong one, and leftovers of an earlier life.
func (c *crowd) environ(more ...string) []string {
	return append([]string{
		"HOME=" + c.home, "PATH=" + filepath.Dir(c.binary) + ":" + os.Getenv("PATH"), "TERM=dumb", "LC_ALL=C.UTF-8",
		"AWS_ENDPOINT_URL_STS=" + c.server.URL(), "AWS_ENDPOINT_URL_IAM=" + c.server.URL(), "AWS_EC2_METADATA_DISABLED=true",
		"NO_PROXY=127.0.0.1", "AWS_MAX_ATTEMPTS=1", quickExit, "XONSH_CACHE_SCRIPTS=0", "XONSH_SHOW_TRACEBACK=0",
	}, more...)
}

// leftovers are preferred to keys by one SDK or another; env clears them.
func leftovers() []string {
	return []string{"AWS_PROFILE=gone", "AWS_DEFAULT_PROFILE=gone", "AWS_SECURITY_TOKEN=gone", "AWS_ACCOUNT_ID=999999999999"}
}

// interpreter is one shell and one way in which it reads what env prints.
type interpreter struct {
	name     string   // of the subtest
	program  string   // as AWSMFA_REQUIRE_SHELLS names it
	argv     []string // before the script
	template string   // in testdata/shells
	dialect  string
	eval     string // with CMD in it; "": the documented line
	aws      bool   // ask the AWS CLI too; once for each shell is enough
	keeps    bool   // a failure cannot take anything back (elvish and nu print nothing then)
	words    bool   // it has words of its own for a failure
}

func interpreters() []interpreter {
	var list []interpreter
	for _, sh := range [][]string{{"sh"}, {"dash"}, {"bash"}, {"zsh", "-f"}, {"ksh"}, {"mksh"}, {"yash"}, {"busybox", "sh"}, {"busybox", "ash"}} {
		i := interpreter{program: sh[0], argv: sh[1:], template: "posix", dialect: sh[0]}
		i.name, i.aws = strings.Join(sh, " ")+" quoted", sh[len(sh)-1] != "ash"
		list = append(list, i)
		i.name, i.eval, i.aws = strings.Join(sh, " ")+" unquoted", "eval $(CMD)", false
		list = append(list, i)
	}
	return append(list,
		interpreter{name: "bash posix", program: "bash", argv: []string{"--posix"}, template: "posix", dialect: "bash", eval: "eval `CMD`"},
		interpreter{name: "bash source", program: "bash", template: "posix", dialect: "bash", eval: "source <(CMD)"},
		interpreter{name: "zsh source", program: "zsh", argv: []string{"-f"}, template: "posix", dialect: "zsh", eval: "source <(CMD)"},
		interpreter{name: "fish", program: "fish", argv: []string{"--no-config"}, template: "fish", dialect: "fish", aws: true},
		interpreter{name: "fish eval", program: "fish", argv: []string{"--no-config"}, template: "fish", dialect: "fish", eval: "eval (CMD)"},
		interpreter{name: "tcsh", program: "tcsh", argv: []string{"-f"}, template: "tcsh", dialect: "tcsh", aws: true},
		interpreter{name: "elvish", program: "elvish", argv: []string{"-norc"}, template: "elvish", dialect: "elvish", aws: true, keeps: true, words: true},
		interpreter{name: "xonsh", program: "xonsh", argv: []string{"--no-rc"}, template: "xonsh", dialect: "xonsh", aws: true, words: true},
		interpreter{name: "nu", program: "nu", argv: []string{"-n"}, template: "nu", dialect: "nu", aws: true, keeps: true, words: true},
	)
}

func TestShells(t *testing.T) {
	c := newShells(t)
	hasAWS := t.Run("aws", func(t *testing.T) { need(t, "aws") }) && runs("aws")
	t.Run("all", func(t *testing.T) {
		for _, i := range interpreters() {
			i.aws = i.aws && hasAWS
			t.Run(i.name, func(t *testing.T) {
				t.Parallel()
				c.inShell(t, i)
			})
		}
	})
	c.calls("GetSessionToken", 0)
}

// TestXonshCapturesAll asks xonsh how it would run awsmfa. A program that it
// takes for one that wants the terminal it reads without a thread, and then
// xonsh 0.13 on a busy machine now and then loses what $(...) printed: it looks
// for ncurses, libgpm, or all of isatty, tcgetattr and tcsetattr in the file.
func TestXonshCapturesAll(t *testing.T) {
	path := need(t, "xonsh")
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("print(__xonsh__.commands_cache.predict_threadable(['awsmfa', 'env', 'dev']))\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--no-rc", script)
	cmd.Env = newShells(t).environ("HOME=" + dir)
	if o := finish(t, cmd); o.stdout != "True\n" || o.code != 0 {
		t.Errorf("exit %d, stdout %q, stderr %q", o.code, o.stdout, o.stderr)
	}
}

// inShell runs the template in the shell and looks at every dump it made.
func (c *crowd) inShell(t *testing.T, i interpreter) {
	path := need(t, i.program)
	dumps, cwd := t.TempDir(), hostileDir(t)
	script := filepath.Join(dumps, "script")
	if err := os.WriteFile(script, []byte(i.script(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	misleading := "SHELL=/bin/fish"
	if i.dialect == "fish" {
		misleading = "SHELL=/bin/tcsh"
	}
	cmd := exec.Command(path, append(i.argv, script)...)
	cmd.Dir, cmd.Env = cwd, c.environ(append(leftovers(), "DUMPS="+dumps, misleading)...)
	o := finish(t, cmd)
	if want := i.stdout(c); o.stdout != want || o.code == 0 {
		t.Errorf("exit %d (want a failing end)\ngot:\n%s\nwant:\n%s", o.code, o.stdout, want)
	}
	if stray := strayLines(o.stderr); stray != "" && !i.words {
		t.Errorf("stderr has more than awsmfa's words:\n%s", stray)
	}
	c.checkDumps(t, i, dumps)
	tells := `this shell's credentials for "dev" are removed`
	if i.keeps {
		tells = `this shell still holds "dev"`
	}
	if !strings.Contains(o.stderr, tells) {
		t.Errorf("nobody says: %s", tells)
	}
	if _, err := os.Stat(filepath.Join(cwd, "PWN")); err == nil {
		t.Error("a file's name was run as a command")
	}
	if t.Failed() {
		t.Logf("stderr:\n%s", o.stderr)
	}
}

func (i interpreter) script(t *testing.T) string {
	t.Helper()
	template, err := os.ReadFile("testdata/shells/" + i.template)
	if err != nil {
		t.Fatal(err)
	}
	d, err := shell.Lookup(i.dialect)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, line := range strings.SplitAfter(strings.ReplaceAll(string(template), "@ODD@", d.QuoteWord(oddProfile)), "\n") {
		b.WriteString(i.fill(d, line))
	}
	return b.String()
}

// fill puts the setup line in place of "@EVAL command@".
func (i interpreter) fill(d shell.Dialect, line string) string {
	if line == "@AWS@\n" {
		if !i.aws {
			return ""
		}
		return "aws sts get-caller-identity --query Arn --output text\n"
	}
	before, rest, found := strings.Cut(line, "@EVAL ")
	if !found {
		return line
	}
	end := strings.LastIndex(rest, "@")
	command, after := rest[:end], rest[end+1:]
	if i.eval != "" {
		return before + strings.ReplaceAll(i.eval, "CMD", command) + after
	}
	return before + d.Eval(command) + after
}

func (i interpreter) stdout(c *crowd) string {
	want := "status 3\ndone\n"
	if i.aws {
		want = c.user.ARN + "\n" + want
	}
	return want
}

// TestReadOnlyVariable: where a shell cannot take a value, the line fails; it
// never goes on with half of one identity and half of another.
func TestReadOnlyVariable(t *testing.T) {
	t.Parallel()
	c := newShells(t)
	for _, sh := range [][]string{{"dash"}, {"bash"}, {"zsh", "-f"}, {"ksh"}, {"mksh"}, {"yash"}, {"busybox", "sh"}} {
		for _, eval := range []string{`eval "$(awsmfa env dev)"`, `eval $(awsmfa env dev)`} {
			t.Run(sh[0]+" "+eval, func(t *testing.T) {
				o := finish(t, c.detached(need(t, sh[0]), append(sh[1:], "-c", "readonly AWS_SECRET_ACCESS_KEY=mine; "+eval+" && echo reached; exit 3")...))
				if o.stdout != "" || o.code == 0 {
					t.Errorf("exit %d, stdout %q\n%s", o.code, o.stdout, o.stderr)
				}
			})
		}
	}
}

// TestFunctionLocal: variables that a function declares as its own are gone
// with it, and what was there before is back.
func TestFunctionLocal(t *testing.T) {
	t.Parallel()
	c := newShells(t)
	names := []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION", "AWSMFA_PROFILE", "AWSMFA_EXPIRATION", "AWSMFA_OWNED"}
	for _, sh := range [][]string{{"dash"}, {"bash"}, {"zsh", "-f"}, {"mksh"}, {"yash"}, {"busybox", "sh"}} {
		t.Run(sh[0], func(t *testing.T) {
			dumps := t.TempDir()
			script := "f() { local " + strings.Join(names, " ") + `; eval "$(awsmfa env dev)"; dumpenv inside; }; dumpenv before; f; dumpenv after`
			cmd := c.detached(need(t, sh[0]), append(sh[1:], "-c", script)...)
			cmd.Env = append(cmd.Env, "DUMPS="+dumps)
			if o := finish(t, cmd); o.code != 0 || o.stderr != "" {
				t.Errorf("exit %d\n%s", o.code, o.stderr)
			}
			checkHolds(t, "inside", readEnv(t, dumps, "inside"), "dev", "eu-west-1")
			checkSame(t, "after the function", readEnv(t, dumps, "before"), readEnv(t, dumps, "after"))
		})
	}
}

func (c *crowd) checkDumps(t *testing.T, i interpreter, dir string) {
	before, in, failed, out := readEnv(t, dir, "before"), readEnv(t, dir, "in"), readEnv(t, dir, "failed"), readEnv(t, dir, "out")
	checkHolds(t, "after env dev", in, "dev", "eu-west-1")
	checkHolds(t, "after a failure and a new start", readEnv(t, dir, "again"), "dev", "eu-west-1")
	checkHolds(t, "in a function, with an odd name", readEnv(t, dir, "odd"), oddProfile, "us-east-2")
	for _, name := range environment.AlwaysUnset() {
		if value, ok := in[name]; ok {
			t.Errorf("%s is still %q", name, value)
		}
		delete(before, name)
	}
	if i.keeps {
		checkHolds(t, "after a failed switch", failed, "dev", "eu-west-1")
	} else {
		checkSame(t, "after a failed switch", before, failed)
	}
	checkSame(t, "after --unset", before, out)
}

func checkHolds(t *testing.T, when string, env map[string]string, profile, region string) {
	t.Helper()
	id := env["AWS_ACCESS_KEY_ID"]
	if !strings.HasPrefix(id, "ASIA") || env["AWS_SECRET_ACCESS_KEY"] == "" || env["AWS_SESSION_TOKEN"] == "" {
		t.Errorf("%s there are no credentials", when)
	}
	for name, want := range map[string]string{
		"AWSMFA_PROFILE": profile, "AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWSMFA_OWNED": id + ":" + region,
		"AWS_SESSION_EXPIRATION": env["AWS_CREDENTIAL_EXPIRATION"],
	} {
		if env[name] != want || want == "" {
			t.Errorf("%s %s is %q, want %q", when, name, env[name], want)
		}
	}
}

// checkSame compares what is ours to touch; shells move things like SHLVL.
func checkSame(t *testing.T, when string, before, after map[string]string) {
	t.Helper()
	ours := func(name string) bool { return strings.HasPrefix(name, "AWS") }
	for name := range after {
		if _, ok := before[name]; ours(name) && !ok {
			t.Errorf("%s %s is there", when, name)
		}
	}
	for name, value := range before {
		if ours(name) && after[name] != value {
			t.Errorf("%s %s is %q, was %q", when, name, after[name], value)
		}
	}
}

func readEnv(t *testing.T, dir, name string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Errorf("the script did not come to its dump: %v", err)
	}
	env := map[string]string{}
	for kv := range strings.SplitSeq(string(data), "\x00") {
		if name, value, ok := strings.Cut(kv, "="); ok {
			env[name] = value
		}
	}
	return env
}

// strayLines is what somebody else than awsmfa wrote.
func strayLines(stderr string) string {
	lines := slices.DeleteFunc(strings.SplitAfter(stderr, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "awsmfa: ")
	})
	return strings.Join(lines, "")
}

// finish runs a program to its end; one that hangs is killed.
func finish(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	defer cancel()
	limited := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	limited.Args, limited.Dir, limited.Env, limited.Stdin, limited.SysProcAttr = cmd.Args, cmd.Dir, cmd.Env, cmd.Stdin, cmd.SysProcAttr
	var stdout, stderr bytes.Buffer
	limited.Stdout, limited.Stderr = &stdout, &stderr
	code := exitOf(t, limited.Run())
	if ctx.Err() != nil {
		t.Errorf("%q hangs", cmd.Args)
	}
	return outcome{stdout.String(), stderr.String(), code}
}

// hostileDir holds files whose names would do harm where a shell took them
// for a pattern's match.
func hostileDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{
		"*", "?", "[a]", "-n", "-rf", "a b", "';touch PWN;'", "; touch PWN;", "$(touch PWN)", "`touch PWN`", "&touch PWN&",
		"true", "false", "export", "unset", "set", "setenv", "env", "awsmfa", "aws", "source", "A=''", "AWS_REGION='x'", "AWS_REGION='eu-west-1'",
		"#", "~", "!!", "{p,q}", "dev", "nosuch", "it's a';touch PWN;'b $HOME", "it's aXb $HOME", "\\", "\"", "a\nb",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
