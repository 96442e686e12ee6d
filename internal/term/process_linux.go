package term

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)

// ttyName asks the kernel which device /dev/tty stands for.
func ttyName(fd int) string {
	device, err := unix.IoctlGetUint32(fd, unix.TIOCGDEV)
	if err != nil {
		return ttyPath
	}
	// The kernel's new_encode_dev: twelve bits of major amid twenty of minor.
	major, minor := device>>8&0xfff, device&0xff|device>>12&0xfff00
	if 136 <= major && major <= 143 { // UNIX98_PTY_SLAVE_MAJOR and on
		return fmt.Sprintf("/dev/pts/%d", (major-136)<<8+minor)
	}
	link, err := os.Readlink(fmt.Sprintf("/sys/dev/char/%d:%d", major, minor))
	if err != nil {
		return ttyPath
	}
	return "/dev/" + filepath.Base(link)
}

// signalIgnored reports whether this process was started with sig ignored: so
// do most shells with ^Z inside a command substitution. The mask of blocked
// signals would say nothing, since the Go runtime uses its own.
func signalIgnored(sig unix.Signal) bool {
	return processStatus(unix.Getpid()).has("SigIgn:", sig)
}

// scriptParent returns the parent of a group leader that runs a script. It
// fails when the leader handles ^Z itself, as interactive shells do: zsh and
// mksh start command substitutions in their own group with the default action,
// ksh93 with ^Z blocked.
func scriptParent(leader int) (int, bool) {
	status := processStatus(leader)
	for _, mask := range []string{"SigIgn:", "SigCgt:", "SigBlk:"} {
		if status.has(mask, unix.SIGTSTP) {
			return 0, false
		}
	}
	parent, err := strconv.Atoi(string(status.field("PPid:")))
	return parent, err == nil
}

// procStatus is the text of /proc/PID/status, empty when it cannot be read.
type procStatus []byte

func processStatus(pid int) procStatus {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	return status
}

func (s procStatus) field(name string) []byte {
	for line := range bytes.Lines(s) {
		if value, ok := bytes.CutPrefix(line, []byte(name)); ok {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}

func (s procStatus) has(mask string, sig unix.Signal) bool {
	bits, err := strconv.ParseUint(string(s.field(mask)), 16, 64)
	return err == nil && bits>>(uint(sig)-1)&1 == 1
}
