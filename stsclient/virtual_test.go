package stsclient

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"awsmfa/credentials"
	"awsmfa/stsclient/ststest"
)

const testSeed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

func iamXML(action, result string) string {
	if result != "" {
		result = "<" + action + "Result>" + result + "</" + action + "Result>"
	}
	return "<" + action + `Response xmlns="` + iamNS + `">` + result + "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></" + action + "Response>"
}

func createdXML(serial, seed string) string {
	return iamXML("CreateVirtualMFADevice", "<VirtualMFADevice><SerialNumber>"+serial+"</SerialNumber><Base32StringSeed>"+seed+"</Base32StringSeed><QRCodePNG>iVBORw0KGgo=</QRCodePNG></VirtualMFADevice>")
}

func userXML(inside string) string { return iamXML("GetUser", "<User>"+inside+"</User>") }

func virtualXML(members, more string) string {
	return iamXML("ListVirtualMFADevices", "<VirtualMFADevices>"+members+"</VirtualMFADevices>"+more)
}

func wrapped(seed string) string { return base64.StdEncoding.EncodeToString([]byte(seed)) }

// bare starts the stand-in with a user that has a key and nothing else.
func bare(t *testing.T, o ststest.UserOptions) (*ststest.Server, *ststest.User, credentials.Credentials) {
	t.Helper()
	s := ststest.New()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	s.Clock().Freeze()
	o.Name, o.NoDevice = "dev", true
	u, err := s.NewUserWith(o)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := credentials.New(u.AccessKeyID, u.SecretAccessKey, "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return s, u, keys
}

// codeOf makes the code of a step from what the client was given.
func codeOf(t *testing.T, seed SeedText, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(string(seed.Bytes()), at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// From a key alone to a device that logs in, and back to nothing.
func TestLifeOfADevice(t *testing.T) {
	s, _, keys := bare(t, ststest.UserOptions{})
	c, _ := client(t, Config{Endpoint: s.URL(), IAMEndpoint: s.URL(), Now: s.Clock().Now})
	who, err := c.GetUser(t.Context(), keys)
	if err != nil || who != (User{"dev", "arn:aws:iam::111122223333:user/dev", "111122223333"}) {
		t.Fatalf("%+v, %v", who, err)
	}
	made, err := c.CreateVirtualMFADevice(t.Context(), keys, "laptop")
	if err != nil || made.Serial != "arn:aws:iam::111122223333:mfa/laptop" || len(made.Seed.Bytes()) != 64 {
		t.Fatalf("%+v, %v", made, err)
	}
	orphans, err := c.ListVirtualMFADevices(t.Context(), keys, Unassigned)
	if err != nil || len(orphans) != 1 || orphans[0] != (VirtualDevice{Serial: made.Serial}) {
		t.Fatalf("orphans %+v, %v", orphans, err)
	}
	now := s.Clock().Now()
	code1, code2 := codeOf(t, made.Seed, now), codeOf(t, made.Seed, now.Add(30*time.Second))
	if err := c.EnableMFADevice(t.Context(), keys, "dev", made.Serial, Codes{First: code1, Second: code2}); err != nil {
		t.Fatal(err)
	}
	assigned, err := c.ListVirtualMFADevices(t.Context(), keys, Assigned)
	if err != nil || len(assigned) != 1 || assigned[0].UserARN != who.ARN || assigned[0].Enabled.IsZero() {
		t.Fatalf("assigned %+v, %v", assigned, err)
	}
	if _, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: made.Serial, Code: code2}); KindOf(err) != InvalidCode {
		t.Errorf("the second code logs in: %v", err)
	}
	s.Clock().Advance(time.Hour)
	now = s.Clock().Now()
	s.Device(made.Serial).SetDrift(40)
	ahead := now.Add(40 * 30 * time.Second)
	if err := c.ResyncMFADevice(t.Context(), keys, "dev", made.Serial, Codes{First: codeOf(t, made.Seed, ahead), Second: codeOf(t, made.Seed, ahead.Add(30*time.Second))}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: made.Serial, Code: codeOf(t, made.Seed, ahead.Add(time.Minute))}); err != nil {
		t.Errorf("after resync: %v", err)
	}
	if err := c.DeleteVirtualMFADevice(t.Context(), keys, made.Serial); KindOf(err) != DeleteConflict {
		t.Errorf("assigned: %v", err)
	}
	for _, do := range []func() error{
		func() error { return c.DeactivateMFADevice(t.Context(), keys, "dev", made.Serial) },
		func() error { return c.DeleteVirtualMFADevice(t.Context(), keys, made.Serial) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		if e := asError(t, do()); e.Kind != NoSuchEntity || e.MayBeDone() {
			t.Errorf("a second time: %+v", e)
		}
	}
	if left := s.Devices(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// deviceCalls are the calls that change something, ready to be made.
func deviceCalls(c *Client, keys credentials.Credentials, serial, code1, code2 string) map[string]func(t *testing.T) error {
	return map[string]func(t *testing.T) error{
		"CreateVirtualMFADevice": func(t *testing.T) error {
			_, err := c.CreateVirtualMFADevice(t.Context(), keys, "more")
			return err
		},
		"EnableMFADevice": func(t *testing.T) error {
			return c.EnableMFADevice(t.Context(), keys, "dev", serial, Codes{First: code1, Second: code2})
		},
		"ResyncMFADevice": func(t *testing.T) error {
			return c.ResyncMFADevice(t.Context(), keys, "dev", serial, Codes{First: code1, Second: code2})
		},
		"DeactivateMFADevice":    func(t *testing.T) error { return c.DeactivateMFADevice(t.Context(), keys, "dev", serial) },
		"DeleteVirtualMFADevice": func(t *testing.T) error { return c.DeleteVirtualMFADevice(t.Context(), keys, serial) },
	}
}

// How often a call is sent, and whether the caller can tell that it was not
// done, by what went wrong.
func TestChangesUnderFaults(t *testing.T) {
	for name, row := range map[string]struct {
		fault       ststest.Fault
		want        Kind
		codes, once int // requests with codes, and of the one that makes a device
		removal     int
		maybe       bool
	}{
		"unread":    {ststest.Fault{Kind: ststest.DropUnread}, Network, 1, 1, 3, true},
		"dropped":   {ststest.Fault{Kind: ststest.Drop}, Network, 1, 1, 3, true},
		"500":       {ststest.Fault{Kind: ststest.ServerError}, ServerFault, 1, 1, 3, true},
		"throttled": {ststest.Fault{Kind: ststest.Throttling}, Throttled, 1, 3, 3, false},
		"gateway":   {ststest.Fault{Kind: ststest.BadGateway}, NotAWS, 1, 1, 3, true},
		"half":      {ststest.Fault{Kind: ststest.EmptyBody}, BadAnswer, 1, 1, 1, true},
		"busy":      {ststest.Fault{Kind: ststest.ErrorAnswer, Status: 409, Code: "EntityTemporarilyUnmodifiable", Message: "wait"}, TemporarilyUnmodifiable, 1, 1, 1, false},
		"redirect":  {ststest.Fault{Kind: ststest.RedirectPlain}, Redirect, 1, 1, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, keys := bare(t, ststest.UserOptions{})
			s.Fault(row.fault)
			for action := range deviceCalls(nil, keys, "", "", "") {
				c, _ := client(t, Config{IAMEndpoint: s.URL(), Now: s.Clock().Now})
				s.ForgetRequests()
				e := asError(t, deviceCalls(c, keys, testSerial, "123456", "654321")[action](t))
				want := map[string]int{"CreateVirtualMFADevice": row.once, "EnableMFADevice": row.codes, "ResyncMFADevice": row.codes}[action]
				if want == 0 {
					want = row.removal
				}
				if e.Kind != row.want || e.MayBeDone() != row.maybe || s.Calls("") != want || e.Operation != "iam:"+action {
					t.Errorf("%s: %v, kind %v, may be done %v, %d requests", action, e, e.Kind, e.MayBeDone(), s.Calls(""))
				}
			}
		})
	}
}

// The user gives up while the server has the request: done or not, nobody knows.
func TestChangesThatAreBrokenOff(t *testing.T) {
	s, _, keys := bare(t, ststest.UserOptions{})
	s.Fault(ststest.Fault{Kind: ststest.Hang})
	for _, action := range []string{"CreateVirtualMFADevice", "EnableMFADevice", "DeleteVirtualMFADevice"} {
		c, _ := client(t, Config{IAMEndpoint: s.URL(), Now: s.Clock().Now, Budget: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			s.WaitFor(1, time.Minute, ststest.OnAction(action))
			cancel()
		}()
		var err error
		switch action {
		case "CreateVirtualMFADevice":
			_, err = c.CreateVirtualMFADevice(ctx, keys, "x")
		case "EnableMFADevice":
			err = c.EnableMFADevice(ctx, keys, "dev", testSerial, Codes{First: "123456", Second: "654321"})
		default:
			err = c.DeleteVirtualMFADevice(ctx, keys, testSerial)
		}
		if e := asError(t, err); e.Kind != Interrupted || !e.MayBeDone() || s.Calls(action) != 1 {
			t.Errorf("%s: %+v after %d requests", action, e, s.Calls(action))
		}
	}
}

// Nothing left where nobody listens: certainly not done, and the codes are good.
func TestChangesThatNeverLeft(t *testing.T) {
	c, _ := client(t, Config{IAMEndpoint: "http://127.0.0.1:1"})
	for action, do := range deviceCalls(c, longTerm(t), testSerial, "123456", "654321") {
		if e := asError(t, do(t)); e.MayBeDone() || e.Sent || e.Kind != Network {
			t.Errorf("%s: %+v", action, e)
		}
	}
}

// The answer to a removal is lost after it was done: the repetition finds
// nothing, which is success.
func TestRemovalWhoseAnswerIsLost(t *testing.T) {
	for _, action := range []string{"DeactivateMFADevice", "DeleteVirtualMFADevice"} {
		s, u, keys := bare(t, ststest.UserOptions{})
		d, err := u.AddUnassigned("laptop")
		if action == "DeactivateMFADevice" {
			d, err = u.AddDevice("phone")
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Fault(ststest.Fault{Kind: ststest.Drop, After: true, Times: 1, Match: ststest.OnAction(action)})
		c, _ := client(t, Config{IAMEndpoint: s.URL(), Now: s.Clock().Now})
		if err := deviceCalls(c, keys, d.Serial, "", "")[action](t); err != nil {
			t.Errorf("%s: %v", action, err)
		}
		if log := s.Requests(); len(log) != 2 || log[1].ErrorCode != "NoSuchEntity" {
			t.Errorf("%s: %+v", action, log)
		}
	}
}

// A sending that may have been done is not forgotten when the next is refused.
func TestDoubtStays(t *testing.T) {
	s, u, keys := bare(t, ststest.UserOptions{})
	d, err := u.AddDevice("phone")
	if err != nil {
		t.Fatal(err)
	}
	s.Fault(ststest.Fault{Kind: ststest.ServerError, Times: 1})
	s.Fault(ststest.Fault{Kind: ststest.ErrorAnswer, Status: 403, Code: "AccessDenied", Message: "no"})
	c, _ := client(t, Config{IAMEndpoint: s.URL(), Now: s.Clock().Now})
	if e := asError(t, c.DeactivateMFADevice(t.Context(), keys, "dev", d.Serial)); e.Kind != NotAuthorized || !e.MayBeDone() {
		t.Errorf("%+v", e)
	}
}

// A clock that is off is found out by the first answer; what has no code is
// signed anew, codes are not sent again.
func TestChangesWithAWrongClock(t *testing.T) {
	for action, want := range map[string]int{"CreateVirtualMFADevice": 2, "EnableMFADevice": 1, "DeleteVirtualMFADevice": 2} {
		s, _, keys := bare(t, ststest.UserOptions{})
		c, _ := client(t, Config{IAMEndpoint: s.URL(), Now: func() time.Time { return s.Clock().Now().Add(-20 * time.Minute) }})
		err := deviceCalls(c, keys, testSerial, "123456", "654321")[action](t)
		if n := s.Calls(""); n != want {
			t.Errorf("%s: %d requests, %v", action, n, err)
		}
		if action == "EnableMFADevice" {
			if e := asError(t, err); e.Kind != ClockSkew || e.MayBeDone() {
				t.Errorf("%+v", e)
			}
		}
	}
}

func TestRefusalsOfTheStrictServer(t *testing.T) {
	s, u, keys := bare(t, ststest.UserOptions{ForceMFA: true})
	orphan, err := u.AddUnassigned("orphan")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := client(t, Config{Endpoint: s.URL(), IAMEndpoint: s.URL(), Now: s.Clock().Now})
	_, err = c.CreateVirtualMFADevice(t.Context(), keys, "orphan")
	if e := asError(t, err); e.Kind != AlreadyExists || e.MayBeDone() {
		t.Errorf("%+v", e)
	}
	if err := c.DeleteVirtualMFADevice(t.Context(), keys, orphan.Serial); KindOf(err) != NotAuthorized || !strings.Contains(err.Error(), "explicit deny") {
		t.Errorf("without MFA: %v", err)
	}
	code1, code2 := orphan.NextPair()
	err = c.EnableMFADevice(t.Context(), keys, "dev", orphan.Serial, Codes{First: code2, Second: code1})
	if e := asError(t, err); e.Kind != InvalidAuthenticationCode || e.MayBeDone() || e.Status != 403 {
		t.Errorf("reversed: %+v", e)
	}
	if text := err.Error(); strings.Contains(text, code1) || strings.Contains(text, code2) {
		t.Errorf("codes in %q", text)
	}
	if err := c.EnableMFADevice(t.Context(), keys, "dev", orphan.Serial, Codes{First: code1, Second: code2}); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		if _, err := u.AddDevice(fmt.Sprint("more", i)); err != nil {
			t.Fatal(err)
		}
	}
	ninth, _ := u.AddUnassigned("ninth")
	code1, code2 = ninth.NextPair()
	if err := c.EnableMFADevice(t.Context(), keys, "dev", ninth.Serial, Codes{First: code1, Second: code2}); KindOf(err) != LimitExceeded {
		t.Errorf("ninth: %v", err)
	}
	session, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: orphan.Serial, Code: orphan.NextCode()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.DeactivateMFADevice(t.Context(), session, "dev", orphan.Serial); err != nil {
		t.Errorf("with MFA: %v", err)
	}
	plain, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetUser(t.Context(), plain); KindOf(err) != InvalidKey {
		t.Errorf("a session without MFA: %v", err)
	}
}

// Both codes are kept out of whatever the server says.
func TestSecondCodeIsCleaned(t *testing.T) {
	s := serve(t, reply(400, errorXML("ValidationError", "Value '123456' at 'authenticationCode1', value '654321' at 'authenticationCode2'")))
	c, _ := client(t, Config{IAMEndpoint: s.URL})
	err := c.EnableMFADevice(t.Context(), longTerm(t), "dev", testSerial, Codes{First: "123456", Second: "654321"})
	if text := err.Error(); strings.Contains(text, "123456'") || strings.Contains(text, "654321") || KindOf(err) != BadRequest {
		t.Errorf("%v", err)
	}
	if f := s.form(0); f.Get("UserName") != "dev" || f.Get("AuthenticationCode1") != "123456" || f.Get("AuthenticationCode2") != "654321" || f.Get("SerialNumber") != testSerial || f.Get("Version") != "2010-05-08" {
		t.Errorf("form %v", f)
	}
}

func TestParseCreated(t *testing.T) {
	const serial = "arn:aws:iam::123456789012:mfa/team/laptop"
	for name, row := range map[string]struct {
		body string
		err  error
	}{
		"good":         {createdXML(serial, wrapped(testSeed)), nil},
		"china":        {createdXML(strings.Replace(serial, "aws", "aws-cn", 1), wrapped(testSeed)), nil},
		"padded":       {createdXML(serial, "\n"+wrapped("JBSWY3DPEHPK3PXPJA======")+" "), nil},
		"no seed":      {createdXML(serial, ""), errBadSeed},
		"plain base32": {createdXML(serial, testSeed[:63]+"_"), errBadSeed},
		"once wrapped": {createdXML(serial, testSeed), errBadSeed},
		"short":        {createdXML(serial, wrapped("JBSWY3DP")), errBadSeed},
		"long":         {createdXML(serial, wrapped(strings.Repeat("A", maxSeedText+1))), errBadSeed},
		"endless":      {createdXML(serial, strings.Repeat("QUFB", 10000)), errBadSeed},
		"small":        {createdXML(serial, wrapped(strings.ToLower(testSeed))), errBadSeed},
		"command":      {createdXML(serial, wrapped("$(touch pwned)JBSWY3DPEHPK3PXP")), errBadSeed},
		"padding only": {createdXML(serial, wrapped(strings.Repeat("=", 20))), errBadSeed},
		"inner pad":    {createdXML(serial, wrapped("JBSWY3DPEHPK3PXP=JBSWY3D")), errBadSeed},
		"hardware":     {createdXML("GAHT12345678", wrapped(testSeed)), errBadDevice},
		"a user":       {createdXML("arn:aws:iam::123456789012:user/dev", wrapped(testSeed)), errBadDevice},
		"no serial":    {createdXML("", wrapped(testSeed)), errBadDevice},
		"no device":    {iamXML("CreateVirtualMFADevice", "<Other/>"), errNoNewDevice},
		"not xml":      {"<", errNoNewDevice},
	} {
		got, err := parseCreated([]byte(row.body))
		if err != row.err || (err == nil) == got.Seed.IsZero() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestParseUser(t *testing.T) {
	const arn = "arn:aws:iam::123456789012:user/team/dev"
	for name, row := range map[string]struct {
		inside string
		want   User
	}{
		"user":          {"<UserName>dev</UserName><Arn>" + arn + "</Arn>", User{"dev", arn, "123456789012"}},
		"root":          {"<Arn>arn:aws:iam::123456789012:root</Arn>", User{"", "arn:aws:iam::123456789012:root", "123456789012"}},
		"root, named":   {"<UserName>alias</UserName><Arn>arn:aws:iam::123456789012:root</Arn>", User{"", "arn:aws:iam::123456789012:root", "123456789012"}},
		"no name":       {"<Arn>" + arn + "</Arn>", User{}},
		"bad name":      {"<UserName>a b</UserName><Arn>" + arn + "</Arn>", User{}},
		"no ARN":        {"<UserName>dev</UserName>", User{}},
		"short account": {"<UserName>dev</UserName><Arn>arn:aws:iam::12:user/dev</Arn>", User{}},
		"of S3":         {"<UserName>dev</UserName><Arn>arn:aws:s3::123456789012:user/dev</Arn>", User{}},
	} {
		got, err := parseUser([]byte(userXML(row.inside)))
		if got != row.want || (err == nil) != (row.want != User{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestVirtualDevicesEndSomewhere(t *testing.T) {
	s := serve(t, reply(200, virtualXML("", "<IsTruncated>true</IsTruncated><Marker>again</Marker>")))
	c, _ := client(t, Config{IAMEndpoint: s.URL})
	_, err := c.ListVirtualMFADevices(t.Context(), longTerm(t), Any)
	if e := asError(t, err); e.Kind != BadAnswer || s.count() != maxVirtualPages || s.form(1).Get("Marker") != "again" {
		t.Errorf("%v after %d", err, s.count())
	}
}

func TestBadAnswersMayBeDone(t *testing.T) {
	for _, body := range []string{createdXML("x", wrapped(testSeed)), createdXML("arn:aws:iam::123456789012:mfa/x", testSeed[:60]+"!!"), iamXML("DeleteVirtualMFADevice", "")} {
		s := serve(t, reply(200, body))
		c, _ := client(t, Config{IAMEndpoint: s.URL})
		_, err := c.CreateVirtualMFADevice(t.Context(), longTerm(t), "x")
		if e := asError(t, err); e.Kind != BadAnswer || !e.MayBeDone() || s.count() != 1 || strings.Contains(err.Error(), testSeed[:20]) {
			t.Errorf("%v, %d requests", err, s.count())
		}
	}
}

// Neither print nor encode shows the seed, on its own or within other things.
func TestSeedTextIsHidden(t *testing.T) {
	seed, err := decodeSeed(wrapped(testSeed))
	if err != nil {
		t.Fatal(err)
	}
	made := NewDevice{"arn:aws:iam::123456789012:mfa/x", seed}
	var shown []string
	for _, verb := range strings.Split("v +v #v s q x X d o b c U e g t p T 20s -5v", " ") {
		shown = append(shown, fmt.Sprintf("%"+verb, seed), fmt.Sprintf("%"+verb, made), fmt.Sprintf("%"+verb, &made), fmt.Sprintf("%"+verb, []SeedText{seed}))
	}
	asJSON, _ := json.Marshal(made)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "device", made, "seed", seed)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "device", made, "seed", seed)
	shown = append(shown, string(asJSON), log.String(), seed.String(), seed.GoString(), fmt.Sprint(errors.New(fmt.Sprint(made))))
	for _, text := range shown {
		for _, form := range []string{testSeed[:8], wrapped(testSeed)[:8], fmt.Sprintf("%x", testSeed)[:16], fmt.Sprintf("%X", testSeed)[:16], fmt.Sprint([]byte(testSeed))[1:12]} {
			if strings.Contains(text, form) {
				t.Errorf("%q shows the seed", text)
			}
		}
	}
	got := seed.Bytes()
	got[0] = 'X'
	if string(seed.Bytes()) != testSeed || (SeedText{}).Bytes() != nil || !(SeedText{}).IsZero() || (SeedText{}).String() == "" {
		t.Error("the bytes are not the caller's own")
	}
}

func FuzzDeviceAnswers(f *testing.F) {
	const serial = "arn:aws:iam::123456789012:mfa/x"
	for _, body := range []string{
		createdXML(serial, wrapped(testSeed)), createdXML(serial, wrapped("JBSWY3DP=")), createdXML("x", ""),
		userXML("<UserName>dev</UserName><Arn>arn:aws:iam::123456789012:user/dev</Arn>"), userXML("<Arn>arn:aws:iam::123456789012:root</Arn>"),
		virtualXML("<member><SerialNumber>"+serial+"</SerialNumber></member>", "<IsTruncated>false</IsTruncated>"),
		virtualXML("<member><SerialNumber>"+serial+"</SerialNumber><EnableDate>"+enabled+"</EnableDate><User><Arn>arn:aws:iam::123456789012:user/dev</Arn></User></member>", "<IsTruncated>true</IsTruncated><Marker>abc</Marker>"),
		"<a><b></a>", "",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if d, err := parseCreated([]byte(body)); err == nil {
			if !isVirtualSerial(d.Serial) || !isBase32(d.Seed.Bytes()) {
				t.Errorf("made of %q: %q", body, d.Serial)
			}
		} else if d.Serial != "" || !d.Seed.IsZero() {
			t.Errorf("an error with %+v", d)
		}
		if u, err := parseUser([]byte(body)); err == nil && (!isAccount(u.Account) || !isShown(u.ARN, 2048) || u.Name != "" && !isUserName(u.Name)) {
			t.Errorf("user %+q", u)
		}
		page, err := parseVirtual([]byte(body))
		if err != nil && (page.devices != nil || page.next != "") {
			t.Errorf("an error with %+v", page)
		}
		for _, d := range page.devices {
			if !isVirtualSerial(d.Serial) || d.UserARN != "" && !isShown(d.UserARN, 2048) {
				t.Errorf("let through %+q", d)
			}
		}
	})
}

// The errors of IAM's calls, as far as they are known.
func TestDeviceErrorRows(t *testing.T) {
	for code, row := range map[string]struct {
		status int
		want   Kind
	}{
		"EntityAlreadyExists": {409, AlreadyExists}, "NoSuchEntity": {404, NoSuchEntity}, "DeleteConflict": {409, DeleteConflict},
		"LimitExceeded": {409, LimitExceeded}, "InvalidAuthenticationCode": {403, InvalidAuthenticationCode},
		"EntityTemporarilyUnmodifiable": {409, TemporarilyUnmodifiable}, "ConcurrentModification": {409, TemporarilyUnmodifiable},
		"InvalidInput": {400, BadRequest}, "ServiceFailure": {500, ServerFault}, "AccessDenied": {403, NotAuthorized},
	} {
		s := serve(t, reply(row.status, errorXML(code, "words")))
		c, _ := client(t, Config{IAMEndpoint: s.URL})
		err := c.EnableMFADevice(t.Context(), longTerm(t), "dev", testSerial, Codes{First: "123456", Second: "654321"})
		if e := asError(t, err); e.Kind != row.want || s.count() != 1 || e.MayBeDone() != (row.status == http.StatusInternalServerError) {
			t.Errorf("%s: %+v after %d", code, e, s.count())
		}
	}
}

// Codes whose time is over stay here.
func TestOldCodesDoNotLeave(t *testing.T) {
	s, _, keys := bare(t, ststest.UserOptions{})
	c, _ := client(t, Config{IAMEndpoint: s.URL(), Now: s.Clock().Now})
	old := Codes{First: "123456", Second: "654321", Until: s.Clock().Now().Add(-time.Second)}
	for _, call := range []func() error{
		func() error { return c.EnableMFADevice(t.Context(), keys, "dev", testSerial, old) },
		func() error { return c.ResyncMFADevice(t.Context(), keys, "dev", testSerial, old) },
	} {
		if e := asError(t, call()); e.Kind != Stale || e.MayBeDone() || e.Sent {
			t.Errorf("%+v", e)
		}
	}
	if n := s.Calls(""); n != 0 {
		t.Errorf("%d requests", n)
	}
}
