package command

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"awsmfa/completions"
	"awsmfa/internal/pty"
)

// The tests here sit at a terminal in front of the real shells, type, press
// Tab, and look at the words that the command gets when the line is run.

// oddNames are profiles whose names a shell would run, split or expand.
const oddNames = `[default]
region = eu-west-1
[profile dev]
mfa_serial = arn:aws:iam::111122223333:mfa/alice
region = eu-central-1
[profile deploy]
role_arn = arn:aws:iam::444455556666:role/Deploy
source_profile = dev
[profile my prod]
[profile it's]
[profile semi;touch PWN]
[profile sub$(touch PWN)]
[profile tick` + "`touch PWN`" + `]
[profile $(touch PWN)]
[profile -x]
[profile quo"te]
[profile st*r]
[profile =ls]
[profile co:lon]
[profile pipe|touch PWN]
[profile amp&touch PWN]
[profile bang!x]
[profile ümlaut größe]
[profile 日本]
[profile #hash]
[profile brace{b,c}]
[profile br[ab]]
[profile ques?]
[profile back\\slash]
[profile dollar$HOME]
[profile "it's, \"both\""]
[profile less<PWN]
[profile greater>PWN]
[profile ~root]
[profile (paren)]
[profile @at]
[profile per%cent]
[profile ca^ret]
[profile equ=al]
[profile comma,]
[profile last!]
[profile "one'1'"]
[profile evil` + "\x1b[31m" + `]
`

// tabs is one shell at a terminal with the completions in it.
type tabs struct {
	t         *testing.T
	home, cwd string
	master    *os.File
	mu        sync.Mutex
	shown     strings.Builder
	accept    string // what takes the candidate that a menu shows
}

// tabShell is how a shell is started, and what it reads first.
type tabShell struct {
	name    string // of the completions
	program string
	argv    []string
	setup   string // COMPLETION is the script's path, REAL that of awsmfa itself
	inits   bool   // the setup runs "awsmfa init"
	accept  string // takes the candidate that a menu shows, "" where there is none for a single one
}

// newTabs starts a shell whose awsmfa writes down its arguments.
func newTabs(t *testing.T, s tabShell) *tabs {
	t.Helper()
	path := need(t, s.program)
	w := &tabs{t: t, home: t.TempDir(), cwd: t.TempDir(), accept: s.accept}
	self, err := os.Executable()
	must(t, err)
	bin := filepath.Join(w.home, "bin")
	must(t, os.MkdirAll(bin, 0o700))
	must(t, os.Mkdir(filepath.Join(w.home, ".aws"), 0o700))
	must(t, os.WriteFile(filepath.Join(w.home, ".aws", "config"), []byte(oddNames), 0o600))
	must(t, os.Mkdir(filepath.Join(w.home, "real"), 0o700))
	must(t, os.Symlink(self, filepath.Join(w.home, "real", "awsmfa")))
	real := "__complete"
	if s.inits {
		real += " | completion | init"
	}
	stub := "#!/bin/sh\ncase $1 in " + real + ") exec \"" + w.home + "/real/awsmfa\" \"$@\" ;; esac\n" +
		"{ [ $# = 0 ] || printf '%s\\0' \"$@\"; } >\"" + w.home + "/argv.new\"; mv \"" + w.home + "/argv.new\" \"" + w.home + "/argv\"\n"
	for _, name := range []string{"awsmfa", "awsmfa-use"} {
		must(t, os.WriteFile(filepath.Join(bin, name), []byte(stub), 0o700))
	}
	script := filepath.Join(w.home, completions.File(s.name))
	must(t, os.WriteFile(script, []byte(completions.Script(s.name)), 0o600))
	for _, name := range []string{"picture.png", "a file"} {
		must(t, os.WriteFile(filepath.Join(w.cwd, name), nil, 0o600))
	}
	w.start(path, s)
	w.untilQuiet() // some shells throw away what was typed before
	w.typeIn(strings.NewReplacer("COMPLETION", script, "REAL", filepath.Join(w.home, "real", "awsmfa")).Replace(s.setup) + "\r")
	w.typeIn("awsmfa ready\r")
	if got := w.argv(); !slices.Equal(got, []string{"ready"}) {
		t.Fatalf("the shell is not ready: %q", got)
	}
	return w
}

