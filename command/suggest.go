package command

import "strings"

// suggest returns the name nearest to a mistyped one, or "" when none is near:
// two slips at most, and no more than a third of the word; else the one that
// was only begun.
func suggest(typed string, names []string) string {
	best, limit := "", min(2, max(1, len(typed)/3))
	for _, name := range names {
		if d := distance(typed, name); d <= limit {
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

// distance counts insertions, deletions, replacements and swaps of neighbours
// (Damerau-Levenshtein, optimal string alignment).
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
