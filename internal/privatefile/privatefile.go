// Package privatefile keeps small files that nobody but their owner may read:
// Read, Write (WriteCache and WriteHint wait less for the disk), Remove,
// EnsureDir, and locks that die with their process (TryLock).
//
// A file is written whole (a temporary file in the same directory, synced and
// renamed) so that a reader sees the old text or the new one, also after
// kill -9. What is not a plain file of our own with mode 0600 is refused
// rather than read: a link, a pipe or a foreign file in its place may be a trap.
package privatefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"awsmfa/internal/filename"
)

// Reasons to refuse a file or directory, wrapped in a *RefusedError.
var (
	ErrNotRegular  = errors.New("not a regular file")
	ErrNotDir      = errors.New("not a directory")
	ErrSymlink     = errors.New("a symbolic link")
	ErrHardLink    = errors.New("it has more than one hard link")
	ErrOwner       = errors.New("it belongs to another user")
	ErrMode        = errors.New("others may access it (close it with chmod go=)")
	ErrOpenParent  = errors.New("everybody may write to a directory above it")
	ErrTooLarge    = errors.New("larger than any file of ours")
	ErrNotAbsolute = errors.New("not an absolute path")
)

// RefusedError says which path was refused, and why.
type RefusedError struct {
	Path string
	Why  error
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%q is refused: %v", e.Path, e.Why) }
func (e *RefusedError) Unwrap() error { return e.Why }

func refuse(path string, why error) error { return &RefusedError{path, why} }

// Bare takes the path off an error of this package or of os, for a message that
// names the path itself.
func Bare(err error) error {
	var refused *RefusedError
	var path *fs.PathError
	switch {
	case errors.As(err, &refused):
		return refused.Why
	case errors.As(err, &path):
		return path.Err
	}
	return err
}

// Read returns the whole of a private file of at most limit bytes.
// A missing file is fs.ErrNotExist.
func Read(path string, limit int64) ([]byte, error) {
	if err := checkAbsolute(path); err != nil {
		return nil, err
	}
	f, err := openToRead(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = checkFile(path, info)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, refuse(path, ErrTooLarge)
	}
	buf := make([]byte, info.Size())
	n, err := io.ReadFull(f, buf)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	return buf[:n], nil
}

// openUnchecked opens a file without following a link in its last part and
// without waiting for the other end of a pipe.
func openUnchecked(path string, flag int, perm os.FileMode) (*os.File, error) {
	if err := checkAbsolute(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, flag|openFlags, perm)
	if isLink(err) {
		return nil, refuse(path, ErrSymlink)
	}
	return f, err
}

func checkFile(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return refuse(path, ErrNotRegular)
	}
	if err := checkOwner(path, info); err != nil {
		return err
	}
	if links(info) > 1 {
		return refuse(path, ErrHardLink)
	}
	if wider(info, 0o077) {
		return refuse(path, ErrMode)
	}
	return nil
}

// checkAbsolute: a relative path would be looked for wherever somebody happens
// to stand. It comes from a directory that is not known.
func checkAbsolute(path string) error {
	if !filename.IsAbs(path) {
		return refuse(path, ErrNotAbsolute)
	}
	return nil
}

// lasting is what of a write a power failure may undo. A kill never does.
type lasting int

const (
	hint  lasting = iota // anything: the text may be gone, or half
	whole                // the step from the old text to the new one
	ever                 // nothing
)

// Write replaces the file's text in one step, and for good: not even a power
// failure brings the old one back. Its directory must exist (EnsureDir).
func Write(path string, data []byte) error { return write(path, data, ever) }

// WriteCache is Write for what can be had again: after a power failure the old
// text may be there, or no file. It waits for the disk once, not twice.
func WriteCache(path string, data []byte) error { return write(path, data, whole) }

// WriteHint is Write for text with a checksum of its own, whose loss nobody
// notices. A power failure may tear it. It does not wait for the disk.
func WriteHint(path string, data []byte) error { return write(path, data, hint) }

