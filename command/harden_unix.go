//go:build unix

package command

import (
	"os"
	"syscall"
)

// limits are what harden changed, for exec to give back to its command.
type limits struct {
	core  syscall.Rlimit
	saved bool
}

// harden keeps secrets out of core dumps and, on Linux, out of reach of other
// processes of the same user, before any secret is read.
func harden() limits {
	var l limits
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &l.core) == nil {
		l.saved = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: 0, Max: l.core.Max}) == nil
	}
	undumpable()
	return l
}

func (l limits) restore() {
	if l.saved {
		syscall.Setrlimit(syscall.RLIMIT_CORE, &l.core)
	}
}

// EndingSignals are those that end a run, cleanly.
func EndingSignals() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
}

func signalNumber(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return int(n)
	}
	return int(syscall.SIGINT)
}
