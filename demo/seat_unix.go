//go:build unix

package main

import (
	"os"
	"syscall"
)

// startOnTerminal makes a pseudo terminal and starts the shell as the leader
// of a session of its own there, as a terminal window does.
func (s *seat) startOnTerminal() error {
	master, slave, err := openPTY()
	if err != nil {
		return err
	}
	defer slave.Close()
	cmd := *s.cmd // a failed start leaves s.cmd for the pipes
	cmd.Args = append(cmd.Args, s.interactive()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		master.Close()
		return err
	}
	*s.cmd = cmd
	s.terminal, s.keyboard = true, master
	go s.cmd.Wait()
	go s.watch(master)
	return nil
}

// hangUp is what a closed terminal window does; interactive shells ignore
// other ways to end them.
func hangUp(p *os.Process) error { return p.Signal(syscall.SIGHUP) }
