package profile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEach compares what Each shows with Profiles and Get, on the whole corpus
// and on names that stand in several places.
func TestEach(t *testing.T) {
	dir := t.TempDir()
	many := ""
	for i := range 300 {
		many += fmt.Sprintf("[profile p%d]\nregion = r%d\nmfa_serial=s\n%s", i%250, i, strings.Repeat("s3 =\n  a = b\n", i%3))
	}
	texts := []string{many, "[default]\na=1\n[profile default]\na=2\n[profile x]\n", "[default]\nb=\n[profile x]\nb = 1 # c\n[profile x]\nb=2\n", ""}
	err := filepath.WalkDir("testdata/corpus", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		texts = append(texts, string(text))
		return err
	})
	if err != nil || len(texts) < 20 {
		t.Fatalf("%d texts: %v", len(texts), err)
	}
	for i, config := range texts {
		for _, shared := range []string{"", "[x]\nb=3\n[p7]\nmfa_serial = other\n[only]\na=b\n[default]\na=9\n", config} {
			checkEach(t, fmt.Sprint("text ", i), filesOf(t, dir, config, shared))
		}
	}
}

func filesOf(t *testing.T, dir, config, shared string) *Files {
	t.Helper()
	p := Paths{Config: filepath.Join(dir, "config"), Credentials: filepath.Join(dir, "credentials")}
	for path, text := range map[string]string{p.Config: config, p.Credentials: shared} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Load(p)
	if err != nil {
		return &Files{} // some of the corpus are no text
	}
	return f
}

func checkEach(t *testing.T, what string, f *Files) {
	t.Helper()
	want := f.Profiles()
	keys := []string{"a", "b", "region", "mfa_serial", "nosuch", "role_arn", "source_profile"}
	n := 0
	f.Each(keys, func(name string, get func(string) string) {
		if n >= len(want) || want[n].Name != name {
			t.Fatalf("%s: number %d is %q", what, n, name)
		}
		p := want[n]
		for _, key := range keys {
			if get(key) != p.Get(key).Text {
				t.Errorf("%s: %s of %q is %q, want %q", what, key, name, get(key), p.Get(key).Text)
			}
		}
		n++
	})
	if n != len(want) {
		t.Errorf("%s: %d of %d profiles were visited", what, n, len(want))
	}
}
