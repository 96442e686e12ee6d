//go:build windows

package shell

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// ParentProcess tells what runs under the id, from a snapshot of the system's
// processes. Arguments are not looked at: xonsh under python is not seen.
func ParentProcess(pid int) (Process, bool) {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return Process{}, false
	}
	defer windows.CloseHandle(snapshot)
	entry := windows.ProcessEntry32{}
	entry.Size = uint32(unsafe.Sizeof(entry))
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		if entry.ProcessID == uint32(pid) {
			name := windows.UTF16ToString(entry.ExeFile[:])
			return Process{name, int(entry.ParentProcessID)}, true
		}
	}
	return Process{}, false
}
