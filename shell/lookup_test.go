package shell

import (
	"errors"
	"slices"
	"testing"
)

func TestLookup(t *testing.T) {
	for name, want := range map[string]string{
		"sh": "sh", "dash": "dash", "ash": "ash", "busybox": "busybox", "bash": "bash", "zsh": "zsh", "ksh": "ksh",
		"mksh": "mksh", "yash": "yash", "fish": "fish", "tcsh": "tcsh", "csh": "tcsh", "elvish": "elvish",
		"xonsh": "xonsh", "nu": "nu", "nushell": "nu", "pwsh": "pwsh", "powershell": "pwsh", "cmd": "cmd",
		"/usr/bin/zsh": "zsh", `C:\Windows\System32\cmd.exe`: "cmd", "Fish": "fish", "-bash": "bash",
	} {
		d, err := Lookup(name)
		if err != nil {
			t.Errorf("Lookup(%q): %v", name, err)
		} else if d.Name() != want {
			t.Errorf("Lookup(%q) is %q, want %q", name, d.Name(), want)
		}
	}
	for _, name := range Names() {
		if _, err := Lookup(name); err != nil {
			t.Errorf("Names has %q, which Lookup does not know", name)
		}
	}
}

func TestLookupUnknown(t *testing.T) {
	for name, suggestion := range map[string]string{
		"klingon": "", "bsh": "sh", "fsh": "sh", "fisch": "fish", "xosh": "xonsh", "tcsch": "tcsh",
		"powershel": "powershell", "": "", "x\x1b[31m'": "", "json": "",
	} {
		d, err := Lookup(name)
		var unknown *UnknownError
		if d != nil || !errors.As(err, &unknown) {
			t.Errorf("Lookup(%q) = %v, %v", name, d, err)
			continue
		}
		if unknown.Suggestion != suggestion || !slices.Equal(unknown.Names, Names()) {
			t.Errorf("Lookup(%q) suggests %q, want %q", name, unknown.Suggestion, suggestion)
		}
		for _, c := range []byte(err.Error()) {
			if c < ' ' || c > '~' {
				t.Errorf("Lookup(%q): unclean message %q", name, err)
			}
		}
	}
}
