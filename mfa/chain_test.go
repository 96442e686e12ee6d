package mfa

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"awsmfa/internal/term"
)

// typist is a terminal at which the answers are typed one after another. An
// answer that is an error ends ReadLine with it.
type typist struct {
	answers []any
	prompts []string
	closed  int
}

func (p *typist) ReadLine(ctx context.Context, prompt string) (string, error) {
	p.prompts = append(p.prompts, prompt)
	if len(p.answers) == 0 {
		return "", errors.New("one prompt too many")
	}
	a := p.answers[0]
	p.answers = p.answers[1:]
	if err, ok := a.(error); ok {
		return "", err
	}
	return a.(string), nil
}

func (p *typist) Close() error { p.closed++; return nil }

func (p *typist) open() (Prompter, error) { return p, nil }

var errNoTerminal = errors.New("no controlling terminal")

func noTerminal() (Prompter, error) { return nil, errNoTerminal }

var _ Prompter = (*term.Terminal)(nil)

// untouchable fails the test when anything is read from it.
type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("standard input was read")
	return 0, io.EOF
}

var devRequest = Request{Profile: "dev", Serial: serial, Attempt: 1}

const devPrompt = "MFA code for dev (arn:aws:iam::123456789012:mfa/alice): "

func TestAvailable(t *testing.T) {
	tty := &typist{}
	used := &Given{origin: FromFlag, used: true}
	for _, c := range []struct {
		name  string
		chain Chain
		want  bool
	}{
		{"nothing", Chain{}, false},
		{"terminal", Chain{Terminal: tty.open}, true},
		{"terminal, no input", Chain{Terminal: tty.open, NoInput: true}, false},
		{"no terminal", Chain{Terminal: noTerminal}, false},
		{"flag", Chain{Given: NewGiven(FromFlag, "123456"), NoInput: true}, true},
		{"stdin", Chain{Given: NewGivenStdin(untouchable{t}), Terminal: noTerminal}, true},
		{"used flag", Chain{Given: used, Terminal: tty.open}, false},
		{"process", Chain{Process: &Process{}, NoInput: true, Terminal: noTerminal}, true},
	} {
		err := c.chain.Available(serial)
		if (err == nil) != c.want || err != nil && !errors.Is(err, ErrInputNeeded) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if len(tty.prompts) != 0 || tty.closed != 1 {
		t.Errorf("%d prompts, closed %d times", len(tty.prompts), tty.closed)
	}
	if err := (&Chain{Terminal: noTerminal}).Available(serial); !errors.Is(err, errNoTerminal) {
		t.Errorf("the reason is lost: %v", err)
	}
}

func TestOrder(t *testing.T) {
	second := func() *Process { return program(t, "print:222222") }
	for _, c := range []struct {
		name   string
		chain  Chain
		code   string
		origin Origin
	}{
		{"flag first", Chain{Given: NewGiven(FromFlag, "111 111"), Process: second()}, "111111", FromFlag},
		{"variable", Chain{Given: NewGiven(FromEnv, "111111")}, "111111", FromEnv},
		{"stdin", Chain{Given: NewGivenStdin(strings.NewReader("111111\n")), Process: second()}, "111111", FromStdin},
		{"program before terminal", Chain{Process: second()}, "222222", FromProcess},
		{"terminal", Chain{}, "333333", FromTerminal},
	} {
		tty := &typist{answers: []any{"333333"}}
		c.chain.Terminal = tty.open
		c.chain.Ledger, _ = newLedger(t)
		code, origin, err := c.chain.Next(t.Context(), devRequest)
		if err != nil || code.Text() != c.code || origin != c.origin {
			t.Errorf("%s: %q from %v, %v", c.name, code.Text(), origin, err)
		}
		if !mustSpent(t, c.chain.Ledger, serial, c.code) {
			t.Errorf("%s: the code is not on record", c.name)
		}
		if prompted := len(tty.prompts) > 0; prompted != (c.origin == FromTerminal) {
			t.Errorf("%s: prompts %q", c.name, tty.prompts)
		}
		if got := c.chain.Retry(origin); got != (c.origin == FromTerminal) {
			t.Errorf("%s: Retry %v", c.name, got)
		}
	}
}

func TestNowhereToAsk(t *testing.T) {
	for _, chain := range []Chain{{}, {Terminal: noTerminal}, {Terminal: (&typist{}).open, NoInput: true}} {
		if _, _, err := chain.Next(t.Context(), devRequest); !errors.Is(err, ErrInputNeeded) {
			t.Errorf("Next: %v", err)
		}
	}
}

func TestGivenText(t *testing.T) {
	long := strings.Repeat("1", maxLine+1)
	for _, c := range []struct {
		name  string
		given *Given
		code  string
		want  error
		says  string
	}{
		{"5 digits", NewGiven(FromFlag, "12345"), "", ErrCodeFormat, "from --token-code: a code is six digits, this has 5"},
		{"7 digits", NewGiven(FromEnv, "1234567"), "", ErrCodeFormat, "from AWSMFA_TOKEN_CODE: a code is six digits, this has 7"},
		{"letters", NewGiven(FromFlag, "secret"), "", ErrCodeFormat, "six digits, nothing else"},
		{"first line", NewGivenStdin(strings.NewReader("123 456\r\n999999\n")), "123456", nil, ""},
		{"no line end", NewGivenStdin(strings.NewReader("123456")), "123456", nil, ""},
		{"byte by byte", NewGivenStdin(iotest.DataErrReader(strings.NewReader("123456"))), "123456", nil, ""},
		{"empty input", NewGivenStdin(strings.NewReader("")), "", ErrNoCode, "standard input"},
		{"empty line", NewGivenStdin(strings.NewReader("\n123456\n")), "", ErrCodeFormat, "this is empty"},
		{"too long", NewGivenStdin(strings.NewReader(long)), "", ErrCodeFormat, "longer text"},
		{"broken", NewGivenStdin(iotest.ErrReader(io.ErrClosedPipe)), "", io.ErrClosedPipe, "standard input"},
	} {
		tty := &typist{}
		chain := Chain{Given: c.given, Terminal: tty.open}
		code, _, err := chain.Next(t.Context(), devRequest)
		if code.Text() != c.code || !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %q, %v", c.name, code.Text(), err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%s: says %q", c.name, err)
		}
		if len(tty.prompts) != 0 {
			t.Errorf("%s: prompted", c.name)
		}
	}
}

