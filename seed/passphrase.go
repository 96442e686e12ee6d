package seed

import (
	"bytes"
	"context"
	"errors"
)

const (
	// tries is how often a person is asked for a passphrase.
	tries = 3
	// maxPassphrase is in bytes.
	maxPassphrase = 4096
)

// readPassphraseFile returns the passphrase in the file: its one line, without
// the line's end.
func readPassphraseFile(path string) (string, error) {
	text, err := readProtected(path, maxPassphrase)
	defer clear(text)
	if err != nil {
		return "", badInput(path, "the passphrase file", err)
	}
	line := bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case len(bytes.TrimSpace(line)) == 0:
		return "", badInput(path, "the passphrase file is empty", nil)
	case bytes.ContainsAny(line, "\n\r\x00"):
		return "", badInput(path, "the passphrase file holds more than one line", nil)
	}
	return string(line), nil
}

// askable returns nil when a person can be asked for the passphrase.
func askable(o *Options) error {
	var err error
	if o.Ask != nil && o.Askable != nil {
		err = o.Askable()
	}
	if o.Ask != nil && err == nil {
		return nil
	}
	return &StoreError{Store: fileStore, Trouble: Locked, Why: "its passphrase is needed", Err: orNobody(err),
		Hints: []string{"unlock it in a terminal: awsmfa totp code " + HintDevice, "or, unattended, name a file with the passphrase: AWSMFA_PASSPHRASE_FILE"}}
}

var errNobody = errors.New("nobody can be asked")

func orNobody(err error) error {
	if err == nil {
		return errNobody
	}
	return err
}

// enterPassphrase gets the passphrase and has it tried: the one of the file
// once, a person's three times.
func enterPassphrase(ctx context.Context, o *Options, path string, try func(string) (bool, error)) error {
	wrong := &StoreError{Store: fileStore, Path: path, Trouble: WrongPassphrase, Hints: []string{
		"a passphrase that is lost cannot be found again: awsmfa totp remove, then add the seed anew from where AWS showed it, or enroll another device"}}
	if o.PassphraseFile != "" {
		passphrase, err := readPassphraseFile(o.PassphraseFile)
		if err != nil {
			return err
		}
		ok, err := try(passphrase)
		if err == nil && !ok {
			wrong.Path, wrong.Why = o.PassphraseFile, "the one in the file that AWSMFA_PASSPHRASE_FILE names"
			wrong.Hints = []string{"correct that file, or unset AWSMFA_PASSPHRASE_FILE to be asked"}
			return wrong
		}
		return err
	}
	if err := askable(o); err != nil {
		return err
	}
	prompt := "Passphrase of the stored seeds: "
	for range tries {
		passphrase, err := o.Ask(ctx, prompt)
		if err != nil {
			return err
		}
		if ok, err := try(passphrase); ok || err != nil {
			return err
		}
		prompt = "That was not it. Passphrase of the stored seeds: "
	}
	return wrong
}

// newPassphrase gets the passphrase of a new store.
func newPassphrase(ctx context.Context, o *Options) (string, error) {
	if o.PassphraseFile != "" {
		return readPassphraseFile(o.PassphraseFile)
	}
	return chosenPassphrase(ctx, o)
}

// errNoPassphrase: a person was asked and gave none that will do.
var errNoPassphrase = errors.New("no passphrase was chosen")

// chosenPassphrase has a person choose one: twice the same, since nobody sees
// what is typed, and never none.
func chosenPassphrase(ctx context.Context, o *Options) (string, error) {
	if err := askable(o); err != nil {
		if trouble := (*StoreError)(nil); errors.As(err, &trouble) {
			trouble.Why, trouble.Hints[0] = "a new passphrase for it is needed", "run it in a terminal, to choose one"
		}
		return "", err
	}
	why := ""
	for range tries {
		first, err := o.Ask(ctx, why+"New passphrase for the stored seeds: ")
		if err != nil {
			return "", err
		}
		if len(bytes.TrimSpace([]byte(first))) == 0 {
			why = "It must not be empty. "
			continue
		}
		if len(first) > maxPassphrase {
			why = "That is too long. "
			continue
		}
		second, err := o.Ask(ctx, "The same again: ")
		if err != nil {
			return "", err
		}
		if first == second {
			return first, nil
		}
		why = "Those were two different ones. "
	}
	return "", &StoreError{Store: fileStore, Trouble: Locked, Err: errNoPassphrase}
}
