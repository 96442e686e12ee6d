package profile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLocate(t *testing.T) {
	for _, test := range []struct {
		home, config, shared   string
		wantConfig, wantShared string
	}{
		{"/h", "", "", "/h/.aws/config", "/h/.aws/credentials"},
		{"/h", "/x/c", "~/s", "/x/c", "/h/s"},
		{"/h", "~/a/../c", "rel", "/h/c", "rel"},
		{"/h", "~", "~ann/s", "~", "~ann/s"},
		{"", "", "", "", ""},
		{"", "~/c", "/s", "~/c", "/s"},
	} {
		p := Locate(env("AWS_CONFIG_FILE", test.config, "AWS_SHARED_CREDENTIALS_FILE", test.shared).get, test.home)
		want := Paths{filepath.FromSlash(test.wantConfig), filepath.FromSlash(test.wantShared), test.home}
		if p != want {
			t.Errorf("%+v, want %+v", p, want)
		}
	}
}

func TestShown(t *testing.T) {
	home := filepath.FromSlash("/home/ann")
	for path, want := range map[string]string{
		"/home/ann/.aws/config": "~/.aws/config", "/home/anna/c": "/home/anna/c", "/etc/c": "/etc/c",
		"/home/ann": "/home/ann", "": "", "/home/ann/a\x1b[2Jb": "~/a?[2Jb",
	} {
		if got := filepath.ToSlash(shown(filepath.FromSlash(path), home)); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	if got := shown(filepath.FromSlash("/x"), ""); got != filepath.FromSlash("/x") {
		t.Error(got)
	}
}

func TestOriginString(t *testing.T) {
	for want, o := range map[string]Origin{
		"~/.aws/config:21": {Path: "~/.aws/config", Line: 21}, "~/.aws/config": {Path: "~/.aws/config"},
		"AWS_REGION": {Name: "AWS_REGION"}, "": {},
	} {
		if o.String() != want {
			t.Errorf("%q, want %q", o, want)
		}
	}
}

func TestBadFiles(t *testing.T) {
	for name, test := range map[string]struct{ text, words string }{
		"UTF-16 with mark":    {"\xff\xfe[\x00d\x00]\x00", "UTF-16"},
		"UTF-16, big":         {"\xfe\xff\x00[", "UTF-16"},
		"UTF-16 without mark": {"[\x00d\x00]\x00", "UTF-16"},
		"NUL":                 {"[default]\nregion = a\x00b\n", "NUL byte (~/.aws/config:2)"},
	} {
		_, err := tryHome(t, test.text, "")
		if kind, ok := kindOf(err); !ok || kind != BadFile || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	_, err := Load(Paths{Config: dir})
	if kind, _ := kindOf(err); kind != BadFile || !strings.Contains(err.Error(), "directory") {
		t.Errorf("directory: %v", err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, MaxFileSize+1); err != nil {
		t.Fatal(err)
	}
	_, err = Load(Paths{Credentials: big})
	if kind, _ := kindOf(err); kind != BadFile || !strings.Contains(err.Error(), "32 MiB") {
		t.Errorf("too big: %v", err)
	}
}

func TestMissingFiles(t *testing.T) {
	for _, path := range []string{"", os.DevNull, filepath.Join(t.TempDir(), "no", "such")} {
		f, err := Load(Paths{Config: path, Credentials: path})
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		if kind, _ := kindOf(second(f.Profile("dev"))); kind != NoFiles {
			t.Errorf("%q: kind %d", path, kind)
		}
	}
	f := home(t, "", "[dev]\n"+keyText)
	_, err := f.Profile("prod")
	if kind, _ := kindOf(err); kind != NotFound || strings.Contains(err.Error(), "config") {
		t.Errorf("%v", err)
	}
}

// TestReadText: a file that grows while it is read is read to its end.
func TestReadText(t *testing.T) {
	text := strings.Repeat("x", 200_000)
	for _, size := range []int64{0, 1, 200_000, 1 << 20} {
		got, err := readText(strings.NewReader(text), size)
		if err != nil || got != text {
			t.Errorf("size %d: %d bytes, %v", size, len(got), err)
		}
	}
	if _, err := readText(endless{}, 10); err == nil {
		t.Error("an endless file was read")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestFilesAreNotTouched(t *testing.T) {
	f := home(t, chainText, "[x]\n"+keyText)
	stamp := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, path := range []string{f.Paths().Config, f.Paths().Credentials} {
		if err := os.Chtimes(path, stamp, stamp); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	g, err := Load(f.Paths())
	if err != nil {
		t.Fatal(err)
	}
	resolve(t, g, Request{Profile: "top"})
	g.Warnings()
	for _, path := range []string{f.Paths().Config, f.Paths().Credentials} {
		if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(stamp) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestProfilesInOrder(t *testing.T) {
	f := home(t, "[default]\n[profile b]\n[preview]\n[profile a]\n[sso-session s]\n[profile b]\n", "[c]\n[a]\n[default]\n")
	var got []string
	for _, p := range f.Profiles() {
		got = append(got, p.Name+"@"+p.Origin.String())
		one, err := f.Profile(p.Name)
		if err != nil || one.Origin != p.Origin || len(one.config) != len(p.config) || len(one.credentials) != len(p.credentials) {
			t.Errorf("%s: listed and looked up differ: %v", p.Name, err)
		}
	}
	want := "default@~/.aws/config:1 b@~/.aws/config:2 a@~/.aws/config:4 c@~/.aws/credentials:1"
	if strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestBigInputs: megabytes of anything are read in linear time. Quadratic work
// on these would take minutes; the bound leaves room for a busy machine.
func TestBigInputs(t *testing.T) {
	fill := func(line string) string {
		size := 1 << 20
		if line == "x" {
			size = 10 << 20
		}
		return strings.Repeat(line, size/len(line))
	}
	for name, text := range map[string]string{
		"one line":       "[profile dev]\nnote = " + fill("x"),
		"one header":     "[profile " + fill("x") + "]\n",
		"open headers":   fill("[profile x\n"),
		"headers":        fill("[profile dev]\n"),
		"quotes":         "[profile " + fill(`"'`) + "\n",
		"brackets":       fill("["),
		"closing":        "[profile a" + fill("]"),
		"backslashes":    "[profile " + fill(`\`),
		"blanks":         "[profile dev]\n" + fill(" "),
		"lines":          fill("\n"),
		"returns":        "[profile dev]\n" + fill("\r"),
		"junk":           "[profile dev]\n" + fill("junk\n"),
		"one key":        "[profile dev]\n" + fill("k = v\n"),
		"continued":      "[profile dev]\nnote = a\n" + fill(" more\n"),
		"nested":         "[profile dev]\ns3 =\n" + fill(" k = v\n"),
		"nested junk":    "[profile dev]\ns3 =\n" + fill(" junk\n"),
		"comment starts": "[profile dev]\nnote = " + fill("#"),
		"value quotes":   "[profile dev]\n" + fill("a = \"\n"),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			f := new(Files)
			if err := f.config.take(text, false); err != nil {
				t.Fatal(err)
			}
			f.Resolve(Request{Profile: "dev"})
			f.Warnings()
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}
