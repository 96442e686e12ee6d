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

// holder is the profile with the access key: the device is its user's, and
// every profile that ends in it inherits the line.
func (e *enrollment) holder() string { return e.resolved.Source.Profile }

var errPreview = errors.New("this only looks")

// previewConfig is the change as it would be made, and whether it can be.
func (e *enrollment) previewConfig(ctx context.Context) (profile.Edit, error) {
	done, err := e.rewriter(func(profile.Edit) error { return errPreview }).Set(ctx, e.holder(), "mfa_serial", e.Serial)
	if errors.Is(err, errPreview) {
		err = nil
	}
	return done.Edit, err
}

// rewriteConfig writes mfa_serial, which was shown before; undo takes it back,
// and is nil when there was nothing to write.
func (e *enrollment) rewriteConfig(ctx context.Context) (undo func(context.Context) error, err error) {
	w := e.rewriter(nil)
	done, err := w.Set(ctx, e.holder(), "mfa_serial", e.Serial)
	if err != nil || !done.Changed() {
		return nil, err
	}
	if done.Backup != "" {
		e.note("the config file as it was: %s", done.Backup)
	}
	return func(ctx context.Context) error { return w.Undo(ctx, done) }, nil
}

// tell shows a text of several lines to a person.
func (r *run) tell(text string) {
	for line := range strings.Lines(text) {
		r.note("  %s", strings.TrimRight(line, "\n"))
	}
}
