package early

import (
	"os"
	"syscall"
	"unsafe"
)

// terminal asks as isatty(3) does. The library for it would come with more.
func terminal(f *os.File) bool {
	var mode syscall.Termios
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&mode)))
	return errno == 0
}
