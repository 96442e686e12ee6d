package command

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"awsmfa/internal/pty"
	"awsmfa/seed"
	"awsmfa/stsclient/ststest"
)

func (b *beginner) path(name string) string { return filepath.Join(b.home, ".aws", name) }

// What stands in the way of an enrolment is found before a device is made.
func TestEnrollBeginsNothing(t *testing.T) {
	for name, row := range map[string]struct {
		user    ststest.UserOptions
		prepare func(*beginner) []string // and the variables
		args    string
		exit    int
		says    []string
	}{
		"nobody to ask":            {args: "device enroll dev", exit: exitInput, says: []string{"nobody can be asked: go on?", "pass --yes"}},
		"root":                     {user: ststest.UserOptions{Root: true}, exit: exitProfile, says: []string{"root's perhaps: such devices are made in the AWS console"}},
		"no such name":             {args: "device enroll dev --yes --name a/b", exit: exitUsage, says: []string{`--name "a/b" is no device name`}},
		"phone without a terminal": {args: "device enroll dev --yes --phone", exit: exitInput, says: []string{"--phone shows a QR code, and there is no terminal to show it on"}},
		"no such profile":          {args: "device enroll nobody --yes", exit: exitProfile},
		"a source that is no key": {prepare: func(b *beginner) []string {
			b.write("config", beginnerConfig+"[profile web]\nsso_session = x\nsso_account_id = 111122223333\nsso_role_name = r\n[sso-session x]\nsso_start_url = https://example.com\nsso_region = eu-west-1\n")
			return nil
		}, args: "device enroll web --yes", exit: exitProfile, says: []string{`profile "web" has no access key of an IAM user, which is what a device belongs to`}},
		"a pasted session": {prepare: func(b *beginner) []string {
			b.write("credentials", "[dev]\naws_access_key_id = ASIAAAAAAAAAAAAAAAAA\naws_secret_access_key = SECRET\naws_session_token = x\n")
			return nil
		}, exit: exitProfile},
		"a read-only config": {prepare: func(b *beginner) []string {
			must(b.t, os.Chmod(b.path("config"), 0o400))
			return nil
		}, exit: exitProfile, says: []string{"it is read-only", "put the line there yourself"}},
		"a serial in the credentials file": {prepare: func(b *beginner) []string {
			b.write("credentials", "[dev]\naws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\nmfa_serial = arn:aws:iam::ACCOUNT:mfa/old\n")
			return nil
		}, exit: exitProfile, says: []string{"is in the credentials file, which counts before the config file and is never written"}},
		"a locked store": {prepare: func(b *beginner) []string {
			file := filepath.Join(b.home, "passphrase")
			must(b.t, os.WriteFile(file, []byte("long enough to serve\n"), 0o600))
			seedText := "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
			cmd := b.cmd("totp add arn:aws:iam::111122223333:mfa/other --stdin --yes", "AWSMFA_AGE_IDENTITY=", "AWSMFA_SEED_STORE=file", "AWSMFA_PASSPHRASE_FILE="+file)
			cmd.Stdin = strings.NewReader(seedText)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.t.Fatalf("%v\n%s", err, out)
			}
			return []string{"AWSMFA_AGE_IDENTITY="}
		}, exit: exitStore},
		"a store that is none": {prepare: func(b *beginner) []string { return []string{"AWSMFA_SEED_STORE=drawer"} }, exit: exitStore},
		"nobody to unlock a new store": {prepare: func(b *beginner) []string {
			return []string{"AWSMFA_AGE_IDENTITY=", "AWSMFA_SEED_STORE=file"}
		}, exit: exitStore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBeginner(t, row.user)
			var env []string
			if row.prepare != nil {
				env = row.prepare(b)
			}
			before := b.file("config")
			args := row.args
			if args == "" {
				args = "device enroll dev --yes"
			}
			b.says(b.run(args, env...), row.exit, row.says...)
			b.calls("EnableMFADevice", 0)
			if left := b.ours(); len(left) > 0 {
				t.Errorf("a device is left: %+v", left)
			}
			if _, found := b.record(); found || b.file("config") != before {
				t.Error("there is a record, or another config")
			}
			if name != "phone without a terminal" {
				b.calls("CreateVirtualMFADevice", 0)
			}
		})
	}
}

