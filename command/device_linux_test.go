package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"awsmfa/mfa"
	"awsmfa/seed"
	"awsmfa/stsclient/ststest"
)

// beginner is a HOME with nothing but a long-term key, whose processes and server
// share clocks that move where somebody waits.
type beginner struct {
	*crowd
	clock string
	env   []string
}

const beginnerConfig = "# mine\n[profile dev]\nregion = eu-west-1\n"

func newBeginner(t *testing.T, o ststest.UserOptions, options ...ststest.Option) *beginner {
	t.Helper()
	b := &beginner{crowd: newCrowd(t, beginnerConfig, options...)}
	o.Name, o.NoDevice = "dev", true
	u, err := b.server.NewUserWith(o)
	if err != nil {
		t.Fatal(err)
	}
	b.user = u
	b.write("config", beginnerConfig)
	b.write("credentials", "[dev]\naws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\n")
	b.clock = filepath.Join(b.home, "clock")
	identity := filepath.Join(b.home, "identity")
	if err := writeIdentity(identity); err != nil {
		t.Fatal(err)
	}
	b.env = []string{
		"AWSMFA_TEST_CLOCK=" + b.clock, "AWSMFA_TEST_SLEEP=" + b.server.AdminURL(),
		"AWSMFA_AGE_IDENTITY=" + identity, "AWSMFA_UNLOCK_TTL=0",
	}
	return b
}

func (b *beginner) cmd(line string, env ...string) *exec.Cmd {
	cmd := b.command(strings.Fields(line)...)
	cmd.Env = append(append(cmd.Env, b.env...), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // nobody to ask
	return cmd
}

func (b *beginner) run(line string, env ...string) outcome {
	b.t.Helper()
	return b.all([]*exec.Cmd{b.cmd(line, env...)})[0]
}

func (b *beginner) ok(line string, env ...string) outcome {
	b.t.Helper()
	o := b.run(line, env...)
	if o.code != 0 {
		b.t.Fatalf("awsmfa %s: exit %d\n%s", line, o.code, o.stderr)
	}
	return o
}

func (b *beginner) file(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.home, ".aws", name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal(err)
	}
	return string(text)
}

func (b *beginner) vault() *seed.Vault {
	return seed.Open(seed.Options{Dir: filepath.Join(b.home, ".local", "share", "awsmfa"), Store: "file", AgeIdentity: filepath.Join(b.home, "identity")})
}

func (b *beginner) record() (mfa.Enrollment, bool) {
	b.t.Helper()
	one, found, err := mfa.Enrollments{Dir: filepath.Join(b.home, ".local", "state", "awsmfa")}.Load(b.user.AccessKeyID)
	if err != nil {
		b.t.Error(err)
	}
	return one, found
}

// nothing: an enrolment that failed has left nothing, anywhere.
func (b *beginner) nothing() {
	b.t.Helper()
	if left := b.ours(); len(left) > 0 {
		b.t.Errorf("devices are left: %+v", left)
	}
	items, err := b.vault().List()
	if err != nil || len(items) > 0 {
		b.t.Errorf("seeds are left: %+v, %v", items, err)
	}
	if one, found := b.record(); found {
		b.t.Errorf("a record is left: %+v", one)
	}
	if text := b.file("config"); text != beginnerConfig {
		b.t.Errorf("the config file is not as it was:\n%s", text)
	}
	if n := len(b.sessions()); n > 0 {
		b.t.Errorf("%d sessions are left", n)
	}
	b.clean()
}

