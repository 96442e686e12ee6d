package term

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// display is a small terminal: what it shows is what a user would see.
type display struct {
	columns  int
	lines    [][]rune
	row, col int
	pending  string // an unfinished escape sequence
}

func newDisplay(columns int) *display { return &display{columns: columns} }

func (d *display) write(s string) {
	for _, r := range s {
		switch {
		case d.pending != "":
			d.escape(r)
		case r == 0x1b:
			d.pending = "\x1b"
		case r == '\r':
			d.col = 0
		case r == '\n':
			d.row++
		case r == '\b':
			d.col = max(0, d.col-1)
		case r == '\t':
			d.col = min(d.col+8-d.col%8, d.columns-1)
		case r < 0x20:
		default:
			d.put(r)
		}
	}
}

func (d *display) put(r rune) {
	if d.col >= d.columns {
		d.row, d.col = d.row+1, 0
	}
	line := d.line()
	for len(*line) <= d.col {
		*line = append(*line, ' ')
	}
	(*line)[d.col] = r
	d.col++
}

func (d *display) line() *[]rune {
	for len(d.lines) <= d.row {
		d.lines = append(d.lines, nil)
	}
	return &d.lines[d.row]
}

func (d *display) escape(r rune) {
	d.pending += string(r)
	if r == '[' || '0' <= r && r <= '9' {
		return
	}
	n := 0
	for _, c := range strings.TrimLeft(d.pending, "\x1b[") {
		if '0' <= c && c <= '9' {
			n = 10*n + int(c-'0')
		}
	}
	switch r {
	case 'A':
		d.row = max(0, d.row-max(1, n))
	case 'J':
		line := d.line()
		*line = (*line)[:min(len(*line), d.col)]
		d.lines = d.lines[:d.row+1]
	default:
		panic("the display does not know " + d.pending)
	}
	d.pending = ""
}

func (d *display) String() string {
	var lines []string
	for _, l := range d.lines {
		lines = append(lines, strings.TrimRight(string(l), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// TestErase shows a question below a user's own line and takes it away again.
func TestErase(t *testing.T) {
	const own = "own line\r\n"
	for _, columns := range []int{20, 80, 200} {
		for _, question := range []string{
			"code: ",
			"code: 123456\n",
			"code: ^C",
			strings.Repeat("p", 19) + "\n",
			strings.Repeat("p", 20) + "\n",
			strings.Repeat("p", 20),
			strings.Repeat("p", 21) + "\n",
			strings.Repeat("p", 40) + "\n",
			strings.Repeat("p", 161) + "\n",
			"  1  one\r\n  2  two\r\nwhich: 2\n",
			"  1  one\r\n  2  two\r\nwhich: ",
			"code: \t12\n",
			"\n",
			"",
		} {
			d := newDisplay(columns)
			d.write(own)
			d.write(strings.ReplaceAll(question, "\n", "\r\n"))
			s := screen{columns: columns}
			s.advance(question)
			d.write(s.erase(false))
			if got := d.String(); got != "own line" || d.row != 1 || d.col != 0 {
				t.Errorf("%d columns, %q: left %q, cursor %d,%d", columns, question, got, d.row, d.col)
			}
		}
	}
}

func TestEraseWhereItCannot(t *testing.T) {
	s := screen{columns: 80, rows: 3}
	s.advance("1\n2\n3\nwhich: ")
	if got := s.erase(false); got != "" {
		t.Errorf("scrolled off: %q", got)
	}
	dumb := screen{columns: 80}
	dumb.advance("code: ")
	if got := dumb.erase(true); got != "\r\n" {
		t.Errorf("dumb, open line: %q", got)
	}
	dumb.advance("\n")
	if got := dumb.erase(true); got != "" {
		t.Errorf("dumb, ended line: %q", got)
	}
}

func TestLine(t *testing.T) {
	for _, c := range []struct {
		in, want string
		err      error
	}{
		{"123456\n", "123456", nil},
		{"123456\r", "123456", nil},
		{"\n", "", nil},
		{"12 34\n", "12 34", nil},
		{"\x04", "", io.EOF},
		{"\x03", "", io.EOF},
		{strings.Repeat("x", MaxLine) + "\n", strings.Repeat("x", MaxLine), nil},
		{strings.Repeat("x", MaxLine+1) + "\n", strings.Repeat("x", MaxLine), ErrTooLong},
	} {
		var l line
		for i := range len(c.in) {
			done, err := l.add(c.in[i])
			if done != (i == len(c.in)-1) {
				t.Fatalf("%.20q: done %v at byte %d", c.in, done, i)
			}
			if done && !errors.Is(err, c.err) {
				t.Errorf("%.20q: error %v, want %v", c.in, err, c.err)
			}
		}
		if string(l.text) != c.want {
			t.Errorf("%.20q: read %.20q", c.in, l.text)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"one\ntwo\n":                       "one\r\ntwo\r\n",
		"one\r\ntwo":                       "one\r\ntwo",
		"a\x1b]0;title\x07":                "a?]0;title?",
		"over\rwritten":                    "over written",
		"bidi\u202eevil":                   "bidi?evil",
		"long " + strings.Repeat("é", 500): "long " + strings.Repeat("é", 500),
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%.40q) = %.40q", in, got)
		}
	}
}