// The config file changes while the device is made: it is not written, and all
// else is undone.
func TestEnrollWhileTheConfigChanges(t *testing.T) {
	for name, change := range map[string]func(*beginner){
		"changed":   func(b *beginner) { b.write("config", "# theirs\n"+beginnerConfig) },
		"read-only": func(b *beginner) { must(b.t, os.Chmod(b.path("config"), 0o400)) },
		"gone":      func(b *beginner) { must(b.t, os.Remove(b.path("config"))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBeginner(t, ststest.UserOptions{})
			b.server.Fault(ststest.Fault{Kind: ststest.Slow, Match: func(r ststest.Request) bool {
				if r.Action == "EnableMFADevice" {
					change(b)
				}
				return false
			}})
			b.says(b.run("device enroll dev --yes"), exitProfile, "undone: the device is deactivated", "undone: the device is deleted", "undone: its seed is forgotten")
			want := map[string]string{"changed": "# theirs\n" + beginnerConfig, "read-only": beginnerConfig}[name]
			if got := b.file("config"); got != want {
				t.Errorf("the config file:\n%s", got)
			}
			if left := b.ours(); len(left) > 0 {
				t.Errorf("a device is left: %+v", left)
			}
		})
	}
}

// Right after a device was enabled STS may not know it, and IAM not the one
// that was made: other codes are tried, within a bound.
func TestEnrollBeforeAWSKnowsIt(t *testing.T) {
	unable := ststest.Fault{Match: ststest.OnAction("GetSessionToken"), Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied",
		Message: "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."}
	invalid := unable
	invalid.Message = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
	missing := ststest.Fault{Match: ststest.OnAction("EnableMFADevice"), Kind: ststest.ErrorAnswer, Status: 404, Code: "NoSuchEntity", Message: "does not exist"}
	conflict := ststest.Fault{Match: ststest.OnAction("DeleteVirtualMFADevice"), Kind: ststest.ErrorAnswer, Status: 409, Code: "DeleteConflict", Message: "in use"}
	for name, row := range map[string]struct {
		fault ststest.Fault
		times int
		exit  int
	}{
		"unknown to STS":             {unable, 2, 0},
		"refused by STS":             {invalid, 3, 0},
		"unknown to IAM":             {missing, 2, 0},
		"unknown to STS for long":    {unable, 0, exitDenied},
		"refused by STS for long":    {invalid, 0, exitCode},
		"unknown to IAM for long":    {missing, 0, exitFailure},
		"in use for a while, undone": {conflict, 2, exitDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBeginner(t, ststest.UserOptions{})
			f := row.fault
			f.Times = row.times
			b.server.Fault(f)
			if strings.Contains(name, "undone") {
				b.server.Fault(ststest.Fault{Match: unable.Match, Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied", Message: "no"})
			}
			b.says(b.run("device enroll dev --yes"), row.exit)
			if row.exit == 0 {
				b.works()
				return
			}
			b.nothing()
		})
	}
}

// A clock that is off is corrected for, and said by how much. Where it shows
// only when the codes are refused, others are tried once it is known.
func TestEnrollWithAWrongClock(t *testing.T) {
	for by, says := range map[string]string{
		"95s": "ahead of AWS's", "-95s": "behind AWS's", "20m": "20 min ahead of AWS's", "-20m": "20 min behind AWS's",
	} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			b := newBeginner(t, ststest.UserOptions{})
			d, err := time.ParseDuration(by)
			must(t, err)
			must(t, moveClock(b.clock, d))
			o := b.run("device enroll dev --yes")
			b.says(o, 0, says)
			if n := strings.Count(o.stderr, "this machine's clock"); n != 1 {
				t.Errorf("said %d times:\n%s", n, o.stderr)
			}
			b.calls("EnableMFADevice", 1)
			b.works()
		})
		t.Run(by+", found out late", func(t *testing.T) {
			t.Parallel()
			b := newBeginner(t, ststest.UserOptions{})
			d, err := time.ParseDuration(by)
			must(t, err)
			moved := false
			b.server.Fault(ststest.Fault{Kind: ststest.Slow, Match: func(r ststest.Request) bool {
				// The last answer before the codes are made: the clock is set now.
				if r.Action == "CreateVirtualMFADevice" && !moved {
					moved = true
					must(t, moveClock(b.clock, d))
				}
				return false
			}})
			b.server.Fault(ststest.Fault{Kind: ststest.NoDate, Match: ststest.OnAction("CreateVirtualMFADevice")})
			b.says(b.run("device enroll dev --yes"), 0, says)
			// AWS takes codes that are a little off, and has to be told then.
			if n := b.server.Calls("EnableMFADevice") + b.server.Calls("ResyncMFADevice"); n != 2 {
				t.Errorf("codes were sent %d times", n)
			}
			b.works()
		})
	}
}

