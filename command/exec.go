package command

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"awsmfa/environment"
	"github.com/urfave/cli/v2"
)

func execVerb() *verb {
	return &verb{
		name: "exec", args: "PROFILE -- COMMAND [ARGUMENT…]", takesProfile: true, needsProfile: true, rest: true,
		summary:  "run a command with a profile's credentials",
		examples: []string{`awsmfa exec dev -- terraform apply`, `awsmfa exec dev --min-ttl 45m -- ./deploy.sh`},
		flags:    sessionFlags(),
		run:      runExec,
	}
}

func runExec(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	if len(a.command) == 0 {
		return usagef("no command to run").withHint("usage: awsmfa exec %s -- COMMAND", quoteArg(o.Profile))
	}
	// Found before any session is made: a mistyped command must not cost a code.
	program, err := r.findProgram(a.command[0])
	if err != nil {
		return err
	}
	s, got, err := r.session(ctx, o)
	if err != nil {
		return err
	}
	e := s.held.With(o.Profile, got.Credentials(), s.printedRegion(), s.offset.now())
	r.limits.Restore()
	err = execute(ctx, r.Ignored, program, a.command, r.applyTo(e))
	return programFailure(a.command[0], err)
}

// applyTo is the environment of a command: ours with e's changes and without
// what is meant for awsmfa alone.
func (r *run) applyTo(e environment.Changes) []string {
	gone := map[string]bool{"AWSMFA_TOKEN_CODE": true, "AWSMFA_PASSPHRASE_FILE": true, "AWSMFA_PROFILE_CHAIN": true}
	for _, name := range e.Unset {
		gone[r.variable(name)] = true
	}
	for _, v := range e.Set {
		gone[r.variable(v.Name)] = true
	}
	var out []string
	for _, kv := range r.Environ {
		if name, _, _ := strings.Cut(kv, "="); !gone[r.variable(name)] {
			out = append(out, kv)
		}
	}
	for _, v := range e.Set {
		out = append(out, v.Name+"="+v.Value)
	}
	return out
}

// programError is a command that cannot be run: exit 126 or 127, as in a shell.
type programError struct {
	name string
	err  error
}

func (e *programError) Error() string { return "running " + quoteName(e.name) + ": " + e.err.Error() }
func (e *programError) Unwrap() error { return e.err }

func (e *programError) exit() int {
	if errors.Is(e.err, fs.ErrNotExist) || errors.Is(e.err, errNotInPath) {
		return exitNoProgram
	}
	return exitNotProgram
}

func programFailure(name string, err error) error {
	var status exitStatus
	if err == nil || errors.As(err, &status) {
		return err
	}
	return &programError{name, err}
}

// findProgram looks a command up as a shell would, but never in the current
// directory unless the name says so.
func (r *run) findProgram(name string) (string, error) {
	if strings.ContainsRune(name, '/') || strings.ContainsRune(name, os.PathSeparator) {
		return name, programFailure(name, canRun(name))
	}
	var refusal error = errNotInPath
	for _, dir := range filepath.SplitList(r.getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		for _, ending := range programEndings(r.getenv("PATHEXT")) {
			file := filepath.Join(dir, name) + ending
			err := canRun(file)
			if err == nil {
				return file, nil
			}
			// What cannot be seen is not there, as for a shell: PATH may name
			// directories that are closed to us.
			if _, unseen := os.Stat(file); unseen == nil {
				refusal = err
			}
		}
	}
	if name == "" {
		refusal = errNotInPath
	}
	return "", programFailure(name, refusal)
}

var (
	errDirectory = errors.New("is a directory")
	errNotInPath = errors.New("not found in PATH")
)

func canRun(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return reason(err)
	}
	if info.IsDir() {
		return errDirectory
	}
	return runnable(file, info)
}

// reason drops the call and the path from an error, which the message has.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
