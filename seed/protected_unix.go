//go:build unix

package seed

import (
	"io/fs"
	"os"
	"syscall"

	"awsmfa/internal/privatefile"
)

// nonBlocking: a pipe in the file's place does not hang us.
const nonBlocking = syscall.O_NONBLOCK

// protected refuses a file that others may read, or that is theirs.
func protected(info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return privatefile.ErrOwner
	}
	if info.Mode().Perm()&0o077 != 0 {
		return privatefile.ErrMode
	}
	return nil
}
