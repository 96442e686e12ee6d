package mfa

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestParseCode(t *testing.T) {
	for _, c := range []struct{ in, code, problem string }{
		{"123456", "123456", ""},
		{"123 456", "123456", ""},
		{"  12 34 56\t\r\n", "123456", ""},
		{"000000", "000000", ""},
		{"", "", "this is empty"},
		{"   ", "", "this is empty"},
		{"12345", "", "this has 5"},
		{"1234567", "", "this has 7"},
		{strings.Repeat("1", 1024), "", "this has 1024"},
		{"12345a", "", "six digits, nothing else"},
		{"123-456", "", "six digits, nothing else"},
		{"-12345", "", "six digits, nothing else"},
		{"+12345", "", "six digits, nothing else"},
		{"0x1234", "", "six digits, nothing else"},
		{"１２３４５６", "", "six digits from 0 to 9"},
		{"١٢٣٤٥٦", "", "six digits from 0 to 9"},
		{"12345\x00", "", "six digits, nothing else"},
		{"123\xff456", "", "six digits, nothing else"},
		{"\x1b[31m123456", "", "six digits, nothing else"},
	} {
		got, err := ParseCode(c.in)
		if got.Text() != c.code {
			t.Errorf("ParseCode(%q) gives %q, want %q", c.in, got.Text(), c.code)
		}
		if c.problem == "" {
			if err != nil {
				t.Errorf("ParseCode(%q): %v", c.in, err)
			}
			continue
		}
		if !errors.Is(err, ErrCodeFormat) || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("ParseCode(%q): %v, want %q", c.in, err, c.problem)
		}
	}
}

func TestFindCode(t *testing.T) {
	for _, c := range []struct {
		in, code string
		err      error
	}{
		{"123456", "123456", nil},
		{"123456\r\n", "123456", nil},
		{"976249 lasts 24s", "976249", nil},
		{"Touch your YubiKey...\nAWS:alice  012345\n", "012345", nil},
		{"Your code is 123456.", "123456", nil},
		{"Your code is 123456, hurry.", "123456", nil},
		{"code=123456;", "123456", nil},
		{"\x1b[1;32m123456\x1b[0m\n", "123456", nil},
		{"123 456\n", "123456", nil},
		{"123456 123456", "123456", nil},
		{"2026-01-01 12:00 id 1234567 code 654321", "654321", nil},
		{"", "", ErrNoDigits},
		{"\n", "", ErrNoDigits},
		{"12345", "", ErrNoDigits},
		{"1234567", "", ErrNoDigits},
		{"123 456 789", "", ErrNoDigits},
		{"0.123456", "", ErrNoDigits},
		{"123456.7", "", ErrNoDigits},
		{"1,123456", "", ErrNoDigits},
		{"１123456", "", ErrNoDigits},
		{"123456７", "", ErrNoDigits},
		{"１２３４５６", "", ErrNoDigits},
		{"\x1b]0;title\x07\x1b[2J", "", ErrNoDigits},
		{"old 111111 new 222222", "", ErrSeveralCodes},
		{strings.Repeat("9", 1<<16), "", ErrNoDigits},
	} {
		got, err := FindCode(c.in)
		if got.Text() != c.code || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("FindCode(%.40q) = %q, %v, want %q, %v", c.in, got.Text(), err, c.code, c.err)
		}
	}
}

func TestCodeHides(t *testing.T) {
	code := newCode("314159")
	nested := struct {
		Code   Code
		hidden Code
		many   []Code
	}{code, code, []Code{code}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "code", code, "nested", nested)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "code", code, "nested", nested)
	asJSON, err := json.Marshal(nested)
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c"} {
		shown += fmt.Sprintf(verb, code) + fmt.Sprintf(verb, &code) + fmt.Sprintf(verb, nested) + fmt.Sprintf(verb, &nested)
	}
	for _, form := range []string{"314159", "333134313539", "51 49 52 49 53 57"} {
		if strings.Contains(shown, form) {
			t.Errorf("%q is shown in %s", form, shown)
		}
	}
	if s := fmt.Sprint(code, Code{}); s != "code(hidden) code(none)" {
		t.Errorf("printed as %q", s)
	}
	if (Code{}).Text() != "" || !(Code{}).IsZero() || code.IsZero() {
		t.Error("the zero code is not told from a code")
	}
}

func FuzzParseCode(f *testing.F) {
	for _, s := range []string{"123456", "123 456", "１２３４５６", "", "12345a", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCode(s)
		if (err == nil) == c.IsZero() {
			t.Fatalf("ParseCode(%q) = %q, %v", s, c.Text(), err)
		}
		if err != nil {
			return
		}
		plain := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
		if len(plain) != Digits || plain != c.Text() {
			t.Fatalf("ParseCode(%q) = %q", s, c.Text())
		}
		if again, err := FindCode(c.Text()); err != nil || again.Text() != c.Text() {
			t.Fatalf("FindCode(%q) = %q, %v", c.Text(), again.Text(), err)
		}
	})
}

func FuzzFindCode(f *testing.F) {
	for _, s := range []string{"976249 lasts 24s", "123 456", "0.123456", "1234567", "\x1b[31m123456\x1b[m", "١123456"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := FindCode(s)
		if err != nil {
			if !c.IsZero() {
				t.Fatalf("FindCode(%q) gave a code and %v", s, err)
			}
			return
		}
		code := c.Text()
		if len(code) != Digits || digitRun(code) != Digits {
			t.Fatalf("FindCode(%q) = %q", s, code)
		}
		if !strings.Contains(s, code) && !strings.Contains(s, code[:3]+" "+code[3:]) {
			t.Fatalf("FindCode(%q) = %q, which is not in it", s, code)
		}
		if strings.Contains(s, code) {
			if longer, err := FindCode(strings.ReplaceAll(s, code, code+"7")); err == nil && longer.Text() == code {
				t.Fatalf("FindCode took a part of a longer number in %q", s)
			}
		}
	})
}
