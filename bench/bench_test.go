package main

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awsmfa/stsclient/ststest"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 100}, 3.5},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

// Rounds are compared with each other, not medians: a slow round slows both.
func TestRatioComparesTheSameRound(t *testing.T) {
	ms := func(n ...int) (s []sample) {
		for _, n := range n {
			s = append(s, sample{wall: time.Duration(n) * time.Millisecond})
		}
		return s
	}
	base, other := &row{samples: ms(1, 10, 2)}, &row{samples: ms(2, 20, 4)}
	if got := other.ratio(base, sample.wallMS); got != 2 {
		t.Errorf("ratio %v, want 2", got)
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		got, goal, interim float64
		want               string
	}{
		{9, 0, 0, ""},
		{1.5, 1.5, 2.3, "<=1.5 met"},
		{2.3, 1.5, 2.3, "<=1.5 missed, interim <=2.3 met"},
		{2.4, 1.5, 2.3, "<=1.5 MISSED"},
		{1.8, 1.7, 0, "<=1.7 MISSED"},
	} {
		if got := verdict(c.got, c.goal, c.interim); got != c.want {
			t.Errorf("verdict(%v, %v, %v) = %q, want %q", c.got, c.goal, c.interim, got, c.want)
		}
	}
}

func TestConfigHasThatManyProfiles(t *testing.T) {
	user := ststest.New().NewUser("bench")
	for _, n := range []int{1, 10, 1000} {
		text := config(user, n)
		if got := strings.Count(text, "[profile "); got != n {
			t.Errorf("%d profiles, want %d", got, n)
		}
		if last := text[strings.LastIndex(text, "["):]; !strings.HasPrefix(last, "[profile dev]") {
			t.Errorf("the last profile is %.20q, want dev", last)
		}
	}
}

func TestReportKeepsItsColumns(t *testing.T) {
	one := []sample{{wall: time.Millisecond, cpu: time.Millisecond, faults: 100, rss: 2}}
	rows := []*row{{name: "empty", samples: one}, {name: "a longer name", samples: one, goals: goals{wall: 1.5, rss: 1}}}
	var out bytes.Buffer
	report(&out, rows)
	lines := strings.Split(out.String(), "\n")
	for _, column := range []string{"x empty", "peak MB"} {
		end := strings.Index(lines[0], column) + len(column)
		if digit := lines[2][end-1]; digit < '0' || digit > '9' {
			t.Errorf("column %q does not end where its heading does:\n%s", column, out.String())
		}
	}
	if !strings.Contains(lines[2], "<=1.5 met") || !strings.Contains(lines[2], "<=1.0 MISSED") {
		t.Errorf("goals are not beside their figures:\n%s", out.String())
	}
}

func TestOnceMeasuresAndFails(t *testing.T) {
	launch := filepath.Join(t.TempDir(), "sh")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", launch, "./launch").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	s, err := once(context.Background(), launch, &row{name: "true", argv: []string{shell, "-c", "echo; exit 0"}})
	if err != nil || s.wall <= 0 || s.faults <= 0 || s.rss <= 0 {
		t.Errorf("got %+v, %v", s, err)
	}
	_, err = once(context.Background(), launch, &row{name: "a row", argv: []string{shell, "-c", "echo why >&2; exit 3"}})
	if err == nil || !strings.Contains(err.Error(), "a row: exit code 3") || !strings.Contains(err.Error(), "why") {
		t.Errorf("exit code 3 gave %v", err)
	}
	if _, err = once(context.Background(), launch, &row{name: "none", argv: []string{"/nonexistent/program"}}); err == nil {
		t.Error("a program that is not there gave no error")
	}
}

func TestHookLoopCountsAndFails(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash here")
	}
	bash := hookShells[0]
	cost, err := hookLoop{name: "one", setUp: "one() { echo once >&2; }", call: "one 2>/dev/null", times: 10}.once(context.Background(), bash.name, bash.clock, bash.loop, home{})
	if err != nil || cost <= 0 {
		t.Errorf("%v µs, %v", cost, err)
	}
	if _, err := (hookLoop{name: "none", setUp: "exit 3", times: 1}).once(context.Background(), bash.name, bash.clock, bash.loop, home{}); err == nil {
		t.Error("a shell that ends before its loop gave no error")
	}
}
