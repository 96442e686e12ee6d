package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"awsmfa/internal/hostile"
)

// The tests here put texts through the real interpreters. Run as "detect" the
// test binary prints the dialect of the shell around it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "detect" {
		fmt.Println(Detect(os.Getppid(), ParentProcess, "", "").Name())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// mode is one interpreter with its options and one way to run a text in it.
type mode struct {
	name    string
	program string   // as AWSMFA_REQUIRE_SHELLS names it, or a path
	argv    []string // the script's path follows; none: the program alone
	dialect string   // program, when empty
	script  string   // see runMode; @SET@, @UNSET@, @FAIL@, @DUMP@ n are filled in
	env     []string
	lenient bool // a value may arrive damaged (known), but must not run
}

// posixScript evaluates through the given form, in which CAT is the command.
// Every step's outcome is visible: what it exports in a dump, a status that is
// not expected on stdout.
func posixScript(prelude, form string) string {
	run := func(file string) string { return strings.ReplaceAll(form, "CAT", `cat "`+file+`"`) }
	return prelude + "\n" +
		run("@SET@") + " || echo set failed\n@DUMP@ set\n" +
		run("@UNSET@") + " || echo unset failed\n@DUMP@ unset\n" +
		run("@FAIL@") + " && echo reached\n@DUMP@ fail\n" +
		"echo done\nset -e\n" + run("@FAIL@") + "\necho passed\n"
}

const (
	quoted    = `eval "$(CAT)"`
	unquoted  = `eval $(CAT)`
	backticks = "eval `CAT`"
)

// forms makes modes of a program for its options, in quoted and unquoted form.
func forms(program string, argv []string, dialect string, preludes ...string) []mode {
	var modes []mode
	for _, prelude := range preludes {
		for _, form := range []string{quoted, unquoted, backticks} {
			if form == backticks && prelude != ":" {
				continue // it differs from unquoted in nothing but its own reading
			}
			modes = append(modes, mode{
				name:    strings.Join(append([]string{program, dialect, prelude}, argv...), " ") + " " + form,
				program: program, argv: argv, dialect: dialect, script: posixScript(prelude, form),
			})
		}
	}
	return modes
}

// posixModes runs each shell's own dialect under the options that change how
// substitutions are read, and the dialect "sh" in every shell that may be sh.
func posixModes(bashes []string) []mode {
	oddIFS := []string{"IFS=", "IFS='\n'", "IFS='|\t'"}
	strict := append([]string{":", "set -eu", "set -f", "set -euC"}, oddIFS...)
	modes := forms("sh", nil, "sh", "set -eu")
	modes = append(modes, forms("dash", nil, "dash", strict...)...)
	modes = append(modes, forms("yash", nil, "yash", append(strict, "set -o nullglob", "set -o extendedglob -o dotglob", "set -o markdirs; set -o noglob")...)...)
	modes = append(modes, forms("yash", []string{"-o", "posixlycorrect"}, "sh", "set -eu")...)
	modes = append(modes, forms("busybox", []string{"sh"}, "busybox", strict...)...)
	modes = append(modes, forms("busybox", []string{"ash"}, "ash", "set -eu")...)
	modes = append(modes, forms("ksh", nil, "ksh", append(strict, "set -o globstar", "set -G -o markdirs", "set +B")...)...)
	modes = append(modes, forms("mksh", nil, "mksh", append(strict, "set -o posix", "set +o braceexpand")...)...)
	modes = append(modes, forms("ksh", nil, "sh", "set -eu")...)
	modes = append(modes, forms("mksh", nil, "sh", "set -eu")...)
	modes = append(modes, forms("zsh", []string{"-f"}, "zsh", append(strict, "setopt shwordsplit", "setopt globsubst", "setopt globsubst shwordsplit nullglob",
		"setopt globsubst extendedglob kshglob", "setopt cshnullglob globsubst", "setopt magicequalsubst rcexpandparam ksharrays", "emulate sh", "emulate ksh", "setopt banghist rcquotes")...)...)
	modes = append(modes, forms("zsh", []string{"-f"}, "sh", "set -eu", "setopt shwordsplit")...)
	for _, bash := range bashes {
		first := len(modes)
		modes = append(modes, forms(bash, nil, "bash", append(strict, "shopt -s nullglob", "shopt -s failglob", "shopt -s extglob dotglob nocaseglob",
			"set -o history; set -o histexpand", "set +B", "set -o pipefail; set -E")...)...)
		modes = append(modes, forms(bash, []string{"--posix"}, "bash", "set -eu")...)
		modes = append(modes, forms(bash, []string{"--posix"}, "sh", "set -eu", "shopt -s extglob")...)
		if !isBash50(bash) {
			continue
		}
		// 5.0 alone takes a word with a backslash for a pattern: a file that
		// matches may damage the value, never run.
		for i := first; i < len(modes); i++ {
			modes[i].lenient = !strings.HasSuffix(modes[i].name, quoted)
		}
	}
	return modes
}

