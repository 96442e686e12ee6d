package profile

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Warnings lists everything in both files that is read in an unexpected way,
// in file order: lines that are ignored, and places where the AWS CLI reads
// something else than awsmfa. It goes through the whole files.
func (f *Files) Warnings() []Warning {
	return append(f.config.warnings(false), f.credentials.warnings(true)...)
}

// warnings adds what concerns the profiles of the chain.
func (r *resolver) warnings() {
	for _, p := range r.chain {
		for _, part := range []struct {
			file     *file
			sections []section
			shared   bool
		}{{&r.files.config, p.config, false}, {&r.files.credentials, p.credentials, true}} {
			j := judge{file: part.file, shared: part.shared}
			j.sections(part.sections)
			r.out.Warnings = append(r.out.Warnings, j.sorted()...)
		}
	}
}

// WarningsAround lists what concerns the profiles of a chain though it stands
// outside of their sections, which Resolved.Warnings are about: what makes a
// whole file be read in an unexpected way, and the sections that they refer to.
func (f *Files) WarningsAround(chain []string) []Warning {
	var list []Warning
	for _, part := range []struct {
		file   *file
		shared bool
	}{{&f.config, false}, {&f.credentials, true}} {
		j := judge{file: part.file, shared: part.shared}
		j.mark()
		var around []section
		for _, s := range part.file.sections {
			if j.concernsAll(s) || !part.shared && f.refersTo(chain, s) {
				around = append(around, s)
			}
		}
		j.sections(around)
		list = append(list, j.sorted()...)
	}
	return list
}

// concernsAll: other tools refuse the file for s, or s would bear on every
// profile.
func (j *judge) concernsAll(s section) bool {
	switch s.kind {
	case sectionNone:
		return s.line == 0
	case sectionUnclosed:
		return true
	case sectionReserved:
		return s.name == "DEFAULT"
	case sectionDefault:
		return j.prefixed() > 0
	}
	return false
}

func (f *Files) refersTo(chain []string, s section) bool {
	key := ""
	switch s.kind {
	case sectionSSO:
		key = "sso_session"
	case sectionServices:
		key = "services"
	default:
		return false
	}
	return slices.ContainsFunc(chain, func(name string) bool {
		p := f.find(name)
		return p != nil && p.Get(key).Text == s.name
	})
}

func (f *file) warnings(shared bool) []Warning {
	j := judge{file: f, shared: shared}
	j.mark()
	j.sections(f.sections)
	return j.sorted()
}

// judge collects the warnings of one file.
type judge struct {
	file   *file
	shared bool // the credentials file
	list   []Warning
}

func (j *judge) say(line int, text string) {
	j.list = append(j.list, Warning{j.file.at(line), text})
}

func (j *judge) mark() {
	if j.file.bom {
		j.say(1, "the file begins with a byte order mark, which the AWS CLI refuses")
	}
}

// prefixed is the line of [profile default] in the config file, before which
// [default] counts for nothing; 0 when there is none.
func (j *judge) prefixed() int {
	if found := j.file.named(sectionProfile, "default"); len(found) > 0 && !j.shared {
		return found[0].line
	}
	return 0
}

func (j *judge) sorted() []Warning {
	slices.SortStableFunc(j.list, func(a, b Warning) int { return a.Origin.Line - b.Origin.Line })
	return j.list
}

func (j *judge) sections(sections []section) {
	type identity struct {
		kind sectionKind
		name string
	}
	first := make(map[identity]int)
	prefixed := j.prefixed()
	for _, s := range sections {
		if s.line > 0 {
			j.header(s)
		}
		id := identity{s.kind, s.name}
		if line := first[id]; line > 0 && s.kind != sectionNone && s.kind != sectionUnclosed {
			j.say(s.line, "this section is there twice, first at "+j.file.at(line).String()+
				": the last value of each key is taken; the AWS CLI does not merge them")
		} else {
			first[id] = s.line
		}
		if s.kind == sectionDefault && prefixed > 0 {
			j.say(s.line, "[default] is not read, since there is [profile default] at "+j.file.at(prefixed).String())
		}
		j.body(s)
	}
}

