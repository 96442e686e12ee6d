package command

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/session"
)

func loginVerb() *verb {
	return &verb{
		name: "login", args: "[PROFILE]", takesProfile: true,
		summary:  "get a session now, for later runs to use",
		examples: []string{"awsmfa login dev", "awsmfa login dev --min-ttl 4h --no-input"},
		flags:    sessionFlags(),
		run:      runLogin,
	}
}

func runLogin(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	o.noteProfile(r)
	s, got, err := r.session(ctx, o)
	if err != nil {
		return err
	}
	if o.JSON {
		return r.writeJSON(s.loginAnswer(got))
	}
	r.note("%s: %s, ends in %s", shown(o.Profile), cachedWord(got.Cached || s.wasGiven()), s.left(got.Entry))
	return nil
}

func cachedWord(cached bool) string {
	if cached {
		return "the session at hand is good"
	}
	return "new session"
}

// wasGiven: another process made the calls while this one waited.
func (s *subject) wasGiven() bool { return len(s.plan.Steps) > 0 && !s.obtained }

// warnShort says when what is served lasts less than --min-ttl asks: at half
// its life a session serves whatever was asked, or each run would renew it.
func (s *subject) warnShort(got session.Result) {
	if !s.options.MinTTLSet || got.Credentials().Expires().IsZero() {
		return
	}
	if left := got.Entry.Remaining(s.Now(), s.offset.now()); left < s.options.MinTTL {
		s.warn(fmt.Sprintf("the session ends in %s, before the %s of --min-ttl: it was granted for %s; --refresh begins a new one, and --duration asks for a longer one",
			words(left), session.Short(s.options.MinTTL), words(got.Entry.Granted.Round(time.Minute))))
	}
}

// left is an entry's remaining life in words.
func (s *subject) left(e session.Entry) string {
	if e.Credentials.Expires().IsZero() {
		return "no time: its source gives no end"
	}
	return words(e.Remaining(s.Now(), s.offset.now()))
}

type loginAnswer struct {
	Profile    string    `json:"profile"`
	Expiration time.Time `json:"expiration"`
	Seconds    int64     `json:"seconds_left"`
	Cached     bool      `json:"cached"`
}

func (s *subject) loginAnswer(got session.Result) loginAnswer {
	return loginAnswer{
		Profile: s.resolved.Profile, Expiration: got.Credentials().Expires(),
		Seconds: int64(got.Entry.Remaining(s.Now(), s.offset.now()) / time.Second), Cached: got.Cached || s.wasGiven(),
	}
}
