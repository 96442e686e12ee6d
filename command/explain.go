package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/internal/safeexec"
	"awsmfa/profile"
	"awsmfa/session"
	"awsmfa/source"
	"awsmfa/stsclient"
)

func explainVerb() *verb {
	return &verb{
		name: "explain", args: "[PROFILE]", takesProfile: true,
		summary:  "show the plan for a profile, each value with its place, before any call",
		examples: []string{"awsmfa explain prod", "awsmfa explain prod --duration 4h"},
		flags:    profileFlags(),
		run:      runExplain,
	}
}

// explanation is what explain shows, and its JSON.
type explanation struct {
	Profile  string     `json:"profile"`
	At       string     `json:"at"`
	Chain    []string   `json:"chain"`
	Values   []fact     `json:"values"`
	Steps    []stepFact `json:"steps"`
	Duration string     `json:"duration,omitempty"` // of new ones
	Cached   string     `json:"cached,omitempty"`   // what is printed instead
	Notes    []string   `json:"notes"`
	Warnings []string   `json:"warnings"`
	Problem  string     `json:"problem,omitempty"`
}

// fact is one value and where it stands.
type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

type stepFact struct {
	Call        string `json:"call"`
	RoleARN     string `json:"role_arn,omitempty"`
	SessionName string `json:"role_session_name,omitempty"`
	Duration    string `json:"duration"`
	TakesCode   bool   `json:"takes_code"`
	CacheKey    string `json:"cache_key"`
	Cached      string `json:"cached,omitempty"`
}

func runExplain(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	o.noteProfile(r)
	s, problem := r.subject(ctx, o, false)
	if s == nil || s.resolved == nil {
		r.warnFiles()
		return problem
	}
	early := errors.Is(problem, session.ErrNoDevice) || errors.Is(problem, session.ErrPastedSession)
	if problem != nil && !early {
		r.warnFiles()
		return problem
	}
	if problem == nil {
		problem = s.fault()
	}
	x := s.explanation(problem)
	show := r.printExplanation
	if o.JSON {
		show = func(x explanation) error { return r.writeJSON(x) }
	}
	if err := show(x); err != nil || early {
		return err // a run would ask for more; there is nothing to mend
	}
	return problem
}

// warnFiles tells of all that is odd in the files: a profile that could not be
// resolved may be in error for it.
func (r *run) warnFiles() {
	if files, err := profile.Load(profile.Locate(r.getenv, session.Home(r.getenv))); err == nil {
		r.warnAll(warningTexts(files.Warnings()))
	}
}

// fault is what can be known of a failure before any call.
func (s *subject) fault() error {
	if src := s.resolved.Source; src.Kind == profile.SourceProcess && source.Recursive(src.Text.Text, src.Profile) {
		return &sourceError{src, fmt.Errorf("credential_process of profile %q: %w", src.Profile, source.ErrRecursive)}
	}
	_, err := stsclient.PlaceOf(s.stsPlace())
	return err
}

func (s *subject) explanation(problem error) explanation {
	r := s.resolved
	x := explanation{Profile: r.Profile, At: r.Origin.String(), Chain: r.Chain, Values: s.facts(), Notes: []string{}, Warnings: []string{}}
	for _, w := range slices.Concat(s.files.WarningsAround(r.Chain), r.Warnings) {
		x.Warnings = append(x.Warnings, fmt.Sprintf("%s: %s", w.Origin, w.Text))
	}
	if problem != nil {
		x.Problem = problem.Error()
		if errors.Is(problem, session.ErrNoDevice) && r.Source.Kind == profile.SourceKeys {
			x.Problem += "; a run asks AWS which there is (iam:ListMFADevices)"
		}
		return x
	}
	if s.plan == nil {
		return x
	}
	x.Notes = append(x.Notes, s.plan.Notes...)
	x.Warnings = append(x.Warnings, s.plan.Warnings...)
	x.Duration = session.Short(s.plan.Duration)
	s.explainCached(&x)
	for _, step := range s.plan.Steps {
		x.Steps = append(x.Steps, s.stepFact(step))
	}
	return x
}

