//go:build darwin

package shell

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// ParentProcess tells what runs under the id, from the kernel's process table.
func ParentProcess(pid int) (Process, bool) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(info.Proc.P_pid) != pid {
		return Process{}, false
	}
	comm, _, _ := bytes.Cut(info.Proc.P_comm[:], []byte{0})
	var executable string
	var argv []string
	if raw, err := unix.SysctlRaw("kern.procargs2", pid); err == nil {
		executable, argv = parseProcArgs(raw)
	}
	return Process{programName(argv, string(comm), executable), int(info.Eproc.Ppid)}, true
}

// parseProcArgs reads a count, the executable's path, padding of NULs and so
// many arguments, each ended by NUL. The environment follows and is left.
func parseProcArgs(raw []byte) (executable string, argv []string) {
	if len(raw) < 4 {
		return "", nil
	}
	count := int(binary.NativeEndian.Uint32(raw))
	path, rest, _ := bytes.Cut(raw[4:], []byte{0})
	rest = bytes.TrimLeft(rest, "\x00")
	for len(argv) < count && len(argv) < 16 && len(rest) > 0 {
		var arg []byte
		arg, rest, _ = bytes.Cut(rest, []byte{0})
		argv = append(argv, string(arg))
	}
	return string(path), argv
}
