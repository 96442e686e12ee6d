package privatefile

import (
	"errors"
	"os"
	"strings"
)

// maxHolder bounds what a lock file says about who holds it, in bytes.
const maxHolder = 256

// ErrNoLocks means that the file system has no locks (NFS without its lock
// daemon): the caller goes on without and says so.
var ErrNoLocks = errors.New("the file system has no locks")

// Lock is an exclusive kernel lock on a file. It ends with Unlock or with the
// process, kill -9 included, so that no lock is ever left behind. Lock files
// themselves stay: deleting one would let two processes hold "the" lock.
type Lock struct{ f *os.File }

// TryLock takes the lock, or reports false when somebody else holds it.
func TryLock(path string) (*Lock, bool, error) {
	for range 10 {
		f, err := openLock(path)
		if err != nil {
			return nil, false, err
		}
		held, err := tryLock(f)
		if err != nil || !held {
			f.Close()
			return nil, false, err
		}
		if sameFile(path, f) {
			return &Lock{f}, true, nil
		}
		f.Close() // deleted or replaced between open and lock
	}
	return nil, false, refuse(path, errors.New("it is replaced again and again"))
}

// openLock opens a lock file, and closes one of our own to others: its text is
// worth nothing, and to go without the lock would be worse.
func openLock(path string) (*os.File, error) {
	f, err := openUnchecked(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm() != 0o600 && checkOwner(path, info) == nil && links(info) == 1 {
		f.Chmod(0o600) // a umask may have taken our own bits away, too
		info, err = f.Stat()
	}
	if err == nil {
		err = checkFile(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// SetHolder writes who holds the lock, for those who wait; one line. It is
// information only, so a failure to write it is none.
func (l *Lock) SetHolder(line string) {
	if len(line) > maxHolder {
		line = line[:maxHolder]
	}
	l.f.Truncate(0)
	l.f.WriteAt([]byte(line), 0)
}

// Holder returns what the present holder of the lock said of itself, or "".
func Holder(path string) string {
	text, err := Read(path, maxHolder)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// Unlock gives the lock back.
func (l *Lock) Unlock() error {
	l.f.Truncate(0)
	return l.f.Close()
}
