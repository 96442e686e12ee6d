package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// step is a line that is typed, with what is then seen; the prompt that comes
// after it is seen too.
type step struct {
	line   string
	shows  []string
	unseen func() (string, error)      // what is typed in truth, where the line is a comment
	until  func(context.Context) error // what happens before the next line is typed
}

// steps are the day: use, direnv, renewal, off.
func (s *stage) steps() []step {
	return []step{
		{line: "tail -n 2 ~/.bashrc", shows: []string{"direnv hook bash", "awsmfa init bash"}},
		{line: "awsmfa-use dev   # no question: the code comes from the stored seed", shows: []string{"~ dev 11h59m $ "}},
		{line: "awsmfa whoami", shows: []string{"user/alice"}},
		{line: "cat shop/.envrc", shows: []string{"use awsmfa deploy"}},
		{line: "direnv allow shop"},
		{line: "cd shop", shows: []string{"using awsmfa deploy", "~/shop deploy 59m $ "}},
		{line: "awsmfa whoami", shows: []string{"assumed-role/Deploy/"}},
		{line: "cd ..", shows: []string{"unloading", "~ dev 11h59m $ "}},
		{line: "awsmfa-use deploy", shows: []string{"~ deploy 59m $ "}},
		{line: "# 55 minutes later", shows: []string{"~ deploy 4m $ "}, unseen: s.later, until: s.renewed},
		{line: "awsmfa whoami   # meanwhile the prompt renews in the background", shows: []string{"~ deploy 59m $ "}},
		{line: "awsmfa-off   # back to what was before", shows: []string{"~ $ "}},
		{line: "awsmfa status dev   # the session stays, for the next time", shows: []string{"11 h 59 min left"}},
	}
}

// later makes the hour pass: the role's session is as good as over for the
// shell, and gone from the cache. The program has no clock that could be moved.
func (s *stage) later() (string, error) {
	return "AWSMFA_EXPIRATION=$(($(date +%s) + 299))", errors.Join(s.note(), s.forgetRole())
}

// play types the day into the shell and records it. A step that does not show
// what it should ends it with an error.
func (s *stage) play(ctx context.Context, c *cast) error {
	at, err := s.sit(ctx)
	if err != nil {
		return err
	}
	defer at.leave()
	prompt, err := at.do(ctx, ". ~/.bashrc")
	if err != nil {
		return err
	}
	c.shows(prompt)
	for _, one := range s.steps() {
		if err := s.take(ctx, one, at, c); err != nil {
			return fmt.Errorf("%s: %w", one.line, err)
		}
	}
	return nil
}

func (s *stage) take(ctx context.Context, one step, at *seat, c *cast) (err error) {
	typed := one.line
	if one.unseen != nil {
		if typed, err = one.unseen(); err != nil {
			return err
		}
	}
	shown, err := at.do(ctx, typed)
	if err != nil {
		return err
	}
	shown = s.steady(shown)
	for _, want := range one.shows {
		if !strings.Contains(plain(shown), want) {
			return fmt.Errorf("it does not show %q, but %q", want, shown)
		}
	}
	c.types(one.line)
	c.shows(shown)
	if one.until == nil {
		return nil
	}
	return one.until(ctx)
}

// wiped is what was shown for a while, and then wiped away: how long a program
// waits for a code or for the network differs from day to day.
var wiped = regexp.MustCompile(`[^\n]*\r\x1b\[K`)

// steady is shown without what differs, and without the place of the stage.
func (s *stage) steady(shown string) string {
	return strings.ReplaceAll(wiped.ReplaceAllString(shown, ""), s.home, "~")
}
