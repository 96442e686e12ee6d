// Package shell writes environment changes in the language of a shell.
//
// Start with Lookup for a name that a user gave, or with Detect for the shell
// that awsmfa runs under. A Dialect then turns variables into one text that
// means the same whether the user quotes the substitution that reads it or
// not, in any directory: values are either written so that no shell can see
// anything in them, or refused. The package knows nothing of AWS, prints
// nothing and reads no variables.
package shell

import (
	"errors"
	"unicode/utf8"
)

// Var is one environment variable to set.
type Var struct{ Name, Value string }

// Dialect is one shell's way of writing.
type Dialect interface {
	// Name is the name that Lookup knows the dialect by.
	Name() string
	// Statements is the whole text, final newline included: it unsets the
	// first names, then sets the variables, and leaves a status of success.
	// The error is a *ValueError, wrapping ErrUnprintable.
	Statements(unset []string, set []Var) (string, error)
	// Failure is the text that makes the shell see a failure, after unsetting
	// the names: "" in shells that see it without, or could not run it.
	Failure(unset []string) string
	// Eval is the line a user types to run what command prints. The words of
	// command are quoted already (see QuoteWord).
	Eval(command string) string
	// QuoteWord writes s as one word of a command line that a user types. It
	// is for hints: unlike Statements, its text is not fit to be substituted.
	QuoteWord(s string) string
}

// ErrUnprintable is what every *ValueError is: errors.Is(err, ErrUnprintable).
var ErrUnprintable = errors.New("cannot be written in this shell's language")

// ValueError says which variable a dialect cannot write. It never holds the
// value, which may be a secret.
type ValueError struct {
	Dialect, Name, Reason string
}

func (e *ValueError) Error() string {
	return "variable " + e.Name + " cannot be written for " + e.Dialect + ": " + e.Reason
}

// Unwrap makes every ValueError an ErrUnprintable.
func (e *ValueError) Unwrap() error { return ErrUnprintable }

// checkAll holds what every dialect refuses: a name that is no identifier, and
// a value that some shell drops, cuts or reads in another way than its bytes.
func checkAll(dialect string, unset []string, set []Var, refused func(string) string) error {
	for _, name := range unset {
		if !isIdentifier(name) {
			return &ValueError{dialect, shownName(name), "the name is not plain"}
		}
	}
	for _, v := range set {
		if !isIdentifier(v.Name) {
			return &ValueError{dialect, shownName(v.Name), "the name is not plain"}
		}
		reason := unfit(v.Value)
		if reason == "" && refused != nil {
			reason = refused(v.Value)
		}
		if reason != "" {
			return &ValueError{dialect, v.Name, reason}
		}
	}
	return nil
}

// unfit gives the reason why no dialect takes the value, or "".
func unfit(value string) string {
	for i := 0; i < len(value); i++ {
		if value[i] < ' ' || value[i] == 0x7f {
			return "the value holds a control character"
		}
	}
	if !utf8.ValidString(value) {
		return "the value is not UTF-8"
	}
	return ""
}

// plainNames drops what is no identifier. Failure texts have no error to
// return, and must never carry anything but names.
func plainNames(names []string) []string {
	var plain []string
	for _, name := range names {
		if isIdentifier(name) {
			plain = append(plain, name)
		}
	}
	return plain
}

func isIdentifier(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c != '_' && !isLetter(c) && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return name != ""
}

// shownName is a bad name made fit for an error line.
func shownName(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c != '_' && !isLetter(c) && !isDigit(c) {
			b[i] = '?'
		}
	}
	if len(b) > 64 {
		b = b[:64]
	}
	return `"` + string(b) + `"`
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isInert is true of bytes that mean nothing to any shell inside quotes, to
// the splitting and globbing of an unquoted substitution, and to the parser
// that reads its result.
func isInert(c byte) bool {
	if isLetter(c) || isDigit(c) {
		return true
	}
	switch c {
	case '_', '.', '/', ':', '@', '%', '+', ',', '=', '-':
		return true
	}
	return false
}

// isPlain reports whether a value survives between single quotes, even when
// the substitution that brings it is not quoted: blanks stand alone, since a
// run of them becomes one, and no "=" begins a word, where zsh would put the
// path of a command.
func isPlain(value string) bool { return inertWords(value, true) }

// isPlainASCII is isPlain without the non-ASCII characters, for shells that
// read those by the locale or a code page.
func isPlainASCII(value string) bool { return inertWords(value, false) }

func inertWords(value string, foreign bool) bool {
	start := true
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == ' ':
			if i > 0 && start {
				return false
			}
		case c >= utf8.RuneSelf:
			if !foreign {
				return false
			}
		case !isInert(c) || c == '=' && start:
			return false
		}
		start = c == ' '
	}
	return true
}

// isBareWord reports whether a user need not quote s in any of the shells.
func isBareWord(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isLetter(c), isDigit(c), c == '_', c == '/', c == '-', c == '+', c == ':':
		case (c == '@' || c == '.') && i > 0:
		default:
			return false
		}
	}
	return s != ""
}
