package term

import (
	"fmt"
	"strings"
)

// Picture shows text of our own with its escapes, such as a QR code, as it is.
// Nothing foreign may be in it.
func (t *Terminal) Picture(text string) error {
	return t.show(strings.ReplaceAll(text, "\n", "\r\n"))
}

// Erase takes away so many rows above the cursor, as far as they are still on
// the screen.
func (t *Terminal) Erase(rows int) error {
	if t.Dumb || rows < 1 {
		return nil
	}
	return t.show(fmt.Sprintf("\r\x1b[%dA\x1b[J", rows))
}
