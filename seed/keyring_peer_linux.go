package seed

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// checkPeer sees that the bus runs as this user or as root: a socket in /tmp
// whose owner is gone can be made anew by anybody, who would then be handed the
// seeds.
func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case peer.Uid != 0 && int(peer.Uid) != os.Getuid():
		return fmt.Errorf("it belongs to user %d", peer.Uid)
	}
	return nil
}
