package privatefile

import (
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks one byte far behind the text: a locked range cannot be read by
// others on Windows, and waiters read the holder's line.
func tryLock(f *os.File) (bool, error) {
	at := windows.Overlapped{Offset: 1 << 20}
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, err
}
