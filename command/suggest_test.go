package command

import "testing"

func TestSuggest(t *testing.T) {
	names := []string{"env", "exec", "process", "credential-process", "login", "logout", "list", "status"}
	for typed, want := range map[string]string{
		"evn": "env", "en": "env", "envv": "env", "exce": "exec", "proces": "process", "credntial-proces": "credential-process",
		"lgoin": "login", "logut": "logout", "lst": "list", "stauts": "status",
		"": "", "x": "", "frob": "", "environment": "", "processes": "process", "プロセス": "",
		"cred": "credential-process", "st": "status", "lo": "", "l": "",
	} {
		if got := suggest(typed, names); got != want {
			t.Errorf("%q: suggested %q, want %q", typed, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"env", "env", 0}, {"env", "evn", 1}, {"env", "nev", 1},
		{"kitten", "sitting", 3}, {"region", "regoin", 1}, {"ca", "abc", 3},
	} {
		if got := distance(tc.a, tc.b); got != tc.want {
			t.Errorf("%q to %q: %d, want %d", tc.a, tc.b, got, tc.want)
		}
		if got := distance(tc.b, tc.a); got != tc.want {
			t.Errorf("%q to %q: %d, want %d", tc.b, tc.a, got, tc.want)
		}
	}
}
