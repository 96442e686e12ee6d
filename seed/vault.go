package seed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
	"awsmfa/internal/text"
)

// Options say where seeds are kept and how they are unlocked.
type Options struct {
	Dir            string        // the data directory; "" for none
	Store          string        // AWSMFA_SEED_STORE: "", "auto", "keyring", "file"
	AgeIdentity    string        // AWSMFA_AGE_IDENTITY: path of the user's own age identity file
	PassphraseFile string        // AWSMFA_PASSPHRASE_FILE
	UnlockTTL      time.Duration // AWSMFA_UNLOCK_TTL: how long the kernel keeps what unlocks the file store; 0: not at all

	// Ask has a person type a passphrase, which is not shown; nil where nobody can be asked.
	Ask func(ctx context.Context, prompt string) (string, error)
	// Askable returns nil when Ask could be answered, without reading anything.
	Askable func() error
	Getenv  func(string) string
	Now     func() time.Time
	Warn    func(string) // nil: nobody listens
}

func (o *Options) warn(s string) {
	if o.Warn != nil {
		o.Warn(text.Clean(s, 600))
	}
}

// Vault is where seeds are kept. Its index says which there are and in which
// store; the stores hold the secrets. Processes may use it at the same time.
type Vault struct {
	o       Options
	dir     string
	keyring backend
	work    int // exponent of scrypt's cost for new passphrases

	mu sync.Mutex
	// opened is the file store as last used: it stays unlocked for this run.
	opened *files
}

// Open returns the vault below o.Dir. Nothing is touched yet.
func Open(o Options) *Vault {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	v := &Vault{o: o, work: writeWork, keyring: newKeyring(o.Getenv, o.Askable)}
	if o.Dir != "" {
		v.dir = filename.Join(o.Dir, "seeds")
	}
	return v
}

// Has reports whether a seed is stored for the device. It reads the index
// alone: nothing is unlocked, and no keyring is asked.
func (v *Vault) Has(serial string) (bool, error) {
	ix, err := v.index()
	if err != nil {
		return false, err
	}
	_, found := ix.find(serial)
	return found, nil
}

// List returns what is stored, in the order in which it was added.
func (v *Vault) List() ([]Item, error) {
	ix, err := v.index()
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, e := range ix.seeds {
		items = append(items, e.Item)
	}
	return items, nil
}

// Where names the store, "keyring" or "file", and says why it is that one. The
// name is "" until the first seed is added, which picks it.
func (v *Vault) Where() (store, why string, err error) {
	ix, err := v.index()
	if err != nil {
		return "", "", err
	}
	switch {
	case ix.store == "" && v.wanted() == autoStore && v.o.AgeIdentity == "":
		return "", "picked when the first seed is added: the OS keyring if it works then, else encrypted files", nil
	case ix.store == "":
		return "", "picked when the first seed is added", nil
	case ix.store == keyringStore:
		return keyringStore, "the OS keyring", nil
	case ix.key.kind == ownKey:
		return fileStore, "files encrypted to your own age identity", nil
	}
	return fileStore, "files encrypted under a passphrase", nil
}

// Ready returns nil when Load can succeed, if need be by asking a person who
// can be asked. It asks nobody itself.
func (v *Vault) Ready(serial string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.look(serial, func(store backend, e entry) error { return store.ready(e.slot) })
}

// Load returns the seed of a device.
func (v *Vault) Load(ctx context.Context, serial string) (Seed, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var s Seed
	err := v.look(serial, func(store backend, e entry) (err error) {
		s, err = v.fetch(ctx, store, e)
		return err
	})
	return s, err
}

// look finds the seed of a device and does something with it. It takes no lock:
// where a writer moved the seed meanwhile, it looks again.
func (v *Vault) look(serial string, do func(backend, entry) error) error {
	ix, err := v.index()
	for range 5 {
		if err != nil {
			return err
		}
		e, found := ix.find(serial)
		if !found {
			return ErrNoSeed
		}
		if err := v.agrees(ix); err != nil {
			return err
		}
		failed := do(v.store(ix), e)
		if failed == nil {
			return nil
		}
		before := string(ix.text())
		if ix, err = v.index(); err == nil && string(ix.text()) == before {
			return ofKept(failed)
		}
	}
	return &StoreError{Trouble: Busy}
}

