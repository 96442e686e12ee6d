package command

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/environment"
	"awsmfa/internal/term"
	"awsmfa/profile"
	"awsmfa/session"
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
	shell profile.Value
	form  form
	unset bool
}

func readEnvOptions(r *run, c *cli.Context, a arrangement) (envOptions, error) {
	o, err := readOptions(r, c, a)
	f := &flagReader{r: r, c: c, err: err}
	f.given("output")
	return envOptions{o, f.given("shell"), r.form(a), f.bool("unset")}, f.err
}

func runEnv(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readEnvOptions(r, c, a)
	if err != nil {
		return err
	}
	// The dialect comes first: a wrong one must not cost a code.
	dialect, err := r.dialect(o.shell.Text, o.form)
	if err != nil {
		return err
	}
	if o.unset {
		return r.printUnset(dialect)
	}
	if r.stdoutIsPipe() {
		term.KeepRunning() // the shell waits at its other end
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
	e := s.held.With(o.Profile, got.Credentials(), s.printedRegion(), s.offset.now())
	if err := r.printStatements(dialect, e); err != nil {
		return err
	}
	r.hintEval(dialect, o, a)
	s.remember()
	return nil
}

func (r *run) printStatements(d shell.Dialect, e environment.Changes) error {
	text, err := d.Statements(e.Unset, e.Set)
	if err != nil {
		return err
	}
	return r.write([]byte(text))
}

// printUnset takes our variables out of the shell, and only ours.
func (r *run) printUnset(d shell.Dialect) error {
	h := environment.Read(r.getenv)
	if h.Keys && !h.Ours {
		r.note("this shell's AWS credentials were not set by awsmfa: they stay")
	}
	return r.printStatements(d, environment.Changes{Unset: h.Clear()})
}

// hintEval helps who sees the statements instead of a shell.
func (r *run) hintEval(d shell.Dialect, o envOptions, a arrangement) {
	if !r.stdoutIsTerminal() || o.form.name() != "shell" {
		return
	}
	words := []string{"awsmfa", "env"}
	for _, w := range a.again() {
		words = append(words, d.QuoteWord(w))
	}
	r.hint("to set these in this shell: %s", d.Eval(strings.Join(words, " ")))
}

// again is what to type behind the verb to have the same once more, without
// asking for a new session or showing a code.
func (a arrangement) again() []string {
	var words []string
	for _, f := range a.flags {
		name, value, hasValue := strings.Cut(f, "=")
		switch {
		case name == "--token-code" || name == "--refresh" || name == "--debug":
		case hasValue && value != "" && value[0] != '-':
			words = append(words, name, value)
		default:
			words = append(words, f)
		}
	}
	if len(a.args) > 0 && strings.HasPrefix(a.args[0], "-") {
		words = append(words, "--")
	}
	return append(words, a.args...)
}

// form is what --output and --json ask for together.
type form struct {
	output profile.Value
	json   bool
}

// form reads them. A flag goes before both variables: AWSMFA_JSON is there for
// the verbs that people read, and must not contradict --output.
func (r *run) form(a arrangement) form {
	output, outputGiven := a.flag("output")
	json, jsonGiven := a.flag("json")
	f := form{output: profile.Value{Text: output, Origin: profile.Origin{Name: "--output"}}}
	f.json, _ = strconv.ParseBool(json)
	if outputGiven || jsonGiven {
		return f
	}
	f.output = profile.Value{Text: r.getenv(variableOf("output")), Origin: profile.Origin{Name: variableOf("output")}}
	f.json, _ = truth(r.getenv(variableOf("json")))
	f.json = f.json && !f.output.IsSet()
	return f
}

func (f form) name() string {
	switch {
	case f.output.IsSet():
		return f.output.Text
	case f.json:
		return "json"
	}
	return "shell"
}

// dialect decides what to write for: the form, else the shell that was named,
// else the one that is running us.
func (r *run) dialect(shellName string, f form) (shell.Dialect, error) {
	if f.json && f.name() != "json" {
		return nil, usagef("--json and --output %s exclude each other", shown(f.output.Text))
	}
	switch f.name() {
	case "json":
		return shell.JSON(), nil
	case "dotenv":
		return shell.Dotenv(), nil
	case "shell":
	default:
		return nil, usagef("%s %q: there are shell, json and dotenv", f.output.Origin, shown(f.output.Text))
	}
	if shellName != "" {
		return r.lookupShell(shellName)
	}
	return r.detectShell(), nil
}

func (r *run) lookupShell(name string) (shell.Dialect, error) {
	d, err := shell.Lookup(name)
	if err == nil {
		return d, nil
	}
	failed := usagef("%v", err)
	if unknown := new(shell.UnknownError); errors.As(err, &unknown) {
		if near := suggest(name, unknown.Names); near != "" {
			failed = failed.withHint("did you mean %q?", near)
		}
		failed = failed.withHint("there are: %s", strings.Join(unknown.Names, " "))
	}
	return nil, failed
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
	if a.verb != nil && a.verb.name == "init" {
		r.write([]byte(r.initDialect(a).Failure(nil)))
		return
	}
	d, isShell := r.failureDialect(a)
	h := environment.Read(r.getenv)
	text := d.Failure(h.ClearOnFailure(a.wanted(r), r.Now()))
	err := r.write([]byte(text))
	if isShell && !r.quiet {
		r.tellHeld(h, err == nil && text != d.Failure(nil))
	}
}

// failureDialect reads the flags by itself: a command line with an error never
// got as far as options. Where one of them is wrong, the others still count.
func (r *run) failureDialect(a arrangement) (d shell.Dialect, isShell bool) {
	if form := r.form(a).name(); form == "json" || form == "dotenv" {
		return shell.JSON(), false // which is silent, as dotenv is
	}
	name, _ := a.flag("shell")
	if d, err := shell.Lookup(name); err == nil {
		return d, true
	}
	return r.detectShell(), true
}

// tellHeld is part of the failure's words: what a next command would run as.
func (r *run) tellHeld(h environment.Held, cleared bool) {
	switch {
	case cleared:
		r.say("", "this shell's credentials for %s are removed%s", quoteName(h.Profile), r.fallback())
	case !h.Keys:
		r.say("", "this shell holds no AWS credentials%s", r.fallback())
	case h.Ours && h.Expired(r.Now()):
		r.say("", "this shell still holds %s, which has expired", quoteName(h.Profile))
	case h.Ours:
		r.say("", "this shell still holds %s%s", quoteName(h.Profile), lasting(h, r.Now()))
	default:
		r.say("", "this shell still holds AWS credentials that awsmfa did not set")
	}
}

// fallback is the profile that AWS tools take when there are no keys in the
// environment.
func (r *run) fallback() string {
	for _, variable := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
		if name := r.getenv(variable); name != "" {
			return "; AWS tools will use profile " + quoteName(name) + " (" + variable + ")"
		}
	}
	if r.hasDefault() {
		return `; AWS tools will use profile "default"`
	}
	return ""
}

func quoteName(name string) string { return `"` + shown(name) + `"` }

func lasting(h environment.Held, now time.Time) string {
	if h.Expires.IsZero() {
		return ""
	}
	return ", for " + words(h.Expires.Sub(now)) + " more"
}

// hasDefault: there is a [default] that AWS tools would fall back to.
func (r *run) hasDefault() bool {
	files, err := profile.Load(profile.Locate(r.getenv, session.Home(r.getenv)))
	if err != nil {
		return false
	}
	_, err = files.Profile("default")
	return err == nil
}
