//go:build unix

package command

import (
	"context"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// execute becomes the command: same process, so its signals, terminal and exit
// code are the caller's business again. It returns only when that fails.
//
// A command that was started to ignore a signal, as a script's background job
// is ^C, has to go on doing so: an execve keeps nothing but that.
func execute(ctx context.Context, ignored []os.Signal, program string, argv, environ []string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if len(ignored) > 0 { // none would mean all
		signal.Ignore(ignored...)
	}
	return syscall.Exec(program, argv, environ)
}

func programEndings(string) []string { return []string{""} }

func runnable(file string, _ fs.FileInfo) error {
	if unix.Access(file, unix.X_OK) != nil {
		return fs.ErrPermission
	}
	return nil
}
