package profile

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const newSerial = "arn:aws:iam::111122223333:mfa/new"

// TestSetKey: "NEW" in the wanted text is the new value.
func TestSetKey(t *testing.T) {
	for _, test := range []struct{ name, profile, before, after string }{
		{"changed", "dev", "[profile dev]\nmfa_serial = old\nregion = x\n", "[profile dev]\nmfa_serial = NEW\nregion = x\n"},
		{"added", "dev", "[profile dev]\nregion = x\n\n[profile b]\n", "[profile dev]\nregion = x\nmfa_serial = NEW\n\n[profile b]\n"},
		{"section made", "dev", "[default]\nregion = x\n", "[default]\nregion = x\n\n[profile dev]\nmfa_serial = NEW\n"},
		{"after an empty line", "dev", "[default]\nregion = x\n\n", "[default]\nregion = x\n\n[profile dev]\nmfa_serial = NEW\n"},
		{"empty file", "dev", "", "[profile dev]\nmfa_serial = NEW\n"},
		{"empty file, default", "default", "", "[default]\nmfa_serial = NEW\n"},
		{"blank file", "dev", "\n", "\n[profile dev]\nmfa_serial = NEW\n"},
		{"default", "default", "[default]\nregion=x\n", "[default]\nregion=x\nmfa_serial=NEW\n"},
		{"both forms of default", "default", "[profile default]\nmfa_serial = a\n[default]\nmfa_serial = b\n", "[profile default]\nmfa_serial = NEW\n[default]\nmfa_serial = b\n"},
		{"quoted name", "a b", "[profile \"a b\"]\n", "[profile \"a b\"]\nmfa_serial = NEW\n"},
		{"name of two words", "a b", "[profile a b] # c\nk = v", "[profile a b] # c\nk = v\nmfa_serial = NEW"},
		{"a bare section is none", "dev", "[dev]\nmfa_serial = x\n", "[dev]\nmfa_serial = x\n\n[profile dev]\nmfa_serial = NEW\n"},
		{"no end of the last line", "dev", "[profile dev]", "[profile dev]\nmfa_serial = NEW"},
		{"no end, section made", "dev", "[profile b]\nk = v", "[profile b]\nk = v\n\n[profile dev]\nmfa_serial = NEW"},
		{"no end, changed", "dev", "[profile dev]\nmfa_serial=x", "[profile dev]\nmfa_serial=NEW"},
		{"CRLF", "dev", "[profile dev]\r\nmfa_serial = x\r\n", "[profile dev]\r\nmfa_serial = NEW\r\n"},
		{"CRLF added", "dev", "[profile dev]\r\nk = v\r\n\r\n", "[profile dev]\r\nk = v\r\nmfa_serial = NEW\r\n\r\n"},
		{"CRLF section", "dev", "[default]\r\nk = v\r\n", "[default]\r\nk = v\r\n\r\n[profile dev]\r\nmfa_serial = NEW\r\n"},
		{"mixed ends", "dev", "[profile dev]\nk = v\r\nj = w\n[profile b]\r\n", "[profile dev]\nk = v\r\nj = w\nmfa_serial = NEW\n[profile b]\r\n"},
		{"byte order mark", "dev", "\ufeff[profile dev]\nmfa_serial = x\n", "\ufeff[profile dev]\nmfa_serial = NEW\n"},
		{"comments", "dev", "# a\n[profile dev]\n# b\nk = v\n  # c\n\n# of b\n[profile b]\n", "# a\n[profile dev]\n# b\nk = v\nmfa_serial = NEW\n  # c\n\n# of b\n[profile b]\n"},
		{"comment behind", "dev", "[profile dev]\nmfa_serial = x  # note\n", "[profile dev]\nmfa_serial = NEW  # note\n"},
		{"glued comment is the value", "dev", "[profile dev]\nmfa_serial = x#y\n", "[profile dev]\nmfa_serial = NEW\n"},
		{"quotes", "dev", "[profile dev]\nmfa_serial = \"x\" ; c\n", "[profile dev]\nmfa_serial = \"NEW\" ; c\n"},
		{"open quote", "dev", "[profile dev]\nmfa_serial = 'x\n", "[profile dev]\nmfa_serial = NEW\n"},
		{"quoted word", "dev", "[profile dev]\nmfa_serial = \"a # b\" c # d\n", "[profile dev]\nmfa_serial = NEW # d\n"},
		{"empty", "dev", "[profile dev]\nmfa_serial =\n", "[profile dev]\nmfa_serial = NEW\n"},
		{"empty, blanks", "dev", "[profile dev]\nmfa_serial=  \r\n", "[profile dev]\nmfa_serial=  NEW\r\n"},
		{"empty, comment", "dev", "[profile dev]\nmfa_serial = # c\n", "[profile dev]\nmfa_serial = NEW # c\n"},
		{"empty, quotes", "dev", "[profile dev]\nmfa_serial = ''\n", "[profile dev]\nmfa_serial = 'NEW'\n"},
		{"colon", "dev", "[profile dev]\nMFA_Serial : x\n", "[profile dev]\nMFA_Serial : NEW\n"},
		{"key twice", "dev", "[profile dev]\nmfa_serial = a\nmfa_serial = b\n", "[profile dev]\nmfa_serial = a\nmfa_serial = NEW\n"},
		{"section twice", "dev", "[profile dev]\nmfa_serial = a\n[profile dev]\nmfa_serial = b\n[profile dev]\nk = v\n", "[profile dev]\nmfa_serial = a\n[profile dev]\nmfa_serial = NEW\n[profile dev]\nk = v\n"},
		{"section twice, added", "dev", "[profile dev]\n[profile b]\n[profile dev]\n", "[profile dev]\n[profile b]\n[profile dev]\nmfa_serial = NEW\n"},
		{"nested", "dev", "[profile dev]\ns3 =\n  mfa_serial = x\n", "[profile dev]\ns3 =\n  mfa_serial = x\nmfa_serial = NEW\n"},
		{"nested, tabs", "dev", "[profile dev]\n\tregion=x\n\ts3=\n\t\ta=b\n", "[profile dev]\n\tregion=x\n\ts3=\n\t\ta=b\n\tmfa_serial=NEW\n"},
		{"continued value of another", "dev", "[profile dev]\nk = v\n  more\n", "[profile dev]\nk = v\n  more\nmfa_serial = NEW\n"},
		{"continued value", "dev", "[profile dev]\nmfa_serial = a\n  b\n # c\n  d\nk = v\n", "[profile dev]\nmfa_serial = NEW\n # c\nk = v\n"},
		{"indented key", "dev", "[profile dev]\nk = v\n  j = w\n", "[profile dev]\nk = v\n  j = w\nmfa_serial = NEW\n"},
		{"all indented", "dev", "[profile dev]\n  k = v\n  j = w\n", "[profile dev]\n  k = v\n  j = w\n  mfa_serial = NEW\n"},
		{"columns", "dev", "[profile dev]\nregion         = x\n", "[profile dev]\nregion         = x\nmfa_serial     = NEW\n"},
		{"narrow columns", "dev", "[profile dev]\na  =  x\n", "[profile dev]\na  =  x\nmfa_serial =  NEW\n"},
		{"junk", "dev", "[profile dev]\njunk\n", "[profile dev]\njunk\nmfa_serial = NEW\n"},
		{"the same", "dev", "[profile dev]\nmfa_serial = " + newSerial + " # c\n", "[profile dev]\nmfa_serial = NEW # c\n"},
	} {
		want := strings.ReplaceAll(test.after, "NEW", newSerial)
		e, err := SetKey([]byte(test.before), test.profile, "mfa_serial", newSerial)
		if err != nil || string(e.Text()) != want {
			t.Errorf("%s: %v\ngot  %q\nwant %q", test.name, err, e.Text(), want)
			continue
		}
		lines := strings.Split(want, "\n")
		if e.Line < 1 || !strings.Contains(lines[e.Line-1], newSerial) {
			t.Errorf("%s: line %d", test.name, e.Line)
		}
		if e.Changed() != (want != test.before) || (e.Diff() == "") == e.Changed() {
			t.Errorf("%s: changed %v, diff %q", test.name, e.Changed(), e.Diff())
		}
	}
}