// header tells what is odd about a section line itself.
func (j *judge) header(s section) {
	raw, _ := cutLine(j.file.text, s.header)
	h, _ := parseHeader(raw, j.shared)
	j.bytes(raw, s.line)
	name := quoteBare(s.name)
	for _, odd := range []struct {
		is   bool
		text string
	}{
		{s.kind == sectionUnclosed, "the section header has no closing bracket: the lines below it are ignored, and the AWS CLI refuses the whole file"},
		{h.badName, "the section is ignored: its name is empty, not UTF-8, or holds control characters"},
		{h.indented, "the section header is indented: the AWS CLI can take it for a part of the value above"},
		{h.trailing != "", "the text after the section header is ignored"},
		{h.padded, "the AWS CLI does not find this section: remove the blanks at the brackets"},
		{h.spaced, "the AWS CLI does not find this section: put quotes around its name"},
		{h.unbalanced, "the quotes or backslashes in the name do not close: the AWS CLI ignores this section"},
		{h.escaped, "the backslash is read as the AWS CLI reads it, so the name is " + quote(s.name) + "; other tools keep it"},
		{h.hashed, "# or ; in a section name: other tools take the rest for a comment"},
		{s.kind != sectionUnclosed && lateBracket(raw, j.shared), "the AWS CLI reads the name up to the last bracket of the line"},
		{j.shared && s.kind == sectionProfile && strings.ContainsAny(s.name, "\"'\\"), "quotes and backslashes are part of the name in this file"},
		{s.kind == sectionBare, "[" + name + "] is not a profile in this file: that would be [profile " + quoteBare(bareName(s.name)) + "]"},
		{s.kind == sectionBare && strings.HasPrefix(s.name, "profile"), "the AWS CLI takes this section for a profile"},
		{s.kind == sectionPrefixed, "[profile " + name + "] is not a profile in this file: that would be [" + name + "]"},
		{s.kind == sectionReserved && s.name == "DEFAULT", "[DEFAULT] is not read; the AWS CLI adds its keys to every profile"},
		{s.kind == sectionReserved && s.name != "DEFAULT" && j.shared, "[" + name + "] is not a profile"},
	} {
		if odd.is {
			j.say(s.line, odd.text)
		}
	}
}

// lateBracket reports a bracket behind the one that closed the header.
func lateBracket(raw string, shared bool) bool {
	_, rest, closed := splitHeader(trim(raw), !shared)
	return closed && strings.Contains(rest, "]")
}

// body tells what is odd about the lines below a header.
func (j *judge) body(s section) {
	text := j.file.text[s.start:s.end]
	number := s.line
	for pos := 0; pos < len(text); {
		var raw string
		raw, pos = cutLine(text, pos)
		number++
		j.bytes(raw, number)
		if body := trim(raw); s.line == 0 && body != "" && !isCommentStart(body[0]) {
			j.say(number, "the line is ignored: it stands before the first section; the AWS CLI refuses the whole file")
		}
	}
	switch s.kind {
	case sectionNone, sectionUnclosed, sectionReserved:
		return
	}
	seen := make(map[string]int)
	for _, e := range (&reader{report: j.odd}).read(text, s.line) {
		if line := seen[e.key]; line > 0 {
			j.say(e.line, "key "+quote(e.key)+" is there twice, first at "+j.file.at(line).String()+
				": the last one is taken; the AWS CLI refuses the whole file")
		}
		seen[e.key] = e.line
	}
}

func (j *judge) odd(line int, odd oddity, key string) {
	text := ""
	switch odd {
	case oddJunk:
		text = "the line is ignored: it is not key = value; the AWS CLI refuses the whole file"
	case oddNestedJunk:
		text = "the line below " + quote(key) + " is ignored: it is not key = value; the AWS CLI refuses the whole file"
	case oddComment:
		text = "the comment is cut off the value of " + quote(key) + "; the AWS CLI keeps it"
	case oddQuotes:
		text = "the quotes are taken off the value of " + quote(key) + "; the AWS CLI keeps them"
	case oddIndented:
		text = quote(key) + " is indented: it is read as a key of its own; the AWS CLI reads it as a part of the value above"
	case oddContinued:
		text = "the line is indented: it is read as a part of " + quote(key)
	}
	j.say(line, text)
}

// bytes tells about bytes that a text file should not have.
func (j *judge) bytes(raw string, line int) {
	if n := len(raw); n > 0 && raw[n-1] == '\r' {
		raw = raw[:n-1]
	}
	switch {
	case !utf8.ValidString(raw):
		j.say(line, "the line is not UTF-8: the AWS CLI refuses the whole file")
	case controls(strings.ReplaceAll(raw, "\t", " ")):
		j.say(line, "the line holds control characters")
	}
}
