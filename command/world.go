// Package command holds the verbs of awsmfa: flags in, streams out. It is the
// only room that reads flags, the environment, the clock and the streams, and
// the only one that prints. Start with Run.
//
// House rules for what is said: stdout carries only what a shell or a program
// will consume, in one write, after everything succeeded. Everything said to a
// person goes to stderr as "awsmfa: error: …", "awsmfa: warning: …",
// "awsmfa: hint: …" or "awsmfa: …"; everything asked of a person goes to the
// controlling terminal. The exceptions are help, list, status, explain, whoami
// and version, whose readers are people unless --json is given.
package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"awsmfa/internal/harden"
	"awsmfa/internal/term"
)

// World is what a run sees of the machine.
type World struct {
	Args      []string // without the program's name
	Environ   []string
	Stdin     *os.File
	Stdout    io.Writer
	Stderr    io.Writer
	Now       func() time.Time
	PID       int
	ParentPID int
	// Ignored are the signals that this process was started to ignore, see
	// IgnoredSignals.
	Ignored []os.Signal
	// Budget is the time in all for the network, and for a program that gives a
	// code; 0 is each one's own.
	Budget time.Duration
	// Sleep passes the time until a stored seed's next code; nil really sleeps.
	Sleep func(context.Context, time.Duration) error
}

// run is the world as a verb uses it: the environment as a function, the
// streams with their manners.
type run struct {
	World
	env    map[string]string
	folds  bool // variables' names are the same in any case, as on Windows
	quiet  bool
	limits harden.Limits

	later *bytes.Buffer // when set, keeps notes and warnings until tellLater

	standard standard
	debug    bool
}

func newRun(w World) *run {
	r := &run{World: w, standard: interactive(), env: make(map[string]string, len(w.Environ)), folds: runtime.GOOS == "windows"}
	for _, kv := range w.Environ {
		if name, value, ok := strings.Cut(kv, "="); ok && name != "" {
			r.env[r.variable(name)] = value
		}
	}
	return r
}

// variable is a variable's name as two that are the same compare.
func (r *run) variable(name string) string {
	if r.folds {
		return strings.ToUpper(name)
	}
	return name
}

// getenv returns a variable; an empty one counts as unset everywhere.
func (r *run) getenv(name string) string { return r.env[r.variable(name)] }

// maxSaid bounds a line on stderr, in characters: an SDK may read it from a
// pipe of 4 KiB.
const maxSaid = 2000

// say writes one line to stderr. Whatever is said passes here, so that no
// terminal obeys a word of it, whoever it came from.
func (r *run) say(kind, format string, args ...any) {
	if kind != "" {
		kind += ": "
	}
	w := r.Stderr
	if r.later != nil && kind != "error: " {
		w = r.later
	}
	fmt.Fprintf(w, "awsmfa: %s%s\n", kind, shownUpTo(fmt.Sprintf(format, args...), maxSaid))
}

// tellLater says what was kept back.
func (r *run) tellLater() {
	if r.later != nil {
		r.Stderr.Write(r.later.Bytes())
		r.later = nil
	}
}

// note says something that a person can do without.
func (r *run) note(format string, args ...any) {
	if !r.quiet {
		r.say("", format, args...)
	}
}

func (r *run) warn(text string) {
	if !r.quiet {
		r.say("warning", "%s", text)
	}
}

func (r *run) warnAll(texts []string) {
	for _, text := range texts {
		r.warn(text)
	}
}

func (r *run) hint(format string, args ...any) {
	if !r.quiet {
		r.say("hint", format, args...)
	}
}

func (r *run) debugf(format string, args ...any) {
	if r.debug {
		r.say("debug", format, args...)
	}
}

// write sends all of stdout in one write, so that a reader never gets a part:
// a killed writer has written everything or nothing.
func (r *run) write(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	n, err := r.Stdout.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return &outputError{err}
	}
	return nil
}

// print writes a page for people.
func (r *run) print(page *bytes.Buffer) error { return r.write(page.Bytes()) }

type outputError struct{ err error }

func (e *outputError) Error() string { return "writing standard output: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

func (r *run) stdoutIsTerminal() bool { return isTerminal(r.Stdout) }
func (r *run) stderrIsTerminal() bool { return isTerminal(r.Stderr) }

// stdoutIsPipe: somebody reads while we run. Some shells make their pipes of
// sockets.
func (r *run) stdoutIsPipe() bool {
	f, ok := r.Stdout.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(f)
}
