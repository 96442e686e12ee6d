package shell

import (
	"strings"
	"unicode/utf8"
)

// JSON is the form for programs: one object from variable to value, in which
// null unsets. It is ASCII, so that no code page can damage it.
func JSON() Dialect { return jsonForm{} }

type jsonForm struct{}

func (jsonForm) Name() string { return "json" }

func (j jsonForm) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(j.Name(), unset, set, nil); err != nil {
		return "", err
	}
	return jsonObject(unset, set), nil
}

func jsonObject(unset []string, set []Var) string {
	var b strings.Builder
	separator := byte('{')
	for _, name := range unset {
		if isSet(name, set) {
			continue // an object has each name once
		}
		b.WriteByte(separator)
		b.WriteString(`"` + name + `":null`)
		separator = ','
	}
	for _, v := range set {
		b.WriteByte(separator)
		b.WriteString(`"` + v.Name + `":`)
		writeJSONString(&b, v.Value)
		separator = ','
	}
	if separator == '{' {
		b.WriteByte('{')
	}
	b.WriteString("}\n")
	return b.String()
}

func isSet(name string, set []Var) bool {
	for _, v := range set {
		if v.Name == name {
			return true
		}
	}
	return false
}

func writeJSONString(b *strings.Builder, value string) {
	b.WriteByte('"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteByte(byte(r))
		case r >= ' ' && r < 0x7f:
			b.WriteByte(byte(r))
		default:
			writeUTF16(b, `\u`, "", r)
		}
	}
	b.WriteByte('"')
}

// writeUTF16 writes r as one or two four-digit hex units, each between prefix
// and suffix: beyond the first plane, readers of UTF-16 want a surrogate pair.
func writeUTF16(b *strings.Builder, prefix, suffix string, r rune) {
	if r > 0xffff && r <= utf8.MaxRune {
		r -= 0x10000
		writeHex(b, prefix, 0xd800+r>>10, 4)
		b.WriteString(suffix)
		r = 0xdc00 + r&0x3ff
	}
	writeHex(b, prefix, r, 4)
	b.WriteString(suffix)
}

func (jsonForm) Failure([]string) string { return "" }

func (jsonForm) Eval(command string) string { return command }

func (jsonForm) QuoteWord(s string) string { return posix{name: "sh"}.QuoteWord(s) }
