package filename

import (
	"path/filepath"
	"testing"
)

// TestAsFilepath: the same as the library, for names of every shape.
func TestAsFilepath(t *testing.T) {
	for _, name := range []string{"", "/", "a", "a/b", "/a/b/", "//a", "a//b", "./a", "../a", "/a/../b", `C:\x`, `\\host\x`, "a b/ü", "."} {
		if got, want := Dir(name), filepath.Dir(name); got != want {
			t.Errorf("Dir(%q) = %q, want %q", name, got, want)
		}
		if got, want := IsAbs(name), filepath.IsAbs(name); got != want {
			t.Errorf("IsAbs(%q) = %v", name, got)
		}
		if got, want := Join(name, "x", "", "../y"), filepath.Join(name, "x", "", "../y"); got != want {
			t.Errorf("Join(%q) = %q, want %q", name, got, want)
		}
		if got, want := ToSlash(name), filepath.ToSlash(name); got != want {
			t.Errorf("ToSlash(%q) = %q, want %q", name, got, want)
		}
	}
}
