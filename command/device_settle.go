package command

import (
	"context"
	"errors"
	"fmt"

	"awsmfa/internal/term"
	"awsmfa/mfa"
)

// settle deals with an enrolment that was cut off: finish it, or remove what
// it left. goOn is set when it is to be finished.
func (e *enrollment) settle(ctx context.Context, begun mfa.Enrollment) (goOn bool, err error) {
	e.Enrollment = begun
	has, err := e.vault.Has(begun.Serial)
	if err != nil {
		return false, err
	}
	if has && begun.Phase == mfa.Creating {
		e.Phase = mfa.Stored // cut off between the two
	}
	if !has {
		return false, e.removeOrphan(ctx)
	}
	e.remember()
	const finish, remove = "finish it", "remove the device and its seed"
	choice, err := e.choose(ctx, fmt.Sprintf("the enrolment of %s was cut off:", shown(begun.Serial)), finish, remove)
	switch {
	case err != nil:
		return false, err
	case choice == finish:
		return true, nil
	}
	if e.back(ctx, errRemoved) != errRemoved {
		return false, nil
	}
	return false, e.leftovers()
}

// errRemoved is the wish to remove, where nothing failed.
var errRemoved = errors.New("removed")

// remember is what an earlier run would have to undo by now.
func (e *enrollment) remember() {
	e.undo = []undoing{
		{"", e.unwrite},
		{"its seed is forgotten", e.forget},
		{"the device is deleted", e.delete},
	}
	if e.Phase == mfa.Enabling || e.Phase == mfa.Enabled {
		e.undo = append(e.undo, undoing{"the device is deactivated", e.deactivate})
	}
}

// leftovers: the record is gone when all was undone.
func (e *enrollment) leftovers() error {
	_, left, err := e.enrollments().Load(e.accessKeyID())
	if err != nil || left {
		return errors.Join(errors.New("the device is not removed"), err)
	}
	return nil
}

// removeOrphan: nobody has the seed of the device, if it exists at all.
func (e *enrollment) removeOrphan(ctx context.Context) error {
	question := fmt.Sprintf("an enrolment was cut off, and the seed of %s was not stored; delete the device, if it exists and is nobody's?", shownUpTo(e.Serial, 60))
	if err := e.confirm(ctx, e.options, e.yes, question); err != nil {
		return err
	}
	if err := e.delete(ctx); err != nil {
		return err
	}
	if err := e.enrollments().Remove(e.accessKeyID()); err != nil {
		return err
	}
	e.note("%s is deleted; run this again to enroll a device", shown(e.Serial))
	return nil
}

// choose asks for one of the answers; --yes is the first.
func (e *enrollment) choose(ctx context.Context, question string, answers ...string) (string, error) {
	if e.yes {
		return answers[0], nil
	}
	n := 0
	needed := &inputNeeded{err: errors.New(question + " nobody can be asked what to do"), what: "confirmation"}
	err := e.ask(ctx, e.options, needed, func(t *term.Terminal) (err error) {
		n, err = t.Choose(ctx, question, answers)
		return err
	})
	if err != nil {
		return "", err
	}
	return answers[n], nil
}