// clean: no temporary files, no seed in the clear, no code sent twice.
func (b *beginner) clean() {
	b.t.Helper()
	var seeds []string
	for _, d := range b.server.Devices() {
		seeds = append(seeds, d.Seed)
	}
	for _, name := range b.tree() {
		if strings.HasPrefix(filepath.Base(name), ".tmp-") {
			b.t.Errorf("%s is left", name)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for _, s := range seeds {
			if s != "" && strings.Contains(string(text), s) {
				b.t.Errorf("a seed is in %s", name)
			}
		}
	}
	if twice := b.server.CodesSeenTwice(); len(twice) > 0 {
		b.t.Errorf("codes were sent twice: %+v", twice)
	}
}

// ours are the devices of the user and of nobody.
func (b *beginner) ours() []ststest.DeviceState {
	var list []ststest.DeviceState
	for _, d := range b.server.Devices() {
		if d.User == "" || d.User == b.user.ARN {
			list = append(list, d)
		}
	}
	return list
}

// works: the device is enrolled, and the next shell is asked nothing.
func (b *beginner) works() {
	b.t.Helper()
	list := b.ours()
	if len(list) != 1 || list[0].User != b.user.ARN {
		b.t.Errorf("the devices are %+v", list)
	}
	if one, found := b.record(); found {
		b.t.Errorf("a record is left: %+v", one)
	}
	if o := b.run("env dev --refresh --no-input"); o.code != 0 || !strings.Contains(o.stdout, "ASIA") {
		b.t.Errorf("env: exit %d\n%s", o.code, o.stderr)
	}
	b.clean()
}

func (b *beginner) says(o outcome, code int, texts ...string) {
	b.t.Helper()
	if o.code != code || o.stdout != "" {
		b.t.Errorf("exit %d, want %d\n%s%s", o.code, code, o.stdout, o.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.stderr, text) {
			b.t.Errorf("%q is not said:\n%s", text, o.stderr)
		}
	}
	if strings.Contains(o.stderr, b.user.SecretAccessKey) {
		b.t.Error("the secret access key is said")
	}
}

func denied(action string) ststest.Fault {
	return ststest.Fault{Match: ststest.OnAction(action), Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied",
		Message: "User is not authorized to perform: iam:" + action + " because no identity-based policy allows it"}
}

// Each call of an enrolment fails in each way: afterwards all is as before, and
// it is said what was undone.
func TestEnrollUndoesAllOfIt(t *testing.T) {
	const (
		create, enable, login          = "CreateVirtualMFADevice", "EnableMFADevice", "GetSessionToken"
		deleted, forgotten, off, asWas = "undone: the device is deleted", "undone: its seed is forgotten", "undone: the device is deactivated", "undone: the config file is as it was"
	)
	kinds := map[string]struct {
		fault ststest.Fault
		exit  int
	}{
		"denied":      {ststest.Fault{Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied", Message: "not authorized to perform it"}, exitDenied},
		"limit":       {ststest.Fault{Kind: ststest.ErrorAnswer, Status: 409, Code: "LimitExceeded", Message: "Cannot exceed quota"}, exitDenied},
		"5xx":         {ststest.Fault{Kind: ststest.ServerError}, exitNetwork},
		"5xx, done":   {ststest.Fault{Kind: ststest.ServerError, After: true}, exitNetwork},
		"unread":      {ststest.Fault{Kind: ststest.Drop}, exitNetwork},
		"answer lost": {ststest.Fault{Kind: ststest.Drop, After: true}, exitNetwork},
		"half":        {ststest.Fault{Kind: ststest.CutBody}, exitNetwork},
		"no XML":      {ststest.Fault{Kind: ststest.ShortXML}, exitNetwork},
		"portal":      {ststest.Fault{Kind: ststest.HTML, After: true}, exitNetwork},
		"empty":       {ststest.Fault{Kind: ststest.EmptyBody, After: true}, exitNetwork},
		"hang":        {ststest.Fault{Kind: ststest.Hang}, exitNetwork},
		"hang, done":  {ststest.Fault{Kind: ststest.Hang, After: true}, exitNetwork},
	}
	for _, action := range []string{"GetUser", "ListVirtualMFADevices", create, enable, login} {
		for name, row := range kinds {
			if name == "denied" && (action == "GetUser" || action == "ListVirtualMFADevices") || name == "limit" && action == login {
				continue // there is another way, see TestEnrollWithoutRights
			}
			if !long() && !slices.Contains(map[string][]string{
				"GetUser": {"unread"}, "ListVirtualMFADevices": {"5xx"}, create: {"denied", "unread", "answer lost", "no XML"},
				enable: {"denied", "limit", "answer lost", "hang, done"}, login: {"denied", "answer lost"},
			}[action], name) {
				continue
			}
			t.Run(action+" "+name, func(t *testing.T) {
				t.Parallel()
				b := newBeginner(t, ststest.UserOptions{})
				f := row.fault
				f.Match = ststest.OnAction(action)
				b.server.Fault(f)
				want := []string{}
				switch action {
				case enable:
					want = []string{deleted, forgotten}
				case login:
					want = []string{asWas, off, deleted, forgotten}
				}
				o := b.run("device enroll dev --yes", "AWSMFA_TEST_BUDGET=1500ms")
				b.says(o, row.exit, want...)
				b.server.ClearFaults()
				b.nothing()
				b.ok("device enroll dev --yes")
				b.works()
			})
		}
	}
}

// killedAt runs an enrolment that is killed when a call arrives, which AWS does
// or not, all the same.
func (b *beginner) killedAt(action string, done bool) {
	b.t.Helper()
	cmd := b.cmd("device enroll dev --yes")
	kill, started := make(chan struct{}, 1), make(chan struct{})
	b.server.Fault(ststest.Fault{Kind: ststest.Drop, After: done, Times: 1, Match: func(r ststest.Request) bool {
		if r.Action != action {
			return false
		}
		select {
		case kill <- struct{}{}:
			<-started
			cmd.Process.Kill()
		default:
		}
		return true
	}})
	var said strings.Builder
	cmd.Stderr = &said
	must(b.t, cmd.Start())
	close(started)
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		b.t.Fatalf("not killed at %s: %v\n%s", action, err, said.String())
	}
	if !b.server.WaitFor(1, testPatience, ststest.OnAction(action)) {
		b.t.Fatal(action + " never came")
	}
	b.server.ClearFaults()
}

// An enrolment that is killed between any two calls: the list warns of what it
// left, and the next one finishes it, or removes it without a trace.
func TestEnrollAfterAKill(t *testing.T) {
	for _, at := range []struct {
		action string
		done   bool
	}{
		{"CreateVirtualMFADevice", false}, {"CreateVirtualMFADevice", true},
		{"EnableMFADevice", false}, {"EnableMFADevice", true},
		{"GetSessionToken", false}, {"GetSessionToken", true},
	} {
		t.Run(fmt.Sprintf("%s, done %v, finished", at.action, at.done), func(t *testing.T) {
			t.Parallel()
			b := newBeginner(t, ststest.UserOptions{})
			b.killedAt(at.action, at.done)
			if o := b.ok("device list dev"); !strings.Contains(o.stderr, "was cut off; awsmfa device enroll dev finishes it or removes it") {
				t.Errorf("the list says %s", o.stderr)
			}
			b.says(b.run("device enroll dev"), exitInput, "nobody can be asked what to do", "pass --yes")
			b.ok("device enroll dev --yes")
			b.works()
		})
		t.Run(fmt.Sprintf("%s, done %v, removed", at.action, at.done), func(t *testing.T) {
			t.Parallel()
			b := newBeginner(t, ststest.UserOptions{})
			b.killedAt(at.action, at.done)
			tm := b.terminal(`"$AWSMFA" device enroll dev; echo "exit $?"`)
			tm.until("an enrolment was cut off: ")
			if at.action == "CreateVirtualMFADevice" { // no seed: it is deleted, and another made
				tm.until("delete the device, and begin anew")
				tm.typeIn("1\n")
				tm.until("go on? [y/N]")
				tm.typeIn("n\n")
				tm.until("nothing is done: the answer was not yes")
			} else {
				tm.until("[1-2]: ")
				tm.typeIn("2\n")
				tm.until(" is removed")
				tm.until("exit 0")
			}
			tm.until("exit ")
			b.nothing()
		})
	}
}

// terminal is a script in front of a terminal, with the clocks that move.
func (b *beginner) terminal(script string, env ...string) *terminal {
	b.t.Helper()
	return b.onTerminal("trap : INT; export " + strings.Join(append(b.env, env...), " ") + "\n" + script)
}

// AWS's published policy for forcing MFA lets nobody delete a device without
// MFA. Once the device is enabled its own codes open the way; before that it is
// left, which is said, and can be finished.
func TestEnrollUnderForcedMFA(t *testing.T) {
	t.Run("enabled", func(t *testing.T) {
		t.Parallel()
		b := newBeginner(t, ststest.UserOptions{ForceMFA: true})
		if err := os.Chmod(filepath.Join(b.home, ".aws", "config"), 0o600); err != nil {
			t.Fatal(err)
		}
		// The test login fails once; the session for the removal does not.
		b.server.Fault(ststest.Fault{Kind: ststest.ErrorAnswer, Times: 1, Match: ststest.OnAction("GetSessionToken"), Status: 403, Code: "AccessDenied", Message: "no"})
		b.says(b.run("device enroll dev --yes"), exitDenied, "undone: the config file is as it was", "undone: the device is deactivated", "undone: the device is deleted", "undone: its seed is forgotten")
		b.nothing()
		b.ok("device enroll dev --yes")
		b.works()
	})
	t.Run("not enabled", func(t *testing.T) {
		t.Parallel()
		b := newBeginner(t, ststest.UserOptions{ForceMFA: true})
		b.server.Fault(denied("EnableMFADevice"))
		b.says(b.run("device enroll dev --yes"), exitDenied, "not undone: calling iam:DeleteVirtualMFADevice",
			"assigned to nobody, and its seed here", "awsmfa device enroll dev finishes it or removes it")
		if one, found := b.record(); !found || one.Phase != mfa.Stored {
			t.Errorf("the record: %+v, %v", one, found)
		}
		if has, err := b.vault().Has(b.ours()[0].Serial); !has || err != nil {
			t.Errorf("the seed is gone: %v", err)
		}
		if b.file("config") != beginnerConfig {
			t.Error("the config file is changed")
		}
		b.server.ClearFaults()
		b.ok("device enroll dev --yes")
		b.works()
	})
	t.Run("without its seed", func(t *testing.T) {
		t.Parallel()
		b := newBeginner(t, ststest.UserOptions{ForceMFA: true})
		f := ststest.Fault{Kind: ststest.Drop, After: true, Match: ststest.OnAction("CreateVirtualMFADevice")}
		b.server.Fault(f)
		b.says(b.run("device enroll dev --yes"), exitNetwork, "not undone: ", "nobody has its seed")
		b.server.ClearFaults()
		b.says(b.run("device enroll dev --yes"), exitFailure, "not undone: ", "awsmfa device enroll dev --name dev-2", "the device is not removed")
		o := b.run("device enroll dev --yes --name dev-2")
		b.says(o, 0, "is left in IAM; awsmfa device remove arn:aws:iam::"+b.user.Account+":mfa/dev deletes it")
		if o := b.run("env dev --no-input"); o.code != 0 {
			t.Errorf("%s", o.stderr)
		}
		// Now there is a device to have a session with.
		b.says(b.run("device remove arn:aws:iam::"+b.user.Account+":mfa/dev -p dev --yes"), 0, "mfa/dev is removed")
		b.works()
	})
}
