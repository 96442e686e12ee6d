package complete

import (
	"strings"

	"awsmfa/shell"
)

// tongue is how a shell hands words over, and takes them.
type tongue struct {
	name    string
	filters bool // it leaves it to us to keep what begins with the word
	mute    bool // it shows values alone
}

func tongueOf(name string) tongue {
	switch name {
	case "bash":
		return tongue{name: name, filters: true, mute: true}
	case "nu":
		return tongue{name: name, filters: true}
	case "pwsh":
		return tongue{name: name, filters: true}
	}
	return tongue{name: name}
}

// typed is a word without its quotes, and what of them is still open at its end.
type typed struct {
	text string
	open string // what opened a quote: ', ", $', ` or nothing
	kept int    // so much of the text stays as it is
	lost bool   // the shell takes other quotes for open than it does when it runs
}

func (t tongue) read(word string) typed {
	switch t.name {
	case "bash":
		return readBash(word)
	case "nu":
		return readNu(word)
	case "pwsh":
		return readPwsh(word)
	}
	return typed{text: word}
}

func (t tongue) write(value string, at typed) string {
	switch t.name {
	case "bash":
		return writeBash(value[min(at.kept, len(value)):], at.open)
	case "nu":
		return quoted("nu", value)
	case "pwsh":
		return quoted("pwsh", value)
	}
	return value
}

func quoted(dialect, value string) string {
	d, err := shell.Lookup(dialect)
	if err != nil {
		return ""
	}
	return d.QuoteWord(value)
}

// readBash takes quotes away, and nothing else: what bash would expand stays as
// it stands.
func readBash(s string) (t typed) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		next := ""
		if i+1 < len(s) {
			next = s[i+1 : i+2]
		}
		switch {
		case c == '\\' && t.open == "'":
			b.WriteByte(c)
		case c == '\\' && t.open == `"`:
			if !strings.Contains("$`\"\\", next) { // an empty one is contained
				b.WriteByte(c)
			}
			b.WriteString(next)
			i++
		case c == '\\':
			// Within $'…' readline takes \' for the end, which it is not, and \n
			// and the like are not worth their table.
			t.lost = t.lost || t.open == "$'"
			b.WriteString(next)
			i++
		case t.open != "" && c == t.open[len(t.open)-1]:
			t.open = ""
		case t.open != "":
			b.WriteByte(c)
		case c == '$' && (next == "'" || next == `"`):
			if t.open = "$'"; next == `"` {
				t.open = next
			}
			i++
		case c == '\'' || c == '"':
			t.open = string(c)
		default:
			b.WriteByte(c)
		}
	}
	t.text = b.String()
	return t
}

// unquotedBash are the bytes that bash reads as more than themselves.
const unquotedBash = " \t\"'`$\\|&;<>()[]{}*?!#^"

// writeBash quotes a value to stand within the quotes that are open. Bash closes
// those itself, save where the text ends in such a quote already: then it takes
// them for closed.
func writeBash(value, open string) string {
	switch open {
	case "'":
		return strings.TrimSuffix(strings.ReplaceAll(value, "'", `'\''`), "'")
	case "$'":
		value = strings.NewReplacer("'", `\'`, `\`, `\\`).Replace(value)
		if strings.HasSuffix(value, "'") {
			value += "'"
		}
		return value
	case `"`:
		// History is expanded in double quotes too, and keeps the backslash.
		value = strings.NewReplacer(`"`, `\"`, `\`, `\\`, "$", `\$`, "`", "\\`", "!", `"\!"`).Replace(value)
		if strings.HasSuffix(value, `"`) {
			value += `"`
		}
		return value
	}
	if !strings.HasPrefix(value, "~") && !strings.ContainsAny(value, unquotedBash) {
		return value
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		if strings.IndexByte(unquotedBash, c) >= 0 || i == 0 && c == '~' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// readNu reads the one quoted form that a word of nu has, or a bare word.
func readNu(s string) typed {
	if s == "" || !strings.Contains("'\"`", s[:1]) {
		return typed{text: s}
	}
	t := typed{open: s[:1]}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && t.open == `"` && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case t.open != "" && c == t.open[0]:
			t.open = ""
		default:
			b.WriteByte(c)
		}
	}
	t.text = b.String()
	return t
}

// readPwsh takes the quotes from a word that was only begun: others come without.
func readPwsh(s string) typed {
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return typed{text: s}
	}
	q := s[:1]
	return typed{text: strings.ReplaceAll(strings.TrimSuffix(s[1:], q), q+q, q), open: q}
}
