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

// trusted says why others could change what file runs. Group write access is
// accepted: with a umask of 002 every file has it, for the user's own group.
func trusted(file string, info os.FileInfo) error {
	if info.Mode().Perm()&0o002 != 0 {
		return errors.New("it is writable by everybody")
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	for _, dir := range []string{filepath.Dir(file), filepath.Dir(real)} {
		if err := trustedDir(dir, info); err != nil {
			return err
		}
	}
	return nil
}

// trustedDir refuses a directory in which anybody may put files, unless it is
// sticky as /tmp is and the program belongs to the user or root: then it can
// be neither replaced nor another's plant.
func trustedDir(dir string, program os.FileInfo) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o002 == 0 || info.Mode()&os.ModeSticky != 0 && ours(program) {
		return nil
	}
	return errors.New("its directory is writable by everybody")
}

func ours(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}
