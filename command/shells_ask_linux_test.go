package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awsmfa/shell"
)

// TestShellsAsk sits at a terminal in front of interactive shells: job control
// must not take the terminal away from the prompt for the code, and ^C at the
// prompt ends that and no more. ^Z must not stop what the shell itself reads: some of
// them would wait for good.
func TestShellsAsk(t *testing.T) {
	for _, i := range []interpreter{
		{program: "dash", argv: []string{"-i"}},
		{program: "bash", argv: []string{"--norc", "-i"}},
		{program: "bash", argv: []string{"--norc", "-i"}, eval: "source <(CMD)"},
		{program: "zsh", argv: []string{"-f", "-i"}},
		{program: "ksh", argv: []string{"-i"}},
		{program: "mksh", argv: []string{"-i"}},
		{program: "yash", argv: []string{"-i"}},
		{program: "busybox", argv: []string{"sh", "-i"}},
		{program: "fish", argv: []string{"--no-config", "-i"}},
		{program: "tcsh", argv: []string{"-f"}},
		{program: "elvish", argv: []string{"-norc"}},
		{program: "xonsh", argv: []string{"--no-rc", "-i", "--shell-type=readline"}},
		{program: "nu", argv: []string{"-n"}},
	} {
		t.Run(i.program+" "+i.eval, func(t *testing.T) {
			path := need(t, i.program)
			t.Parallel()
			d, err := shell.Lookup(i.program)
			if err != nil {
				t.Fatal(err)
			}
			askIn(t, append([]string{path}, i.argv...), strings.TrimSpace(i.fill(d, "@EVAL awsmfa env dev@")))
		})
	}
}

func askIn(t *testing.T, argv []string, line string) {
	c := newCold(t)
	words := []string{"unset AWSMFA_SHELL; exec env"}
	for _, kv := range c.environ("DUMPS="+c.home, "SHELL=/bin/false", "TERM=xterm") {
		words = append(words, quoteArg(kv))
	}
	for _, arg := range argv {
		words = append(words, quoteArg(arg))
	}
	tm := c.onTerminal(strings.Join(words, " "))
	stop := make(chan struct{})
	defer close(stop)
	go tm.answerQueries(stop)
	tm.untilQuiet()
	tm.typeIn(line + "\r")
	tm.untilTimes(prompt+" (", 1)
	tm.typeIn("12\x03") // no, not now
	tm.untilQuiet()
	tm.typeIn(line + "\r")
	tm.untilTimes(prompt+" (", 2)
	if program := filepath.Base(argv[0]); program != "xonsh" && program != "ksh" {
		tm.typeIn("\x1a") // the former gives the key itself, the latter gives up the line
		tm.untilQuiet()
	}
	tm.typeIn(c.user.NextCode() + "\r")
	tm.untilQuiet()
	tm.typeIn("dumpenv held\r")
	c.untilFile("held")
	checkHolds(t, "after the answer", readEnv(t, c.home, "held"), "dev", "eu-west-1")
	c.calls("GetSessionToken", 1)
	if t.Failed() {
		t.Logf("the screen shows:\n%s", tm.screen())
	}
}

// answerQueries is the terminal's part: some line editors ask where the cursor
// is, and what kind of terminal this is, before they do anything.
func (tm *terminal) answerQueries(stop <-chan struct{}) {
	cursor, kind := 0, 0
	for {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
		screen := tm.screen()
		for ; cursor < strings.Count(screen, "\x1b[6n"); cursor++ {
			tm.master.WriteString("\x1b[1;1R")
		}
		for ; kind < strings.Count(screen, "\x1b[c")+strings.Count(screen, "\x1b[0c"); kind++ {
			tm.master.WriteString("\x1b[?62;c")
		}
	}
}

// untilTimes waits until a text has come n times.
func (tm *terminal) untilTimes(text string, n int) {
	tm.t.Helper()
	for deadline := time.Now().Add(testPatience); strings.Count(tm.screen(), text) < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			tm.t.Fatalf("%q did not come %d times; the screen shows:\n%s", text, n, tm.screen())
		}
	}
}

// untilQuiet waits for something on the screen, and then for the shell to
// have no more to say: it shows its prompt and reads.
func (tm *terminal) untilQuiet() {
	tm.t.Helper()
	deadline := time.Now().Add(testPatience)
	for since, before := time.Now(), ""; time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if now := tm.screen(); now != before {
			since, before = time.Now(), now
		} else if now != "" && time.Since(since) > 300*time.Millisecond {
			return
		}
	}
	tm.t.Fatalf("the screen never rests:\n%s", tm.screen())
}

