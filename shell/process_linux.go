//go:build linux

package shell

import (
	"bytes"
	"strconv"
	"strings"
	"syscall"
)

// maxCommandLine is how much of a process's arguments is looked at, in bytes:
// the program and the script are the first of them.
const maxCommandLine = 4096

// ParentProcess tells what runs under the id, from /proc.
func ParentProcess(pid int) (Process, bool) {
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	buf := make([]byte, maxCommandLine)
	stat, err := readHead(dir+"stat", buf)
	if err != nil {
		return Process{}, false
	}
	comm, parent, ok := parseStat(stat)
	if !ok {
		return Process{}, false
	}
	var argv []string
	if line, err := readHead(dir+"cmdline", buf); err == nil {
		argv = splitArguments(line)
	}
	n, _ := syscall.Readlink(dir+"exe", buf) // refused for other users' processes
	return Process{programName(argv, comm, string(buf[:max(n, 0)])), parent}, true
}

// readHead reads the beginning of a file into buf, with system calls alone: an
// os.File comes with the poller, which is for files that make one wait.
func readHead(path string, buf []byte) ([]byte, error) {
	fd, err := untilDone(func() (int, error) { return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0) })
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	n, err := untilDone(func() (int, error) { return syscall.Read(fd, buf) })
	return buf[:max(n, 0)], err
}

// untilDone calls again what a signal interrupted.
func untilDone(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return n, err
		}
	}
}

// parseStat reads "pid (comm) state ppid …"; comm may itself hold ") ".
func parseStat(stat []byte) (comm string, parent int, ok bool) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", 0, false
	}
	_, rest, _ := bytes.Cut(stat[end+1:], []byte(" ")) // before the state
	_, rest, _ = bytes.Cut(rest, []byte(" "))
	id, _, _ := bytes.Cut(rest, []byte(" "))
	parent, err := strconv.Atoi(string(id))
	return string(stat[open+1 : end]), parent, err == nil
}

func splitArguments(line []byte) []string {
	return strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
}
