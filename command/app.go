package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"awsmfa/internal/harden"
	"awsmfa/internal/text"
)

// verb is one command: what the parser and the help need to know, and what it does.
type verb struct {
	name         string
	aliases      []string
	summary      string // one line
	args         string // as the usage line shows them
	examples     []string
	flags        []cli.Flag
	maxArgs      int // arguments that are no profile
	takesProfile bool
	needsProfile bool // there is no default
	rest         bool // a command follows
	failsInShell bool // stdout is run by a shell: failures must be seen there
	run          func(ctx context.Context, r *run, c *cli.Context, a arrangement) error
}

// groupSummary says in one line what verbs of two words are about, by their first.
func groupSummary(group string) string {
	switch group {
	case "totp":
		return "seeds of MFA devices, so that no code is typed"
	case "device":
		return "the user's MFA devices in IAM"
	}
	return ""
}

// isHidden: scripts of ours call it, and nobody else.
func isHidden(v *verb) bool { return strings.HasPrefix(v.name, "__") }

// isRead: a shell or an SDK reads what the verb prints.
func (v *verb) isRead() bool { return v.failsInShell || v.name == "process" || v.name == "prompt" }

// verbs is the list of all commands, in the order of the help.
func verbs() []*verb {
	list := slices.Concat([]*verb{
		envVerb(), execVerb(), processVerb(), loginVerb(), logoutVerb(),
		listVerb(), statusVerb(), explainVerb(), whoamiVerb(),
	}, totpVerbs(), deviceVerbs(), []*verb{initVerb(), promptVerb(), completionVerb(), versionVerb()})
	return append(list, helpVerb(list))
}

// Run does what the arguments say and returns the exit code.
func Run(ctx context.Context, w World) int {
	r := newRun(w)
	r.limits = harden.Process()
	list := append(verbs(), direnvVerbs()...)
	a, err := arrange(w.Args, list)
	return r.finish(ctx, a, r.answer(ctx, a, list, err))
}

// answer does what the arguments say. A panic is a failure like any other, so
// that a shell sees it; a trace of the stack could show what it must not.
func (r *run) answer(ctx context.Context, a arrangement, list []*verb, err error) (failed error) {
	defer func() {
		if v := recover(); v != nil {
			failed = newBug(v)
		}
	}()
	switch {
	case err == nil && a.help && a.verb == nil && a.group != "":
		err = r.helpGroup(a.group, list)
	case err == nil && a.help:
		err = r.help(a.verb, list)
	case err == nil && a.version:
		err = r.versionOf(a.verb)
	case err == nil && a.verb == nil:
		err = usagef("no command given").withHint("awsmfa --help lists the commands; start with: awsmfa env PROFILE")
	case err == nil:
		err = r.dispatch(ctx, a)
	}
	return err
}

// bug is a panic: what went wrong, and the line of ours where it did.
type bug struct{ what, at string }

func (e *bug) Error() string { return "this is a bug in awsmfa: " + e.what + " (" + e.at + ")" }

// newBug is called while panicking. It takes the words of the runtime alone:
// any other value might hold a secret.
func newBug(v any) *bug {
	b := &bug{what: fmt.Sprintf("%T", v), at: "unknown place"}
	if e, ok := v.(runtime.Error); ok {
		b.what = e.Error()
	}
	pcs := make([]uintptr, 50)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)]) // behind Callers, newBug and the deferred call
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); strings.HasPrefix(f.Function, "awsmfa/") {
			b.at = fmt.Sprintf("%s:%d", path.Base(f.File), f.Line)
			break
		}
	}
	return b
}

// dispatch lets the framework parse the verb's flags and runs it.
func (r *run) dispatch(ctx context.Context, a arrangement) error {
	if err := a.checkArgs(); err != nil {
		return err
	}
	var failed error
	app := &cli.App{
		Name: "awsmfa", Writer: io.Discard, ErrWriter: io.Discard,
		HideHelp: true, HideHelpCommand: true, HideVersion: true,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Commands: []*cli.Command{{
			Name: a.verb.name, Flags: a.verb.flags,
			HideHelp: true, HideHelpCommand: true, OnUsageError: onUsageError,
			Action: func(c *cli.Context) error {
				failed = a.verb.run(ctx, r, c, a)
				return failed
			},
		}},
	}
	err := app.RunContext(ctx, append([]string{"awsmfa", a.verb.name}, a.flags...))
	if failed != nil {
		return failed // as it was, whatever the framework made of it
	}
	return err
}

func onUsageError(_ *cli.Context, err error, _ bool) error {
	var ours *usageError
	if errors.As(err, &ours) {
		return ours
	}
	return usagef("%s", shown(err.Error()))
}

func (a arrangement) checkArgs() error {
	limit := a.verb.maxArgs
	if a.verb.takesProfile {
		limit = 1
	}
	if len(a.args) > limit {
		err := usagef("unexpected argument %q", shown(a.args[limit]))
		if a.verb.takesProfile {
			err = err.withHint("one profile at a time; usage: awsmfa %s %s", a.verb.name, a.verb.args)
		}
		return err
	}
	return nil
}

// shown makes a foreign word fit for a message.
func shown(s string) string { return text.Clean(s, 200) }

// quoteArg writes an argument so that it can be copied back into a POSIX shell.
func quoteArg(s string) string {
	plain := s != ""
	for _, c := range s {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.ContainsRune("_./:@%+,-", c):
		default:
			plain = false
		}
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func shownUpTo(s string, max int) string { return text.Clean(s, max) }
