//go:build unix

package safeexec

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program writes an executable file and sets its mode whatever the umask.
func program(t *testing.T, path string, mode os.FileMode, body string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }
	// What must never run lies in the current directory.
	t.Chdir(root)
	for _, planted := range []string{"tool", "only-here", "sub/tool"} {
		program(t, at(planted), 0o755, "")
	}
	program(t, at("fine", "tool"), 0o755, "")
	program(t, at("fine", "shared"), 0o775, "")
	program(t, at("fine", "data"), 0o644, "")
	program(t, at("fine", "open"), 0o777, "")
	program(t, at("open-dir", "tool"), 0o755, "")
	program(t, at("sticky-dir", "tool"), 0o755, "")
	program(t, at("links", "x"), 0o755, "")
	for _, dir := range []string{"fine/folder", "folder-first/tool"} {
		if err := os.MkdirAll(at(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"links/tool": at("fine/tool"), "links/open": at("fine/open"), "links/astray": at("open-dir/tool"), "links/gone": at("nowhere"),
	} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chmod(at("open-dir"), 0o777), os.Chmod(at("sticky-dir"), 0o777|os.ModeSticky)); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		label, name string
		path        []string
		want        string
		err         error
	}{
		{"absolute", at("fine/tool"), nil, at("fine/tool"), nil},
		{"bare name", "tool", []string{at("none"), at("fine")}, at("fine/tool"), nil},
		{"first entry wins", "tool", []string{at("links"), at("fine")}, at("links/tool"), nil},
		{"empty and relative entries", "tool", []string{"", ".", "sub", "./sub", at("fine"), ""}, at("fine/tool"), nil},
		{"only in the current directory", "only-here", []string{"", ".", "./"}, "", ErrNotFound},
		{"no PATH", "only-here", nil, "", ErrNotFound},
		{"directory called so", "tool", []string{at("folder-first"), at("fine")}, at("fine/tool"), nil},
		{"only a directory", "tool", []string{at("folder-first")}, "", ErrNotFound},
		{"group writable", "shared", []string{at("fine")}, at("fine/shared"), nil},
		{"PATH entry is a file", "tool", []string{at("fine/tool"), at("fine")}, at("fine/tool"), nil},
		{"sticky directory", "tool", []string{at("sticky-dir")}, at("sticky-dir/tool"), nil},
		{"symbolic link", at("links/tool"), nil, at("links/tool"), nil},
		{"dangling link", at("links/gone"), nil, "", ErrNotFound},
		{"relative path", "./tool", []string{at("fine")}, "", ErrNotAbsolute},
		{"path below", "sub/tool", []string{root}, "", ErrNotAbsolute},
		{"parent", "../tool", []string{at("fine")}, "", ErrNotAbsolute},
		{"home", "~/bin/tool", []string{at("fine")}, "", ErrNotAbsolute},
		{"dots", "..", []string{at("fine")}, "", ErrNotAbsolute},
		{"empty", "", []string{at("fine")}, "", ErrNotAbsolute},
		{"missing", at("fine/missing"), nil, "", ErrNotFound},
		{"directory", at("fine/folder"), nil, "", ErrNotProgram},
		{"not executable", at("fine/data"), nil, "", ErrNotProgram},
		{"not executable in PATH", "data", []string{at("fine")}, "", ErrNotFound},
		{"device", os.DevNull, nil, "", ErrNotProgram},
		{"world-writable", at("fine/open"), nil, "", ErrUnsafe},
		{"world-writable in PATH", "open", []string{at("fine")}, "", ErrUnsafe},
		{"link to world-writable", at("links/open"), nil, "", ErrUnsafe},
		{"open directory", at("open-dir/tool"), nil, "", ErrUnsafe},
		{"link into an open directory", at("links/astray"), nil, "", ErrUnsafe},
		{"open directory first", "tool", []string{at("open-dir"), at("fine")}, at("fine/tool"), nil},
	} {
		got, err := Find(c.name, strings.Join(c.path, string(os.PathListSeparator)))
		if got != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: got %q, %v", c.label, got, err)
		}
	}
}

// TestFindAnothersPlant needs root to make files of another user.
func TestFindAnothersPlant(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const another = 12345
	for name, prepare := range map[string]func(base, dir, tool string) error{
		"a plant in a sticky directory": func(_, dir, tool string) error {
			return errors.Join(os.Chown(tool, another, another), os.Chmod(dir, 0o777|os.ModeSticky))
		},
		"the program":       func(_, _, tool string) error { return os.Chown(tool, another, another) },
		"its directory":     func(_, dir, _ string) error { return os.Chown(dir, another, another) },
		"a directory above": func(base, _, _ string) error { return os.Chown(base, another, another) },
		"an open one above": func(base, _, _ string) error { return os.Chmod(base, 0o777) },
		"a link's way, above": func(base, dir, tool string) error {
			away := filepath.Join(base, "away")
			return errors.Join(os.Mkdir(away, 0o755), os.Rename(tool, filepath.Join(away, "real")),
				os.Symlink(filepath.Join(away, "real"), tool), os.Chown(away, another, another))
		},
	} {
		base := filepath.Join(t.TempDir(), "base")
		dir := filepath.Join(base, "bin")
		planted := program(t, filepath.Join(dir, "tool"), 0o755, "")
		if err := prepare(base, dir, planted); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"tool", planted} {
			if _, err := Find(at, dir); !errors.Is(err, ErrUnsafe) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
