//go:build linux || darwin

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

func openSlave(master *os.File, name func() (string, error)) (_, slave *os.File, err error) {
	path, err := name()
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err == nil {
		slave, err = os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}
