package privatefile

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// On Windows the profile directory's access list keeps other users out; mode
// bits and owners of the Unix kind do not exist.
const openFlags = 0

func openToRead(path string) (*os.File, error) { return openUnchecked(path, os.O_RDONLY, 0) }

func isLink(error) bool { return false }

func checkOwner(string, fs.FileInfo) error { return nil }

func links(fs.FileInfo) uint64 { return 1 }

func wider(fs.FileInfo, fs.FileMode) bool { return false }

// Alive reports whether there is a process of that number.
func Alive(pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return err != windows.ERROR_INVALID_PARAMETER
	}
	windows.CloseHandle(h)
	return true
}

// SyncDir has nothing to do here: a rename is the file system's to keep.
func SyncDir(string) error { return nil }

func sameFile(path string, f *os.File) bool { return true }
