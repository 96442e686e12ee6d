// Package text makes words from elsewhere fit to show: Clean.
//
// A profile name, an AWS message or a program's output may carry escape
// sequences that repaint a terminal or hide what is asked (CVE-2024-52005 is
// one of many), so nothing foreign is displayed before it went through here.
package text

import (
	"strings"
	"unicode/utf8"
)

// Clean returns s on one line and without anything that a terminal would obey:
// C0 and C1 controls, DEL, line and paragraph separators, bidirectional
// controls, invisible format characters and invalid UTF-8 become "?"; line
// breaks and tabs become a blank. What is longer than max runes is cut and
// ends in "…".
func Clean(s string, max int) string {
	var b strings.Builder
	n := 0
	for i, r := range s {
		if n == max {
			b.WriteString("…")
			break
		}
		b.WriteRune(visible(r, s[i:]))
		n++
	}
	return b.String()
}

func visible(r rune, rest string) rune {
	switch {
	case r == '\n' || r == '\r' || r == '\t':
		return ' '
	case r == utf8.RuneError && !strings.HasPrefix(rest, "\uFFFD"):
		return '?'
	case hidden(r):
		return '?'
	}
	return r
}

// hidden lists what shows nothing itself but changes what is shown around it
// (Unicode Standard Annex 9, and general categories Cc, Zl, Zp and most of Cf).
func hidden(r rune) bool {
	switch {
	case r < 0x20, 0x7f <= r && r < 0xa0, r == 0xad, r == 0x61c, r == 0x180e, r == 0xfeff:
		return true
	case 0x200b <= r && r <= 0x200f, 0x2028 <= r && r <= 0x202e, 0x2060 <= r && r <= 0x206f:
		return true
	case 0xfff9 <= r && r <= 0xfffb, 0xe0000 <= r && r <= 0xe007f:
		return true
	}
	return false
}