// Two enrolments at a time make one device; the second is told.
func TestEnrollTwiceAtATime(t *testing.T) {
	t.Parallel()
	b := newBeginner(t, ststest.UserOptions{})
	b.server.Fault(ststest.Fault{Kind: ststest.Slow, Delay: 400 * time.Millisecond, Match: ststest.OnAction("EnableMFADevice")})
	outcomes := b.all([]*exec.Cmd{b.cmd("device enroll dev --yes"), b.cmd("device enroll dev --yes")})
	if outcomes[0].code != 0 {
		outcomes[0], outcomes[1] = outcomes[1], outcomes[0]
	}
	b.says(outcomes[0], 0)
	b.says(outcomes[1], exitFailure, "a seed of this device is stored here already", "awsmfa device enroll dev --name dev-2")
	b.calls("CreateVirtualMFADevice", 1)
	b.works()
}

// Who may not ask who he is, nor list anything, can enroll all the same.
func TestEnrollWithoutRights(t *testing.T) {
	t.Parallel()
	b := newBeginner(t, ststest.UserOptions{Deny: []string{"iam:GetUser", "iam:ListVirtualMFADevices", "iam:ListMFADevices"}})
	b.says(b.run("device enroll dev --yes"), 0)
	b.works()
}

// The places in which a profile may stand, and the ways to name the device.
func TestEnrollWhereverTheProfileIs(t *testing.T) {
	for name, row := range map[string]struct {
		config, credentials string // "-" is no file
		args                string
		env                 string
		at, want            string // the file that is written
	}{
		"a role": {
			config: beginnerConfig + "[profile admin]\nrole_arn = arn:aws:iam::ACCOUNT:role/Admin\nsource_profile = dev\n", args: "device enroll admin --yes",
			want: beginnerConfig + "mfa_serial = arn:aws:iam::ACCOUNT:mfa/dev\n[profile admin]\nrole_arn = arn:aws:iam::ACCOUNT:role/Admin\nsource_profile = dev\n",
		},
		"a name":                   {args: "device enroll dev --yes --name laptop", want: beginnerConfig + "mfa_serial = arn:aws:iam::ACCOUNT:mfa/laptop\n"},
		"no config file":           {config: "-", want: "[profile dev]\nmfa_serial = arn:aws:iam::ACCOUNT:mfa/dev\n"},
		"default, no config file":  {config: "-", credentials: "[default]\naws_access_key_id = KEY_ID\naws_secret_access_key = SECRET\n", args: "device enroll --yes", want: "[default]\nmfa_serial = arn:aws:iam::ACCOUNT:mfa/dev\n"},
		"a config file elsewhere":  {config: "-", env: "AWS_CONFIG_FILE", at: "elsewhere", want: "[profile dev]\nmfa_serial = arn:aws:iam::ACCOUNT:mfa/dev\n"},
		"another device named now": {config: beginnerConfig + "mfa_serial = arn:aws:iam::ACCOUNT:mfa/old\n", want: beginnerConfig + "mfa_serial = arn:aws:iam::ACCOUNT:mfa/dev\n"},
		"a FIDO key named now":     {config: beginnerConfig + "mfa_serial = arn:aws:iam::ACCOUNT:u2f/user/dev/key-ABC\n", want: beginnerConfig + "mfa_serial = arn:aws:iam::ACCOUNT:mfa/dev\n"},
		"named before it is made":  {config: beginnerConfig + "mfa_serial = arn:aws:iam::ACCOUNT:mfa/dev\n", want: beginnerConfig + "mfa_serial = arn:aws:iam::ACCOUNT:mfa/dev\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBeginner(t, ststest.UserOptions{})
			if row.config == "-" {
				must(t, os.Remove(b.path("config")))
			} else if row.config != "" {
				b.write("config", row.config)
			}
			if row.credentials != "" {
				b.write("credentials", row.credentials)
			}
			at, env := "config", []string{}
			if row.env != "" {
				at, env = row.at, []string{row.env + "=" + b.path(row.at)}
			}
			before := b.file(at)
			// At first the login fails: the file is what it was, or gone.
			b.server.Fault(denied("GetSessionToken"))
			args := row.args
			if args == "" {
				args = "device enroll dev --yes"
			}
			b.says(b.run(args, env...), exitDenied, "undone: its seed is forgotten")
			if got := b.file(at); got != before || before == "" && fileExists(b.path(at)) {
				t.Errorf("after the failure:\n%s", got)
			}
			b.server.ClearFaults()
			b.says(b.run(args, env...), 0)
			if got := b.file(at); got != strings.ReplaceAll(row.want, "ACCOUNT", b.user.Account) {
				t.Errorf("written:\n%s", got)
			}
			if one, found := b.record(); found || len(b.ours()) != 1 {
				t.Errorf("%+v %+v", one, b.ours())
			}
			b.clean()
		})
	}
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// A process that is stopped when its codes are made, and goes on when their
// time is over, sends others.
func TestEnrollStoppedBeforeTheCodesLeave(t *testing.T) {
	t.Parallel()
	b := newBeginner(t, ststest.UserOptions{}, ststest.WithTLS())
	ca := filepath.Join(b.home, "ca.pem")
	must(t, os.WriteFile(ca, b.server.CAPEM(), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	r := &relay{l, make(chan struct{}), make(chan struct{})}
	const enable = 3 // the connection after that of the two reading calls, and CreateVirtualMFADevice's own
	go func() {
		for n := 1; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(conn, strings.TrimPrefix(b.server.URL(), "https://"), n == enable)
		}
	}()
	url := "https://" + l.Addr().String()
	cmd := b.cmd("device enroll dev --yes --debug", "AWS_CA_BUNDLE="+ca, "AWS_ENDPOINT_URL_STS="+url, "AWS_ENDPOINT_URL_IAM="+url)
	var said strings.Builder
	cmd.Stderr = &said
	must(t, cmd.Start())
	defer cmd.Process.Kill()
	<-r.came
	must(t, cmd.Process.Signal(syscall.SIGSTOP))
	untilState(t, cmd.Process.Pid, "T")
	b.server.Clock().Advance(40 * time.Second)
	must(t, moveClock(b.clock, readClock(b.clock)+40*time.Second))
	must(t, cmd.Process.Signal(syscall.SIGCONT))
	close(r.goOn)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if !strings.Contains(said.String(), "EnableMFADevice: too late after") {
		t.Errorf("no codes were too late:\n%s", said.String())
	}
	b.calls("EnableMFADevice", 1)
}

// onPassphrase has the seeds in files under a passphrase, which is asked for.
var onPassphrase = []string{"AWSMFA_AGE_IDENTITY=", "AWSMFA_SEED_STORE=file"}

const goodPassphrase = "long enough to serve"

// The passphrase is asked for before the device is made.
func TestEnrollAsksForThePassphraseFirst(t *testing.T) {
	needTerminal(t)
	enroll := `"$AWSMFA" device enroll dev --yes; echo "exit $?"`
	t.Run("new, and given up", func(t *testing.T) {
		t.Parallel()
		b := newBeginner(t, ststest.UserOptions{})
		tm := b.terminal(enroll, onPassphrase...)
		tm.until("New passphrase")
		tm.typeIn("\x03")
		tm.until("exit 130")
		b.calls("CreateVirtualMFADevice", 0)
		b.nothing()
	})
	t.Run("new", func(t *testing.T) {
		t.Parallel()
		b := newBeginner(t, ststest.UserOptions{})
		tm := b.terminal(enroll, onPassphrase...)
		tm.until("New passphrase")
		tm.typeIn(goodPassphrase + "\n")
		tm.until("The same again: ")
		b.calls("CreateVirtualMFADevice", 0)
		tm.typeIn(goodPassphrase + "\n")
		tm.until("exit 0")
		if n := strings.Count(tm.screen(), "assphrase for the stored seeds: "); n != 1 {
			t.Errorf("asked %d times:\n%s", n, tm.screen())
		}
	})
	t.Run("that of other seeds, wrong twice", func(t *testing.T) {
		t.Parallel()
		b := newBeginner(t, ststest.UserOptions{})
		file := filepath.Join(b.home, "passphrase")
		must(t, os.WriteFile(file, []byte(goodPassphrase+"\n"), 0o600))
		cmd := b.cmd("totp add arn:aws:iam::111122223333:mfa/other --stdin --yes", append(onPassphrase, "AWSMFA_PASSPHRASE_FILE="+file)...)
		cmd.Stdin = strings.NewReader("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		tm := b.terminal(enroll, onPassphrase...)
		const ask = "Passphrase of the stored seeds: "
		tm.until(ask)
		tm.typeIn("wrong\n")
		tm.untilNth(ask, 2)
		tm.typeIn("wrong again\n")
		tm.untilNth(ask, 3)
		b.calls("CreateVirtualMFADevice", 0)
		tm.typeIn(goodPassphrase + "\n")
		tm.until("exit 0")
		b.calls("CreateVirtualMFADevice", 1)
	})
}

// untilNth waits until text is on the screen so often.
func (tm *terminal) untilNth(text string, n int) {
	tm.t.Helper()
	for deadline := time.Now().Add(testPatience); strings.Count(tm.screen(), text) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tm.t.Fatalf("%q came not %d times; the screen shows:\n%s", text, n, tm.screen())
		}
	}
}

