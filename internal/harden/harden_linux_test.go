package harden

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestProcess runs in a child: the process of the tests must stay as it is.
func TestProcess(t *testing.T) {
	if os.Getenv("HARDEN_CHILD") != "" {
		limits := Process()
		show := func(what string) { os.Stdout.WriteString(what + " " + coreLimit(t) + "\n") }
		show("hardened")
		if n, _, _ := syscall.Syscall(syscall.SYS_PRCTL, syscall.PR_GET_DUMPABLE, 0, 0); n != 0 {
			t.Error("others of our user may look into the process")
		}
		limits.Restore()
		show("restored")
		return
	}
	cmd := exec.Command("sh", "-c", `ulimit -S -c 100 2>/dev/null || exit 9; exec "$0" -test.run='^TestProcess$'`, os.Args[0])
	cmd.Env = append(os.Environ(), "HARDEN_CHILD=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(string(out), "\n")
	if lines[0] != "hardened 0" || !strings.HasPrefix(lines[1], "restored ") || lines[1] == "restored 0" {
		t.Errorf("%s", out)
	}
}

// coreLimit is the soft limit, as the kernel tells it.
func coreLimit(t *testing.T) string {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &l); err != nil {
		t.Fatal(err)
	}
	return strconv.FormatUint(l.Cur, 10)
}
