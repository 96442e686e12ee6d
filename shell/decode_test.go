package shell

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
)

// change is what a text does: the decoders below read the texts as the shells
// do, and share nothing with the code that writes them.
type change struct {
	unset []string
	set   []Var
}

// grammars keeps what newGrammar made, since compiling costs more than a check.
var grammars sync.Map

func grammar(dialect string) *regexp.Regexp {
	if g, ok := grammars.Load(dialect); ok {
		return g.(*regexp.Regexp)
	}
	g := newGrammar(dialect)
	grammars.Store(dialect, g)
	return g
}

// newGrammar is everything a dialect may ever print as statements, byte by
// byte.
func newGrammar(dialect string) *regexp.Regexp {
	const name = `[A-Za-z_][A-Za-z0-9_]*`
	const plain = `'(?:[\w./:@%+,=\- ]|[^\x00-\x7f])*'`
	const ascii = `'[\w./:@%+,=\- ]*'`
	const octal = `(?:[\w./:@,]|\\[0-3][0-7]{2})*`
	posix := func(coded string) string {
		value := `(?:` + plain + `|` + coded + `)`
		return `^(?:true;|(?:unset(?: ` + name + `)+;)?(?: ?export(?: ` + name + `=` + value + `)+;)?)\n$`
	}
	var pattern string
	switch dialect {
	case "sh", "dash", "ash", "yash":
		pattern = posix(`"\$\(printf '` + octal + `'\)"`)
	case "bash", "zsh", "ksh", "mksh", "busybox":
		pattern = posix(`\$'` + octal + `'`)
	case "fish":
		pattern = `^(?:set -eg(?: ` + name + `)+; begin; set -l k; for k in(?: ` + name + `)+; set -qUx \$k; and echo "[\w:()$ -]+" >&2; end; end; )?` +
			`(?:set -gx ` + name + ` (?:` + ascii + `|(?:[\w./:@+,-]|\\X[0-9a-f]{2}|\\[ -/:-@\[-` + "`" + `{-~])+); )*true;\n$`
	case "tcsh":
		value := "(?:" + ascii + "|\"`printf '" + octal + "'`\")"
		pattern = `^(?:unsetenv ` + name + `;(?: |\n$))*(?:setenv ` + name + ` ` + value + `;(?: |\n$))*\n?$`
	case "elvish":
		pattern = `^(?:unset-env ` + name + `;(?: |\n$))*(?:set-env ` + name + ` '(?:[^\x00-\x1f\x7f']|'')*';(?: |\n$))*\n?$`
	case "xonsh":
		value := `'(?:[\w./:@%+,=\- ]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8})*'`
		pattern = `^(?:pass;\n|(?:\$\{\.\.\.\}\.pop\('` + name + `', None\);(?: |\n$))*(?:\$` + name + ` = ` + value + `;(?: |\n$))*)$`
	case "nu", "json":
		member := `"` + name + `":(?:null|"(?:[ !#-\[\]-~]|\\["\\]|\\u[0-9a-f]{4})*")`
		pattern = `^\{(?:` + member + `(?:,` + member + `)*)?\}\n$`
	case "dotenv":
		pattern = `^(?:` + name + `=(?:[\w./:@%+,=\- ]|[^\x00-\x7f])*\n)*$`
	case "pwsh":
		value := `(?:` + ascii + `|"(?:[\w./:@%+,=\- ]|\$\(\[char\]0x[0-9a-f]{4}\))+")`
		pattern = `^(?:\$null=\$null;\n|(?:\$Env:` + name + `=\$null;(?: |\n$))*(?:\$Env:` + name + `=` + value + `;(?: |\n$))*)$`
	case "cmd":
		pattern = `^(?:set "` + name + `="\n)*(?:set "` + name + `=[\w./:@+,=\- ]+"\n)*cd \.\n$`
	default:
		panic("a dialect without a grammar: " + dialect) // an empty one would match everything
	}
	// \w of the regexp package is ASCII, as wanted.
	return regexp.MustCompile(pattern)
}

