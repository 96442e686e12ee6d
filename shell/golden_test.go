package shell

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"awsmfa/internal/hostile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenValues has one of each kind of writing; the tables of hostile values
// are for the decoders and the interpreters.
var goldenValues = []string{
	"", "dev", "my dev", "a  b", " lead", "a*b", "it's", `say "hi"`, "`id`", "$HOME $(id)", "{p,q}", "!!", "=ls", "a=b", "-n", "~", "# x", "a;b&c|d<e>f",
	`back\slash`, "100%", "%PATH%", "^x", "é", "‘smart’ “quotes”", "日本", "😀", "arn:aws:iam::123456789012:mfa/dev", "FwoGZXIvYXdzEBYaD+/==", "2026-01-01T12:00:00Z",
}

// TestGolden holds the exact texts, for the interpreters that are not at hand
// most of all: each line of a file is one value and its text, or its refusal.
func TestGolden(t *testing.T) {
	for _, d := range allDialects() {
		t.Run(d.Name(), func(t *testing.T) {
			path := filepath.Join("testdata", "golden", d.Name()+".txt")
			got := goldenText(d)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s (go test ./shell -update writes it anew): got\n%s\nwant\n%s", path, got, want)
			}
		})
	}
}

func goldenText(d Dialect) string {
	var b strings.Builder
	entry := func(title, text string) { fmt.Fprintf(&b, "== %s\n%s", title, text) }
	statements := func(title string, unset []string, set []Var) {
		text, err := d.Statements(unset, set)
		if err != nil {
			text = "refused: " + err.Error() + "\n"
		}
		entry(title, text)
	}
	for _, value := range goldenValues {
		statements(fmt.Sprintf("%q", value), nil, []Var{{"A", value}})
	}
	unset, set := exampleSet()
	set[2].Value = set[2].Value[:20]
	statements("a session", unset, set)
	statements("unset only", []string{"A", "B"}, nil)
	statements("nothing", nil, nil)
	entry("failure", d.Failure(nil))
	entry("failure that unsets", d.Failure([]string{"A", "B"}))
	entry("eval", d.Eval("awsmfa env "+d.QuoteWord("my dev"))+"\n")
	for _, word := range goldenValues {
		entry(fmt.Sprintf("word %q", word), d.QuoteWord(word)+"\n")
	}
	return b.String()
}

// TestTcshEval: what tcsh cannot substitute safely is not substituted.
func TestTcshEval(t *testing.T) {
	for word, want := range map[string]string{
		"dev":     "eval \"`awsmfa env dev`\"",
		"my dev":  "eval \"`awsmfa env my\\ dev`\"",
		"$HOME":   "eval `awsmfa env \\$HOME`",
		`"x"`:     "eval `awsmfa env \\\"x\\\"`",
		"`id`":    "awsmfa env \\`id\\`",
		"urgent!": "awsmfa env urgent\\!",
	} {
		if got := (tcsh{}).Eval("awsmfa env " + tcsh{}.QuoteWord(word)); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

// TestPowerShellSyntax puts every text through a parser of PowerShell, run by
// node from the node_modules directory that AWSMFA_TEST_PWSH_PARSER names
// (web-tree-sitter and tree-sitter-powershell).
func TestPowerShellSyntax(t *testing.T) {
	parse := pwshParser(t)
	for _, bad := range []string{"$Env:A='x\n", "$Env:A=\"$([char]0x2019\";\n", "throw )\n"} {
		if out, err := parse(bad); err == nil {
			t.Errorf("the parser takes %q: %s", bad, out)
		}
	}
	var all strings.Builder
	d := pwsh{}
	unset, set := exampleSet()
	for _, value := range hostile.Values() {
		if len(value) < 60 { // the parser takes time with the square of a line
			set = append(set, Var{"A", value})
		}
	}
	for _, v := range set {
		text, err := d.Statements(nil, []Var{v})
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r > '~' }) {
			t.Errorf("not ASCII: %q", text)
		}
		all.WriteString(text)
	}
	text, err := d.Statements(unset, set[:11])
	if err != nil {
		t.Fatal(err)
	}
	empty, _ := d.Statements(nil, nil)
	all.WriteString(text + empty + d.Failure(unset) + d.Eval("awsmfa env "+d.QuoteWord("it’s 'my' dev")) + "\n")
	if out, err := parse(all.String()); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// pwshParser gives what the parser has to say about a text.
func pwshParser(t *testing.T) func(text string) (string, error) {
	t.Helper()
	modules := os.Getenv("AWSMFA_TEST_PWSH_PARSER")
	node, err := exec.LookPath("node")
	if modules == "" || err != nil {
		if isRequired("pwsh-parser") {
			t.Fatal("pwsh-parser is required (AWSMFA_REQUIRE_SHELLS): set AWSMFA_TEST_PWSH_PARSER, and have node")
		}
		t.Skip("no parser of PowerShell is here")
	}
	return func(text string) (string, error) {
		// Without --liftoff-only node optimises the grammar for 15 s first.
		c := exec.Command(node, "--liftoff-only", filepath.Join("testdata", "pwsh-parse.mjs"), modules)
		c.Stdin = strings.NewReader(text)
		out, err := c.CombinedOutput()
		return string(out), err
	}
}
