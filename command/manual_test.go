package command

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"awsmfa/shell"
)

// page is the manual, cut at its headings: "env [PROFILE]" and "Profile
// options" as well as "ENVIRONMENT" are sections.
type page struct {
	text     string
	order    []string
	sections map[string]string
}

const manual = "../docs/awsmfa.1.md"

func readPage(t *testing.T) page {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	p := page{text: string(text), sections: map[string]string{}}
	title := ""
	for line := range strings.Lines(p.text) {
		if name, found := strings.CutPrefix(strings.TrimPrefix(line, "#"), "# "); found || strings.HasPrefix(line, "# ") {
			title = strings.TrimSpace(strings.TrimPrefix(name, "# "))
			p.order = append(p.order, title)
			continue
		}
		p.sections[title] += line
	}
	return p
}

// between are the sections after one heading and before another.
func (p page) between(from, to string) []string {
	return p.order[slices.Index(p.order, from)+1 : slices.Index(p.order, to)]
}

// items are the list items of a section, each joined to one line.
func items(section string) []string {
	var list []string
	for line := range strings.Lines(section) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "- "):
			list = append(list, line[2:])
		case strings.HasPrefix(line, "  ") && len(list) > 0:
			list[len(list)-1] += " " + strings.TrimSpace(line)
		}
	}
	return list
}

var code = regexp.MustCompile("`([^`]+)`")

func spans(text string) []string {
	var list []string
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// flagsOf reads the items that tell of flags: "names: variable" for each.
func flagsOf(section string) []string {
	var list []string
	for _, item := range items(section) {
		head, sentence, _ := strings.Cut(item, ": ")
		names := spans(head)
		if len(names) == 0 || !strings.HasPrefix(names[0], "-") {
			continue
		}
		variable := ""
		if _, after, found := strings.Cut(sentence, "Variable: "); found {
			variable = strings.Trim(after, "`.")
		}
		list = append(list, strings.Join(slices.Sorted(slices.Values(names)), " ")+": "+variable)
	}
	return list
}

func describe(f cli.Flag) string {
	var names []string
	for _, n := range f.Names() {
		if len(n) == 1 {
			names = append(names, "-"+n)
		} else {
			names = append(names, "--"+n)
		}
	}
	return strings.Join(slices.Sorted(slices.Values(names)), " ") + ": " + variableOf(f.Names()[0])
}

// documented are the flags of a verb's section: its own, and those of the
// groups that it takes.
func (p page) documented(t *testing.T, section string) []string {
	t.Helper()
	list := flagsOf(p.sections[section])
	text := strings.ReplaceAll(p.sections[section], "\n", " ")
	_, takes, found := strings.Cut(text, "Takes the ")
	takes, _, ended := strings.Cut(takes, " options")
	if !found || !ended {
		t.Errorf("section %q does not say which options it takes", section)
	}
	for _, group := range strings.FieldsFunc(takes, func(r rune) bool { return r == ' ' || r == ',' }) {
		if group != "and" {
			flags := flagsOf(p.sections[strings.ToUpper(group[:1])+group[1:]+" options"])
			if len(flags) == 0 {
				t.Errorf("section %q takes the %s options, which are none", section, group)
			}
			list = append(list, flags...)
		}
	}
	return slices.Sorted(slices.Values(list))
}

// TestManualVerbs compares verbs, aliases, flags and their variables with the
// manual, both ways.
func TestManualVerbs(t *testing.T) {
	p := readPage(t)
	var names []string
	for _, section := range p.between("COMMANDS", "OPTIONS") {
		words := strings.Fields(section)
		if len(membersOf(words[0], verbs())) > 0 {
			words[0] += " " + words[1]
		}
		names = append(names, words[0])
	}
	var want []string
	for _, v := range verbs() {
		want = append(want, v.name)
	}
	if !slices.Equal(names, want) {
		t.Fatalf("the manual has the commands %q, there are %q", names, want)
	}
	for i, v := range verbs() {
		section := p.between("COMMANDS", "OPTIONS")[i]
		var flags []string
		for _, f := range v.flags {
			flags = append(flags, describe(f))
		}
		slices.Sort(flags)
		if got := p.documented(t, section); !slices.Equal(got, flags) {
			t.Errorf("%s: the manual has the flags\n%s\nthere are\n%s", v.name, strings.Join(got, "\n"), strings.Join(flags, "\n"))
		}
		_, also, _ := strings.Cut(strings.Join(strings.Fields(p.sections[section]), " "), "Also called ")
		also, _, _ = strings.Cut(also, ".")
		if got := spans(also); !slices.Equal(got, v.aliases) {
			t.Errorf("%s: the manual has the aliases %q, there are %q", v.name, got, v.aliases)
		}
		if heading := strings.TrimSpace(v.name + " " + v.args); heading != section && !strings.HasPrefix(heading, section+" ") {
			t.Errorf("%s: the manual heads it %q, its usage is %q", v.name, section, heading)
		}
	}
}

// TestManualExitCodes compares the constants of failure.go with the manual.
func TestManualExitCodes(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "failure.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "exit") && len(spec.Values) == 1 {
			if value, ok := spec.Values[0].(*ast.BasicLit); ok {
				want = append(want, value.Value)
			}
		}
		return true
	})
	var got []string
	for _, item := range items(readPage(t).sections["EXIT STATUS"]) {
		got = append(got, spans(item)[0])
	}
	got = append(got, strconv.Itoa(exitInterrupted)) // told with the signals
	if !slices.Equal(got, want) || len(got) < 10 {
		t.Errorf("the manual has the exit codes %q, there are %q", got, want)
	}
}

