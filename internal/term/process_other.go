//go:build unix && !linux

package term

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
)

// ttyName finds the terminal among the standard streams: the one whose
// foreground group can be asked for is the controlling one.
func ttyName(int) string {
	for fd := range 3 {
		if _, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil {
			continue
		}
		var want unix.Stat_t
		if unix.Fstat(fd, &want) != nil {
			continue
		}
		if name := deviceName(want); name != "" {
			return name
		}
	}
	return ttyPath
}

func deviceName(want unix.Stat_t) string {
	for _, dir := range []string{"/dev/pts", "/dev"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if path == ttyPath || dir == "/dev" && !strings.HasPrefix(e.Name(), "tty") {
				continue
			}
			var got unix.Stat_t
			if unix.Lstat(path, &got) == nil && got.Mode&unix.S_IFMT == unix.S_IFCHR && got.Rdev == want.Rdev {
				return path
			}
		}
	}
	return ""
}

// signalIgnored cannot be asked for portably; wakeable is then careful enough.
func signalIgnored(unix.Signal) bool { return false }

// scriptParent fails always: a script cannot be told from an interactive shell
// here, and a process that stops inside the latter's command substitution would
// lock the terminal.
func scriptParent(int) (int, bool) { return 0, false }
