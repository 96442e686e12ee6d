package shell

import (
	"testing"
)

// processes is a table of processes, from the parent of awsmfa upwards.
func processes(names ...string) func(int) (Process, bool) {
	return func(pid int) (Process, bool) {
		i := pid - 100
		if i < 0 || i >= len(names) {
			return Process{}, false
		}
		return Process{names[i], pid + 1}, true
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		ancestors               []string
		awsmfaShell, shell, got string
	}{
		{[]string{"bash"}, "fish", "/bin/zsh", "bash"},
		{[]string{"-bash"}, "", "", "bash"},
		{[]string{"-zsh", "login"}, "", "/bin/bash", "zsh"},
		{[]string{"bash.exe", "explorer.exe"}, "", "", "bash"},
		{[]string{"PowerShell.EXE"}, "", "", "pwsh"},
		{[]string{"pwsh"}, "", "", "pwsh"},
		{[]string{"cmd.exe"}, "", "", "cmd"},
		{[]string{"cmd", "fish"}, "", "", "fish"}, // on Unix any program may be called cmd
		{[]string{"ksh93"}, "", "", "ksh"},
		{[]string{"rbash"}, "", "", "bash"},
		{[]string{"zsh-5.9"}, "", "", "zsh"},
		{[]string{"lksh"}, "", "", "mksh"},
		{[]string{"bsd-csh"}, "", "", "tcsh"},
		{[]string{"posh"}, "", "", "sh"},
		{[]string{"pdksh"}, "", "", "sh"},
		{[]string{"sh"}, "", "/bin/bash", "sh"},
		{[]string{"make", "fish"}, "", "", "fish"},
		{[]string{"sudo", "go", "terraform", "elvish", "bash"}, "", "", "elvish"},
		{[]string{"direnv", "bash", "fish"}, "", "", "bash"},
		{[]string{"1", "2", "3", "4", "5", "6", "7", "bash"}, "", "", "bash"},
		{[]string{"1", "2", "3", "4", "5", "6", "7", "8", "bash"}, "", "/usr/bin/fish", "fish"},
		{nil, "nu", "/bin/zsh", "nu"},
		{nil, "klingon", "/bin/zsh", "zsh"},
		{nil, "klingon", "/usr/sbin/nologin", "sh"},
		{nil, "", "", "sh"},
		{[]string{"sshd", "systemd"}, "", "/usr/local/bin/xonsh", "xonsh"},
		{[]string{"busybox xargs"}, "", "/bin/ash", "ash"},
		{[]string{""}, "", "tcsh", "tcsh"},
	} {
		if got := Detect(100, processes(c.ancestors...), c.awsmfaShell, c.shell).Name(); got != c.got {
			t.Errorf("%q, AWSMFA_SHELL %q, SHELL %q: %s, want %s", c.ancestors, c.awsmfaShell, c.shell, got, c.got)
		}
	}
}

// TestDetectEnds: process tables may lie; the walk ends anyway.
func TestDetectEnds(t *testing.T) {
	asked := 0
	loop := func(pid int) (Process, bool) { asked++; return Process{"x", 300 - pid}, true }
	self := func(pid int) (Process, bool) { asked++; return Process{"x", pid}, true }
	zero := func(pid int) (Process, bool) { asked++; return Process{"x", 0}, true }
	for _, c := range []struct {
		process func(int) (Process, bool)
		asked   int
	}{{loop, 8}, {self, 1}, {zero, 1}} {
		asked = 0
		if got := Detect(100, c.process, "", "fish").Name(); got != "fish" || asked != c.asked {
			t.Errorf("%s after %d questions, want fish after %d", got, asked, c.asked)
		}
	}
	one := func(pid int) (Process, bool) { return Process{"bash", 0}, pid == 1 }
	if got := Detect(1, one, "", "fish").Name(); got != "bash" {
		t.Errorf("the shell that is process 1 is taken for %s", got)
	}
}

func TestProgramName(t *testing.T) {
	for _, c := range []struct {
		argv             []string
		comm, executable string
		want             string
	}{
		{[]string{"-bash"}, "bash", "/usr/bin/bash", "bash"},
		{[]string{"/bin/bash", "./deploy.sh"}, "deploy.sh", "/usr/bin/bash", "bash"},
		{[]string{"/bin/sh", "./fish"}, "fish", "/usr/bin/dash", "sh"},
		{[]string{"sh"}, "sh", "/usr/bin/bash", "sh"},
		{[]string{"-su"}, "bash", "/usr/bin/bash", "bash"},
		{[]string{"odd name"}, "odd name", "/usr/bin/zsh", "zsh"},
		{nil, "bash", "", "bash"},
		{nil, "", "/usr/bin/fish", "fish"},
		{[]string{"busybox", "sh"}, "busybox", "/bin/busybox", "busybox"},
		{[]string{"/bin/busybox", "ash", "-c", "x"}, "busybox", "/bin/busybox", "busybox"},
		{[]string{"busybox", "xargs", "awsmfa"}, "busybox", "/bin/busybox", "busybox xargs"},
		{[]string{"busybox"}, "busybox", "/bin/busybox", ""},
		{[]string{"/bin/xargs", "awsmfa"}, "xargs", "/bin/busybox", "xargs"},
		{[]string{"-ash"}, "ash", "/bin/busybox", "ash"},
		{[]string{"/usr/bin/python3", "/usr/bin/xonsh"}, "xonsh", "/usr/bin/python3.11", "xonsh"},
		{[]string{"python3", "-m", "xonsh"}, "python3", "", "xonsh"},
		{[]string{"python3", "-m", "xonsh.main", "x"}, "python3", "", "xonsh"},
		{[]string{"python3", "-u", "-X", "dev", "/opt/bin/xonsh", "--no-rc"}, "python3", "", "xonsh"},
		{[]string{"python3", "-c", "xonsh"}, "python3", "", "python3"},
		{[]string{"python3", "-m"}, "python3", "", "python3"},
		{[]string{"python3", "app.py", "xonsh"}, "python3", "", "python3"},
		{[]string{"python3"}, "python3", "/usr/bin/python3", "python3"},
		{[]string{"xonsh"}, "xonsh", "/usr/bin/python3.11", "xonsh"},
		{[]string{"xonsh --no-rc -c x"}, "xonsh --no-rc -", "/usr/bin/python3.11", "xonsh"},
		{[]string{"sshd: me [priv]"}, "sshd", "/usr/sbin/sshd", "sshd: me [priv]"},
		{[]string{"make", "-j2"}, "make", "/usr/bin/make", "make"},
		{[]string{""}, "kthreadd", "", "kthreadd"},
		{[]string{"/opt/microsoft/powershell/7/pwsh"}, "pwsh", "", "pwsh"},
	} {
		if got := programName(c.argv, c.comm, c.executable); got != c.want {
			t.Errorf("programName(%q, %q, %q) = %q, want %q", c.argv, c.comm, c.executable, got, c.want)
		}
	}
}
