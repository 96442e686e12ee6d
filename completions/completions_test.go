package completions_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"awsmfa/completions"
)

// linters look at the script of each shell: the file's name follows.
func linters() map[string][][]string {
	return map[string][][]string{
		"bash":   {{"bash", "-n"}, {"bash", "--posix", "-n"}, {"shellcheck"}, {"shfmt", "-d"}},
		"zsh":    {{"zsh", "-n"}},
		"fish":   {{"fish", "--no-execute"}, {"fish_indent", "--check"}},
		"elvish": nil, // it needs the editor: see the tests at a terminal
		"nu":     {{"nu", "-n", "--ide-check", "100"}},
		"pwsh":   {{"node", "--liftoff-only", "../shell/testdata/pwsh-parse.mjs"}},
	}
}

func TestScriptsAreClean(t *testing.T) {
	for _, name := range completions.Names() {
		for _, argv := range linters()[name] {
			t.Run(name+" "+argv[0], func(t *testing.T) {
				t.Parallel()
				argv := slices.Clone(argv)
				argv[0] = find(t, argv[0])
				input := ""
				if name == "pwsh" {
					modules := os.Getenv("AWSMFA_TEST_PWSH_PARSER")
					if modules == "" {
						missing(t, "pwsh-parser")
					}
					argv, input = append(argv, modules), completions.Script(name)
				} else {
					argv = append(argv, completions.File(name))
				}
				cmd := exec.Command(argv[0], argv[1:]...)
				cmd.Stdin = strings.NewReader(input)
				out, err := cmd.CombinedOutput()
				if err != nil || strings.Contains(string(out), `"severity":"Error"`) || name != "nu" && strings.TrimSpace(string(out)) != "" {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// TestFilesAreTheScripts: each file of the directory is a script that is found
// by name, and says how it is read.
func TestFilesAreTheScripts(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("*awsmfa*")
	if err != nil || len(found) != len(completions.Names()) {
		t.Errorf("the files are %q (%v)", found, err)
	}
	for _, name := range completions.Names() {
		text, err := os.ReadFile(completions.File(name))
		if err != nil || string(text) != completions.Script(name) || len(text) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(string(text), "awsmfa completion "+name) {
			t.Errorf("the script for %s does not say how it is read", name)
		}
	}
	if completions.Script("klingon") != "" || completions.File("klingon") != "" {
		t.Error("there is a script for a shell that there is not")
	}
}

// TestOldBash: nothing that 3.2 does not know. It cannot be had everywhere; the
// tests at a terminal take what AWSMFA_TEST_BASH names.
func TestOldBash(t *testing.T) {
	t.Parallel()
	for _, since4 := range []string{"declare -A", "local -n", "mapfile", "readarray", "${!COMP", ";;&", "|&", "&>>", ",,}", "^^}", "coproc", "[-1]", "@Q}"} {
		for line := range strings.Lines(completions.Script("bash")) {
			if strings.Contains(line, since4) && !strings.Contains(line, "'"+since4+"'") {
				t.Errorf("%q is in: %s", since4, line)
			}
		}
	}
}

func find(t *testing.T, name string) string {
	t.Helper()
	if path := os.Getenv("AWSMFA_TEST_NU"); name == "nu" && path != "" {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name)
	}
	return path
}

func missing(t *testing.T, name string) {
	t.Helper()
	if slices.Contains(strings.Fields(os.Getenv("AWSMFA_REQUIRE_SHELLS")), name) {
		t.Fatalf("%s is required (AWSMFA_REQUIRE_SHELLS), and is not here", name)
	}
	t.Skipf("%s is not here", name)
}
