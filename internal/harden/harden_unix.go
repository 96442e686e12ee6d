//go:build unix

// Package harden keeps the secrets of this process inside it: Process, to be
// called before any secret is read.
package harden

import "syscall"

// Limits are what Process changed, for a command that takes our place.
type Limits struct {
	core  syscall.Rlimit
	saved bool
}

// Process forbids core dumps and, on Linux, keeps other processes of the same
// user from looking inside.
func Process() Limits {
	var l Limits
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &l.core) == nil {
		none := l.core
		none.Cur = 0
		l.saved = syscall.Setrlimit(syscall.RLIMIT_CORE, &none) == nil
	}
	undumpable()
	return l
}

// Restore gives the limits back.
func (l Limits) Restore() {
	if l.saved {
		syscall.Setrlimit(syscall.RLIMIT_CORE, &l.core)
	}
}
