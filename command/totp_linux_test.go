package command

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"awsmfa/internal/pty"
	"awsmfa/seed"
)

// totpTerminal runs a script with an empty store of files on a terminal.
func totpTerminal(t *testing.T, script string) (*crowd, *terminal) {
	t.Helper()
	if _, _, err := pty.Open(24, 80); err != nil {
		t.Skip(err)
	}
	c := newCrowd(t, crowdConfig)
	tm := c.onTerminal("trap : INT; export AWSMFA_SEED_STORE=file AWSMFA_UNLOCK_TTL=0 TERM=xterm AWSMFA_TEST_CLOCK=" + filepath.Join(c.home, "clock") + " AWSMFA_TEST_SLEEP=" + c.server.AdminURL() + "\n" + script)
	return c, tm
}

// stored is what totp list --json would show, straight from the index.
func (c *crowd) stored() []seed.Item {
	c.t.Helper()
	items, err := seed.Open(seed.Options{Dir: filepath.Join(c.home, ".local", "share", "awsmfa")}).List()
	if err != nil {
		c.t.Fatal(err)
	}
	return items
}

var shownCode = regexp.MustCompile(`shows (\d{3}) (\d{3}) now \(\d+ s left\); store this seed\? \[y/N\] `)

// The seed and the passphrase are typed unseen; the code is shown to compare,
// and a no, ^C or two passphrases that differ store nothing.
func TestTotpAddOnATerminal(t *testing.T) {
	c, tm := totpTerminal(t, `for i in 1 2 3 4; do "$AWSMFA" totp add dev; echo "exit $?"; done; read x
		"$AWSMFA" env dev >out; echo "env $?"; "$AWSMFA" logout --all -q; "$AWSMFA" totp code dev >code; echo "code $?"`)
	offer := func() {
		tm.until("not shown): ")
		tm.typeIn(strings.ToLower(c.user.Seed[:8]) + " " + c.user.Seed[8:] + "\r")
		tm.until("store this seed?")
	}
	next := func(code string) {
		tm.until("exit " + code)
		if code != "0" {
			if items := c.stored(); len(items) != 0 {
				t.Errorf("stored: %v", items)
			}
		}
		tm.forget("exit " + code)
	}
	offer()
	if m := shownCode.FindStringSubmatch(tm.screen()); m == nil || m[1]+m[2] != c.user.Code() {
		t.Errorf("the code is not shown, or another: %q", m)
	}
	tm.typeIn("n\r")
	next("1")
	offer()
	tm.typeIn("\x03")
	next("130")
	offer()
	tm.typeIn("y\r")
	tm.until("New passphrase for the stored seeds: ")
	tm.typeIn("correct horse\r")
	tm.until("The same again: ")
	tm.typeIn("another horse\r")
	tm.until("differ")
	tm.typeIn("\x03")
	next("130")
	offer()
	tm.typeIn("y\r")
	tm.until("New passphrase for the stored seeds: ")
	tm.typeIn("correct horse\r")
	tm.until("The same again: ")
	tm.typeIn("correct horse\r")
	next("0")
	if items := c.stored(); len(items) != 1 || items[0].Serial != c.user.MFASerial {
		t.Errorf("stored: %v", items)
	}
	tm.typeIn("\r")
	tm.until("Passphrase of the stored seeds: ")
	tm.typeIn("wrong horse\r")
	tm.until("That was not it.")
	tm.typeIn("correct horse\r")
	tm.until("env 0")
	tm.forget("env 0")
	tm.until("Passphrase of the stored seeds: ")
	tm.typeIn("correct horse\r")
	tm.until("code 0")
	for _, secret := range []string{"horse", c.user.Seed[8:], strings.ToLower(c.user.Seed[:8])} {
		if strings.Contains(tm.all(), secret) {
			t.Errorf("a secret is on the screen:\n%s", tm.all())
		}
	}
	c.calls("GetSessionToken", 1)
}

// forget starts the screen anew for until, behind a text: what comes after it
// may be there already. all is everything that was shown.
func (tm *terminal) forget(through string) {
	tm.t.Helper()
	tm.mu.Lock()
	defer tm.mu.Unlock()
	seen, rest, found := strings.Cut(tm.shown.String(), through)
	if !found {
		tm.t.Fatalf("%q is not on the screen", through)
	}
	tm.before += seen + through
	tm.shown.Reset()
	tm.shown.WriteString(rest)
}

