package seed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

// Every change goes the same way: the places about to be filled are noted as
// trash, then filled; one replacement of the index makes them count and what
// they replace trash; the trash is cleared. A run that is killed on the way
// leaves the old or the new, and trash that the next change clears.

const (
	pollEvery = 25 * time.Millisecond // a blocked lock could not be given up
	lockWait  = 5 * time.Minute       // the other one may be asking for a passphrase
	sayAfter  = 12                    // polls, before others are told of the wait
)

// Add stores a seed for a device. One that is stored already is replaced only
// if replace says so (else ErrExists). The same secret for another device is a
// *DuplicateError, as far as the store can be unlocked to look.
func (v *Vault) Add(ctx context.Context, serial string, s Seed, replace bool) error {
	return v.AddMade(ctx, serial, replace, func() (Seed, error) { return s, nil })
}

// AddMade is Add for a seed that is made only once the store is unlocked and
// ready to take it: what makes it may not be repeatable.
func (v *Vault) AddMade(ctx context.Context, serial string, replace bool, make func() (Seed, error)) error {
	if err := checkSerial(serial); err != nil {
		return err
	}
	return v.change(ctx, func(ix *index) error {
		if err := v.agrees(ix); err != nil {
			return err
		}
		if _, found := ix.find(serial); found && !replace {
			return ErrExists
		}
		store, err := v.pick(ctx, ix)
		if err != nil {
			return err
		}
		s, err := make()
		if err == nil && s.IsZero() {
			err = errEmpty
		}
		if err != nil {
			return err
		}
		if err := v.checkDuplicate(ctx, ix, store, serial, s); err != nil {
			return err
		}
		return v.add(ctx, ix, store, serial, s)
	})
}

var errSerial = errors.New("a device's serial number has 1 to 256 printable characters and no blanks")

func checkSerial(serial string) error {
	bad := strings.ContainsFunc(serial, func(r rune) bool { return r <= ' ' || r >= 0x7f })
	if serial == "" || len(serial) > maxSerial || bad {
		return errSerial
	}
	return nil
}

// pick returns the store of the index, or picks one for good.
func (v *Vault) pick(ctx context.Context, ix *index) (backend, error) {
	if wanted := v.wanted(); len(ix.seeds) == 0 && wanted != autoStore {
		ix.store = wanted
	}
	if ix.store == "" {
		ix.store = fileStore
		if v.o.AgeIdentity == "" && v.keyring.probe(ctx) == nil {
			ix.store = keyringStore
		}
		if ctx.Err() != nil { // the probe was broken off: that decides nothing
			return nil, context.Cause(ctx)
		}
	}
	if ix.store == keyringStore {
		return v.keyring, nil
	}
	if len(ix.seeds) > 0 {
		return v.usable(ctx, ix.key)
	}
	f := v.newFiles(fileKey{})
	return f, f.create(ctx)
}

// usable refuses to store for a key that is lost, or whose passphrase is: the
// seed would be, too. Where nobody can be asked, the key's public half will do.
func (v *Vault) usable(ctx context.Context, key fileKey) (backend, error) {
	f := v.files(key)
	err := f.unlock(ctx)
	var trouble *StoreError
	if errors.As(err, &trouble) && trouble.Trouble == Locked {
		return f, nil
	}
	return f, err
}

// checkDuplicate compares with every other seed. Nothing outside the stores
// could tell two equal secrets apart from two different ones without telling
// something about them; so where nobody can unlock the store, nothing is
// compared. A seed that cannot be read is no reason not to add another.
func (v *Vault) checkDuplicate(ctx context.Context, ix *index, store backend, serial string, s Seed) error {
	for _, e := range ix.seeds {
		if e.Serial == serial {
			continue
		}
		other, err := v.fetch(ctx, store, e)
		var trouble *StoreError
		switch {
		case err == nil && other.same(s):
			return &DuplicateError{e.Serial}
		case errors.As(err, &trouble) && trouble.Trouble == Locked:
			return nil
		case errors.As(err, &trouble) && (trouble.Trouble == Damaged || trouble.Trouble == Missing):
			v.o.warn(fmt.Sprintf("the seed of %s cannot be compared: %v", e.Serial, err))
		case err != nil:
			return err
		}
	}
	return nil
}

