package main

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"
)

// The picture's measures, in pixels, and its colours. A monospaced letter is
// three fifths as wide as its font is high, or a little less.
const (
	fontSize   = 14
	lineHeight = 20
	margin     = 16
	background = "#14171c"
	printed    = "#aab2bf"
	typed      = "#ffffff"
)

// colours are those of the escape sequences that set one.
var colours = map[string]string{"31": "#ff7b72", "32": "#7ee787", "33": "#f2cc60", "34": "#79c0ff", "35": "#d2a8ff", "36": "#76e3ea"}

// span is a piece of a line in one colour.
type span struct{ colour, text string }

// screen is a terminal that is as high as it must be. It knows what is in the
// recording: colours, and the ends of lines.
type screen struct {
	lines  [][]span
	column int
	colour string // set by an escape sequence, else ""
}

// picture shows the whole recording as one terminal, in SVG.
func (c *cast) picture() []byte {
	s := &screen{lines: make([][]span, 1)}
	for _, e := range c.events {
		colour := printed
		if len([]rune(e.text)) == 1 { // a key
			colour = typed
		}
		s.write(e.text, colour)
	}
	return s.svg()
}

var sequence = regexp.MustCompile(`^\x1b\[([0-9;]*)m`)

func (s *screen) write(text, colour string) {
	for text != "" {
		if found := sequence.FindStringSubmatch(text); found != nil {
			s.colour = colours[found[1]]
			text = text[len(found[0]):]
			continue
		}
		letter := []rune(text)[0]
		text = text[len(string(letter)):]
		switch letter {
		case '\n':
			s.breakLine()
		case '\r':
		default:
			s.put(string(letter), first(s.colour, colour))
		}
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (s *screen) breakLine() { s.lines, s.column = append(s.lines, nil), 0 }

// put shows a letter, on a new line where the old one is full.
func (s *screen) put(letter, colour string) {
	if s.column == columns {
		s.breakLine()
	}
	s.column++
	line := &s.lines[len(s.lines)-1]
	if n := len(*line); n == 0 || (*line)[n-1].colour != colour {
		*line = append(*line, span{colour: colour})
	}
	(*line)[len(*line)-1].text += letter
}

func (s *screen) svg() []byte {
	var out bytes.Buffer
	width, height := 2*margin+columns*fontSize*3/5, 2*margin+len(s.lines)*lineHeight
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d">`+"\n", width, height)
	fmt.Fprintf(&out, "<title>A day with awsmfa, as a terminal shows it</title>\n")
	fmt.Fprintf(&out, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", background)
	fmt.Fprintf(&out, `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%d">`+"\n", fontSize)
	for i, line := range s.lines {
		fmt.Fprintf(&out, `<text x="%d" y="%d" xml:space="preserve">%s</text>`+"\n", margin, margin+i*lineHeight+fontSize, markup(line))
	}
	out.WriteString("</g>\n</svg>\n")
	return out.Bytes()
}

func markup(line []span) string {
	var out strings.Builder
	for _, s := range line {
		fmt.Fprintf(&out, `<tspan fill="%s">%s</tspan>`, s.colour, html.EscapeString(s.text))
	}
	return out.String()
}
