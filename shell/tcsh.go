package shell

import "strings"

// tcsh is the C shell. Its quotes protect neither from history (!) nor, in an
// unquoted substitution, from braces and globs, so each sign gets a backslash
// of its own.
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

// quote puts the backslash before a whole character: between the bytes of one
// it would break it.
func (tcsh) quote(b *strings.Builder, value string) {
	if value == "" {
		b.WriteString("''")
		return
	}
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c != '=' && !isInert(c) && (c < 0x80 || c >= 0xc0) {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
}

func (t tcsh) Failure(unset []string) string {
	var b strings.Builder
	t.unset(&b, plainNames(unset))
	b.WriteString("false;\n")
	return b.String()
}

func (tcsh) Eval(command string) string { return "eval \"`" + command + "`\"" }

func (t tcsh) QuoteWord(s string) string {
	if isBareWord(s) {
		return s
	}
	var b strings.Builder
	t.quote(&b, s)
	return b.String()
}
