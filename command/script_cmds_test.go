package command

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"awsmfa/seed"
	"awsmfa/stsclient/ststest"
)

// scriptCommands are what scripts can do beside testscript's own commands:
//
//	code [NAME]            put the user's next unused code into CODE, or NAME; awsmfa's
//	                       clock follows when the server's moves on for it
//	calls ACTION N         the server saw ACTION N times since the start or "forget"
//	forget                 empty the server's log
//	codes-once             no code was seen twice (also checked by every "calls")
//	clock BY               move both clocks, the server's and awsmfa's (clock 2h)
//	local-clock BY         move awsmfa's clock alone (BY is from the real clock; right: as the server's)
//	aws-files              write config and credentials into HOME again, variables replaced
//	fault KIND [ACTION] [TIMES] [skew=95s] [status=403] [code=X] [message=Y]   break the server's next answers
//	sent ACTION FIELD=VALUE…   the last ACTION that the server saw had these values,
//	                       or, with "!", not all of them; fields: key role name external duration serial code depth
//	entries N              the cache holds N sessions
//	damage KIND            spoil every cached session: cut, empty, junk, null, list, types, wide, link, hardlink, fifo, foreign (root)
//	exit N PROGRAM ARG…    exec, which must end with exit code N
//	one-line FILE          the file, or stdout or stderr, is one line
//	says LINE…             stderr is these lines, less their "awsmfa: " and the line about
//	                       what the shell holds; $NAMES are replaced, (*) stands for any text;
//	                       no secret and no escape is on either stream
//	raw FILE TEXT [TIMES]  write a file of HOME/.aws with TEXT, in which \x.. are bytes
//	seed [wrong] [PASSPHRASE]   store the seed of alice's device, or another one, in encrypted files,
//	                       unlocked by AWSMFA_AGE_IDENTITY, or by the passphrase in the file "passphrase"
//	identity               make an age identity and name it in AWSMFA_AGE_IDENTITY
//	heal                   take all faults away
//	stop-server            from here on there is no network
//	user NAME PREFIX [deny-iam] [no-device]   mint another user; PREFIX_KEY_ID, PREFIX_SECRET, PREFIX_SERIAL, PREFIX_CODE
//	device KIND NAME [USER]   give alice, or USER, another device: virtual, fido or hardware; its serial
//	                       in DEVICE, a code in DEVICE_CODE
//	role NAME [OPTION…]    add a role: no-mfa, external-id=X, max=1h
//	rotate-key             retire alice's key; KEY_ID and SECRET are the new one
//	for-each 'A B' REGEXP COMMAND…   run the command for each word, which stands for NAME in it,
//	                       and match its stdout; COMMAND may begin with exit N
//	setenv-from NAME FILE  put a file's text, less the last newline, into a variable
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"code": cmdCode, "calls": cmdCalls, "forget": cmdForget, "codes-once": cmdCodesOnce, "clock": cmdClock,
		"local-clock": cmdLocalClock, "aws-files": cmdAWSFiles, "fault": cmdFault, "heal": cmdHeal,
		"stop-server": cmdStopServer, "user": cmdUser, "device": cmdDevice, "role": cmdRole,
		"rotate-key": cmdRotateKey, "setenv-from": cmdSetenvFrom, "for-each": cmdForEach,
		"exit": cmdExit, "one-line": cmdOneLine, "sent": cmdSent, "entries": cmdEntries, "damage": cmdDamage,
		"says": cmdSays, "raw": cmdRaw, "seed": cmdSeed, "identity": cmdIdentity,
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
	s := onStage(ts)
	before := s.server.Clock().Now()
	code := s.user.NextCode()
	if by := s.server.Clock().Now().Sub(before).Round(time.Second); by > 0 {
		s.setLocalClock(ts, readClock(s.clockFile())+by)
	}
	ts.Setenv(append(args, "CODE")[0], code)
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
	s.setLocalClock(ts, readClock(s.clockFile())+by)
}

func cmdLocalClock(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 1, "local-clock BY|right")
	if args[0] == "right" {
		args[0] = time.Until(onStage(ts).server.Clock().Now()).Round(time.Second).String()
	}
	by, err := time.ParseDuration(args[0])
	ts.Check(err)
	onStage(ts).setLocalClock(ts, by)
}

func (s *stage) setLocalClock(ts *testscript.TestScript, by time.Duration) {
	ts.Check(moveClock(s.clockFile(), by))
}

// clockFile holds how far awsmfa's clock is from the real one.
func (s *stage) clockFile() string { return filepath.Join(s.dir, "clock") }

