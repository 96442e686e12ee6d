package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"awsmfa/profile"
)

// rewriter edits the config file that the profiles stand in.
func (e *enrollment) rewriter(confirm func(profile.Edit) error) profile.Rewriter {
	return profile.Rewriter{
		Paths: e.files.Paths(), Dir: e.places.State, Confirm: confirm, Warn: e.warn,
		Holder: fmt.Sprintf("pid=%d", e.PID),
		Waiting: func(holder string) {
			e.note("waiting for another awsmfa that edits the config file (%s)", shown(holder))
		},
	}
}

const serialKey = "mfa_serial"

// holder is the profile with the access key: the device is its user's, and
// every profile that ends in it inherits the line.
func (e *enrollment) holder() string { return e.resolved.Source.Profile }

var errPreview = errors.New("this only looks")

// showEdit shows the change as it would be made, where it can be made.
func (e *enrollment) showEdit(ctx context.Context) error {
	done, err := e.rewriter(func(profile.Edit) error { return errPreview }).Set(ctx, e.holder(), serialKey, e.Serial)
	if err != nil && !errors.Is(err, errPreview) {
		return err
	}
	e.shownDiff = done.Diff()
	e.tell(e.shownDiff)
	return nil
}

// rewriteConfig writes mfa_serial as it was shown before; undo takes it back,
// and is nil when there was nothing to write.
func (e *enrollment) rewriteConfig(ctx context.Context) (undo func(context.Context) (bool, error), err error) {
	w := e.rewriter(e.asShown)
	done, err := w.Set(ctx, e.holder(), serialKey, e.Serial)
	if err != nil && done.Changed() { // it may have been replaced all the same
		if back, _ := w.TakeBack(context.WithoutCancel(ctx), e.holder(), serialKey, e.Serial); back {
			e.note("undone: the config file is as it was")
		}
	}
	if err != nil || !done.Changed() {
		return nil, err
	}
	if done.Backup != "" {
		e.note("the config file as it was: %s", done.Backup)
	}
	return func(ctx context.Context) (bool, error) { return true, w.Undo(ctx, done) }, nil
}

// asShown refuses another change than the one that was agreed to.
func (e *enrollment) asShown(edit profile.Edit) error {
	if edit.Diff() == e.shownDiff {
		return nil
	}
	return &profile.Error{Kind: profile.FileChanged, Profile: e.holder(), Key: serialKey,
		Detail: "the config file changed meanwhile: " + serialKey + " would not be written as it was shown"}
}

// restoreConfig undoes what an earlier run wrote, if it still stands there as
// it was written.
func (e *enrollment) restoreConfig(ctx context.Context) (bool, error) {
	done, err := e.rewriter(nil).TakeBack(ctx, e.holder(), serialKey, e.Serial)
	if err == nil && !done {
		e.hintNames()
	}
	return done, err
}

// hintNames tells which profiles name a device that is gone, or about to go.
func (e *enrollment) hintNames() {
	for _, name := range e.profilesByDevice()[e.Serial] {
		e.hint("profile %q still names it: take mfa_serial out of its section, or awsmfa device enroll %s", shown(name), quoteArg(shown(name)))
	}
}

// tell shows a text of several lines to a person.
func (r *run) tell(text string) {
	for line := range strings.Lines(text) {
		r.note("  %s", strings.TrimRight(line, "\n"))
	}
}