// explainCached says what a run would make of the entry in the cache.
func (s *subject) explainCached(x *explanation) {
	e, ok := s.lastEntry()
	if !ok {
		return
	}
	want := s.freshness()
	left := e.Remaining(s.Now(), s.offset.now())
	limit := min(want.MinTTL, e.Granted/2)
	if !want.Serves(e, s.Now(), s.offset.now()) {
		x.Notes = append(x.Notes, fmt.Sprintf("the one in the cache has %s left: %s are wanted, so it is renewed", words(left), words(limit)))
		return
	}
	x.Cached = fmt.Sprintf("%s left of %s", words(left), session.Short(e.Granted.Round(time.Minute)))
	x.Notes = append(x.Notes, fmt.Sprintf("what is in the cache serves until it has less than %s left; --min-ttl asks for more, --refresh for a new one", words(limit)))
}

// facts lists every value that takes part, in the order of the plan.
func (s *subject) facts() []fact {
	r := s.resolved
	source := fact{Name: "source", Value: r.Source.Kind.String() + " of " + r.Source.Profile, From: r.Source.Origin.String()}
	if id := r.Source.Keys.AccessKeyID(); id != "" {
		source.Value = r.Source.Kind.String() + " " + id
	}
	list := []fact{source}
	add := func(name string, v profile.Value) {
		if v.IsSet() {
			list = append(list, fact{name, v.Text, v.Origin.String()})
		}
	}
	add("mfa_serial", r.MFASerial)
	list = append(list, s.seedFact()...)
	if v := r.MFAProcess; v.IsSet() {
		list = append(list, fact{"mfa_process", programOf(v.Text), v.Origin.String()})
	}
	for _, role := range r.Roles {
		add("role_arn", role.ARN)
		list = append(list, s.sessionName(role)...)
		add("external_id", role.ExternalID)
		add("source_identity", role.SourceIdentity)
		p, err := s.files.Profile(role.Profile)
		for _, key := range []string{"policy_arns", "session_tags", "transitive_session_tags"} {
			if err == nil {
				add(key, p.Get(key))
			}
		}
	}
	list = append(list, s.durations()...)
	add("region", s.region)
	list = append(list, s.stsFact()...)
	add("iam endpoint", r.IAMEndpoint)
	add("ca_bundle", r.CABundle)
	add("sts_regional_endpoints", r.RegionalSTS)
	if r.FIPS {
		add("use_fips_endpoint", r.FIPSFrom)
	}
	if r.DualStack {
		add("use_dualstack_endpoint", r.DualStackFrom)
	}
	return list
}

// seedFact says that codes come from a stored seed. Nothing is unlocked for it.
func (s *subject) seedFact() []fact {
	if !s.resolved.MFASerial.IsSet() {
		return nil
	}
	v, err := s.vault(true)
	if err != nil {
		return nil
	}
	has, err := v.Has(s.resolved.MFASerial.Text)
	store, _, storeErr := v.Where()
	switch {
	case err != nil:
		return []fact{{"codes", "the store of seeds cannot be used: " + shown(err.Error()), "awsmfa totp list"}}
	case !has || storeErr != nil:
		return nil
	}
	return []fact{{"codes", "from the stored seed", store + " (awsmfa totp list)"}}
}

// programOf is the program that a command line names, without the rest: an
// argument of it may be a seed.
func programOf(line string) string {
	words, err := safeexec.Split(line)
	switch {
	case err != nil:
		return "…"
	case len(words) == 1:
		return words[0]
	}
	return words[0] + " …"
}

// sessionName of a role, or what stands in for one that is not configured.
func (s *subject) sessionName(role profile.Role) []fact {
	if v := role.SessionName; v.IsSet() {
		return []fact{{"role_session_name", v.Text, v.Origin.String()}}
	}
	if s.plan == nil {
		return nil
	}
	i := slices.IndexFunc(s.plan.Steps, func(step session.Step) bool { return step.Role.Profile == role.Profile })
	if i < 0 {
		return nil
	}
	name, from := s.plan.Steps[i].SessionName, "default"
	if s.plan.MFASerial.IsSet() {
		from = "the device's name"
	}
	return []fact{{"role_session_name", name, from}}
}

