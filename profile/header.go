package profile

import (
	"strings"
	"unicode/utf8"
)

// sectionKind says what a header makes of the lines below it.
type sectionKind uint8

const (
	sectionNone     sectionKind = iota // ignored: [], a bad name, or text before the first header
	sectionProfile                     // [profile dev]; [dev] in the credentials file
	sectionDefault                     // [default] in the config file
	sectionSSO                         // [sso-session x]
	sectionServices                    // [services x]
	sectionBare                        // [dev] in the config file
	sectionPrefixed                    // [profile dev] in the credentials file
	sectionUnclosed                    // [profile dev without its bracket
	sectionReserved                    // [DEFAULT], [plugins], [preview]
)

// section is a header and the bytes below it.
type section struct {
	name       string
	header     int // where its line begins
	start, end int // the lines below it
	line       int // of the header, from 1
	kind       sectionKind
}

// index notes the sections of a text in one pass, from bracket to bracket: only
// a line that begins with one, behind blanks at most, can be a header. What
// stands before the first header becomes a section without a kind.
func index(text string, credentials bool) []section {
	list := make([]section, 1, 2+min(strings.Count(text, "["), 1<<15))
	counted, line := 0, 1
	for pos := 0; pos < len(text); {
		n := strings.IndexByte(text[pos:], '[')
		if n < 0 {
			break
		}
		begin := pos + n
		for begin > pos && isBlank(text[begin-1]) {
			begin--
		}
		raw, next := cutLine(text, begin)
		if begin == 0 || text[begin-1] == '\n' {
			if h, ok := parseHeader(raw, credentials); ok {
				line, counted = line+strings.Count(text[counted:begin], "\n"), begin
				list[len(list)-1].end = begin
				list = append(list, section{name: h.name, header: begin, start: next, line: line, kind: h.kind})
			}
		}
		pos = next
	}
	list[len(list)-1].end = len(text)
	return list
}

// cutLine returns the line at pos without its end, and where the next begins.
func cutLine(text string, pos int) (line string, next int) {
	if n := strings.IndexByte(text[pos:], '\n'); n >= 0 {
		return text[pos : pos+n], pos + n + 1
	}
	return text[pos:], len(text)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// trim removes blanks at both ends, and the CR of a line from Windows.
func trim(s string) string {
	for s != "" && (isBlank(s[len(s)-1]) || s[len(s)-1] == '\r') {
		s = s[:len(s)-1]
	}
	return trimLeft(s)
}

func trimLeft(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	return s
}

// header is a parsed section line; the flags are what Warnings tells.
type header struct {
	kind                             sectionKind
	prefix, name                     string
	indented, padded, spaced, hashed bool
	badName, unbalanced, escaped     bool
	trailing                         string
}

// parseHeader reads a section line. An indented line is one only when nothing
// but a comment follows its bracket; others may be the rest of a value.
func parseHeader(raw string, credentials bool) (header, bool) {
	line := trimLeft(raw)
	if line == "" || line[0] != '[' {
		return header{}, false
	}
	h := header{indented: len(line) != len(raw)}
	line = trim(line)
	inner, rest, closed := splitHeader(line, !credentials)
	h.trailing = trimLeft(rest)
	if h.trailing != "" && isCommentStart(h.trailing[0]) {
		h.trailing = ""
	}
	if h.indented && (!closed || h.trailing != "") {
		return header{}, false
	}
	if credentials {
		h.readShared(inner)
	} else {
		h.readConfig(inner)
	}
	switch {
	case h.name == "" && h.kind != sectionReserved, controls(h.name):
		h.kind, h.badName = sectionNone, true
	case !closed:
		h.kind = sectionUnclosed
	}
	return h, true
}

func isCommentStart(c byte) bool { return c == '#' || c == ';' }

// splitHeader cuts at the bracket that closes the header: the first that ends
// a word, so that "a]b" can be a name and "[dev] # [old]" means dev.
func splitHeader(line string, quotes bool) (inner, rest string, closed bool) {
	last := -1
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case quotes && c == '\\':
			i++
		case quotes && (c == '"' || c == '\''):
			if n := strings.IndexByte(line[i+1:], c); n >= 0 {
				i += n + 1
			}
		case c == ']':
			last = i
			if i+1 == len(line) || isBlank(line[i+1]) || isCommentStart(line[i+1]) {
				return line[1:i], line[i+1:], true
			}
		}
	}
	if last > 0 {
		return line[1:last], line[last+1:], true
	}
	if quotes {
		return splitHeader(line, false)
	}
	return line[1:], "", false
}