func cmdSeed(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) <= 2, "seed [wrong] [PASSPHRASE]")
	s := onStage(ts)
	text := s.user.Seed
	if len(args) > 0 && args[0] == "wrong" {
		text, args = s.server.NewUser("seedling").Seed, args[1:]
	}
	o := seed.Options{Dir: filepath.Join(s.dir, "home", ".local", "share", "awsmfa"), Store: "file"}
	ts.Setenv("AWSMFA_UNLOCK_TTL", "0") // nothing in the kernel's keyring
	if len(args) > 0 {
		o.PassphraseFile = filepath.Join(s.dir, "passphrase")
		ts.Check(os.WriteFile(o.PassphraseFile, []byte(args[0]+"\n"), 0o600))
	} else {
		o.AgeIdentity = filepath.Join(s.dir, "identity")
		ts.Setenv("AWSMFA_AGE_IDENTITY", o.AgeIdentity)
		ts.Check(writeIdentity(o.AgeIdentity))
	}
	ts.Check(addSeed(o, s.user.MFASerial, text))
}

func cmdIdentity(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 0, "identity")
	path := filepath.Join(onStage(ts).dir, "identity")
	ts.Check(writeIdentity(path))
	ts.Setenv("AWSMFA_AGE_IDENTITY", path)
	ts.Setenv("AWSMFA_SEED_STORE", "file")
	ts.Setenv("AWSMFA_UNLOCK_TTL", "0")
}

// writeIdentity makes an age identity, which unlocks seeds without a passphrase.
func writeIdentity(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(id.String()+"\n"), 0o600)
}

func addSeed(o seed.Options, serial, text string) error {
	one, err := seed.Parse([]byte(text))
	if err != nil {
		return err
	}
	return seed.Open(o).Add(context.Background(), serial, one, true)
}

func cmdAWSFiles(ts *testscript.TestScript, _ bool, _ []string) {
	s := onStage(ts)
	if changed := s.changedFiles(); changed != "" {
		ts.Fatalf("the run touched %s", changed)
	}
	ts.Check(s.writeFiles(ts.Getenv))
}

func cmdFault(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) >= 1, "fault KIND [ACTION] [TIMES] [skew=95s] [status=403] [code=X] [message=Y]")
	f := ststest.Fault{Kind: ststest.Kind(args[0])}
	for _, arg := range args[1:] {
		name, value, named := strings.Cut(arg, "=")
		n, err := strconv.Atoi(or(value, name))
		switch {
		case !named && err == nil:
			f.Times = n
		case !named:
			f.Match = func(r ststest.Request) bool { return r.Action == name }
		case name == "skew":
			f.Skew, err = time.ParseDuration(value)
			ts.Check(err)
		case name == "status":
			f.Status = n
		case name == "code":
			f.Code = value
		case name == "message":
			f.Message = value
		default:
			ts.Fatalf("fault has no option %q", arg)
		}
	}
	onStage(ts).server.Fault(f)
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

func cmdHeal(ts *testscript.TestScript, _ bool, _ []string) { onStage(ts).server.ClearFaults() }

func cmdStopServer(ts *testscript.TestScript, _ bool, _ []string) { onStage(ts).server.Close() }

func cmdUser(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) >= 2, "user NAME PREFIX [deny-iam] [no-device]")
	o := ststest.UserOptions{Name: args[0], DenyIAM: slices.Contains(args[2:], "deny-iam"), NoDevice: slices.Contains(args[2:], "no-device")}
	u, err := onStage(ts).server.NewUserWith(o)
	ts.Check(err)
	ts.Setenv(args[1]+"_KEY_ID", u.AccessKeyID)
	ts.Setenv(args[1]+"_SECRET", u.SecretAccessKey)
	ts.Setenv(args[1]+"_SERIAL", u.MFASerial)
	if u.MFASerial != "" {
		ts.Setenv(args[1]+"_CODE", u.NextCode())
	}
}

func cmdDevice(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 2 || len(args) == 3, "device virtual|fido|hardware NAME [USER]")
	owner := onStage(ts).user
	if len(args) == 3 {
		owner = onStage(ts).server.User(args[2])
	}
	add := owner.AddDevice
	switch args[0] {
	case "fido":
		add = owner.AddFIDO
	case "hardware":
		add = owner.AddHardwareDevice
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

func cmdForEach(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, len(args) >= 3, "for-each 'A B' REGEXP COMMAND…")
	for _, name := range strings.Fields(args[0]) {
		matches, err := regexp.Compile("(?m)" + strings.ReplaceAll(args[1], "NAME", regexp.QuoteMeta(name)))
		ts.Check(err)
		words := make([]string, len(args)-2)
		for i, w := range args[2:] {
			words[i] = strings.ReplaceAll(w, "NAME", name)
		}
		if words[0] == "exit" {
			cmdExit(ts, neg, words[1:])
		} else if err := ts.Exec(words[0], words[1:]...); (err != nil) != neg {
			ts.Fatalf("%q: %v", words, err)
		}
		if out := ts.ReadFile("stdout"); !matches.MatchString(out) {
			ts.Fatalf("%q: no match for %s", words, matches)
		}
	}
}

func cmdSetenvFrom(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 2, "setenv-from NAME FILE")
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile(args[1]), "\n"))
}