// stsFact is the endpoint that is called, and why that one.
func (s *subject) stsFact() []fact {
	if v := s.resolved.STSEndpoint; v.IsSet() {
		return []fact{{"sts endpoint", v.Text, v.Origin.String()}}
	}
	at, err := stsclient.PlaceOf(s.stsPlace())
	if err != nil {
		return nil // told as the problem
	}
	from := fmt.Sprintf("AWS's own, region %s of partition %s", at.Region, at.Partition)
	switch {
	case s.resolved.RegionalSTS.Text == "legacy" && at.Region != s.region.Text && s.region.IsSet():
		from = "AWS's global one, by sts_regional_endpoints = legacy"
	case !s.region.IsSet():
		from = fmt.Sprintf("AWS's own, no region is set: %s of partition %s", at.Region, at.Partition)
	}
	return []fact{{"sts endpoint", at.URL, from}}
}

// durations are the lifetimes that were asked for, and by whom; what AWS's caps
// make of them is in the steps and warnings.
func (s *subject) durations() []fact {
	if s.plan == nil || len(s.plan.Steps) == 0 {
		return nil
	}
	last, first := s.plan.Steps[len(s.plan.Steps)-1], s.plan.Steps[0]
	list := []fact{durationFact("duration", last.Duration, s.plan.DurationFrom)}
	if last.Kind == session.StepRole && first.Kind == session.StepSession {
		list = append(list, durationFact("session duration", first.Duration, s.plan.SessionFrom))
	}
	return list
}

func durationFact(name string, d time.Duration, from profile.Value) fact {
	if from.IsSet() {
		return fact{name, from.Text, from.Origin.String()}
	}
	return fact{name, session.Short(d), "default"}
}

func (s *subject) stepFact(step session.Step) stepFact {
	f := stepFact{
		Call: "sts:GetSessionToken", Duration: session.Short(step.Duration),
		TakesCode: step.TakesCode, CacheKey: step.Key.String(),
	}
	if step.Kind == session.StepRole {
		f.Call, f.RoleARN, f.SessionName = "sts:AssumeRole", step.Role.ARN.Text, step.SessionName
	}
	if e, ok, _ := s.places.Sessions().Load(step.Key, s.Now()); ok {
		if left := e.Remaining(s.Now(), s.offset.now()); left > 0 {
			f.Cached = words(left)
		}
	}
	return f
}

func (r *run) printExplanation(x explanation) error {
	var page bytes.Buffer
	fmt.Fprintf(&page, "%s (%s)\n", shown(x.Profile), x.At)
	if len(x.Chain) > 1 {
		fmt.Fprintf(&page, "  chain: %s\n", shown(strings.Join(x.Chain, " -> ")))
	}
	table(&page, func(w *tabwriter.Writer) {
		for _, f := range x.Values {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", f.Name, shown(f.Value), shown(f.From))
		}
	})
	if x.Problem != "" {
		fmt.Fprintf(&page, "problem: %s\n", shown(x.Problem))
	}
	for i, step := range x.Steps {
		printStep(&page, i+1, step)
	}
	switch {
	case x.Cached != "":
		fmt.Fprintf(&page, "printed credentials are in the cache: %s; new ones would last %s\n", x.Cached, x.Duration)
	case len(x.Steps) > 0:
		fmt.Fprintf(&page, "printed credentials last %s\n", x.Duration)
	}
	for _, n := range x.Notes {
		fmt.Fprintf(&page, "note: %s\n", shown(n))
	}
	for _, w := range x.Warnings {
		fmt.Fprintf(&page, "warning: %s\n", shown(w))
	}
	return r.print(&page)
}

func printStep(page *bytes.Buffer, n int, step stepFact) {
	fmt.Fprintf(page, "step %d: %s", n, step.Call)
	if step.RoleARN != "" {
		fmt.Fprintf(page, " %s as %s", shown(step.RoleARN), step.SessionName)
	}
	fmt.Fprintf(page, " for %s", step.Duration)
	if step.TakesCode {
		page.WriteString(", with an MFA code")
	}
	if step.Cached != "" {
		fmt.Fprintf(page, "; in the cache for %s more", step.Cached)
	}
	fmt.Fprintf(page, "\n  cache key %s\n", step.CacheKey)
}
