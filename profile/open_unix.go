//go:build unix

package profile

import (
	"io/fs"
	"os"
	"syscall"
)

// nonBlocking keeps the opening of a FIFO, put in place after the check, from
// waiting for a writer.
const nonBlocking = syscall.O_NONBLOCK

// trusted says why a file could have been written by somebody else; "" when
// only its owner, who is this user or root, can.
func trusted(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return "its owner is unknown"
	case stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return "it belongs to another user"
	case info.Mode().Perm()&0o022 != 0:
		return "others can write it"
	}
	return ""
}