func decode(dialect, text string) (change, error) {
	switch dialect {
	case "sh", "dash", "ash", "yash", "bash", "zsh", "ksh", "mksh", "busybox":
		return decodePosix(text)
	case "fish":
		return decodeWords(text, fishWord, "set -eg ", "set -gx ", func(s string) bool {
			for _, known := range []string{"true", "begin", "set -l k", "for k in ", "set -qUx $k", "and echo ", "end"} {
				if strings.HasPrefix(s, known) {
					return true
				}
			}
			return false
		})
	case "tcsh":
		return decodeWords(text, tcshWord, "unsetenv ", "setenv ", nil)
	case "elvish":
		return decodeWords(text, elvishWord, "unset-env ", "set-env ", nil)
	case "xonsh":
		return decodeXonsh(text)
	case "nu", "json":
		return decodeJSON(text)
	case "dotenv":
		return decodeLines(text, "", "")
	case "pwsh":
		return decodePwsh(text)
	case "cmd":
		return decodeLines(text, `set "`, `"`)
	}
	return change{}, errors.New("no decoder")
}

// decodePosix lexes like a shell: blanks end words outside quotes, ";" ends a
// statement, quotes of four kinds stand anywhere in a word.
func decodePosix(text string) (change, error) {
	var got change
	var words []string
	word, inWord := "", false
	endWord := func() {
		if inWord {
			words = append(words, word)
		}
		word, inWord = "", false
	}
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "$'"):
			body, _, ok := strings.Cut(rest[2:], "'")
			if !ok {
				return got, errors.New("unended $'")
			}
			word, inWord, i = word+unoctal(body), true, i+len(body)+3
		case strings.HasPrefix(rest, `"$(printf '`):
			body, _, ok := strings.Cut(rest[11:], `')"`)
			if !ok {
				return got, errors.New("unended printf")
			}
			word, inWord, i = word+unoctal(body), true, i+len(body)+14
		case rest[0] == '\'':
			body, _, ok := strings.Cut(rest[1:], "'")
			if !ok {
				return got, errors.New("unended '")
			}
			word, inWord, i = word+body, true, i+len(body)+2
		case rest[0] == ' ' || rest[0] == '\n':
			endWord()
			i++
		case rest[0] == ';':
			endWord()
			if err := got.run(words); err != nil {
				return got, err
			}
			words = nil
			i++
		default:
			word, inWord, i = word+rest[:1], true, i+1
		}
	}
	endWord()
	if words != nil {
		return got, fmt.Errorf("statement without an end: %q", words)
	}
	return got, nil
}

func (c *change) run(words []string) error {
	switch words[0] {
	case "true":
	case "unset":
		c.unset = append(c.unset, words[1:]...)
	case "export":
		for _, w := range words[1:] {
			name, value, _ := strings.Cut(w, "=")
			c.set = append(c.set, Var{name, value})
		}
	default:
		return fmt.Errorf("a foreign statement: %q", words)
	}
	return nil
}

func unoctal(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			n, _ := strconv.ParseUint(s[i+1:i+4], 8, 8)
			b = append(b, byte(n))
			i += 3
		} else {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// decodeWords reads statements of the kind "verb name word;".
func decodeWords(text string, word func(string) (value, rest string), unset, set string, skip func(string) bool) (change, error) {
	var got change
	for text = strings.TrimSuffix(text, "\n"); text != ""; text = strings.TrimPrefix(text, " ") {
		if after, ok := strings.CutPrefix(text, set); ok {
			name, rest, _ := strings.Cut(after, " ")
			value, rest := word(rest)
			got.set = append(got.set, Var{name, value})
			if text, ok = strings.CutPrefix(rest, ";"); !ok {
				return got, fmt.Errorf("no end of statement at %q", rest)
			}
			continue
		}
		statement, rest, ok := strings.Cut(text, ";")
		if !ok {
			return got, fmt.Errorf("no end of statement in %q", text)
		}
		if names, ok := strings.CutPrefix(statement, unset); ok {
			got.unset = append(got.unset, strings.Fields(names)...)
		} else if skip == nil || !skip(statement) {
			return got, fmt.Errorf("a foreign statement: %q", statement)
		}
		text = rest
	}
	return got, nil
}

func fishWord(s string) (value, rest string) {
	if s[0] == '\'' {
		value, rest, _ = strings.Cut(s[1:], "'")
		return value, rest
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[i+1] == 'X':
			n, _ := strconv.ParseUint(s[i+2:i+4], 16, 8)
			b = append(b, byte(n))
			i += 3
		case s[i] == '\\':
			i++
			b = append(b, s[i])
		case s[i] == ';':
			return string(b), s[i:]
		default:
			b = append(b, s[i])
		}
	}
	return string(b), ""
}

