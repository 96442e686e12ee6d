package stream

import "syscall"

// flags asks without golang.org/x/sys, which a warm run does without.
func flags(fd uintptr) (int, error) {
	n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
