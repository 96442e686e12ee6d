package profile

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files of the corpus")

// corpusCase is one pair of AWS files below testdata/corpus, with names that
// are asked for beside those that are listed.
type corpusCase struct {
	name, dir string
	ask       []string
}

func corpus(t *testing.T) []corpusCase {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("testdata", "corpus"))
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var cases []corpusCase
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		c := corpusCase{name: d.Name(), dir: filepath.Join(root, d.Name())}
		if ask, err := os.ReadFile(filepath.Join(c.dir, "ask")); err == nil {
			c.ask = strings.Split(strings.TrimSuffix(string(ask), "\n"), "\n")
		}
		cases = append(cases, c)
	}
	if len(cases) < 92 {
		t.Fatalf("the corpus has %d cases, 92 are the least", len(cases))
	}
	return cases
}

func (c corpusCase) load() (*Files, error) {
	return Load(Paths{
		Config:      filepath.Join(c.dir, "config"),
		Credentials: filepath.Join(c.dir, "credentials"),
		Home:        c.dir,
	})
}

func TestCorpus(t *testing.T) {
	for _, c := range corpus(t) {
		t.Run(c.name, func(t *testing.T) {
			got := c.describe()
			golden := filepath.Join(c.dir, "want")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// describe writes everything that is read from a case.
func (c corpusCase) describe() string {
	f, err := c.load()
	if err != nil {
		return fmt.Sprintf("load: %v\n", err)
	}
	var b strings.Builder
	names := slices.Clone(c.ask)
	for _, p := range f.Profiles() {
		names = append(names, p.Name)
		fmt.Fprintf(&b, "profile %q at %s\n", p.Name, p.Origin)
		for _, key := range p.Keys() {
			v := p.Get(key)
			text := v.Text
			if strings.HasSuffix(key, "secret_access_key") || strings.HasSuffix(key, "token") {
				text = fmt.Sprintf("hidden, %d", len(text))
			}
			fmt.Fprintf(&b, "  %s = %q at %s\n", key, text, v.Origin)
			for _, kv := range p.Nested(key) {
				fmt.Fprintf(&b, "    %s = %q at %s\n", kv.Key, kv.Value.Text, kv.Value.Origin)
			}
		}
	}
	for _, name := range names {
		describeResolved(&b, f, name)
	}
	for _, w := range f.Warnings() {
		fmt.Fprintf(&b, "warning: %s: %s\n", w.Origin, w.Text)
	}
	return b.String()
}

func describeResolved(b *strings.Builder, f *Files, name string) {
	fmt.Fprintf(b, "resolve %q: ", name)
	r, err := f.Resolve(Request{Profile: name})
	if err != nil {
		fmt.Fprintf(b, "error %d: %v\n", err.(*Error).Kind, err)
		return
	}
	fmt.Fprintf(b, "%s of %q at %s, key %s\n", r.Source.Kind, r.Source.Profile, r.Source.Origin, r.Source.Keys)
	show := func(what string, v Value) {
		if v.IsSet() {
			fmt.Fprintf(b, "  %s %q at %s\n", what, v.Text, v.Origin)
		}
	}
	show("source", r.Source.Text)
	for _, role := range r.Roles {
		show("role", role.ARN)
	}
	show("serial", r.MFASerial)
	show("region", r.Region)
	show("sts", r.STSEndpoint)
	show("iam", r.IAMEndpoint)
	for _, w := range r.Warnings {
		fmt.Fprintf(b, "  warning: %s: %s\n", w.Origin, w.Text)
	}
}

// reading is one case as botocore, or this package, reads it.
type reading struct {
	Refused  string
	Profiles map[string]map[string]any
	Sources  map[string]sourceReading
}

type sourceReading struct {
	Error string
	Key   string
	Roles []string
	Token bool
}

// TestAgainstBotocore holds every difference from the AWS CLI's reader against
// the list in testdata/differences.txt: one that is not listed, and one that is
// but has vanished, fails.
func TestAgainstBotocore(t *testing.T) {
	python := botocore(t)
	cases := corpus(t)
	out, err := exec.Command(python, filepath.Join("testdata", "readings.py"), filepath.Dir(cases[0].dir)).Output()
	if err != nil {
		t.Fatalf("readings.py: %v", err)
	}
	var theirs map[string]reading
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	listed := differences(t)
	for _, c := range cases {
		their, ok := theirs[c.name]
		if !ok {
			t.Errorf("%s: not read by readings.py", c.name)
			continue
		}
		for _, d := range compare(c.reading(), their) {
			id := c.name + ": " + d
			if listed[id] == "" {
				t.Errorf("a difference that is not listed: %s", id)
			}
			delete(listed, id)
		}
	}
	for id := range listed {
		t.Errorf("listed, but there is no such difference: %s", id)
	}
}

// botocore finds a Python that has it.
func botocore(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "python"} {
		path, err := exec.LookPath(python)
		if err == nil && exec.Command(path, "-c", "import botocore").Run() == nil {
			return path
		}
	}
	required := strings.FieldsFunc(os.Getenv("AWSMFA_REQUIRE_SHELLS"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(required, "botocore") {
		t.Fatal("botocore is required and missing")
	}
	t.Skip("there is no python with botocore")
	return ""
}

// differences reads "id<tab>reason" lines.
func differences(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "differences.txt"))
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		id, reason, ok := strings.Cut(line, "\t")
		if !ok || strings.TrimSpace(reason) == "" {
			t.Fatalf("a difference without a reason: %s", line)
		}
		listed[id] = reason
	}
	return listed
}

func (c corpusCase) reading() reading {
	f, err := c.load()
	if err != nil {
		return reading{Refused: err.Error()}
	}
	r := reading{Profiles: make(map[string]map[string]any), Sources: make(map[string]sourceReading)}
	for _, p := range f.Profiles() {
		keys := make(map[string]any)
		for _, key := range p.Keys() {
			keys[key] = p.Get(key).Text
			if block := p.Nested(key); block != nil {
				sub := make(map[string]any)
				for _, kv := range block {
					sub[kv.Key] = kv.Value.Text
				}
				keys[key] = sub
			}
		}
		r.Profiles[p.Name] = keys
		r.Sources[p.Name] = ourSource(f, p.Name)
	}
	return r
}

func ourSource(f *Files, name string) sourceReading {
	r, err := f.Resolve(Request{Profile: name})
	if err != nil {
		return sourceReading{Error: err.Error()}
	}
	s := sourceReading{Key: r.Source.Kind.String(), Roles: []string{}}
	if !r.Source.Keys.IsZero() {
		s.Key, s.Token = r.Source.Keys.AccessKeyID(), r.Source.Keys.SessionToken() != ""
	}
	for _, role := range r.Roles {
		s.Roles = append(s.Roles, role.ARN.Text)
	}
	return s
}

// compare names what differs.
func compare(ours, theirs reading) []string {
	switch {
	case ours.Refused != "" && theirs.Refused != "":
		return nil
	case ours.Refused != "":
		return []string{"only we refuse"}
	case theirs.Refused != "":
		return []string{"only botocore refuses"}
	}
	var found []string
	for _, name := range union(ours.Profiles, theirs.Profiles) {
		our, here := ours.Profiles[name]
		their, there := theirs.Profiles[name]
		switch {
		case !here:
			found = append(found, fmt.Sprintf("%q only there", name))
			continue
		case !there:
			found = append(found, fmt.Sprintf("%q only here", name))
			continue
		}
		for _, key := range union(our, their) {
			if a, b := fmt.Sprint(our[key]), fmt.Sprint(their[key]); a != b {
				found = append(found, fmt.Sprintf("%q %s", name, key))
			}
		}
		if a, b := ours.Sources[name], theirs.Sources[name]; !a.same(b) {
			found = append(found, fmt.Sprintf("%q source", name))
		}
	}
	return found
}

func (a sourceReading) same(b sourceReading) bool {
	if a.Error != "" || b.Error != "" {
		return a.Error != "" && b.Error != ""
	}
	return a.Key == b.Key && a.Token == b.Token && slices.Equal(a.Roles, b.Roles)
}

func union[V any](a, b map[string]V) []string {
	both := maps.Clone(a)
	if both == nil {
		both = make(map[string]V)
	}
	maps.Copy(both, b)
	return slices.Sorted(maps.Keys(both))
}
