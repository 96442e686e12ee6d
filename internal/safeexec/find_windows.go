package safeexec

import (
	"os"
	"path/filepath"
	"strings"
)

const separators = `/\:`

// endings leaves out .bat and .cmd: those are run by cmd.exe, which parses the
// arguments anew and so would execute parts of them.
func endings(file string) []string {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".exe", ".com":
		return []string{""}
	}
	return []string{".exe", ".com"}
}

func executable(string) bool { return true }

// trusted leaves the judgement to the access control lists of the system.
func trusted(string, os.FileInfo) error { return nil }
