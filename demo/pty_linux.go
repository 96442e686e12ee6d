package main

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// columns is wide enough for a prompt that names a device and an endpoint.
const columns = 140

// openPTY makes a pseudo terminal: what is written to master is typed, and
// what a program on slave prints is read from master (pty(7)).
func openPTY() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	name := func() (string, error) {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return "", err
		}
		n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return "/dev/pts/" + strconv.Itoa(n), err
	}
	return openSlave(master, name)
}
