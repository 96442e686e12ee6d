package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"awsmfa/internal/term"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/seed"
	"awsmfa/session"
)

// defaultUnlockTTL is how long the kernel keeps what unlocks the seeds when
// nobody says otherwise: a working day.
const defaultUnlockTTL = 8 * time.Hour

func (r *run) unlockTTL() (time.Duration, error) {
	switch text := r.getenv("AWSMFA_UNLOCK_TTL"); text {
	case "":
		return defaultUnlockTTL, nil
	case "0":
		return 0, nil
	default:
		d, err := profile.ParseDuration(text)
		if err != nil {
			err = usagef("AWSMFA_UNLOCK_TTL %q is not a duration: give seconds, or a form such as 8h or 90m", shown(text))
		}
		return d, err
	}
}

// vault is where the seeds are kept, by the variables that say so. Nothing is
// touched yet.
func (r *run) vault(noInput bool) (*seed.Vault, error) { return r.vaultAsking(noInput, r.askSecret) }

// vaultOf is vault for a verb that holds no session's locks: after ^Z the
// passphrase is asked for again.
func (r *run) vaultOf(o options) (*seed.Vault, error) {
	return r.vaultAsking(o.NoInput, func(ctx context.Context, prompt string) (string, error) {
		for {
			text, err := r.askSecret(ctx, prompt)
			if !errors.Is(err, term.ErrSuspended) {
				return text, err
			}
			term.Suspend()
		}
	})
}

func (r *run) vaultAsking(noInput bool, ask func(context.Context, string) (string, error)) (*seed.Vault, error) {
	ttl, err := r.unlockTTL()
	if err != nil {
		return nil, err
	}
	dir, err := session.FindData(r.getenv)
	if err != nil {
		r.debugf("no place for seeds: %v", err)
	}
	o := seed.Options{
		Dir: dir, Store: r.getenv("AWSMFA_SEED_STORE"), AgeIdentity: r.getenv("AWSMFA_AGE_IDENTITY"),
		PassphraseFile: r.getenv("AWSMFA_PASSPHRASE_FILE"), UnlockTTL: ttl,
		Getenv: r.getenv, Now: r.Now, Warn: r.warn, Askable: askable(noInput),
	}
	if !noInput {
		o.Ask = ask
	}
	return seed.Open(o), nil
}

var errNoInput = errors.New("input is turned off")

// askable says why nobody can be asked for a passphrase.
func askable(noInput bool) func() error {
	return func() error {
		if noInput {
			return errNoInput
		}
		t, err := term.Open()
		if err != nil {
			return err
		}
		return t.Close()
	}
}

// askSecret asks on the terminal for what it does not show.
func (r *run) askSecret(ctx context.Context, prompt string) (string, error) {
	t, err := r.terminal()
	if err != nil {
		return "", err
	}
	defer t.Close()
	text, err := t.ReadSecret(ctx, prompt)
	switch {
	case errors.Is(err, io.EOF):
		err = &seed.StoreError{Store: "file", Trouble: seed.Locked, Why: "no passphrase was entered"}
	case errors.Is(err, term.ErrBackground), errors.Is(err, term.ErrTooLong):
		err = &seed.StoreError{Store: "file", Trouble: seed.Locked, Err: err}
	}
	return text, err
}

// storedSeeds lets mfa use the vault. It is opened when a code is needed that
// nobody has given: a warm run never comes here.
type storedSeeds struct {
	open  func() (*seed.Vault, error)
	vault *seed.Vault
}

func (s *subject) seeds() mfa.Seeds {
	return &storedSeeds{vault: s.unlocked, open: func() (*seed.Vault, error) { return s.run.vault(s.options.NoInput) }}
}

func (s *storedSeeds) opened() (*seed.Vault, error) {
	if s.vault != nil {
		return s.vault, nil
	}
	var err error
	s.vault, err = s.open()
	return s.vault, err
}

// Has implements mfa.Seeds.
func (s *storedSeeds) Has(serial string) (bool, error) {
	v, err := s.opened()
	if err != nil {
		return false, err
	}
	return v.Has(serial)
}

// Ready implements mfa.Seeds.
func (s *storedSeeds) Ready(serial string) error {
	v, err := s.opened()
	if err != nil {
		return err
	}
	return v.Ready(serial)
}

// Load implements mfa.Seeds.
func (s *storedSeeds) Load(ctx context.Context, serial string) (mfa.Generator, error) {
	v, err := s.opened()
	if err != nil {
		return nil, err
	}
	return v.Load(ctx, serial)
}

// seedUnavailable is a stored seed that gives no code, because of its store. A
// session that is still good stands in, as where nobody can be asked.
type seedUnavailable struct {
	serial string
	err    error
}

func (e *seedUnavailable) Error() string {
	return fmt.Sprintf("the seed stored for %q: %v", shown(e.serial), e.err)
}
func (e *seedUnavailable) Unwrap() error     { return e.err }
func (e *seedUnavailable) InputUnavailable() {}

// ofStore marks an error of the store of seeds.
func ofStore(serial string, err error) error {
	if errors.As(err, new(*seed.StoreError)) {
		return &seedUnavailable{serial, err}
	}
	return err
}

// explainStore: the store of seeds cannot be used, and knows best why.
func explainStore(rep report, e *seed.StoreError, device string) report {
	rep.exit = exitStore
	for _, h := range e.Hints {
		rep = rep.hint("%s", strings.ReplaceAll(shown(h), seed.HintDevice, device))
	}
	return rep
}
