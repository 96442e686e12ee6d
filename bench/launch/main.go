//go:build unix

// Command launch runs one program with its stdout thrown away and prints what
// that cost: wall, user and system time in nanoseconds, minor page faults,
// peak resident set as the kernel counts it, and the exit code.
//
// It is a program of its own, and a small one, because Linux hands the peak
// of the spawning process on to the child: a child of the bench itself, with
// its HTTP server, could never be seen to need less than that.
package main

import (
	"os"
	"strconv"
	"syscall"
	"time"
)

func main() {
	os.Exit(launch(os.Args[1:]))
}

func launch(argv []string) int {
	in, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
	out, err2 := syscall.Open("/dev/null", syscall.O_WRONLY, 0) // as a shell redirects
	if err != nil || err2 != nil || len(argv) == 0 {
		return 125
	}
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{uintptr(in), uintptr(out), 2}}
	began := time.Now()
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		os.Stderr.WriteString("launch: " + argv[0] + ": " + err.Error() + "\n")
		return 125
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		if _, err = syscall.Wait4(pid, &status, 0, &usage); err != syscall.EINTR {
			break
		}
	}
	wall := time.Since(began)
	line := []byte(nil)
	for _, n := range []int64{int64(wall), usage.Utime.Nano(), usage.Stime.Nano(), int64(usage.Minflt), int64(usage.Maxrss), int64(status.ExitStatus())} {
		line = append(strconv.AppendInt(line, n, 10), ' ')
	}
	os.Stdout.Write(append(line, '\n'))
	return 0
}
