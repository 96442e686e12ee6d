//go:build unix && !linux

package stream

import "golang.org/x/sys/unix"

func flags(fd uintptr) (int, error) { return unix.FcntlInt(fd, unix.F_GETFL, 0) }
