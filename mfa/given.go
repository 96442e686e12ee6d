package mfa

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine bounds what is read for a code, in bytes: a wrong file on standard
// input is an error, not a long read.
const maxLine = 1 << 10

// Given is a code that the user handed over with the command: it serves once.
type Given struct {
	origin Origin
	text   string
	stdin  io.Reader // nil when text holds the code
	used   bool
}

// NewGiven makes a Given of a flag's or a variable's text.
func NewGiven(origin Origin, text string) *Given {
	return &Given{origin: origin, text: text}
}

// NewGivenStdin makes a Given that reads the first line of stdin when the code
// is needed, and not before: a cached session leaves the input untouched.
func NewGivenStdin(stdin io.Reader) *Given {
	return &Given{origin: FromStdin, stdin: stdin}
}

// unused fails once the code was taken: with the refusal when AWS refused it,
// else because a second code is wanted and only one was given.
func (g *Given) unused(last error) error {
	switch {
	case !g.used:
		return nil
	case last != nil:
		return fmt.Errorf("%w: %w", ErrNoOtherCode, last)
	}
	return fmt.Errorf("%w: the one from %s was used", ErrInputNeeded, g.origin)
}

func (c *Chain) given(ctx context.Context, req Request) (Code, error) {
	g := c.Given
	if err := g.unused(req.Last); err != nil {
		return Code{}, err
	}
	g.used = true
	line, err := g.line(ctx)
	if err != nil {
		return Code{}, fmt.Errorf("reading the MFA code from %s: %w", g.origin, err)
	}
	code, err := ParseCode(line)
	if err != nil {
		return Code{}, fmt.Errorf("from %s: %w", g.origin, err)
	}
	return code, c.claim(req.Serial, code)
}

// line returns the given text. Reading happens aside, since a read of a pipe
// that nobody writes to cannot be interrupted.
func (g *Given) line(ctx context.Context) (string, error) {
	if g.stdin == nil {
		return g.text, nil
	}
	type answer struct {
		line string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		line, err := readLine(g.stdin)
		done <- answer{line, err}
	}()
	select {
	case a := <-done:
		return a.line, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// readLine reads one byte at a time: what follows the line belongs to the
// program that exec runs on the same input.
func readLine(r io.Reader) (string, error) {
	var line strings.Builder
	one := make([]byte, 1)
	for line.Len() < maxLine {
		n, err := r.Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return line.String(), nil
		case n == 1:
			line.WriteByte(one[0])
		case errors.Is(err, io.EOF) && line.Len() == 0:
			return "", ErrNoCode
		case errors.Is(err, io.EOF):
			return line.String(), nil
		case err != nil:
			return "", err
		}
	}
	return "", fmt.Errorf("%w, this is a longer text", ErrCodeFormat)
}
