package shell

import (
	"strings"

	"awsmfa/internal/text"
)

// UnknownError says that no dialect has the name.
type UnknownError struct {
	Name       string
	Names      []string // what Lookup knows
	Suggestion string   // the nearest of them, or ""
}

func (e *UnknownError) Error() string { return "unknown shell " + shownName(e.Name) }

// Names lists what Lookup knows, aliases included, in the order to show.
func Names() []string {
	return []string{"sh", "dash", "ash", "busybox", "bash", "zsh", "ksh", "mksh", "yash", "fish", "tcsh", "csh",
		"elvish", "xonsh", "nu", "nushell", "pwsh", "powershell", "cmd"}
}

// Lookup gives the dialect of a shell's name; a path to the shell will do. The
// error is an *UnknownError.
func Lookup(name string) (Dialect, error) {
	if d := named(baseName(name)); d != nil {
		return d, nil
	}
	return nil, &UnknownError{Name: name, Names: Names(), Suggestion: nearest(baseName(name), Names())}
}

// named gives the dialect for a canonical name or an alias, or nil.
//
// "sh" and "ash" are many programs (dash, bash, busybox, ksh), so their text
// uses only what all of these know.
func named(name string) Dialect {
	switch name {
	case "sh", "dash", "ash", "yash":
		return posix{name: name}
	case "busybox", "bash", "zsh", "ksh", "mksh":
		return posix{name: name, ansiC: true}
	case "fish":
		return fish{}
	case "tcsh", "csh":
		return tcsh{}
	case "elvish":
		return elvish{}
	case "xonsh":
		return xonsh{}
	case "nu", "nushell":
		return nu{}
	case "pwsh", "powershell":
		return pwsh{}
	case "cmd":
		return cmd{}
	}
	return nil
}

// baseName makes "fish" of "/usr/bin/fish", "-fish" and `C:\bin\Fish.EXE`.
func baseName(path string) string {
	path = path[strings.LastIndexAny(path, `/\`)+1:]
	path = strings.ToLower(strings.TrimPrefix(path, "-"))
	return strings.TrimSuffix(path, ".exe")
}

// nearest is the known name within two edits of a mistyped one, or "".
func nearest(name string, names []string) string {
	best, bestDistance := "", 3
	for _, known := range names {
		if len(name) > len(known)+2 {
			continue // cannot be near, and may be very long
		}
		if d := text.Distance(name, known); d < bestDistance && d < len(known) {
			best, bestDistance = known, d
		}
	}
	return best
}
