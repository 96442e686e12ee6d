//go:build linux

package shell

import (
	"os"
	"path/filepath"
	"testing"
)

func TestParseStat(t *testing.T) {
	for text, want := range map[string]Process{
		"12 (bash) S 7 12 12 0":        {"bash", 7},
		"12 (a) b (c) R 7) S 9 1 1 0 ": {"a) b (c) R 7", 9},
		"12 () S 0 0":                  {"", 0},
	} {
		comm, parent, ok := parseStat([]byte(text))
		if !ok || comm != want.Name || parent != want.Parent {
			t.Errorf("parseStat(%q) = %q, %d, %v", text, comm, parent, ok)
		}
	}
	for _, text := range []string{"", "12", "12 (bash", ")(", "12 (bash)", "12 (bash) S", "12 (bash) S x"} {
		if _, _, ok := parseStat([]byte(text)); ok {
			t.Errorf("parseStat takes %q", text)
		}
	}
}

func TestParentProcessOfThisOne(t *testing.T) {
	p, ok := ParentProcess(os.Getpid())
	if !ok || p.Parent != os.Getppid() || p.Name == "" {
		t.Errorf("%+v, %v, want the parent %d", p, ok, os.Getppid())
	}
	if _, ok := ParentProcess(1 << 30); ok {
		t.Error("a process that cannot be is there")
	}
}

// TestDetectRealParents starts each shell in the ways it is started, and asks
// from within. The ":" at the end keeps a shell from becoming its last command.
func TestDetectRealParents(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	scriptFile := func(name, interpreter string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!"+interpreter+"\n'"+self+"' detect\n:\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	detect := "'" + self + "' detect"
	for _, c := range []struct {
		name, program string
		argv          func(path string) []string
		want          string
	}{
		{"sh", "sh", func(p string) []string { return []string{p, "-c", detect + "; :"} }, "sh"},
		{"substitution", "bash", func(p string) []string { return []string{p, "-c", `eval "$(echo "echo $(` + detect + `)")"; :`} }, "bash"},
		{"dash", "dash", func(p string) []string { return []string{p, "-c", detect + "; :"} }, "dash"},
		{"login bash", "bash", func(p string) []string {
			return []string{p, "-c", `exec -a -bash bash --norc --noprofile -c "` + detect + `; :"`}
		}, "bash"},
		{"another name", "bash", func(p string) []string { return []string{p, "-c", `exec -a -su bash -c "` + detect + `; :"`} }, "bash"},
		{"script", "bash", func(p string) []string { return []string{scriptFile("deploy", p)} }, "bash"},
		{"script named fish", "zsh", func(p string) []string { return []string{scriptFile("fish", p)} }, "zsh"},
		{"zsh", "zsh", func(p string) []string { return []string{p, "-fc", detect + "; :"} }, "zsh"},
		{"ksh", "ksh", func(p string) []string { return []string{p, "-c", detect + "; :"} }, "ksh"},
		{"mksh", "mksh", func(p string) []string { return []string{p, "-c", detect + "; :"} }, "mksh"},
		{"yash", "yash", func(p string) []string { return []string{p, "-c", detect + "; :"} }, "yash"},
		{"busybox sh", "busybox", func(p string) []string { return []string{p, "sh", "-c", detect + "; :"} }, "busybox"},
		{"past busybox env", "busybox", func(p string) []string {
			return []string{"mksh", "-c", p + " time " + detect + " 2>/dev/null; :"}
		}, "mksh"},
		{"past env and timeout", "fish", func(p string) []string { return []string{p, "--no-config", "-c", "timeout 20 " + detect + "; true"} }, "fish"},
		{"fish pipe", "fish", func(p string) []string { return []string{p, "--no-config", "-c", detect + " | cat"} }, "fish"},
		{"tcsh", "tcsh", func(p string) []string { return []string{p, "-fc", detect + "; true"} }, "tcsh"},
		{"elvish", "elvish", func(p string) []string { return []string{p, "-norc", "-c", "(external '" + self + "') detect"} }, "elvish"},
		{"xonsh", "xonsh", func(p string) []string { return []string{p, "--no-rc", "-c", "@('" + self + "') detect"} }, "xonsh"},
		{"nu", "nu", func(p string) []string { return []string{p, "-n", "-c", "^" + detect} }, "nu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			argv := c.argv(find(t, c.program))
			if argv[0] != "" && filepath.Base(argv[0]) == argv[0] {
				argv[0] = find(t, argv[0])
			}
			got := run(t, dir, []string{"HOME=" + dir}, argv...)
			if got.stdout != c.want+"\n" || got.stderr != "" {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Detect(os.Getppid(), ParentProcess, "", "")
	}
}
