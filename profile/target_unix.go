//go:build unix

package profile

import (
	"io/fs"
	"os"
	"syscall"
)

func unsuitedOwner(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return "its owner is unknown"
	case os.Geteuid() != 0 && int(stat.Uid) != os.Geteuid():
		return "it belongs to another user"
	case stat.Nlink > 1:
		return "it has more than one hard link"
	}
	return ""
}

// writable reports early what CreateTemp would: a directory that is closed, or
// on a read-only disk.
func writable(dir string) error {
	const writeAndSearch = 2 | 1
	return syscall.Access(dir, writeAndSearch)
}

// keepOwner gives f the owner and group of the file it replaces, and returns
// the mode to set: that file's, less what would be the group's when the group
// cannot be kept.
func keepOwner(f *os.File, was fs.FileInfo) (fs.FileMode, error) {
	mode := was.Mode().Perm()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	old, ok1 := was.Sys().(*syscall.Stat_t)
	now, ok2 := info.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || old.Uid == now.Uid && old.Gid == now.Gid {
		return mode, nil
	}
	if err := f.Chown(int(old.Uid), int(old.Gid)); err != nil {
		if old.Uid != now.Uid {
			return 0, err
		}
		mode &^= 0o070
	}
	return mode, nil
}
