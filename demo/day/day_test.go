package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"awsmfa/stsclient/ststest"
)

// need skips the test where a program is missing, or fails it if
// AWSMFA_REQUIRE_SHELLS names that.
func need(t *testing.T, names ...string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("pseudo terminals are known on Linux alone")
	}
	required := strings.FieldsFunc(os.Getenv("AWSMFA_REQUIRE_SHELLS"), func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if slices.Contains(required, name) {
			t.Fatalf("%s is required (AWSMFA_REQUIRE_SHELLS), and is not here", name)
		}
		t.Skipf("%s is not here", name)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func committed(name string) string { return filepath.Join("..", "..", "docs", name) }

// lines are what is typed, in the order of the script.
func lines() []string {
	var all []string
	for _, one := range (&stage{}).steps() {
		all = append(all, one.line)
	}
	return all
}

// TestDay records the day. The steps hold the recording to what it must show.
func TestDay(t *testing.T) {
	need(t, "bash", "direnv", "go")
	temp, out := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	if err := run(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	file := read(t, filepath.Join(out, castName))
	c := checkFile(t, file)
	if picture := read(t, filepath.Join(out, pictureName)); !bytes.Equal(picture, c.picture()) {
		t.Error("the picture is not that of the recording")
	}
	if bytes.Contains(file, []byte(temp)) {
		t.Error("the recording tells where it was made")
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestCommitted: what the README shows is the day that the script plays.
func TestCommitted(t *testing.T) {
	c := checkFile(t, read(t, committed(castName)))
	if !bytes.Equal(read(t, committed(pictureName)), c.picture()) {
		t.Errorf("docs/%s is not the picture of docs/%s: go run ./demo/day", pictureName, castName)
	}
	readme := string(read(t, filepath.Join("..", "..", "README.md")))
	for _, want := range []string{"](docs/" + castName + ")", "](docs/" + pictureName + ")", "`go run ./demo/day`"} {
		if !strings.Contains(readme, want) {
			t.Errorf("README.md has no %s", want)
		}
	}
}

// suspicious is what no recording has in it: keys, tokens, seeds, places.
var suspicious = regexp.MustCompile(`[A-Za-z0-9+/=]{32,}|A[SK]IA[A-Z0-9]{12,}|AGE-SECRET|/tmp/|/home/|127\.0\.0\.1|localhost`)

// checkFile reads a recording: lines of JSON, every step and no other, no secret.
func checkFile(t *testing.T, file []byte) *cast {
	t.Helper()
	for line := range bytes.Lines(file) {
		if !json.Valid(line) {
			t.Errorf("no JSON: %s", line)
		}
	}
	c, err := readCast(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(c.file(), file) {
		t.Error("the file is written in another way")
	}
	if got, want := c.commands(), lines(); !slices.Equal(got, want) {
		t.Errorf("the commands are\n%s\nand the script has\n%s\n(go run ./demo/day records it anew)", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if found := suspicious.FindString(plain(c.text())); found != "" {
		t.Errorf("in the recording: %s", found)
	}
	return c
}

// TestInspect: a recording that tells too much is refused.
func TestInspect(t *testing.T) {
	s := &stage{server: ststest.New()}
	defer func() { s.clear() }()
	for _, part := range []func() error{s.makeDirs, s.startServer} {
		if err := part(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.inspect(&cast{}); err == nil {
		t.Error("nothing to compare with, and no error")
	}
	entry := "access_key_id=ASIAX\nsecret_access_key=hush/session\nsession_token=hush/token\nrole_arn=" + s.role() + "\n"
	for _, name := range []string{"one", "two"} {
		if err := s.put(".cache/awsmfa/sessions/"+name, strings.ReplaceAll(entry, "hush", name)); err != nil {
			t.Fatal(err)
		}
	}
	for text, fine := range map[string]bool{
		"all is well": true, s.user.SecretAccessKey: false, s.user.Seed: false, "one/session": false, "two/token": false, s.home: false, s.server.URL(): false,
	} {
		c := &cast{}
		c.shows("before " + text + " after")
		if err := s.inspect(c); (err == nil) != fine {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestStepsAreHeld: a line that shows something else ends the recording.
func TestStepsAreHeld(t *testing.T) {
	need(t, "bash")
	s := &stage{server: ststest.New()}
	defer func() { s.clear() }()
	for _, part := range []func() error{s.makeDirs, s.startServer} {
		if err := part(); err != nil {
			t.Fatal(err)
		}
	}
	at, err := s.sit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer at.leave()
	c := &cast{}
	for _, one := range []step{{line: "echo a", shows: []string{"a\n"}}, {line: "echo ~", shows: []string{"~\n"}}} {
		if err := s.take(t.Context(), one, at, c); err != nil {
			t.Error(err)
		}
	}
	before := c.text()
	if err := s.take(t.Context(), step{line: "echo a", shows: []string{"b"}}, at, c); err == nil || c.text() != before {
		t.Errorf("%v, recorded: %q", err, c.text())
	}
}

func TestSteady(t *testing.T) {
	s := &stage{home: "/x/home"}
	if got := s.steady("kept\r\n\r\x1b[Kwaiting: 2 s\r\x1b[Kwaiting: 1 s\r\x1b[Kin /x/home/shop"); got != "kept\r\nin ~/shop" {
		t.Errorf("%q", got)
	}
}

func TestPicture(t *testing.T) {
	c := &cast{}
	c.types("a")
	c.shows("\x1b[32m<&>\x1b[0m" + strings.Repeat("w", columns) + "\r\n$ ")
	got := string(c.picture())
	for _, want := range []string{
		`<tspan fill="#ffffff">a</tspan>`, `<tspan fill="#7ee787">&lt;&amp;&gt;</tspan>`,
		`>` + strings.Repeat("w", columns-3) + `</tspan></text>`, `>www</tspan></text>`, `>$ </tspan></text>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}
