//go:build linux

package command

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"awsmfa/internal/hostile"
	"awsmfa/shell"
)

// The tests here take names that shells would change as the names of real
// profiles, through the released program, into real shells: each arrives as it
// is, or is refused in a way that the shell sees. Room shell tests the writing
// alone, with more ways to read it.

// hostileProfiles gives the names that a config can hold, and those that no
// profile may have: they could end a line, or show another text than they are.
func hostileProfiles() (names, refused []string) {
	hidden := []string{"\u2028", "\u202eevil", "\ufeffbom", "\u0080", "\u009b31m"}
	for _, v := range hostile.Values() {
		switch {
		case slices.Contains(hidden, v):
			refused = append(refused, v)
		case v != "" && v != "dev" && len(v) < 1000 && !slices.Contains(names, v):
			names = append(names, v)
		}
	}
	for _, v := range hostile.Refused() {
		if !strings.Contains(v, "\x00") { // which no argument can hold
			refused = append(refused, v)
		}
	}
	return names, refused
}

// hostileHome is a HOME in which every name is a warm profile, and the
// released awsmfa is in PATH.
type hostileHome struct {
	*crowd
	names, refused []string
	words          string // a directory with each name in a file, for hostile-env
}

func newHostileHome(t *testing.T) *hostileHome {
	t.Helper()
	h := &hostileHome{crowd: newCold(t), words: t.TempDir()}
	h.names, h.refused = hostileProfiles()
	if len(h.names) < 60 {
		t.Fatalf("only %d names", len(h.names))
	}
	config := crowdConfig
	for _, name := range h.names {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
		config += "[profile \"" + quoted + "\"]\nrole_arn = arn:aws:iam::ACCOUNT:role/Admin\nsource_profile = dev\n"
	}
	h.write("config", config)
	written := time.Now()
	built := buildRelease(t)
	must(t, os.Remove(h.binary))
	must(t, os.Symlink(built, h.binary)) // built for all: it stays where it is
	// The name in a file spares shells that cannot quote everything. The shell
	// stays awsmfa's parent.
	script := "#!/bin/sh\nn=$(cat \"" + h.words + "/$1\"; echo x); shift; exec awsmfa env \"$@\" -- \"${n%x}\"\n"
	must(t, os.WriteFile(filepath.Join(filepath.Dir(h.binary), "hostile-env"), []byte(script), 0o700))
	for i, name := range slices.Concat(h.names, h.refused) {
		must(t, os.WriteFile(filepath.Join(h.words, fmt.Sprint(i)), []byte(name), 0o600))
	}
	h.login(t)
	// Files this young are not trusted to be told from their next version.
	time.Sleep(time.Until(written.Add(2500 * time.Millisecond)))
	return h
}

// answer is an outcome, and whether it came before main: then the init that
// gives it never ends.
type answer struct {
	outcome
	early bool
}

