//go:build unix

package safeexec

import (
	"context"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// isolate arranges where cmd runs and how it is ended.
func isolate(cmd *exec.Cmd, stdin *os.File) {
	if isTerminal(stdin) {
		cmd.Cancel = func() error { return end(cmd.Process.Pid) }
		return
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return end(-cmd.Process.Pid) }
}

// killLeftovers kills what remains of the process group of a program that was
// made to end. Nobody else can have the group's number as long as it has members.
func killLeftovers(cmd *exec.Cmd) {
	if cmd.Process != nil && cmd.SysProcAttr != nil && cmd.SysProcAttr.Setsid {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	}
}

// end asks a process or group to end; SIGCONT, since a stopped one would not
// hear of it.
func end(pid int) error {
	err := unix.Kill(pid, unix.SIGTERM)
	_ = unix.Kill(pid, unix.SIGCONT)
	return err
}

// keepTerminal remembers the mode of a terminal that is handed to a program. A
// program that is killed while it reads a passphrase leaves it without echo, so
// the mode is then put back.
func keepTerminal(stdin *os.File) (restore func(context.Context)) {
	if !isTerminal(stdin) {
		return func(context.Context) {}
	}
	fd := int(stdin.Fd())
	state, err := term.GetState(fd)
	return func(ctx context.Context) {
		group, gerr := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		// In the background, setting the mode would stop us (SIGTTOU).
		if ctx.Err() != nil && err == nil && gerr == nil && group == unix.Getpgrp() {
			_ = term.Restore(fd, state)
		}
	}
}

func isTerminal(f *os.File) bool {
	return f != nil && term.IsTerminal(int(f.Fd()))
}

func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
