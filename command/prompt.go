package command

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"awsmfa/environment"
)

func promptVerb() *verb {
	return &verb{
		name: "prompt", summary: "print the profile that this shell holds and the time left, for its prompt",
		examples: []string{
			`PS1='$(awsmfa prompt --shell bash) \w \$ '`,
			`awsmfa prompt --format ' {profile}@{region} {left}'`,
		},
		flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "print this `TEMPLATE`: {profile} {left} {seconds} {until} {region}; {{ and }} are braces"},
			&cli.StringFlag{Name: "shell", Aliases: []string{"s"}, Usage: "mark the colours as this `SHELL` wants it: bash, zsh, tcsh or another"},
		}, talkFlags()...),
		run: runPrompt,
	}
}

const promptFormat = "{profile} {left}"

// runPrompt looks at the variables alone: no file, no network. Where the shell
// holds nothing of awsmfa's, it prints nothing.
func runPrompt(_ context.Context, r *run, c *cli.Context, _ arrangement) error {
	f := &flagReader{r: r, c: c}
	f.talk()
	template, name := f.given("format").Text, f.given("shell").Text
	if f.err != nil {
		return f.err
	}
	if name != "" {
		d, err := r.lookupShell(name)
		if err != nil {
			return err
		}
		name = d.Name()
	}
	if template == "" {
		template = promptFormat
	}
	h := environment.Read(r.getenv)
	left := h.Expires.Sub(r.Now())
	text, err := fillPrompt(template, r.promptFields(h, left))
	if err != nil || !h.Ours || h.Profile == "" {
		return err
	}
	if template == promptFormat {
		text = strings.TrimSuffix(text, " ") // of credentials that do not say when they end
	}
	if r.colours() {
		begin, end := zeroWidth(name)
		text = begin + urgency(left, h.Expires.IsZero()) + end + text + begin + "\x1b[0m" + end
	}
	return r.write([]byte(text))
}

// promptFields are what a template may name.
func (r *run) promptFields(h environment.Held, left time.Duration) map[string]string {
	region := h.Region
	if _, theirs := h.ForeignRegion(); theirs != "" {
		region = theirs
	}
	fields := map[string]string{"profile": harmless(h.Profile), "region": harmless(region), "left": "", "seconds": "", "until": ""}
	if !h.Expires.IsZero() {
		fields["left"], fields["until"] = briefly(left), h.Expires.Format("15:04")
		fields["seconds"] = strconv.FormatInt(max(0, int64(left/time.Second)), 10)
	}
	return fields
}

// fillPrompt puts fields into a template.
func fillPrompt(template string, fields map[string]string) (string, error) {
	var b strings.Builder
	for template != "" {
		at := strings.IndexAny(template, "{}")
		if at < 0 {
			break
		}
		b.WriteString(template[:at])
		brace, rest := template[at], template[at+1:]
		if rest != "" && rest[0] == brace {
			b.WriteByte(brace)
			template = rest[1:]
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := fields[name]
		if brace == '}' || !closed || !known {
			return "", usagef("--format has %q, which is no field", shown(template[at:])).
				withHint("there are {profile} {left} {seconds} {until} {region}; {{ and }} are braces")
		}
		b.WriteString(value)
		template = after
	}
	return b.String() + template, nil
}

// harmless is a foreign name as no prompt would run or unfold it: bash and zsh
// evaluate $(…) and backquotes in a prompt, zsh and tcsh unfold %, bash \, ksh !,
// tmux #, xonsh {…}.
func harmless(name string) string {
	return strings.Map(func(c rune) rune {
		if c < unicode.MaxASCII && !isWordByte(c) && !strings.ContainsRune(" -.,:/@+=~()[]", c) || !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, shown(name))
}

func isWordByte(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// briefly is a time left in few letters: 11h58m, 42m, 30s.
func briefly(d time.Duration) string {
	h, m, s := int(d/time.Hour), int(d%time.Hour/time.Minute), int(d%time.Minute/time.Second)
	switch {
	case d <= 0:
		return "expired"
	case h > 0:
		return strconv.Itoa(h) + "h" + strconv.Itoa(m/10) + strconv.Itoa(m%10) + "m"
	case m > 0:
		return strconv.Itoa(m) + "m"
	}
	return strconv.Itoa(s) + "s"
}

// urgency is the colour: green, yellow from when a renewal is due, red from
// when little can be done with what is left.
func urgency(left time.Duration, unknown bool) string {
	switch {
	case unknown || left > renewBefore:
		return "\x1b[32m"
	case left > 2*time.Minute:
		return "\x1b[33m"
	}
	return "\x1b[31m"
}

// zeroWidth encloses what takes no room on the screen, for a shell that counts.
// bash knows \[ and \] in the text of PS1 alone, and these two bytes also in
// what a command in PS1 prints.
func zeroWidth(shell string) (begin, end string) {
	switch shell {
	case "bash":
		return "\x01", "\x02"
	case "zsh", "tcsh":
		return "%{", "%}"
	}
	return "", ""
}

// colours: a prompt is wanted in colour though its text is read by a shell and
// not by a terminal. See no-color.org and bixense.com/clicolors.
func (r *run) colours() bool {
	if r.getenv("NO_COLOR") != "" {
		return false
	}
	for _, force := range []string{"FORCE_COLOR", "CLICOLOR_FORCE"} {
		switch r.getenv(force) {
		case "":
		case "0", "false":
			return false
		default:
			return true
		}
	}
	return r.getenv("TERM") != "dumb" && r.getenv("CLICOLOR") != "0"
}