// env runs awsmfa outside of a shell. "--" is what only the full way knows, so
// without it a name takes the short way, where there is one.
func (h *hostileHome) env(dialect []string, full bool, name string) answer {
	args := append([]string{"env"}, dialect...)
	if full {
		args = append(args, "--")
	}
	cmd := exec.Command(h.binary, append(args, name)...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = h.home, append(h.environ(), "GODEBUG=inittrace=1"), &stdout, &stderr
	a := answer{outcome{code: exitOf(h.t, cmd.Run())}, true}
	a.stdout = stdout.String()
	for line := range strings.Lines(stderr.String()) {
		if strings.HasPrefix(line, "init awsmfa/early ") {
			a.early = false
		}
		if !strings.HasPrefix(line, "init ") {
			a.stderr += line
		}
	}
	return a
}

func TestHostileProfiles(t *testing.T) {
	h := newHostileHome(t)
	t.Run("remembered", h.warmUp)
	t.Run("printed", h.printed)
	t.Run("refused", h.refusals)
	t.Run("in shells", h.inShells)
	h.calls("GetSessionToken", 1)
	h.calls("AssumeRole", 1)
}

// warmUp asks for each name once, the full way, and so remembers it.
func (h *hostileHome) warmUp(t *testing.T) {
	for _, name := range h.names {
		o := h.env([]string{"-s", "bash"}, true, name)
		if o.code != 0 {
			t.Fatalf("%q: exit %d\n%s", name, o.code, o.stderr)
		}
	}
}

func dialects(t *testing.T) map[string]shell.Dialect {
	t.Helper()
	all := map[string]shell.Dialect{"-o json": shell.JSON(), "-o dotenv": shell.Dotenv()}
	for _, name := range shell.Names() {
		d, err := shell.Lookup(name)
		must(t, err)
		all["-s "+d.Name()] = d
	}
	return all
}

// printed compares the two ways in every dialect. The meaning of the text is
// the decoders' matter in room shell, and the real shells' below.
func (h *hostileHome) printed(t *testing.T) {
	nth := 0
	for flags, d := range dialects(t) {
		nth++
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			early, asked := 0, 0
			for _, name := range share(h.names, nth, 8) {
				full, short := h.env(strings.Fields(flags), true, name), answer{}
				if short = full; name[0] != '-' {
					short = h.env(strings.Fields(flags), false, name)
				}
				if asked++; short.early {
					early++
				}
				if full.stdout != short.stdout || full.code != short.code {
					t.Errorf("%q: the full way gives exit %d …%q, the short way exit %d …%q", name, full.code, assignment(full.stdout), short.code, assignment(short.stdout))
				}
				checkPrinted(t, d, name, full)
			}
			if strings.HasPrefix(flags, "-s") && d.Name() != "cmd" && early < asked/2 {
				t.Errorf("the short way answered %d of %d", early, asked)
			}
		})
	}
}

// share is what one of many sub-tests takes of a list, so that each "of" of
// them take all together. In the long run every one takes all.
func share(list []string, nth, of int) []string {
	if long() {
		return list
	}
	var some []string
	for i := nth % of; i < len(list); i += of {
		some = append(some, list[i])
	}
	return some
}

func checkPrinted(t *testing.T, d shell.Dialect, name string, o answer) {
	t.Helper()
	wants := shell.Var{Name: "AWSMFA_PROFILE", Value: name}
	text, err := d.Statements(nil, []shell.Var{wants})
	if err != nil {
		if o.code != exitUsage || o.stdout != d.Failure(nil) || !strings.Contains(o.stderr, "AWSMFA_PROFILE") {
			t.Errorf("%q cannot be written, but: exit %d %q\n%s", name, o.code, o.stdout, o.stderr)
		}
		return
	}
	if want := assignment(text); o.code != 0 || !strings.Contains(o.stdout, want) {
		t.Errorf("%q: exit %d, and %q is not %q\n%s", name, o.code, assignment(o.stdout), want, o.stderr)
	}
}

// assignment is the rest of a text's line from the variable's name on, without
// what ends a statement.
func assignment(text string) string {
	if i := strings.Index(text, "AWSMFA_PROFILE"); i >= 0 {
		text, _, _ = strings.Cut(text[i:], "\n")
	}
	for _, end := range []string{"}", " true;", ";"} {
		text = strings.TrimSuffix(text, end)
	}
	return text
}

func (h *hostileHome) refusals(t *testing.T) {
	for _, name := range h.refused {
		for _, full := range []bool{true, false} {
			o := h.env([]string{"-s", "bash"}, full, name)
			if o.code != exitProfile || o.stdout != "false;\n" || strings.ContainsAny(o.stderr, "\x1b\r\x07") {
				t.Errorf("%q: exit %d %q\n%q", name, o.code, o.stdout, o.stderr)
			}
		}
	}
}

// reading is one shell, its options, and how it reads what env prints.
type reading struct {
	program string
	argv    []string
	prelude string
	eval    string // with CMD in it; "": the documented line
	file    bool   // the name comes from a file: typed it cannot be (xonsh: a quoted "<" still redirects)
	lenient bool   // a value may arrive damaged (known), but must not run
}

func (r reading) shell() string { return r.program + strings.Join(r.argv, "") }

func (r reading) name() string {
	return strings.Join(append(append([]string{filepath.Base(r.program)}, r.argv...), r.prelude, r.eval), " ")
}

