package profile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzFiles: whatever the bytes are, nothing panics, every place lies within
// its file, every listed name can be looked up, and no refused character gets
// out.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(chainText), []byte("[dev]\n"+keyText))
	dirs, err := filepath.Glob(filepath.Join("testdata", "corpus", "*"))
	if err != nil || len(dirs) == 0 {
		f.Fatal("no corpus", err)
	}
	for _, dir := range dirs {
		config, _ := os.ReadFile(filepath.Join(dir, "config"))
		shared, _ := os.ReadFile(filepath.Join(dir, "credentials"))
		f.Add(config, shared)
	}
	f.Fuzz(func(t *testing.T, config, shared []byte) {
		// Every listed profile is looked up below, which is quadratic.
		if len(config) > 16<<10 || len(shared) > 16<<10 {
			return
		}
		files := new(Files)
		files.config.shown, files.credentials.shown = "config", "credentials"
		if files.config.take(string(config), false) != nil || files.credentials.take(string(shared), true) != nil {
			return
		}
		lines := map[string]int{
			"config": 1 + strings.Count(string(config), "\n"), "credentials": 1 + strings.Count(string(shared), "\n"),
		}
		inside := func(o Origin) {
			t.Helper()
			if o.Line < 1 || o.Line > lines[o.Path] {
				t.Fatalf("%v lies outside", o)
			}
		}
		for _, w := range files.Warnings() {
			inside(w.Origin)
		}
		for _, p := range files.Profiles() {
			checkProfile(t, files, p, inside)
		}
	})
}

func checkProfile(t *testing.T, files *Files, p *Profile, inside func(Origin)) {
	inside(p.Origin)
	if p.Name == "" || controls(p.Name) {
		t.Fatalf("name %q", p.Name)
	}
	for _, key := range p.Keys() {
		if v := p.Get(key); v.Origin.Line != 0 {
			inside(v.Origin)
		}
		for _, kv := range p.Nested(key) {
			inside(kv.Value.Origin)
		}
	}
	same, err := files.Profile(p.Name)
	if err != nil || same.Origin != p.Origin {
		t.Fatalf("%q is listed, but: %v", p.Name, err)
	}
	r, err := files.Resolve(Request{Profile: p.Name})
	if err != nil {
		if text := err.Error(); strings.ContainsAny(text, "\n\x1b\x00") {
			t.Fatalf("%q has control characters", text)
		}
		return
	}
	if r.Region.IsSet() && CheckRegion(r.Region) != nil || controls(r.MFASerial.Text) && !strings.Contains(r.MFASerial.Text, "\t") {
		t.Fatalf("region %q, serial %q", r.Region.Text, r.MFASerial.Text)
	}
	for _, w := range r.Warnings {
		inside(w.Origin)
		if strings.ContainsAny(w.Text, "\n\x1b") {
			t.Fatalf("%q has control characters", w.Text)
		}
	}
}
