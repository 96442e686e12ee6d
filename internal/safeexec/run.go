package safeexec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"awsmfa/internal/text"
)

const (
	// MaxOutput is how many bytes of output Run accepts. The AWS SDK for Java
	// takes 64,000 from a credential_process.
	MaxOutput = 64 << 10
	// DefaultTimeout is the AWS SDK for Go's limit for a credential_process.
	DefaultTimeout = time.Minute

	// killGrace is how long an asked program may tidy up (give the terminal its
	// echo back, say) before it is killed, and how long one of its children may
	// hold the output open after it ended.
	killGrace = 500 * time.Millisecond
	// stderrTail is how much of a failed program's last words is kept, in bytes,
	// and stderrShown how much of it an error shows, in runes.
	stderrTail  = 2 << 10
	stderrShown = 400
)

// Errors of Run.
var (
	// ErrTimeout says that the program was killed because it took too long.
	ErrTimeout = errors.New("no answer in time")
	// ErrTooLong says that the program was killed because it printed too much.
	ErrTooLong = errors.New("the output is too long")
)

// ExitError says that a program ended with an exit code other than 0.
type ExitError struct {
	Program string // base name
	Code    int    // 128 + the signal's number when a signal ended it
	Stderr  string // its last words on one line, cleaned; "" when they went to Command.Stderr
}

func (e *ExitError) Error() string {
	s := fmt.Sprintf("program %q: exit code %d", e.Program, e.Code)
	if words := []rune(e.Stderr); len(words) > stderrShown {
		s += ": …" + string(words[len(words)-stderrShown:])
	} else if len(words) > 0 {
		s += ": " + e.Stderr
	}
	return s
}

// Command is a program to run.
type Command struct {
	Argv []string // Argv[0] is the program's absolute path, from Find
	Env  []string // the whole environment; nil is an empty one
	// Stdin is the null device when nil. With a terminal the program stays in
	// our foreground process group, so that it may ask there. Without, it gets
	// a session of its own: it then has no terminal, and fails at once where it
	// would otherwise be stopped for asking in the background.
	Stdin *os.File
	// Stderr is captured for ExitError when nil.
	Stderr    *os.File
	Timeout   time.Duration // DefaultTimeout when 0
	MaxOutput int           // MaxOutput when 0
}

// Run runs c and returns what it printed. When ctx ends or time is up it asks
// the program to end, and soon after kills it: with its whole process group,
// but alone when it shares ours. The error is ErrTimeout, ErrTooLong, ctx's
// cause, an *ExitError, or says why the program could not be started.
func Run(ctx context.Context, c Command) ([]byte, error) {
	if len(c.Argv) == 0 || !filepath.IsAbs(c.Argv[0]) {
		return nil, fmt.Errorf("running a program: %w", ErrNotAbsolute)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	limited, cancel := context.WithTimeoutCause(ctx, orDefault(c.Timeout, DefaultTimeout), ErrTimeout)
	defer cancel()

	stdout := &output{room: orDefault(c.MaxOutput, MaxOutput), full: func() { stop(ErrTooLong) }}
	stderr := &tail{}
	cmd := c.prepare(limited, stdout, stderr)
	defer keepTerminal(c.Stdin)(limited)
	err := cmd.Run()
	if limited.Err() != nil {
		killLeftovers(cmd)
	} else if errors.Is(err, exec.ErrWaitDelay) {
		// The program was content, but left a child behind that holds the
		// output, an agent perhaps. What it printed until then is the answer.
		err = nil
	}
	if err != nil {
		return nil, c.failure(limited, err, stderr)
	}
	return stdout.bytes(), nil
}

func orDefault[T int | time.Duration](value, standard T) T {
	if value == 0 {
		return standard
	}
	return value
}

func (c Command) prepare(ctx context.Context, stdout *output, stderr *tail) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env = append([]string{}, c.Env...) // never nil: that would be our own
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if c.Stdin != nil {
		cmd.Stdin = c.Stdin
	}
	if c.Stderr != nil {
		cmd.Stderr = c.Stderr
	}
	cmd.WaitDelay = killGrace
	isolate(cmd, c.Stdin)
	return cmd
}

func (c Command) failure(ctx context.Context, err error, stderr *tail) error {
	program := filepath.Base(c.Argv[0])
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		if errors.Is(cause, ErrTimeout) {
			return fmt.Errorf("program %q: %w (%s)", program, cause, orDefault(c.Timeout, DefaultTimeout))
		}
		return fmt.Errorf("program %q: %w", program, cause)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &ExitError{Program: program, Code: exitCode(exit.ProcessState), Stderr: stderr.String()}
	}
	return fmt.Errorf("program %q: %w", program, err)
}

// output collects a program's output up to a limit.
type output struct {
	mu   sync.Mutex
	room int
	full func()
	text bytes.Buffer
}

// Write fails when the limit is passed, which closes the pipe.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(p) > o.room {
		o.full()
		return 0, ErrTooLong
	}
	o.room -= len(p)
	return o.text.Write(p)
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.text.Bytes())
}

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - stderrTail; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return text.Clean(string(bytes.TrimSpace(t.text)), stderrTail)
}
