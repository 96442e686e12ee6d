package shell

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"awsmfa/internal/hostile"
)

// checkText holds a text to its dialect's grammar, and to meaning exactly what
// was asked for.
func checkText(t *testing.T, d Dialect, unset []string, set []Var) {
	t.Helper()
	text, err := d.Statements(unset, set)
	if err != nil {
		checkRefusal(t, d, set, err)
		return
	}
	if !grammar(d.Name()).MatchString(text) {
		t.Errorf("%s: outside the grammar: %.200q", d.Name(), text)
	}
	got, err := decode(d.Name(), text)
	if err != nil {
		t.Errorf("%s: %v in %.200q", d.Name(), err, text)
		return
	}
	if d.Name() == "dotenv" {
		got.unset = unset // which it cannot say
	}
	if !slices.Equal(got.unset, unset) || !slices.Equal(got.set, set) {
		t.Errorf("%s: %.200q means %.200q, want %q and %.200q", d.Name(), text, got, unset, set)
	}
}

// checkRefusal makes sure that a refusal is due, and says no more than it may.
func checkRefusal(t *testing.T, d Dialect, set []Var, err error) {
	t.Helper()
	var refused *ValueError
	if !errors.As(err, &refused) || !errors.Is(err, ErrUnprintable) || refused.Dialect != d.Name() {
		t.Errorf("%s: error is %#v", d.Name(), err)
		return
	}
	i := slices.IndexFunc(set, func(v Var) bool { return v.Name == refused.Name })
	if i < 0 {
		t.Errorf("%s: error names %q, which is no variable", d.Name(), refused.Name)
		return
	}
	value := set[i].Value
	if !slices.Contains(reasons(), refused.Reason) {
		t.Errorf("%s: the error may hold the value: %v", d.Name(), err)
	}
	due := !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
	switch d.Name() {
	case "dotenv":
		due = due || value != "" && !regexpPlainWord(value)
	case "cmd":
		due = due || !regexpPlainWord(value) || len(value) > 8000
	}
	if !due {
		t.Errorf("%s: refuses %q for nothing: %v", d.Name(), value, err)
	}
}

// reasons are all that a refusal may say: fixed words, never the value.
func reasons() []string {
	return []string{
		"the value holds a control character", "the value is not UTF-8",
		"readers of the form differ about the value's characters", "readers of the form differ about the value's blanks",
		"cmd.exe has no safe quoting for the value's characters", "cmd.exe has no empty variables", "the value is longer than a line of cmd.exe",
	}
}

// regexpPlainWord is true of the values that no dialect may refuse.
func regexpPlainWord(value string) bool {
	if value == "" || value[0] == '=' {
		return false
	}
	return strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@+,=-") == ""
}

func TestStatementsMeanTheirValues(t *testing.T) {
	for _, d := range allDialects() {
		for _, value := range hostile.Values() {
			checkText(t, d, []string{"OLD_ONE", "OLD2"}, []Var{{"A", value}, {"B_2", "x"}})
			checkText(t, d, nil, []Var{{"A", value}})
		}
		checkText(t, d, []string{"A", "B", "C"}, nil)
		checkText(t, d, nil, nil)
	}
}

func TestControlCharactersAreRefused(t *testing.T) {
	for _, d := range allDialects() {
		for _, value := range hostile.Refused() {
			text, err := d.Statements([]string{"OLD"}, []Var{{"FINE", "x"}, {"BAD_ONE", value}})
			var refused *ValueError
			if text != "" || !errors.As(err, &refused) || refused.Name != "BAD_ONE" {
				t.Errorf("%s: %q gave %q, %v", d.Name(), value, text, err)
			}
		}
	}
}

func TestBadNamesAreRefused(t *testing.T) {
	for _, d := range allDialects() {
		for _, name := range []string{"", "1A", "A B", "A;touch PWN", "A=", "Á", "A\n", "-f", "A-B", "$(x)", strings.Repeat("é", 100)} {
			if text, err := d.Statements([]string{name}, nil); err == nil || text != "" {
				t.Errorf("%s: unset of %q gave %q, %v", d.Name(), name, text, err)
			}
			text, err := d.Statements(nil, []Var{{name, "x"}})
			if !errors.Is(err, ErrUnprintable) || text != "" {
				t.Errorf("%s: set of %q gave %q, %v", d.Name(), name, text, err)
				continue
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%s: unclean message %q", d.Name(), err)
			}
			if got, want := d.Failure([]string{"A", name, "B"}), d.Failure([]string{"A", "B"}); got != want {
				t.Errorf("%s: failure with %q is %q, want %q", d.Name(), name, got, want)
			}
		}
	}
}

func TestPosixTextIsOneLine(t *testing.T) {
	for _, name := range []string{"sh", "dash", "ash", "busybox", "bash", "zsh", "ksh", "mksh", "yash", "fish", "tcsh", "pwsh", "xonsh", "elvish"} {
		d, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range hostile.Values() {
			text, err := d.Statements([]string{"A"}, []Var{{"B", value}})
			if err == nil && (strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, ";\n") || strings.Contains(text, "\r")) {
				t.Errorf("%s: not one line: %.200q", name, text)
			}
		}
	}
}

func TestJSONHasEachNameOnce(t *testing.T) {
	got, err := JSON().Statements([]string{"A", "B"}, []Var{{"B", "x"}})
	if want := `{"A":null,"B":"x"}` + "\n"; got != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestDialectsHoldNoState(t *testing.T) {
	for _, d := range allDialects() {
		first, _ := d.Statements([]string{"A"}, []Var{{"B", "x*y"}})
		second, _ := d.Statements([]string{"A"}, []Var{{"B", "x*y"}})
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%s: %q, then %q", d.Name(), first, second)
		}
	}
}

func FuzzStatements(f *testing.F) {
	for _, value := range slices.Concat(hostile.Values(), hostile.Refused()) {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, d := range allDialects() {
			checkText(t, d, []string{"OLD"}, []Var{{"A", value}})
		}
	})
}

// exampleSet is the whole of what env prints for a session: eleven variables.
func exampleSet() (unset []string, set []Var) {
	unset = []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN", "AWS_ACCOUNT_ID", "AWS_ROLE_ARN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}
	return unset, []Var{
		{"AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"},
		{"AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		{"AWS_SESSION_TOKEN", strings.Repeat("FwoGZXIvYXdzEBYaD+/=", 30)},
		{"AWS_REGION", "eu-west-1"},
		{"AWS_DEFAULT_REGION", "eu-west-1"},
		{"AWS_CREDENTIAL_EXPIRATION", "2026-01-01T12:00:00Z"},
		{"AWS_SESSION_EXPIRATION", "2026-01-01T12:00:00Z"},
		{"AWSMFA_PROFILE", "dev"},
		{"AWSMFA_EXPIRATION", "1767268800"},
		{"AWSMFA_OWNED", "ASIAIOSFODNN7EXAMPLE:eu-west-1"},
		{"AWSMFA_SHLVL", "1"},
	}
}

func BenchmarkStatements(b *testing.B) {
	unset, set := exampleSet()
	for _, name := range []string{"sh", "fish", "tcsh", "nu", "pwsh"} {
		d, err := Lookup(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Statements(unset, set); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
