package shell

import "strings"

// fish unsets global variables only. A universal variable of the same name is
// the user's own, kept on disk for every session. Erasing it would be for
// good, and no global that is not exported hides it from commands (seen in
// 3.6): the text says so on stderr, with the command that removes it, and
// goes on. A local variable of a calling function cannot be reached.
type fish struct{}

func (fish) Name() string { return "fish" }

func (f fish) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(f.Name(), unset, set, nil); err != nil {
		return "", err
	}
	var b strings.Builder
	f.unset(&b, unset)
	for _, v := range set {
		b.WriteString("set -gx ")
		b.WriteString(v.Name)
		b.WriteByte(' ')
		f.quote(&b, v.Value)
		b.WriteString("; ")
	}
	// "set -e" of a missing variable gives 4, and "set -gx" keeps that status.
	b.WriteString("true;\n")
	return b.String(), nil
}

func (fish) unset(b *strings.Builder, names []string) {
	if len(names) == 0 {
		return
	}
	writeWords(b, "set -eg", names)
	b.WriteByte(' ')
	// The local variable keeps the loop's own name out of the user's session.
	b.WriteString("begin; set -l k; for k in")
	for _, name := range names {
		b.WriteByte(' ')
		b.WriteString(name)
	}
	b.WriteString("; set -qUx $k; and " +
		`echo "awsmfa: warning: universal variable $k is still exported (set -eU $k removes it)" >&2; end; end; `)
}

// quote writes \Xhh for what is not ASCII: bytes as they are, whatever the
// locale. Backslash before a sign takes away its meaning; no letter or digit
// is escaped, where a backslash would give one.
func (fish) quote(b *strings.Builder, value string) {
	if isPlainASCII(value) {
		b.WriteByte('\'')
		b.WriteString(value)
		b.WriteByte('\'')
		return
	}
	const hex = "0123456789abcdef"
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c >= 0x80 || c < ' ' || c == 0x7f:
			b.WriteString(`\X`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		case isInert(c) && c != '%' && c != '=':
			b.WriteByte(c)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
}

func (f fish) Failure(unset []string) string {
	var b strings.Builder
	f.unset(&b, plainNames(unset))
	b.WriteString("false;\n")
	return b.String()
}

func (fish) Eval(command string) string { return command + " | source" }

func (f fish) QuoteWord(s string) string {
	switch {
	case isBareWord(s):
		return s
	case unfit(s) == "":
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	var b strings.Builder
	f.quote(&b, s)
	return b.String()
}
