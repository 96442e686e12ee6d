//go:build !windows

// Package filename puts file names together, as path/filepath does.
//
// It is there for the warm path: path/filepath has more in it, and comes late
// in the order in which Go initialises packages, so that most of a large
// program is initialised before anything that imports it
// (docs/decisions/0016). Where a slash is what separates, package path does the
// same, and comes with package os.
package filename

import (
	"path"
	"strings"
)

// room is enough for nearly every name. Go keeps objects of each size on pages
// of their own: names made to measure would touch some for each length.
const room = 320

// Join joins parts with the separator and cleans the result.
func Join(parts ...string) string {
	var name strings.Builder
	name.Grow(room)
	for _, part := range parts {
		if name.Len() > 0 {
			name.WriteByte('/')
		}
		name.WriteString(part)
	}
	if name.Len() == 0 {
		return ""
	}
	return path.Clean(name.String())
}

// Dir is all but the last part.
func Dir(name string) string { return path.Dir(name) }

// IsAbs reports whether the name does not depend on the current directory.
func IsAbs(name string) bool { return path.IsAbs(name) }

// ToSlash writes the separators as slashes.
func ToSlash(name string) string { return name }