// What follows the line stays for the program that exec runs.
func TestStdinIsNotReadAhead(t *testing.T) {
	in := strings.NewReader("123456\nfor the child\n")
	chain := Chain{Given: NewGivenStdin(in)}
	if _, _, err := chain.Next(t.Context(), devRequest); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(in); string(rest) != "for the child\n" {
		t.Errorf("left on the input: %q", rest)
	}
}

func TestStdinThatHangs(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	chain := Chain{Given: NewGivenStdin(r)}
	done := make(chan error)
	go func() {
		_, _, err := chain.Next(ctx, devRequest)
		done <- err
	}()
	if _, err := w.Write([]byte("1")); err != nil { // returns once it was read
		t.Fatal(err)
	}
	cancel(stop)
	if err := <-done; !errors.Is(err, stop) {
		t.Errorf("Next: %v", err)
	}
}

func TestGivenServesOnce(t *testing.T) {
	refusal := errors.New("refused by AWS")
	tty := &typist{answers: []any{"654321"}}
	chain := Chain{Given: NewGiven(FromFlag, "123456"), Terminal: tty.open}
	if _, _, err := chain.Next(t.Context(), devRequest); err != nil {
		t.Fatal(err)
	}
	_, _, err := chain.Next(t.Context(), Request{Serial: serial, Attempt: 2, Last: refusal})
	if !errors.Is(err, ErrNoOtherCode) || !errors.Is(err, refusal) {
		t.Errorf("after a refusal: %v", err)
	}
	_, _, err = chain.Next(t.Context(), devRequest)
	if !errors.Is(err, ErrInputNeeded) {
		t.Errorf("a second code: %v", err)
	}
	if len(tty.prompts) != 0 {
		t.Errorf("prompted: %q", tty.prompts)
	}
}

func TestGivenRepeat(t *testing.T) {
	l, _ := newLedger(t)
	mustRecord(t, l, serial, "123456")
	chain := Chain{Given: NewGiven(FromFlag, "123456"), Ledger: l, Terminal: (&typist{}).open}
	_, _, err := chain.Next(t.Context(), devRequest)
	var repeat *RepeatError
	if !errors.As(err, &repeat) || repeat.Wait != 17*time.Second {
		t.Errorf("Next: %v", err)
	}
	if err.Error() != "code already used; next code in 17 s" {
		t.Errorf("says %q", err)
	}
}

