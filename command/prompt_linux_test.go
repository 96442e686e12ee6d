package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// holding are the variables of a shell that holds a profile for so long.
func holding(profile string, left time.Duration) []string {
	return []string{"AWSMFA_PROFILE=" + profile, "AWSMFA_EXPIRATION=" + soon(left), "AWSMFA_OWNED=ASIAX:eu-west-1", "AWS_ACCESS_KEY_ID=ASIAX",
		"AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1"}
}

const (
	green, yellow, red, plain = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
	halfMinute                = 30 * time.Second // tests must not end with the minute
)

func TestPromptShows(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, "")
	for _, row := range []struct {
		args string
		env  []string
		want string
	}{
		{"", holding("dev", 42*time.Minute+halfMinute), green + "dev 42m" + plain},
		{"", holding("dev", 11*time.Hour+5*time.Minute+halfMinute), green + "dev 11h05m" + plain},
		{"", holding("dev", 9*time.Minute+halfMinute), yellow + "dev 9m" + plain},
		{"", holding("dev", -time.Minute), red + "dev expired" + plain},
		{"", append(holding("dev", time.Hour), "AWSMFA_EXPIRATION="), green + "dev" + plain},
		{"", nil, ""},
		{"", append(holding("dev", time.Hour), "AWS_ACCESS_KEY_ID=AKIATHEIRS"), ""},
		{"-s bash", holding("dev", -time.Minute), "\x01" + red + "\x02dev expired\x01" + plain + "\x02"},
		{"-s zsh", holding("dev", -time.Minute), "%{" + red + "%}dev expired%{" + plain + "%}"},
		{"--shell fish", holding("dev", -time.Minute), red + "dev expired" + plain},
		{"", append(holding("dev", -time.Minute), "NO_COLOR=1"), "dev expired"},
		{"", append(holding("dev", -time.Minute), "NO_COLOR=1", "FORCE_COLOR=1"), "dev expired"},
		{"", append(holding("dev", -time.Minute), "TERM=dumb"), "dev expired"},
		{"", append(holding("dev", -time.Minute), "CLICOLOR=0"), "dev expired"},
		{"", append(holding("dev", -time.Minute), "TERM=dumb", "CLICOLOR_FORCE=1"), red + "dev expired" + plain},
		{"", append(holding("dev", -time.Minute), "FORCE_COLOR=0"), "dev expired"},
		{"--format {{{profile}@{region}}}:{seconds}%", append(holding("dev", -time.Minute), "NO_COLOR=1"), "{dev@eu-west-1}:0%"},
		{"--format {region}", append(holding("dev", -time.Minute), "NO_COLOR=1", "AWS_REGION=theirs"), "theirs"},
		{"", append(holding("$(touch PWN)`touch PWN`%1{\\u}\x1b[31m!#é", -time.Minute), "NO_COLOR=1"), "?(touch PWN)?touch PWN??1??u??[31m??é expired"},
	} {
		cmd := c.command(append([]string{"prompt"}, strings.Fields(row.args)...)...)
		cmd.Env = append(cmd.Env, row.env...)
		if o := c.all([]*exec.Cmd{cmd})[0]; o.code != 0 || o.stdout != row.want || o.stderr != "" {
			t.Errorf("prompt %s %q: exit %d, %q, want %q\n%s", row.args, row.env, o.code, o.stdout, row.want, o.stderr)
		}
	}
}

func TestPromptFails(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, "")
	for _, row := range []struct{ args, says string }{
		{"--format {role}", `--format has "{role}", which is no field`},
		{"--format {profile", `--format has "{profile", which is no field`},
		{"--format profile}", `--format has "}", which is no field`},
		{"--shell nosuch", `unknown shell "nosuch"`},
		{"dev", `unexpected argument "dev"`},
	} {
		for _, env := range [][]string{nil, holding("dev", time.Hour)} {
			cmd := c.command(append([]string{"prompt"}, strings.Fields(row.args)...)...)
			cmd.Env = append(cmd.Env, env...)
			if o := c.all([]*exec.Cmd{cmd})[0]; o.code != exitUsage || o.stdout != "" || !strings.Contains(o.stderr, row.says) {
				t.Errorf("prompt %s: exit %d, %q\n%s", row.args, o.code, o.stdout, o.stderr)
			}
		}
	}
}

// hostileName is what a prompt would run, or unfold.
const hostileName = "a$(touch PWN)`touch PWN`${HOME}\\u\\$(touch PWN)%n%(?.x.y)!!"

