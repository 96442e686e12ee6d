package command

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"awsmfa/stsclient/ststest"
)

// scriptCommands are what scripts can do beside testscript's own commands:
//
//	code [NAME]            put the user's next unused code into CODE, or NAME
//	calls ACTION N         the server saw ACTION N times since the start or "forget"
//	forget                 empty the server's log
//	codes-once             no code was seen twice (also checked by every "calls")
//	clock BY               move both clocks, the server's and awsmfa's (clock 2h)
//	local-clock BY         move awsmfa's clock alone (BY is from the real clock)
//	aws-files              write config and credentials into HOME again, variables replaced
//	fault KIND [ACTION] [TIMES]   break the server's next answers
//	heal                   take all faults away
//	stop-server            from here on there is no network
//	user NAME PREFIX       mint another user; PREFIX_KEY_ID, PREFIX_SECRET, PREFIX_SERIAL
//	device KIND NAME       give alice another device: virtual or fido; its serial in DEVICE
//	role NAME [OPTION…]    add a role: no-mfa, external-id=X, max=1h
//	rotate-key             retire alice's key; KEY_ID and SECRET are the new one
//	setenv-from NAME FILE  put a file's text, less the last newline, into a variable
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"code": cmdCode, "calls": cmdCalls, "forget": cmdForget, "codes-once": cmdCodesOnce, "clock": cmdClock,
		"local-clock": cmdLocalClock, "aws-files": cmdAWSFiles, "fault": cmdFault, "heal": cmdHeal,
		"stop-server": cmdStopServer, "user": cmdUser, "device": cmdDevice, "role": cmdRole,
		"rotate-key": cmdRotateKey, "setenv-from": cmdSetenvFrom,
	}
}

func onStage(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

func want(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func cmdCode(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) <= 1, "code [NAME]")
	ts.Setenv(append(args, "CODE")[0], onStage(ts).user.NextCode())
}

func cmdCalls(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 2, "calls ACTION N")
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := onStage(ts).server.Calls(args[0]); got != n {
		ts.Fatalf("%s was called %d times, want %d", args[0], got, n)
	}
	cmdCodesOnce(ts, false, nil)
}

func cmdForget(ts *testscript.TestScript, _ bool, _ []string) { onStage(ts).server.ForgetRequests() }

func cmdCodesOnce(ts *testscript.TestScript, _ bool, _ []string) {
	if twice := onStage(ts).server.CodesSeenTwice(); len(twice) > 0 {
		ts.Fatalf("codes were sent twice: %+v", twice)
	}
}

func cmdClock(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 1, "clock BY")
	by, err := time.ParseDuration(args[0])
	ts.Check(err)
	s := onStage(ts)
	s.server.Clock().Advance(by)
	s.setLocalClock(ts, s.moved+by)
}

func cmdLocalClock(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 1, "local-clock BY")
	by, err := time.ParseDuration(args[0])
	ts.Check(err)
	onStage(ts).setLocalClock(ts, by)
}

func (s *stage) setLocalClock(ts *testscript.TestScript, by time.Duration) {
	s.moved = by
	ts.Check(os.WriteFile(filepath.Join(s.dir, "clock"), []byte(by.String()), 0o600))
}

func cmdAWSFiles(ts *testscript.TestScript, _ bool, _ []string) {
	s := onStage(ts)
	if changed := s.changedFiles(); changed != "" {
		ts.Fatalf("the run touched %s", changed)
	}
	ts.Check(s.writeFiles(ts.Getenv))
}

func cmdFault(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, 1 <= len(args) && len(args) <= 3, "fault KIND [ACTION] [TIMES]")
	f := ststest.Fault{Kind: ststest.Kind(args[0])}
	if len(args) > 1 {
		f.Match = func(r ststest.Request) bool { return r.Action == args[1] }
	}
	if len(args) > 2 {
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		f.Times = n
	}
	onStage(ts).server.Fault(f)
}

func cmdHeal(ts *testscript.TestScript, _ bool, _ []string) { onStage(ts).server.ClearFaults() }

func cmdStopServer(ts *testscript.TestScript, _ bool, _ []string) { onStage(ts).server.Close() }

func cmdUser(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 2, "user NAME PREFIX")
	u := onStage(ts).server.NewUser(args[0])
	ts.Setenv(args[1]+"_KEY_ID", u.AccessKeyID)
	ts.Setenv(args[1]+"_SECRET", u.SecretAccessKey)
	ts.Setenv(args[1]+"_SERIAL", u.MFASerial)
	ts.Setenv(args[1]+"_CODE", u.NextCode())
}

func cmdDevice(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 2, "device virtual|fido NAME")
	add := onStage(ts).user.AddDevice
	if args[0] == "fido" {
		add = onStage(ts).user.AddFIDO
	}
	d, err := add(args[1])
	ts.Check(err)
	ts.Setenv("DEVICE", d.Serial)
	ts.Setenv("DEVICE_CODE", d.NextCode())
}

func cmdRole(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) >= 1, "role NAME [OPTION…]")
	s := onStage(ts)
	r := ststest.Role{ARN: "arn:aws:iam::" + s.user.Account + ":role/" + args[0], RequireMFA: true, MaxDuration: 12 * time.Hour}
	for _, option := range args[1:] {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "no-mfa":
			r.RequireMFA = false
		case "external-id":
			r.ExternalID = value
		case "max":
			d, err := time.ParseDuration(value)
			ts.Check(err)
			r.MaxDuration = d
		default:
			ts.Fatalf("role has no option %q", option)
		}
	}
	ts.Check(s.server.AddRole(r))
}

func cmdRotateKey(ts *testscript.TestScript, _ bool, _ []string) {
	s := onStage(ts)
	s.user = s.user.RotateKey()
	ts.Setenv("KEY_ID", s.user.AccessKeyID)
	ts.Setenv("SECRET", s.user.SecretAccessKey)
}

func cmdSetenvFrom(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 2, "setenv-from NAME FILE")
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile(args[1]), "\n"))
}
