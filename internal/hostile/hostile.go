// Package hostile holds what tests put in the way of shells: text that each of
// them is known to change, and files whose names do harm where a pattern finds
// them. Values are put through a shell, Litter is where it stands meanwhile,
// and Traces tells whether anything of it was run.
package hostile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Trace is the file that every command hidden in a value or a name makes.
const Trace = "PWN"

// Litter fills dir with files that a pattern in one of the texts would find,
// named so that their names run a command if they take the pattern's place.
func Litter(dir string, texts ...string) error {
	names := litter()
	for _, text := range texts {
		for _, word := range strings.Fields(text) {
			if len(word) < 200 {
				names = append(names, found(word)...)
			}
		}
	}
	for _, name := range names {
		if name == "" || len(name) > 255 || strings.ContainsAny(name, "/\x00") || name == "." || name == ".." || name == Trace {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

func litter() []string {
	return []string{"-n", "-rf", "*", "?", "a b", "a*b", "';touch PWN;'", "$(touch PWN)", "`touch PWN`", "; touch PWN;", "&touch PWN&",
		"true", "false", "export", "unset", "set", "setenv", "A='';touch PWN;''", "x", "b", "#", "~", "!!", "{p,q}", "[a]", "dev", "é", "'", "\"", "\\", "a\nb", "PATH=x"}
}

// found lists the names that a word finds where a shell takes it for a pattern.
func found(word string) []string {
	names := []string{word, strings.NewReplacer(`\052`, "';touch PWN;'", `\`, "").Replace(word)}
	bare := strings.ReplaceAll(word, `\`, "")
	for _, r := range []string{"", ";touch PWN;", "';touch PWN;'", "*"} {
		for _, pattern := range []string{"*", "?", "[a]"} {
			names = append(names, strings.ReplaceAll(bare, pattern, r))
		}
	}
	return names
}

// Traces lists the traces in and below dir.
func Traces(dir string) ([]string, error) {
	var traces []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == Trace {
			traces = append(traces, path)
		}
		return err
	})
	return traces, err
}
