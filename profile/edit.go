package profile

import (
	"slices"
	"strings"
	"unicode"
)

// Edit is a config file with one key set, not written yet.
type Edit struct {
	Line int // where the key stands now, from 1

	shown         string
	before, after string
}

// SetKey sets one key of one profile in the text of a config file, and changes
// nothing else: comments, order, line ends and every other byte stay. A profile
// that has no section yet gets one at the end.
//
// Where a key is there several times, the one that is read is changed. The
// result is read again before it is returned: when it says anything else than
// before, but for this key, it is an error.
func SetKey(text []byte, name, key, value string) (Edit, error) {
	return setKey(string(text), "config", name, key, value)
}

func setKey(text, shown, name, key, value string) (Edit, error) {
	e := &editor{file: &file{shown: shown}, name: name, key: key, value: value}
	if err := e.check(); err != nil {
		return Edit{}, err
	}
	if err := e.file.take(text, false); err != nil {
		return Edit{}, err
	}
	changes, err := e.plan()
	if err != nil {
		return Edit{}, err
	}
	mark := text[:len(text)-len(e.file.text)]
	result := Edit{shown: shown, before: text, after: mark + splice(e.file.text, changes)}
	result.Line, err = e.verify(result.after)
	return result, err
}

// Text is the whole file as it is to be.
func (e Edit) Text() []byte { return []byte(e.after) }

// Changed reports whether there is anything to write: the key may have had
// that value.
func (e Edit) Changed() bool { return e.before != e.after }

// String hides the text, which may hold secrets.
func (e Edit) String() string { return "edit(" + e.shown + ")" }

// GoString hides the text from %#v.
func (e Edit) GoString() string { return e.String() }

// change replaces the bytes from start to end.
type change struct {
	start, end int
	text       string
}