func (w *tabs) start(path string, s tabShell) {
	master, tty, err := pty.Open(50, 200)
	must(w.t, err)
	cmd := exec.Command(path, s.argv...)
	cmd.Dir = w.cwd
	cmd.Env = []string{"HOME=" + w.home, "PATH=" + filepath.Join(w.home, "bin") + ":" + os.Getenv("PATH"), "TERM=xterm", "LC_ALL=C.UTF-8",
		"XDG_CONFIG_HOME=" + w.home, "XDG_DATA_HOME=" + w.home, "XDG_CACHE_HOME=" + w.home, "ZDOTDIR=" + w.home, quickExit}
	pty.Control(cmd, tty)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	must(w.t, cmd.Start())
	tty.Close()
	w.master = master
	go w.drain()
	w.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		master.Close()
		if w.t.Failed() {
			w.t.Logf("the screen shows:\n%s", w.screen())
		}
		if found, _ := filepath.Glob(filepath.Join(w.cwd, "PWN*")); len(found) > 0 {
			w.t.Error("something of a profile's name was run")
		}
	})
}

// drain reads the screen, and answers what line editors ask the terminal.
func (w *tabs) drain() {
	buf := make([]byte, 4096)
	for {
		n, err := w.master.Read(buf)
		w.mu.Lock()
		w.shown.Write(buf[:n])
		w.mu.Unlock()
		for range bytes.Count(buf[:n], []byte("\x1b[6n")) {
			w.master.WriteString("\x1b[1;1R")
		}
		for range bytes.Count(buf[:n], []byte("\x1b[c")) + bytes.Count(buf[:n], []byte("\x1b[0c")) {
			w.master.WriteString("\x1b[?62;c")
		}
		if err != nil {
			return
		}
	}
}

func (w *tabs) screen() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown.String()
}

func (w *tabs) typeIn(text string) {
	w.t.Helper()
	if _, err := w.master.WriteString(text); err != nil {
		w.t.Fatal(err)
	}
}

func (w *tabs) untilQuiet() {
	w.t.Helper()
	deadline := time.Now().Add(testPatience)
	for since, before := time.Now(), ""; time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if now := w.screen(); now != before {
			since, before = time.Now(), now
		} else if now != "" && time.Since(since) > 300*time.Millisecond {
			return
		}
	}
	w.t.Fatalf("the screen never rests:\n%s", w.screen())
}

// argv waits for the command to have been run.
func (w *tabs) argv() []string {
	w.t.Helper()
	path := filepath.Join(w.home, "argv")
	for deadline := time.Now().Add(testPatience); ; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil {
			must(w.t, os.Remove(path))
			return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the command was not run; the screen shows:\n%s", w.screen())
		}
	}
}

// tabCase is what is typed, with a Tab at its end, and what the command gets.
type tabCase struct {
	typed string
	want  []string
}

func (w *tabs) check(cases []tabCase) {
	w.t.Helper()
	for _, word := range []string{"$(touch PWN)", "`touch PWN`", "(touch PWN)", "x;touch PWN;"} {
		w.typeIn("awsmfa env " + word + " --she\t\x15") // and the line is cleared
	}
	slices.SortFunc(cases, func(a, b tabCase) int { return strings.Compare(a.typed, b.typed) })
	for _, c := range cases {
		w.typeIn(c.typed + "\t" + w.accept + "END\r")
		got := w.argv()
		want := slices.Clone(c.want)
		// What is typed behind a Tab stands behind a blank, or goes on with the word.
		if n := len(got); n > 0 && got[n-1] == "END" {
			got = got[:n-1]
		} else if n > 0 {
			got[n-1] = strings.TrimSuffix(got[n-1], "END")
		}
		if !slices.Equal(got, want) {
			w.t.Errorf("%q and Tab give %q, want %q", c.typed, got, want)
		}
	}
}