func write(path string, data []byte, l lasting) error {
	if err := checkAbsolute(path); err != nil {
		return err
	}
	dir := filename.Dir(path)
	sweep(dir)
	err := replace(dir, path, data, l)
	if errors.Is(err, fs.ErrNotExist) {
		// Another machine that shares this directory cannot see our process and
		// may have swept the temporary file away: once more.
		err = replace(dir, path, data, l)
	}
	return err
}

func replace(dir, path string, data []byte, l lasting) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return refuse(path, ErrNotRegular)
	}
	f, err := createTemp(dir)
	if err != nil {
		return err
	}
	if err = fill(f, data, l >= whole); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		// Not after the rename: by then the name may be the next writer's, of
		// this process or of one with its number in another container.
		os.Remove(f.Name())
		return err
	}
	if l < ever {
		return nil
	}
	return SyncDir(dir)
}

func fill(f *os.File, data []byte, sync bool) error {
	_, err := f.Write(data)
	if err == nil && sync {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

const tempPrefix = ".tmp-"

// createTemp makes the temporary file, named after this process so that sweep
// can tell a live writer's from a dead one's.
func createTemp(dir string) (*os.File, error) {
	prefix := filename.Join(dir, tempPrefix+strconv.Itoa(os.Getpid())+"-")
	for n := 0; ; n++ {
		f, err := os.OpenFile(prefix+strconv.Itoa(n), os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
		if errors.Is(err, fs.ErrExist) && n < 1000 {
			continue
		}
		if err != nil {
			return nil, err
		}
		// A umask of 777 would otherwise leave a file that cannot be read back.
		if err = f.Chmod(0o600); err != nil {
			f.Close()
			os.Remove(f.Name())
			return nil, err
		}
		return f, nil
	}
}

// sweep removes temporary files whose writers were killed.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, found := strings.CutPrefix(e.Name(), tempPrefix)
		if !found {
			continue
		}
		digits, _, _ := strings.Cut(rest, "-")
		if pid, err := strconv.Atoi(digits); err == nil && pid != os.Getpid() && !Alive(pid) {
			os.Remove(filename.Join(dir, e.Name()))
		}
	}
}

// Create makes an empty file, and reports false when there is something of
// that name already: of many that try, one is told true, without any lock.
func Create(path string) (bool, error) {
	f, err := openUnchecked(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = f.Chmod(0o600) // whatever the umask
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return true, err
}

// Remove deletes a file. A missing one is no error.
func Remove(path string) error {
	if err := checkAbsolute(path); err != nil {
		return err
	}
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// EnsureDir makes a directory of our own with mode 0700, parents included, and
// refuses one that is a link, belongs to somebody else or is open to others.
func EnsureDir(dir string) error {
	if err := checkAbsolute(dir); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeDirs(dir); err != nil {
			return err
		}
		info, err = os.Lstat(dir)
	}
	if err != nil {
		return err
	}
	if err := checkDir(dir, info); err != nil {
		return err
	}
	return checkParents(dir)
}

func checkDir(dir string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return refuse(dir, ErrSymlink)
	}
	if !info.IsDir() {
		return refuse(dir, ErrNotDir)
	}
	if err := checkOwner(dir, info); err != nil {
		return err
	}
	if wider(info, 0o077) {
		return refuse(dir, ErrMode)
	}
	return nil
}

// makeDirs creates what is missing, each with mode 0700 whatever the umask.
func makeDirs(dir string) error {
	if parent := filename.Dir(dir); parent != dir {
		if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
			if err := makeDirs(parent); err != nil {
				return err
			}
		}
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was quicker
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// checkParents refuses a directory whose way from the root leads through one
// that anybody may rename things in. The kernel resolves "..", so links on the
// way do not lead astray.
func checkParents(dir string) error {
	below, err := os.Stat(dir)
	if err != nil {
		return err
	}
	for up := dir + "/.."; ; up += "/.." {
		info, err := os.Stat(up)
		if err != nil {
			return err
		}
		if os.SameFile(info, below) {
			return nil // the root
		}
		if wider(info, 0o002) && info.Mode()&fs.ModeSticky == 0 {
			return refuse(dir, ErrOpenParent)
		}
		below = info
	}
}
