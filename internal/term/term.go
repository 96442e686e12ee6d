// Package term talks to the person at the controlling terminal, wherever the
// standard streams lead: Open, then ReadLine, ReadSecret or Choose.
//
// House rules. Everything that is asked goes to the terminal itself and is
// erased once answered, so that nothing of it stays between the user's own
// lines; what is said without asking goes to stderr and is no business of this
// package. Answers are read with echo in the mode that the terminal is in: a
// token code is worthless once used, and a mode that is never changed need not
// be restored, whatever signal arrives. The one exception is ReadSecret, for
// passphrases and seeds: it turns the echo off, and on again however it ends;
// only kill -9 leaves it off (then: stty sane). Nothing here stops or hangs a process
// in the background: it returns ErrBackground instead.
package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"awsmfa/internal/text"

	xterm "golang.org/x/term"
)

// Errors of Open, ReadLine, ReadSecret and Choose. At the end of input they return io.EOF,
// and when ctx ends its cause: an interrupt is main's to handle, by ending ctx.
var (
	// ErrNone says that there is nobody to ask: the process has no
	// controlling terminal, or runs in its background.
	ErrNone = errors.New("no terminal to ask on")
	// ErrBackground says that the process became a background job while it asked.
	ErrBackground = errors.New("the process went to the background while asking")
	// ErrSuspended says that ^Z was typed. The caller releases its locks,
	// calls Suspend, and asks anew.
	ErrSuspended = errors.New("suspended while asking")
	// ErrTooLong says that a line over MaxLine was typed. It was discarded.
	ErrTooLong = errors.New("the line is longer than 1024 bytes")
	// ErrNoChoice says that Choose got no usable number in three tries.
	ErrNoChoice = errors.New("no valid number was typed")
)

// MaxLine is the longest answer in bytes, without its line end. macOS takes no
// more in cooked mode (MAX_CANON).
const MaxLine = 1024

// maxPrompt keeps a prompt to two rows of a usual terminal, in runes.
const maxPrompt = 160

// choiceTries is how many numbers Choose reads before it gives up.
const choiceTries = 3

// Write shows p, with everything that a terminal would obey made visible but
// for line feeds.
func (t *Terminal) Write(p []byte) (int, error) {
	if err := t.show(visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Printf shows formatted text under the rule of Write.
func (t *Terminal) Printf(format string, args ...any) error {
	_, err := fmt.Fprintf(t, format, args...)
	return err
}

// visible cleans s line by line. Lines end in CR LF, since a terminal in raw
// mode would otherwise print a staircase.
func visible(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = text.Clean(strings.TrimSuffix(line, "\r"), len(line))
	}
	return strings.Join(lines, "\r\n")
}

// ReadLine shows prompt, reads a line and erases both, on errors too. What was
// typed ahead counts as an answer; its echo stays. See the package's errors
// for what else can happen.
func (t *Terminal) ReadLine(ctx context.Context, prompt string) (string, error) {
	return t.ask(ctx, text.Clean(prompt, maxPrompt), false)
}

// ReadSecret is ReadLine for what nobody may see: without echo. The mode of the
// terminal is as it was when it returns, whatever ended the question, and
// while the process is stopped by ^Z.
func (t *Terminal) ReadSecret(ctx context.Context, prompt string) (string, error) {
	return t.ask(ctx, text.Clean(prompt, maxPrompt), true)
}

// Choose shows options as a numbered list, reads a number and returns its
// index. A wrong number is asked for again, three times in all.
func (t *Terminal) Choose(ctx context.Context, prompt string, options []string) (int, error) {
	if len(options) == 0 {
		return 0, ErrNoChoice
	}
	list := t.list(options)
	prompt = fmt.Sprintf("%s [1-%d]: ", text.Clean(strings.TrimRight(prompt, ": "), maxPrompt-16), len(options))
	for range choiceTries {
		line, err := t.ask(ctx, list+prompt, false)
		if err != nil {
			return 0, err
		}
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && 1 <= n && n <= len(options) {
			return n - 1, nil
		}
	}
	return 0, ErrNoChoice
}

// list gives each option one row, so that the rows can be counted to erase them.
func (t *Terminal) list(options []string) string {
	var b strings.Builder
	width := len(strconv.Itoa(len(options)))
	for i, option := range options {
		room := max(8, t.columns()-width-6)
		fmt.Fprintf(&b, "  %*d  %s\r\n", width, i+1, text.Clean(option, room))
	}
	return b.String()
}

// screen keeps count of where the cursor is, relative to where the question
// began, to erase exactly that: one row too many would take the user's own text.
type screen struct {
	columns, rows int // size; rows is 0 when unknown
	row, column   int // of the cursor
}

// advance moves the cursor as the terminal does when s is shown.
func (s *screen) advance(shown string) {
	for _, r := range shown {
		switch {
		case r == '\n':
			s.row, s.column = s.row+1, 0
		case r == '\r':
			s.column = 0
		default:
			s.put(cells(r, s.column))
		}
	}
}

// put wraps lazily, as terminals do: a row filled to its last column wraps
// only when one more character comes.
func (s *screen) put(width int) {
	if s.column+width > s.columns {
		s.row, s.column = s.row+1, 0
	}
	s.column += width
}

// cells is the width of a character as the terminal echoes it: controls as
// "^A" (stty echoctl), tabs to the next eighth column, and everything from
// Hangul up as wide, for one cell too many only matters at a row's end.
func cells(r rune, column int) int {
	switch {
	case r == '\t':
		return 8 - column%8
	case r < 0x20 || r == 0x7f:
		return 2
	case r >= 0x1100:
		return 2
	}
	return 1
}

// erase is the text that takes the question off the screen and leaves the
// cursor where it began. Where it scrolled off there is nothing to go back to.
func (s *screen) erase(dumb bool) string {
	switch {
	case dumb && s.column > 0:
		return "\r\n"
	case dumb, s.rows > 0 && s.row >= s.rows:
		return ""
	case s.row == 0:
		return "\r\x1b[J"
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", s.row)
}

// line collects the bytes of an answer.
type line struct {
	text []byte
	long bool
}

// add takes one byte and reports whether it ended the line, and how. A
// terminal in raw mode sends keys as they are: Return is CR, and ^C and ^D come
// as bytes.
func (l *line) add(c byte) (done bool, err error) {
	switch {
	case c == '\n' || c == '\r':
		return true, l.check()
	case c == 0x03 || c == 0x04:
		return true, io.EOF
	case len(l.text) == MaxLine:
		l.long = true
	default:
		l.text = append(l.text, c)
	}
	return false, nil
}

func (l *line) check() error {
	if l.long {
		return ErrTooLong
	}
	return nil
}

// IsTerminal reports whether f is a terminal. It leaves f's blocking mode
// alone, which (*os.File).Fd would change.
func IsTerminal(f *os.File) bool {
	found := false
	control(f, func(fd int) { found = xterm.IsTerminal(fd) })
	return found
}

// Width returns how many columns the terminal f has, and 80 when that cannot
// be known.
func Width(f *os.File) int {
	columns := 0
	control(f, func(fd int) { columns, _, _ = xterm.GetSize(fd) })
	return usable(columns)
}

// usable replaces the width 0 that serial lines and fresh ptys have.
func usable(columns int) int {
	if columns <= 0 {
		return 80
	}
	return columns
}

func control(f *os.File, do func(fd int)) {
	if f == nil {
		return
	}
	if conn, err := f.SyscallConn(); err == nil {
		// The error only says that f is closed: then do did not run.
		_ = conn.Control(func(fd uintptr) { do(int(fd)) })
	}
}
