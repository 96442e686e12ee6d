//go:build unix

package safeexec

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

const separators = "/"

func endings(string) []string { return []string{""} }

func executable(file string) bool { return unix.Access(file, unix.X_OK) == nil }

// trusted says why others could change what file runs: it and the directories
// on its way belong to the user or to root, and nobody else may write to them.
// Group write access is accepted: with a umask of 002 every file has it, for
// the user's own group.
func trusted(file string, info os.FileInfo) error {
	if !ours(info) {
		return errors.New("it belongs to another user")
	}
	if info.Mode().Perm()&0o002 != 0 {
		return errors.New("it is writable by everybody")
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	for _, dir := range []string{filepath.Dir(file), filepath.Dir(real)} {
		if err := trustedWay(dir); err != nil {
			return err
		}
	}
	return nil
}

// trustedWay looks at dir and all directories above it. One in which anybody
// may put files must be sticky as /tmp is: what is ours in it can be neither
// replaced nor another's plant. The kernel resolves "..", so links on the way
// do not lead astray.
func trustedWay(dir string) error {
	var below os.FileInfo
	for up := dir; ; up += "/.." {
		info, err := os.Stat(up)
		switch {
		case err != nil:
			return err
		case below != nil && os.SameFile(info, below):
			return nil // the root
		case !ours(info):
			return errors.New("a directory on its way belongs to another user")
		case info.Mode().Perm()&0o002 != 0 && info.Mode()&os.ModeSticky == 0:
			return errors.New("a directory on its way is writable by everybody")
		}
		below = info
	}
}

func ours(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}