func isBash50(bash string) bool {
	out, err := exec.Command(bash, "--version").Output()
	return err == nil && bytes.Contains(out, []byte("version 5.0."))
}

func otherModes() []mode {
	utf8, c := []string{"LC_ALL=C.UTF-8"}, []string{"LC_ALL=C"}
	var modes []mode
	for _, form := range []string{"CAT | source", "eval (CAT)", "eval $(CAT)", `eval "$(CAT)"`} {
		run := func(file string) string { return strings.ReplaceAll(form, "CAT", "cat '"+file+"'") }
		script := run("@SET@") + "; or echo set failed\n@DUMP@ set\n" + run("@UNSET@") + "; or echo unset failed\n@DUMP@ unset\n" +
			run("@FAIL@") + "; and echo reached\n@DUMP@ fail\necho done\n" + run("@FAIL@") + "\n"
		modes = append(modes, mode{name: "fish " + form, program: "fish", argv: []string{"--no-config"}, script: script, env: utf8},
			mode{name: "fish C " + form, program: "fish", argv: []string{"--no-config"}, script: script, env: c})
	}
	for _, form := range []string{"eval \"`CAT`\"", "eval `CAT`"} {
		for _, prelude := range []string{"", "set noglob", "set nonomatch", "set globstar; set globdot", "set echo_style=both; set backslash_quote"} {
			if strings.Contains(prelude, "backslash_quote") && form == "eval `CAT`" {
				continue // there quotes are kept or dropped by what surrounds them
			}
			run := func(file string) string { return strings.ReplaceAll(form, "CAT", "cat '"+file+"'") }
			script := prelude + "\n" + run("@SET@") + " || echo set failed\n@DUMP@ set\n" + run("@UNSET@") + " || echo unset failed\n@DUMP@ unset\n" +
				run("@FAIL@") + " && echo reached\n@DUMP@ fail\necho done\n" + run("@FAIL@") + "\n"
			modes = append(modes, mode{name: "tcsh " + prelude + form, program: "tcsh", argv: []string{"-f"}, script: script, env: utf8})
			if prelude == "" {
				modes = append(modes, mode{name: "tcsh C " + form, program: "tcsh", argv: []string{"-f"}, script: script, env: c})
			}
		}
	}
	modes = append(modes, mode{name: "elvish", program: "elvish", argv: []string{"-norc"}, script: "eval (cat '@SET@' | slurp)\n@DUMP@ set\n" +
		"eval (cat '@UNSET@' | slurp)\n@DUMP@ unset\ntry { eval (e:sh -c 'exit 3' | slurp); echo reached } catch e { }\n@DUMP@ fail\necho done\n" +
		"eval (e:sh -c 'exit 3' 2>/dev/null | slurp)\n"})
	// xonsh 0.13 now and then loses what $(cat …) prints: it takes cat for a
	// program that wants the terminal. Through sh it captures as it does awsmfa;
	// see TestXonshCapturesAll in command.
	modes = append(modes, mode{name: "xonsh", program: "xonsh", argv: []string{"--no-rc"}, script: "execx($(@CAT@ '@SET@'))\n@DUMP@ set\n" +
		"execx($(@CAT@ '@UNSET@'))\n@DUMP@ unset\ntry:\n    execx($(@CAT@ '@FAIL@'))\n    print('reached')\nexcept RuntimeError as e:\n    pass\n@DUMP@ fail\nprint('done')\n" +
		"import sys\nsys.stderr = open('/dev/null', 'w')\nexecx($(@CAT@ '@FAIL@'))\nprint('passed')\n"})
	modes = append(modes, mode{name: "nu", program: "nu", argv: []string{"-n"}, script: "^cat '@SET@' | from json | load-env\n@DUMP@ set\n" +
		"^cat '@UNSET@' | from json | load-env\n@DUMP@ unset\ntry { ^sh -c 'exit 3' | from json | load-env; print reached }\n@DUMP@ fail\nprint done\n" +
		"try { ^sh -c 'exit 3' | from json | load-env; print passed } catch { exit 1 }\n"})
	return modes
}

