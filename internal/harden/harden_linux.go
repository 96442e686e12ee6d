package harden

import "syscall"

// undumpable: no core, no ptrace and no /proc/PID/mem for others of our user.
// execve(2) makes the process dumpable again, so a command that takes our place
// is not touched.
func undumpable() {
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0)
}
