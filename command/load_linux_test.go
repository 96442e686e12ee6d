package command

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awsmfa/stsclient/ststest"
)

// The tests here are about many processes at once, over many rounds. Most run
// the program as it is released: the test binary takes longer to start than
// the whole of what is looked at.

// loadRounds is how often a hundred processes start anew, and how often of
// these it is because time went by.
func loadRounds() (all, byClock int) {
	if long() {
		return 20, 5
	}
	return 3, 1
}

func TestLoad(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	testBinary, released := c.binary, buildRelease(t)
	rounds, byClock := loadRounds()
	clock := filepath.Join(t.TempDir(), "clock")
	seen := map[string]bool{}
	for round := range rounds {
		c.binary = released
		moved := time.Duration(round-(rounds-byClock)+1) * 13 * time.Hour
		if moved > 0 { // only the test binary has a clock that can be moved
			c.server.Clock().Advance(13 * time.Hour)
			c.binary = testBinary
			must(t, os.WriteFile(clock, []byte(moved.String()), 0o600))
		} else if round > 0 {
			c.must("logout dev")
		}
		commands := c.many(100, "env", "dev", "--token-code", c.user.NextCode())
		for _, cmd := range commands {
			cmd.Env = append(cmd.Env, "AWSMFA_TEST_CLOCK="+clock)
		}
		outcomes := c.all(commands)
		for i, o := range outcomes {
			if o.code != 0 || o.stdout != outcomes[0].stdout || !completeStatements(o.stdout) {
				t.Fatalf("round %d, process %d: exit %d\n%s%swhere the first said\n%s", round, i, o.code, o.stdout, o.stderr, outcomes[0].stdout)
			}
		}
		if seen[outcomes[0].stdout] {
			t.Errorf("round %d has the credentials of another", round)
		}
		seen[outcomes[0].stdout] = true
		c.calls("GetSessionToken", round+1)
	}
	c.calls("", rounds)
}

// waitingSDK is a program on boto3 that is up and running before it asks for
// credentials, so that all of them ask at once.
const waitingSDK = `
import sys, boto3
session = boto3.Session(profile_name="dev-mfa")
print("ready", flush=True)
sys.stdin.read()
print(session.get_credentials().get_frozen_credentials().access_key)
`

func TestLoadOfSDKs(t *testing.T) {
	python := needPython(t, "boto3")
	c := newSDK(t)
	c.binary = buildRelease(t)
	code := filepath.Join(c.home, "code")
	c.write("config", strings.ReplaceAll(strings.ReplaceAll(sdkConfig, "AWSMFA", c.binary),
		"mfa_serial = ", "mfa_process = "+code+"\nmfa_serial = "))
	must(t, os.WriteFile(code, []byte("#!/bin/sh\necho run >>"+code+".runs\necho "+c.user.NextCode()+"\n"), 0o700))
	n := 6
	if long() {
		n = 60
	}
	var goes []io.Closer
	var commands []*exec.Cmd
	var outs []*bufio.Reader
	for range n {
		cmd := c.detached(python, "-c", waitingSDK)
		stdin, err := cmd.StdinPipe()
		must(t, err)
		stdout, err := cmd.StdoutPipe()
		must(t, err)
		cmd.Stderr = os.Stderr
		must(t, cmd.Start())
		t.Cleanup(func() { cmd.Process.Kill() })
		goes, commands, outs = append(goes, stdin), append(commands, cmd), append(outs, bufio.NewReader(stdout))
	}
	for i, out := range outs {
		if line, err := out.ReadString('\n'); line != "ready\n" {
			t.Fatalf("process %d: %q, %v", i, line, err)
		}
	}
	for _, stdin := range goes {
		must(t, stdin.Close())
	}
	keys := map[string]int{}
	for i, out := range outs {
		key, _ := io.ReadAll(out)
		keys[string(key)]++
		if err := commands[i].Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
	}
	for key := range keys {
		if len(keys) != 1 || !strings.HasPrefix(key, "ASIA") {
			t.Errorf("keys: %v", keys)
		}
	}
	if runs, err := os.ReadFile(code + ".runs"); string(runs) != "run\n" {
		t.Errorf("the code was fetched: %q, %v", runs, err)
	}
	c.calls("", 1)
	c.calls("GetSessionToken", 1)
}

// TestLoadFails: where the one that asks fails, all that wait fail with it.
// They are given no time to try for themselves: that would be a second call, or
// a second prompt.
func TestLoadFails(t *testing.T) {
	n := 15
	if long() {
		n = 100
	}
	getSession := ststest.OnAction("GetSessionToken")
	for name, f := range map[string]struct {
		fault    ststest.Fault
		attempts int // of the leader
		exit     int
	}{
		"denied":  {ststest.Fault{Match: getSession, Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied", Message: "User is not authorized to perform: sts:GetSessionToken"}, 1, exitDenied},
		"cut off": {ststest.Fault{Match: getSession, Kind: ststest.Drop}, 1, exitNetwork},
		"refused thrice": {ststest.Fault{Match: getSession, Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied",
			Message: "MultiFactorAuthentication failed with invalid MFA one time pass code."}, 3, exitCode},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, crowdConfig)
			c.server.Fault(f.fault)
			tm := c.onTerminal(fmt.Sprintf(`i=0; while [ $i -lt %d ]; do i=$((i+1)); { "$AWSMFA" env dev </dev/null >out.$i 2>err.$i; echo "$?" >code.$i; } & done; wait; echo finished`, n))
			tm.until(prompt)
			c.untilWaiting(n - 1) // who comes later asks for itself
			for i := range f.attempts {
				tm.untilTimes(prompt, i+1)
				tm.typeIn(c.user.NextCode() + "\n")
			}
			failed := c.untilAnswered(f.attempts)
			tm.until("finished")
			if took := time.Since(failed); took > 30*time.Second {
				t.Errorf("the last one ended %s after the failure", took)
			}
			c.checkFailed(n, f.exit)
			if asked := strings.Count(tm.screen(), prompt); asked != f.attempts {
				t.Errorf("%d prompts, want %d:\n%s", asked, f.attempts, tm.screen())
			}
			c.calls("GetSessionToken", f.attempts)
		})
	}
}

// untilAnswered waits for so many calls, and returns when the last was seen.
func (c *crowd) untilAnswered(n int) time.Time {
	c.t.Helper()
	for deadline := time.Now().Add(testPatience); c.server.Calls("GetSessionToken") < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%d calls, want %d", c.server.Calls("GetSessionToken"), n)
		}
	}
	return time.Now()
}

// checkFailed compares what n processes left in their files.
func (c *crowd) checkFailed(n, exit int) {
	c.t.Helper()
	first := ""
	for i := 1; i <= n; i++ {
		read := func(name string) string {
			text, err := os.ReadFile(filepath.Join(c.home, fmt.Sprint(name, ".", i)))
			must(c.t, err)
			return string(text)
		}
		out, code, line := read("out"), read("code"), onlyLine(read("err"), "awsmfa: error: ")
		if first == "" {
			first = line
		}
		if out != "false;\n" || code != fmt.Sprintln(exit) || line != first || line == "" {
			c.t.Errorf("process %d: exit %s %q\n%s\nwhere the first said\n%s", i, code, out, read("err"), first)
		}
	}
}