func TestSetKeyRefuses(t *testing.T) {
	dev := "[profile dev]\nregion = x\n"
	for _, test := range []struct {
		name, text, profile, key, value string
		kind                            Kind
		words                           string
	}{
		{"empty name", dev, "", "k", "v", BadName, "empty"},
		{"control name", dev, "a\nb", "k", "v", BadName, "control"},
		{"new name with a blank", dev, "a b", "k", "v", BadName, "by hand"},
		{"new name with #", dev, "a#b", "k", "v", BadName, "by hand"},
		{"new name with a bracket", dev, "a]", "k", "v", BadName, "by hand"},
		{"new name, quotes", dev, `a"b`, "k", "v", BadName, "by hand"},
		{"new name, not ASCII", dev, "ü", "k", "v", BadName, "by hand"},
		{"empty key", dev, "dev", "", "v", BadValue, "key"},
		{"key in upper case", dev, "dev", "K", "v", BadValue, "key"},
		{"key with =", dev, "dev", "a=b", "v", BadValue, "key"},
		{"key with a line break", dev, "dev", "a\nb", "v", BadValue, "key"},
		{"secret", dev, "dev", "aws_secret_access_key", "v", BadValue, "secret"},
		{"token", dev, "dev", "aws_session_token", "v", BadValue, "secret"},
		{"empty value", dev, "dev", "k", "", BadValue, "empty"},
		{"line break", dev, "dev", "k", "a\nb", BadValue, "control"},
		{"CR", dev, "dev", "k", "a\rb", BadValue, "control"},
		{"NUL", dev, "dev", "k", "a\x00b", BadValue, "control"},
		{"tab", dev, "dev", "k", "a\tb", BadValue, "control"},
		{"line separator", dev, "dev", "k", "a\u2028b", BadValue, "control"},
		{"not UTF-8", dev, "dev", "k", "a\xff", BadValue, "control"},
		{"blank before", dev, "dev", "k", " a", BadValue, "blank"},
		{"blank behind", dev, "dev", "k", "a ", BadValue, "blank"},
		{"wide blank behind", dev, "dev", "k", "a\u00a0", BadValue, "blank"},
		{"comment", dev, "dev", "k", "a #b", BadValue, "comment"},
		{"comment with ;", dev, "dev", "k", "a ;b", BadValue, "comment"},
		{"begins with #", dev, "dev", "k", "#a", BadValue, "begins with #"},
		{"quoted", dev, "dev", "k", `"a"`, BadValue, "begins with"},
		{"single quote", dev, "dev", "k", `'a`, BadValue, "begins with"},
		{"nested", "[profile dev]\nk =\n  a = b\n", "dev", "k", "v", NotEditable, "indented lines"},
		{"nested junk", "[profile dev]\nk =\n# c\n  a\n", "dev", "k", "v", NotEditable, "indented lines"},
		{"unclosed", "\n[profile dev\n", "dev", "k", "v", NotEditable, "bracket (config:2)"},
		{"UTF-16", "\xff\xfe[\x00", "dev", "k", "v", BadFile, "UTF-16"},
		{"NUL in the file", dev + "\x00", "dev", "k", "v", BadFile, "config:3"},
	} {
		e, err := SetKey([]byte(test.text), test.profile, test.key, test.value)
		if kind, ok := kindOf(err); !ok || kind != test.kind || !strings.Contains(err.Error(), test.words) || e.Changed() {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\x00\r\t") {
			t.Errorf("%s: %q", test.name, err)
		}
	}
}

