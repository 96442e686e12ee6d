package profile

import (
	"context"
	"errors"
	"os"
	"strconv"

	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

var errChangedSince = errors.New("it was changed since")

// Undo puts the file back as it was before Set, unless somebody changed it
// since: then it stays, and the backup is what there is.
func (r Rewriter) Undo(ctx context.Context, done Rewritten) error {
	if !done.Changed() {
		return nil
	}
	lock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	if lock != nil {
		defer lock.Unlock()
	}
	t, err := r.open()
	switch {
	case err != nil:
		return err
	case t.before != done.after:
		return t.refuse("is not put back", errChangedSince)
	case done.Backup != "":
		return t.replace(done.before)
	}
	return t.remove()
}

// remove takes away a file that Set made.
func (t *target) remove() error {
	if err := os.Remove(t.file.path); err != nil {
		return t.refuse("is not taken away again", errors.Unwrap(err))
	}
	return nil
}

// TakeBack is Undo for the Set of an earlier run, of which nothing is left but
// the file and its backup. It reports whether there was anything to take back:
// the file is, to the byte, what Set makes of the last backup, or of no file.
func (r Rewriter) TakeBack(ctx context.Context, name, key, value string) (bool, error) {
	if r.Paths.Config == "" || r.Paths.Config == os.DevNull {
		return false, nil
	}
	lock, err := r.lock(ctx)
	if err != nil {
		return false, err
	}
	if lock != nil {
		defer lock.Unlock()
	}
	t, err := r.open()
	if err != nil || t.file.missing {
		return false, err
	}
	before, kept, found := r.lastBackup(t)
	if !found {
		return false, nil
	}
	edit, err := setKey(before, t.file.shown, name, key, value)
	if err != nil || !edit.Changed() || edit.after != t.before {
		return false, nil // what it says now was not written by Set
	}
	if !kept {
		return true, t.remove()
	}
	return true, t.replace(before)
}

// lastBackup is the newest text that was kept of a file; kept is false where
// there was no file then.
func (r Rewriter) lastBackup(t *target) (text string, kept, found bool) {
	dir, prefix := r.backupPlace(t)
	_, last := backupsIn(dir, prefix)
	if _, err := os.Lstat(filename.Join(dir, prefix+strconv.Itoa(last+1)+noneBefore)); err == nil {
		return "", false, true
	}
	data, err := privatefile.Read(filename.Join(dir, prefix+strconv.Itoa(last)), maxBackup)
	return string(data), true, last > 0 && err == nil
}

// maxBackup bounds a config file that is taken back, in bytes.
const maxBackup = 16 << 20
