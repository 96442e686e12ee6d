package command

import (
	"fmt"
	"strings"
	"time"
)

// words writes a time span for people, in its two largest units.
func words(d time.Duration) string {
	d = d.Truncate(time.Second)
	h, m, s := d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second
	switch {
	case h > 0 && m > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case h > 0:
		return fmt.Sprintf("%d h", h)
	case m >= 10 || m > 0 && s == 0:
		return fmt.Sprintf("%d min", m)
	case m > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	}
	return fmt.Sprintf("%d s", s)
}

// barWidth is the bar's length in characters.
const barWidth = 10

// bar shows how much of a granted lifetime is left.
func bar(left, granted time.Duration) string {
	full := 0
	if granted > 0 && left > 0 {
		full = min(barWidth, int((left*barWidth+granted-1)/granted))
	}
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}
