package text

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"prod ümlaut 日本", "prod ümlaut 日本"},
		{"a\x1b[31mb", "a?[31mb"},
		{"\x1b]52;c;cm0gLXJm\x07", "?]52;c;cm0gLXJm?"},
		{"two\r\nlines\tend", "two  lines end"},
		{"bidi\u202eevil", "bidi?evil"},
		{"c1\u009b2J", "c1?2J"},
		{"bad\xff\xfeutf", "bad??utf"},
		{"real \uFFFD stays", "real \uFFFD stays"},
		{"0123456789abc", "0123456789…"},
	} {
		max := 80
		if strings.HasPrefix(c.in, "0123") {
			max = 10
		}
		if got := Clean(c.in, max); got != c.want {
			t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b]0;x\x07\u2066")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s, 40)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 41 {
			t.Fatalf("Clean(%q) = %q", s, got)
		}
		for _, r := range got {
			if hidden(r) {
				t.Fatalf("Clean(%q) kept %U", s, r)
			}
		}
	})
}
