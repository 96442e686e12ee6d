package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/session"
)

func statusVerb() *verb {
	return &verb{
		name: "status", args: "[PROFILE]", takesProfile: true,
		summary:  "tell how long a profile's session lasts, without network",
		examples: []string{"awsmfa status dev", "awsmfa status dev --min-ttl 1h || awsmfa login dev --min-ttl 1h"},
		flags:    profileFlags(),
		run:      runStatus,
	}
}

type statusAnswer struct {
	Profile     string `json:"profile"`
	Valid       bool   `json:"valid"`
	Expiration  string `json:"expiration,omitempty"`
	SecondsLeft int64  `json:"seconds_left"`
	ShellHolds  string `json:"shell_holds,omitempty"`        // profile whose credentials the shell holds
	ShellLeft   int64  `json:"shell_seconds_left,omitempty"` // by the shell's own clock
	left        time.Duration
	granted     time.Duration
}

func runStatus(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	o.noteProfile(r)
	s, err := r.subject(ctx, o, false)
	if errors.Is(err, session.ErrNoDevice) {
		err = nil // then there is no session either
	}
	if err != nil {
		return err
	}
	answer := s.status()
	if o.JSON {
		err = r.writeJSON(answer)
	} else {
		err = r.printStatus(answer)
	}
	if err != nil {
		return err
	}
	return answer.judge(o)
}

func (s *subject) status() statusAnswer {
	answer := statusAnswer{Profile: s.resolved.Profile}
	if s.held.Ours {
		answer.ShellHolds = s.held.Profile
		answer.ShellLeft = max(0, int64(s.held.Expires.Sub(s.Now())/time.Second))
	}
	if s.plan == nil {
		return answer
	}
	e, ok := s.lastEntry()
	if !ok {
		return answer
	}
	answer.left, answer.granted, answer.Valid = e.Remaining(s.Now(), s.offset.now()), e.Granted, true
	answer.Expiration, answer.SecondsLeft = e.Credentials.ExpiryText(), int64(answer.left/time.Second)
	return answer
}

// judge makes the exit code the answer: is there a session, and does it last
// as long as was asked for?
func (st statusAnswer) judge(o options) error {
	if !st.Valid {
		return &unmet{fmt.Sprintf("no session for %s", quoteName(st.Profile))}
	}
	if o.MinTTLSet && st.left < o.MinTTL {
		return &unmet{fmt.Sprintf("the session for %s ends in %s, before %s", quoteName(st.Profile), words(st.left), session.Short(o.MinTTL))}
	}
	return nil
}

func (r *run) printStatus(st statusAnswer) error {
	var page bytes.Buffer
	switch {
	case !st.Valid:
		fmt.Fprintf(&page, "%s: no session\n", shown(st.Profile))
	case r.stdoutIsTerminal():
		fmt.Fprintf(&page, "%s: %s %s left\n", shown(st.Profile), bar(st.left, st.granted), words(st.left))
	default:
		fmt.Fprintf(&page, "%s: %s left, until %s\n", shown(st.Profile), words(st.left), st.Expiration)
	}
	if st.ShellHolds != "" {
		fmt.Fprintf(&page, "this shell holds %s, for %s more\n", shown(st.ShellHolds), words(time.Duration(st.ShellLeft)*time.Second))
	}
	return r.print(&page)
}
