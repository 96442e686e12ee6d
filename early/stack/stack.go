// Package stack makes the stack of the starting program large at once. It
// imports nothing, so its init runs before nearly every other.
//
// Go doubles a stack that gets too small, three times in a warm run. Each of
// those sizes would be cut from a fresh run of pages, all of which are touched
// (docs/decisions/0016).
package stack

func init() { grow(nil) }

// grow asks for a frame of 16 KiB, but uses it only when there is something to
// copy: what is not touched costs nothing.
//
//go:noinline
func grow(text []byte) (n int) {
	if text != nil {
		var room [16 << 10]byte
		n = copy(room[:], text)
	}
	return n
}
