package main

import (
	"errors"
	"os"
)

// startOnTerminal: the pseudo consoles of Windows are not used here.
func (s *seat) startOnTerminal() error { return errors.ErrUnsupported }

func hangUp(p *os.Process) error { return p.Kill() }