// find gives the interpreter's path; a missing one skips the test, or fails it
// where AWSMFA_REQUIRE_SHELLS names it.
func find(t *testing.T, program string) string {
	t.Helper()
	if path := os.Getenv("AWSMFA_TEST_NU"); program == "nu" && path != "" {
		return path
	}
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if isRequired(program) {
		t.Fatalf("%s is required (AWSMFA_REQUIRE_SHELLS), and is not here", program)
	}
	t.Skipf("%s is not here", program)
	return ""
}

func isRequired(program string) bool {
	names := strings.FieldsFunc(os.Getenv("AWSMFA_REQUIRE_SHELLS"), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(names, program)
}

func bashes() []string {
	all := []string{"bash"}
	for _, path := range filepath.SplitList(os.Getenv("AWSMFA_TEST_BASH")) {
		if path != "" {
			all = append(all, path)
		}
	}
	return all
}

// stage is what one dialect's texts need: the texts in files, and a directory
// of hostile file names to stand in.
type stage struct {
	set, unset, fail string
	want             map[string]string
}

func newStage(t *testing.T, dir string, d Dialect, values []string) stage {
	t.Helper()
	var set []Var
	want := map[string]string{}
	for i, value := range values {
		v := Var{fmt.Sprintf("V%03d", i), value}
		if _, err := d.Statements(nil, []Var{v}); err == nil {
			set = append(set, v)
			want[v.Name] = value
		}
	}
	var names []string
	for _, v := range set {
		names = append(names, v.Name)
	}
	write := func(name, text string, err error) string {
		path := filepath.Join(dir, d.Name()+"-"+name)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	text, err := d.Statements([]string{"OLD_ONE", "NEVER_SET", "OLD_TWO"}, set)
	s := stage{set: write("set", text, err), want: want}
	text, err = d.Statements(append(names, "NEVER_SET"), nil)
	s.unset = write("unset", text, err)
	s.fail = write("fail", d.Failure([]string{"NEVER_SET", "HELD"}), nil)
	return s
}

type outcome struct {
	stdout, stderr string
	code           int
}

func run(t *testing.T, dir string, env []string, argv ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Dir = dir
	c.Env = append(baseEnv(), env...)
	var stdout, stderr bytes.Buffer
	c.WaitDelay = 5 * time.Second // a grandchild may hold the pipes
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%q: %v", argv, err)
	}
	return outcome{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

func baseEnv() []string {
	// Under the race detector a program sleeps for a second at its end.
	env := []string{"GORACE=atexit_sleep_ms=0", "OLD_ONE=1", "OLD_TWO=2", "HELD=3", "LC_ALL=C.UTF-8", "TERM=dumb", "XONSH_SHOW_TRACEBACK=0", "XONSH_CACHE_SCRIPTS=0"}
	for _, name := range []string{"PATH", "TMPDIR", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func readDump(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("the script did not reach its dump: %v", err)
		return nil
	}
	got := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	return got
}

// runMode runs one script and checks all its dumps.
func runMode(t *testing.T, m mode, s stage, cwd, home, out string) {
	path := find(t, m.program)
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer("@SET@", s.set, "@UNSET@", s.unset, "@FAIL@", s.fail, "@CAT@", helper(t, m.program, out, "emit", `cat "$1"`), "@DUMP@ ", dumper(t, m.program, out)+" "+out+"/").Replace(m.script)
	file := filepath.Join(out, "script")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	argv := append(append([]string{path}, m.argv...), file)
	got := run(t, cwd, append([]string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_CACHE_HOME=" + home}, m.env...), argv...)
	wantErr := m.program == "elvish" && strings.Contains(got.stderr, "e:sh -c 'exit 3'") // its last step throws
	if !m.lenient && (got.stdout != "done\n" || got.stderr != "" && !wantErr || got.code == 0) {
		t.Errorf("code %d, stdout %.300q, stderr %.300q; want a failing end, \"done\\n\" and nothing", got.code, got.stdout, got.stderr)
	}
	if m.lenient {
		return
	}
	set, unset, fail := readDump(t, out+"/set"), readDump(t, out+"/unset"), readDump(t, out+"/fail")
	for name, want := range s.want {
		if value, ok := set[name]; !ok || value != want {
			t.Errorf("%s = %.100q (%v), want %.100q", name, value, ok, want)
		}
		if value, ok := unset[name]; ok {
			t.Errorf("%s is still %.100q after its unset", name, value)
		}
	}
	for _, name := range []string{"OLD_ONE", "OLD_TWO", "NEVER_SET"} {
		if value, ok := set[name]; ok {
			t.Errorf("%s is still %q", name, value)
		}
	}
	_, held := fail["HELD"]
	if noFailureText := m.program == "elvish" || m.program == "nu"; held != noFailureText {
		t.Errorf("after a failure HELD is set: %v", held)
	}
}

// dumper is the command that writes the environment to the file it is given,
// from a script in dir.
func dumper(t *testing.T, program, dir string) string {
	return helper(t, program, dir, "dump", `env >"$1"`)
}

// helper writes a script for sh, and gives the command that runs it. It is not
// an executable of its own: a test that forks meanwhile would keep it busy.
func helper(t *testing.T, program, dir, name, script string) string {
	t.Helper()
	path := filepath.Join(dir, name+".sh")
	if err := os.WriteFile(path, []byte(script+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if program == "nu" {
		return "^sh " + path
	}
	return "sh " + path
}

// hostileDir litters dir for the texts, and checks in the end that nothing ran.
func hostileDir(t *testing.T, dir string, texts ...string) {
	t.Helper()
	if err := hostile.Litter(dir, texts...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		traces, err := hostile.Traces(dir)
		if len(traces) > 0 || err != nil {
			t.Errorf("a value was run as a command: %q (%v)", traces, err)
		}
	})
}

// testModes puts the values through all modes at once.
func testModes(t *testing.T, values []string, modes []mode) {
	texts, cwd, home := t.TempDir(), t.TempDir(), t.TempDir()
	stages := map[string]stage{}
	var written []string
	for i, m := range modes {
		if m.dialect == "" {
			modes[i].dialect = m.program
		}
		name := modes[i].dialect
		if _, ok := stages[name]; ok {
			continue
		}
		d, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		stages[name] = newStage(t, texts, d, values)
		text, err := os.ReadFile(stages[name].set)
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, string(text))
	}
	hostileDir(t, cwd, written...)
	for i, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			runMode(t, m, stages[m.dialect], cwd, home, filepath.Join(texts, fmt.Sprint("out", i)))
		})
	}
}

func TestRealPosixShells(t *testing.T) { testModes(t, hostile.Values(), posixModes(bashes())) }

func TestRealOtherShells(t *testing.T) { testModes(t, hostile.Values(), otherModes()) }

// TestRealRandomValues goes beyond the table, with a seed that a failure names.
func TestRealRandomValues(t *testing.T) {
	seed, batches, size := uint64(time.Now().UnixNano()), 1, 20
	if os.Getenv("AWSMFA_LONG") != "" {
		batches, size = 20, 500
	}
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var modes []mode
	for _, m := range append(posixModes(bashes()), otherModes()...) {
		if strings.HasSuffix(m.name, unquoted) && strings.Contains(m.name, "set -eu ") || !strings.Contains(m.name, "eval \"") && m.dialect == "" {
			modes = append(modes, m)
		}
	}
	for i := range batches {
		t.Run(fmt.Sprint("batch ", i), func(t *testing.T) { testModes(t, randomValues(r, size), modes) })
	}
}

func randomValues(r *rand.Rand, n int) []string {
	pieces := []string{" ", "  ", "*", "?", "[", "]", "'", "\"", "`", "$", "(", ")", "{", "}", ",", "!", "=", "-", "~", "#", ";", "&", "|", "<", ">", "\\", "^", "%", "@", ":",
		"a", "b", "0", "7", "x41", "n", "é", "日", "😀", "\u2019", "\u00a0", "touch PWN", "$(touch PWN)", "';touch PWN;'", "{a,b}", "!!", "\\n", "$HOME"}
	values := make([]string, n)
	for i := range values {
		for range 1 + r.IntN(8) {
			values[i] += pieces[r.IntN(len(pieces))]
		}
	}
	return values
}

// TestRealTypedLines types what hints tell users to type: the line of Eval,
// with a word quoted by QuoteWord, must bring that very word into the shell.
func TestRealTypedLines(t *testing.T) {
	words := append(slices.Clone(goldenValues), "'", `"`, "`", `\`, `a\`, `\'`, "'\\''", "$", "${HOME}", "{a", "{1..3}", "{}", "%1", "[a]*", "?", "~root", "x:~", "a ",
		"'; touch PWN; '", "\"; touch PWN; \"", "$(touch PWN)", "`touch PWN`", ">PWN", "2>PWN", "<x", "; touch PWN", "@(touch PWN)", "a,b", "..", "/x y", "\u2019; touch PWN", "\u00a0", "0", "1e3", "true", "null", "--", "[dev] (prod)")
	for program, argv := range map[string][]string{"sh": nil, "dash": nil, "bash": nil, "zsh": {"-f"}, "ksh": nil, "mksh": nil, "yash": nil, "busybox": {"sh"},
		"fish": {"--no-config"}, "tcsh": {"-f"}, "elvish": {"-norc"}, "xonsh": {"--no-rc"}, "nu": {"-n"}} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			path, dir, cwd := find(t, program), t.TempDir(), t.TempDir()
			hostileDir(t, cwd)
			d, err := Lookup(program)
			if err != nil {
				t.Fatal(err)
			}
			words := words
			if program == "tcsh" { // its substitutions cannot carry these, see Eval
				words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.ContainsAny(w, "!`") })
			}
			// The command keeps the word it was given, and prints a text that
			// sets a variable of its own.
			emit := helper(t, program, dir, "emit", "printf %s \"$2\" >"+dir+"/word$1\ncat "+dir+"/text$1")
			var script strings.Builder
			for i, word := range words {
				text, err := d.Statements(nil, []Var{{fmt.Sprint("GOT", i), "it's"}})
				if err == nil {
					err = os.WriteFile(fmt.Sprint(dir, "/text", i), []byte(text), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				script.WriteString(d.Eval(fmt.Sprint(emit, " ", i, " ", d.QuoteWord(word))) + "\n")
			}
			script.WriteString(dumper(t, program, dir) + " " + dir + "/dump\n")
			file := filepath.Join(dir, "script")
			if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			got := run(t, cwd, []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir}, append(append([]string{path}, argv...), file)...)
			if got.stdout != "" || got.stderr != "" || got.code != 0 {
				t.Errorf("code %d, stdout %.300q, stderr %.300q", got.code, got.stdout, got.stderr)
			}
			dump := readDump(t, dir+"/dump")
			for i, word := range words {
				value, err := os.ReadFile(fmt.Sprint(dir, "/word", i))
				if string(value) != word || err != nil {
					t.Errorf("%q typed as %q arrives as %q (%v)", word, d.QuoteWord(word), value, err)
				}
				if dump[fmt.Sprint("GOT", i)] != "it's" {
					t.Errorf("the line for %q did not set its variable", word)
				}
			}
		})
	}
}

