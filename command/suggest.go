package command

import (
	"strings"

	"awsmfa/internal/text"
)

// suggest returns the name nearest to a mistyped one, or "" when none is near:
// two slips at most, and no more than a third of the word; else the one that
// was only begun.
func suggest(typed string, names []string) string {
	best, limit := "", min(2, max(1, len(typed)/3))
	for _, name := range names {
		if d := text.Distance(typed, name); d <= limit {
			best, limit = name, d-1
		}
	}
	if best == "" {
		return begunWith(typed, names)
	}
	return best
}

// begunWith is the only name that begins with what was typed.
func begunWith(typed string, names []string) string {
	found := ""
	for _, name := range names {
		switch {
		case len(typed) < 2 || !strings.HasPrefix(name, typed):
		case found != "":
			return ""
		default:
			found = name
		}
	}
	return found
}