func needTerminal(t *testing.T) {
	t.Helper()
	master, tty, err := pty.Open(24, 80)
	if err != nil {
		t.Skip(err)
	}
	master.Close()
	tty.Close()
}

// A no, and ^C at each question and in each wait.
func TestEnrollBrokenOff(t *testing.T) {
	needTerminal(t)
	for name, row := range map[string]struct {
		flags  string
		before string // on the screen, then
		answer string
		exit   string
		slow   string // a call that hangs, in which it is broken off
		undone bool
	}{
		"no":                 {before: "go on? [y/N]", answer: "n\n", exit: "exit 1"},
		"nothing":            {before: "go on? [y/N]", answer: "\n", exit: "exit 1"},
		"^C at the question": {before: "go on? [y/N]", answer: "\x03", exit: "exit 130"},
		"^D at the question": {before: "go on? [y/N]", answer: "\x04", exit: "exit 4"},
		"^C at the QR code":  {flags: "--yes --phone", before: "then press Enter", answer: "\x03", exit: "exit 130", undone: true},
		"^C while making":    {flags: "--yes", slow: "CreateVirtualMFADevice", answer: "\x03", exit: "exit 130", undone: true},
		"^C while enabling":  {flags: "--yes", slow: "EnableMFADevice", answer: "\x03", exit: "exit 130", undone: true},
		"^C in the login":    {flags: "--yes", slow: "GetSessionToken", answer: "\x03", exit: "exit 130", undone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBeginner(t, ststest.UserOptions{})
			if row.slow != "" {
				b.server.Fault(ststest.Fault{Kind: ststest.Hang, After: true, Match: ststest.OnAction(row.slow)})
			}
			tm := b.terminal(`"$AWSMFA" device enroll dev ` + row.flags + `; echo "exit $?"`)
			if row.slow != "" {
				if !b.server.WaitFor(1, testPatience, ststest.OnAction(row.slow)) {
					t.Fatalf("%s never came:\n%s", row.slow, tm.screen())
				}
			} else {
				tm.until(row.before)
			}
			tm.typeIn(row.answer)
			tm.until("exit ")
			if !strings.Contains(tm.screen(), row.exit) || strings.Contains(tm.screen(), "undone: the device is deleted") != row.undone {
				t.Errorf("not %s, or not undone:\n%s", row.exit, tm.screen())
			}
			b.server.ClearFaults()
			b.nothing()
		})
	}
	t.Run("^C in the wait for a code", func(t *testing.T) {
		t.Parallel()
		b := newBeginner(t, ststest.UserOptions{})
		b.env = append(b.env, "AWSMFA_TEST_SLEEP=") // a real wait
		tm := b.terminal(`"$AWSMFA" device enroll dev --yes; echo "exit $?"`)
		tm.until("waiting for the next MFA code: ")
		tm.typeIn("\x03")
		tm.until("exit 130")
		b.nothing()
	})
}

