package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// usageError is a command line that cannot be meant: exit code 2.
type usageError struct {
	text  string
	hints []string
}

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) *usageError {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

func (e *usageError) withHint(format string, args ...any) *usageError {
	e.hints = append(e.hints, fmt.Sprintf(format, args...))
	return e
}

// arrangement is a command line in the one order that the flag parser takes:
// the verb, its flags in the form --name=value, and apart from them the
// arguments. The parser itself stops at the first argument, and would silently
// drop "--shell fish" behind a profile.
type arrangement struct {
	verb    *verb
	flags   []string
	args    []string // the profile, mostly
	command []string // of exec: never looked into
	help    bool
	version bool
	group   string // the first word of a verb of two, such as totp
	glued   string // a word such as -dev, which was read as -d ev
}

// arranger walks over the words.
type arranger struct {
	verbs []*verb
	words []string
	given map[string]string // flag as typed, for messages, by its first name
	lost  bool              // the verb was no verb
	arrangement
}

// arrange sorts a command line. It returns the first error, but reads on behind
// it: how a failure is written depends on --shell and on the profile, wherever
// they stand.
func arrange(words []string, verbs []*verb) (arrangement, error) {
	a := &arranger{verbs: verbs, words: words, given: map[string]string{}}
	var failed error
	for len(a.words) > 0 && a.command == nil {
		if err := a.next(); failed == nil {
			failed = err
		}
	}
	if failed == nil {
		failed = a.checkGroup()
	}
	if failed == nil {
		failed = a.checkFlags()
	}
	return a.arrangement, failed
}

func (a *arranger) next() error {
	word := a.words[0]
	a.words = a.words[1:]
	switch {
	case word == "--":
		return a.rest()
	case strings.HasPrefix(word, "--"):
		return a.long(word)
	case len(word) > 1 && word[0] == '-':
		return a.short(word)
	case a.verb == nil && !a.lost:
		return a.setVerb(word)
	case a.takesCommand():
		a.command = append([]string{word}, a.words...)
	default:
		a.args = append(a.args, word)
	}
	return nil
}

// takesCommand: the verb runs a command, and its profile is already known.
func (a *arranger) takesCommand() bool {
	return a.verb != nil && a.verb.rest && (len(a.args) > 0 || a.given["profile"] != "")
}

func (a *arranger) rest() error {
	rest := a.words
	a.words = nil
	var err error
	for a.verb == nil && !a.lost && len(rest) > 0 {
		err, rest = a.setVerb(rest[0]), rest[1:]
	}
	if a.verb != nil && a.verb.rest && !a.takesCommand() && len(rest) > 0 {
		a.args, rest = append(a.args, rest[0]), rest[1:]
		if len(rest) > 0 && rest[0] == "--" {
			rest = rest[1:]
		}
	}
	if a.verb != nil && a.verb.rest {
		a.command = rest
		return err
	}
	a.args = append(a.args, rest...)
	return err
}

func (a *arranger) setVerb(word string) error {
	name, known := word, verbNames(a.verbs)
	if a.group != "" {
		name, known = a.group+" "+word, membersOf(a.group, a.verbs)
	}
	if a.verb = findVerb(name, a.verbs); a.verb != nil {
		return nil
	}
	if a.group == "" && len(membersOf(word, a.verbs)) > 0 {
		a.group = word
		return nil
	}
	a.lost = true
	err := usagef("unknown command %q", shown(name))
	if near := suggest(word, known); near != "" {
		return err.withHint("did you mean %q?", strings.TrimSpace(a.group+" "+near))
	}
	return err.withHint("%s lists the commands", strings.Join(strings.Fields("awsmfa "+a.group+" --help"), " "))
}

// findVerb finds a verb by its name or another that it goes by, or nil.
func findVerb(name string, verbs []*verb) *verb {
	for _, v := range verbs {
		if v.name == name || slices.Contains(v.aliases, name) {
			return v
		}
	}
	return nil
}

// membersOf are the second words of the verbs that begin with the word group.
func membersOf(group string, verbs []*verb) []string {
	var members []string
	for _, v := range verbs {
		if first, second, found := strings.Cut(v.name, " "); found && first == group {
			members = append(members, second)
		}
	}
	return members
}

// checkGroup: a group's name alone says nothing.
func (a *arranger) checkGroup() error {
	if a.verb != nil || a.group == "" || a.help {
		return nil
	}
	return usagef("awsmfa %s needs one of its commands: %s", a.group, strings.Join(membersOf(a.group, a.verbs), ", ")).
		withHint("awsmfa %s --help tells about them", a.group)
}

// verbNames are the words that a command line may begin with.
func verbNames(verbs []*verb) []string {
	var names []string
	for _, v := range verbs {
		if isHidden(v) {
			continue
		}
		first, _, _ := strings.Cut(v.name, " ")
		if !slices.Contains(names, first) {
			names = append(names, first)
		}
		names = append(names, v.aliases...)
	}
	return names
}

func (a *arranger) long(word string) error {
	name, value, hasValue := strings.Cut(word[2:], "=")
	switch name {
	case "help":
		a.help = true
		return nil
	case "version":
		a.version = true
		return nil
	}
	f := a.find(name)
	if f == nil {
		return a.unknown("--"+name, word)
	}
	return a.add(f, "--"+name, value, hasValue)
}

// short takes "-s fish", "-sfish", "-qs fish" and, as the Go flag package
// does, a long name behind a single dash.
func (a *arranger) short(word string) error {
	name, value, hasValue := strings.Cut(word[1:], "=")
	if f := a.find(name); f != nil {
		return a.add(f, "-"+name, value, hasValue)
	}
	for i := 1; i < len(word); i++ {
		letter := word[i : i+1]
		switch letter {
		case "h":
			a.help = true
			continue
		case "V":
			a.version = true
			continue
		}
		f := a.find(letter)
		if f == nil {
			return a.unknown(word, word)
		}
		if takesValue(f) && i+1 < len(word) {
			a.glued = word
			return a.add(f, "-"+letter, strings.TrimPrefix(word[i+1:], "="), true)
		}
		if err := a.add(f, "-"+letter, "", false); err != nil {
			return err
		}
	}
	return nil
}

// find looks among the verb's flags, and before the verb is known among all.
func (a *arranger) find(name string) cli.Flag {
	if a.verb != nil {
		return findFlag(a.verb.flags, name)
	}
	for _, v := range a.verbs {
		if f := findFlag(v.flags, name); f != nil {
			return f
		}
	}
	return nil
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	_, isBool := f.(*cli.BoolFlag)
	return !isBool
}

func (a *arranger) add(f cli.Flag, typed, value string, hasValue bool) error {
	name := f.Names()[0]
	if takesValue(f) && !hasValue {
		if len(a.words) == 0 || a.looksLikeFlag(a.words[0]) {
			return usagef("%s needs a value", typed)
		}
		value, a.words = a.words[0], a.words[1:]
	}
	if _, err := strconv.ParseBool(value); !takesValue(f) && hasValue && err != nil {
		return usagef("%s is on or off: %q is neither true nor false", typed, shown(value))
	}
	a.given[name] = typed
	if !takesValue(f) && !hasValue {
		a.flags = append(a.flags, "--"+name)
		return nil
	}
	a.flags = append(a.flags, "--"+name+"="+value)
	return nil
}

func (a *arranger) looksLikeFlag(word string) bool {
	if word == "--" || word == "--help" || word == "-h" {
		return true
	}
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	return len(word) > 1 && word[0] == '-' && a.find(name) != nil
}

func (a *arranger) unknown(flag, word string) error {
	err := usagef("unknown flag %q", shown(flag))
	if a.verb == nil {
		return err.withHint("awsmfa --help lists the commands")
	}
	err = usagef("awsmfa %s has no flag %q", a.verb.name, shown(flag))
	if near := suggest(strings.TrimLeft(flag, "-"), longNames(a.verb.flags)); near != "" {
		err = err.withHint("did you mean --%s?", near)
	}
	if a.verb.takesProfile && !strings.HasPrefix(word, "--") {
		err = err.withHint("for a profile of that name: awsmfa %s -- %s", a.verb.name, shown(word))
	}
	return err.withHint("awsmfa %s --help lists its flags", a.verb.name)
}

func longNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		for _, n := range f.Names() {
			if len(n) > 1 {
				names = append(names, n)
			}
		}
	}
	return names
}

// checkFlags looks at flags that stood before the verb: they were taken from
// any verb's list.
func (a *arranger) checkFlags() error {
	if a.verb == nil {
		return nil
	}
	for _, f := range a.flags {
		name, _, _ := strings.Cut(f[2:], "=")
		if findFlag(a.verb.flags, name) == nil {
			return a.unknown(a.given[name], "--"+name)
		}
	}
	return nil
}

// flag is the last value given to a flag, as the parser would take it. For use
// where the parser never came to run.
func (a arrangement) flag(name string) (value string, given bool) {
	for _, f := range a.flags {
		if n, v, hasValue := strings.Cut(f[2:], "="); n == name {
			value, given = v, true
			if !hasValue {
				value = "true"
			}
		}
	}
	return value, given
}
