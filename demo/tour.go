package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// guide leads through the tour.
type guide struct {
	*stage
	ctx  context.Context
	out  io.Writer
	seat *seat
}

// tour does the main job and shows each command with what it printed. Any step
// that does not do what it should ends it with an error.
func tour(ctx context.Context, s *stage, out io.Writer, pipes bool) error {
	seat, err := sit(ctx, s.bare(), s.home, pipes)
	if err != nil {
		return err
	}
	defer seat.leave()
	g := &guide{s, ctx, out, seat}
	for _, part := range []func() error{g.firstRun, g.warmRun, g.roleRun, g.failedSwitch, g.account} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// expectation is what a command must do.
type expectation struct {
	status int
	shows  string
	calls  string // the actions that the stand-in sees meanwhile, "" for none
	code   bool   // the code is asked for on the terminal
}

func (g *guide) do(line string, want expectation) error {
	say(g.out, "\n$ %s", line)
	before := g.server.Calls("")
	var answer func() string
	if want.code && g.seat.terminal {
		answer = g.user.Code
	}
	shown, status, err := g.seat.do(g.ctx, line, "MFA code for dev", answer)
	if err != nil {
		return err
	}
	fmt.Fprint(g.out, shown)
	switch calls := g.callsSince(before); {
	case status != want.status:
		return fmt.Errorf("%q ended with status %d, not %d", line, status, want.status)
	case !strings.Contains(shown, want.shows):
		return fmt.Errorf("%q did not show %q", line, want.shows)
	case want.shows == "" && shown != "":
		return fmt.Errorf("%q was not silent", line)
	case calls != want.calls:
		return fmt.Errorf("%q made the calls %q, not %q", line, calls, want.calls)
	}
	return nil
}

func (g *guide) callsSince(n int) string {
	var actions []string
	for _, r := range g.server.Requests()[n:] {
		actions = append(actions, r.Action)
	}
	return strings.Join(actions, " ")
}

func (g *guide) note(format string, args ...any) { say(g.out, "# "+format, args...) }

func (g *guide) firstRun() error {
	line, want := "eval $(awsmfa env dev)", expectation{calls: "GetSessionToken"}
	if g.seat.terminal {
		g.note("A user types in %s on a terminal:", g.seat.name)
		want.code, want.shows = true, "MFA code for dev"
	} else {
		g.note("No pseudo terminal can be had here, so %s runs on pipes and the code comes on standard input:", g.seat.name)
		line = "eval $(echo " + g.user.Code() + " | awsmfa env dev --token-code -)"
	}
	if err := g.do(line, want); err != nil {
		return err
	}
	g.note("One code, one call to AWS (GetSessionToken). On a real screen the question is wiped away once answered.")
	return g.do("awsmfa whoami", expectation{shows: "user/alice", calls: "GetCallerIdentity"})
}

func (g *guide) warmRun() error {
	before := g.server.Calls("")
	if err := g.do("eval $(awsmfa env dev)", expectation{}); err != nil {
		return err
	}
	g.note("No question and no network: the stand-in had seen %d calls before, and %d now.", before, g.server.Calls(""))
	return nil
}

func (g *guide) roleRun() error {
	if err := g.do("eval $(awsmfa env deploy)", expectation{calls: "AssumeRole"}); err != nil {
		return err
	}
	g.note("A role that asks for MFA, without another code: it comes from the same session.")
	return g.do("awsmfa whoami", expectation{shows: "assumed-role/" + roleName, calls: "GetCallerIdentity"})
}

func (g *guide) failedSwitch() error {
	err := g.do("eval $(awsmfa env prod) && echo deploying to prod", expectation{status: 1, shows: `profile "prod" not found`})
	if err != nil {
		return err
	}
	g.note("What follows && did not run, and the shell no longer acts as deploy.")
	return nil
}

// account says what the stand-in saw, and that nothing was written to the AWS files.
func (g *guide) account() error {
	spent := 0
	for _, r := range g.server.Requests() {
		if r.HasCode {
			spent++
		}
	}
	if spent != 1 {
		return fmt.Errorf("%d codes were sent, not one", spent)
	}
	if g.fingerprint() != g.files {
		return fmt.Errorf("the AWS files in %s were changed", g.home)
	}
	say(g.out, "#")
	g.note("In all: %d MFA code for %d sessions; calls seen: GetSessionToken %d, AssumeRole %d, GetCallerIdentity %d.", spent,
		g.server.Calls("GetSessionToken")+g.server.Calls("AssumeRole"),
		g.server.Calls("GetSessionToken"), g.server.Calls("AssumeRole"), g.server.Calls("GetCallerIdentity"))
	g.note("~/.aws/config and ~/.aws/credentials are byte for byte what they were.")
	return nil
}