func cmdSent(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, len(args) >= 2, "sent ACTION FIELD=VALUE…")
	var last *ststest.Request
	for _, r := range onStage(ts).server.Requests() {
		if r.Action == args[0] {
			last = &r
		}
	}
	if last == nil {
		ts.Fatalf("%s was never called", args[0])
	}
	same := true
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		got := map[string]string{
			"key": last.AccessKeyID, "role": last.RoleARN, "name": last.SessionName, "external": last.ExternalID,
			"duration": last.Duration, "serial": last.Serial, "code": strconv.FormatBool(last.HasCode), "depth": strconv.Itoa(last.ChainDepth),
		}
		if got[name] != value {
			same = false
			if !neg {
				ts.Fatalf("%s had %s %q, want %q", args[0], name, got[name], value)
			}
		}
	}
	if neg && same {
		ts.Fatalf("%s had all of %q", args[0], args[1:])
	}
}

func cachedFiles(ts *testscript.TestScript) []string {
	files, err := filepath.Glob(filepath.Join(ts.Getenv("CACHE"), "sessions", "*"))
	ts.Check(err)
	return files
}

func cmdEntries(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 1, "entries N")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := cachedFiles(ts); len(got) != n {
		ts.Fatalf("the cache holds %d files, want %d: %q", len(got), n, got)
	}
}

func cmdDamage(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 1, "damage cut|empty|junk|null|list|types|wide|link|hardlink|fifo|foreign")
	files := cachedFiles(ts)
	if len(files) == 0 {
		ts.Fatalf("nothing to damage")
	}
	for i, file := range files {
		text, err := os.ReadFile(file)
		ts.Check(err)
		aside := filepath.Join(onStage(ts).dir, "aside-"+strconv.Itoa(i))
		switch args[0] {
		case "cut":
			err = os.WriteFile(file, text[:len(text)-len(text)/3], 0o600)
		case "empty":
			err = os.WriteFile(file, nil, 0o600)
		case "junk":
			err = os.WriteFile(file, []byte("key=\x00\nexpires=99999999999999999999\n"), 0o600)
		case "wide":
			err = os.Chmod(file, 0o644)
		case "link":
			ts.Check(os.Rename(file, aside))
			err = os.Symlink(aside, file)
		case "hardlink":
			os.Remove(aside)
			err = os.Link(file, aside)
		case "null", "types", "list":
			err = os.WriteFile(file, []byte(map[string]string{
				"null": "null\n", "list": "[]\n", "types": `{"AccessKeyId": 1, "Expiration": {}}`}[args[0]]), 0o600)
		case "foreign":
			err = os.Chown(file, 12345, -1)
		case "fifo":
			ts.Check(os.Remove(file))
			err = exec.Command("mkfifo", file).Run()
		default:
			ts.Fatalf("no such damage: %s", args[0])
		}
		ts.Check(err)
	}
}

func cmdExit(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) >= 2, "exit N PROGRAM ARG…")
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	var status *exec.ExitError
	switch err = ts.Exec(args[1], args[2:]...); {
	case err == nil && code == 0:
	case errors.As(err, &status) && status.ExitCode() == code:
	default:
		ts.Fatalf("ended with %v, want exit code %d", err, code)
	}
}

func cmdOneLine(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 1, "one-line FILE")
	text := ts.ReadFile(args[0])
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") {
		ts.Fatalf("not one line: %q", text)
	}
}

func cmdSays(ts *testscript.TestScript, _ bool, args []string) {
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if strings.ContainsFunc(stdout+stderr, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
		ts.Fatalf("a control character is printed: %q %q", stdout, stderr)
	}
	if secret := onStage(ts).user.SecretAccessKey; strings.Contains(stdout+stderr, secret) {
		ts.Fatalf("the secret access key is printed")
	}
	var said []string
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "awsmfa: this shell ") {
			said = append(said, strings.TrimSuffix(line, "\n"))
		}
	}
	for i, arg := range args {
		wanted := regexp.QuoteMeta("awsmfa: " + os.Expand(arg, ts.Getenv))
		wanted = "^" + strings.ReplaceAll(wanted, `\(\*\)`, ".*") + "$"
		if i >= len(said) || !regexp.MustCompile(wanted).MatchString(said[i]) {
			ts.Fatalf("line %d is not as wanted: %s\n%s", i+1, arg, strings.Join(said, "\n"))
		}
	}
	if len(said) > len(args) {
		ts.Fatalf("more is said than wanted:\n%s", strings.Join(said, "\n"))
	}
}

func cmdRaw(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, len(args) == 2 || len(args) == 3, "raw FILE TEXT [TIMES]")
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(os.Expand(args[1], ts.Getenv), `"`, `\"`) + `"`)
	ts.Check(err)
	if len(args) == 3 {
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		text = strings.Repeat(text, n)
	}
	path := filepath.Join(onStage(ts).dir, "home", ".aws", args[0])
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.WriteString(text)
	ts.Check(err)
	ts.Check(f.Close())
	onStage(ts).files[path] = fingerprint(path)
}
