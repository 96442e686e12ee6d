package shell

import "strings"

// nu loads a JSON object; null hides a variable from commands. It loads what
// was printed even when the printing command failed, so a failure must print
// nothing: "from json" then refuses the empty input.
type nu struct{}

func (nu) Name() string { return "nu" }

func (n nu) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(n.Name(), unset, set, nil); err != nil {
		return "", err
	}
	return jsonObject(unset, set), nil
}

func (nu) Failure([]string) string { return "" }

func (nu) Eval(command string) string { return command + " | from json | load-env" }

// QuoteWord takes single quotes, which know no escapes, where it can.
func (nu) QuoteWord(s string) string {
	switch {
	case isBareWord(s):
		return s
	case unfit(s) == "" && !strings.Contains(s, "'"):
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			writeHex(&b, `\u{`, r, 2)
			b.WriteByte('}')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