// What a phone scans from the terminal is the seed that is stored.
func TestEnrollShowsThePhone(t *testing.T) {
	needTerminal(t)
	t.Parallel()
	b := newBeginner(t, ststest.UserOptions{})
	tm := b.terminal(`stty rows 80; "$AWSMFA" device enroll dev --yes --phone; echo "exit $?"`)
	tm.until("then press Enter")
	s, err := seed.ParseQR(bytes.NewReader(photo(t, tm.screen())))
	must(t, err)
	tm.typeIn("\n")
	tm.until("exit 0")
	if !strings.Contains(tm.screen(), "A\x1b[J") {
		t.Error("the QR code stays on the screen")
	}
	stored, err := b.vault().Load(t.Context(), b.ours()[0].Serial)
	must(t, err)
	now := b.server.Clock().Now()
	got, _ := s.Code(now)
	want, _ := stored.Code(now)
	if got != want || s.Issuer() != "Amazon Web Services" || s.Label() != "dev@"+b.user.Account {
		t.Errorf("the phone has another seed, or %q, %q", s.Issuer(), s.Label())
	}
}

// photo is a picture of the QR code on a screen, whose characters are two
// squares each, the upper one in the colour of the text.
func photo(t *testing.T, screen string) []byte {
	t.Helper()
	const unit = 6
	var rows [][]rune
	for _, line := range strings.Split(screen, "\n") {
		_, squares, found := strings.Cut(line, "\x1b[38;5;16;48;5;231m")
		if squares, _, ended := strings.Cut(squares, "\x1b[0m"); found && ended {
			rows = append(rows, []rune(squares))
		}
	}
	if len(rows) == 0 {
		t.Fatalf("no QR code on the screen:\n%q", screen)
	}
	picture := image.NewGray(image.Rect(0, 0, len(rows[0])*unit, 2*len(rows)*unit))
	for y, row := range rows {
		for x, r := range row {
			for half, dark := range []bool{strings.ContainsRune("█▀", r), strings.ContainsRune("█▄", r)} {
				if !dark {
					at := image.Pt(x*unit, (2*y+half)*unit)
					draw.Draw(picture, image.Rectangle{at, at.Add(image.Pt(unit, unit))}, image.White, image.Point{}, draw.Src)
				}
			}
		}
	}
	var out bytes.Buffer
	must(t, png.Encode(&out, picture))
	return out.Bytes()
}