func readings() []reading {
	var all []reading
	for _, sh := range [][]string{{"sh"}, {"dash"}, {"busybox", "sh"}, {"ksh"}, {"mksh"}, {"yash"}, {"zsh", "-f"}} {
		all = append(all, posixReadings(sh, shellOptions(sh[0]))...)
	}
	all = append(all, posixReadings([]string{"bash", "--posix"}, nil)...)
	for _, bash := range append([]string{"bash"}, filepath.SplitList(os.Getenv("AWSMFA_TEST_BASH"))...) {
		first := len(all)
		all = append(all, posixReadings([]string{bash}, shellOptions("bash"))...)
		out, _ := exec.Command(bash, "--version").Output()
		for i := first; i < len(all); i++ {
			// 5.0 alone takes a word with a backslash for a pattern.
			all[i].lenient = bytes.Contains(out, []byte("version 5.0.")) && !strings.Contains(all[i].eval, `"`)
		}
	}
	for _, eval := range []string{"", "eval (CMD)", "eval $(CMD)"} {
		all = append(all, reading{program: "fish", argv: []string{"--no-config"}, eval: eval})
	}
	for _, prelude := range []string{"", "set noglob", "set nonomatch", "set globstar; set globdot"} {
		all = append(all, reading{program: "tcsh", argv: []string{"-f"}, prelude: prelude, file: true},
			reading{program: "tcsh", argv: []string{"-f"}, prelude: prelude, eval: "eval `CMD`", file: true})
	}
	return append(all, reading{program: "elvish", argv: []string{"-norc"}},
		reading{program: "xonsh", argv: []string{"--no-rc"}, file: true}, reading{program: "nu", argv: []string{"-n"}})
}

func shellOptions(program string) []string {
	switch program {
	case "bash":
		return []string{"shopt -s nullglob extglob dotglob", "shopt -s failglob", "set +B", "set -o history; set -o histexpand"}
	case "zsh":
		return []string{"setopt shwordsplit", "setopt globsubst", "setopt globsubst shwordsplit nullglob", "setopt globsubst extendedglob kshglob",
			"setopt cshnullglob globsubst", "setopt magicequalsubst rcexpandparam ksharrays", "emulate sh", "emulate ksh"}
	case "ksh":
		return []string{"set -o globstar", "set -G -o markdirs"}
	case "mksh":
		return []string{"set -o posix", "set +o braceexpand"}
	case "yash":
		return []string{"set -o nullglob", "set -o extendedglob -o dotglob"}
	}
	return nil
}

func posixReadings(sh, options []string) []reading {
	const unquoted = "eval $(CMD)"
	r := reading{program: sh[0], argv: sh[1:], prelude: "set -eu"}
	all := []reading{r}
	r.eval, r.file = "eval `CMD`", true
	all = append(all, r)
	for _, prelude := range append([]string{"set -eu", "IFS=", "IFS='\n'", "IFS='|\t'", "set -f"}, options...) {
		all = append(all, reading{program: sh[0], argv: sh[1:], prelude: prelude, eval: unquoted})
	}
	return all
}

// inShells has every shell take the names one after the other. A shell keeps
// each in a variable of its own, and shows all at the end.
func (h *hostileHome) inShells(t *testing.T) {
	cwd := t.TempDir()
	var texts []string
	for _, name := range h.names {
		texts = append(texts, "AWSMFA_PROFILE='"+name+"'", "AWSMFA_PROFILE="+name, name)
		for _, d := range []string{"bash", "sh", "fish", "tcsh"} {
			dialect, err := shell.Lookup(d)
			must(t, err)
			text, err := dialect.Statements(nil, []shell.Var{{Name: "AWSMFA_PROFILE", Value: name}})
			must(t, err)
			texts = append(texts, text)
		}
	}
	must(t, hostile.Litter(cwd, texts...))
	t.Cleanup(func() {
		if traces, err := hostile.Traces(cwd); len(traces) > 0 || err != nil {
			t.Errorf("a name was run as a command: %q (%v)", traces, err)
		}
	})
	// Among them a shell's readings take every name, and in the long run each does.
	all, nth := readings(), map[string]int{}
	for _, r := range all {
		i, of := nth[r.shell()], 0
		nth[r.shell()]++
		for _, other := range all {
			if other.shell() == r.shell() {
				of++
			}
		}
		t.Run(r.name(), func(t *testing.T) {
			t.Parallel()
			h.inShell(t, r, share(h.names, i, of), share(h.refused, i, of), cwd)
		})
	}
}

