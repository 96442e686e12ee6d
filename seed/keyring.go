package seed

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// quickAnswer is how long a keyring may take where no person is involved.
	// It answers in milliseconds; being started by the bus takes a second.
	quickAnswer = 2 * time.Second
	// patientAnswer is how long a person may take who is asked by the keyring.
	patientAnswer = 60 * time.Second

	// keyringService is the name that all items are filed under.
	keyringService = "awsmfa"
)

// keyring is the store of seeds in what the operating system offers: Secret
// Service, Keychain or Credential Manager. Nothing in it is touched before one
// of its methods is called. None of them takes longer than its deadlines, even
// when the keyring hangs; the goroutine that hangs with it is left behind.
type keyring struct {
	getenv func(string) string
	// asks reports whether somebody is here to answer a prompt of the keyring.
	// Where nobody is, none is shown.
	asks           func() bool
	quick, patient time.Duration
}

var _ backend = keyring{}

func newKeyring(getenv func(string) string, askable func() error) keyring {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	return keyring{
		getenv:  getenv,
		asks:    func() bool { return hasScreen(getenv) && askable != nil && askable() == nil },
		quick:   quickAnswer,
		patient: patientAnswer,
	}
}

func (k keyring) probe(ctx context.Context) error {
	_, err := during(ctx, k, func(v *visit) (nothing, error) { return nothing{}, v.check() })
	return err
}

func (k keyring) ready(s slot) error {
	if err := checkSlot(s); err != nil {
		return err
	}
	_, err := during(context.Background(), k, func(v *visit) (nothing, error) { return nothing{}, v.find(s) })
	return err
}

func (k keyring) load(ctx context.Context, s slot) ([]byte, error) {
	if err := checkSlot(s); err != nil {
		return nil, err
	}
	return during(ctx, k, func(v *visit) ([]byte, error) { return v.read(s) })
}

// save reads back what it wrote: the tool behind the Keychain says that all is
// well whatever happened, and a keyring may be kept in memory or be full.
func (k keyring) save(ctx context.Context, s slot, record []byte) (sum string, err error) {
	if err := checkSlot(s); err != nil {
		return "", err
	}
	if err := checkSize(platform, account(s), record); err != nil {
		return "", err
	}
	own := bytes.Clone(record) // a call that hangs may go on reading it
	if _, err := during(ctx, k, func(v *visit) (nothing, error) { return nothing{}, v.write(s, own) }); err != nil {
		return "", err
	}
	kept, err := during(ctx, k, func(v *visit) ([]byte, error) { return v.read(s) })
	if err != nil {
		return "", err
	}
	defer clear(kept)
	if subtle.ConstantTimeCompare(kept, record) != 1 {
		return "", keyringError(Unusable, "it did not keep what it was given", nil, hintFile)
	}
	return "", nil
}

func (k keyring) remove(ctx context.Context, s slot) error {
	if err := checkSlot(s); err != nil {
		return err
	}
	_, err := during(ctx, k, func(v *visit) (nothing, error) { return nothing{}, v.erase(s) })
	var trouble *StoreError
	if errors.As(err, &trouble) && trouble.Trouble == Missing {
		return nil
	}
	return err
}

type nothing struct{}

// visit is one visit to the keyring. Its context ends with its deadline.
type visit struct {
	keyring
	ctx    context.Context
	timer  *time.Timer
	person atomic.Bool // somebody may be looking at a prompt
}

// during makes a visit and leaves it behind when its time is over. What comes
// from a keyring is foreign, so a panic over it ends the visit alone.
func during[T any](ctx context.Context, k keyring, do func(*visit) (T, error)) (T, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v := &visit{keyring: k, ctx: ctx}
	v.asks = sync.OnceValue(k.asks)
	v.timer = time.AfterFunc(k.quick, func() { cancel(v.unanswered()) })
	defer v.timer.Stop()
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		r.err = keyringError(Unusable, "it gave an answer that makes no sense", nil, hintFile)
		defer func() {
			_ = recover()
			done <- r
		}()
		r.value, r.err = do(v)
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		r.err = ctx.Err()
	}
	if r.err != nil && ctx.Err() != nil {
		r.err = context.Cause(ctx) // the call failed because of it
	}
	return r.value, r.err
}

