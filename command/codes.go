package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"awsmfa/credentials"
	"awsmfa/internal/term"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/session"
	"awsmfa/source"
)

// codes lets session use mfa.
type codes struct {
	subject *subject
	chain   *mfa.Chain
}

var errBackground = errors.New("an MFA code is needed, and standard input is a terminal that this background job must not read")

// inputNeeded is a code, or a choice, that nobody can give: exit 4.
type inputNeeded struct {
	err  error
	what string
}

func (e *inputNeeded) Error() string     { return e.err.Error() }
func (e *inputNeeded) Unwrap() error     { return e.err }
func (e *inputNeeded) InputUnavailable() {}

func (s *subject) codes() *codes {
	c := &codes{subject: s, chain: &mfa.Chain{
		NoInput: s.options.NoInput, Ledger: mfa.OpenLedger(s.places.State, s.Now, s.offset.now),
		Notify: func(line string) { s.note("%s", line) }, Warn: s.warn, Given: s.givenCode(),
		Terminal: s.prompter, Progress: s.countdown(), Sleep: s.Sleep, Now: s.Now, Offset: s.offset.now,
		Patience: s.standard.patience, Seeds: s.seeds(),
	}}
	if line := s.resolved.MFAProcess; line.IsSet() {
		c.chain.Process = &mfa.Process{
			Line: line.Text, Env: s.childEnviron(), Path: s.getenv("PATH"), Terminal: terminalFile, Timeout: s.Budget,
			Forbidden: s.files.CommandAllowed(line),
		}
	}
	return c
}

func (s *subject) givenCode() *mfa.Given {
	v := s.options.TokenCode
	switch {
	case v.Text == "-":
		return mfa.NewGivenStdin(s.Stdin)
	case strings.HasPrefix(v.Origin.Name, "--") && v.IsSet():
		return mfa.NewGiven(mfa.FromFlag, v.Text)
	case v.IsSet():
		return mfa.NewGiven(mfa.FromEnv, v.Text)
	}
	return nil
}

// prompter opens the terminal. A nil *term.Terminal must not become an interface.
func (r *run) prompter() (mfa.Prompter, error) {
	t, err := r.terminal()
	if err != nil {
		return nil, err
	}
	return t, nil
}

// terminal opens the terminal, which may be one that obeys no escapes.
func (r *run) terminal() (*term.Terminal, error) {
	t, err := term.Open()
	if err == nil {
		t.Dumb = r.dumb()
	}
	return t, err
}

func (r *run) dumb() bool { return r.getenv("TERM") == "" || r.getenv("TERM") == "dumb" }

// terminalFile is the terminal as a program gets it, while we may use it.
func terminalFile() (*os.File, error) {
	t, err := term.Open()
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return t.File()
}

// childEnviron is the environment for programs that profiles name, and for the
// clipboard's, which stay: ours, but for what is secret or would make them act
// as us.
func (r *run) childEnviron() []string {
	var kept []string
	for _, kv := range r.Environ {
		if name, _, _ := strings.Cut(kv, "="); !secretVariable(r.variable(name)) {
			kept = append(kept, kv)
		}
	}
	return kept
}

func secretVariable(name string) bool {
	switch name {
	case "AWSMFA_TOKEN_CODE", "AWSMFA_PASSPHRASE_FILE", "AWSMFA_AGE_IDENTITY",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN":
		return true
	}
	return false
}

func (c *codes) Available(serial string) error {
	// Reading a terminal from the background would stop us, locks in hand.
	if c.subject.options.TokenCode.Text == "-" && term.IsTerminal(c.subject.Stdin) && !term.Available() {
		return &inputNeeded{err: errBackground, what: "code"}
	}
	err := c.chain.Available(serial)
	if errors.Is(err, mfa.ErrInputNeeded) || errors.Is(err, mfa.ErrNoOtherCode) {
		return &inputNeeded{err: err, what: "code"}
	}
	return ofStore(serial, err)
}

func (c *codes) Next(ctx context.Context, req session.CodeRequest) (session.Code, error) {
	code, origin, err := c.chain.Next(ctx, mfa.Request(req))
	c.subject.codeOrigin = origin
	switch {
	case errors.Is(err, term.ErrSuspended):
		return nil, session.ErrSuspended
	case errors.Is(err, term.ErrBackground), errors.Is(err, mfa.ErrInputNeeded):
		return nil, &inputNeeded{err: err, what: "code"}
	case errors.As(err, new(*mfa.ProcessError)):
		return nil, fmt.Errorf("%w (%s)", err, c.subject.resolved.MFAProcess.Origin)
	}
	return code, ofStore(req.Serial, err)
}

func (c *codes) Again(_ session.CodeRequest, meaning session.Refusal) bool {
	if meaning == session.RefusedClock {
		return c.chain.RetryClock(c.subject.codeOrigin)
	}
	return c.chain.Retry(c.subject.codeOrigin)
}

// fetch runs the program that a source is, and takes its credentials.
func (s *subject) fetch(ctx context.Context, src profile.Source) (credentials.Credentials, error) {
	if err := s.files.CommandAllowed(src.Text); err != nil {
		return credentials.Credentials{}, err
	}
	if src.Kind == profile.SourceCredentialSource && s.wantsKeys(src) && (s.held.Ours || s.getenv("AWS_ACCESS_KEY_ID") == "") {
		return credentials.Credentials{}, noKeysAround(src)
	}
	o := source.Options{Line: src.Text.Text, Path: s.getenv("PATH"), Env: s.childEnviron(), Profile: src.Profile, Now: s.Now}
	if tty, err := terminalFile(); err == nil && !s.options.NoInput {
		defer tty.Close()
		o.Stdin, o.Stderr = tty, tty
	}
	// The keys that awsmfa exported are never a source; the user's own may be.
	if src.Kind == profile.SourceCredentialSource && !s.held.Ours {
		o.Env, o.KeepKeys = s.Environ, true
	}
	done := s.spin()
	defer done()
	var c credentials.Credentials
	var err error
	if src.Kind == profile.SourceProcess {
		c, err = source.Process(ctx, o)
	} else {
		c, err = source.ThroughCLI(ctx, src.Profile, o)
	}
	if err != nil {
		return c, &sourceError{src, err}
	}
	return c, nil
}

// wantsKeys: credential_source = Environment.
func (s *subject) wantsKeys(src profile.Source) bool {
	return strings.HasPrefix(strings.ToLower(src.Text.Text), "credential_source=environment\n")
}

// noKeysAround: what awsmfa exported is never a source.
func noKeysAround(src profile.Source) error {
	return &profile.Error{
		Kind: profile.NoKeys, Profile: src.Profile, Key: "credential_source", Origin: src.Origin,
		Detail: "profile " + strconv.Quote(shown(src.Profile)) + " takes its access key from the environment, which holds none of yours",
	}
}

// sourceError is a source that gave no credentials.
type sourceError struct {
	source profile.Source
	err    error
}

func (e *sourceError) Error() string {
	return fmt.Sprintf("%v (%s)", e.err, e.source.Origin)
}

func (e *sourceError) Unwrap() error { return e.err }
