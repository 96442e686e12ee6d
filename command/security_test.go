package command

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityTableNamesRealTests: docs/security.md names for each promise the
// tests that hold it, and they are there.
func TestSecurityTableNamesRealTests(t *testing.T) {
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| What is promised | Held by |\n")
	if !found {
		t.Fatal("there is no table")
	}
	for i := 1; i <= 20; i++ {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^\| P%d: `, i)).MatchString(table) {
			t.Errorf("no row for P%d", i)
		}
	}
	rows := 0
	for line := range strings.Lines(strings.TrimPrefix(table, "|---|---|\n")) {
		rows++
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		if len(cells) != 2 {
			t.Fatalf("no row of two cells: %s", line)
		}
		names := spans(cells[1])
		if len(names) == 0 && cells[1] != "none: later" {
			t.Errorf("nothing holds: %s", cells[0])
		}
		for _, name := range names {
			if !testExists(t, name) {
				t.Errorf("there is no %s", name)
			}
		}
	}
	if rows < 27 {
		t.Errorf("only %d rows", rows)
	}
}

// testExists takes a script's name, or "package: Test".
func testExists(t *testing.T, name string) bool {
	t.Helper()
	room, function, isTest := strings.Cut(name, ": ")
	if !isTest {
		_, err := os.Stat(filepath.Join("testdata/script", name))
		return strings.HasSuffix(name, ".txtar") && err == nil
	}
	files, err := filepath.Glob(filepath.Join("..", room, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+function+"(") {
			return true
		}
	}
	return false
}
