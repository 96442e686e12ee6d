package command

import "encoding/json"

// writeJSON answers a program: one object, indented, for people read it too.
func (r *run) writeJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return r.write(append(text, '\n'))
}
