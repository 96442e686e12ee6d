package shell

import (
	_ "embed" // the scripts
	"strconv"
	"strings"
	"time"
)

// The scripts are whole programs, each fit to be run and looked at by the
// tools of its shell as it stands. Up to the mark they hold nothing but
// settings, in whose place Init puts the user's.
var (
	//go:embed hooks/awsmfa.bash
	hookBash string
	//go:embed hooks/awsmfa.zsh
	hookZsh string
	//go:embed hooks/awsmfa.ksh
	hookKsh string
	//go:embed hooks/awsmfa.tcsh
	hookTcsh string
	//go:embed hooks/awsmfa.elv
	hookElvish string
	//go:embed hooks/awsmfa.xsh
	hookXonsh string
	//go:embed hooks/awsmfa.nu
	hookNu string
	//go:embed hooks/awsmfa.ps1
	hookPwsh string
	//go:embed hooks/awsmfa.fish
	hookFish string
)

// defaultUse stands in the scripts where the user's own name for it belongs.
const defaultUse = "awsmfa-use"

const hookMark = "# ---- the settings end here ----\n"

// Hook is what a shell's script is fitted with.
type Hook struct {
	Self   string        // absolute path of the program
	Use    string        // name of the command that sets a profile: a plain word
	Before time.Duration // how long before the end renewal begins
	Dir    string        // where renewals leave their outcome; it need not exist
	Names  []string      // the variables that a profile may change
	Prompt bool          // install the prompt hook too
}

// renewal is the script for sh that renews in the background, for all the
// shells: the arguments are the program, the profile, how long the session must
// last in seconds, and the file for its exit code. It is one line without "!",
// which tcsh could not carry. A variable that asks for a new session each time
// must not make one every minute.
const renewal = `umask 077; mkdir -p "${4%/*}" || exit; ` +
	`{ "$1" login --no-input --quiet --refresh=false --min-ttl "$3" -- "$2"; echo "$?" >"$4"; } </dev/null >/dev/null 2>&1 &`

// hookScript is one shell's script: how it is written down and set up.
type hookScript struct {
	text string
	// set is the form of one setting. Its words are written by literal.
	set     string
	literal func(s string) string
	list    func(names []string) string // of names, one word by default
	enable  string
	rc      string
}

func hookOf(name string) (hookScript, bool) {
	switch name {
	case "bash":
		return hookScript{hookBash, "NAME=VALUE\n", posix{name: name, ansiC: true}.QuoteWord, nil, `eval "$(awsmfa init bash)"`, "~/.bashrc"}, true
	case "zsh":
		return hookScript{hookZsh, "NAME=VALUE\n", posix{name: name, ansiC: true}.QuoteWord, nil, `eval "$(awsmfa init zsh)"`, "~/.zshrc"}, true
	case "ksh", "mksh":
		return hookScript{hookKsh, "NAME=VALUE\n", posix{name: name, ansiC: true}.QuoteWord, nil, `eval "$(awsmfa init ksh)"`, "~/." + name + "rc"}, true
	case "fish":
		return hookScript{hookFish, "set -g NAME VALUE\n", fish{}.QuoteWord, blanks, "awsmfa init fish | source", "~/.config/fish/config.fish"}, true
	case "tcsh":
		return hookScript{hookTcsh, "set NAME = VALUE\n", tcsh{}.QuoteWord, tcshList, "eval `awsmfa init tcsh`", "~/.tcshrc"}, true
	case "elvish":
		return hookScript{hookElvish, "var NAME = VALUE\n", elvish{}.quote, elvishList, "eval (awsmfa init elvish | slurp)", "~/.config/elvish/rc.elv"}, true
	case "xonsh":
		return hookScript{hookXonsh, "NAME = VALUE\n", xonshLiteral, nil, "execx($(awsmfa init xonsh))", "~/.xonshrc"}, true
	case "nu":
		return hookScript{hookNu, "const NAME = VALUE\n", nuLiteral, elvishList, "awsmfa init nu | save -f ~/.config/nushell/autoload/awsmfa.nu",
			"~/.config/nushell/autoload/awsmfa.nu"}, true
	case "pwsh":
		return hookScript{hookPwsh, "$global:NAME = VALUE\n", pwshLiteral, pwshList, "awsmfa init pwsh | Out-String | Invoke-Expression", "$PROFILE"}, true
	}
	return hookScript{}, false
}

