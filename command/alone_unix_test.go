//go:build unix

package command

import "syscall"

// standAlone leaves the controlling terminal of whoever runs the tests: a
// script must not prompt there. A process that "ttyin" started leads the
// session of its own terminal already, where this fails, and that is right.
func standAlone() { _, _ = syscall.Setsid() }
