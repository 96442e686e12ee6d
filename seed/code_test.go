package seed

import (
	"encoding/base32"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// vectors reads the rows of a file of published values.
func vectors(t *testing.T, name string, columns int) [][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Fields(line)
		if len(row) != columns {
			t.Fatalf("%s: %q has not %d columns", name, line, columns)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no rows", name)
	}
	return rows
}

// ofRFC is the secret of both documents.
func ofRFC(t *testing.T) Seed {
	t.Helper()
	return parsed(t, base32.StdEncoding.EncodeToString([]byte("12345678901234567890")))
}

func parsed(t *testing.T, written string) Seed {
	t.Helper()
	s, err := Parse([]byte(written))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCodesOfRFC4226(t *testing.T) {
	t.Parallel()
	s := ofRFC(t)
	for _, row := range vectors(t, "rfc4226.txt", 2) {
		count, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, within := range []int64{0, 1, 29} {
			code, step := s.Code(time.Unix(count*30+within, 0))
			if code != row[1] || step != count {
				t.Errorf("count %d, second %d: code %s of step %d, want %s", count, within, code, step, row[1])
			}
		}
	}
}

func TestCodesOfRFC6238(t *testing.T) {
	t.Parallel()
	s := ofRFC(t)
	for _, row := range vectors(t, "rfc6238.txt", 3) {
		seconds, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		step, err := strconv.ParseInt(row[1], 16, 64)
		if err != nil || len(row[2]) != 8 {
			t.Fatalf("bad row %q", row)
		}
		code, got := s.Code(time.Unix(seconds, 0))
		if code != row[2][2:] || got != step {
			t.Errorf("at %d: code %s of step %d, want %s of %d", seconds, code, got, row[2][2:], step)
		}
	}
}

func TestStepsOfAnyTime(t *testing.T) {
	t.Parallel()
	s := ofRFC(t)
	for _, c := range []struct{ seconds, step int64 }{
		{0, 0}, {29, 0}, {30, 1}, {-1, -1}, {-30, -1}, {-31, -2}, {-60, -2}, {-61, -3},
		{time.Time{}.Unix(), -2071186560}, {1 << 40, 1 << 40 / 30},
	} {
		at := time.Unix(c.seconds, 999_999_999)
		code, step := s.Code(at)
		if step != c.step || StepAt(at) != c.step {
			t.Errorf("second %d is in step %d and %d, want %d", c.seconds, step, StepAt(at), c.step)
		}
		if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
			t.Errorf("second %d has the code %q", c.seconds, code)
		}
		end := StepEnd(step)
		if StepAt(end) != step+1 || StepAt(end.Add(-1)) != step || end.Sub(at) > Step || !end.After(at) {
			t.Errorf("step %d ends at %v, which is not the begin of the next", step, end)
		}
	}
	if code, step := (Seed{}).Code(time.Unix(60, 0)); code != "" || step != 2 {
		t.Errorf("no seed has the code %q of step %d", code, step)
	}
}

// TestOathtoolAgrees compares with another implementation.
func TestOathtoolAgrees(t *testing.T) {
	t.Parallel()
	oathtool := need(t, "oathtool")
	rounds := 5
	if os.Getenv("AWSMFA_LONG") != "" {
		rounds = 200
	}
	for range rounds {
		secret := make([]byte, 10+rand.IntN(90))
		for i := range secret {
			secret[i] = byte(rand.Uint32())
		}
		written := base32.StdEncoding.EncodeToString(secret)
		at := time.Unix(rand.Int64N(1<<32), 0)
		cmd := exec.Command(oathtool, "--totp", "--base32", "--now", at.UTC().Format("2006-01-02 15:04:05 UTC"), "-")
		cmd.Stdin = strings.NewReader(written + "\n")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("oathtool: %v: %s", err, out)
		}
		if got, _ := parsed(t, written).Code(at); got != strings.TrimSpace(string(out)) {
			t.Errorf("%s at %d: %s, oathtool has %s", written, at.Unix(), got, out)
		}
	}
}

// need gives the path of a program that a test drives. Where it is missing the
// test is skipped, or fails if AWSMFA_REQUIRE_SHELLS names it.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	required := strings.FieldsFunc(os.Getenv("AWSMFA_REQUIRE_SHELLS"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(required, name) {
		t.Fatalf("%s is required (AWSMFA_REQUIRE_SHELLS), and is not here", name)
	}
	t.Skipf("%s is not here", name)
	return ""
}

func ExampleSeed_Code() {
	s, err := Parse([]byte("gezd gnbv gy3t qojq gezd gnbv gy3t qojq"))
	if err != nil {
		fmt.Println(err)
		return
	}
	code, step := s.Code(time.Unix(59, 0))
	fmt.Println(code, step, StepEnd(step).Unix())
	// Output: 287082 1 60
}