// TestManualShells compares the shells and how each is fed with the manual and
// the README.
func TestManualShells(t *testing.T) {
	var names []string
	lines := items(readPage(t).sections["SHELLS"])
	for _, line := range lines {
		shells, command, _ := strings.Cut(line, ": ")
		for _, name := range strings.Split(shells, ", ") {
			names = append(names, name)
			d, err := shell.Lookup(name)
			if err != nil {
				t.Error(err)
				continue
			}
			if want := d.Eval("awsmfa env dev"); strings.Trim(command, "`") != strings.Trim(want, "`") {
				t.Errorf("%s: the manual says %s, it is %s", name, command, want)
			}
		}
	}
	if slices.Sort(names); !slices.Equal(names, slices.Sorted(slices.Values(shell.Names()))) {
		t.Errorf("the manual has the shells %q, there are %q", names, shell.Names())
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		d, _ := shell.Lookup(name)
		if command := d.Eval("awsmfa env dev"); !strings.Contains(string(readme), command) {
			t.Errorf("the README does not say how to feed %s: %s", name, command)
		}
	}
}

var (
	variable = regexp.MustCompile(`\b(?:AWS|AWSMFA|XDG)_[A-Z_]*[A-Z]\b`)
	literal  = regexp.MustCompile(`"((?:AWS|AWSMFA|XDG)_[A-Z_]*[A-Z])"`)
)

// sources are the program's own files.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "ststest", "demo", "bench", "testdata"}, d.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil || len(files) < 50 {
		t.Fatalf("%d source files: %v", len(files), err)
	}
	return files
}

// TestManualVariables: every variable that the program names is in the manual,
// and the other way round.
func TestManualVariables(t *testing.T) {
	inSource := map[string]bool{
		"AWS_ENDPOINT_URL_STS": true, "AWS_ENDPOINT_URL_IAM": true, // put together
		"AWS_CLI_AUTO_PROMPT": true, // said to the AWS CLI, not read
		"AWSMFA_DIRENV":       true, // between use_awsmfa and the prompt hook
	}
	for _, text := range sources(t) {
		for _, m := range literal.FindAllStringSubmatch(text, -1) {
			inSource[m[1]] = true
		}
	}
	inManual := map[string]bool{"AWS_CLI_AUTO_PROMPT": true}
	for _, name := range variable.FindAllString(readPage(t).text, -1) {
		inManual[name] = true
	}
	if want, got := slices.Sorted(maps.Keys(inSource)), slices.Sorted(maps.Keys(inManual)); !slices.Equal(got, want) {
		t.Errorf("variables\nof the manual: %q\nof the program: %q", got, want)
	}
}

// TestManualKeys: the keys of the AWS files that the manual lists are ones
// that the profile room reads.
func TestManualKeys(t *testing.T) {
	read := ""
	for path, text := range sources(t) {
		if strings.Contains(filepath.ToSlash(path), "/profile/") {
			read += text
		}
	}
	n := 0
	for _, item := range items(readPage(t).sections["CONFIGURATION"]) {
		for _, key := range spans(item) {
			if strings.ContainsAny(key, "=,") || len(key) < 5 { // an example of a value
				continue
			}
			if n++; !strings.Contains(read, `"`+key+`"`) {
				t.Errorf("the manual has the key %q, which is not read", key)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d keys found", n)
	}
}

// documents are the pages that users read.
func documents(t *testing.T) []string {
	t.Helper()
	list := []string{"../README.md", "../CHANGELOG.md"}
	for _, pattern := range []string{"../docs/*.md", "../docs/decisions/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no documents as %s: %v", pattern, err)
		}
		list = append(list, found...)
	}
	return list
}

