package command

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

func helpVerb(list []*verb) *verb {
	v := &verb{
		name: "help", args: "[COMMAND]", maxArgs: 2, summary: "tell about a command",
		flags: talkFlags(),
	}
	list = append(slices.Clip(list), v) // which is told about as well
	v.run = func(_ context.Context, r *run, _ *cli.Context, a arrangement) error {
		if len(a.args) == 0 {
			return r.help(nil, list)
		}
		name := strings.Join(a.args, " ")
		if v := findVerb(name, list); v != nil {
			return r.help(v, list)
		}
		if len(membersOf(name, list)) > 0 {
			return r.helpGroup(name, list)
		}
		err := usagef("no help for %q", shown(name))
		if near := suggest(a.args[0], verbNames(list)); near != "" {
			return err.withHint("did you mean %q?", near)
		}
		return err
	}
	return v
}

// help prints a page. A verb whose stdout a shell or an SDK reads prints it on
// stderr unless a person reads stdout: no shell must run a help text.
func (r *run) help(v *verb, list []*verb) error {
	var page bytes.Buffer
	if v == nil {
		overview(&page, list)
	} else {
		verbPage(&page, v)
	}
	if v != nil && v.isRead() && !r.stdoutIsTerminal() {
		_, err := r.Stderr.Write(page.Bytes())
		return err
	}
	return r.print(&page)
}

// helpGroup prints the page of a first word that several verbs share.
func (r *run) helpGroup(group string, list []*verb) error {
	var page bytes.Buffer
	fmt.Fprintf(&page, "awsmfa %s: %s\n\nCommands:\n", group, groupSummary(group))
	table(&page, func(w *tabwriter.Writer) {
		for _, member := range membersOf(group, list) {
			v := findVerb(group+" "+member, list)
			fmt.Fprintf(w, "  %s\t%s\n", strings.TrimSpace(v.name+" "+v.args), v.summary)
		}
	})
	fmt.Fprintf(&page, "\nawsmfa %s COMMAND --help tells more.\n", group)
	return r.print(&page)
}

func overview(page *bytes.Buffer, list []*verb) {
	page.WriteString(`awsmfa puts MFA-protected AWS credentials into your shell.

  eval "$(awsmfa env dev)"          one code a day, then none
  awsmfa exec dev -- terraform plan
  credential_process = awsmfa process dev     in ~/.aws/config, for every SDK

Commands:
`)
	table(page, func(w *tabwriter.Writer) {
		told := ""
		for _, v := range list {
			group, _, grouped := strings.Cut(v.name, " ")
			switch {
			case isHidden(v):
			case !grouped:
				fmt.Fprintf(w, "  %s\t%s\n", v.name, v.summary)
			case group != told:
				fmt.Fprintf(w, "  %s COMMAND\t%s\n", group, groupSummary(group))
				told = group
			}
		}
	})
	page.WriteString("\nawsmfa COMMAND --help tells more; awsmfa --version tells which one this is.\n" +
		"PROFILE is AWS_PROFILE when left out, else the profile this shell holds, else default.\n")
}

func verbPage(page *bytes.Buffer, v *verb) {
	fmt.Fprintf(page, "awsmfa %s: %s\n\n", v.name, v.summary)
	for _, e := range v.examples {
		fmt.Fprintf(page, "  %s\n", e)
	}
	if len(v.examples) > 0 {
		page.WriteByte('\n')
	}
	fmt.Fprintf(page, "Usage: awsmfa %s\n", strings.TrimSpace(v.name+" [FLAGS] "+v.args))
	if len(v.aliases) > 0 {
		fmt.Fprintf(page, "Also called: %s\n", strings.Join(v.aliases, ", "))
	}
	page.WriteString("\nFlags:\n")
	table(page, func(w *tabwriter.Writer) {
		for _, f := range v.flags {
			fmt.Fprintf(w, "  %s\t%s\n", flagNames(f), flagUsage(f))
		}
	})
}

func table(page *bytes.Buffer, rows func(*tabwriter.Writer)) {
	w := tabwriter.NewWriter(page, 0, 0, 3, ' ', 0)
	rows(w)
	w.Flush()
}

// flagNames is "-s, --shell SHELL".
func flagNames(f cli.Flag) string {
	names := slices.Clone(f.Names())
	slices.SortStableFunc(names, func(a, b string) int { return min(len(a), 2) - min(len(b), 2) })
	for i, n := range names {
		if len(n) == 1 {
			names[i] = "-" + n
		} else {
			names[i] = "--" + n
		}
	}
	value, _ := unquoteUsage(f)
	return strings.TrimSpace(strings.Join(names, ", ") + " " + value)
}

func flagUsage(f cli.Flag) string {
	_, usage := unquoteUsage(f)
	if v := variableOf(f.Names()[0]); v != "" {
		usage += " [" + v + "]"
	}
	return usage
}

// unquoteUsage takes the value's name out of the backquotes.
func unquoteUsage(f cli.Flag) (value, usage string) {
	switch f := f.(type) {
	case *cli.StringFlag:
		usage = f.Usage
	case *cli.BoolFlag:
		usage = f.Usage
	}
	before, rest, found := strings.Cut(usage, "`")
	if !found {
		return "", usage
	}
	value, after, _ := strings.Cut(rest, "`")
	return value, before + value + after
}
