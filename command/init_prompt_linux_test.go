package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// seat is an interactive shell with a start-up file, in front of a terminal.
type seat struct {
	program string
	before  string // in the start-up file, before our line and after it
	after   string
	argv    []string // @RC@ is the start-up file
	env     string
	rc      string // the name that it must have in the home directory, or ""
	fails   string // a line that ends with status 7
	rare    bool   // for a long run
	status  string // writes all that is known of the line before to FILE
}

func seats() []seat {
	bash := seat{program: "bash", argv: []string{"--rcfile", "@RC@", "-i"}, fails: "false | (exit 7)", status: `echo "$? ${PIPESTATUS[*]} ${!-none}" >FILE`}
	zsh := seat{program: "zsh", argv: []string{"-d", "-i"}, rc: ".zshrc", fails: "false | (exit 7)", status: "echo $? $pipestatus $! >FILE"}
	fish := seat{program: "fish", argv: []string{"--no-config", "-i", "-C", "source @RC@"}, fails: "false | sh -c 'exit 7'", status: `echo "$status $pipestatus [$last_pid]" >FILE`}
	ksh := seat{program: "ksh", argv: []string{"-i"}, env: "ENV=@RC@", fails: "(exit 7)", status: `echo "$? ${!-none}" >FILE`}
	mksh := ksh
	mksh.program = "mksh"
	with := func(s seat, before, after string) seat {
		s.before, s.after, s.rare = before, after, true
		return s
	}
	direnv := `eval "$(direnv hook bash)"`
	spy := `mine() { printf '%s\n' "$?" >>"$DUMPS/seen"; }; `
	list := []seat{
		bash, zsh, fish, ksh, mksh,
		with(bash, "PROMPT_COMMAND='true;'", ""),
		with(bash, "PROMPT_COMMAND=(true true)", ""),
		with(bash, direnv, ""), with(bash, "", direnv), with(bash, "PROMPT_COMMAND=()\n"+direnv, ""),
		with(bash, "", spy+`PROMPT_COMMAND="mine;$PROMPT_COMMAND"`), with(bash, "", spy+`PROMPT_COMMAND="$PROMPT_COMMAND"$'\n'mine`),
		with(bash, "set -u -o pipefail; trap 'echo trapped' ERR", ""), with(bash, "set -T; trap : DEBUG", "set -u"),
		with(zsh, `eval "$(direnv hook zsh)"`, ""), with(zsh, "", `eval "$(direnv hook zsh)"`),
		with(zsh, "setopt ksh_arrays no_unset sh_word_split; precmd() { : }", "trap 'echo trapped' ZERR"),
		with(fish, "direnv hook fish | source", ""), with(fish, "", "direnv hook fish | source"),
	}
	for i := range list {
		if strings.HasPrefix(list[i].before, "PROMPT_COMMAND=(true") || list[i].after == direnv {
			list[i].rare = false
		}
		if strings.Contains(list[i].before, "ksh_arrays") {
			list[i].status = "echo $? ${pipestatus[*]} $! >FILE"
		}
	}
	return append(list,
		seat{program: "tcsh", rc: ".tcshrc", fails: "sh -c 'exit 7'", status: "echo $status >FILE"},
		seat{program: "tcsh", rare: true, rc: ".tcshrc", before: "alias precmd 'echo -n'", fails: "sh -c 'exit 7'", status: "echo $status >FILE"},
		seat{program: "elvish", argv: []string{"-rc", "@RC@"}, fails: "nop", status: "echo nothing > FILE"},
		seat{program: "xonsh", rare: true, argv: []string{"--rc", "@RC@", "-i", "--shell-type=readline"}, fails: "sh -c 'exit 7'", status: "echo @($LAST_RETURN_CODE) > FILE"},
		seat{program: "nu", argv: []string{"--config", "@RC@"}, fails: "^sh -c 'exit 7'", status: "$env.LAST_EXIT_CODE | save FILE"})
}

// TestHookAtThePrompt sits in front of each shell: what a user sees and has
// while a session is good, while it is renewed, and after that.
func TestHookAtThePrompt(t *testing.T) {
	for _, s := range seats() {
		if s.rare && !long() {
			continue
		}
		t.Run(s.program+" "+s.before+" "+s.after, func(t *testing.T) {
			need(t, s.program)
			if strings.Contains(s.before+s.after, "direnv") {
				need(t, "direnv")
			}
			t.Parallel()
			s.sit(t)
		})
	}
}