func (v *Vault) add(ctx context.Context, ix *index, store backend, serial string, s Seed) error {
	place := newSlot(serial)
	begun := append(ix.trash, trash{ix.store, place})
	data := record(serial, s)
	defer clear(data)
	begun, err := v.prepare(begun, store)
	if err == nil {
		place.sum, err = store.save(ctx, place, data)
	}
	if err != nil {
		v.undo(ctx, begun)
		return err
	}
	ix.trash = begun
	ix.settle(store)
	ix.put(ix.store, entry{Item{serial, s.Issuer(), s.Label(), v.o.Now()}, place})
	if err := v.commit(ctx, ix); err != nil {
		return err
	}
	v.use(store)
	return nil
}

// use remembers a file store that is unlocked.
func (v *Vault) use(store backend) {
	v.opened = nil
	if f, ok := store.(*files); ok {
		v.opened = f
	}
}

// prepare notes in the index on disk, which stays as it is otherwise, the
// places that are about to be filled: those given, and the file of a new key,
// which it writes.
func (v *Vault) prepare(begun []trash, store backend) ([]trash, error) {
	f, isFiles := store.(*files)
	if isFiles && f.wrapped != nil {
		begun = append(begun, trash{identityTrash, slot{id: f.key.id()}})
	}
	old, err := readIndex(v.dir)
	if err != nil {
		return begun, err
	}
	old.trash = begun
	if err := old.write(v.dir); err != nil || !isFiles {
		return begun, err
	}
	return begun, f.begin()
}

// settle makes the key of the store the one that counts.
func (ix *index) settle(store backend) {
	before := ix.key
	ix.key = fileKey{}
	if f, ok := store.(*files); ok {
		ix.key = f.key
		ix.unthrow(f.key.id())
	}
	if before.kind == passphraseKey && before != ix.key {
		ix.throw(identityTrash, slot{id: before.id()})
	}
}

// commit makes the change count, and clears what it replaced. What cannot be
// cleared now stays noted.
func (v *Vault) commit(ctx context.Context, ix *index) error {
	if err := ix.write(v.dir); err != nil {
		return err
	}
	left, err := v.clearTrash(ctx, ix)
	if left != nil {
		v.o.warn("what was replaced could not be deleted, the next change tries again: " + left.Error())
	}
	return err
}

// undo clears what a failed change had begun. The change's own error is told.
func (v *Vault) undo(ctx context.Context, begun []trash) {
	if ix, err := readIndex(v.dir); err == nil {
		ix.trash = begun
		v.clearTrash(context.WithoutCancel(ctx), ix)
	}
}

// clearTrash empties the places of the trash. That one is left is not its
// error: its store may be back another time.
func (v *Vault) clearTrash(ctx context.Context, ix *index) (left, err error) {
	if len(ix.trash) == 0 {
		return nil, nil
	}
	var kept []trash
	for _, t := range ix.trash {
		if err := v.clearPlace(ctx, t); err != nil {
			kept, left = append(kept, t), err
		}
	}
	ix.trash = kept
	return left, ix.write(v.dir)
}

func (v *Vault) clearPlace(ctx context.Context, t trash) error {
	switch t.store {
	case keyringStore:
		return v.keyring.remove(ctx, t.slot)
	case identityTrash:
		return privatefile.Remove(filename.Join(v.dir, "identity-"+t.id))
	}
	return v.newFiles(fileKey{}).remove(ctx, t.slot)
}

