// Package complete answers a Tab: what may stand at the cursor of a command
// line of awsmfa. Call Answer, with what the scripts in completions hand over.
//
// The words come in as arguments and are only ever looked at. Names come from
// the two AWS files alone: no store of seeds, no cache, no network, and a file
// that cannot be read means no names. What there is of verbs and flags stands
// in table.go, which a test of package command makes from the one list that the
// program itself is run by. The room is light, since the whole program should
// not have to start at every Tab: early answers from here.
package complete

import (
	"strconv"
	"strings"

	"awsmfa/internal/text"
	"awsmfa/profile"
	"awsmfa/session"
)

// Verb is the word behind which a question stands. It is in no help.
const Verb = "__complete"

// Answer takes
//
//	SHELL CWORD [KEPT] -- WORD...
//
// The words are those of the command line, awsmfa first; the one at index CWORD
// is being completed, up to the cursor. From bash and nu they come as they were
// typed, from others without their quotes. KEPT is what bash leaves of the
// current word: it replaces the rest alone.
//
// A line of the answer is a value and, behind a tab, what it is. For bash, nu
// and pwsh the value is written as it is to be inserted. A line whose value is
// empty is a request: "files", or "command N" to complete the command that
// begins at the word N.
func Answer(args []string, getenv func(string) string) string {
	q, ok := parse(args)
	if !ok {
		return ""
	}
	r := read(q.words[:q.at])
	r.names = &names{mute: q.tongue.mute, load: func() (*profile.Files, error) {
		return profile.Load(profile.Locate(getenv, session.Home(getenv)))
	}}
	return q.write(r.candidates(q.words[q.at]))
}

// candidate is a word that fits, and what it is.
type candidate struct{ value, about string }

// answer is what fits, and what the shell is asked to do itself.
type answer struct {
	list    []candidate
	files   bool
	command int // the word at which another command begins, or 0
}

// question is a command line and how its shell writes.
type question struct {
	tongue tongue
	words  []string // without quotes
	at     int
	typed  typed // the word at the cursor, as it stands
}

func parse(args []string) (q question, ok bool) {
	if len(args) < 3 {
		return q, false
	}
	at, err := strconv.Atoi(args[1])
	rest, kept := args[2:], ""
	if rest[0] != "--" {
		kept, rest = rest[0], rest[1:]
	}
	if err != nil || at < 1 || len(rest) == 0 || rest[0] != "--" {
		return q, false
	}
	words := rest[1:]
	if at == len(words) {
		words = append(words, "") // some shells drop an empty argument
	}
	if at >= len(words) {
		return q, false
	}
	q = question{tongue: tongueOf(args[0]), at: at}
	for _, w := range words[:at+1] {
		q.typed = q.tongue.read(w)
		q.words = append(q.words, q.typed.text)
	}
	q.typed.kept = len(q.tongue.read(kept).text)
	return q, true
}

func (q question) write(a answer) string {
	if q.typed.lost {
		return ""
	}
	var b strings.Builder
	size := 20
	for _, c := range a.list {
		size += len(c.value) + len(c.about) + 4
	}
	b.Grow(size)
	for _, c := range a.list {
		if !fit(c.value) || q.tongue.filters && !strings.HasPrefix(c.value, q.typed.text) {
			continue
		}
		b.WriteString(q.tongue.write(c.value, q.typed))
		if !q.tongue.mute && c.about != "" {
			b.WriteByte('\t')
			b.WriteString(clean(c.about))
		}
		b.WriteByte('\n')
	}
	switch {
	case a.command > 0:
		b.WriteString("\tcommand " + strconv.Itoa(a.command) + "\n")
	case a.files:
		b.WriteString("\tfiles\n")
	}
	return b.String()
}

// clean is text.Clean, which most texts need not go through.
func clean(s string) string {
	if plainText(s) && len(s) <= 120 {
		return s
	}
	return text.Clean(s, 120)
}

func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// fit keeps out what a terminal would obey, or would not show.
func fit(value string) bool {
	return value != "" && (plainText(value) || text.Clean(value, len(value)) == value)
}
