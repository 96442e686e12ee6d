package shell

import (
	"strings"
)

// pwsh is PowerShell, 5.1 and later. Its text is ASCII: PowerShell also ends
// strings at typographic quotes, and Windows may damage the rest on the way.
// A name is unset by assigning $null, as its documentation
// (about_Environment_Variables) says for every version; unlike Remove-Item
// that minds no preference variable and leaves $? true. An empty value
// removes the variable too, before version 7.5.
type pwsh struct{}

func (pwsh) Name() string { return "pwsh" }

func (p pwsh) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(p.Name(), unset, set, nil); err != nil {
		return "", err
	}
	var b strings.Builder
	p.unset(&b, unset)
	for _, v := range set {
		b.WriteString("$Env:")
		b.WriteString(v.Name)
		b.WriteByte('=')
		p.quote(&b, v.Value)
		b.WriteString("; ")
	}
	if b.Len() == 0 {
		// Invoke-Expression does not take an empty command.
		return "$null=$null;\n", nil
	}
	return endLine(&b), nil
}

func (pwsh) unset(b *strings.Builder, names []string) {
	for _, name := range names {
		b.WriteString("$Env:")
		b.WriteString(name)
		b.WriteString("=$null; ")
	}
}

func (pwsh) quote(b *strings.Builder, value string) {
	if isPlainASCII(value) {
		b.WriteString("'" + value + "'")
		return
	}
	b.WriteByte('"')
	for _, r := range value {
		if r == ' ' || r < 0x80 && isInert(byte(r)) {
			b.WriteByte(byte(r))
		} else {
			writeUTF16(b, "$([char]0x", ")", r)
		}
	}
	b.WriteByte('"')
}

func (p pwsh) Failure(unset []string) string {
	var b strings.Builder
	p.unset(&b, plainNames(unset))
	b.WriteString("throw 'awsmfa: failed'\n")
	return b.String()
}

func (pwsh) Eval(command string) string {
	return command + " | Out-String | Invoke-Expression"
}

// QuoteWord doubles every character that PowerShell takes for a single quote.
func (p pwsh) QuoteWord(s string) string {
	switch {
	case isBareWord(s):
		return s
	case unfit(s) == "":
		return "'" + strings.NewReplacer("'", "''", "\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019",
			"\u201a", "\u201a\u201a", "\u201b", "\u201b\u201b").Replace(s) + "'"
	}
	var b strings.Builder
	p.quote(&b, s)
	return b.String()
}
