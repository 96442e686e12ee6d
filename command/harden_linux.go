package command

import "golang.org/x/sys/unix"

// undumpable: no core, no ptrace and no /proc/PID/mem by others of our user.
// execve(2) sets the process dumpable again, so exec's command is not touched.
func undumpable() { unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
