package profile

import "strings"

// entry is one key of a section.
type entry struct {
	key, value string
	line       int
	below      []line // the lines of a nested block
}

// line is one key of a nested block.
type line struct {
	key, value string
	number     int
}

func (e *entry) block(path string) []KeyValue {
	var out []KeyValue
	for _, l := range e.below {
		out = append(out, KeyValue{l.key, Value{l.value, Origin{Path: path, Line: l.number}}})
	}
	return out
}

// entries reads the keys of sections of this file, in order.
func (f *file) entries(sections []section) []entry {
	var all []entry
	for _, s := range sections {
		all = append(all, (&reader{}).read(f.text[s.start:s.end], s.line)...)
	}
	return all
}

// oddity is what Warnings tells about a line.
type oddity int

const (
	oddJunk       oddity = iota // no key, or no separator
	oddNestedJunk               // the same in a nested block
	oddComment                  // a comment was cut off the value
	oddQuotes                   // quotes were taken off the value
	oddIndented                 // a key that the AWS CLI takes for the rest of a value
	oddContinued                // the rest of a value
)

// reader goes through the lines of one section. Where the readings of the AWS
// CLI and of the SDK for Go part, it follows the second, and reports it.
type reader struct {
	report  func(line int, odd oddity, key string) // nil: nobody asks
	entries []entry
	open    bool     // the last entry can still get lines below it
	indent  int      // of its line
	tail    []string // lines that continue its value

	// The AWS CLI's view, kept to see where it differs: the indent of the last
	// line that it took for a key.
	cliIndent int
	cliOpen   bool
}

func (r *reader) read(text string, number int) []entry {
	for pos := 0; pos < len(text); {
		var raw string
		raw, pos = cutLine(text, pos)
		number++
		body := trim(raw)
		if body == "" || isCommentStart(body[0]) {
			continue
		}
		r.line(body, len(raw)-len(trimLeft(raw)), number)
	}
	r.close()
	return r.entries
}

func (r *reader) line(body string, indent, number int) {
	key, value, ok := split(body)
	deeper := r.open && indent > r.indent
	switch {
	case deeper && r.current().value == "" && len(r.tail) == 0:
		r.below(key, value, ok, number)
	case deeper && !ok:
		r.note(number, oddContinued, r.current().key)
		r.tail = append(r.tail, body)
	case !ok:
		r.close()
		r.open = false
		r.note(number, oddJunk, "")
	default:
		r.key(key, value, indent, number)
	}
}

func (r *reader) current() *entry { return &r.entries[len(r.entries)-1] }

func (r *reader) note(line int, odd oddity, key string) {
	if r.report != nil {
		r.report(line, odd, key)
	}
}

func (r *reader) key(key, raw string, indent, number int) {
	r.close()
	key = strings.ToLower(key)
	if r.cliOpen && indent > r.cliIndent {
		r.note(number, oddIndented, key)
	} else {
		r.cliIndent, r.cliOpen = indent, true
	}
	r.entries = append(r.entries, entry{key: key, value: r.value(key, raw, number), line: number})
	r.open, r.indent = true, indent
}

func (r *reader) below(key, raw string, ok bool, number int) {
	e := r.current()
	if !ok {
		r.note(number, oddNestedJunk, e.key)
		return
	}
	key = strings.ToLower(key)
	e.below = append(e.below, line{key, r.value(e.key+"."+key, raw, number), number})
}

// close joins what continued the last value, once, so that a long run of such
// lines stays linear.
func (r *reader) close() {
	if len(r.tail) > 0 {
		e := r.current()
		e.value += "\n" + strings.Join(r.tail, "\n")
		r.tail = nil
	}
}

func (r *reader) value(key, raw string, number int) string {
	value, commented, quoted := cleanValue(raw)
	if commented {
		r.note(number, oddComment, key)
	}
	if quoted {
		r.note(number, oddQuotes, key)
	}
	return value
}

// split cuts at the first "=" or ":". The value keeps its blanks: whether one
// precedes a "#" matters.
func split(body string) (key, value string, ok bool) {
	for i := range len(body) { // quicker than a search for either
		if body[i] == '=' || body[i] == ':' {
			key = trim(body[:i])
			return key, body[i+1:], key != ""
		}
	}
	return "", "", false
}

// cleanValue takes off a comment that follows a blank, and one pair of quotes
// around the whole. Quotes around a first word only belong to a command line.
func cleanValue(raw string) (value string, commented, quoted bool) {
	body := trimLeft(raw)
	from := len(raw) - len(body)
	if body != "" && (body[0] == '"' || body[0] == '\'') {
		if n := strings.IndexByte(body[1:], body[0]); n >= 0 {
			after := from + n + 2
			rest, cut := cutComment(raw, after)
			if trim(rest[after:]) == "" {
				return body[1 : n+1], cut, true
			}
			return trim(rest), cut, false
		}
	}
	rest, cut := cutComment(raw, 0)
	return trim(rest), cut, false
}

func cutComment(s string, from int) (string, bool) {
	if strings.IndexByte(s, '#') < 0 && strings.IndexByte(s, ';') < 0 {
		return s, false // found out quickly
	}
	for i := max(from, 1); i < len(s); i++ {
		if isCommentStart(s[i]) && isBlank(s[i-1]) {
			return s[:i], true
		}
	}
	return s, false
}
