package safeexec

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestSplitPOSIX(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string // nil for an error
	}{
		{`prog`, []string{"prog"}},
		{`  prog	a  b `, []string{"prog", "a", "b"}},
		{`/opt/my\ tool/run a`, []string{"/opt/my tool/run", "a"}},
		{`'/opt/my tool/run' a`, []string{"/opt/my tool/run", "a"}},
		{`"/opt/my tool/run" a`, []string{"/opt/my tool/run", "a"}},
		{`prog ''  ""`, []string{"prog", "", ""}},
		{`prog a'b c'd"e f"g`, []string{"prog", "ab cde fg"}},
		{`prog 'it'\''s'`, []string{"prog", "it's"}},
		{`prog "a \"b\" \\ \$HOME"`, []string{"prog", `a "b" \ $HOME`}},
		{`prog "a\b\'"`, []string{"prog", `a\b\'`}},
		{`prog 'a\b"'`, []string{"prog", `a\b"`}},
		{`prog \"a\" \\ \'`, []string{"prog", `"a"`, `\`, "'"}},
		{"prog a\\\nb \"c\\\nd\"", []string{"prog", "ab", "cd"}},
		{"prog a\nb", []string{"prog", "a", "b"}},
		{`prog é日`, []string{"prog", "é日"}},
		// Nothing is expanded, and nothing is an operator or a comment.
		{`prog ~ $HOME ${X} $(id) * ? | ; & > f # c`,
			[]string{"prog", "~", "$HOME", "${X}", "$(id)", "*", "?", "|", ";", "&", ">", "f", "#", "c"}},
		{"prog `id`", []string{"prog", "`id`"}},
		{`prog 'open`, nil},
		{`prog "open`, nil},
		{`prog "open\"`, nil},
		{`prog \`, nil},
		{``, nil},
		{"  \t", nil},
		{`"" a`, nil},
		{"prog a\x00b", nil},
	} {
		got, err := finish(splitPOSIX(c.line))
		if !slices.Equal(got, c.want) || (err != nil) != (c.want == nil) {
			t.Errorf("%q: got %q, %v", c.line, got, err)
		}
		if err != nil && !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: error %v is no ErrSyntax", c.line, err)
		}
	}
}

// TestSplitAsTheShell compares quoting with the shell itself.
func TestSplitAsTheShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	for _, words := range []string{
		`a b  c`, `'a b'c"d e"`, `'' "" a`, `"\a \" \\ \' \$ \` + "`" + `"`, `'\a \" \\'`, `\a\ b \\ \"`, `a\` + "\n" + `b`,
		`"a'b" 'c"d'`, `"a` + "\n" + `b"`, `é\é`,
	} {
		out, err := exec.Command(sh, "-c", `printf '%s\0' `+words).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		got, err := splitPOSIX(words)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, the shell %q (%v)", words, got, want, err)
		}
	}
}

func TestSplitWindows(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{`prog a b`, []string{"prog", "a", "b"}},
		{`C:\bin\prog.exe C:\a\b`, []string{`C:\bin\prog.exe`, `C:\a\b`}},
		{`"C:\Program Files\prog.exe" a`, []string{`C:\Program Files\prog.exe`, "a"}},
		{`"C:\dir\" a`, []string{`C:\dir\`, "a"}},
		{`prog "a b" c`, []string{"prog", "a b", "c"}},
		{`prog a\"b`, []string{"prog", `a"b`}},
		{`prog a\\"b c"`, []string{"prog", `a\b c`}},
		{`prog a\\\"b`, []string{"prog", `a\"b`}},
		{`prog "a\\" b`, []string{"prog", `a\`, "b"}},
		{`prog "a""b"`, []string{"prog", `a"b`}},
		{`prog "" a`, []string{"prog", "", "a"}},
		{`prog 'a b'`, []string{"prog", "'a", "b'"}},
		{`prog a\`, []string{"prog", `a\`}},
		{`prog "open`, nil},
		{`"open`, nil},
		{``, nil},
		{`""`, nil},
	} {
		got, err := finish(splitWindows(c.line))
		if !slices.Equal(got, c.want) || (err != nil) != (c.want == nil) {
			t.Errorf("%q: got %q, %v", c.line, got, err)
		}
	}
}

// FuzzSplit quotes two words in every way there is and splits them again.
func FuzzSplit(f *testing.F) {
	f.Add("prog", `it's "a" \ $b`)
	f.Add("\n", "")
	f.Add(`\`, `\\"`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if _, err := Split(a); err != nil && !errors.Is(err, ErrSyntax) {
			t.Fatalf("%q: %v", a, err)
		}
		if _, err := finish(splitWindows(a)); err != nil && !errors.Is(err, ErrSyntax) {
			t.Fatalf("%q: %v", a, err)
		}
		if a == "" || strings.Contains(a+b, "\x00") {
			return
		}
		single := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
		double := func(s string) string {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(s) + `"`
		}
		for _, line := range []string{single(a) + " " + double(b), double(a) + "\t" + single(b)} {
			got, err := finish(splitPOSIX(line))
			if err != nil || !slices.Equal(got, []string{a, b}) {
				t.Fatalf("%q: got %q, %v", line, got, err)
			}
		}
	})
}