// A ledger that fails costs one warning, and the code is handed out.
func TestLedgerTroubleIsToldOnce(t *testing.T) {
	l, _ := newLedger(t)
	mustRecord(t, l, serial, "111111")
	writeFile(t, l.path(serial), "torn")
	var said []string
	chain := Chain{Given: NewGiven(FromFlag, "123456"), Ledger: l, Warn: func(s string) { said = append(said, s) }}
	code, _, err := chain.Next(t.Context(), devRequest)
	if err != nil || code.Text() != "123456" {
		t.Fatalf("%q, %v", code.Text(), err)
	}
	if len(said) != 1 || !strings.Contains(said[0], "damaged") || !strings.Contains(said[0], l.path(serial)) {
		t.Errorf("said %q", said)
	}
	if !mustSpent(t, l, serial, "123456") {
		t.Error("the new file does not hold the code")
	}
	l.dir = l.path(serial) // a file in place of the directory
	said = nil
	chain = Chain{Given: NewGiven(FromFlag, "123456"), Ledger: l, Warn: chain.Warn}
	if code, _, err := chain.Next(t.Context(), devRequest); err != nil || code.Text() != "123456" || len(said) != 1 {
		t.Errorf("%q, %v, said %q", code.Text(), err, said)
	}
}

func TestPrompt(t *testing.T) {
	l, _ := newLedger(t)
	mustRecord(t, l, serial, "111111")
	suspended := errors.New("suspended")
	for _, c := range []struct {
		name    string
		answers []any
		code    string
		want    []error
		prompts []string
	}{
		{"at once", []any{"123 456"}, "123456", nil, []string{devPrompt}},
		{"five digits, letters, then right", []any{"12345", "abcdef", "222222"}, "222222", nil, []string{
			devPrompt,
			"a code is six digits, this has 5, 2 of 3. " + devPrompt,
			"a code is six digits, nothing else, 3 of 3. " + devPrompt}},
		{"full width", []any{"１２３４５６", "333333"}, "333333", nil, []string{
			devPrompt, "a code is six digits from 0 to 9, 2 of 3. " + devPrompt}},
		{"a pasted book, then right", []any{term.ErrTooLong, "555555"}, "555555", nil, []string{
			devPrompt, "the line is longer than 1024 bytes, 2 of 3. " + devPrompt}},
		{"empty three times", []any{"", "", " "}, "", []error{ErrTooManyTries, ErrCodeFormat}, []string{
			devPrompt,
			"a code is six digits, this is empty, 2 of 3. " + devPrompt,
			"a code is six digits, this is empty, 3 of 3. " + devPrompt}},
		{"repeat, then fresh", []any{"111111", "444444"}, "444444", nil, []string{
			devPrompt, "code already used; next code in 17 s, 2 of 3. " + devPrompt}},
		{"repeat three times", []any{"111111", "111111", "111111"}, "", []error{ErrTooManyTries, new(RepeatError)}, []string{
			devPrompt,
			"code already used; next code in 17 s, 2 of 3. " + devPrompt,
			"code already used; next code in 17 s, 3 of 3. " + devPrompt}},
		{"end of input", []any{io.EOF}, "", []error{ErrNoCode}, []string{devPrompt}},
		{"suspended", []any{suspended}, "", []error{suspended}, []string{devPrompt}},
	} {
		tty := &typist{answers: c.answers}
		chain := Chain{Terminal: tty.open, Ledger: l}
		code, _, err := chain.Next(t.Context(), devRequest)
		if code.Text() != c.code || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %q, %v", c.name, code.Text(), err)
		}
		for _, want := range c.want {
			var repeat *RepeatError
			if _, isRepeat := want.(*RepeatError); isRepeat && errors.As(err, &repeat) {
				continue
			}
			if !errors.Is(err, want) {
				t.Errorf("%s: %v is not %v", c.name, err, want)
			}
		}
		if strings.Join(tty.prompts, "\n") != strings.Join(c.prompts, "\n") {
			t.Errorf("%s: prompts\n%s\nwant\n%s", c.name, strings.Join(tty.prompts, "\n"), strings.Join(c.prompts, "\n"))
		}
		if tty.closed != 1 {
			t.Errorf("%s: the terminal was closed %d times", c.name, tty.closed)
		}
	}
}

