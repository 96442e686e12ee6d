package term

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// Terminal is the console. Get one from Open.
type Terminal struct {
	// Dumb has no effect: questions stay on the console, which may not know
	// escape sequences.
	Dumb bool

	in, out *os.File
}

// Open opens the console, or returns ErrNone.
func Open() (*Terminal, error) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	return &Terminal{in: in, out: out}, nil
}

// Available reports whether Open would succeed now.
func Available() bool {
	t, err := Open()
	if err != nil {
		return false
	}
	t.Close()
	return true
}

// Close closes the console.
func (t *Terminal) Close() error {
	t.in.Close()
	return t.out.Close()
}

// File opens the console's input once more, for a child process that is to
// ask on it. The caller closes it.
func (t *Terminal) File() (*os.File, error) { return os.OpenFile("CONIN$", os.O_RDWR, 0) }

// Name returns the console's name, for messages.
func (t *Terminal) Name() string { return "console" }

// Attached returns "console", or "" when there is none.
func Attached() string {
	if !Available() {
		return ""
	}
	return "console"
}

// Suspend does nothing: there is no job control.
func Suspend() {}

// KeepRunning has nothing to do, as ^Z stops no process here.
func KeepRunning() {}

func (t *Terminal) columns() int { return Width(t.out) }

func (t *Terminal) show(text string) error {
	_, err := io.WriteString(t.out, text)
	return err
}

// hide turns the echo off until reveal is called. The line's end is not shown
// either, so reveal goes on to the next row.
func (t *Terminal) hide() (reveal func(), err error) {
	var before uint32
	in := windows.Handle(t.in.Fd())
	if err := windows.GetConsoleMode(in, &before); err != nil {
		return nil, fmt.Errorf("asking the console for its mode: %w", err)
	}
	hidden := before&^windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT
	if err := windows.SetConsoleMode(in, hidden); err != nil {
		return nil, fmt.Errorf("turning the echo off: %w", err)
	}
	return func() {
		windows.SetConsoleMode(in, before)
		t.show("\r\n")
	}, nil
}

// ask blocks until a line is there; ^C ends the read, and then ctx says why.
func (t *Terminal) ask(ctx context.Context, prompt string, secret bool) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if secret {
		reveal, err := t.hide()
		if err != nil {
			return "", err
		}
		defer reveal()
	}
	if err := t.show(prompt); err != nil {
		return "", err
	}
	var answer line
	var b [1]byte
	for {
		n, err := t.in.Read(b[:])
		switch {
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case err != nil:
			return "", err
		case n == 0, b[0] == '\n' && len(answer.text) == 0:
			continue
		case b[0] == 0x1a: // ^Z is the console's end of input
			return "", io.EOF
		}
		if done, err := answer.add(b[0]); done {
			return string(answer.text), err
		}
	}
}