func (h *header) readShared(inner string) {
	name := trim(inner)
	h.padded = name != inner
	h.name, h.kind = name, sectionProfile
	switch prefix, rest := cutWord(name); {
	case name == "DEFAULT" || name == "plugins" || name == "preview":
		h.kind = sectionReserved
	case rest == "":
	case prefix == "profile":
		h.kind, h.prefix = sectionPrefixed, prefix
		h.readName(rest)
	case prefix == "sso-session" || prefix == "services":
		h.kind = sectionReserved
	}
	h.hashed = strings.IndexByte(h.name, '#') >= 0 || strings.IndexByte(h.name, ';') >= 0
}

func (h *header) readConfig(inner string) {
	text := trimLeft(inner)
	h.padded = text != inner
	text = trim(text)
	prefix, rest := cutWord(text)
	switch {
	case text == "default":
		h.kind, h.name = sectionDefault, text
		h.padded = text != inner
		return
	case prefix == "profile":
		h.kind = sectionProfile
	case prefix == "sso-session":
		h.kind = sectionSSO
	case prefix == "services":
		h.kind = sectionServices
	case text == "DEFAULT" || text == "plugins" || text == "preview":
		h.kind, h.name = sectionReserved, text
		return
	default:
		h.kind, h.name = sectionBare, text
		return
	}
	h.prefix = prefix
	h.readName(rest)
	h.hashed = strings.IndexByte(h.name, '#') >= 0 || strings.IndexByte(h.name, ';') >= 0
}

func cutWord(s string) (word, rest string) {
	for i := 0; i < len(s); i++ {
		if isBlank(s[i]) {
			return s[:i], trimLeft(s[i:])
		}
	}
	return s, ""
}

// readName takes the name as a POSIX shell would read one word, as the AWS CLI
// does; when that gives several words, or quotes do not close, as it stands.
func (h *header) readName(rest string) {
	h.name = rest
	if !strings.ContainsAny(rest, "\"'\\ \t") {
		return
	}
	word, words, ok := shellWord(rest)
	switch {
	case !ok:
		h.unbalanced = true
	case words != 1:
		h.spaced = true
	default:
		h.name = word
		h.escaped = strings.Contains(rest, `\`)
	}
}

// shellWord removes quotes and backslashes and counts the words.
func shellWord(s string) (first string, words int, ok bool) {
	var b []byte
	quote, in := byte(0), false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == 0 && isBlank(c):
			in = false
			continue
		case !in:
			in = true
			words++
		}
		switch {
		case c == '\\' && quote != '\'':
			if i++; i == len(s) {
				return "", 0, false
			}
			if quote == '"' && s[i] != '"' && s[i] != '\\' {
				b = append(b, '\\')
			}
			b = append(b, s[i])
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		default:
			b = append(b, c)
		}
	}
	return string(b), words, quote == 0
}

// controls reports characters that no name and no used value may hold: they
// could end a line, move a cursor or turn text around.
func controls(s string) bool {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < 0x20 || c == 0x7f {
				return true
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || hidden(r) {
			return true
		}
		i += n
	}
	return false
}

// hidden lists C1 controls, line separators and bidirectional controls; the
// joiners that emoji are made of are left alone.
func hidden(r rune) bool {
	return 0x80 <= r && r < 0xa0 || r == 0x61c || r == 0x200e || r == 0x200f ||
		0x2028 <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 || r == 0xfeff
}
