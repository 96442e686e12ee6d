//go:build unix

package term

import (
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// stopKey is the one watcher of SIGTSTP. It is kept for the life of the
// process once there was a question, because the Go runtime cannot give a
// signal its default action back: after signal.Stop a ^Z would be lost. So the
// watcher does by hand what the default would do.
var stopKey struct {
	sync.Mutex
	started bool
	asked   func() // called instead, while a question is open
}

// onStopKey has asked called when ^Z is typed, until the returned function is
// called. Where nobody would wake us again, ^Z has no effect.
func onStopKey(asked func()) (done func()) {
	stopKey.Lock()
	defer stopKey.Unlock()
	if !stopKey.started && !signalIgnored(unix.SIGTSTP) {
		stopKey.started = true
		typed := make(chan os.Signal, 1)
		signal.Notify(typed, unix.SIGTSTP)
		go watchStopKey(typed)
	}
	stopKey.asked = asked
	return func() {
		stopKey.Lock()
		defer stopKey.Unlock()
		stopKey.asked = nil
	}
}

// KeepRunning takes the effect from ^Z, for a process whose output the shell
// itself reads. Stopped, it would let fish or nu wait at the other end of the
// pipe, and nobody could type the fg that wakes it.
func KeepRunning() {
	stopKey.Lock()
	defer stopKey.Unlock()
	stopKey.started = true // no question may begin to watch for it again
	signal.Ignore(unix.SIGTSTP)
}

func watchStopKey(typed <-chan os.Signal) {
	for range typed {
		if !wakeable() {
			continue
		}
		stopKey.Lock()
		asked := stopKey.asked
		stopKey.Unlock()
		if asked == nil {
			Suspend()
		} else {
			asked()
		}
	}
}

// Suspend stops this process as ^Z does, and returns when it is continued. The
// rest of its process group got the signal from the terminal. It returns at
// once where no shell would notice and continue it: inside the command
// substitution of an interactive shell, a stopped process would lock the
// terminal for good.
func Suspend() {
	if !wakeable() {
		return
	}
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	defer signal.Stop(continued)
	// SIGSTOP, since SIGTSTP is caught (see stopKey). Another thread may take
	// it, so that this one runs on for a moment: it must not ask anew already.
	if unix.Kill(unix.Getpid(), unix.SIGSTOP) == nil {
		<-continued
	}
}

// wakeable reports whether a job control shell would see this process stop:
// the parent of its process group's leader is in the same session but another
// group (POSIX calls a group without any such parent orphaned, and the kernel
// too then drops SIGTSTP), and the leader is not itself an interactive shell.
func wakeable() bool {
	group := unix.Getpgrp()
	parent := os.Getppid()
	if group != unix.Getpid() {
		var ok bool
		if parent, ok = scriptParent(group); !ok {
			return false
		}
	}
	session, err := unix.Getsid(0)
	if err != nil {
		return false
	}
	theirs, err := unix.Getsid(parent)
	if err != nil || theirs != session {
		return false
	}
	parentGroup, err := unix.Getpgid(parent)
	return err == nil && parentGroup != group
}
