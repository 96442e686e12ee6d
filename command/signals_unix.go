//go:build unix

package command

import (
	"os"
	"os/signal"
	"syscall"
)

// endingSignals are those that end a run, cleanly. SIGHUP stays ignored under
// nohup; SIGINT does not, though shells ignore it for the background jobs of a
// script: whoever is asked for a code must be able to say no.
func endingSignals() []os.Signal {
	list := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// IgnoredSignals are the ending signals that this process was started to
// ignore, to be asked before anybody listens for them. Only these two can be
// told: the Go runtime has taken over the others by then.
func IgnoredSignals() []os.Signal {
	var list []os.Signal
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			list = append(list, s)
		}
	}
	return list
}

func signalNumber(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return int(n)
	}
	return int(syscall.SIGINT)
}
