//go:build unix && !linux && !darwin

package main

import (
	"errors"
	"os"
)

// openPTY has no way without a C library here; the tour falls back to pipes.
func openPTY() (master, slave *os.File, err error) { return nil, nil, errors.ErrUnsupported }
