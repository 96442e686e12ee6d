//go:build !(linux || freebsd || netbsd || openbsd || darwin || windows)

package seed

const platform = "other"

func hasScreen(func(string) string) bool { return false }

func noKeyring() error {
	return keyringError(Absent, "awsmfa knows no keyring of this system", nil, hintFile)
}

func (v *visit) check() error              { return noKeyring() }
func (v *visit) find(slot) error           { return noKeyring() }
func (v *visit) read(slot) ([]byte, error) { return nil, noKeyring() }
func (v *visit) write(slot, []byte) error  { return noKeyring() }
func (v *visit) erase(slot) error          { return noKeyring() }
