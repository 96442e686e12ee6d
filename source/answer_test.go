package source

import (
	"errors"
	"strings"
	"testing"
	"time"

	"awsmfa/credentials"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	testID     = "ASIAIOSFODNN7EXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	testToken  = "FQoGZXIvYXdzEBYaDHNlY3JldHRva2Vu"
)

// answerWith is a good answer in which pairs of old and new text are replaced.
func answerWith(replace ...string) string {
	good := `{"Version": 1, "AccessKeyId": "` + testID + `", "SecretAccessKey": "` + testSecret +
		`", "SessionToken": "` + testToken + `", "Expiration": "2026-03-01T13:00:00Z"}`
	return strings.NewReplacer(replace...).Replace(good)
}

func TestParse(t *testing.T) {
	hour := now.Add(time.Hour)
	const expiration = `"2026-03-01T13:00:00Z"`
	for _, c := range []struct {
		label, answer string
		token         string
		expires       time.Time
	}{
		{"usual", answerWith(), testToken, hour},
		{"white space around", "\n " + answerWith() + "\r\n", testToken, hour},
		{"more fields", answerWith(`{`, `{"AccountId": "123456789012", "Other": [{}], `), testToken, hour},
		{"version written otherwise", answerWith(`: 1,`, `: 1.0,`), testToken, hour},
		{"no expiry", answerWith(`, "Expiration": `+expiration, ``), testToken, time.Time{}},
		{"null expiry", answerWith(expiration, `null`), testToken, time.Time{}},
		{"zone", answerWith(expiration, `"2026-03-01T15:00:00+02:00"`), testToken, hour},
		{"zone without colon", answerWith(expiration, `"2026-03-01T13:00:00+0000"`), testToken, hour},
		{"fraction", answerWith(expiration, `"2026-03-01T13:00:00.250Z"`), testToken, hour.Add(250 * time.Millisecond)},
		{"blank for T", answerWith(expiration, `"2026-03-01 13:00:00Z"`), testToken, hour},
		{"long-term key", answerWith(testID, "AKIAIOSFODNN7EXAMPLE", `"`+testToken+`"`, `null`), "", hour},
		{"empty token", answerWith(testToken, ``), "", hour},
		{"escapes", answerWith(`wJalr`, `\u0077Jalr`, `/`, `\/`), testToken, hour},
	} {
		t.Run(c.label, func(t *testing.T) {
			got, err := parse([]byte(c.answer), now)
			if err != nil {
				t.Fatal(err)
			}
			if got.SecretAccessKey() != testSecret || got.SessionToken() != c.token || !got.Expires().Equal(c.expires) {
				t.Errorf("got %v, token %v, expires %s", got, got.SessionToken() == c.token, got.Expires())
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const expiration = `2026-03-01T13:00:00Z`
	for _, c := range []struct {
		label, answer string
		want          error
	}{
		{"nothing", ``, ErrNotJSON},
		{"text", `Enter the code:`, ErrNotJSON},
		{"text before", "MFA ok\n" + answerWith(), ErrNotJSON},
		{"text after", answerWith() + "\ndone", ErrNotJSON},
		{"two objects", answerWith() + answerWith(), ErrNotJSON},
		{"list", `[` + answerWith() + `]`, ErrNotJSON},
		{"null", `null`, ErrNotJSON},
		{"cut", answerWith()[:80], ErrNotJSON},
		{"byte order mark", "\ufeff" + answerWith(), ErrNotJSON},
		{"deep", strings.Repeat(`{"a":`, 20_000), ErrNotJSON},
		{"no version", answerWith(`"Version": 1, `, ``), ErrVersion},
		{"version as text", answerWith(`: 1,`, `: "1",`), ErrVersion},
		{"version 2", answerWith(`: 1,`, `: 2,`), ErrVersion},
		{"version null", answerWith(`: 1,`, `: null,`), ErrVersion},
		{"other case of letters", answerWith(`Version`, `version`), ErrVersion},
		{"no id", answerWith(`AccessKeyId`, `accessKeyId`), ErrField},
		{"no secret", answerWith(`SecretAccessKey`, `SecretKey`), ErrField},
		{"empty secret", answerWith(testSecret, ``), ErrField},
		{"null id", answerWith(`"`+testID+`"`, `null`), ErrField},
		{"id a number", answerWith(`"`+testID+`"`, `1234`), ErrField},
		{"token a list", answerWith(`"`+testToken+`"`, `["`+testToken+`"]`), ErrField},
		{"no zone", answerWith(expiration, `2026-03-01T13:00:00`), ErrExpiration},
		{"epoch", answerWith(`"`+expiration+`"`, `1772370000`), ErrExpiration},
		{"empty expiry", answerWith(expiration, ``), ErrExpiration},
		{"garbage expiry", answerWith(expiration, `tomorrow`), ErrExpiration},
		{"past", answerWith(expiration, `2026-03-01T11:59:59Z`), ErrExpired},
		{"this moment", answerWith(expiration, `2026-03-01T12:00:00Z`), ErrExpired},
		{"past in its zone", answerWith(expiration, `2026-03-01T13:00:00+02:00`), ErrExpired},
		{"hostile id", answerWith(testID, `AKIA$(touch x)EXAMPLE`), credentials.ErrAccessKeyID},
		{"hostile secret", answerWith(testSecret, `wJalr;reboot`), credentials.ErrSecretAccessKey},
		{"hostile token", answerWith(testToken, `a\nexport X`), credentials.ErrSessionToken},
	} {
		t.Run(c.label, func(t *testing.T) {
			got, err := parse([]byte(c.answer), now)
			if !errors.Is(err, c.want) || !got.IsZero() {
				t.Fatalf("got %v, %v, want %v", got, err, c.want)
			}
			for _, part := range []string{"wJalr", "FQoG", "EXAMPLE", "touch", "tomorrow", "Enter", "1234"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error holds part of the answer: %v", err)
				}
			}
		})
	}
}

// FuzzParse prints what it could read and reads it again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(answerWith()))
	f.Add([]byte(answerWith(`"2026-03-01T13:00:00Z"`, `null`, testID, "AKIAIOSFODNN7EXAMPLE")))
	f.Add([]byte(answerWith(`2026-03-01T13:00:00Z`, `9999-12-31T23:59:59-23:59`)))
	f.Add([]byte(`{"Version":1}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		first, err := parse(answer, now)
		if err != nil {
			if !first.IsZero() {
				t.Fatal("credentials beside an error")
			}
			return
		}
		if !first.Expires().IsZero() && !first.Expires().After(now) {
			t.Fatal("expired credentials")
		}
		if first.Expires().Year() > 9999 || !first.Expires().IsZero() && first.Expires().Truncate(time.Second).Equal(now) {
			return // RFC 3339 cannot write the one, and whole seconds make the other the past
		}
		second, err := parse(first.ProcessJSON(), now)
		if err != nil {
			t.Fatalf("reading it again: %v", err)
		}
		if first.AccessKeyID() != second.AccessKeyID() || first.SecretAccessKey() != second.SecretAccessKey() ||
			first.SessionToken() != second.SessionToken() || first.ExpiryText() != second.ExpiryText() {
			t.Fatal("it reads differently")
		}
	})
}