// Remove deletes the seed of a device. The store need not be unlocked, where it
// is files.
func (v *Vault) Remove(ctx context.Context, serial string) error {
	return v.change(ctx, func(ix *index) error {
		e, found := ix.find(serial)
		if !found {
			return ErrNoSeed
		}
		ix.drop(e)
		recipient := ix.key.recipient
		if len(ix.seeds) == 0 { // the next one gets a new key, and a passphrase that is known
			ix.settle(v.newFiles(fileKey{}))
		}
		if err := ix.write(v.dir); err != nil {
			return err
		}
		left, err := v.clearTrash(ctx, ix)
		if left != nil {
			return fmt.Errorf("the seed is no longer listed, but still in its store, until the next change: %w", left)
		}
		if err == nil && recipient != ix.key.recipient {
			v.opened = nil
			return v.forget(recipient)
		}
		return err
	})
}

func (ix *index) drop(e entry) {
	for i, other := range ix.seeds {
		if other.id == e.id {
			ix.seeds = append(ix.seeds[:i:i], ix.seeds[i+1:]...)
			ix.throw(ix.store, e.slot)
			return
		}
	}
}

// Migrate moves all seeds to a store, "keyring" or "file"; "file" also brings
// files under a passphrase over to the user's own identity, when there is one
// now. It returns how many were moved, all or none.
func (v *Vault) Migrate(ctx context.Context, to string) (moved int, err error) {
	if to != fileStore && to != keyringStore {
		return 0, unknownStore("--to", to)
	}
	err = v.change(ctx, func(ix *index) error {
		rekey := to == fileStore && ix.key.kind == passphraseKey && v.o.AgeIdentity != ""
		if to == ix.store && !rekey {
			return nil
		}
		if len(ix.seeds) == 0 {
			ix.store = to
			ix.settle(v.newFiles(fileKey{}))
			return v.commit(ctx, ix)
		}
		target, err := v.target(ctx, to)
		if err != nil {
			return err
		}
		moved = len(ix.seeds)
		return v.move(ctx, ix, to, target)
	})
	if err != nil {
		moved = 0
	}
	return moved, err
}

// target is the store to move to.
func (v *Vault) target(ctx context.Context, to string) (backend, error) {
	if to == keyringStore {
		return v.keyring, v.keyring.probe(ctx)
	}
	f := v.newFiles(fileKey{})
	return f, f.create(ctx)
}

// ChangePassphrase has a person choose a new passphrase for the file store. The
// key changes with it: the old passphrase opens nothing any more, not even
// with an old copy of the key file. Files for the user's own identity come
// under a passphrase so.
func (v *Vault) ChangePassphrase(ctx context.Context) error {
	return v.change(ctx, func(ix *index) error {
		if ix.store == keyringStore {
			return &StoreError{Store: keyringStore, Trouble: Conflict, Why: "the OS keyring has a passphrase of its own"}
		}
		if ix.key.kind == "" {
			return &StoreError{Store: fileStore, Trouble: Absent, Why: "no seed is stored yet, so there is no passphrase"}
		}
		// First things first: who cannot open the store need not think one up.
		if err := v.files(ix.key).unlock(ctx); err != nil {
			return err
		}
		passphrase, err := chosenPassphrase(ctx, &v.o)
		if err != nil {
			return err
		}
		target := v.newFiles(fileKey{})
		if err := target.createUnder(passphrase); err != nil {
			return err
		}
		if err := v.move(ctx, ix, fileStore, target); err != nil {
			return err
		}
		v.warnOfSettings()
		return nil
	})
}

func (v *Vault) warnOfSettings() {
	if v.o.PassphraseFile != "" {
		v.o.warn("the file that AWSMFA_PASSPHRASE_FILE names still holds the old passphrase")
	}
	if v.o.AgeIdentity != "" {
		v.o.warn("unset AWSMFA_AGE_IDENTITY: the seeds are under a passphrase now")
	}
}

