package profile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFullDisk: with no room for the new text, for a name, or for the backup,
// and on a disk that may only be read, the file stays.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("no unshare here")
	}
	for name, c := range map[string]struct{ mount, options, words string }{
		"no room":            {".aws", "size=16k", "cannot be replaced: no space left"},
		"no names":           {".aws", "nr_inodes=2", "cannot be replaced: no space left"},
		"read-only":          {".aws", "", "read-only file system"},
		"no room for backup": {"state", "size=8k", "no backup can be kept"},
	} {
		r := rewriter(t, "[profile dev]\nk = old\n"+strings.Repeat("# filler\n", 1000))
		must(t, os.Mkdir(filepath.Join(r.Paths.Home, "state"), 0o700))
		script := `cd "$PROFILE_TEST_EDIT" && cp .aws/config saved && mount -t tmpfs -o "mode=700,$OPTIONS" none "$MOUNT" || exit 99
			if test "$MOUNT" = .aws; then cp saved .aws/config || exit 98; fi
			if test -z "$OPTIONS"; then mount -o remount,ro "$PROFILE_TEST_EDIT/.aws" || exit 97; fi
			"$0"; code=$?; cmp .aws/config saved || exit 96
			ls -A .aws | grep awsmfa && exit 95; exit $code`
		cmd := exec.Command(unshare, "-m", "sh", "-c", script, os.Args[0])
		cmd.Env = append(os.Environ(), "PROFILE_TEST_EDIT="+r.Paths.Home, "PROFILE_TEST_ONCE=new", "OPTIONS="+c.options, "MOUNT="+c.mount)
		out, _ := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if code == 99 || strings.Contains(string(out), "unshare") {
			t.Skip("nothing can be mounted here: " + string(out))
		}
		if code != 1 || !strings.Contains(string(out), c.words) {
			t.Errorf("%s: exit %d: %s", name, code, out)
		}
	}
}
