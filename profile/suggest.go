package profile

import (
	"slices"
	"strings"

	"awsmfa/internal/text"
)

// suggest returns up to three names that a typing error could have come from,
// the nearest first.
func (f *Files) suggest(name string) []string {
	type near struct {
		name     string
		distance int
	}
	var found []near
	limit := min(3, 1+len(name)/4)
	for _, p := range f.Profiles() {
		if d := distance(name, p.Name, limit); d <= limit {
			found = append(found, near{p.Name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.distance - b.distance })
	var names []string
	for _, n := range found[:min(3, len(found))] {
		names = append(names, n.name)
	}
	return names
}

// distance counts the edits between two names, with swapped neighbours as one
// edit; a difference in case, or a name that begins with the other, is near.
// It gives up with limit+1.
func distance(a, b string, limit int) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if len(a) > 2 && (strings.HasPrefix(b, a) || strings.HasPrefix(a, b) && len(b) > 2) {
		return 1
	}
	if abs(len(a)-len(b)) > limit || len(a) > 256 {
		return limit + 1
	}
	return text.Distance(a, b)
}

func abs(n int) int { return max(n, -n) }
