package complete

import (
	"slices"
	"strings"
)

// verb is a command of awsmfa, and flag one of its flags: what table.go holds.
type verb struct {
	name, about, args string
	also              []string
	rest              bool // a command follows
	flags             []flag
}

type flag struct {
	name, value, about string // value is what the help calls it, "" for a switch
	also               []string
}

func (f *flag) isCalled(name string) bool { return f.name == name || slices.Contains(f.also, name) }

// line is a command line up to the word at the cursor, read as the program
// reads it (package command, arrange.go), but without complaint.
type line struct {
	verb    *verb
	group   string // first word of a verb of two
	lost    bool   // no verb is called so
	args    []string
	given   []*flag
	wants   *flag // the next word is its value
	ended   bool  // "--" was there
	command int   // where another's command begins, or 0
	at      int   // the word at the cursor
	names   *names
}

func read(words []string) *line {
	r := &line{at: len(words)}
	for i := 1; i < len(words) && r.command == 0; i++ {
		r.next(i, words[i])
	}
	return r
}

func (r *line) next(i int, word string) {
	switch {
	case r.wants != nil:
		r.wants = nil
	case r.ended:
		r.argument(i, word)
	case word == "--":
		r.ended = true
		if r.takesCommand() {
			r.command = i + 1
		}
	case strings.HasPrefix(word, "--"):
		name, _, hasValue := strings.Cut(word[2:], "=")
		r.flag(r.find(name), hasValue)
	case len(word) > 1 && word[0] == '-':
		r.short(word[1:])
	default:
		r.argument(i, word)
	}
}

// short takes "s", "sfish", "qs" and a long name.
func (r *line) short(word string) {
	name, _, hasValue := strings.Cut(word, "=")
	if f := r.find(name); f != nil {
		r.flag(f, hasValue)
		return
	}
	for i := range len(word) {
		f := r.find(word[i : i+1])
		r.flag(f, i+1 < len(word))
		if f != nil && f.value != "" {
			return
		}
	}
}

func (r *line) flag(f *flag, hasValue bool) {
	if f == nil {
		return
	}
	r.given = append(r.given, f)
	if f.value != "" && !hasValue {
		r.wants = f
	}
}

func (r *line) argument(i int, word string) {
	switch {
	case r.lost:
	case r.verb == nil:
		r.setVerb(word)
	case r.takesCommand() && word == "--":
		r.command = i + 1
	case r.takesCommand():
		r.command = i
	default:
		r.args = append(r.args, word)
	}
}

func (r *line) setVerb(word string) {
	name := word
	if r.group != "" {
		name = r.group + " " + word
	}
	for i := range table {
		if v := &table[i]; v.name == name || slices.Contains(v.also, name) {
			r.verb = v
			return
		}
		if strings.HasPrefix(table[i].name, name+" ") {
			r.group = word
			return
		}
	}
	r.lost = true
}

// takesCommand: the verb runs a command, and its profile is already known.
func (r *line) takesCommand() bool {
	return r.verb != nil && r.verb.rest && (len(r.args) > 0 || r.has("profile"))
}

func (r *line) has(name string) bool {
	return slices.ContainsFunc(r.given, func(f *flag) bool { return f.name == name })
}

// find looks among the verb's flags, and before the verb is known among all.
func (r *line) find(name string) *flag {
	for i := range table {
		if r.verb != nil && r.verb != &table[i] {
			continue
		}
		if f := table[i].find(name); f != nil {
			return f
		}
	}
	return nil
}

func (v *verb) find(name string) *flag {
	for i := range v.flags {
		if v.flags[i].isCalled(name) {
			return &v.flags[i]
		}
	}
	return nil
}
