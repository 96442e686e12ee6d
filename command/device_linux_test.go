package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"awsmfa/credentials"
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
			if strings.HasPrefix(name, "hang") && !long() && action != enable {
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

var _ = time.Second
var _ = fmt.Sprint
var _ credentials.Credentials
