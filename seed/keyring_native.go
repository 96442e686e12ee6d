//go:build darwin || windows

package seed

import (
	"errors"
	"runtime"

	native "github.com/zalando/go-keyring"
)

const platform = runtime.GOOS

// hasScreen is true: there is no telling, and no forbidding of a prompt either.
func hasScreen(func(string) string) bool { return true }

// check looks for an item that is not there: that it is not there is the
// answer of a keyring that can be used.
func (v *visit) check() error {
	if _, err := native.Get(keyringService, "probe"); err != nil && !errors.Is(err, native.ErrNotFound) {
		return unusable("looking for a seed", err)
	}
	return nil
}

// find takes the item's presence on trust: to look would be to read it.
func (v *visit) find(slot) error { return v.check() }

func (v *visit) read(place slot) ([]byte, error) {
	v.patiently()
	defer v.hurry()
	value, err := native.Get(keyringService, account(place))
	if errors.Is(err, native.ErrNotFound) {
		return nil, keyringMissing(place)
	}
	if err != nil {
		return nil, unusable("reading a seed", err)
	}
	return []byte(value), nil
}

func (v *visit) write(place slot, value []byte) error {
	v.patiently()
	defer v.hurry()
	if err := native.Set(keyringService, account(place), string(value)); err != nil {
		return unusable("storing a seed", err)
	}
	return nil
}

func (v *visit) erase(place slot) error {
	v.patiently()
	defer v.hurry()
	err := native.Delete(keyringService, account(place))
	if errors.Is(err, native.ErrNotFound) {
		return keyringMissing(place)
	}
	if err != nil {
		return unusable("removing a seed", err)
	}
	return nil
}

func unusable(doing string, err error) error {
	return keyringError(Unusable, doing, err, hintNative, hintFile)
}

const hintNative = "unlock the keychain, or log in at the desktop; then run this again"
