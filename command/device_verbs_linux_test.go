package command

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"awsmfa/stsclient/ststest"
)

// enrolled is a beginner who has enrolled.
func enrolled(t *testing.T, o ststest.UserOptions) *beginner {
	t.Helper()
	b := newBeginner(t, o)
	b.ok("device enroll dev --yes")
	return b
}

func (b *beginner) device() ststest.Device {
	return b.server.Device("arn:aws:iam::" + b.user.Account + ":mfa/dev")
}

func TestDeviceList(t *testing.T) {
	t.Parallel()
	b := enrolled(t, ststest.UserOptions{})
	_, err := b.server.User("dev").AddFIDO("key")
	must(t, err)
	_, err = b.server.User("dev").AddHardwareDevice("GAHT12345678")
	must(t, err)
	var got struct {
		Devices []deviceRow `json:"devices"`
	}
	must(t, json.Unmarshal([]byte(b.ok("device list dev --json").stdout), &got))
	var rows []string
	for _, d := range got.Devices {
		rows = append(rows, fmt.Sprintf("%s %v %v", d.Kind, d.Seed, d.Profiles))
		if at, err := time.Parse(time.RFC3339, d.Enabled); err != nil || at.IsZero() {
			t.Errorf("%+v", d)
		}
	}
	if want := []string{"virtual true [dev]", "FIDO false []", "hardware false []"}; !slices.Equal(rows, want) {
		t.Errorf("%q", rows)
	}
	table := b.ok("device list dev").stdout
	for _, want := range []string{"DEVICE", ":mfa/dev", "virtual", "stored", "FIDO", "hardware", "GAHT12345678"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	none := newBeginner(t, ststest.UserOptions{})
	none.says(none.run("device list dev"), 0, "the user has no MFA device; awsmfa device enroll dev makes one")
	if o := none.ok("device list dev --json"); !strings.Contains(o.stdout, `"devices": []`) {
		t.Errorf("%q", o.stdout)
	}
	denied := newBeginner(t, ststest.UserOptions{DenyIAM: true})
	denied.says(denied.run("device list dev"), exitDenied, "iam:ListMFADevices")
}

// A device whose clock ran away gives codes that work again after a resync, by
// its seed or by two typed codes.
func TestDeviceResync(t *testing.T) {
	t.Run("by its seed", func(t *testing.T) {
		t.Parallel()
		b := enrolled(t, ststest.UserOptions{})
		// AWS believes the device to be far off: somebody resynced it with a wrong clock.
		b.device().SetDrift(40)
		one, two := b.device().NextPair()
		cmd := b.cmd("device resync dev --stdin")
		cmd.Stdin = strings.NewReader(one + "\n" + two + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		b.device().SetDrift(0)
		if o := b.run("env dev --refresh --no-input"); o.code != exitCode || !strings.Contains(o.stderr, "device resync") {
			t.Errorf("it works out of step: exit %d\n%s", o.code, o.stderr)
		}
		b.says(b.run("device resync dev"), 0, "in step with AWS again")
		b.works()
	})
	t.Run("policy", func(t *testing.T) {
		t.Parallel()
		b := enrolled(t, ststest.UserOptions{NeedMFA: []string{"iam:ResyncMFADevice"}})
		b.ok("login dev --refresh")
		b.says(b.run("device resync dev"), 0, "in step with AWS again")
		b.works()
	})
	t.Run("typed", func(t *testing.T) {
		needTerminal(t)
		t.Parallel()
		b := enrolled(t, ststest.UserOptions{})
		b.ok("totp remove dev --yes")
		b.says(b.run("device resync dev"), exitInput, "two codes of ", "--stdin with the two codes, one a line")
		b.device().SetDrift(6)
		tm := b.terminal(`"$AWSMFA" device resync dev; echo "exit $?"`)
		one, two := b.device().NextPair()
		tm.until("first code of ")
		tm.typeIn(one + "\n")
		tm.until("next code of ")
		tm.typeIn(two + "\n")
		tm.until("exit 0")
		for _, again := range []struct {
			codes string
			exit  int
			says  string
		}{
			{"123456\n123456\n", exitUsage, "the two codes are the same"},
			{one + "\n" + two + "\n", exitCode, "code already used"},
			{"123456\n", exitUsage, "two codes, one a line, are needed"},
			{"12345\n123456\n", exitUsage, "standard input, line 1: a code is six digits"},
		} {
			before := b.server.Calls("ResyncMFADevice")
			cmd := b.cmd("device resync dev --stdin")
			cmd.Stdin = strings.NewReader(again.codes)
			out, err := cmd.CombinedOutput()
			if code := exitOf(t, err); code != again.exit || !strings.Contains(string(out), again.says) || strings.Contains(string(out), one) {
				t.Errorf("%q: exit %d\n%s", again.codes, code, out)
			}
			if b.server.Calls("ResyncMFADevice") != before {
				t.Errorf("%q was sent", again.codes)
			}
		}
		b.clean()
	})
}

func TestDeviceRemove(t *testing.T) {
	gone := func(b *beginner) {
		b.t.Helper()
		if left := b.ours(); len(left) > 0 {
			b.t.Errorf("left: %+v", left)
		}
		if items, err := b.vault().List(); len(items) > 0 || err != nil {
			b.t.Errorf("seeds: %+v, %v", items, err)
		}
		if n := len(b.sessions()); n > 0 {
			b.t.Errorf("%d sessions", n)
		}
		b.clean()
	}
	for name, o := range map[string]ststest.UserOptions{
		"plainly":                   {},
		"where MFA is forced":       {ForceMFA: true},
		"where deleting wants MFA":  {NeedMFA: []string{"iam:DeleteVirtualMFADevice"}},
		"where taking it wants MFA": {NeedMFA: []string{"iam:DeactivateMFADevice"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := enrolled(t, o)
			b.ok("env dev")
			b.says(b.run("device remove dev"), exitInput, "nobody can be asked: remove arn:aws:iam::", "pass --yes")
			b.says(b.run("device remove dev --yes"), 0, "is removed; its seed is forgotten", "1 session forgotten that its codes opened", `profile "dev" still names it`)
			gone(b)
			b.says(b.run("device remove dev --yes"), 0, "was not, or no longer, there")
			b.ok("device enroll dev --yes")
			b.works()
		})
	}
	t.Run("without its seed", func(t *testing.T) {
		t.Parallel()
		b := enrolled(t, ststest.UserOptions{ForceMFA: true})
		b.ok("totp remove dev --yes")
		b.ok("logout --all")
		b.says(b.run("device remove dev --yes"), exitInput, "run in a terminal: awsmfa login dev")
		cmd := b.cmd("device remove dev --yes --token-code -")
		cmd.Stdin = strings.NewReader(b.device().NextCode() + "\n")
		must(t, moveClock(b.clock, time.Until(b.server.Clock().Now())))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		gone(b)
	})
	t.Run("half done before", func(t *testing.T) {
		t.Parallel()
		b := enrolled(t, ststest.UserOptions{})
		b.server.Fault(ststest.Fault{Match: ststest.OnAction("DeleteVirtualMFADevice"), Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied", Message: "no", Skip: 1})
		b.says(b.run("device remove dev --yes"), exitDenied, "the device is deactivated, but not deleted; run this again")
		if items, err := b.vault().List(); len(items) != 1 || err != nil {
			t.Errorf("the seed is gone before the device: %v", err)
		}
		b.server.ClearFaults()
		b.says(b.run("device remove dev --yes"), 0, "is removed; its seed is forgotten")
		gone(b)
	})
	t.Run("of other kinds", func(t *testing.T) {
		t.Parallel()
		b := newBeginner(t, ststest.UserOptions{})
		fido, err := b.server.User("dev").AddFIDO("key")
		must(t, err)
		token, err := b.server.User("dev").AddHardwareDevice("GAHT12345678")
		must(t, err)
		b.says(b.run("device remove "+fido.Serial+" -p dev --yes"), 0, "is removed")
		b.says(b.run("device remove dev --yes --mfa-serial "+token.Serial), 0, "is removed")
		b.calls("DeleteVirtualMFADevice", 0)
		b.calls("DeactivateMFADevice", 2)
		gone(b)
	})
	t.Run("of somebody else", func(t *testing.T) {
		t.Parallel()
		b := newBeginner(t, ststest.UserOptions{})
		theirs, err := b.server.User("alice").AddDevice("theirs")
		must(t, err)
		if o := b.run("device remove " + theirs.Serial + " -p dev --yes"); o.code == 0 {
			t.Errorf("removed:\n%s", o.stderr)
		}
	})
	t.Run("no", func(t *testing.T) {
		needTerminal(t)
		t.Parallel()
		b := enrolled(t, ststest.UserOptions{})
		tm := b.terminal(`"$AWSMFA" device remove dev; echo "exit $?"`)
		tm.until("[y/N]")
		tm.typeIn("n\n")
		tm.until("exit 1")
		b.works()
	})
}

// From a HOME with only a key: one command, and shells hold sessions without a
// question and without an edit by hand, as the AWS CLI sees it.
func TestFromNothingToASession(t *testing.T) {
	t.Parallel()
	b := enrolled(t, ststest.UserOptions{})
	for _, sh := range []string{"bash", "fish"} {
		path := need(t, sh)
		aws, err := exec.LookPath("aws")
		script := `eval $("$AWSMFA" env dev); `
		if sh == "fish" {
			script = `eval ($AWSMFA env dev); `
		}
		if err == nil {
			script += aws + ` sts get-caller-identity --output text`
		} else {
			t.Log("no AWS CLI here: awsmfa asks in its place")
			script += `"$AWSMFA" whoami --json`
		}
		cmd := exec.Command(path, "-c", script)
		like := b.cmd("x")
		cmd.Dir, cmd.SysProcAttr = like.Dir, like.SysProcAttr
		cmd.Env = append(like.Env, "AWSMFA="+b.binary, "AWSMFA_SHELL="+sh, "AWS_EC2_METADATA_DISABLED=true", "PATH="+os.Getenv("PATH"))
		b.server.ForgetRequests()
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), b.user.ARN) {
			t.Errorf("%s: %v\n%s", sh, err, out)
		}
		withMFA := false
		for _, r := range b.server.Requests() {
			withMFA = withMFA || r.Action == "GetCallerIdentity" && r.CallerMFA
		}
		if !withMFA {
			t.Errorf("%s: no call with an MFA session", sh)
		}
	}
}
