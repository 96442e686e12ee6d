package command

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// quickExit: a program built with the race detector sleeps for a second
// before it exits, unless told.
const quickExit = "GORACE=atexit_sleep_ms=0"

// need gives the path of a program that a test drives. Where it is missing the
// test is skipped, or fails if AWSMFA_REQUIRE_SHELLS names it.
func need(t *testing.T, name string) string {
	t.Helper()
	if path := os.Getenv("AWSMFA_TEST_NU"); name == "nu" && path != "" {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil || name == "aws" && !runs(path) {
		missing(t, name)
	}
	return path
}

// runs tells a program from a version manager's shim that leads nowhere.
func runs(program string) bool { return exec.Command(program, "--version").Run() == nil }

// needPython gives a Python that has the module.
func needPython(t *testing.T, module string) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "-c", "import "+module).Run() == nil {
			return path
		}
	}
	missing(t, module)
	return ""
}

func missing(t *testing.T, name string) {
	t.Helper()
	required := strings.FieldsFunc(os.Getenv("AWSMFA_REQUIRE_SHELLS"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(required, name) {
		t.Fatalf("%s is required (AWSMFA_REQUIRE_SHELLS), and is not here", name)
	}
	t.Skipf("%s is not here", name)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
