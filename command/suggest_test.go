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
