package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"awsmfa/seed"
	"awsmfa/session"
)

func logoutVerb() *verb {
	flags := append([]cli.Flag{
		&cli.BoolFlag{Name: "all", Usage: "forget the sessions of every profile"},
	}, profileFlags()...)
	return &verb{
		name: "logout", args: "[PROFILE | --all]", takesProfile: true,
		summary:  "forget sessions; what a shell holds already stays there (awsmfa env --unset)",
		examples: []string{"awsmfa logout dev", "awsmfa logout --all"},
		flags:    flags,
		run:      runLogout,
	}
}

func runLogout(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	if c.Bool("all") {
		if o.ProfileOrigin == "the argument" || o.ProfileOrigin == "--profile" {
			return usagef("--all and a profile exclude each other")
		}
		return r.logoutAll(o)
	}
	o.noteProfile(r)
	s, err := r.subject(ctx, o, false)
	if err != nil && !errors.Is(err, session.ErrNoDevice) {
		return err
	}
	plans, err := s.everyPlan()
	if err != nil {
		return err
	}
	roles, sessions, err := s.places.Sessions().Forget(r.Now(), plans...)
	for _, p := range plans {
		s.touchStamps(p.Families()...)
	}
	if err != nil {
		return fmt.Errorf("forgetting sessions: %w", err)
	}
	return r.tellForgotten(o, roles, sessions)
}

// everyPlan is the profile's plan, where a device is known, and the one
// without MFA: a session may stand from either.
func (s *subject) everyPlan() ([]*session.Plan, error) {
	without, err := session.NewPlan(s.resolved, session.Options{NoMFA: true})
	if err != nil || s.plan == nil {
		return []*session.Plan{without}, err
	}
	return []*session.Plan{s.plan, without}, nil
}

func (r *run) logoutAll(o options) error {
	p, err := session.FindPlaces(r.getenv)
	if err != nil {
		return err
	}
	n, err := p.Sessions().Clear()
	if err := p.Stamps().TouchAll(r.Now()); err != nil {
		r.debugf("direnv is not told: %v", err)
	}
	if err = errors.Join(err, r.lockSeeds()); err != nil {
		return fmt.Errorf("forgetting sessions: %w", err)
	}
	if o.JSON {
		return r.writeJSON(map[string]int{"forgotten": n})
	}
	r.note("%s forgotten", count(n, "session"))
	return nil
}

// lockSeeds: what unlocks the seeds is forgotten with the sessions.
// No setting of how long it was to be kept stands in the way.
func (r *run) lockSeeds() error {
	dir, err := session.FindData(r.getenv)
	if err != nil {
		r.debugf("no place for seeds: %v", err)
	}
	return seed.Open(seed.Options{Dir: dir}).Lock()
}

func (r *run) tellForgotten(o options, roles, sessions int) error {
	if o.JSON {
		return r.writeJSON(map[string]int{"roles": roles, "mfa_sessions": sessions})
	}
	switch {
	case roles+sessions == 0:
		r.note("%s: there was no session", shown(o.Profile))
	case sessions > 0 && roles > 0:
		r.note("%s: forgotten, with the MFA session that it shares with every profile on the same key and device", shown(o.Profile))
	case sessions > 0:
		r.note("%s: the MFA session is forgotten; every profile on the same key and device shared it", shown(o.Profile))
	default:
		r.note("%s: forgotten", shown(o.Profile))
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
