package command

import (
	"context"
	"errors"
	"fmt"

	"awsmfa/internal/term"
	"awsmfa/mfa"
)

const (
	finishIt  = "finish it"
	removeIt  = "remove the device and its seed"
	leaveIt   = "leave it, and enroll another"
	deleteIt  = "delete the device, and begin anew"
	cutOffFor = "an enrolment was cut off: "
)

// settle deals with an enrolment that was cut off: finish it, or remove what
// it left. over means that this was all there is to do.
func (e *enrollment) settle(ctx context.Context, begun mfa.Enrollment) (over bool, err error) {
	has, err := e.vault.Has(begun.Serial)
	if err != nil {
		return false, err
	}
	e.Enrollment, e.unknown = begun, begun.Serial
	e.Profile = e.resolved.Profile
	if has && begun.Phase == mfa.Creating {
		e.Phase = mfa.Stored // cut off between the two
	}
	e.remember(has)
	if !has {
		return false, e.settleOrphan(ctx)
	}
	e.note("an enrolment was cut off; to finish it, mfa_serial is written:")
	if err := e.showEdit(ctx); err != nil {
		return false, err
	}
	choice, err := e.choose(ctx, cutOffFor+shown(e.Serial), finishIt, removeIt)
	if err != nil || choice == finishIt {
		return false, err
	}
	if !e.takeBack(ctx) {
		return true, errNotRemoved
	}
	e.note("%s is removed", shown(e.Serial))
	return true, nil
}

var errNotRemoved = errors.New("the device is not removed")

// remember is what an earlier run would have to undo by now.
func (e *enrollment) remember(seedStored bool) {
	e.undo = []undoing{{"", e.unwrite}}
	if seedStored {
		e.undo = append(e.undo, undoing{"its seed is forgotten", e.forget})
	}
	e.undo = append(e.undo, undoing{"the device is deleted", e.delete})
	if e.Phase == mfa.Enabling || e.Phase == mfa.Enabled {
		e.isActive()
	}
	if !seedStored { // and so no codes
		e.mfa, e.unknown = "", e.Serial
	}
	if e.Phase == mfa.Enabled {
		e.undo = append(e.undo, undoing{"the config file is as it was", e.restoreConfig})
	}
}

// settleOrphan: nobody has the seed of the device, if it exists at all. It is
// deleted, or left to those who may delete it, and another one is made.
func (e *enrollment) settleOrphan(ctx context.Context) error {
	answers := []string{deleteIt}
	if e.name != "" && e.name != e.deviceName() {
		answers = append(answers, leaveIt)
	}
	choice, err := e.choose(ctx, cutOffFor+shown(e.Serial)+" has no seed here", answers...)
	if err != nil {
		return err
	}
	if choice == deleteIt && !e.takeBack(ctx) {
		if len(answers) == 1 {
			e.hint("or leave it to the account's administrator, and enroll another: awsmfa device enroll %s --name %s", quoteArg(shown(e.Profile)), quoteArg(e.deviceName()+"-2"))
			return errNotRemoved
		}
		choice = leaveIt
	}
	if choice == leaveIt {
		e.warn(fmt.Sprintf("%s is left in IAM; awsmfa device remove %s deletes it, where a policy allows that", shown(e.Serial), quoteArg(shown(e.Serial))))
		if err := e.enrollments().Remove(e.accessKeyID()); err != nil {
			return err
		}
	}
	e.Enrollment, e.undo, e.mfa = mfa.Enrollment{}, nil, ""
	return nil
}

// choose asks for one of the answers; --yes is the first.
func (e *enrollment) choose(ctx context.Context, question string, answers ...string) (string, error) {
	if e.yes {
		return answers[0], nil
	}
	n := 0
	needed := &inputNeeded{err: errors.New(question + "; nobody can be asked what to do"), what: "confirmation"}
	err := e.ask(ctx, e.options, needed, func(t *term.Terminal) (err error) {
		n, err = t.Choose(ctx, question, answers)
		return err
	})
	if err != nil {
		return "", err
	}
	return answers[n], nil
}
