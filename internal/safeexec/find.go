package safeexec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Errors of Find, wrapped with the name that was looked for.
var (
	// ErrNotFound says that no absolute entry of PATH holds the program.
	ErrNotFound = errors.New("program not found")
	// ErrNotAbsolute says that the program is named by a relative path.
	ErrNotAbsolute = errors.New("neither an absolute path nor a bare name")
	// ErrNotProgram says that the file is no regular executable file.
	ErrNotProgram = errors.New("not an executable file")
	// ErrUnsafe says that other users may change the program.
	ErrUnsafe = errors.New("other users may change it")
)

// Find returns the file of the program name: name itself if it is an absolute
// path, else the first fit file of that name in the entries of path (the value
// of PATH). Empty and relative entries mean the current directory or depend on
// it, and are skipped. A symbolic link is judged by the file that it leads to,
// and returned as it is, since some programs go by the name they are called.
func Find(name, path string) (string, error) {
	if filepath.IsAbs(name) {
		return findAbsolute(name)
	}
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, separators) {
		return "", fmt.Errorf("program %q: %w (\"~\" and variables are not expanded)", name, ErrNotAbsolute)
	}
	var refused error
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file, err := findAbsolute(filepath.Join(dir, name))
		if err == nil {
			return file, nil
		}
		// An unfit file does not stop the search, so that whoever can plant one
		// cannot get in the way of the right one; it is only named at the end.
		if refused == nil && errors.Is(err, ErrUnsafe) {
			refused = err
		}
	}
	if refused != nil {
		return "", refused
	}
	return "", fmt.Errorf("program %q: %w in the absolute entries of PATH", name, ErrNotFound)
}

// findAbsolute tries file with each ending that the system adds to programs.
func findAbsolute(file string) (string, error) {
	var first error
	for _, ending := range endings(file) {
		err := check(file + ending)
		if err == nil {
			return file + ending, nil
		}
		if first == nil || errors.Is(first, ErrNotFound) {
			first = err
		}
	}
	return "", first
}

func check(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("program %q: %w", file, ErrNotFound)
	case err != nil:
		return fmt.Errorf("program %q: %w", file, errors.Unwrap(err))
	case !info.Mode().IsRegular() || !executable(file):
		return fmt.Errorf("program %q: %w", file, ErrNotProgram)
	}
	if err := trusted(file, info); err != nil {
		return fmt.Errorf("program %q: %w: %w", file, ErrUnsafe, err)
	}
	return nil
}
