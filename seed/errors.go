package seed

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoSeed means that no seed is stored for the device.
	ErrNoSeed = errors.New("no seed is stored for this device")
	// ErrExists means that a seed is stored for the device already.
	ErrExists = errors.New("a seed is stored for this device already")
)

// Trouble says what keeps a store from being used.
type Trouble int

const (
	// Unusable means that the store cannot be reached, read or written; Err says why.
	Unusable Trouble = iota
	// Locked means that the store has to be unlocked, and nobody can be asked to.
	Locked
	// Absent means that the store, or what unlocks it, is not there.
	Absent
	// Missing means that a seed which the index lists is not in its store.
	Missing
	// Damaged means that what is stored is not what was written.
	Damaged
	// Newer means that a newer version of this program wrote it.
	Newer
	// WrongPassphrase means that what was given does not unlock the store.
	WrongPassphrase
	// Conflict means that a setting names another store than the seeds are in.
	Conflict
	// Unknown means that what was asked for is the name of no store.
	Unknown
	// Busy means that another process is writing to the store.
	Busy
	// BadInput means that a passphrase or identity file cannot be used.
	BadInput
)

// HintDevice stands in hints for the device that was asked about: the store
// does not know by what name a person calls it.
const HintDevice = "DEVICE"

// StoreError says that the store of seeds could not be used.
type StoreError struct {
	Store   string // "file", "keyring"; "" for the index
	Path    string // the file it is about, if there is one
	Trouble Trouble
	Why     string   // what is wrong, in words; "" where Trouble and Err say all
	Err     error    // the cause, if there is one
	Hints   []string // what can be done, to be shown with the device for HintDevice
}

func (e *StoreError) Error() string {
	parts := []string{e.what()}
	if e.Why != "" {
		parts = append(parts, e.Why)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

func (e *StoreError) Unwrap() error { return e.Err }

func (e *StoreError) what() string {
	subject := "the index of the seed store"
	switch {
	case e.Path != "":
		subject = fmt.Sprintf("%q of the seed store", e.Path)
	case e.Store == fileStore:
		subject = "the seed store (encrypted files)"
	case e.Store == keyringStore:
		subject = "the seed store (OS keyring)"
	}
	switch e.Trouble {
	case Locked:
		return subject + " is locked"
	case Absent:
		return subject + " is not there"
	case Missing:
		return subject + " lacks a seed that it should hold"
	case Damaged:
		return subject + " is damaged"
	case Newer:
		return subject + " was written by a newer version of awsmfa"
	case WrongPassphrase:
		return "wrong passphrase for the seed store"
	case Conflict:
		return "the seeds are in another store"
	case Unknown:
		return "there is no such store of seeds"
	case Busy:
		return "another awsmfa is changing the seed store"
	case BadInput:
		return fmt.Sprintf("%q cannot be used", e.Path)
	}
	return subject + " cannot be used"
}

// DuplicateError says that the same secret is stored for another device.
type DuplicateError struct{ Serial string }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("this seed is stored already, for device %q", e.Serial)
}
