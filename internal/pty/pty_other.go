//go:build !linux

// Package pty opens pseudo terminals, for what plays the user in front of
// awsmfa: the demo and the tests. Open gives both ends, on Linux.
package pty

import (
	"errors"
	"os"
	"os/exec"
)

// Open fails: only Linux's pseudo terminals are known here.
func Open(rows, columns uint16) (master, tty *os.File, err error) {
	return nil, nil, errors.ErrUnsupported
}

// Control does nothing.
func Control(cmd *exec.Cmd, tty *os.File) {}
