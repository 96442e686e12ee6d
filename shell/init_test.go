package shell

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sampleHook has what a user's file system may have in a path.
func sampleHook() Hook {
	return Hook{
		Self: "/opt/it's \"a\" $HOME `touch PWN` \\ \u2019/aws!mfa", Use: "awsmfa-use", Before: 10 * time.Minute,
		Dir: "/home/a b/.local/state/awsmfa/hooks", Names: []string{"AWS_PROFILE", "AWSMFA_OWNED"}, Prompt: true,
	}
}

// linters are what looks at each script: the file's name follows.
func linters() map[string][][]string {
	return map[string][][]string{
		"bash":   {{"bash", "-n"}, {"shellcheck"}, {"shfmt", "-d"}},
		"zsh":    {{"zsh", "-n"}},
		"ksh":    {{"ksh", "-n"}, {"shellcheck"}, {"shfmt", "-ln", "mksh", "-d"}},
		"mksh":   {{"mksh", "-n"}},
		"tcsh":   {{"tcsh", "-fn"}},
		"nu":     {{"nu", "-n", "--ide-check", "100"}},
		"pwsh":   {}, // see TestPowerShellHook
		"elvish": {{"elvish", "-compileonly"}},
		"xonsh":  {{"python3", "-c", "import sys; compile(open(sys.argv[1]).read(), 'x', 'exec')"}},
		"fish":   {{"fish", "--no-execute"}, {"fish_indent", "--check"}},
	}
}

// TestHooksAreClean holds the files, and what Init makes of them for a program
// in a strange place, against the tools of each shell.
func TestHooksAreClean(t *testing.T) {
	for _, name := range HookNames() {
		checks, ok := linters()[hookName(name)]
		if !ok {
			t.Errorf("nothing looks at the script for %s", name)
		}
		text, err := Init(name, sampleHook())
		if err != nil {
			t.Fatal(err)
		}
		h, _ := hookOf(hookName(name))
		for _, argv := range checks {
			t.Run(name+" "+argv[0], func(t *testing.T) {
				program, dir := find(t, argv[0]), t.TempDir()
				for file, text := range map[string]string{"raw": h.text, "fitted": text} {
					if file == "fitted" && argv[0] != hookName(name) {
						continue // one may write a quotation in another way
					}
					path := filepath.Join(dir, file+"."+hookName(name))
					if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
					if o := run(t, dir, nil, append(append([]string{program}, argv[1:]...), path)...); o.code != 0 || o.stderr != "" || strings.Contains(o.stdout, `"severity":"Error"`) {
						t.Errorf("%s: exit %d\n%s%s", file, o.code, o.stdout, o.stderr)
					}
				}
			})
		}
	}
}

// TestHookSettings: the settings of a file as it stands are the ones that Init
// writes, and the rest is as it was.
func TestHookSettings(t *testing.T) {
	t.Parallel()
	for _, name := range HookNames() {
		h, _ := hookOf(hookName(name))
		text, err := Init(name, sampleHook())
		if err != nil {
			t.Fatal(err)
		}
		raw, body, found := strings.Cut(h.text, hookMark)
		if !found || strings.Contains(body, hookMark) || !strings.HasSuffix(text, body) || !strings.HasPrefix(text, "# ") {
			t.Errorf("%s: the script is not head, settings, mark and body", name)
		}
		var want, got []string
		for line := range strings.Lines(strings.TrimPrefix(raw, h.head())) {
			if line = strings.TrimSpace(line); line != "" {
				want = append(want, settingName(line))
			}
		}
		settings := strings.TrimSuffix(strings.TrimPrefix(text, h.head()), body)
		for line := range strings.Lines(settings) {
			got = append(got, settingName(line))
		}
		if !slices.Equal(got, want) || len(got) != 7 {
			t.Errorf("%s: settings %q, the file has %q", name, got, want)
		}
		line, file := HookLine(name)
		if !strings.Contains(h.head(), strings.TrimPrefix(file, "~/")) || !strings.Contains(h.head(), line) {
			t.Errorf("%s: the script does not say how to use it: %s, in %s", name, line, file)
		}
	}
}

func settingName(line string) string {
	at := strings.Index(line, "_awsmfa_")
	if at < 0 {
		return line
	}
	name := line[at:]
	return name[:len(name)-len(strings.TrimLeft(name, "_abcdefghijklmnopqrstuvwxyz"))]
}

func TestInitRefuses(t *testing.T) {
	t.Parallel()
	var unknown *UnknownError
	if _, err := Init("dash", sampleHook()); !errors.As(err, &unknown) || slices.Contains(unknown.Names, "dash") {
		t.Errorf("dash: %v", err)
	}
	for _, path := range []string{"/a\nb", "/a\x1b[m", "/a\xff"} {
		h := sampleHook()
		h.Self = path
		if _, err := Init("bash", h); !errors.Is(err, ErrUnprintable) {
			t.Errorf("%q: %v", path, err)
		}
	}
	for word, ok := range map[string]bool{"awsmfa-use": true, "u": true, "a_1-b": true, "": false, "-a": false, "1a": false, "a b": false, "a;b": false, "é": false, "a.b": false, "a\n": false} {
		if IsHookWord(word) != ok {
			t.Errorf("%q: %v", word, !ok)
		}
	}
}

// TestPowerShellHook: nothing but the parser of PowerShell can be had everywhere.
func TestPowerShellHook(t *testing.T) {
	parse := pwshParser(t)
	text, err := Init("pwsh", sampleHook())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"raw": hookPwsh, "fitted": text} {
		if out, err := parse(text); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
