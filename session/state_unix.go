//go:build unix

package session

import (
	"io/fs"
	"strconv"
	"syscall"
	"time"
)

// fileState is device, inode, size and both times: a file that was replaced,
// edited in place, or edited with its time put back is another.
func fileState(info fs.FileInfo) (state string, changed time.Time) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", time.Time{}
	}
	changed = changeTime(st)
	b := make([]byte, 0, 128) // room for all: grown, it would take memory of each size
	b = strconv.AppendUint(b, uint64(st.Dev), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(st.Ino), 10)
	for _, n := range []int64{info.Size(), info.ModTime().UnixNano(), changed.UnixNano()} {
		b = strconv.AppendInt(append(b, ' '), n, 10)
	}
	return string(b), changed
}
