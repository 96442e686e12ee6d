// Package filename puts file names together, as path/filepath does.
package filename

import "path/filepath"

// Join joins parts with the separator and cleans the result.
func Join(parts ...string) string { return filepath.Join(parts...) }

// Dir is all but the last part.
func Dir(name string) string { return filepath.Dir(name) }

// IsAbs reports whether the name does not depend on the current directory.
func IsAbs(name string) bool { return filepath.IsAbs(name) }

// ToSlash writes the separators as slashes.
func ToSlash(name string) string { return filepath.ToSlash(name) }
