//go:build unix

package command

import (
	"context"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// execute becomes the command: same process, so its signals, terminal and exit
// code are the caller's business again. It returns only when that fails.
func execute(ctx context.Context, program string, argv, environ []string) error {
	if err := context.Cause(ctx); err != nil {
		return err
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
