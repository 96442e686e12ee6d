package command

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/profile"
	"awsmfa/shell"
)

func envVerb() *verb {
	return &verb{
		name: "env", args: "[PROFILE]", takesProfile: true, failsInShell: true,
		summary: "print the statements that put a profile's credentials into this shell",
		examples: []string{
			`eval "$(awsmfa env dev)"      sh, bash, zsh, dash, ksh; unquoted works too`,
			`awsmfa env dev | source       fish`,
			`awsmfa env --unset            take them out again`,
		},
		flags: append(sessionFlags(),
			&cli.StringFlag{Name: "shell", Aliases: []string{"s"}, Usage: "write for this `SHELL`: " + strings.Join(shell.Names(), " ")},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FORM`: shell, json or dotenv"},
			&cli.BoolFlag{Name: "unset", Aliases: []string{"u"}, Usage: "print what removes awsmfa's variables from this shell"},
		),
		run: runEnv,
	}
}

// envOptions are the options of env alone.
type envOptions struct {
	options
	shell, output profile.Value
	unset         bool
}

func readEnvOptions(r *run, c *cli.Context, a arrangement) (envOptions, error) {
	o, err := readOptions(r, c, a)
	f := &flagReader{r: r, c: c, err: err}
	return envOptions{o, f.given("shell"), f.given("output"), f.bool("unset")}, f.err
}

func runEnv(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readEnvOptions(r, c, a)
	if err != nil {
		return err
	}
	// The dialect comes first: a wrong one must not cost a code.
	dialect, err := r.dialect(o.shell.Text, o.output.Text, o.JSON)
	if err != nil {
		return err
	}
	if o.unset {
		return r.printUnset(dialect)
	}
	o.noteProfile(r)
	s, err := r.subject(ctx, o.options, true)
	if err != nil {
		return err
	}
	if _, err := dialect.Statements(nil, []shell.Var{{Name: "AWSMFA_PROFILE", Value: o.Profile}}); err != nil {
		return err // so would the rest, after a code was spent
	}
	got, err := s.get(ctx)
	if err != nil {
		return err
	}
	e := s.held.environment(o.Profile, got.Credentials(), s.printedRegion(), s.offset.now())
	if err := r.printStatements(dialect, e); err != nil {
		return err
	}
	r.hintEval(dialect, a)
	return nil
}

func (r *run) printStatements(d shell.Dialect, e environment) error {
	text, err := d.Statements(e.unset, e.set)
	if err != nil {
		return err
	}
	return r.write([]byte(text))
}

// printUnset takes our variables out of the shell, and only ours.
func (r *run) printUnset(d shell.Dialect) error {
	h := r.held()
	if h.keys && !h.ours {
		r.note("this shell's AWS credentials were not set by awsmfa: they stay")
	}
	return r.printStatements(d, environment{unset: h.clear()})
}

// hintEval helps who sees the statements instead of a shell.
func (r *run) hintEval(d shell.Dialect, a arrangement) {
	if !r.stdoutIsTerminal() {
		return
	}
	words := []string{"awsmfa"}
	for _, w := range r.Args {
		words = append(words, d.QuoteWord(w))
	}
	r.hint("to set these in this shell: %s", d.Eval(strings.Join(words, " ")))
}

// dialect decides what to write for: the form, else the shell that was named,
// else the one that is running us.
func (r *run) dialect(name, output string, json bool) (shell.Dialect, error) {
	if json && output != "" && output != "json" {
		return nil, usagef("--json and --output %s exclude each other", shown(output))
	}
	switch {
	case output == "json" || json:
		return shell.JSON(), nil
	case output == "dotenv":
		return shell.Dotenv(), nil
	case output != "" && output != "shell":
		return nil, usagef("--output %q: there are shell, json and dotenv", shown(output))
	case name != "":
		return r.lookupShell(name)
	}
	return r.detectShell(), nil
}

func (r *run) lookupShell(name string) (shell.Dialect, error) {
	d, err := shell.Lookup(name)
	if err != nil {
		return nil, usagef("%v", err)
	}
	return d, nil
}

func (r *run) detectShell() shell.Dialect {
	return shell.Detect(r.ParentPID, shell.ParentProcess, r.getenv("AWSMFA_SHELL"), r.getenv("SHELL"))
}

// failInShell prints the statement that makes the shell see a failure, and
// before it the unset of ours where staying would mean another identity. It
// says what the shell holds now.
func (r *run) failInShell(a arrangement) {
	if r.stdoutIsTerminal() {
		return // nobody runs it
	}
	d := r.failureDialect(a)
	if d == nil {
		return
	}
	h := r.held()
	var names []string
	if a.verb != nil {
		names = h.clearOnFailure(a.profile(r), r.Now())
	}
	r.write([]byte(d.Failure(names)))
	if d.Failure(nil) != "" {
		r.tellHeld(h, names != nil)
	}
}

// failureDialect reads the flags by itself: a command line with an error never
// got as far as options. It is nil where a failure is seen without help.
func (r *run) failureDialect(a arrangement) shell.Dialect {
	var name, output string
	json := false
	for _, f := range a.flags {
		if v, ok := strings.CutPrefix(f, "--shell="); ok {
			name = v
		}
		if v, ok := strings.CutPrefix(f, "--output="); ok {
			output = v
		}
		json = json || f == "--json" || f == "--json=true"
	}
	if d, err := r.dialect(name, output, json); err == nil {
		return d
	}
	return r.detectShell()
}

func (r *run) tellHeld(h held, cleared bool) {
	switch {
	case cleared, !h.keys:
		what := "this shell holds no AWS credentials"
		if cleared {
			what = "this shell's credentials for " + quoteName(h.profile) + " are removed"
		}
		if r.hasDefaultKeys() {
			what += `; AWS tools will use profile "default"`
		}
		r.note("%s", what)
	case h.ours:
		r.note("this shell still holds %s%s", quoteName(h.profile), h.lasting(r.Now()))
	default:
		r.note("this shell still holds AWS credentials that awsmfa did not set")
	}
}

func quoteName(name string) string { return `"` + shown(name) + `"` }

func (h held) lasting(now time.Time) string {
	if h.expires.IsZero() {
		return ""
	}
	return ", for " + words(h.expires.Sub(now)) + " more"
}

// hasDefaultKeys: there is a [default] that AWS tools would fall back to.
func (r *run) hasDefaultKeys() bool {
	files, err := profile.Load(profile.Locate(r.getenv, r.home()))
	if err != nil {
		return false
	}
	_, err = files.Profile("default")
	return err == nil
}