// TestVerify: the net below the editor tells every kind of damage.
func TestVerify(t *testing.T) {
	const before = "k = v\n[profile dev]\nregion = x\n[services a]\ns3 =\n  k = v\n[profile b]\n"
	set := &editor{file: new(file), name: "dev", key: "mfa_serial", value: "new"}
	if err := set.file.take(before, false); err != nil {
		t.Fatal(err)
	}
	changes, err := set.plan()
	if err != nil {
		t.Fatal(err)
	}
	good := splice(before, changes)
	if _, err := set.verify(good); err != nil {
		t.Fatal(err)
	}
	for _, damage := range [][2]string{
		{"", ""}, {good, before}, {"region = x", "region = y"}, {"region = x\n", ""}, {"  k = v", "  k = w"}, {"  k", "k"}, {"[profile b]\n", ""},
		{"[profile b]", "[profile c]"}, {"[services a]", "[profile a]"}, {"new", "old"}, {"k = v\n[p", "k = w\n[p"}, {"\ns3", "\nj = k\ns3"}, {good, good + "[profile dev]\n"},
	} {
		text := strings.Replace(good, damage[0], damage[1], 1)
		if damage[0] == "" {
			text = ""
		}
		if kind, ok := kindOf(errorOf(set.verify(text))); !ok || kind != NotEditable {
			t.Errorf("%q is let through", text)
		}
	}
}

