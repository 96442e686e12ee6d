package term

import "encoding/base64"

// Copy has the terminal put s on the clipboard (OSC 52, from xterm's control
// sequences). Nothing tells whether it did: many terminals know the sequence,
// some ask their user first, and others ignore it.
func (t *Terminal) Copy(s string) error {
	return t.show("\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte(s)) + "\a")
}