// open starts the shell, and waits for it to read.
func (s seat) open(t *testing.T, c *crowd, clock string) *terminal {
	h := hooked{program: s.program}
	if s.program == "nu" {
		h.init = "source @awsmfa init nu@"
	}
	rc := filepath.Join(c.home, "rc-file")
	if s.rc != "" {
		rc = filepath.Join(c.home, s.rc)
	}
	text := c.sourced(c.home, s.before+"\n"+h.load("")+h.load("")+s.after+"\n")
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	words := []string{"unset AWSMFA_SHELL; exec env"}
	for _, kv := range c.environ("DUMPS="+c.home, "SHELL=/bin/false", "TERM=xterm", clock, strings.ReplaceAll(s.env, "@RC@", rc)) {
		if kv != "" {
			words = append(words, quoteArg(kv))
		}
	}
	for _, arg := range append([]string{need(t, s.program)}, s.argv...) {
		words = append(words, quoteArg(strings.ReplaceAll(arg, "@RC@", rc)))
	}
	return c.onTerminal(strings.Join(words, " "))
}

func (s seat) sit(t *testing.T) {
	c := newHooks(t)
	c.must("login prod")
	tm := s.open(t, c, c.advance(54*time.Minute))
	stop := make(chan struct{})
	defer close(stop)
	go tm.answerQueries(stop)
	tm.untilQuiet()
	line := func(text string) {
		tm.typeIn(text + "\r")
		switch s.program {
		case "xonsh", "nu", "elvish":
			tm.untilQuiet() // they mix up what is typed ahead, or drop it
		}
	}
	h := s.speech()
	defer func() {
		if t.Failed() {
			t.Logf("the screen shows:\n%s", tm.screen())
		}
	}()
	dump := func(name string) map[string]string {
		line("dumpenv " + name)
		c.untilFile(name)
		return readEnv(t, c.home, name)
	}
	line("awsmfa-use prod")
	first := dump("first")
	checkHolds(t, "after awsmfa-use", first, "prod", "eu-west-1")
	tm.untilQuiet()
	tm.typeIn("given up\x03")
	tm.untilQuiet() // a status of a signal has its own ways
	line(s.fails)
	line(strings.ReplaceAll(s.status, "FILE", "valid"))
	c.untilFile("valid")
	line(strings.TrimSpace(say(h.export, "AWSMFA_EXPIRATION", soon(5*time.Minute))))
	line(strings.TrimSpace(h.wait()))
	line(s.fails) // the renewed session is taken before this prompt, at the latest
	line(strings.ReplaceAll(s.status, "FILE", "renewed"))
	second := dump("second")
	checkHolds(t, "after the renewal", second, "prod", "eu-west-1")
	if first["AWS_ACCESS_KEY_ID"] == second["AWS_ACCESS_KEY_ID"] {
		t.Error("the shell has no new session")
	}
	line("awsmfa-off --hook")
	line(s.fails)
	line(strings.ReplaceAll(s.status, "FILE", "without"))
	if out := dump("out"); out["AWS_ACCESS_KEY_ID"] != "" {
		t.Error("after off there are keys")
	}
	without := readStatus(t, c, "without")
	if !strings.Contains(without, "7") && s.fails != "nop" {
		t.Fatalf("without a hook the status is %q: the test shows nothing", without)
	}
	for _, name := range []string{"valid", "renewed"} {
		if got := readStatus(t, c, name); got != without {
			t.Errorf("%s: status %q, without a hook it is %q", name, got, without)
		}
	}
	tm.untilQuiet()
	s.checkScreen(t, c, strings.ReplaceAll(tm.screen(), strings.TrimSpace(h.wait()), ""))
}

func readStatus(t *testing.T, c *crowd, name string) string {
	t.Helper()
	c.untilFile(name)
	text, err := os.ReadFile(filepath.Join(c.home, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func (s seat) speech() hooked {
	for _, h := range hookedShells() {
		if h.program == s.program {
			return h
		}
	}
	return hooked{}
}

// checkScreen: nobody has said anything, neither we nor the job control, and
// what another hook has seen is the status of the user's own line.
func (s seat) checkScreen(t *testing.T, c *crowd, screen string) {
	for _, word := range []string{"awsmfa:", "[1]", "Done", "not found", "rror", "unbound", "_awsmfa"} {
		if strings.Contains(screen, word) {
			t.Errorf("%q is on the screen:\n%s", word, screen)
		}
	}
	// With the hook good, with the hook at work, and without it.
	if n := strings.Count(screen, "trapped\r\n"); n%3 != 0 || n == 0 && strings.Contains(s.before, "ERR") {
		t.Errorf("the trap on ERR went off %d times:\n%s", n, screen)
	}
	if !strings.Contains(s.after, "mine") {
		return
	}
	if seen, _ := os.ReadFile(filepath.Join(c.home, "seen")); strings.Count(string(seen), "7\n") != 3 {
		t.Errorf("another hook has seen the status %q", seen)
	}
}
