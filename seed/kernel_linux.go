package seed

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// keptPermissions let every process of this user find, read, replace and
// revoke the key, and nobody else (keyctl(2), KEYCTL_SETPERM). By default only
// who possesses it may read it, and a login, a tmux or a cron job each possess
// another set of keys: their session keyrings differ, and need not lead to the
// user's.
const keptPermissions = 0x3f3f0000

// keepIdentity has the kernel keep the identity for a while, in the keyring of
// the user. Where it will not (containers deny the calls, the quota is small),
// the passphrase is asked for again; that is all.
func keepIdentity(name string, identity []byte, ttl time.Duration) {
	// The key is made in the thread's own keyring: to give it its permissions
	// and time limit, one has to possess it. It is in nobody's reach before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	id, err := unix.AddKey("user", name, identity, unix.KEY_SPEC_THREAD_KEYRING)
	if err != nil {
		return
	}
	defer keyctlUnlink(id, unix.KEY_SPEC_THREAD_KEYRING)
	seconds := min(int64((ttl+time.Second-1)/time.Second), math.MaxInt32)
	if _, err := unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, int(seconds), 0, 0); err != nil {
		return
	}
	if err := unix.KeyctlSetperm(id, keptPermissions); err != nil {
		return
	}
	unix.KeyctlInt(unix.KEYCTL_LINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
}

// keptIdentity returns what the kernel keeps under the name, or nil.
func keptIdentity(name string) []byte {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", name, 0)
	if err != nil {
		return nil
	}
	buf := make([]byte, 256) // an identity has 74 bytes
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, buf, 0)
	if err != nil || n > len(buf) {
		clear(buf)
		return nil
	}
	return buf[:n]
}

// dropIdentities revokes the kept identities with such a name.
func dropIdentities(such func(name string) bool) error {
	var failed error
	for _, id := range userKeys() {
		about, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, id)
		if err != nil {
			continue // expired meanwhile, or not ours to see
		}
		// type;uid;gid;permissions;name
		fields := strings.SplitN(about, ";", 5)
		if len(fields) != 5 || fields[0] != "user" || !such(fields[4]) {
			continue
		}
		_, err = unix.KeyctlInt(unix.KEYCTL_REVOKE, id, 0, 0, 0)
		if err != nil && !errors.Is(err, unix.EKEYREVOKED) && !errors.Is(err, unix.EKEYEXPIRED) {
			failed = err
		}
		keyctlUnlink(id, unix.KEY_SPEC_USER_KEYRING)
	}
	return failed
}

func keyctlUnlink(id, ring int) { unix.KeyctlInt(unix.KEYCTL_UNLINK, id, ring, 0, 0) }

// userKeys lists the keyring of the user, which holds at most 200 keys.
func userKeys() []int {
	buf := make([]byte, 64<<10)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, unix.KEY_SPEC_USER_KEYRING, buf, 0)
	if err != nil {
		return nil
	}
	var ids []int
	for buf = buf[:min(n, len(buf))]; len(buf) >= 4; buf = buf[4:] {
		ids = append(ids, int(int32(nativeUint32(buf))))
	}
	return ids
}

func nativeUint32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
