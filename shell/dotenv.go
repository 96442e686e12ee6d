package shell

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Dotenv is the form of docker's --env-file and its kin: one K=V a line,
// without quotes, which docker would take as part of the value. It has no way
// to unset. Where readers differ about a value (quotes, $, #, backslash, outer
// blanks) it is refused. The form is not for sourcing in a shell.
func Dotenv() Dialect { return dotenv{} }

type dotenv struct{}

func (dotenv) Name() string { return "dotenv" }

func (d dotenv) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(d.Name(), unset, set, dotenvRefusal); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, v := range set {
		b.WriteString(v.Name)
		b.WriteByte('=')
		b.WriteString(v.Value)
		b.WriteByte('\n')
	}
	return b.String(), nil
}

func dotenvRefusal(value string) string {
	if !isPlain(value) {
		return "readers of the form differ about the value's characters"
	}
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	if isBlank(first) || isBlank(last) || strings.ContainsAny(value, "\u0085\u2028\u2029") {
		return "readers of the form differ about the value's blanks"
	}
	return ""
}

// isBlank includes the byte order mark, which JavaScript trims.
func isBlank(r rune) bool { return unicode.IsSpace(r) || r == 0xfeff }

func (dotenv) Failure([]string) string { return "" }

func (dotenv) Eval(command string) string { return command }

func (dotenv) QuoteWord(s string) string { return posix{name: "sh"}.QuoteWord(s) }
