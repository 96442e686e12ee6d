package command

import (
	"os"
	"syscall"
)

// endingSignals are those that end a run, cleanly.
func endingSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// IgnoredSignals: a process is not started with such here.
func IgnoredSignals() []os.Signal { return nil }

func signalNumber(s os.Signal) int {
	if s == syscall.SIGTERM {
		return 15
	}
	return 2
}