// Three prompts in all: mistyped ones and refused ones together.
func TestRefusedAtThePrompt(t *testing.T) {
	refusal := errors.New("refused by AWS")
	tty := &typist{answers: []any{"12345", "111111", "222222"}}
	chain := Chain{Terminal: tty.open}
	first, origin, err := chain.Next(t.Context(), devRequest)
	if err != nil || first.Text() != "111111" || !chain.Retry(origin) {
		t.Fatalf("%q, %v", first.Text(), err)
	}
	second := devRequest
	second.Attempt, second.Last = 2, refusal
	code, origin, err := chain.Next(t.Context(), second)
	if err != nil || code.Text() != "222222" || chain.Retry(origin) {
		t.Fatalf("%q, %v, retry %v", code.Text(), err, chain.Retry(origin))
	}
	if got, want := tty.prompts[2], "code refused, 3 of 3. "+devPrompt; got != want {
		t.Errorf("prompt %q, want %q", got, want)
	}
	second.Attempt = 3
	if _, _, err := chain.Next(t.Context(), second); !errors.Is(err, ErrTooManyTries) || !errors.Is(err, refusal) {
		t.Errorf("a fourth prompt: %v", err)
	}
	// Another device's code is another matter.
	tty.answers = []any{"333333"}
	if code, _, err := chain.Next(t.Context(), devRequest); err != nil || code.Text() != "333333" {
		t.Errorf("a new request: %q, %v", code.Text(), err)
	}
}

// A suspension in the middle costs no try.
func TestSuspensionCostsNoTry(t *testing.T) {
	suspended := errors.New("suspended")
	tty := &typist{answers: []any{"111111", suspended, "222222"}}
	chain := Chain{Terminal: tty.open}
	if _, _, err := chain.Next(t.Context(), devRequest); err != nil {
		t.Fatal(err)
	}
	second := devRequest
	second.Attempt = 2
	if _, _, err := chain.Next(t.Context(), second); !errors.Is(err, suspended) {
		t.Fatal(err)
	}
	if _, _, err := chain.Next(t.Context(), second); err != nil || !strings.HasPrefix(tty.prompts[2], "code refused, 2 of 3.") {
		t.Errorf("prompt %q, %v", tty.prompts[2], err)
	}
}

func TestPromptText(t *testing.T) {
	for _, c := range []struct {
		req  Request
		want string
	}{
		{devRequest, devPrompt},
		{Request{Profile: "dev", Serial: "GAHT12345678", Endpoint: "http://127.0.0.1:4566"},
			"MFA code for dev (GAHT12345678) at http://127.0.0.1:4566: "},
		{Request{Profile: "dev"}, "MFA code for dev: "},
		{Request{Profile: "de\x1b]0;x\x07v\n", Serial: "a\u202eb", Endpoint: "c\rd"},
			"MFA code for de?]0;x?v  (a?b) at c d: "},
	} {
		if got := promptText(c.req, "", 1); got != c.want {
			t.Errorf("prompt %q, want %q", got, c.want)
		}
	}
}

// The terminal cuts a prompt at maxPrompt: whatever the names and the reason,
// the prompt is whole and shows something of each.
func TestPromptFits(t *testing.T) {
	req := Request{Profile: strings.Repeat("ü", 999), Serial: strings.Repeat("s", 999), Endpoint: strings.Repeat("e", 999)}
	_, format := ParseCode("seven")
	for _, reason := range []error{errors.New(""), errors.New("code refused"), &RepeatError{30 * time.Second}, format, term.ErrTooLong} {
		got := promptText(req, reason.Error(), 2)
		if n := utf8.RuneCountInString(got); n > maxPrompt || !strings.HasSuffix(got, "e…: ") {
			t.Errorf("%d runes: %q", n, got)
		}
		if !strings.HasPrefix(got, reason.Error()) || !strings.Contains(got, "(sssss") || !strings.Contains(got, "üüü…") {
			t.Errorf("a part is missing: %q", got)
		}
	}
	if got := promptText(devRequest, format.Error(), 2); !strings.HasSuffix(got, devPrompt) {
		t.Errorf("an ordinary prompt is cut: %q", got)
	}
}

func TestNextAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	cancel(stop)
	for _, chain := range []Chain{{Given: NewGiven(FromFlag, "123456")}, {Process: program(t, "print:")}, {Terminal: (&typist{}).open}} {
		if _, _, err := chain.Next(ctx, devRequest); !errors.Is(err, stop) {
			t.Errorf("Next: %v", err)
		}
	}
}

func TestOriginNames(t *testing.T) {
	seen := map[string]bool{}
	for o := Origin(0); o <= FromTerminal; o++ {
		if seen[o.String()] {
			t.Errorf("%q names two places", o)
		}
		seen[o.String()] = true
	}
}