// TestPromptRunsNothing: no shell runs a part of a profile's name, and what it
// shows is what was meant, without the marks.
func TestPromptRunsNothing(t *testing.T) {
	t.Parallel()
	c := newHooks(t)
	for _, row := range []struct{ program, script string }{
		{"bash", `eval "$(awsmfa init bash)"
p=$(awsmfa prompt -s bash); q='$(awsmfa prompt -s bash)'; r='$(awsmfa_prompt)'; s=$(awsmfa_prompt)
for x in p q r s; do v=${!x}; printf '%s\n' "${v@P}" | tr -d '\001\002'; done`},
		{"zsh", `setopt prompt_subst prompt_bang; eval "$(awsmfa init zsh)"
p=$(awsmfa prompt -s zsh); q='$(awsmfa prompt -s zsh)'; r='$(awsmfa_prompt)'; s=$(awsmfa_prompt)
for x in p q r s; do print -rP -- "${(P)x}"; done`},
		{"fish", `awsmfa init fish | source; awsmfa prompt -s fish; echo; awsmfa_prompt; echo`},
	} {
		path := need(t, row.program)
		dir := t.TempDir()
		cmd := c.detached(path, "-c", row.script)
		cmd.Dir, cmd.Env = dir, c.environ(append(holding(hostileName, 42*time.Minute+halfMinute), "TERM=xterm", "SHELL=/bin/false")...)
		o := finish(t, cmd)
		if o.code != 0 || o.stderr != "" {
			t.Errorf("%s: exit %d\n%s", row.program, o.code, o.stderr)
		}
		for line := range strings.Lines(o.stdout) {
			if !strings.HasPrefix(line, green+"a?(touch PWN)?touch PWN") || !strings.Contains(line, " 42m\x1b") || strings.Contains(line, c.home) {
				t.Errorf("%s shows %q", row.program, line)
			}
		}
		if n := strings.Count(o.stdout, "\n"); n != 4 && row.program != "fish" || n < 2 {
			t.Errorf("%s shows %d prompts:\n%q", row.program, n, o.stdout)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s ran a part of the name: %v %v", row.program, left, err)
		}
	}
}

// TestPromptSegment: the shells' own pieces say the same as the program, and
// start none.
func TestPromptSegment(t *testing.T) {
	t.Parallel()
	c := newHooks(t)
	strace := need(t, "strace")
	for _, h := range hookedShells() {
		piece, gone, twenty := "awsmfa_prompt", "awsmfa-off --hook\nawsmfa_prompt\n", ""
		if h.program != "elvish" && h.program != "xonsh" {
			twenty = h.times(20, "awsmfa_prompt >/dev/null")
		}
		switch h.program {
		case "bash", "zsh", "fish":
		case "ksh", "mksh":
			gone = "_awsmfa_off --hook\nawsmfa_prompt\n"
		case "elvish":
			piece, gone = "print (or ($ns[awsmfa_prompt~]) '')", ""
		case "xonsh":
			piece, gone = "print($PROMPT_FIELDS['awsmfa'](), end='')", "awsmfa-off --hook\nprint($PROMPT_FIELDS['awsmfa'], end='')\n"
		default:
			continue
		}
		for _, row := range []struct {
			env  []string
			want string
		}{
			{holding("dev", 42*time.Minute+halfMinute), "dev 42m"},
			{holding("it's 2", 11*time.Hour+5*time.Minute+halfMinute), "it?s 2 11h05m"},
			{holding("dev", 3*time.Hour+59*time.Minute+halfMinute), "dev 3h59m"},
			{holding("dev", time.Minute+halfMinute), "dev 1m"},
			{holding("dev", -time.Minute), "dev expired"},
			{append(holding("dev", time.Hour), "AWSMFA_EXPIRATION=a[$(touch PWN)]"), "dev"},
			{append(holding("dev", time.Hour), "AWS_ACCESS_KEY_ID=AKIATHEIRS"), ""},
			{nil, ""},
		} {
			need(t, h.program)
			dir := t.TempDir()
			log, script := filepath.Join(dir, "log"), filepath.Join(dir, "script")
			if err := os.WriteFile(script, []byte(h.load("")+twenty+piece+"\n"+gone), 0o600); err != nil {
				t.Fatal(err)
			}
			argv := append([]string{"-f", "-qq", "-o", log, "-e", "trace=execve", need(t, h.program)}, append(h.argv, script)...)
			cmd := c.detached(strace, argv...)
			cmd.Dir, cmd.Env = dir, c.environ(append(row.env, "SHELL=/bin/false")...)
			o := finish(t, cmd)
			if want := row.want; o.stdout != want || strings.Contains(o.stderr, "prompt") {
				t.Errorf("%s: %q, want %q\n%s", h.program, o.stdout, want, o.stderr)
			}
			if calls, err := os.ReadFile(log); err != nil || strings.Count(string(calls), "execve(") > 8 {
				t.Errorf("%s starts programs (%v):\n%s", h.program, err, calls)
			}
		}
	}
}