// move brings all seeds to another store, or to the same under another key.
// Each is read back before any of it counts.
func (v *Vault) move(ctx context.Context, ix *index, to string, target backend) error {
	from, fromStore, oldKey := v.store(ix), ix.store, ix.key
	seeds := make([]Seed, len(ix.seeds))
	for i, e := range ix.seeds {
		s, err := v.fetch(ctx, from, e)
		if err != nil {
			return fmt.Errorf("nothing was moved: the seed of %q: %w", e.Serial, ofKept(err))
		}
		seeds[i] = s
	}
	begun := ix.trash
	places := make([]entry, len(ix.seeds))
	for i, e := range ix.seeds {
		places[i] = entry{e.Item, newSlot(e.Serial)}
		begun = append(begun, trash{to, places[i].slot})
	}
	begun, err := v.prepare(begun, target)
	if err == nil {
		err = v.copyAll(ctx, target, places, seeds)
	}
	if err != nil {
		v.undo(ctx, begun)
		return fmt.Errorf("nothing was moved: %w", err)
	}
	ix.trash, ix.store = begun, to
	for _, e := range places {
		ix.put(fromStore, e)
	}
	ix.settle(target)
	if err := v.commit(ctx, ix); err != nil {
		return err
	}
	v.use(target)
	if oldKey.kind != passphraseKey {
		return nil
	}
	old := keptName(v.dir, oldKey.recipient)
	return dropIdentities(func(name string) bool { return name == old })
}

func (v *Vault) copyAll(ctx context.Context, target backend, places []entry, seeds []Seed) error {
	for i := range places {
		e := &places[i]
		data := record(e.Serial, seeds[i])
		sum, err := target.save(ctx, e.slot, data)
		clear(data)
		if err != nil {
			return err
		}
		e.sum = sum
		back, err := v.fetch(ctx, target, *e)
		if err != nil {
			return err
		}
		if !back.same(seeds[i]) {
			return damaged("what was written does not read back")
		}
	}
	return nil
}

// change runs a change alone: under the lock of the writers, on the index as
// it is then, and after what a killed one left is cleared.
func (v *Vault) change(ctx context.Context, do func(*index) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.dir == "" {
		return &StoreError{Trouble: Absent, Why: "there is no data directory", Hints: []string{"set HOME, or XDG_DATA_HOME"}}
	}
	if err := privatefile.EnsureDir(v.dir); err != nil {
		return fileError(v.dir, "the directory of the seeds", err)
	}
	lock, err := v.acquire(ctx)
	if err != nil {
		return err
	}
	if lock != nil {
		defer lock.Unlock()
		sweep(v.dir)
	}
	ix, err := readIndex(v.dir)
	if err != nil {
		return err
	}
	if _, err := v.clearTrash(ctx, ix); err != nil {
		return err
	}
	return do(ix)
}

// acquire waits for the lock of the writers; nil where the file system has none.
func (v *Vault) acquire(ctx context.Context) (*privatefile.Lock, error) {
	path := filename.Join(v.dir, "lock")
	waiting, stop := context.WithTimeout(ctx, lockWait)
	defer stop()
	for n := 0; ; n++ {
		lock, held, err := privatefile.TryLock(path)
		switch {
		case errors.Is(err, privatefile.ErrNoLocks):
			v.o.warn("changing the seeds without a lock: the file system has none")
			return nil, nil
		case err != nil:
			return nil, fileError(path, "locking", err)
		case held:
			lock.SetHolder(fmt.Sprintf("pid=%d", os.Getpid()))
			return lock, nil
		case n == sayAfter:
			v.o.warn("waiting for another awsmfa that is changing the seeds (" + privatefile.Holder(path) + ")")
		}
		select {
		case <-waiting.Done():
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, &StoreError{Trouble: Busy, Why: privatefile.Holder(path)}
		case <-time.After(pollEvery):
		}
	}
}

// sweep removes the temporary files of killed writers. The lock is ours, so
// there are no others.
func sweep(dir string) {
	left, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range left {
		if strings.HasPrefix(e.Name(), ".tmp-") {
			privatefile.Remove(filename.Join(dir, e.Name()))
		}
	}
}