func errorOf[A, B any](_ A, b B) B { return b }

func TestDiff(t *testing.T) {
	const before = "[profile a]\nregion = x\n[profile dev]\naws_access_key_id = AKIA\nAWS_Secret_Access_Key = " + testSecret +
		"\n  rest of it\nregion\t= x\x1b[2J\r\nendpoint_url = https://u:pass@h/\n#aws_session_token = " + testSecret + "\nmfa_process = get --pin 1234\n" + testSecret + "\n\n[b]\nk = v\n"
	e, err := SetKey([]byte(before), "dev", "region", "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	want := `--- config
+++ config
@@ -4,7 +4,7 @@
 aws_access_key_id = AKIA
 AWS_Secret_Access_Key = (hidden)
   (hidden)
-region    = x?[2J
+region    = eu-west-1
 endpoint_url = https://…@h/
 # (hidden)
 mfa_process = (hidden)
`
	if e.Diff() != want {
		t.Errorf("got:\n%s\nwant:\n%s", e.Diff(), want)
	}
	for _, name := range []string{"dev", "c"} {
		e, err = SetKey([]byte(before), name, "output", "json")
		if err != nil || strings.Contains(e.Diff(), testSecret) || strings.Contains(e.Diff(), "1234") || !strings.Contains(e.Diff(), "\n+output") {
			t.Errorf("%v\n%s", err, e.Diff())
		}
	}
	if e, err = SetKey(nil, "dev", "output", "json"); err != nil || e.Diff() != "--- config\n+++ config\n@@ -0,0 +1,2 @@\n+[profile dev]\n+output = json\n" {
		t.Errorf("%v\n%s", err, e.Diff())
	}
	if strings.Contains(e.String()+e.GoString(), "json") {
		t.Error(e)
	}
}

// TestCorpusEdits sets a key at every profile of the corpus, one that is there
// and one that is not, and holds the result against botocore's reading, too:
// what it read as we do before the edit, it reads as we do afterwards.
func TestCorpusEdits(t *testing.T) {
	type edit struct {
		profile, key, value string
		c                   corpusCase
	}
	root := t.TempDir()
	edits := make(map[string]edit)
	for _, c := range corpus(t) {
		text, err := os.ReadFile(filepath.Join(c.dir, "config"))
		files, loadErr := c.load()
		if err != nil || loadErr != nil {
			continue
		}
		shared, _ := os.ReadFile(filepath.Join(c.dir, "credentials"))
		for i, p := range files.Profiles() {
			for j, pair := range [][2]string{{"region", "eu-north-9"}, {"mfa_serial", newSerial}, {"zz_new", "a=b:c%d$e"}} {
				key, value := pair[0], pair[1]
				if os.Getenv("AWSMFA_LONG") == "" && j != (len(edits)+len(c.name))%3 {
					continue // botocore takes its time
				}
				e, err := SetKey(text, p.Name, key, value)
				if err != nil {
					if kind, _ := kindOf(err); kind != BadName || len(p.config) > 0 {
						t.Errorf("%s: %q %s: %v", c.name, p.Name, key, err)
					}
					continue
				}
				id := c.name + "-" + key + "-" + string(rune('a'+i))
				dir := filepath.Join(root, id)
				must(t, os.Mkdir(dir, 0o700))
				must(t, os.WriteFile(filepath.Join(dir, "config"), e.Text(), 0o600))
				must(t, os.WriteFile(filepath.Join(dir, "credentials"), shared, 0o600))
				edits[id] = edit{p.Name, key, value, c}
			}
		}
	}
	if len(edits) < 100 {
		t.Fatalf("%d edits only", len(edits))
	}
	python := botocore(t)
	before, after := readings(t, python, filepath.Join("testdata", "corpus")), readings(t, python, root)
	compared := 0
	for id, e := range edits {
		was, is := before[e.c.name], after[id]
		if was.Refused != "" {
			continue
		}
		if is.Refused != "" {
			t.Errorf("%s: botocore refuses it now: %s", id, is.Refused)
		}
		ofProfile := func(d string) bool { return strings.HasPrefix(d, strconv.Quote(e.profile)+" ") }
		if d := compare(withoutSources(e.c.reading()), was); slices.Contains(d, strconv.Quote(e.profile)+" only here") {
			continue // its section is something else to botocore
		} else if changed := slices.DeleteFunc(compare(was, is), ofProfile); len(changed) > 0 {
			t.Errorf("%s: botocore reads something else: %s", id, changed)
		} else if slices.ContainsFunc(d, ofProfile) {
			continue
		}
		compared++
		want := make(map[string]any)
		for k, v := range was.Profiles[e.profile] {
			want[k] = v
		}
		if shared := is.Profiles[e.profile][e.key]; hasKey(t, e.c, e.profile, e.key) {
			want[e.key] = shared // the credentials file's counts
		} else {
			want[e.key] = e.value
		}
		if a, b := asJSON(want), asJSON(is.Profiles[e.profile]); a != b {
			t.Errorf("%s: botocore reads\n%s, want\n%s", id, b, a)
		}
	}
	if compared < 80 {
		t.Errorf("only %d edits were compared", compared)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func withoutSources(r reading) reading {
	r.Sources = nil
	return r
}

func asJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func hasKey(t *testing.T, c corpusCase, name, key string) bool {
	f, err := c.load()
	must(t, err)
	return len(f.credentials.entries(f.credentials.named(sectionProfile, name))) > 0 && last(mustProfile(t, f, name).inShared, key, "").IsSet()
}

func mustProfile(t *testing.T, f *Files, name string) *Profile {
	p, err := f.Profile(name)
	must(t, err)
	p.parse()
	return p
}

func readings(t *testing.T, python, root string) map[string]reading {
	t.Helper()
	out, err := exec.Command(python, filepath.Join("testdata", "readings.py"), root, "profiles").Output()
	must(t, err)
	var all map[string]reading
	must(t, json.Unmarshal(out, &all))
	return all
}

// FuzzSetKey: whatever a file holds, an edit leaves every byte outside of one
// line, or of one addition; it is read back; twice is once; and back is back.
func FuzzSetKey(f *testing.F) {
	f.Add([]byte(chainText), "dev", "mfa_serial", newSerial)
	f.Add([]byte("[default]\r\nk = \"a\" # b\r\n"), "default", "k", "v")
	dirs, err := filepath.Glob(filepath.Join("testdata", "corpus", "*"))
	if err != nil || len(dirs) == 0 {
		f.Fatal("no corpus", err)
	}
	for _, dir := range dirs {
		config, _ := os.ReadFile(filepath.Join(dir, "config"))
		f.Add(config, "dev", "region", "eu-west-1")
		f.Add(config, "new", "mfa_serial", newSerial)
	}
	f.Fuzz(func(t *testing.T, text []byte, name, key, value string) {
		if len(text) > 16<<10 {
			return
		}
		before := &Files{}
		if before.config.take(string(text), false) != nil {
			if e, err := SetKey(text, name, key, value); err == nil || e.Changed() {
				t.Fatal("a broken file is edited")
			}
			return
		}
		names := []string{name}
		for _, p := range before.Profiles() {
			names = append(names, p.Name)
		}
		for _, n := range names[:min(len(names), 4)] {
			checkEdit(t, before, text, n, key, value)
		}
	})
}

func checkEdit(t *testing.T, files *Files, text []byte, name, key, value string) {
	e, err := SetKey(text, name, key, value)
	if err != nil {
		if _, ok := kindOf(err); !ok || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Fatalf("%q", err)
		}
		return
	}
	var old Value
	p := files.find(name)
	if p != nil {
		old = p.Get(key)
	}
	checkBytes(t, string(text), string(e.Text()), old)
	again, err := SetKey(e.Text(), name, key, value)
	if err != nil || again.Changed() {
		t.Fatalf("the second time: %v\n%s", err, again.Diff())
	}
	checkRead(t, files, e, name, key, value)
	if strings.ContainsAny(e.Diff(), "\x1b\r\x00") || e.Changed() && !strings.HasPrefix(e.Diff(), "--- config\n") {
		t.Fatalf("diff %q", e.Diff())
	}
	if back, err := SetKey(e.Text(), name, key, old.Text); err == nil && string(back.Text()) != string(text) && !odd(string(text), old) {
		t.Fatalf("back:\n%q\nwas\n%q", back.Text(), text)
	}
}

// odd: the value stood in quotes that the new one could not stand in.
func odd(text string, old Value) bool {
	line := strings.Split(text, "\n")[max(old.Origin.Line-1, 0)]
	return strings.ContainsAny(line, "\"'")
}

// checkBytes compares without the editor's help: outside of the line of the
// old value, and the lines that continue it, every byte is there in its place.
func checkBytes(t *testing.T, before, after string, old Value) {
	same := 0
	for same < min(len(before), len(after)) && before[same] == after[same] {
		same++
	}
	tail := 0
	for tail < min(len(before), len(after))-same && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	gone := before[same : len(before)-tail]
	switch {
	case old.Origin.Line == 0 && gone != "":
		t.Fatalf("an addition took %q away", gone)
	case strings.Contains(old.Text, "\n"):
	case strings.Contains(gone, "\n"):
		t.Fatalf("%q is gone, of several lines", gone)
	case gone != "" && strings.Count(before[:same], "\n")+1 != old.Origin.Line:
		t.Fatalf("%q is gone, which was not the value", gone)
	}
}

// checkRead compares all that profiles say.
func checkRead(t *testing.T, files *Files, e Edit, name, key, value string) {
	now := &Files{}
	if err := now.config.take(string(e.Text()), false); err != nil {
		t.Fatal(err)
	}
	if p := now.find(name); p == nil || p.Get(key).Text != value || p.Get(key).Origin.Line != e.Line {
		t.Fatalf("it is not read back: %v", p)
	}
	for _, p := range now.Profiles() {
		was := files.find(p.Name)
		if was == nil && p.Name == name {
			if !slices.Equal(p.Keys(), []string{key}) {
				t.Fatalf("%q has %q", name, p.Keys())
			}
			continue
		}
		for _, k := range p.Keys() {
			if p.Name == name && k == key {
				continue
			}
			if a, b := was.Get(k).Text, p.Get(k).Text; a != b || len(was.Nested(k)) != len(p.Nested(k)) {
				t.Fatalf("%q %s: %q, then %q", p.Name, k, a, b)
			}
		}
	}
	if n, m := len(files.Profiles()), len(now.Profiles()); m < n || m > n+1 {
		t.Fatalf("%d profiles, then %d", n, m)
	}
}
