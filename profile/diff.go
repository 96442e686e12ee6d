package profile

import (
	"strconv"
	"strings"

	"awsmfa/internal/text"
)

// diffContext is how many lines are shown around a change.
const diffContext = 3

// Diff shows the change as a unified diff, "" when there is none. Secrets that
// stand near are hidden, and what a terminal would obey is replaced: it is for
// reading, not for patch(1).
func (e Edit) Diff() string {
	if !e.Changed() {
		return ""
	}
	a, b := diffLines(e.before), diffLines(e.after)
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	tail := 0
	for tail < min(len(a), len(b))-same && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	from := max(0, same-diffContext)
	shownTail := min(tail, diffContext)
	shownA, shownB := readable(a), readable(b)
	var out strings.Builder
	out.WriteString("--- " + e.shown + "\n+++ " + e.shown + "\n")
	out.WriteString("@@ -" + hunk(from, len(a)-tail+shownTail) + " +" + hunk(from, len(b)-tail+shownTail) + " @@\n")
	write := func(sign string, lines []string) {
		for _, l := range lines {
			out.WriteString(sign + l + "\n")
		}
	}
	write(" ", shownA[from:same])
	write("-", shownA[same:len(a)-tail])
	write("+", shownB[same:len(b)-tail])
	write(" ", shownA[len(a)-tail:len(a)-tail+shownTail])
	return out.String()
}

// hunk counts lines from 1, and names the line before where there are none.
func hunk(from, to int) string {
	if from == to {
		return strconv.Itoa(from) + ",0"
	}
	return strconv.Itoa(from+1) + "," + strconv.Itoa(to-from)
}

func diffLines(s string) []string {
	s = strings.TrimPrefix(s, "\ufeff")
	if s == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

// hiddenText stands where a secret was.
const hiddenText = "(hidden)"

// readable makes lines fit to show.
func readable(lines []string) []string {
	list := make([]string, len(lines))
	hidden := false
	for i, l := range lines {
		// What is indented below a secret may be the rest of it.
		below := hidden && l != "" && isBlank(l[0])
		if l, hidden = hideSecret(l, below); l != "" {
			list[i] = text.Clean(strings.ReplaceAll(l, "\t", "    "), 240)
		}
	}
	return list
}

// hideSecret replaces the value of a secret. Of what is neither header,
// comment nor key, nobody knows what it is.
func hideSecret(l string, below bool) (shown string, secret bool) {
	body := trim(l)
	margin := l[:len(l)-len(trimLeft(l))]
	switch {
	case body == "":
		return l, below
	case below:
		return margin + hiddenText, true
	case body[0] == '[':
		return l, false
	case isCommentStart(body[0]):
		if secretWord(body) {
			return margin + body[:1] + " " + hiddenText, false
		}
		return l, false
	}
	key, value, ok := split(body)
	switch {
	case !ok || !all(key, 1, 39, "-."):
		return margin + hiddenText, true
	case secretKey(key):
		return margin + body[:len(body)-len(value)] + " " + hiddenText, true
	case strings.Contains(value, "://"):
		return margin + body[:len(body)-len(value)] + hideUser(value), false
	}
	return l, false
}

// secretKey tells keys whose value may be a secret: programs may be given one
// on their command line.
func secretKey(key string) bool { return secretWord(key) || program(key) }

func program(key string) bool { return strings.HasSuffix(strings.ToLower(key), "_process") }

func secretWord(s string) bool {
	s = strings.ToLower(s)
	for _, word := range []string{"secret", "token", "passw", "passphrase", "_process"} {
		if strings.Contains(s, word) {
			return true
		}
	}
	return false
}