// TestRealFishUniversals: a universal variable is not erased, and stderr says
// that commands still see it. What is set hides a universal one.
func TestRealFishUniversals(t *testing.T) {
	fishPath, home, cwd := find(t, "fish"), t.TempDir(), t.TempDir()
	text, err := fish{}.Statements([]string{"UNI", "OLD_ONE", "UNI_OWN"}, []Var{{"UNI_SET", "mine"}})
	if err != nil {
		t.Fatal(err)
	}
	script := "set -Ux UNI theirs; set -Ux UNI_SET theirs; set -U UNI_OWN theirs; eval " + fish{}.QuoteWord(text[:len(text)-1]) + "; and echo fine\n" +
		dumper(t, "fish", cwd) + " " + cwd + "/dump; set -q k; and echo k leaks"
	env := []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home}
	warning := "awsmfa: warning: universal variable UNI is still exported (set -eU UNI removes it)\n"
	if got := run(t, cwd, env, fishPath, "-c", script); got.stdout != "fine\n" || got.stderr != warning {
		t.Errorf("got %+v", got)
	}
	if dump := readDump(t, cwd+"/dump"); dump["UNI_SET"] != "mine" {
		t.Errorf("a command sees UNI_SET=%q", dump["UNI_SET"])
	}
	if got := run(t, cwd, env, fishPath, "-c", "echo $UNI $UNI_SET $UNI_OWN"); got.stdout != "theirs theirs theirs\n" {
		t.Errorf("another session has %+v", got)
	}
}
