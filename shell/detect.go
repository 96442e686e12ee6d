package shell

import "strings"

// maxAncestors bounds the walk: deep enough for sudo, make and a wrapper or
// two, not so deep that it reaches the session's start-up scripts.
const maxAncestors = 8

// Process is one running process: the name of its program file (a shell's own
// name where it is one, see ParentProcess) and its parent's id.
type Process struct {
	Name   string
	Parent int
}

// Detect finds the shell that will read what is printed: the nearest known
// shell among the ancestors, else the one that awsmfaShell names, else the
// user's login shell, else sh. Programs between (sudo, make) are walked past.
func Detect(ppid int, process func(pid int) (Process, bool), awsmfaShell, shellVar string) Dialect {
	pid := ppid
	for range maxAncestors {
		// In a container the shell may be process 1 itself.
		if pid <= 0 {
			break
		}
		p, ok := process(pid)
		if !ok {
			break
		}
		// Elsewhere than on Windows "cmd" is what many a program is called.
		if d := running(p.Name); d != nil && !strings.EqualFold(p.Name, "cmd") {
			return d
		}
		if p.Parent == pid {
			break
		}
		pid = p.Parent
	}
	for _, name := range []string{awsmfaShell, shellVar} {
		if d := running(name); d != nil {
			return d
		}
	}
	return posix{name: "sh"}
}

// running gives the dialect for the name of a program file, which may be
// restricted ("rbash"), carry a version ("ksh93", "zsh-5.9") or be one of the
// lesser shells. What may lack $'…' is taken for sh.
func running(program string) Dialect {
	name := baseName(program)
	if d := named(name); d != nil {
		return d
	}
	name = strings.TrimRight(name, "0123456789.-_+")
	switch name {
	case "rbash", "rzsh", "rksh":
		name = name[1:]
	case "lksh":
		name = "mksh"
	case "ksh93u", "rksh93u":
		name = "ksh"
	case "bsd-csh":
		name = "csh"
	case "pwsh-preview", "pwsh-lts":
		name = "pwsh"
	case "posh", "pdksh", "oksh", "loksh", "hush", "osh":
		name = "sh"
	}
	return named(name)
}

// programName tells what a process runs from what the system knows of it: its
// arguments, its short name and its executable (any may be missing).
//
// The first argument comes first, because a script's short name is the
// script's own; a known name there is believed, "sh" too, although it may
// really be dash or bash: text for sh suits them all.
func programName(argv []string, comm, executable string) string {
	first := ""
	if len(argv) > 0 {
		first = argv[0]
	}
	if title, _, ok := strings.Cut(first, " "); ok && len(argv) == 1 && running(title) != nil {
		return baseName(title) // xonsh joins its arguments to a title of its own
	}
	switch base := baseName(first); {
	case base == "busybox":
		return busyboxApplet(argv[1:])
	case strings.HasPrefix(base, "python") || strings.HasPrefix(base, "pypy"):
		if isXonsh(argv[1:]) || comm == "xonsh" {
			return "xonsh"
		}
		return base
	case running(base) != nil:
		return base
	}
	// A process may have changed its first argument: su starts "-su".
	for _, name := range []string{comm, executable} {
		// busybox under another name is the applet of that name, no shell.
		if base := baseName(name); base != "busybox" && running(base) != nil {
			return base
		}
	}
	if first != "" {
		return baseName(first)
	}
	return comm
}

// busyboxApplet is "busybox" when the applet is the shell, else the applet.
func busyboxApplet(args []string) string {
	if len(args) == 0 {
		return ""
	}
	if args[0] == "sh" || args[0] == "ash" {
		return "busybox"
	}
	return "busybox " + args[0]
}

// isXonsh looks for xonsh among the arguments of a Python: the script, or the
// module after -m. Options before it may take a value only as -X and -W do.
func isXonsh(args []string) bool {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-X" || arg == "-W":
			i++
		case arg == "-m":
			return i+1 < len(args) && (args[i+1] == "xonsh" || strings.HasPrefix(args[i+1], "xonsh."))
		case arg == "-c":
			return false
		case !strings.HasPrefix(arg, "-"):
			base := baseName(arg)
			return base == "xonsh" || base == ".xonsh-wrapped" || base == "xonsh-script.py"
		}
	}
	return false
}
