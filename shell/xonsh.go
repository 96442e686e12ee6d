package shell

import (
	"strings"
	"unicode/utf8"
)

// xonsh reads Python. A name is popped from the environment, since del raises
// for one that is missing.
type xonsh struct{}

func (xonsh) Name() string { return "xonsh" }

func (x xonsh) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(x.Name(), unset, set, nil); err != nil {
		return "", err
	}
	var b strings.Builder
	x.unset(&b, unset)
	for _, v := range set {
		b.WriteByte('$')
		b.WriteString(v.Name)
		b.WriteString(" = ")
		x.quote(&b, v.Value)
		b.WriteString("; ")
	}
	if b.Len() == 0 {
		return "pass;\n", nil
	}
	return endLine(&b), nil
}

func (xonsh) unset(b *strings.Builder, names []string) {
	for _, name := range names {
		b.WriteString("${...}.pop('")
		b.WriteString(name)
		b.WriteString("', None); ")
	}
}

// quote writes an ASCII literal without any sign that xonsh might expand.
func (xonsh) quote(b *strings.Builder, value string) {
	b.WriteByte('\'')
	for _, r := range value {
		switch {
		case r == ' ' || r < utf8.RuneSelf && isInert(byte(r)):
			b.WriteByte(byte(r))
		case r <= 0xff:
			writeHex(b, `\x`, r, 2)
		case r <= 0xffff:
			writeHex(b, `\u`, r, 4)
		default:
			writeHex(b, `\U`, r, 8)
		}
	}
	b.WriteByte('\'')
}

// writeHex writes r after prefix in so many hex digits.
func writeHex(b *strings.Builder, prefix string, r rune, digits int) {
	const hex = "0123456789abcdef"
	b.WriteString(prefix)
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b.WriteByte(hex[r>>shift&15])
	}
}

// Failure raises only after the names are gone: execx compiles the whole text
// first, then runs it statement by statement.
func (x xonsh) Failure(unset []string) string {
	var b strings.Builder
	x.unset(&b, plainNames(unset))
	b.WriteString("raise RuntimeError('awsmfa: failed')\n")
	return b.String()
}

func (xonsh) Eval(command string) string { return "execx($(" + command + "))" }

// QuoteWord wraps a literal in @(…) where a quoted word would still be
// expanded: xonsh looks for variables and home directories in strings too.
func (x xonsh) QuoteWord(s string) string {
	if isBareWord(s) {
		return s
	}
	literal := "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	if unfit(s) != "" {
		var b strings.Builder
		x.quote(&b, s)
		literal = b.String()
	}
	if strings.ContainsAny(s, "$~%{}") || unfit(s) != "" {
		return "@(" + literal + ")"
	}
	return literal
}
