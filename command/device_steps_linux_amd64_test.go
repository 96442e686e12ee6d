package command

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"awsmfa/stsclient/ststest"
)

// traced is an enrolment whose steps on files meet their fate.
func (b *beginner) traced(decide func(n int, s step) fate) (*tracer, outcome) {
	b.t.Helper()
	cmd := b.cmd("device enroll dev --yes")
	cmd.SysProcAttr = nil
	tr := &tracer{cmd: cmd, home: b.home, decide: decide}
	return tr, tr.run(b.t)
}

// enrollSteps are those of an enrolment, less what the clock of the tests takes.
func enrollSteps(t *testing.T) []int {
	t.Helper()
	b := newBeginner(t, ststest.UserOptions{})
	tr, o := b.traced(func(int, step) fate { return fate{} })
	if o.code != 0 {
		t.Fatalf("exit %d\n%s", o.code, o.stderr)
	}
	var list []int
	for i, s := range tr.steps {
		if !strings.HasPrefix(s.path, "~/clock") {
			list = append(list, i)
		}
	}
	return list
}

// The tests that trace do not run beside others: who traces reaps whatever his
// thread has started before.

// An enrolment that is killed at any step on a file: the next one finishes it,
// or begins anew, and no device is left that nobody knows of.
func TestEnrollKilledAtEachStep(t *testing.T) {
	steps := enrollSteps(t)
	every := max(1, len(steps)/4)
	if long() {
		every = 1
	}
	t.Logf("%d steps", len(steps))
	for i := every / 2; i < len(steps); i += every {
		n := steps[i]
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b := newBeginner(t, ststest.UserOptions{})
			tr, _ := b.traced(func(at int, _ step) fate { return fate{kill: at == n} })
			if n >= len(tr.steps) {
				return // this one took fewer
			}
			b.finishes("killed at " + tr.steps[n].String())
		})
	}
}

// finishes: whatever there is, the next enrolment gets through.
func (b *beginner) finishes(when string) {
	b.t.Helper()
	_, begun := b.record()
	known := begun
	for _, d := range b.ours() {
		has, err := b.vault().Has(d.Serial)
		known = known || has && err == nil
	}
	if len(b.ours()) > 0 && !known {
		b.t.Errorf("%s: a device that nobody knows of: %+v", when, b.ours())
	}
	o := b.run("device enroll dev --yes")
	if o.code != 0 && !begun && strings.Contains(o.stderr, "is stored here already") {
		b.works() // it was killed when all was done
		return
	}
	if o.code != 0 {
		b.t.Errorf("%s: exit %d\n%s", when, o.code, o.stderr)
		return
	}
	b.works()
}

// A disk that is full, or fails, at any step of an enrolment: it works all the
// same, or is undone, or is on record.
func TestEnrollOnABadDisk(t *testing.T) {
	steps := enrollSteps(t)
	every := max(1, len(steps)/4)
	if long() {
		every = 1
	}
	for i := every / 3; i < len(steps); i += every {
		n, errno := steps[i], []syscall.Errno{syscall.ENOSPC, syscall.EIO}[i/every%2]
		t.Run(fmt.Sprint(n, " ", errno), func(t *testing.T) {
			b := newBeginner(t, ststest.UserOptions{})
			tr, o := b.traced(func(at int, s step) fate {
				if at == n && s.name != "close" {
					return fate{err: errno}
				}
				return fate{}
			})
			if n >= len(tr.steps) {
				return
			}
			when := fmt.Sprintf("%v at %s: exit %d\n%s", errno, tr.steps[n], o.code, o.stderr)
			if o.code != 0 && !strings.Contains(o.stderr, "awsmfa: error: ") || strings.Contains(o.stderr, "goroutine ") {
				t.Errorf("%s", when)
			}
			if o.code != 0 {
				if config := b.file("config"); config != beginnerConfig && !strings.Contains(o.stderr, "not undone") {
					t.Errorf("%s\nthe config file:\n%s", when, config)
				}
				if _, begun := b.record(); !begun && len(b.ours()) > 0 {
					t.Errorf("%s\na device is left that nobody knows of", when)
				}
			}
			b.finishes(when)
		})
	}
}

// A full disk where the seed goes.
func TestEnrollWithoutRoomForTheSeed(t *testing.T) {
	b := newBeginner(t, ststest.UserOptions{})
	_, o := b.traced(func(_ int, s step) fate {
		if strings.Contains(s.path, "/seeds/") && s.name == "write" && b.server.Calls("CreateVirtualMFADevice") > 0 {
			return fate{err: syscall.ENOSPC}
		}
		return fate{}
	})
	b.says(o, exitStore, "undone: the device is deleted", "no space left on device")
	b.nothing()
}
