//go:build unix

package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	xterm "golang.org/x/term"
)

const ttyPath = "/dev/tty"

// Terminal is the controlling terminal. Get one from Open.
type Terminal struct {
	// Dumb is for terminals that know no escape sequences (TERM is "dumb" or
	// unset): questions then stay on the screen.
	Dumb bool

	// fd is not an os.File: /dev/tty cannot be polled on macOS, where an
	// os.File would block for ever. It is non-blocking, and its open file
	// description is ours alone, so that this disturbs nobody.
	fd    int
	close sync.Once
}

// Open opens the controlling terminal. It returns ErrNone when there is none
// or when the process is one of its background jobs; it never blocks.
func Open() (*Terminal, error) {
	fd, err := openTTY(unix.O_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	t := &Terminal{fd: fd}
	if !t.foreground() {
		t.Close()
		return nil, fmt.Errorf("%w: this is a background job", ErrNone)
	}
	return t, nil
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

func openTTY(flags int) (int, error) {
	for {
		fd, err := unix.Open(ttyPath, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|flags, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// Close closes the terminal.
func (t *Terminal) Close() error {
	err := error(nil)
	t.close.Do(func() { err = unix.Close(t.fd) })
	return err
}

// File opens the terminal once more, for a child process that is to ask on it
// as its stdin and stderr: in blocking mode, unlike the Terminal itself. The
// caller closes it.
func (t *Terminal) File() (*os.File, error) {
	fd, err := openTTY(0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	return os.NewFile(uintptr(fd), ttyPath), nil
}

// Name returns the terminal's own name, such as "/dev/pts/3", for messages.
func (t *Terminal) Name() string { return ttyName(t.fd) }

// Attached returns the name of the controlling terminal, also in its
// background, or "" when there is none.
func Attached() string {
	fd, err := openTTY(unix.O_NONBLOCK)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	return ttyName(fd)
}

func (t *Terminal) foreground() bool {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func (t *Terminal) columns() int {
	columns, _, _ := xterm.GetSize(t.fd)
	return usable(columns)
}

// question is one ReadLine: the terminal, the place on its screen, and a pipe
// that ends the wait for input.
type question struct {
	*Terminal
	screen
	shown     bool     // the prompt is on the screen
	ahead     bool     // the answer was typed before it
	waker     *os.File // the writing end of the pipe
	woken     int      // its reading end
	suspended atomic.Bool
	hiding    *hiding // while a secret is typed
}

// tick is how often a wait looks whether the process is still in the
// foreground: a job that was stopped with kill -STOP and sent to the
// background gets no signal that says so.
const tick = 250 * time.Millisecond

func (t *Terminal) ask(ctx context.Context, prompt string, secret bool) (string, error) {
	woken, waker, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("asking on the terminal: %w", err)
	}
	defer woken.Close()
	defer waker.Close()
	q := &question{Terminal: t, waker: waker, woken: int(woken.Fd())}
	defer context.AfterFunc(ctx, q.wake)()
	defer onStopKey(func() { q.suspended.Store(true); q.wake() })()

	defer q.finish()
	return q.answer(ctx, prompt, secret)
}

func (q *question) answer(ctx context.Context, prompt string, secret bool) (string, error) {
	if err := q.state(ctx); err != nil {
		return "", err
	}
	if secret {
		defer q.reveal() // on a panic too
		if err := q.hide(); err != nil {
			return "", err
		}
	}
	if err := q.prompt(ctx, prompt); err != nil {
		return "", err
	}
	return q.read(ctx)
}

func (q *question) wake() {
	// A failed write means that the question is over.
	_, _ = q.waker.Write([]byte{0})
}

// state says why asking must end now, or nil.
func (q *question) state(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case q.suspended.Load():
		return ErrSuspended
	case !q.foreground():
		return ErrBackground
	}
	return nil
}

// prompt shows the prompt, and notes whether a whole line was typed ahead: its
// echo stands above, out of reach, so that only the prompt is to be erased.
func (q *question) prompt(ctx context.Context, prompt string) error {
	columns, rows, _ := xterm.GetSize(q.fd)
	q.screen = screen{columns: usable(columns), rows: rows}
	q.ahead, _ = q.wait(reading, 0)
	q.shown = true
	q.advance(prompt)
	return q.send(ctx, prompt)
}

func (q *question) read(ctx context.Context) (string, error) {
	var answer line
	var typed []byte
	for {
		c, err := q.readByte(ctx)
		if err == io.EOF && len(typed) > 0 {
			// ^D after some text hands over the text.
			err, c = nil, '\n'
		} else if err == nil {
			typed = append(typed, c)
		}
		if err != nil {
			return "", err
		}
		if done, err := answer.add(c); done {
			if q.shown && !q.ahead && q.echoes() {
				q.advance(string(typed))
			}
			return string(answer.text), err
		}
	}
}

// readByte reads a single byte, to leave what follows the line to others. It
// checks the foreground last of all: a background process that reads is
// stopped by SIGTTIN, together with its whole group.
func (q *question) readByte(ctx context.Context) (byte, error) {
	var b [1]byte
	for {
		if err := q.state(ctx); err != nil {
			return 0, err
		}
		if err := q.keepHidden(); err != nil {
			return 0, err
		}
		if ready, err := q.wait(reading, tick); err != nil {
			return 0, err
		} else if !ready {
			continue
		}
		if err := q.state(ctx); err != nil {
			return 0, err
		}
		n, err := unix.Read(q.fd, b[:])
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
		case err == unix.EIO && !q.foreground():
			// So it ends where the shell ignores SIGTTIN for us.
			return 0, ErrBackground
		case err != nil:
			return 0, fmt.Errorf("reading from the terminal: %w", err)
		case n == 0:
			return 0, io.EOF
		default:
			return b[0], nil
		}
	}
}

// finish erases the question. In the background the screen is another's.
func (q *question) finish() {
	if q.shown && q.foreground() {
		// Whether it is erased cannot change the answer.
		_ = q.show(q.erase(q.Dumb))
	}
}

func (t *Terminal) echoes() bool {
	mode, err := unix.IoctlGetTermios(t.fd, getTermios)
	return err == nil && mode.Lflag&unix.ECHO != 0
}

type direction bool

const (
	reading direction = false
	writing direction = true
)

// wait waits until the terminal can be read or written. It is select(2),
// since poll(2) refuses /dev/tty on macOS; false means that time is up or that
// something woke the question.
func (q *question) wait(d direction, limit time.Duration) (bool, error) {
	return selectOn(q.fd, q.woken, d, limit)
}

func selectOn(fd, wake int, d direction, limit time.Duration) (bool, error) {
	if fd >= unix.FD_SETSIZE || wake >= unix.FD_SETSIZE {
		return false, errors.New("too many open files to wait for the terminal")
	}
	var read, write unix.FdSet
	if wake >= 0 {
		read.Set(wake)
	}
	set := &read
	if d == writing {
		set = &write
	}
	set.Set(fd)
	t := unix.NsecToTimeval(limit.Nanoseconds())
	n, err := unix.Select(max(fd, wake)+1, &read, &write, nil, &t)
	switch {
	case err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("waiting for the terminal: %w", err)
	}
	return n > 0 && set.IsSet(fd), nil
}

// send shows text, and waits while the user holds the output with ^S.
func (q *question) send(ctx context.Context, text string) error {
	for len(text) > 0 {
		n, err := writeSome(q.fd, text)
		if err != nil {
			return err
		}
		if text = text[n:]; n > 0 {
			continue
		}
		if err := q.state(ctx); err != nil {
			return err
		}
		if _, err := q.wait(writing, tick); err != nil {
			return err
		}
	}
	return nil
}

// show shows text and gives up after a second of held output.
func (t *Terminal) show(text string) error {
	for tries := 4; len(text) > 0; {
		n, err := writeSome(t.fd, text)
		if err != nil {
			return err
		}
		if text = text[n:]; n > 0 {
			continue
		}
		if tries--; tries == 0 {
			return fmt.Errorf("writing to the terminal: %w", os.ErrDeadlineExceeded)
		}
		if _, err := selectOn(t.fd, -1, writing, tick); err != nil {
			return err
		}
	}
	return nil
}

// writeSome writes what the terminal takes now, possibly nothing.
func writeSome(fd int, text string) (int, error) {
	n, err := unix.Write(fd, []byte(text))
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("writing to the terminal: %w", err)
	}
	return n, nil
}
