package profile

import (
	"os"
	"path/filepath"
	"testing"
)

// What an earlier run has set is taken back to the byte, or not touched.
func TestTakeBack(t *testing.T) {
	const value = "arn:aws:iam::111122223333:mfa/dev"
	for name, row := range map[string]struct {
		before string // "-" is no file
		after  func(path string)
		want   bool
	}{
		"a section":             {before: "# mine\n[profile dev]\nregion = eu-west-1", want: true},
		"another value":         {before: "[profile dev]\nmfa_serial = x1234567890\n", want: true},
		"no section":            {before: "[default]\r\n", want: true},
		"no file":               {before: "-", want: true},
		"an empty file":         {before: "", want: true},
		"had it already":        {before: "[profile dev]\nmfa_serial = " + value + "\n"},
		"somebody has written":  {before: "[profile dev]\n", after: func(p string) { appendTo(t, p, "# theirs\n") }},
		"somebody took it away": {before: "[profile dev]\n", after: func(p string) { os.Remove(p) }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := Rewriter{Paths: Paths{Config: filepath.Join(dir, "config"), Credentials: filepath.Join(dir, "credentials")}, Dir: filepath.Join(dir, "state")}
			if row.before != "-" {
				if err := os.WriteFile(r.Paths.Config, []byte(row.before), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := r.Set(t.Context(), "dev", "mfa_serial", value); err != nil {
				t.Fatal(err)
			}
			if row.after != nil {
				row.after(r.Paths.Config)
			}
			stands, _ := os.ReadFile(r.Paths.Config)
			done, err := r.TakeBack(t.Context(), "dev", "mfa_serial", value)
			if err != nil || done != row.want {
				t.Fatalf("%v, %v", done, err)
			}
			text, err := os.ReadFile(r.Paths.Config)
			switch {
			case row.want && row.before == "-":
				if !os.IsNotExist(err) {
					t.Errorf("the file is still there: %q, %v", text, err)
				}
			case row.want && string(text) != row.before:
				t.Errorf("%q", text)
			case !row.want && string(text) != string(stands):
				t.Errorf("touched: %q", text)
			}
			if again, err := r.TakeBack(t.Context(), "dev", "mfa_serial", value); again || err != nil {
				t.Errorf("a second time: %v, %v", again, err)
			}
		})
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}
