package command

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for span, want := range map[time.Duration]string{
		0: "0 s", 900 * time.Millisecond: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min",
		9*time.Minute + 59*time.Second: "9 min 59 s", 10*time.Minute + time.Second: "10 min",
		59*time.Minute + 59*time.Second: "59 min", time.Hour: "1 h", time.Hour + 59*time.Second: "1 h",
		time.Hour + time.Minute: "1 h 1 min", 36 * time.Hour: "36 h",
	} {
		if got := words(span); got != want {
			t.Errorf("%s: %q, want %q", span, got, want)
		}
	}
}

func TestBar(t *testing.T) {
	for _, tc := range []struct {
		left, granted time.Duration
		want          string
	}{
		{12 * time.Hour, 12 * time.Hour, "██████████"},
		{6 * time.Hour, 12 * time.Hour, "█████░░░░░"},
		{time.Second, 12 * time.Hour, "█░░░░░░░░░"}, // something is left
		{0, 12 * time.Hour, "░░░░░░░░░░"},
		{-time.Hour, 12 * time.Hour, "░░░░░░░░░░"},
		{13 * time.Hour, 12 * time.Hour, "██████████"}, // a clock that was set back
		{time.Hour, 0, "░░░░░░░░░░"},
	} {
		if got := bar(tc.left, tc.granted); got != tc.want {
			t.Errorf("%s of %s: %s, want %s", tc.left, tc.granted, got, tc.want)
		}
	}
}