// fetch reads a seed from its place.
func (v *Vault) fetch(ctx context.Context, store backend, e entry) (Seed, error) {
	data, err := store.load(ctx, e.slot)
	if err != nil {
		return Seed{}, err
	}
	defer clear(data)
	s, err := readRecord(data, e.Serial)
	if trouble := (*StoreError)(nil); errors.As(err, &trouble) {
		trouble.Store = keyringStore
		if f, ok := store.(*files); ok {
			trouble.Store, trouble.Path = fileStore, f.path(e.slot)
		}
	}
	return s, err
}

// index reads the index, if there is one.
func (v *Vault) index() (*index, error) {
	if v.dir == "" {
		return &index{}, nil
	}
	if _, err := os.Lstat(v.dir); errors.Is(err, fs.ErrNotExist) {
		return &index{}, nil
	}
	if err := privatefile.EnsureDir(v.dir); err != nil {
		return nil, fileError(v.dir, "the directory of the seeds", err)
	}
	return readIndex(v.dir)
}

// store is the one that the index names.
func (v *Vault) store(ix *index) backend {
	if ix.store == keyringStore {
		return v.keyring
	}
	return v.files(ix.key)
}

// files is the file store with this key, unlocked if it was already.
func (v *Vault) files(key fileKey) *files {
	if v.opened == nil || v.opened.key != key {
		v.opened = v.newFiles(key)
	}
	return v.opened
}

func (v *Vault) newFiles(key fileKey) *files {
	return &files{o: &v.o, dir: v.dir, key: key, work: v.work}
}

// wanted is the store that the settings ask for.
func (v *Vault) wanted() string {
	if v.o.Store == "" {
		return autoStore
	}
	return v.o.Store
}

// agrees refuses settings that name another store than the seeds are in: to
// follow them would be to lose sight of the seeds, to ignore them would be to
// keep seeds where the user does not want them.
func (v *Vault) agrees(ix *index) error {
	wanted := v.wanted()
	switch {
	case wanted != autoStore && wanted != fileStore && wanted != keyringStore:
		return unknownStore("AWSMFA_SEED_STORE", wanted)
	case len(ix.seeds) == 0:
		return nil
	case wanted != autoStore && wanted != ix.store:
		return &StoreError{Store: ix.store, Trouble: Conflict,
			Why:   fmt.Sprintf("AWSMFA_SEED_STORE says %s, and they are in %s", storeNames(wanted), storeNames(ix.store)),
			Hints: []string{"move them: awsmfa totp migrate --to " + wanted, "or unset AWSMFA_SEED_STORE"}}
	case ix.store == fileStore && ix.key.kind == passphraseKey && v.o.AgeIdentity != "":
		return &StoreError{Store: ix.store, Trouble: Conflict,
			Why:   "AWSMFA_AGE_IDENTITY is set, and they are encrypted under a passphrase",
			Hints: []string{"encrypt them to your own identity: awsmfa totp migrate --to file", "or unset AWSMFA_AGE_IDENTITY"}}
	}
	return nil
}

func storeNames(store string) string {
	if store == keyringStore {
		return "the OS keyring"
	}
	return "encrypted files"
}

func unknownStore(setting, store string) error {
	return &StoreError{Trouble: Unknown, Why: fmt.Sprintf("%s says %q", setting, text.Clean(store, 40)),
		Hints: []string{"the stores are file and keyring"}}
}

// Lock forgets what unlocks the file store before its time. It needs no index,
// so that a damaged one keeps nothing unlocked.
func (v *Vault) Lock() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.opened = nil
	if v.dir == "" {
		return nil
	}
	recipient := ""
	if ix, err := v.index(); err == nil {
		recipient = ix.key.recipient
	}
	return v.forget(recipient)
}

func (v *Vault) forget(recipient string) error {
	dir, key, _ := strings.Cut(strings.TrimPrefix(keptName(v.dir, recipient), keptPrefix), ":")
	err := dropIdentities(func(name string) bool {
		name, ours := strings.CutPrefix(name, keptPrefix)
		d, k, _ := strings.Cut(name, ":")
		return ours && (d == dir || recipient != "" && k == key)
	})
	if err != nil {
		return &StoreError{Store: fileStore, Why: "what unlocks it stays in the kernel's keyring", Err: err}
	}
	return nil
}

const keptPrefix = "awsmfa-seeds:"

// keptName is the name under which the kernel keeps an identity: of this
// directory, for this recipient.
func keptName(dir, recipient string) string {
	return keptPrefix + digest([]byte(dir))[:16] + ":" + digest([]byte(recipient))[:32]
}
