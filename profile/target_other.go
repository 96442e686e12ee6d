//go:build !unix

package profile

import (
	"io/fs"
	"os"
)

// unsuitedOwner cannot tell here: access lists decide.
func unsuitedOwner(fs.FileInfo) string { return "" }

func writable(string) error { return nil }

func keepOwner(_ *os.File, was fs.FileInfo) (fs.FileMode, error) { return was.Mode().Perm(), nil }

func syncDir(string) error { return nil }

// alive: a process that is gone cannot be opened here.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	p.Release()
	return true
}
