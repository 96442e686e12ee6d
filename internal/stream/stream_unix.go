//go:build unix

package stream

import (
	"os"
	"syscall"
)

// Check reports why nothing that is written to f could be read, or nil.
//
// Go's runtime opens the null device, for reading and writing, in place of a
// standard stream that is closed at the start, so that no other file comes to
// stand there. That is all there is to see of it later. Shells and systemd open
// the null device for writing alone; a program that opens it both ways for us
// (Python's DEVNULL) is told the same, since it cannot be told apart.
func Check(f *os.File) error {
	switch mode, err := accessMode(f); {
	case err != nil:
		return nil // writing will tell
	case mode == syscall.O_RDONLY:
		return ErrReadOnly
	case mode != syscall.O_RDWR:
		return nil
	}
	here, err := f.Stat()
	if err != nil || here.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	null, err := os.Stat(os.DevNull)
	if err == nil && os.SameFile(here, null) {
		return ErrClosed
	}
	return nil
}

// accessMode leaves f's blocking mode alone, which (*os.File).Fd would change.
func accessMode(f *os.File) (mode int, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := conn.Control(func(fd uintptr) { mode, err = flags(fd) })
	if err == nil {
		err = cerr
	}
	return mode & syscall.O_ACCMODE, err
}