// typed finds our command lines in a page's code: what stands behind "awsmfa"
// up to the end of the command.
var typed = regexp.MustCompile("(use )?\\bawsmfa((?: +[^\\s|&;)\"'`]+)+)")

// TestDocumentsNameWhatExists: each command and flag in a document's code is
// one of the program's.
func TestDocumentsNameWhatExists(t *testing.T) {
	known := map[string]bool{"--help": true, "-h": true, "--version": true, "-V": true, "--": true}
	// use_awsmfa and install.sh have options of their own.
	for _, script := range []string{"../shell/hooks/direnv.sh", "../install.sh"} {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\s+[^#\n]*?(--[a-z-]+)(?:=\*)?\)`).FindAllStringSubmatch(string(text), -1) {
			known[m[1]] = true
		}
	}
	for _, v := range append(verbs(), direnvVerbs()...) {
		for _, name := range append([]string{v.name}, v.aliases...) {
			known[name] = true
		}
		for _, f := range v.flags {
			for _, name := range strings.Fields(strings.SplitN(describe(f), ":", 2)[0]) {
				known[name] = true
			}
		}
	}
	lines := 0
	for _, path := range documents(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, snippet := range snippets(string(text)) {
			for _, m := range typed.FindAllStringSubmatch(snippet, -1) {
				lines++
				words := strings.Fields(m[2])
				if m[1] != "" { // in an .envrc: what follows is for env
					words = append([]string{"env"}, words...)
				}
				checkTyped(t, path, known, words)
			}
			if strings.HasPrefix(snippet, "--") && !known[strings.Fields(snippet)[0]] && !strings.HasPrefix(path, "../README") {
				t.Errorf("%s: %q is no flag", path, snippet)
			}
		}
	}
	if lines < 30 {
		t.Errorf("only %d command lines found", lines)
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

// TestDocumentsLinkToWhatExists follows the links to files of the tree.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	n := 0
	for _, path := range documents(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "$") {
				continue // a style of starship's
			}
			n++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if n == 0 {
		t.Error("no links found")
	}
}

// snippets are the code of a page: spans, fenced and indented lines.
func snippets(text string) []string {
	var list []string
	var prose strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced || strings.HasPrefix(line, "    "):
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "awsmfa: ") {
				list = append(list, line)
			}
		default:
			prose.WriteString(line)
		}
	}
	return append(list, spans(strings.ReplaceAll(prose.String(), "``", "`"))...)
}

func checkTyped(t *testing.T, path string, known map[string]bool, words []string) {
	t.Helper()
	if len(membersOf(words[0], append(verbs(), direnvVerbs()...))) > 0 {
		if len(words) == 1 {
			return // all of them
		}
		words = append([]string{words[0] + " " + words[1]}, words[2:]...)
	}
	if !known[words[0]] {
		t.Errorf("%s: awsmfa has no command %q", path, words[0])
		return
	}
	for _, w := range words[1:] {
		if w == "--" {
			return // what follows is another's
		}
		if name, _, _ := strings.Cut(w, "="); strings.HasPrefix(w, "-") && w != "-" && !known[name] {
			t.Errorf("%s: no flag %q in awsmfa %s", path, w, strings.Join(words, " "))
		}
	}
}

// TestManPageIsCurrent: docs/awsmfa.1, which install.sh installs, is made of
// the manual's source.
func TestManPageIsCurrent(t *testing.T) {
	const how = "go run github.com/cpuguy83/go-md2man/v2 -in docs/awsmfa.1.md -out docs/awsmfa.1"
	cmd := exec.Command("go", "run", "github.com/cpuguy83/go-md2man/v2", "-in", manual)
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOOS=", "GOARCH=")
	made, err := cmd.Output()
	if err != nil {
		t.Skipf("go-md2man cannot be run here: %v", err)
	}
	stands, err := os.ReadFile("../docs/awsmfa.1")
	if err != nil || !bytes.Equal(made, stands) {
		t.Errorf("docs/awsmfa.1 is out of date (%v): %s", err, how)
	}
}