func splice(text string, changes []change) string {
	var b strings.Builder
	at := 0
	for _, c := range changes {
		b.WriteString(text[at:c.start])
		b.WriteString(c.text)
		at = c.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// editor sets one key. plan leaves what verify holds the result against.
type editor struct {
	file             *file
	name, key, value string

	created bool
	section int // index of the section that changes
	entry   int // of its entries; their number when one is added
}

// check refuses what could not be read back, or not by everybody who reads
// this file: comments, quotes, blanks and empty values are read differently.
func (e *editor) check() error {
	bad := func(kind Kind, key, what string) error {
		return &Error{Kind: kind, Profile: e.name, Key: key, Detail: what}
	}
	v := e.value
	switch {
	case e.name == "":
		return bad(BadName, "", "the profile name is empty")
	case controls(e.name):
		return bad(BadName, "", "the profile name "+quote(e.name)+" holds control characters")
	case !all(e.key, 1, 64, "") || strings.ToLower(e.key) != e.key:
		return bad(BadValue, "", quote(e.key)+" is not the name of a key")
	case secretKey(e.key) && !program(e.key):
		return bad(BadValue, e.key, e.key+" is a secret: secrets are not written into the config file")
	case v == "":
		return bad(BadValue, e.key, "the value of "+e.key+" is empty")
	case controls(v):
		return bad(BadValue, e.key, "the value of "+e.key+" holds control characters")
	case strings.TrimFunc(v, unicode.IsSpace) != v:
		return bad(BadValue, e.key, "the value of "+e.key+" begins or ends with a blank")
	case strings.ContainsAny(v[:1], "#;\"'"):
		return bad(BadValue, e.key, "the value of "+e.key+" begins with "+v[:1]+", which is read in different ways")
	}
	if _, cut := cutComment(v, 0); cut {
		return bad(BadValue, e.key, "the value of "+e.key+" holds a blank and then # or ;, where a comment would begin")
	}
	return nil
}

// plan finds what is to change.
func (e *editor) plan() ([]change, error) {
	p := (&Files{config: *e.file}).find(e.name)
	if p == nil {
		return e.newSection()
	}
	// The last one counts, of the keys of a section as of the sections.
	for _, s := range slices.Backward(p.config) {
		entries := e.file.entries([]section{s})
		for i, old := range slices.Backward(entries) {
			if old.key == e.key {
				e.section, e.entry = e.indexOf(s), i
				return e.replace(s, old)
			}
		}
	}
	return e.add(p.config[len(p.config)-1]), nil
}

func (e *editor) indexOf(s section) int {
	return slices.IndexFunc(e.file.sections, func(o section) bool { return o.line == s.line })
}

func (e *editor) refuse(line int, what string) error {
	return &Error{
		Kind: NotEditable, Profile: e.name, Key: e.key,
		Origin: e.file.at(line), Detail: what,
	}
}

// row is a line of a section.
type row struct {
	raw      string
	at, next int  // where it and its successor begin
	content  bool // neither blank nor a comment
}

func (r row) indent() int { return len(r.raw) - len(trimLeft(r.raw)) }

func (f *file) rows(s section) []row {
	var list []row
	for at := s.start; at < s.end; {
		raw, next := cutLine(f.text[:s.end], at)
		body := trim(raw)
		list = append(list, row{raw, at, next, body != "" && !isCommentStart(body[0])})
		at = next
	}
	return list
}

// replace changes the value where it stands: the key's spelling, the blanks,
// quotes and the comment around it stay.
func (e *editor) replace(s section, old entry) ([]change, error) {
	if old.value == e.value {
		return nil, nil
	}
	rows := e.file.rows(s)
	n := old.line - s.line - 1
	line, below := rows[n], rows[n+1:]
	next := slices.IndexFunc(below, func(r row) bool { return r.content })
	if old.value == "" && next >= 0 && below[next].indent() > line.indent() {
		return nil, e.refuse(old.line, e.key+" has indented lines below it, which a value would make keys of the profile")
	}
	changes := []change{e.valueChange(line)}
	more := strings.Count(old.value, "\n")
	for _, r := range below {
		if more > 0 && r.content {
			changes = append(changes, change{r.at, r.next, ""})
			more--
		}
	}
	return changes, nil
}

func (e *editor) valueChange(r row) change {
	body := trim(r.raw)
	sep := strings.IndexAny(body, "=:")
	raw := body[sep+1:]
	base := r.at + r.indent() + sep + 1
	from, to, quoted := valueSpan(raw)
	switch {
	case quoted && strings.IndexByte(e.value, raw[from-1]) >= 0:
		return change{base + from - 1, base + to + 1, e.value}
	case from < to || quoted:
		return change{base + from, base + to, e.value}
	case raw != "": // a comment only
		return change{base, base, " " + e.value}
	}
	at := base
	for at < r.at+len(r.raw) && isBlank(e.file.text[at]) {
		at++
	}
	if at == base && sep > 0 && isBlank(body[sep-1]) {
		return change{at, at, " " + e.value}
	}
	return change{at, at, e.value}
}

// valueSpan is where cleanValue finds the value, quotes left out.
func valueSpan(raw string) (from, to int, quoted bool) {
	body := trimLeft(raw)
	from = len(raw) - len(body)
	after := 0
	if body != "" && (body[0] == '"' || body[0] == '\'') {
		if n := strings.IndexByte(body[1:], body[0]); n >= 0 {
			after = from + n + 2
			rest, _ := cutComment(raw, after)
			if trim(rest[after:]) == "" {
				return from + 1, from + 1 + n, true
			}
		}
	}
	rest, _ := cutComment(raw, after)
	value := trim(rest)
	return from, from + len(value), false
}

// add puts the key below the last line of a section that says anything:
// comments before the next header are likely that one's.
func (e *editor) add(s section) []change {
	e.section = e.indexOf(s)
	rows := e.file.rows(s)
	r := &reader{}
	entries := r.read(e.file.text[s.start:s.end], s.line)
	e.entry = len(entries)
	at := s.start
	for _, row := range rows {
		if row.content {
			at = row.next
		}
	}
	text := e.styled(rows, s, entries, r.cliIndent)
	end, ended := lineEnd(e.file.text[:at])
	if !ended {
		return []change{{at, at, end + text}}
	}
	return []change{{at, at, text + end}}
}

// styled writes the line as its neighbours are written: their indent (the AWS
// CLI takes a deeper one for the rest of a value), and the blanks around "=".
func (e *editor) styled(rows []row, s section, entries []entry, indent int) string {
	margin, around := "", ""
	for _, old := range entries {
		r := rows[old.line-s.line-1]
		if r.indent() == indent {
			margin = r.raw[:indent]
		}
		if style := e.around(r.raw[r.indent():]); style != "" && old.value != "" {
			around = style
		}
	}
	if around == "" {
		around = " = "
	}
	return margin + e.key + around + e.value
}

// around returns the "=" of a line and the blanks around it, for our key: in a
// column of its own when that line seems to have one.
func (e *editor) around(body string) string {
	sep := strings.IndexAny(body, "=:")
	if sep < 0 || body[sep] != '=' {
		return ""
	}
	key := trim(body[:sep])
	before := body[len(key):sep]
	after := body[sep+1:]
	after = after[:len(after)-len(trimLeft(after))]
	if len(before) > 1 && strings.Trim(before, " ") == "" {
		before = strings.Repeat(" ", max(1, sep-len(e.key)))
	}
	return before + "=" + after
}

// lineEnd is the end of the last line that has one; ended: it is the last line.
func lineEnd(text string) (end string, ended bool) {
	i := strings.LastIndexByte(text, '\n')
	if i > 0 && text[i-1] == '\r' {
		return "\r\n", i == len(text)-1
	}
	return "\n", i == len(text)-1
}

// newSection adds a section at the end, after an empty line.
func (e *editor) newSection() ([]change, error) {
	for _, s := range e.file.named(sectionUnclosed, e.name) {
		return nil, e.refuse(s.line, "the section header of "+quote(e.name)+" has no closing bracket")
	}
	if !all(e.name, 1, 128, ".@/+-") {
		return nil, &Error{
			Kind: BadName, Profile: e.name,
			Detail: "profile " + quote(e.name) + " has no section in " + quote(e.file.shown) + ", and its name is not read alike by all tools: write the section by hand",
		}
	}
	e.created, e.section = true, len(e.file.sections)
	header := "[profile " + e.name + "]"
	if e.name == "default" {
		header = "[default]"
	}
	text := e.file.text
	end, ended := lineEnd(text)
	added := header + end + e.key + " = " + e.value
	switch {
	case text == "":
		added += end
	case !ended: // neither will the new last line have an end
		added = end + end + added
	default:
		if last := text[strings.LastIndexByte(text[:len(text)-1], '\n')+1:]; trim(strings.TrimSuffix(last, "\n")) != "" {
			added = end + added
		}
		added += end
	}
	return []change{{len(text), len(text), added}}, nil
}

// verify reads the result and returns the line of the key.
func (e *editor) verify(after string) (int, error) {
	g := &file{shown: e.file.shown}
	if err := g.take(after, false); err != nil {
		return 0, err
	}
	unsafe := &Error{
		Kind: NotEditable, Profile: e.name, Key: e.key,
		Detail: e.key + " of profile " + quote(e.name) + " cannot be set in " + quote(g.shown) + " without a change to something else: write it by hand",
	}
	if !e.expected(g) {
		return 0, unsafe
	}
	p := (&Files{config: *g}).find(e.name)
	if p == nil || p.Get(e.key).Text != e.value {
		return 0, unsafe
	}
	return p.Get(e.key).Origin.Line, nil
}

// expected reports whether g says what the file says but for the change.
func (e *editor) expected(g *file) bool {
	old := e.file.sections
	if e.created {
		kind := sectionProfile
		if e.name == "default" {
			kind = sectionDefault
		}
		old = append(slices.Clip(old), section{name: e.name, kind: kind})
	}
	return slices.EqualFunc(old, g.sections, func(a, b section) bool {
		var entries []entry
		if a.end > 0 {
			entries = e.file.entries([]section{a})
		}
		if a.kind == b.kind && a.name == b.name && e.isChanged(a) {
			entries = e.changed(entries)
		}
		return a.kind == b.kind && a.name == b.name && slices.EqualFunc(entries, g.entries([]section{b}), sameEntry)
	})
}

func (e *editor) isChanged(s section) bool {
	if e.created {
		return s.line == 0 && s.kind != sectionNone
	}
	return s.line == e.file.sections[e.section].line
}

func (e *editor) changed(entries []entry) []entry {
	if e.entry == len(entries) {
		return append(entries, entry{key: e.key, value: e.value})
	}
	entries[e.entry].value = e.value
	return entries
}

func sameEntry(a, b entry) bool {
	return a.key == b.key && a.value == b.value && slices.EqualFunc(a.below, b.below, func(a, b line) bool {
		return a.key == b.key && a.value == b.value
	})
}
