package shell

import "strings"

// elvish raises on a command that fails before its output is evaluated, so a
// failure needs no text, and could not unset anything.
type elvish struct{}

func (elvish) Name() string { return "elvish" }

func (e elvish) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(e.Name(), unset, set, nil); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range unset {
		b.WriteString("unset-env ")
		b.WriteString(name)
		b.WriteString("; ")
	}
	for _, v := range set {
		b.WriteString("set-env ")
		b.WriteString(v.Name)
		b.WriteByte(' ')
		b.WriteString(e.quote(v.Value))
		b.WriteString("; ")
	}
	return endLine(&b), nil
}

// endLine ends a text of statements that were each followed by a blank.
func endLine(b *strings.Builder) string { return strings.TrimSuffix(b.String(), " ") + "\n" }

func (elvish) quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (elvish) Failure([]string) string { return "" }

func (elvish) Eval(command string) string { return "eval (" + command + " | slurp)" }

func (e elvish) QuoteWord(s string) string {
	if isBareWord(s) {
		return s
	}
	return e.quote(s)
}
