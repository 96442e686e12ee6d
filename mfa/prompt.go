package mfa

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"awsmfa/internal/term"
	"awsmfa/internal/text"
)

// maxPrompts bounds the prompts for one code, whatever was wrong with the
// answers: AWS locks nobody out after three, and more would be guessing.
const maxPrompts = 3

// Prompter is the terminal as this room needs it. ReadLine shows a prompt,
// reads one line and takes the prompt away; io.EOF means that the user ended
// the input.
type Prompter interface {
	ReadLine(ctx context.Context, prompt string) (string, error)
	Close() error
}

// open opens the terminal, or says why nobody can be asked.
func (c *Chain) open() (Prompter, error) {
	switch {
	case c.NoInput:
		return nil, fmt.Errorf("%w: input is turned off", ErrInputNeeded)
	case c.Terminal == nil:
		return nil, ErrInputNeeded
	}
	t, err := c.Terminal()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInputNeeded, err)
	}
	return t, nil
}

// prompt asks until a fresh code was typed. What is no code, or was used
// before, is asked for again with the reason in front; it never reaches AWS.
// An interruption, suspension or loss of the terminal ends the asking, and the
// caller sees the terminal's own error in the chain of the one returned.
func (c *Chain) prompt(ctx context.Context, req Request) (Code, error) {
	t, err := c.open()
	if err != nil {
		return Code{}, err
	}
	defer t.Close()
	reason, last := "", req.Last
	if req.refused() {
		reason = "code refused"
	} else {
		c.prompts = 0
	}
	for c.prompts < maxPrompts {
		line, err := t.ReadLine(ctx, promptText(req, reason, c.prompts+1))
		if errors.Is(err, io.EOF) {
			return Code{}, ErrNoCode
		}
		if err != nil && !errors.Is(err, term.ErrTooLong) {
			return Code{}, fmt.Errorf("asking for the MFA code: %w", err)
		}
		c.prompts++
		var code Code
		if err == nil {
			code, err = ParseCode(line)
		}
		if err == nil {
			err = c.claim(req.Serial, code)
		}
		if err == nil {
			return code, nil
		}
		reason = err.Error()
		if !isRefusal(last) || isRefusal(err) {
			last = err
		}
	}
	if last == nil {
		return Code{}, ErrTooManyTries
	}
	return Code{}, fmt.Errorf("%w: %w", ErrTooManyTries, last)
}

// isRefusal: a code was turned down, by AWS or as a repeat. That weighs more
// than an answer that was no code at all.
func isRefusal(err error) bool {
	return err != nil && !errors.Is(err, ErrCodeFormat) && !errors.Is(err, term.ErrTooLong)
}

// maxPrompt bounds a prompt, in runes: a terminal shows no more than two rows
// of it, and the end must not be what is lost.
const maxPrompt = 160

// promptText names profile and device, so that the user opens the right entry
// of the authenticator, and the endpoint when it is not AWS's own. All of it
// comes from files that others may have written, so it is cleaned and cut; the
// serial gives way first.
func promptText(req Request, reason string, try int) string {
	s := "MFA code for " + text.Clean(req.Profile, 32)
	if reason != "" {
		s = fmt.Sprintf("%s, %d of %d. %s", reason, try, maxPrompts, s)
	}
	end := ": "
	if req.Endpoint != "" {
		end = " at " + text.Clean(req.Endpoint, 40) + end
	}
	if req.Serial != "" {
		room := maxPrompt - utf8.RuneCountInString(s+end) - len(" (…)")
		s += " (" + text.Clean(req.Serial, room) + ")"
	}
	return s + end
}
