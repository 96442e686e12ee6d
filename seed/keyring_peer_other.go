//go:build freebsd || netbsd || openbsd

package seed

import "net"

// checkPeer finds nothing wrong: who is at the other end is asked on Linux alone.
func checkPeer(*net.UnixConn) error { return nil }
