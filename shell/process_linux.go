//go:build linux

package shell

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// maxCommandLine is how much of a process's arguments is looked at, in bytes:
// the program and the script are the first of them.
const maxCommandLine = 4096

// ParentProcess tells what runs under the id, from /proc.
func ParentProcess(pid int) (Process, bool) {
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	stat, err := readHead(dir + "stat")
	if err != nil {
		return Process{}, false
	}
	comm, parent, ok := parseStat(stat)
	if !ok {
		return Process{}, false
	}
	var argv []string
	if line, err := readHead(dir + "cmdline"); err == nil {
		argv = splitArguments(line)
	}
	executable, _ := os.Readlink(dir + "exe") // refused for other users' processes
	return Process{programName(argv, comm, executable), parent}, true
}

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, maxCommandLine)
	n, err := f.Read(buf)
	if n > 0 {
		return buf[:n], nil
	}
	return nil, err
}

// parseStat reads "pid (comm) state ppid …"; comm may itself hold ") ".
func parseStat(stat []byte) (comm string, parent int, ok bool) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", 0, false
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 2 {
		return "", 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return string(stat[open+1 : end]), parent, err == nil
}

func splitArguments(line []byte) []string {
	return strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
}