func (tm *terminal) all() string {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	return tm.before + tm.shown.String()
}

// After ^Z the code that is shown is that of the moment, and an input that ends
// is told from a terminal that is none.
func TestTotpAddAsksAnew(t *testing.T) {
	c, tm := totpTerminal(t, `set -m; "$AWSMFA" totp add dev; echo 10m >clock; fg >/dev/null; echo "exit $?"
		"$AWSMFA" totp add dev; echo "end $?"`)
	offered := func() string {
		tm.until("store this seed? [y/N] ")
		m := shownCode.FindStringSubmatch(tm.screen())
		if m == nil {
			t.Fatalf("no code is shown:\n%s", tm.screen())
		}
		tm.forget("[y/N] ")
		return m[1] + m[2]
	}
	tm.until("not shown): ")
	tm.typeIn(c.user.Seed + "\r")
	before := offered()
	tm.typeIn("\x1a")
	if after := offered(); after == before {
		t.Errorf("the code is that of ten minutes ago: %s", after)
	}
	tm.typeIn("n\r")
	tm.until("exit 1")
	tm.forget("exit 1")
	tm.until("not shown): ")
	tm.typeIn("\x04")
	tm.until("the input ended before an answer came")
	tm.until("end 4")
}

// A code goes to the clipboard by a program's standard input, else by the
// terminal; watched, it is shown on one line until ^C.
func TestTotpCodeOnATerminal(t *testing.T) {
	c, tm := totpTerminal(t, `mkdir bin; printf '#!/bin/sh\necho "$@" >args; env >environ; cat >copied\n' >bin/xsel; chmod +x bin/xsel
		unset WAYLAND_DISPLAY DISPLAY WSL_DISTRO_NAME
		read x; "$AWSMFA" totp add dev --stdin --yes -q <seed; echo "add $?"
		"$AWSMFA" code dev --copy >out; echo "terminal $?"
		DISPLAY=:9 AWS_SECRET_ACCESS_KEY=secret PATH="$PWD/bin:/bin:/usr/bin" "$AWSMFA" code dev --copy >>out; echo "program $?"
		unset AWSMFA_TEST_SLEEP
		"$AWSMFA" code dev --watch; echo "watch $?"`)
	for name, text := range map[string]string{"seed": c.user.Seed} {
		if err := os.WriteFile(filepath.Join(c.home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tm.typeIn("\r")
	tm.until("New passphrase for the stored seeds: ")
	tm.typeIn("horse\r")
	tm.until("The same again: ")
	tm.typeIn("horse\r")
	tm.until("add 0")
	for _, way := range []string{"terminal", "program"} {
		tm.until("Passphrase")
		tm.typeIn("horse\r")
		tm.until(way + " 0")
		if way == "terminal" {
			m := regexp.MustCompile(`\x1b\]52;c;([A-Za-z0-9+/=]+)\a`).FindStringSubmatch(tm.screen())
			if m == nil {
				t.Fatalf("nothing is copied:\n%q", tm.screen())
			}
			if code, err := base64.StdEncoding.DecodeString(m[1]); err != nil || !regexp.MustCompile(`^\d{6}$`).Match(code) {
				t.Errorf("copied: %q (%v)", code, err)
			}
		}
		tm.forget(way + " 0")
	}
	copied, err := os.ReadFile(filepath.Join(c.home, "copied"))
	if err != nil || !regexp.MustCompile(`^\d{6}$`).Match(copied) {
		t.Errorf("the program got %q (%v)", copied, err)
	}
	if args, _ := os.ReadFile(filepath.Join(c.home, "args")); strings.ContainsAny(string(args), "0123456789") {
		t.Errorf("its arguments hold the code: %q", args)
	}
	if environ, err := os.ReadFile(filepath.Join(c.home, "environ")); err != nil || strings.Contains(string(environ), "AWS_SECRET_ACCESS_KEY") {
		t.Errorf("it is given credentials, and stays (%v)", err)
	}
	if out, _ := os.ReadFile(filepath.Join(c.home, "out")); len(out) != 0 {
		t.Errorf("standard output: %q", out)
	}
	tm.until("Passphrase")
	tm.typeIn("horse\r")
	tm.until(" s ")
	tm.typeIn("\x03")
	tm.until("watch 130")
	if !regexp.MustCompile(`\r\d{3} \d{3}  [ \d]\d s `).MatchString(tm.screen()) {
		t.Errorf("no code is shown:\n%q", tm.screen())
	}
}
