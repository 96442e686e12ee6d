package shell

import "strings"

// cmdLineLimit keeps a line under the 8191 characters that cmd.exe takes.
const cmdLineLimit = 8000

// cmd is the Windows command interpreter. The "for" that reads its text runs
// each line as one command, after operators and % were looked for: a line
// can hold neither "&" nor ">". No quoting there is safe, so a value outside
// the plain ASCII class is refused. In a batch file the % of Eval is doubled.
type cmd struct{}

func (cmd) Name() string { return "cmd" }

func (c cmd) Statements(unset []string, set []Var) (string, error) {
	if err := checkAll(c.Name(), unset, set, cmdRefusal); err != nil {
		return "", err
	}
	var b strings.Builder
	c.set(&b, unset, set)
	// "set" of a missing variable to nothing may leave an ERRORLEVEL of 1;
	// "cd" always clears it.
	b.WriteString("cd .\n")
	return b.String(), nil
}

func cmdRefusal(value string) string {
	switch {
	case !isPlainASCII(value) || strings.Contains(value, "%"):
		return "cmd.exe has no safe quoting for the value's characters"
	case value == "":
		return "cmd.exe has no empty variables"
	case len(value) > cmdLineLimit:
		return "the value is longer than a line of cmd.exe"
	}
	return ""
}

func (cmd) set(b *strings.Builder, unset []string, set []Var) {
	for _, name := range unset {
		b.WriteString(`set "` + name + "=\"\n")
	}
	for _, v := range set {
		b.WriteString(`set "` + v.Name + "=" + v.Value + "\"\n")
	}
}

// Failure ends in a child that fails, the only command that sets ERRORLEVEL
// without printing or ending the user's shell. /d keeps AutoRun out of it.
func (c cmd) Failure(unset []string) string {
	var b strings.Builder
	c.set(&b, plainNames(unset), nil)
	b.WriteString("cmd /d /c exit 1\n")
	return b.String()
}

func (cmd) Eval(command string) string {
	return `for /f "delims=" %i in ('` + command + `') do @%i`
}

// QuoteWord leaves out the double quote: no name on Windows holds one, and no
// way to write it means the same to cmd.exe and to the program it starts.
func (cmd) QuoteWord(s string) string {
	if isBareWord(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, "") + `"`
}
