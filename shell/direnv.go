package shell

import (
	_ "embed" // the library
	"strings"
)

//go:embed hooks/direnv.sh
var direnvLibrary string

// Direnv is the library that defines use_awsmfa for direnv, which runs it in
// bash. names are the variables that a profile may change. The error is a
// *ValueError where the program's path cannot be written.
func Direnv(self string, names []string) (string, error) {
	if reason := unfit(self); reason != "" {
		return "", &ValueError{"direnv", "the program's path", reason}
	}
	head, rest, _ := strings.Cut(direnvLibrary, "\n_awsmfa_self=")
	_, body, found := strings.Cut(rest, hookMark)
	if !found {
		panic("the library has no mark") // a test runs it
	}
	word := posix{name: "bash", ansiC: true}.QuoteWord
	return head + "\n_awsmfa_self=" + word(self) + "\n_awsmfa_names=" + word(strings.Join(names, " ")) + "\n" + body, nil
}