// commonTabs hold in every shell: what is typed needs no quotes.
func commonTabs() []tabCase {
	cases := []tabCase{
		{"awsmfa en", []string{"env"}},
		{"awsmfa completi", []string{"completion"}},
		{"awsmfa to", []string{"totp"}},
		{"awsmfa totp a", []string{"totp", "add"}},
		{"awsmfa device en", []string{"device", "enroll"}},
		{"awsmfa cod", []string{"code"}},
		{"awsmfa help totp migr", []string{"help", "totp", "migrate"}},
		{"awsmfa init zs", []string{"init", "zsh"}},
		{"awsmfa completion elv", []string{"completion", "elvish"}},
		{"awsmfa env --she", []string{"env", "--shell"}},
		{"awsmfa env --shell fi", []string{"env", "--shell", "fish"}},
		{"awsmfa env -s fi", []string{"env", "-s", "fish"}},
		{"awsmfa env --shell=fi", []string{"env", "--shell=fish"}},
		{"awsmfa env dev --output dot", []string{"env", "dev", "--output", "dotenv"}},
		{"awsmfa totp migrate --to key", []string{"totp", "migrate", "--to", "keyring"}},
		{"awsmfa env --region eu-c", []string{"env", "--region", "eu-central-1"}},
		{"awsmfa env --region=ap-northeast", []string{"env", "--region=ap-northeast-1"}},
		{"awsmfa env --mfa-serial arn", []string{"env", "--mfa-serial", "arn:aws:iam::111122223333:mfa/alice"}},
		{"awsmfa env --mfa-serial=arn:aws:iam::11", []string{"env", "--mfa-serial=arn:aws:iam::111122223333:mfa/alice"}},
		{"awsmfa totp code arn:aws:i", []string{"totp", "code", "arn:aws:iam::111122223333:mfa/alice"}},
		{"awsmfa totp add --qr pict", []string{"totp", "add", "--qr", "picture.png"}},
		{"awsmfa totp add --file a", []string{"totp", "add", "--file", "a file"}},
		{"awsmfa --quiet status depl", []string{"--quiet", "status", "deploy"}},
		{"awsmfa env --profile depl", []string{"env", "--profile", "deploy"}},
		{"awsmfa env --profile=my", []string{"env", "--profile=my prod"}},
		{"awsmfa env --profile=co:", []string{"env", "--profile=co:lon"}},
		{"awsmfa env --profile=-", []string{"env", "--profile=-x"}},
		{"awsmfa env --profile", []string{"env", "--profile"}}, // or --profile=-x
		{"awsmfa exec dev ", []string{"exec", "dev", "--"}},
		{"awsmfa exec dev -- awsmfa env --she", []string{"exec", "dev", "--", "awsmfa", "env", "--shell"}},
	}
	for begin, name := range map[string]string{
		"my": "my prod", "semi": "semi;touch PWN", "sub": "sub$(touch PWN)", "tick": "tick`touch PWN`", "quo": `quo"te`, "st": "st*r",
		"co:": "co:lon", "pipe": "pipe|touch PWN", "amp": "amp&touch PWN", "bang": "bang!x", "üm": "ümlaut größe", "日": "日本",
		"brace": "brace{b,c}", "ques": "ques?", "back": `back\slash`, "dollar": "dollar$HOME", "less": "less<PWN", "greater": "greater>PWN",
		"@": "@at", "per": "per%cent", "ca": "ca^ret", "equ": "equ=al", "comma": "comma,",
	} {
		cases = append(cases, tabCase{"awsmfa env " + begin, []string{"env", name}})
	}
	return cases
}

func bashShell(setup string) tabShell {
	return tabShell{name: "bash", program: "bash", argv: []string{"--norc", "-i"}, setup: "bind 'set bell-style none'; bind 'set completion-query-items 0'; " + setup}
}

func bashTabs() []tabCase {
	var cases []tabCase
	for typed, name := range map[string]string{
		`\$`: "$(touch PWN)", `'$`: "$(touch PWN)", `"\$`: "$(touch PWN)", `my\ `: "my prod", `'my `: "my prod", `"my p`: "my prod", `$'my p`: "my prod",
		`=`: "=ls", `\=l`: "=ls", `\~`: "~root", `\#`: "#hash", `\(`: "(paren)", `it\'s\,`: `it's, "both"`, `"it's,`: `it's, "both"`, `'sub$`: "sub$(touch PWN)",
		`"quo`: `quo"te`, `'quo`: `quo"te`, `"bang`: "bang!x", `'bang`: "bang!x", `"tick`: "tick`touch PWN`", `"back`: `back\slash`, `br\[`: "br[ab]", `-- -`: "-x",
		`co\:`: "co:lon", `'co:`: "co:lon", `"co:l`: "co:lon", `m"y p`: "my prod",
		`"las`: "last!", `'las`: "last!", `las`: "last!", `'one`: "one'1'", `"one`: "one'1'", `$'one`: "one'1'", `one`: "one'1'",
	} {
		want := []string{"env", name}
		if typed == `-- -` {
			want = []string{"env", "--", name}
		}
		cases = append(cases, tabCase{"awsmfa env " + typed, want})
	}
	return append(cases,
		tabCase{"FOO=1 awsmfa env de >/dev/null --she", []string{"env", "de", "--shell"}},
		tabCase{"true; awsmfa env --shell fi", []string{"env", "--shell", "fish"}},
		tabCase{"awsmfa env >pict", []string{"env"}},
		tabCase{"awsmfa exec dev -- cat pict", []string{"exec", "dev", "--", "cat", "picture.png"}},
		tabCase{"awsmfa exec dev -- basenam", []string{"exec", "dev", "--", "basename"}},
		tabCase{"awsmfa exec 'my prod' -- with fir", []string{"exec", "my prod", "--", "with", "first"}},
		tabCase{"awsmfa-use my", []string{"my prod"}},
		tabCase{"awsmfa-use --prof", []string{"--profile"}},
	)
}

