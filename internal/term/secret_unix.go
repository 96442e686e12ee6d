//go:build unix

package term

import (
	"fmt"
	"os/signal"

	"golang.org/x/sys/unix"
)

// hiding is the terminal's mode while a secret is typed, and the one before.
type hiding struct {
	before, hidden unix.Termios
}

// hide turns the echo off. Nothing that was typed ahead is thrown away.
func (q *question) hide() error {
	mode, err := unix.IoctlGetTermios(q.fd, getTermios)
	if err != nil {
		return fmt.Errorf("asking the terminal for its mode: %w", err)
	}
	q.hiding = &hiding{*mode, *mode}
	q.hiding.hidden.Lflag &^= unix.ECHO | unix.ECHONL
	if err := unix.IoctlSetTermios(q.fd, setTermios, &q.hiding.hidden); err != nil {
		return fmt.Errorf("turning the echo off: %w", err)
	}
	return nil
}

// keepHidden turns the echo off again where a shell has turned it on: shells
// put their own mode back when a job stops, also by a SIGSTOP, which nobody can
// catch, and leave it so when they continue the job.
func (q *question) keepHidden() error {
	if q.hiding == nil || !q.echoes() {
		return nil
	}
	return q.hide()
}

// reveal puts the mode back, unless somebody else has changed it meanwhile:
// then it is theirs, and the line editor of a shell may stand on it.
func (q *question) reveal() {
	if q.hiding == nil {
		return
	}
	now, err := unix.IoctlGetTermios(q.fd, getTermios)
	if err != nil || *now != q.hiding.hidden {
		return
	}
	if !q.foreground() {
		// From the background the kernel would stop us for it. The question
		// has failed, so nothing that this run starts will inherit it.
		signal.Ignore(unix.SIGTTOU)
	}
	// Whether it works cannot change the answer.
	_ = unix.IoctlSetTermios(q.fd, setTermios, &q.hiding.before)
}
