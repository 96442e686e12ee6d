package shell

import "strings"

// posix is the Bourne family. Its whole text is one line, because an unquoted
// substitution joins lines with blanks: a newline would not end a statement
// there, and a comment would swallow the rest.
type posix struct {
	name string
	// ansiC says that the shell has $'…', which needs no command to run and
	// holds no "(", a pattern character under zsh's GLOB_SUBST.
	ansiC bool
}

func (p posix) Name() string { return p.name }

func (p posix) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(p.name, unset, set, nil); err != nil {
		return "", err
	}
	if len(unset)+len(set) == 0 {
		return "true;\n", nil
	}
	var b strings.Builder
	b.Grow(posixSize(unset, set))
	writeWords(&b, "unset", unset)
	if len(set) > 0 {
		if len(unset) > 0 {
			b.WriteByte(' ')
		}
		// One export for all: where a variable is readonly, the shells that go
		// on after a failed export would otherwise mix two identities.
		b.WriteString("export")
		for _, v := range set {
			b.WriteByte(' ')
			b.WriteString(v.Name)
			b.WriteByte('=')
			p.quote(&b, v.Value)
		}
		b.WriteByte(';')
	}
	b.WriteByte('\n')
	return b.String(), nil
}

// posixSize is exact for plain values, which are nearly all.
func posixSize(unset []string, set []Var) int {
	size := len("unset; export;\n")
	for _, name := range unset {
		size += len(name) + 1
	}
	for _, v := range set {
		size += len(v.Name) + len(v.Value) + len(" =''")
	}
	return size
}

// writeWords writes "verb a b c;", or nothing when there is no word.
func writeWords(b *strings.Builder, verb string, words []string) {
	if len(words) == 0 {
		return
	}
	b.WriteString(verb)
	for _, word := range words {
		b.WriteByte(' ')
		b.WriteString(word)
	}
	b.WriteByte(';')
}

func (p posix) quote(b *strings.Builder, value string) {
	switch {
	case isPlain(value):
		b.WriteByte('\'')
		b.WriteString(value)
		b.WriteByte('\'')
	case p.ansiC:
		b.WriteString("$'")
		writeOctal(b, value)
		b.WriteByte('\'')
	default:
		b.WriteString("\"$(printf '")
		writeOctal(b, value)
		b.WriteString("')\"")
	}
}

// writeOctal leaves only letters, digits and a few signs as they are: nothing
// else may be a blank to IFS, a pattern, an option or a directive of printf.
// Three digits always, and octal, not hex: inside $'…' ksh and mksh take every
// hex digit that follows \x into one character.
func writeOctal(b *strings.Builder, value string) {
	for i := 0; i < len(value); i++ {
		c := value[i]
		if isLetter(c) || isDigit(c) || strings.IndexByte("_./:@,", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('\\')
		b.WriteByte('0' + c>>6)
		b.WriteByte('0' + c>>3&7)
		b.WriteByte('0' + c&7)
	}
}

func (p posix) Failure(unset []string) string {
	var b strings.Builder
	if unset = plainNames(unset); len(unset) > 0 {
		writeWords(&b, "unset", unset)
		b.WriteByte(' ')
	}
	b.WriteString("false;\n")
	return b.String()
}

func (p posix) Eval(command string) string { return `eval "$(` + command + `)"` }

func (p posix) QuoteWord(s string) string {
	switch {
	case isBareWord(s):
		return s
	case unfit(s) == "":
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	p.quote(&b, s)
	return b.String()
}