func tcshWord(s string) (value, rest string) {
	if after, ok := strings.CutPrefix(s, "\"`printf '"); ok {
		value, rest, _ = strings.Cut(after, "'`\"")
		return unoctal(value), rest
	}
	value, rest, _ = strings.Cut(s[1:], "'")
	return value, rest
}

func elvishWord(s string) (value, rest string) {
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			value += s[i : i+1]
			continue
		}
		if !strings.HasPrefix(s[i+1:], "'") {
			return value, s[i+1:]
		}
		value += "'"
		i++
	}
	return value, ""
}

func decodeXonsh(text string) (change, error) {
	var got change
	for _, s := range strings.Split(strings.TrimSuffix(text, "\n"), ";") {
		s = strings.TrimPrefix(s, " ")
		if s == "" || s == "pass" {
			continue
		}
		if name, ok := strings.CutPrefix(s, "${...}.pop('"); ok {
			got.unset = append(got.unset, strings.TrimSuffix(name, "', None)"))
			continue
		}
		name, literal, ok := strings.Cut(strings.TrimPrefix(s, "$"), " = ")
		if !ok {
			return got, fmt.Errorf("a foreign statement: %q", s)
		}
		// What is left of Python's escapes are those of Go, but that \x is a
		// character there and a byte here.
		literal = strings.ReplaceAll(strings.Trim(literal, "'"), `\x`, `\u00`)
		value, err := strconv.Unquote(`"` + literal + `"`)
		if err != nil {
			return got, err
		}
		got.set = append(got.set, Var{name, value})
	}
	return got, nil
}

func decodeJSON(text string) (change, error) {
	var got change
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		return got, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return got, err
		}
		value, err := d.Token()
		if err != nil {
			return got, err
		}
		if value == nil {
			got.unset = append(got.unset, key.(string))
		} else {
			got.set = append(got.set, Var{key.(string), value.(string)})
		}
	}
	_, err := d.Token()
	return got, err
}

func decodeLines(text, prefix, suffix string) (change, error) {
	var got change
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "cd ." {
			continue
		}
		if !strings.HasPrefix(line, prefix) || !strings.HasSuffix(line, suffix) {
			return got, fmt.Errorf("a foreign line: %q", line)
		}
		name, value, _ := strings.Cut(line[len(prefix):len(line)-len(suffix)], "=")
		if value == "" && prefix != "" {
			got.unset = append(got.unset, name)
		} else {
			got.set = append(got.set, Var{name, value})
		}
	}
	return got, nil
}

func decodePwsh(text string) (change, error) {
	var got change
	for _, s := range strings.Split(strings.TrimSuffix(text, "\n"), ";") {
		s = strings.TrimPrefix(s, " ")
		if s == "" || s == "$null=$null" {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(s, "$Env:"), "=")
		switch {
		case !ok:
			return got, fmt.Errorf("a foreign statement: %q", s)
		case value == "$null":
			got.unset = append(got.unset, name)
		case value[0] == '\'':
			got.set = append(got.set, Var{name, value[1 : len(value)-1]})
		default:
			got.set = append(got.set, Var{name, pwshString(value[1 : len(value)-1])})
		}
	}
	return got, nil
}

func pwshString(s string) string {
	var units []uint16
	for i := 0; i < len(s); i++ {
		if s[i] != '$' {
			units = append(units, uint16(s[i]))
			continue
		}
		const head = "$([char]0x"
		n, _ := strconv.ParseUint(s[i+len(head):i+len(head)+4], 16, 16)
		units = append(units, uint16(n))
		i += len(head) + 4
	}
	return string(utf16.Decode(units))
}