func (h *hostileHome) inShell(t *testing.T, r reading, names, refused []string, cwd string) {
	path, dumps := need(t, r.program), t.TempDir()
	d, err := shell.Lookup(filepath.Base(r.program))
	must(t, err)
	file := filepath.Join(dumps, "script")
	must(t, os.WriteFile(file, []byte(h.script(r, d, names, refused)), 0o600))
	cmd := exec.Command(path, append(slices.Clone(r.argv), file)...)
	cmd.Dir, cmd.Env = cwd, append(h.environ(), "DUMPS="+dumps, "SHELL=/bin/nosuch")
	o := finish(t, cmd)
	if r.lenient {
		return
	}
	if stray := strayLines(o.stderr); o.stdout != "done\n" || stray != "" {
		t.Errorf("exit %d, stdout %.300q, stderr %.3000q", o.code, o.stdout, o.stderr)
	}
	got := readEnv(t, dumps, "all")
	for i, name := range names {
		if value := got[fmt.Sprint("V", i)]; value != name {
			t.Errorf("%q arrives as %q", name, value)
		}
	}
}

// script is the lines for each name, a dump, and a failure that must be seen.
func (h *hostileHome) script(r reading, d shell.Dialect, names, refused []string) string {
	var b strings.Builder
	b.WriteString(r.prelude + "\n")
	var kept []string
	for i, name := range names {
		command := "hostile-env " + fmt.Sprint(slices.Index(h.names, name))
		if !r.file {
			command = "awsmfa env " + d.QuoteWord(name)
			if name[0] == '-' || i%4 == 0 { // the full way; else the short way
				command = "awsmfa env -- " + d.QuoteWord(name)
			}
		}
		v := fmt.Sprint("V", i)
		kept = append(kept, v)
		fmt.Fprintln(&b, strings.ReplaceAll(keep(d.Name(), v), "EVAL", r.line(d, command)))
	}
	if keep(d.Name(), "") == keep("sh", "") {
		b.WriteString("export " + strings.Join(kept, " ") + "\n")
	}
	b.WriteString("dumpenv all\n")
	if seesFailure := keep(d.Name(), "") == keep("sh", "") || d.Name() == "fish" || d.Name() == "tcsh"; seesFailure {
		and := " && "
		if d.Name() == "fish" {
			and = "; and "
		}
		for _, name := range refused {
			b.WriteString(r.line(d, fmt.Sprint("hostile-env ", len(h.names)+slices.Index(h.refused, name))) + and + "echo reached\n")
		}
	}
	if d.Name() == "xonsh" {
		b.WriteString("print('done')\n")
	} else {
		b.WriteString("echo done\n")
	}
	return b.String()
}

func (r reading) line(d shell.Dialect, command string) string {
	if r.eval == "" {
		return d.Eval(command)
	}
	return strings.ReplaceAll(r.eval, "CMD", command)
}

// keep is the lines that evaluate, and then keep the outcome in variable v.
func keep(dialect, v string) string {
	switch dialect {
	case "fish":
		return "EVAL; and set -gx " + v + " $AWSMFA_PROFILE; or set -gx " + v + " refused"
	case "tcsh":
		return "EVAL && setenv " + v + " \"$AWSMFA_PROFILE\" || setenv " + v + " refused"
	case "elvish":
		return "EVAL\nset E:" + v + " = $E:AWSMFA_PROFILE"
	case "xonsh":
		return "EVAL\n$" + v + " = $AWSMFA_PROFILE"
	case "nu":
		return "EVAL\n$env." + v + " = $env.AWSMFA_PROFILE"
	}
	return "EVAL && " + v + "=\"$AWSMFA_PROFILE\" || " + v + "=refused"
}
