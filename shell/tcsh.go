package shell

import "strings"

// tcsh is the C shell. In an unquoted substitution it expands braces even
// behind a backslash or in quotes ("{a,b}" would run b), and history (!) minds
// no quotes at all: what is not plain goes through printf, in octal.
type tcsh struct{}

func (tcsh) Name() string { return "tcsh" }

func (t tcsh) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(t.Name(), unset, set, nil); err != nil {
		return "", err
	}
	var b strings.Builder
	t.unset(&b, unset)
	for _, v := range set {
		b.WriteString("setenv ")
		b.WriteString(v.Name)
		b.WriteByte(' ')
		t.quote(&b, v.Value)
		b.WriteString("; ")
	}
	return endLine(&b), nil
}

func (tcsh) unset(b *strings.Builder, names []string) {
	for _, name := range names {
		b.WriteString("unsetenv ")
		b.WriteString(name)
		b.WriteString("; ")
	}
}

func (tcsh) quote(b *strings.Builder, value string) {
	if isPlainASCII(value) {
		b.WriteString("'" + value + "'")
		return
	}
	b.WriteString("\"`printf '")
	writeOctal(b, value)
	b.WriteString("'`\"")
}

func (t tcsh) Failure(unset []string) string {
	var b strings.Builder
	t.unset(&b, plainNames(unset))
	b.WriteString("false;\n")
	return b.String()
}

// Eval leaves out the double quotes where they would change the command: "$"
// and a quote have their meaning in them whatever is before. No substitution
// at all can carry "!" or a backquote to a command; such a command is left
// alone, and only prints.
func (tcsh) Eval(command string) string {
	switch {
	case strings.ContainsAny(command, "!`"):
		return command
	case strings.ContainsAny(command, `"$`):
		return "eval `" + command + "`"
	}
	return "eval \"`" + command + "`\""
}

// QuoteWord puts a backslash before every sign, as "!" needs it even between
// quotes.
func (t tcsh) QuoteWord(s string) string {
	if isBareWord(s) {
		return s
	}
	var b strings.Builder
	if s == "" || unfit(s) != "" {
		t.quote(&b, s)
		return b.String()
	}
	for i := 0; i < len(s); i++ {
		// Before a whole character: between the bytes of one it would break it.
		if c := s[i]; c&0xc0 != 0x80 && (c == '=' || !isInert(c)) {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
