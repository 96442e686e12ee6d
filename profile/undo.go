package profile

import (
	"context"
	"errors"
	"os"
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
	// There was no file.
	if err := os.Remove(t.file.path); err != nil {
		return t.refuse("is not taken away again", errors.Unwrap(err))
	}
	return nil
}