func TestTabInBash(t *testing.T) {
	const with = "_with() { COMPREPLY=($(compgen -W 'first second' -- \"$2\")); }; complete -F _with with; "
	for name, setup := range map[string]string{
		"alone":       "source COMPLETION; complete -F _awsmfa_complete_use awsmfa-use",
		"posix":       "set -o posix; source COMPLETION; complete -F _awsmfa_complete_use awsmfa-use",
		"nounset":     "source COMPLETION; complete -F _awsmfa_complete_use awsmfa-use; set -u; shopt -s extglob nullglob",
		"the package": "source /usr/share/bash-completion/bash_completion; source COMPLETION; complete -F _awsmfa_complete_use awsmfa-use",
	} {
		if (name == "posix" || name == "nounset") && os.Getenv("AWSMFA_LONG") != "1" {
			continue
		}
		for _, bash := range append([]string{"bash"}, filepath.SplitList(os.Getenv("AWSMFA_TEST_BASH"))...) {
			t.Run(name+" "+bash, func(t *testing.T) {
				if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); name == "the package" && err != nil {
					missing(t, "bash-completion")
				}
				t.Parallel()
				s := bashShell(with + setup)
				s.program = bash
				w := newTabs(t, s)
				w.check(commonTabs())
				w.check(bashTabs())
			})
		}
	}
}

func TestTabInElvish(t *testing.T) {
	t.Parallel()
	w := newTabs(t, tabShell{name: "elvish", program: "elvish", argv: []string{"-norc"}, accept: "\r", setup: "eval (cat COMPLETION | slurp)"})
	w.check(commonTabs())
}

func TestTabInNu(t *testing.T) {
	t.Parallel()
	w := newTabs(t, tabShell{name: "nu", program: "nu", argv: []string{"-n"}, accept: " ", setup: "source COMPLETION; $env.config.show_banner = false"})
	w.check(slices.DeleteFunc(commonTabs(), func(c tabCase) bool {
		return c.typed == "awsmfa env --profile" || strings.Contains(c.typed, "totp add --") || // a menu; files
			strings.HasPrefix(c.typed, "awsmfa exec dev -- ") // no other completer is there to ask
	}))
}

func TestTabInZsh(t *testing.T) {
	t.Parallel()
	w := newTabs(t, tabShell{name: "zsh", program: "zsh", argv: []string{"-f", "-i"},
		setup: "autoload -Uz compinit; compinit -u -D; unsetopt beep; source COMPLETION; compdef _awsmfa_complete_use awsmfa-use"})
	w.check(commonTabs())
}

func TestTabInFish(t *testing.T) {
	t.Parallel()
	w := newTabs(t, tabShell{name: "fish", program: "fish", argv: []string{"--no-config", "-i"},
		setup: "set fish_autosuggestion_enabled 0; source COMPLETION; complete -c awsmfa-use -k -f -a '(__awsmfa_complete_use)'"})
	w.check(commonTabs())
}

// TestTabBehindUse: the commands of "awsmfa init" are completed, whatever they
// are called, with nothing else in the start-up file.
func TestTabBehindUse(t *testing.T) {
	for _, s := range []tabShell{
		{program: "bash", argv: []string{"--norc", "-i"}, setup: `bind 'set bell-style none'; eval "$(awsmfa init bash --cmd take)"; _awsmfa_self=REAL; _awsmfa_use() { awsmfa "$@"; }; _awsmfa_off() { awsmfa "$@"; }`},
		{program: "zsh", argv: []string{"-f", "-i"}, setup: `autoload -Uz compinit; compinit -u -D; unsetopt beep; eval "$(awsmfa init zsh --cmd take)"; _awsmfa_self=REAL; _awsmfa_use() { awsmfa "$@"; }; _awsmfa_off() { awsmfa "$@"; }`},
		{program: "fish", argv: []string{"--no-config", "-i"}, setup: `awsmfa init fish --cmd take | source; set -g _awsmfa_self REAL; function _awsmfa_use; awsmfa $argv; end; function _awsmfa_off; awsmfa $argv; end`},
		{program: "elvish", argv: []string{"-norc"}, accept: "\r", setup: `eval (cat COMPLETION | slurp); eval (awsmfa init elvish --cmd take | slurp); edit:add-var take~ {|@a| e:awsmfa $@a }; edit:add-var awsmfa-off~ {|@a| e:awsmfa $@a }`},
	} {
		t.Run(s.program, func(t *testing.T) {
			t.Parallel()
			s.name, s.inits = s.program, true
			w := newTabs(t, s)
			w.check([]tabCase{
				{"take my", []string{"my prod"}}, {"take sub", []string{"sub$(touch PWN)"}}, {"take --regi", []string{"--region"}},
				{"take dev --region eu-c", []string{"dev", "--region", "eu-central-1"}},
			})
			w.check([]tabCase{{"awsmfa-off --h", []string{"--hook"}}})
		})
	}
}
