//go:build unix

package stream

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for _, c := range []struct {
		name, path string
		flag       int
		want       error
	}{
		{"the null device as a shell opens it", os.DevNull, os.O_WRONLY, nil},
		{"the null device as the runtime opens it", os.DevNull, os.O_RDWR, ErrClosed},
		{"another device", "/dev/zero", os.O_RDWR, nil},
		{"a file for writing", file, os.O_WRONLY | os.O_CREATE, nil},
		{"a file for both", file, os.O_RDWR, nil},
		{"a file for reading", file, os.O_RDONLY, ErrReadOnly},
	} {
		f, err := os.OpenFile(c.path, c.flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(f); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		f.Close()
	}
	_, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(w); err != nil {
		t.Errorf("a pipe: %v", err)
	}
}

// What the runtime does about a closed stream is not written down: this test
// would see it change.
func TestCheckSeesAClosedStream(t *testing.T) {
	if os.Getenv("STREAM_CHILD") != "" {
		if !errors.Is(Check(os.Stdout), ErrClosed) {
			os.Exit(9)
		}
		os.Exit(0)
	}
	cmd := exec.Command("sh", "-c", `exec "$0" -test.run='^TestCheckSeesAClosedStream$' >&-`, os.Args[0])
	cmd.Env = append(os.Environ(), "STREAM_CHILD=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
