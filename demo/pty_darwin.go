package main

import (
	"bytes"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// columns is wide enough for a prompt that names a device and an endpoint.
const columns = 140

// openPTY makes a pseudo terminal, as grantpt(3), unlockpt(3) and ptsname(3) do.
func openPTY() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	name := func() (string, error) {
		for _, request := range []uint{unix.TIOCPTYGRANT, unix.TIOCPTYUNLK} {
			if err := unix.IoctlSetInt(fd, request, 0); err != nil {
				return "", err
			}
		}
		var text [128]byte // the size is part of the request's number
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), unix.TIOCPTYGNAME, uintptr(unsafe.Pointer(&text))); errno != 0 {
			return "", errno
		}
		name, _, _ := bytes.Cut(text[:], []byte{0})
		return string(name), nil
	}
	return openSlave(master, name)
}
