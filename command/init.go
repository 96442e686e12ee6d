package command

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/environment"
	"awsmfa/internal/privatefile"
	"awsmfa/session"
	"awsmfa/shell"
)

func initVerb() *verb {
	return &verb{
		name: "init", aliases: []string{"hook"}, args: "[SHELL]", maxArgs: 1, failsInShell: true,
		summary: "print what a shell's start-up file needs: awsmfa-use, awsmfa-off, renewal in time",
		examples: []string{
			`eval "$(awsmfa init bash)"      in ~/.bashrc; likewise zsh and ksh`,
			`awsmfa init fish | source       in ~/.config/fish/config.fish`,
			`awsmfa init direnv >~/.config/direnv/lib/awsmfa.sh      then in .envrc: use awsmfa dev`,
		},
		flags: append([]cli.Flag{
			&cli.StringFlag{Name: "cmd", Usage: "call it `NAME` instead of awsmfa-use"},
			&cli.StringFlag{Name: "renew-before", Usage: "renew when less than this `TIME` is left (10m)"},
			&cli.BoolFlag{Name: "no-hook", Usage: "define the commands alone: no hook, no renewal"},
		}, talkFlags()...),
		run: runInit,
	}
}

// renewBefore leaves a renewal room for a busy network and a second try.
const renewBefore = 10 * time.Minute

// hooksDir is where renewals leave their outcome, below the state directory.
const hooksDir = "hooks"

func runInit(_ context.Context, r *run, c *cli.Context, a arrangement) error {
	if r.initShell(a) == "direnv" {
		return r.initDirenv(c)
	}
	h, err := r.hook(c)
	if err != nil {
		return err
	}
	name := r.initShell(a)
	text, err := shell.Init(name, h)
	if unknown := new(shell.UnknownError); errors.As(err, &unknown) {
		return noHook(unknown)
	}
	if err == nil {
		text, err = r.keptScript(name, text)
	}
	if err == nil {
		err = r.write([]byte(text))
	}
	if err != nil {
		return err
	}
	if r.stdoutIsTerminal() {
		line, file := shell.HookLine(name)
		r.hint("this is for the shell to read; put into %s: %s", file, line)
	}
	return nil
}

// hook is what the flags ask for.
func (r *run) hook(c *cli.Context) (shell.Hook, error) {
	f := &flagReader{r: r, c: c}
	f.talk()
	h := shell.Hook{Use: "awsmfa-use", Before: renewBefore, Names: environment.Touched(), Prompt: !c.Bool("no-hook")}
	if name := f.given("cmd").Text; name != "" {
		h.Use = name
	}
	if before, given := f.duration("renew-before"); given {
		h.Before = before
	}
	if !shell.IsHookWord(h.Use) || h.Use == "awsmfa" || h.Use == "awsmfa-off" {
		f.fail("--cmd %q cannot be the command's name: give it letters, digits, - and _", shown(h.Use))
	}
	if f.err != nil {
		return h, f.err
	}
	places, err := session.FindPlaces(r.getenv)
	if err != nil {
		r.warn("there will be no renewal: " + err.Error())
	} else {
		h.Dir = filepath.Join(places.State, hooksDir)
		tidy(places.State, r.Now())
	}
	h.Self, err = ownPath()
	return h, err
}

// keptScript puts the script of a shell that must read it from a file there, and
// gives the line that does so. Another script is another file: somebody may
// still read from the first.
func (r *run) keptScript(name, text string) (string, error) {
	if shell.HookSource(name, "") == "" {
		return text, nil
	}
	places, err := session.FindPlaces(r.getenv)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(text))
	path := filepath.Join(places.State, fmt.Sprintf("%s%x.%s", scriptPrefix, sum[:4], name))
	if kept, err := privatefile.Read(path, int64(len(text))); err == nil && string(kept) == text {
		os.Chtimes(path, time.Time{}, r.Now()) // it is in use: see tidy
		return shell.HookSource(name, path), nil
	}
	if err := privatefile.EnsureDir(places.State); err != nil {
		return "", err
	}
	return shell.HookSource(name, path), privatefile.Write(path, []byte(text))
}

// What init and the hooks leave in the state directory, and for how long. A
// shell takes an outcome away as soon as it sees it: what is older, its shell has
// not lived to see. A script is read as long as a shell lives that began with it.
const (
	scriptPrefix = "init-"
	outcomeLife  = 24 * time.Hour
	scriptLife   = 365 * 24 * time.Hour
)

// tidy removes what no shell will ask for any more.
func tidy(state string, now time.Time) {
	removeOld(filepath.Join(state, hooksDir), "", now.Add(-outcomeLife))
	removeOld(state, scriptPrefix, now.Add(-scriptLife))
}

// removeOld removes the files of a directory that begin with a prefix and have
// not changed since. What cannot be removed does no harm.
func removeOld(dir, prefix string, since time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && info.ModTime().Before(since) {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// initShell is the shell that was named, else the one around us.
func (r *run) initShell(a arrangement) string {
	if len(a.args) > 0 {
		return a.args[0]
	}
	return r.detectShell().Name()
}

// initDialect is for the text of a failure, which must not fail itself.
func (r *run) initDialect(a arrangement) shell.Dialect {
	if d, err := shell.Lookup(r.initShell(a)); err == nil {
		return d
	}
	return r.detectShell()
}

func noHook(e *shell.UnknownError) error {
	failed := usagef("there is nothing to put into the start-up file of the shell %q", shown(e.Name))
	if e.Suggestion != "" {
		failed = failed.withHint("did you mean %q?", e.Suggestion)
	}
	return failed.withHint("there is for: %s", strings.Join(e.Names, " "))
}

// ownPath is where this program was found, with symbolic links as they stand:
// those lead to the next release as well. Else it is where it really lies.
func ownPath() (string, error) {
	real, err := os.Executable()
	if err != nil {
		return "", err
	}
	called, err := exec.LookPath(os.Args[0])
	if err != nil {
		return real, nil
	}
	called, err = filepath.Abs(called)
	if err != nil || !sameFile(called, real) {
		return real, nil
	}
	return called, nil
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	second, serr := os.Stat(b)
	return err == nil && serr == nil && os.SameFile(first, second)
}
