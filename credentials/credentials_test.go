package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const (
	testID     = "ASIAEXAMPLEEXAMPLE12"
	testSecret = "sentinelSecret/+abcdefghijklmnopqrstuvwx"
	testToken  = "sentinelToken/+=abc"
)

func sample(t *testing.T) Credentials {
	t.Helper()
	c, err := New(testID, testSecret, testToken, time.Date(2026, 1, 1, 12, 0, 0, 999, time.FixedZone("x", 3600)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHidesItself(t *testing.T) {
	c := sample(t)
	type holder struct {
		Public  Credentials
		private Credentials
		pointer *Credentials
	}
	h := holder{c, c, &c}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%c"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", c, h, &h)
	}
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "c", c, "h", h)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "c", c, "h", h)
	for _, secret := range []string{testSecret, testToken, fmt.Sprintf("%x", testSecret), fmt.Sprintf("%x", testToken)} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("a secret got out:\n%s", out.String())
		}
	}
	if !strings.Contains(out.String(), "hidden") {
		t.Error("nothing was printed at all")
	}
}

func TestNewRefuses(t *testing.T) {
	long := strings.Repeat("a", MaxTokenLength+1)
	for _, c := range []struct {
		id, secret, token string
		want              error
	}{
		{"AKIAIOSFODNN7EXAMPLE", "a/+=", "", nil},
		{"AKIAIOSFODNN7EXAMPLE", "a/+=", strings.Repeat("A", 20000), nil},
		{"short", "a", "", ErrAccessKeyID},
		{"AKIAIOSFODNN7EXAMPL'", "a", "", ErrAccessKeyID},
		{"", "a", "", ErrAccessKeyID},
		{"AKIAIOSFODNN7EXAMPLE", "", "", ErrSecretAccessKey},
		{"AKIAIOSFODNN7EXAMPLE", "a b", "", ErrSecretAccessKey},
		{"AKIAIOSFODNN7EXAMPLE", "a$(x)", "", ErrSecretAccessKey},
		{"AKIAIOSFODNN7EXAMPLE", "a", "t\nexport X=1", ErrSessionToken},
		{"AKIAIOSFODNN7EXAMPLE", "a", long, ErrSessionToken},
	} {
		_, err := New(c.id, c.secret, c.token, time.Time{})
		if !errors.Is(err, c.want) {
			t.Errorf("New(%q): %v, want %v", c.id, err, c.want)
		}
		if err != nil && c.token != "" && strings.Contains(err.Error(), c.token) {
			t.Errorf("the error repeats what it refuses: %v", err)
		}
	}
}

func TestProcessJSON(t *testing.T) {
	want := `{"Version":1,"AccessKeyId":"` + testID + `","SecretAccessKey":"` + testSecret +
		`","SessionToken":"` + testToken + `","Expiration":"2026-01-01T11:00:00Z"}` + "\n"
	if got := string(sample(t).ProcessJSON()); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	c, err := New("AKIAIOSFODNN7EXAMPLE", "a/b", "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(c.ProcessJSON()), `{"Version":1,"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"a/b"}`+"\n"; got != want {
		t.Errorf("long-term: %s", got)
	}
}

func TestTemporary(t *testing.T) {
	for id, want := range map[string]bool{"AKIAIOSFODNN7EXAMPLE": false, "ASIAIOSFODNN7EXAMPLE": true} {
		c, err := New(id, "a", "", time.Time{})
		if err != nil || c.Temporary() != want {
			t.Errorf("%s: %v, %v", id, c.Temporary(), err)
		}
	}
	if (Credentials{}).Temporary() || !(Credentials{}).IsZero() || (Credentials{}).AccessKeyID() != "" {
		t.Error("the zero value holds something")
	}
}
