//go:build unix

package privatefile

import (
	"io"
	"io/fs"
	"path"
	"syscall"
	"time"
)

// handle is an open file that is only read, with system calls alone: an os.File
// comes with the poller, which is for what makes one wait, and which would be
// a tenth of the memory that a warm run touches (docs/decisions/0016).
type handle struct {
	path string
	fd   int
}

// openToRead opens a file as openUnchecked does.
func openToRead(path string) (handle, error) {
	fd, err := untilDone(func() (int, error) { return syscall.Open(path, syscall.O_RDONLY|openFlags, 0) })
	switch err {
	case nil:
		return handle{path, fd}, nil
	case syscall.ELOOP, syscall.EMLINK:
		return handle{}, refuse(path, ErrSymlink)
	}
	return handle{}, &fs.PathError{Op: "open", Path: path, Err: err}
}

func (h handle) Close() error { return syscall.Close(h.fd) }

// Read is an io.Reader's.
func (h handle) Read(p []byte) (int, error) {
	n, err := untilDone(func() (int, error) { return syscall.Read(h.fd, p) })
	switch {
	case err != nil:
		return 0, &fs.PathError{Op: "read", Path: h.path, Err: err}
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// Stat is an os.File's, as far as checkFile asks.
func (h handle) Stat() (fs.FileInfo, error) {
	s := &status{name: path.Base(h.path)}
	_, err := untilDone(func() (int, error) { return 0, syscall.Fstat(h.fd, &s.st) })
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: h.path, Err: err}
	}
	return s, nil
}

// untilDone calls again what a signal interrupted.
func untilDone(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return n, err
		}
	}
}

// status is what the kernel tells of an open file.
type status struct {
	name string
	st   syscall.Stat_t
}

func (s *status) Name() string       { return s.name }
func (s *status) Size() int64        { return s.st.Size }
func (s *status) ModTime() time.Time { return time.Time{} } // which nobody asks
func (s *status) IsDir() bool        { return s.st.Mode&syscall.S_IFMT == syscall.S_IFDIR }
func (s *status) Sys() any           { return &s.st }

// Mode tells a regular file from what is none, no more.
func (s *status) Mode() fs.FileMode {
	mode := fs.FileMode(s.st.Mode).Perm()
	if s.st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		mode |= fs.ModeIrregular
	}
	return mode
}
