package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/environment"
	"awsmfa/profile"
	"awsmfa/session"
)

func listVerb() *verb {
	return &verb{
		name: "list", aliases: []string{"ls"}, summary: "show the profiles with kind, device, role and time left",
		examples: []string{"awsmfa list", "awsmfa list --json"},
		flags:    append([]cli.Flag{jsonFlag()}, talkFlags()...),
		run:      runList,
	}
}

// profileRow is one line of list, and one object of its JSON.
type profileRow struct {
	Profile     string `json:"profile"`
	Kind        string `json:"kind"`
	MFASerial   string `json:"mfa_serial,omitempty"`
	RoleARN     string `json:"role_arn,omitempty"`
	Source      string `json:"source_profile,omitempty"`
	Expiration  string `json:"expiration,omitempty"`
	SecondsLeft int64  `json:"seconds_left"`
	Problem     string `json:"problem,omitempty"`
	left        time.Duration
	granted     time.Duration
}

func runList(_ context.Context, r *run, c *cli.Context, _ arrangement) error {
	f := &flagReader{r: r, c: c}
	f.talk()
	json := f.bool("json")
	if f.err != nil {
		return f.err
	}
	files, err := profile.Load(profile.Locate(r.getenv, session.Home(r.getenv)))
	if err != nil {
		return err
	}
	rows := []profileRow{}
	for _, p := range files.Profiles() {
		rows = append(rows, r.row(files, p.Name))
	}
	warnings := files.Warnings()
	if json {
		return r.writeJSON(map[string]any{"profiles": rows, "warnings": warningTexts(warnings)})
	}
	if len(rows) == 0 {
		return noProfiles(files.Paths())
	}
	r.warnAll(warningTexts(warnings))
	return r.printRows(rows)
}

func noProfiles(paths profile.Paths) error {
	e := &profile.Error{Kind: profile.NoFiles, Detail: "there is no AWS config: no home directory is known to hold it"}
	switch {
	case paths.Config != "" && paths.Credentials != "":
		e.Detail = fmt.Sprintf("no profile in %s and %s", paths.Config, paths.Credentials)
	case paths.Config != "" || paths.Credentials != "":
		e.Detail = fmt.Sprintf("no profile in %s, and no home directory is known to hold another file", paths.Config+paths.Credentials)
	}
	return e
}

func warningTexts(list []profile.Warning) []string {
	texts := []string{}
	for _, w := range list {
		texts = append(texts, fmt.Sprintf("%s: %s", w.Origin, w.Text))
	}
	return texts
}

// row says what is known of a profile without any call.
func (r *run) row(files *profile.Files, name string) profileRow {
	row := profileRow{Profile: name}
	s, err := r.subjectOf(files, name)
	if s.resolved != nil {
		row.Kind, row.Source = kindOf(s.resolved), s.resolved.Source.Profile
		row.MFASerial = s.resolved.MFASerial.Text
		if n := len(s.resolved.Roles); n > 0 {
			row.RoleARN = s.resolved.Roles[n-1].ARN.Text
		}
	}
	if row.Source == name {
		row.Source = ""
	}
	switch {
	case errors.Is(err, session.ErrNoDevice):
		row.Problem = "no MFA device known"
	case errors.Is(err, session.ErrPastedSession):
		row.Problem = "temporary credentials"
	case err != nil:
		row.Problem = shown(err.Error())
	}
	if s.plan == nil {
		return row
	}
	if e, ok := s.lastEntry(); ok {
		row.left, row.granted = e.Remaining(r.Now(), s.offset.now()), e.Granted
		row.Expiration, row.SecondsLeft = e.Credentials.ExpiryText(), max(0, int64(row.left/time.Second))
	}
	return row
}

// subjectOf is subject without flags, for looking at many profiles.
func (r *run) subjectOf(files *profile.Files, name string) (*subject, error) {
	s := &subject{run: r, options: options{Profile: name}, held: environment.Read(r.getenv), files: files}
	s.places, _ = session.FindPlaces(r.getenv)
	s.offset = newOffsetMemory(s)
	if err := s.resolve(); err != nil {
		return s, err
	}
	return s, s.makePlan(context.Background(), false)
}

// lastEntry is the cached entry of what the plan prints, fresh or not.
func (s *subject) lastEntry() (session.Entry, bool) {
	last, ok := s.plan.Last()
	if !ok {
		return session.Entry{}, false
	}
	e, ok, _ := s.places.Sessions().Load(last.Key, s.Now())
	return e, ok && e.Remaining(s.Now(), s.offset.now()) > 0
}

func kindOf(res *profile.Resolved) string {
	switch n := len(res.Roles); {
	case n > 1:
		return fmt.Sprintf("chain of %d roles", n)
	case n == 1:
		return "role"
	}
	return res.Source.Kind.String()
}

func (r *run) printRows(rows []profileRow) error {
	var page bytes.Buffer
	terminal := r.stdoutIsTerminal()
	table(&page, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "PROFILE\tKIND\tMFA DEVICE\tROLE\tTIME LEFT")
		for _, row := range rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", shown(row.Profile), dash(row.Kind), dash(shown(row.MFASerial)),
				dash(shown(row.RoleARN)), row.time(terminal))
		}
	})
	return r.print(&page)
}

func (row profileRow) time(terminal bool) string {
	switch {
	case row.Problem != "":
		return row.Problem
	case row.left <= 0:
		return "-"
	case terminal:
		return bar(row.left, row.granted) + " " + words(row.left)
	}
	return words(row.left)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