// TestDirenv: the line in an .envrc, under the real direnv.
func TestDirenv(t *testing.T) {
	direnv := need(t, "direnv")
	need(t, "bash")
	t.Parallel()
	c := newShells(t)
	for _, line := range []string{"eval $(awsmfa env dev)", `eval "$(awsmfa env dev)"`, "source <(awsmfa env dev)"} {
		dir := c.envrc(t, direnv, line+"\n")
		cmd := c.detached(direnv, "exec", dir, "dumpenv", "in")
		cmd.Dir, cmd.Env = dir, append(cmd.Env, "DUMPS="+dir, "AWS_PROFILE=gone", "SHELL=/bin/fish")
		note := `awsmfa: profile "dev" from the argument, not "gone" from AWS_PROFILE` + "\n"
		if o := finish(t, cmd); o.code != 0 || strings.Contains(strings.Replace(o.stderr, note, "", 1), "awsmfa:") {
			t.Fatalf("%s: exit %d\n%s", line, o.code, o.stderr)
		}
		in := readEnv(t, dir, "in")
		checkHolds(t, line, in, "dev", "eu-west-1")
		if _, ok := in["AWS_PROFILE"]; ok {
			t.Errorf("%s: AWS_PROFILE stays", line)
		}
	}
	dir := c.envrc(t, direnv, "eval $(awsmfa env nosuch) || log_error 'no session'\nexport AFTER=1\n")
	cmd := c.detached(direnv, "exec", dir, "dumpenv", "in")
	cmd.Dir, cmd.Env = dir, append(cmd.Env, "DUMPS="+dir)
	o := finish(t, cmd)
	in := readEnv(t, dir, "in")
	if !strings.Contains(o.stderr, "no session") || in["AWS_ACCESS_KEY_ID"] != "" || in["AFTER"] != "1" {
		t.Errorf("a failure is not seen in .envrc:\n%s", o.stderr)
	}
}

// envrc makes a directory with an .envrc that is allowed.
func (c *crowd) envrc(t *testing.T, direnv, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".envrc"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := finish(t, c.detached(direnv, "allow", dir)); o.code != 0 {
		t.Fatalf("direnv allow: %s", o.stderr)
	}
	return dir
}

// TestDetectionFromAfar: programs may stand between the shell and awsmfa, and
// what stands nearest is what reads.
func TestDetectionFromAfar(t *testing.T) {
	t.Parallel()
	c := newShells(t)
	odd := shell.Var{Name: "AWSMFA_PROFILE", Value: oddProfile}
	for _, script := range []struct{ program, flag, text, dialect string }{
		{"bash", "-c", `nice env awsmfa env "$ODD"; :`, "bash"},
		{"bash", "-c", `(awsmfa env "$ODD" | cat); :`, "bash"},
		{"dash", "-c", `bash -c 'awsmfa env "$ODD"; :'; :`, "bash"},
		{"bash", "-c", `dash -c 'awsmfa env "$ODD"; :'; :`, "dash"},
		{"bash", "-c", `sh -c 'awsmfa env "$ODD"; :'; :`, "sh"},
		{"bash", "-c", `xargs -I@ awsmfa env @ -s fish <<<'"'"$ODD"'"'; :`, "fish"},
		{"fish", "-c", `awsmfa env $ODD | cat; true`, "fish"},
		{"fish", "-c", `zsh -fc 'awsmfa env $ODD; :'; true`, "zsh"},
		{"tcsh", "-fc", `awsmfa env "$ODD" | cat; echo -n`, "tcsh"},
	} {
		t.Run(script.dialect+" "+script.text, func(t *testing.T) {
			cmd := c.detached(need(t, script.program), script.flag, script.text)
			cmd.Env = append(cmd.Env, "ODD="+oddProfile, "SHELL=/usr/bin/nu")
			o := finish(t, cmd)
			d, err := shell.Lookup(script.dialect)
			if err != nil {
				t.Fatal(err)
			}
			want, err := d.Statements(nil, []shell.Var{odd})
			if err != nil {
				t.Fatal(err)
			}
			want = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(want), "export "), "true;")
			if o.code != 0 || !strings.Contains(o.stdout, strings.TrimRight(want, "; ")) || strings.Count(o.stdout, "\n") != 1 {
				t.Errorf("exit %d, want %s with %q in:\n%s%s", o.code, script.dialect, want, o.stdout, o.stderr)
			}
		})
	}
}