// HookNames lists the shells that Init has a script for.
func HookNames() []string {
	var names []string
	for _, name := range Names() {
		if _, ok := hookOf(hookName(name)); ok {
			names = append(names, name)
		}
	}
	return names
}

// hookName is the dialect's own name: csh is tcsh. What is no dialect has no
// script.
func hookName(name string) string {
	if d := named(baseName(name)); d != nil {
		return d.Name()
	}
	return ""
}

// HookLine is the line that a user puts into the start-up file of a shell, and
// that file; "" for a shell without a script.
func HookLine(name string) (line, file string) {
	h, _ := hookOf(hookName(name))
	return h.enable, h.rc
}

// Init is the script for a shell: the commands that set and clear a profile,
// and a prompt hook. The error is an *UnknownError, or a *ValueError where the
// program's path cannot be written.
func Init(name string, o Hook) (string, error) {
	h, ok := hookOf(hookName(name))
	if !ok {
		return "", &UnknownError{Name: name, Names: HookNames(), Suggestion: nearest(baseName(name), HookNames())}
	}
	for _, path := range []Var{{"the program's path", o.Self}, {"the state directory", o.Dir}} {
		if reason := unfit(path.Value); reason != "" {
			return "", &ValueError{hookName(name), path.Name, reason}
		}
	}
	_, body, found := strings.Cut(h.text, hookMark)
	if !found {
		panic("the script has no mark") // a test runs each of them
	}
	return h.head() + h.settings(o) + strings.ReplaceAll(body, defaultUse, o.Use), nil
}

// head is the comment that a script begins with.
func (h hookScript) head() string {
	end := 0
	for line := range strings.Lines(h.text) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		end += len(line)
	}
	return h.text[:end]
}

func (h hookScript) settings(o Hook) string {
	prompt := ""
	if o.Prompt {
		prompt = "1"
	}
	var b strings.Builder
	for _, s := range []Var{
		{"self", h.literal(o.Self)}, {"cmd", h.literal(o.Use)}, {"before", strconv.FormatInt(int64(o.Before/time.Second), 10)},
		{"dir", h.literal(o.Dir)}, {"names", h.names(o.Names)}, {"job", h.literal(renewal)}, {"prompt", h.literal(prompt)},
	} {
		b.WriteString(strings.NewReplacer("NAME", "_awsmfa_"+s.Name, "VALUE", s.Value).Replace(h.set))
	}
	return b.String()
}

func (h hookScript) names(names []string) string {
	if h.list != nil {
		return h.list(names)
	}
	return h.literal(strings.Join(names, " "))
}

// HookSource is what a shell reads instead of the script, where that must lie
// in a file: the line that reads the file. It is "" for most shells. tcsh has no
// functions, but can read the file again, and xonsh 0.13 now and then loses the
// end of what $(...) prints, where it is more than a line.
func HookSource(name, path string) string {
	switch hookName(name) {
	case "tcsh":
		word := tcsh{}.QuoteWord(path)
		return "source " + word + " init " + word + "\n"
	case "xonsh":
		return "execx(open(" + xonshLiteral(path) + ").read())\n"
	}
	return ""
}

func tcshList(names []string) string { return "( " + blanks(names) + " )" }

func elvishList(names []string) string { return "[" + blanks(names) + "]" } // nu's too

func nuLiteral(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func pwshLiteral(s string) string {
	var b strings.Builder
	pwsh{}.quote(&b, s)
	return b.String()
}

func pwshList(names []string) string { return "@('" + strings.Join(names, "', '") + "')" }

func xonshLiteral(s string) string {
	var b strings.Builder
	xonsh{}.quote(&b, s)
	return b.String()
}

// blanks joins names for shells that have lists.
func blanks(names []string) string { return strings.Join(names, " ") }

// IsHookWord reports whether every shell takes the text as a command's name
// that a user may choose: letters, digits, "-" and "_", a letter first.
func IsHookWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isLetter(c) && (i == 0 || !isDigit(c) && c != '_' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
