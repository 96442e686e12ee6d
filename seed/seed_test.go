package seed

import (
	"bytes"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"
)

// secretSpellings are the forms in which a secret could show through.
func secretSpellings(t *testing.T, secret string) []string {
	t.Helper()
	raw, err := base32.StdEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return []string{secret[:16], strings.ToLower(secret[:16]), string(raw[:8]),
		hex.EncodeToString([]byte(secret[:8])), strings.ToUpper(hex.EncodeToString([]byte(secret[:8]))),
		fmt.Sprint([]byte(secret[:8])), fmt.Sprint(raw[:8]), hex.EncodeToString(raw[:8])}
}

func TestSeedHidesItself(t *testing.T) {
	t.Parallel()
	s := parsed(t, "otpauth://totp/AWS:alice?secret="+awsSecret)
	type nested struct {
		Seed   Seed
		hidden Seed
		To     *Seed
		List   []Seed
		Map    map[string]Seed
		Any    any
	}
	n := nested{s, s, &s, []Seed{s}, map[string]Seed{"a": s}, s}
	values := map[string]any{"seed": s, "pointer": &s, "nested": n, "pointer to nested": &n,
		"list": []any{s, &s}, "array": [1]Seed{s}, "map": map[string]any{"a": s}, "error": fmt.Errorf("adding %v: %w", s, errors.New("no"))}
	spellings := secretSpellings(t, awsSecret)
	for name, v := range values {
		for form, shown := range everyForm(v) {
			for _, spelling := range spellings {
				if strings.Contains(shown, spelling) {
					t.Errorf("%s as %s shows the secret: %s", name, form, shown)
				}
			}
		}
	}
	if got := fmt.Sprintf("%v %s %q %d %#v %+v", s, s, s, s, s, Seed{}); got != strings.Repeat("seed(hidden) ", 5)+"seed(none)" {
		t.Errorf("a seed is shown as %s", got)
	}
}

// everyForm shows a value in every way that a program has.
func everyForm(v any) map[string]string {
	forms := map[string]string{}
	for verb := 'A'; verb <= 'z'; verb++ {
		for _, flags := range []string{"", "+", "#", "-9", "09", ".3", " "} {
			format := "%" + flags + string(verb)
			forms[format] = fmt.Sprintf(format, v)
		}
	}
	forms["Sprint"] = fmt.Sprint(v)
	forms["Sprintln"] = fmt.Sprintln("seed", v)
	encoded, err := json.Marshal(v)
	forms["json"] = fmt.Sprint(string(encoded), err)
	marked, err := xml.Marshal(v)
	forms["xml"] = fmt.Sprint(string(marked), err)
	var b bytes.Buffer
	level := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, level), slog.NewJSONHandler(&b, level)} {
		slog.New(h).With("with", v).WithGroup("g").Debug("message", "value", v, slog.Group("group", "value", v))
	}
	log.New(&b, "", 0).Print(v)
	forms["logs"] = b.String()
	func() {
		defer func() { forms["panic"] = fmt.Sprint(recover()) }()
		panic(v)
	}()
	return forms
}

// TestFormsWouldShow holds the test above to its task.
func TestFormsWouldShow(t *testing.T) {
	t.Parallel()
	type open struct{ Secret string }
	forms := everyForm(open{awsSecret})
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "Sprint", "Sprintln", "json", "xml", "logs", "panic"} {
		if !strings.Contains(forms[form], awsSecret[:16]) {
			t.Errorf("%s does not show an open secret: %q", form, forms[form])
		}
	}
}

func TestURI(t *testing.T) {
	t.Parallel()
	s := parsed(t, awsSecret)
	for _, c := range []struct{ issuer, label, want, gotIssuer, gotLabel string }{
		{"", "", "otpauth://totp/?secret=" + awsSecret, "", ""},
		{"", "alice", "otpauth://totp/alice?secret=" + awsSecret, "", "alice"},
		{"Amazon Web Services", "alice@dev", "otpauth://totp/Amazon%20Web%20Services:alice@dev?secret=" + awsSecret + "&issuer=Amazon%20Web%20Services", "Amazon Web Services", "alice@dev"},
		{"AWS", "", "otpauth://totp/AWS:?secret=" + awsSecret + "&issuer=AWS", "AWS", ""},
		{"a&b=c+d", "?e/f#g", "otpauth://totp/a&b=c+d:%3Fe%2Ff%23g?secret=" + awsSecret + "&issuer=a%26b%3Dc%2Bd", "a&b=c+d", "?e/f#g"},
		{"", "a:b", "otpauth://totp/:a:b?secret=" + awsSecret, "", "a:b"},
		{" A\nB ", "\x1b[2J", "otpauth://totp/A%20B:%3F%5B2J?secret=" + awsSecret + "&issuer=A%20B", "A B", "?[2J"},
	} {
		uri := s.URI(c.issuer, c.label)
		if uri != c.want {
			t.Errorf("%q, %q: %s, want %s", c.issuer, c.label, uri, c.want)
		}
		again, err := Parse([]byte(uri))
		if err != nil || !again.same(s) || again.Issuer() != c.gotIssuer || again.Label() != c.gotLabel {
			t.Errorf("%s is read as %q, %q: %v", uri, again.Issuer(), again.Label(), err)
		}
	}
	long := s.URI(strings.Repeat("東", 200), strings.Repeat("京", 500))
	if _, err := Parse([]byte(long)); err != nil || len(long) > maxStored {
		t.Errorf("long names make a URI of %d bytes: %v", len(long), err)
	}
	if got := (Seed{}).URI("a", "b"); got != "" {
		t.Errorf("no seed has the URI %q", got)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	a, b := parsed(t, awsSecret), parsed(t, "otpauth://totp/x?secret="+strings.ToLower(awsSecret))
	if !a.same(b) || !b.same(a) {
		t.Error("one secret under two names differs")
	}
	if a.same(parsed(t, "JBSWY3DPEHPK3PXP")) || a.same(Seed{}) || (Seed{}).same(Seed{}) {
		t.Error("different secrets are the same")
	}
}
