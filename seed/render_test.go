package seed

import (
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestQRIsDrawnAsBefore(t *testing.T) {
	t.Parallel()
	got, err := QR(onScreen)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/qr.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the code changed; run with -update and look at it:\n%s", got)
	}
}

func TestQRHasAMargin(t *testing.T) {
	t.Parallel()
	modules, err := modulesOf(onScreen)
	if err != nil {
		t.Fatal(err)
	}
	n := len(modules)
	for y, row := range modules {
		for x, dark := range row {
			if outside := x < 4 || y < 4 || x >= n-4 || y >= n-4; outside && dark {
				t.Fatalf("the margin is dark at %d, %d", x, y)
			}
		}
	}
	if !modules[4][4] || !modules[4][n-5] || !modules[n-5][4] {
		t.Error("the corners are not where the margin ends")
	}
	text, err := QR(onScreen)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != (n+1)/2 {
		t.Errorf("%d lines for %d rows", len(lines), n)
	}
	for _, line := range lines {
		line = strings.TrimSuffix(strings.TrimPrefix(line, "\x1b[38;5;16;48;5;231m"), "\x1b[0m")
		if utf8.RuneCountInString(line) != n {
			t.Errorf("a line of %d squares, want %d", utf8.RuneCountInString(line), n)
		}
	}
}

func TestQRHasItsLimit(t *testing.T) {
	t.Parallel()
	if _, err := QR("otpauth://totp/" + strings.Repeat("x", 3000)); err != errNoRoom {
		t.Errorf("a text of 3000: %v", err)
	}
}
