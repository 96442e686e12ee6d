package command

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// step is one system call of a traced program on a file below its home.
type step struct {
	name string
	path string
}

func (s step) String() string { return s.name + " " + s.path }

// fate is what a step meets: nothing, an error instead of being done, or the
// end of the program before it is done.
type fate struct {
	err  syscall.Errno
	kill bool
}

// tracer runs a program and decides the fate of each of its steps: failures of
// the disk and moments of a kill, one by one, on the program as it is.
type tracer struct {
	cmd    *exec.Cmd
	home   string
	decide func(n int, s step) fate

	steps  []step
	open   map[uint64]string     // descriptors of files below home
	asked  map[int]string        // by thread: the path that it is opening
	answer map[int]syscall.Errno // by thread: the error to return
}

// fileCall says which calls are steps, and where the path or the descriptor
// stands among the arguments.
func fileCall(nr uint64) (name string, arg int, isPath bool) {
	switch nr {
	case unix.SYS_OPENAT:
		return "open", 1, true
	case unix.SYS_NEWFSTATAT:
		return "stat", 1, true
	case unix.SYS_MKDIRAT:
		return "mkdir", 1, true
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		return "rename", 1, true
	case unix.SYS_UNLINKAT:
		return "unlink", 1, true
	case unix.SYS_FCHMODAT:
		return "chmod", 1, true
	case unix.SYS_READLINKAT:
		return "readlink", 1, true
	case unix.SYS_STAT, unix.SYS_LSTAT:
		return "stat", 0, true
	case unix.SYS_WRITE, unix.SYS_PWRITE64:
		return "write", 0, false
	case unix.SYS_READ, unix.SYS_PREAD64:
		return "read", 0, false
	case unix.SYS_FSYNC, unix.SYS_FDATASYNC:
		return "sync", 0, false
	case unix.SYS_FCHMOD:
		return "chmod", 0, false
	case unix.SYS_FTRUNCATE:
		return "truncate", 0, false
	case unix.SYS_FLOCK:
		return "lock", 0, false
	case unix.SYS_GETDENTS64:
		return "list", 0, false
	case unix.SYS_FSTAT:
		return "stat", 0, false
	case unix.SYS_CLOSE:
		return "close", 0, false
	}
	return "", 0, false
}

// run runs the program to its end.
func (tr *tracer) run(t *testing.T) outcome {
	t.Helper()
	tr.open, tr.asked, tr.answer = map[uint64]string{}, map[int]string{}, map[int]syscall.Errno{}
	var out [2]*os.File // not buffers: those take a Wait, and waiting is the tracer's
	for i := range out {
		f, err := os.CreateTemp(t.TempDir(), "out")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		out[i] = f
	}
	tr.cmd.Stdout, tr.cmd.Stderr = out[0], out[1]
	tr.cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setsid: true}
	ended := make(chan int)
	go func() {
		runtime.LockOSThread() // the thread is the tracer
		defer runtime.UnlockOSThread()
		ended <- tr.follow()
	}()
	o := outcome{code: <-ended}
	if o.code < 0 {
		t.Skip("nobody may trace a program here")
	}
	for i, into := range []*string{&o.stdout, &o.stderr} {
		text, err := os.ReadFile(out[i].Name())
		if err != nil {
			t.Fatal(err)
		}
		*into = string(text)
	}
	return o
}

// follow returns the exit code, 128 and more for a signal, -1 when the program
// could not be traced.
func (tr *tracer) follow() int {
	if tr.cmd.Start() != nil {
		return -1
	}
	main := tr.cmd.Process.Pid
	defer tr.cmd.Process.Release()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(main, &status, unix.WALL, nil); err != nil || !status.Stopped() {
		return -1
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	if syscall.PtraceSetOptions(main, options) != nil {
		syscall.Kill(main, syscall.SIGKILL)
		return -1
	}
	for tid := main; ; {
		pass := 0
		if status.Stopped() {
			switch sig := status.StopSignal(); {
			case sig == syscall.SIGTRAP|0x80:
				tr.stop(main, tid)
			case sig != syscall.SIGTRAP && sig != syscall.SIGSTOP: // those are marks of new threads
				pass = int(sig)
			}
			syscall.PtraceSyscall(tid, pass) // fails where it was killed meanwhile
		}
		var err error
		// Of this thread alone: other tests have processes too.
		for tid, err = syscall.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil); err == syscall.EINTR; {
			tid, err = syscall.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		}
		switch {
		case err != nil:
			return -1
		case tid == main && status.Exited():
			return status.ExitStatus()
		case tid == main && status.Signaled():
			return 128 + int(status.Signal())
		}
	}
}

// callInfo is struct ptrace_syscall_info.
type callInfo struct {
	op     uint8 // entry or exit
	_      [3]uint8
	arch   uint32
	ip, sp uint64
	nr     uint64 // at the exit: what the call returns
	args   [6]uint64
	_      [2]uint64
}

const (
	getSyscallInfo = 0x420e // PTRACE_GET_SYSCALL_INFO
	callExit       = 2      // PTRACE_SYSCALL_INFO_EXIT
)

// stop looks at a thread that enters or leaves a call.
func (tr *tracer) stop(main, tid int) {
	var info callInfo
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return
	}
	if info.op == callExit {
		tr.leave(tid, info.nr)
		return
	}
	s, ok := tr.step(tid, info)
	if !ok {
		return
	}
	tr.steps = append(tr.steps, s)
	switch f := tr.decide(len(tr.steps)-1, s); {
	case f.kill:
		syscall.Kill(main, syscall.SIGKILL)
	case f.err != 0:
		delete(tr.asked, tid)
		tr.answer[tid] = f.err
		setRegister(tid, func(r *syscall.PtraceRegs) { r.Orig_rax = ^uint64(0) }) // no such call
	}
}

func setRegister(tid int, set func(*syscall.PtraceRegs)) {
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &regs) == nil {
		set(&regs)
		syscall.PtraceSetRegs(tid, &regs)
	}
}

func (tr *tracer) step(tid int, info callInfo) (step, bool) {
	name, arg, isPath := fileCall(info.nr)
	if name == "" {
		return step{}, false
	}
	if !isPath {
		path, ours := tr.open[info.args[arg]]
		if name == "close" {
			delete(tr.open, info.args[arg])
		}
		return step{name, path}, ours
	}
	path, ours := strings.CutPrefix(readString(tid, uintptr(info.args[arg])), tr.home)
	if !ours {
		return step{}, false
	}
	if name == "open" {
		tr.asked[tid] = "~" + path
	}
	return step{name, "~" + path}, true
}

func (tr *tracer) leave(tid int, result uint64) {
	if errno := tr.answer[tid]; errno != 0 {
		delete(tr.answer, tid)
		setRegister(tid, func(r *syscall.PtraceRegs) { r.Rax = -uint64(errno) })
		return
	}
	if path := tr.asked[tid]; path != "" {
		delete(tr.asked, tid)
		if int64(result) >= 0 {
			tr.open[result] = path
		}
	}
}

// readString reads a C string of the traced program.
func readString(tid int, at uintptr) string {
	var text []byte
	for len(text) < 4096 {
		var word [8]byte
		if n, err := syscall.PtracePeekData(tid, at+uintptr(len(text)), word[:]); err != nil || n == 0 {
			break
		}
		if end := bytes.IndexByte(word[:], 0); end >= 0 {
			return string(append(text, word[:end]...))
		}
		text = append(text, word[:]...)
	}
	return string(text)
}
