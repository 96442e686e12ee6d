// Package warm answers a plain warm run, "env dev" or "process dev" with a
// session in the cache, without anything that only a cold run needs: Answer.
//
// It uses the very same rooms as the full way (session's memory and cache,
// environment, shell) and has no rules of its own. On any doubt, an argument
// that it does not know, a variable that stands for a flag, a file that
// changed, it prints nothing and says that it did not answer: then the full
// way decides, and tells what there is to tell. docs/decisions/0016 says why
// this room exists; layout_test.go keeps it light.
package warm

import (
	"io"
	"strings"
	"time"

	"awsmfa/environment"
	"awsmfa/internal/filename"
	"awsmfa/internal/harden"
	"awsmfa/profile"
	"awsmfa/session"
	"awsmfa/shell"
)

// Process is what Answer sees of this process.
type Process struct {
	Args       []string // without the program's name
	Getenv     func(string) string
	Environ    []string
	Stdout     io.StringWriter
	ToTerminal bool // stdout is one: then a person is told what to do with it
	Now        func() time.Time
	Parent     int
}

// Answer prints the answer if it is at hand, and reports whether it did. The
// error is that of writing it: some of it may have been read by then.
func Answer(p Process) (answered bool, err error) {
	ask, ok := parse(p.Args)
	if !ok || p.meddled() {
		return false, nil
	}
	if ask.profile, ok = p.profile(ask); !ok {
		return false, nil
	}
	harden.Process()
	text := p.text(ask)
	if text == "" {
		return false, nil
	}
	n, err := p.Stdout.WriteString(text)
	return n > 0, err
}

// ask is a command line of the few shapes that are known here.
type ask struct {
	process bool // else env
	profile string
	shell   string
}

// parse takes "env [PROFILE]" and "process PROFILE", with --shell, and the
// flags that change nothing when the cache has the answer.
func parse(args []string) (a ask, ok bool) {
	if len(args) == 0 {
		return a, false
	}
	switch args[0] {
	case "env":
	case "process", "credential-process":
		a.process = true
	default:
		return a, false
	}
	for i := 1; i < len(args); i++ {
		word := args[i]
		value, isShell := strings.CutPrefix(word, "--shell=")
		switch {
		case word == "--cached", word == "--no-input":
		case (word == "--shell" || word == "-s") && i+1 < len(args):
			i++
			value, isShell = args[i], true
		case isShell:
		case word == "" || word[0] == '-' || a.profile != "":
			return a, false
		default:
			a.profile = word
		}
		if isShell && (a.process || a.shell != "" || value == "" || value[0] == '-') {
			return a, false
		}
		if isShell {
			a.shell = value
		}
	}
	return a, true
}

// meddled: a variable stands for a flag. Which it is, and whether it makes
// sense, is not for here to say.
func (p Process) meddled() bool {
	for _, kv := range p.Environ {
		name, value, _ := strings.Cut(kv, "=")
		if value == "" || !strings.HasPrefix(name, "AWSMFA_") {
			continue
		}
		switch name {
		case "AWSMFA_PROFILE", "AWSMFA_EXPIRATION", "AWSMFA_OWNED", "AWSMFA_SHELL", "AWSMFA_MFA_SERIAL", "AWSMFA_PROFILE_CHAIN":
		case "AWSMFA_SEED_STORE", "AWSMFA_AGE_IDENTITY", "AWSMFA_PASSPHRASE_FILE", "AWSMFA_UNLOCK_TTL":
			// Of the seeds, which no cached session needs.
		default:
			return true
		}
	}
	return false
}

// profile is the one that was asked for, where there is nothing to say about it.
func (p Process) profile(a ask) (string, bool) {
	named, held := p.Getenv("AWS_PROFILE"), p.Getenv("AWSMFA_PROFILE")
	switch {
	case a.profile != "":
		return a.profile, a.process || named == "" || named == a.profile
	case a.process:
		return "", false
	case named != "":
		return named, held == "" || held == named
	case held != "":
		return held, true
	}
	return "default", true
}

// text is the answer, "" when it is not at hand.
func (p Process) text(a ask) string {
	home := session.Home(p.Getenv)
	places, err := session.FindPlaces(p.Getenv)
	paths := profile.Locate(p.Getenv, home)
	if err != nil || !filename.IsAbs(paths.Config) || !filename.IsAbs(paths.Credentials) {
		return ""
	}
	now := p.Now()
	known, ok := places.Requests().Load(a.profile, []string{paths.Config, paths.Credentials}, now, p.Getenv)
	if !ok {
		return ""
	}
	held := environment.Read(p.Getenv)
	region, from := held.RegionFor(a.profile, "", known.Region)
	if region != "" && profile.CheckRegion(profile.Value{Text: region}) != nil {
		return ""
	}
	e, ok, err := places.Sessions().Load(known.Key, now)
	if !ok || err != nil {
		return ""
	}
	offset := places.Clock(known.Endpoint).Load(now) // after the entry: who stored that has measured this first
	if a.process {
		return processText(e, now, offset)
	}
	if !session.Interactive().Serves(e, now, offset) {
		return ""
	}
	if from == environment.RegionExported {
		region = ""
	}
	return p.statements(a, held.With(a.profile, e.Credentials, region, offset))
}

func processText(e session.Entry, now time.Time, offset time.Duration) string {
	if !session.UnderSDK().Serves(e, now, offset) {
		return ""
	}
	return string(e.Credentials.ProcessJSON())
}

func (p Process) statements(a ask, c environment.Changes) string {
	if p.ToTerminal {
		return ""
	}
	var d shell.Dialect
	if a.shell == "" {
		d = shell.Detect(p.Parent, shell.ParentProcess, p.Getenv("AWSMFA_SHELL"), p.Getenv("SHELL"))
	} else {
		var err error
		if d, err = shell.Lookup(a.shell); err != nil {
			return ""
		}
	}
	text, err := d.Statements(c.Unset, c.Set)
	if err != nil {
		return ""
	}
	return text
}
