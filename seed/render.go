package seed

import (
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the margin that a reader needs around a code, in modules (ISO/IEC
// 18004: four).
const quiet = 4

// QR draws a URI as a code for a terminal, two rows of squares to a line. The
// colours are set for every line, black on white: without that a terminal with
// a dark background shows the code inverted, which many phones do not read. They
// are those of the palette of 256 that no theme changes.
func QR(uri string) (string, error) {
	modules, err := modulesOf(uri)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	size := len(modules)
	for y := 0; y < size; y += 2 {
		b.WriteString("\x1b[38;5;16;48;5;231m")
		for x := range size {
			b.WriteString(half(modules[y][x], y+1 < size && modules[y+1][x]))
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String(), nil
}

// half is the character whose upper and lower half are dark or not.
func half(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}

// modulesOf is the code with its margin, dark squares true.
func modulesOf(uri string) ([][]bool, error) {
	// The lowest correction makes the smallest code, and a screen has no dirt.
	code, err := qr.Encode(uri, qr.L, qr.Auto)
	if err != nil {
		return nil, errNoRoom // its error may quote the text
	}
	n := code.Bounds().Dx()
	modules := make([][]bool, n+2*quiet)
	for y := range modules {
		modules[y] = make([]bool, n+2*quiet)
	}
	for y := range n {
		for x := range n {
			r, _, _, _ := code.At(x, y).RGBA()
			modules[y+quiet][x+quiet] = r == 0
		}
	}
	return modules, nil
}

var errNoRoom = &ParseError{"the URI is too long for a QR code", "give it a shorter label"}
