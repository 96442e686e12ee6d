package session

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What goes into a key is chosen by config files, the name of its file is not:
// always the same 64 characters, so that no directory is left and no other
// file is met; equal for equal fields alone, wherever one ends and the next begins.
func FuzzKeyFileName(f *testing.F) {
	for _, pair := range [][2]string{
		{"", ""}, {"\n", ""}, {"a\nb", "a"}, {"../../etc/passwd", "/etc/passwd"}, {"1:a", "a"}, {"a1:b", "b"}, {"\x00", "\xff"}, {"key:AKIA", "mfa:arn:aws:iam::111122223333:mfa/a b"}, {"CON", "NUL"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		// Every way to cut the two at their seams, and at lines.
		lists := [][]string{{one, two}, {one + two}, {one, two, ""}, {"", one, two}, {two, one}, strings.Split(one+two, "\n"), append(strings.Split(one, "\n"), two)}
		var keys []Key
		for i, list := range lists {
			var fields fields
			fields.add(list...)
			k := fields.key()
			same := slices.IndexFunc(lists[:i], func(other []string) bool { return slices.Equal(list, other) })
			if at := slices.Index(keys, k); at >= 0 != (same >= 0) {
				t.Errorf("%q and %q share a key: %v", list, lists[max(at, 0)], at >= 0)
			}
			keys = append(keys, k)
			checkFileName(t, Cache{Dir: "cache"}.path(k), "cache", k)
		}
		m := Memory{Dir: "requests"}
		path := m.path(one, []string{two})
		if dir, name := filepath.Split(path); dir != "requests"+string(filepath.Separator) || len(name) != 64 {
			t.Errorf("the request %q is kept in %q", one, path)
		}
		if one != two && (m.path(one, []string{two}) == m.path(two, []string{two}) || m.path(one, []string{one}) == m.path(one, []string{two})) {
			t.Errorf("%q and %q are kept in one file", one, two)
		}
	})
}

func checkFileName(t *testing.T, path, dir string, k Key) {
	t.Helper()
	var back Key
	name := filepath.Base(path)
	if filepath.Dir(path) != dir || strings.Trim(name, "0123456789abcdef") != "" || parseKey(&back, name) != nil || back != k {
		t.Errorf("the file of %x is %q", k, path)
	}
}