// patiently starts the longer wait, for a call at which the keyring may ask a
// person; hurry goes back to the short one. Where nobody is there to be asked
// the wait stays short.
func (v *visit) patiently() {
	if v.asks() && v.timer.Stop() {
		v.person.Store(true)
		v.timer.Reset(v.patient)
	}
}

func (v *visit) hurry() {
	if v.person.Swap(false) && v.timer.Stop() {
		v.timer.Reset(v.quick)
	}
}

func (v *visit) unanswered() error {
	if v.person.Load() {
		return keyringError(Locked, "its prompt was not answered in "+v.patient.String(), nil, hintUnlock, hintFile)
	}
	return keyringError(Unusable, "it did not answer in "+v.quick.String(), nil, hintAnswer, hintFile)
}

// What can be done about a keyring that is of no use.
const (
	hintUnlock  = "unlock the login keyring: log in at the desktop, or open the password manager there; then run this again"
	hintInstall = "install gnome-keyring or KeePassXC (with its Secret Service on) and log in again"
	hintAnswer  = "a keyring manager may be waiting for an answer in a window; answer it, then run this again"
	hintFile    = "AWSMFA_SEED_STORE=file keeps seeds in encrypted files instead"
)

// hintLeave takes the place of hintFile where seeds are in the keyring already:
// the other store would not be looked into before they are out of this one.
const hintLeave = "without that keyring for good: awsmfa totp remove each device (awsmfa totp list), then AWSMFA_SEED_STORE=file awsmfa totp add " + HintDevice

// ofKept is the error of a keyring that seeds are kept in.
func ofKept(err error) error {
	if trouble := (*StoreError)(nil); errors.As(err, &trouble) {
		if i := slices.Index(trouble.Hints, hintFile); i >= 0 {
			trouble.Hints = slices.Replace(slices.Clone(trouble.Hints), i, i+1, hintLeave)
		}
	}
	return err
}

func keyringError(trouble Trouble, why string, err error, hints ...string) error {
	return &StoreError{Store: keyringStore, Trouble: trouble, Why: why, Err: err, Hints: hints}
}

func keyringMissing(s slot) error {
	return keyringError(Missing, fmt.Sprintf("nothing is there for device %q", s.serial), nil, damagedHint)
}

// checkSlot lets nothing reach a keyring but what AWS takes as a serial (the
// class is that of SerialNumber in the API of STS): one of the ways there is a
// line of text that a tool reads.
func checkSlot(s slot) error {
	if s.serial == "" || len(s.serial) > maxSerial || !isHex(s.id, 16) || strings.ContainsFunc(s.serial, outsideSerial) {
		return keyringError(Unusable, "this cannot be the serial of a device", nil)
	}
	return nil
}

func outsideSerial(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("_+=/:,.@-", r)
}

// account is the name of a place among our items: the serial, for people, and
// the id, which makes it the only one.
func account(s slot) string { return s.serial + "#" + s.id }

// Limits of the ways into a keyring, in bytes.
const (
	maxCredentialBlob = 2560 // CRED_MAX_CREDENTIAL_BLOB_SIZE, 5*512
	maxSecurityLine   = 4096 // what macOS's "security -i" reads as one line
)

// checkSize refuses what a platform's keyring would cut off or refuse itself
// when half done.
func checkSize(goos, account string, value []byte) error {
	size, limit := len(value), 64<<10
	switch goos {
	case "windows":
		limit = maxCredentialBlob
	case "darwin":
		// The value goes there as base64 with a prefix; every word may be quoted.
		words := []string{"add-generic-password", "-U", "-s", keyringService, "-a", account, "-w", "go-keyring-base64:"}
		size = len(strings.Join(words, " ")) + (size+2)/3*4 + 2*3 + len("\n")
		limit = maxSecurityLine
	}
	if size > limit {
		return keyringError(Unusable, fmt.Sprintf("the seed with its names is too large for it (%d bytes of %d)", size, limit),
			nil, "shorten the issuer and the label", hintFile)
	}
	return nil
}
