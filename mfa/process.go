package mfa

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"awsmfa/internal/safeexec"
)

// processTimeout ends a program that hangs. It is long enough for a person to
// find the security key that it wants touched, and below the minute after which
// the AWS SDK for Go gives up a credential_process.
const processTimeout = 50 * time.Second

// ErrSilent says that the program succeeded and printed nothing.
var ErrSilent = errors.New("it is empty")

// ProcessError says why mfa_process gave no code; its cause is an error of
// safeexec or FindCode, ErrSilent, or that of a context that ended. It names the
// program alone: arguments and output may hold what nobody else should see.
type ProcessError struct{ Err error }

func (e *ProcessError) Error() string { return "mfa_process: " + e.Err.Error() }

func (e *ProcessError) Unwrap() error { return e.Err }

// Process is the program that a profile names in mfa_process. Whether the file
// that names it may do so was decided before: see Forbidden.
type Process struct {
	Line string   // the command line as the profile has it
	Env  []string // the program's environment, free of secrets
	Path string   // where the program is looked for: the value of PATH

	// Terminal opens the terminal for the program to talk to the user, and
	// fails when there is none or we are in its background; nil offers none.
	Terminal func() (*os.File, error)

	Timeout time.Duration // processTimeout when 0

	// Forbidden says why the program must not be run; nil when it may.
	Forbidden error
}

// process asks the program. One that computes codes gives the same one again
// within a step and another a moment later, so a repeat is waited out once.
func (c *Chain) process(ctx context.Context, req Request) (Code, error) {
	if err := c.Process.Forbidden; err != nil {
		return Code{}, err
	}
	if req.Last != nil {
		return Code{}, fmt.Errorf("%w: %w", ErrNoOtherCode, req.Last)
	}
	code, err := c.ask(ctx, req.Serial)
	var repeat *RepeatError
	if !errors.As(err, &repeat) {
		return code, err
	}
	if err := c.waitAloud(ctx, repeat); err != nil {
		return Code{}, err
	}
	return c.ask(ctx, req.Serial)
}

func (c *Chain) ask(ctx context.Context, serial string) (Code, error) {
	code, err := c.Process.code(ctx, c.NoInput)
	if err != nil {
		return Code{}, &ProcessError{err}
	}
	return code, c.claim(serial, code)
}

// code runs the program and takes the code out of what it printed.
func (p *Process) code(ctx context.Context, noInput bool) (Code, error) {
	argv, err := safeexec.Split(p.Line)
	if err != nil {
		return Code{}, err
	}
	if argv[0], err = safeexec.Find(argv[0], p.Path); err != nil {
		return Code{}, err
	}
	out, err := p.output(ctx, argv, noInput)
	if err != nil {
		return Code{}, err
	}
	code, err := FindCode(string(out))
	if len(bytes.TrimSpace(out)) == 0 {
		err = ErrSilent
	}
	if err != nil {
		return Code{}, fmt.Errorf("output of %q: %w", filepath.Base(argv[0]), err)
	}
	return code, nil
}

// output hands the terminal over, so that the program can ask for a touch or a
// PIN. Without one it reads nothing, and its last words go into the error.
func (p *Process) output(ctx context.Context, argv []string, noInput bool) ([]byte, error) {
	c := safeexec.Command{Argv: argv, Env: p.Env, Timeout: processTimeout}
	if p.Timeout != 0 {
		c.Timeout = p.Timeout
	}
	if p.Terminal != nil && !noInput {
		if tty, err := p.Terminal(); err == nil {
			defer tty.Close()
			c.Stdin, c.Stderr = tty, tty
		}
	}
	return safeexec.Run(ctx, c)
}
