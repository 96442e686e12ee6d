package ststest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	_ "image/png" // of the QR code
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

const badPair = "Authentication code for device is not valid."

// bare is a user with a key and nothing else.
func bare(t *testing.T, s *Server, o UserOptions) *User {
	t.Helper()
	o.NoDevice = true
	u, err := s.NewUserWith(o)
	must(t, err)
	return u
}

func (u *User) do(t *testing.T, action string, pairs ...string) reply {
	t.Helper()
	return u.signer().iam().call(t, append([]string{"Action", action}, pairs...)...)
}

func (u *User) pair(t *testing.T, action, serial, code1, code2 string) reply {
	t.Helper()
	return u.do(t, action, "UserName", u.Name, "SerialNumber", serial, "AuthenticationCode1", code1, "AuthenticationCode2", code2)
}

func (r reply) created(t *testing.T) (serial, seed string) {
	t.Helper()
	r.want(t, 200, "", "")
	text, err := base64.StdEncoding.DecodeString(r.Made.Seed)
	must(t, err)
	return r.Made.Serial, string(text)
}

func TestEnrolment(t *testing.T) {
	s := started(t)
	dev := bare(t, s, UserOptions{Name: "dev"})
	serial, seed := dev.do(t, "CreateVirtualMFADevice", "VirtualMFADeviceName", "laptop").created(t)
	if serial != "arn:aws:iam::111122223333:mfa/laptop" || len(seed) != 64 {
		t.Fatalf("%s, seed of %d", serial, len(seed))
	}
	if r := dev.do(t, "ListMFADevices"); len(r.Serials) != 0 {
		t.Errorf("it belongs to somebody: %s", r.Body)
	}
	step := stepOf(s.Clock().Now())
	code1, code2, code3 := codeAt(seed, step), codeAt(seed, step+1), codeAt(seed, step+2)
	login := func(code string) reply {
		return dev.signer().call(t, "Action", "GetSessionToken", "SerialNumber", serial, "TokenCode", code)
	}
	login(code1).want(t, 403, "AccessDenied", badSerial) // not yet enabled
	r := dev.pair(t, "EnableMFADevice", serial, code1, code2)
	r.want(t, 200, "", "")
	if !strings.Contains(r.Body, "<EnableMFADeviceResponse") || strings.Contains(r.Body, "Result>") || r.ID == "" {
		t.Errorf("answer %s", r.Body)
	}
	if r := dev.do(t, "ListMFADevices"); len(r.Serials) != 1 || r.Serials[0] != serial {
		t.Errorf("devices: %s", r.Body)
	}
	login(code2).want(t, 403, "AccessDenied", badCode) // spent
	s.Clock().Advance(stepLength)
	login(code3).want(t, 200, "", "")
	if u := s.User("dev"); u.MFASerial != serial || u.Seed != seed {
		t.Errorf("the user's device: %+v", u.MFASerial)
	}
	dev.do(t, "DeleteVirtualMFADevice", "SerialNumber", serial).want(t, 409, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
	dev.do(t, "DeactivateMFADevice", "SerialNumber", serial).want(t, 200, "", "")
	s.Clock().Advance(stepLength)
	login(codeAt(seed, step+3)).want(t, 403, "AccessDenied", badSerial)
	dev.do(t, "DeactivateMFADevice", "SerialNumber", serial).want(t, 404, "NoSuchEntity", "MFA Device invalid for user.")
	dev.do(t, "DeleteVirtualMFADevice", "SerialNumber", serial).want(t, 200, "", "")
	dev.do(t, "DeleteVirtualMFADevice", "SerialNumber", serial).want(t, 404, "NoSuchEntity", "VirtualMFADevice with serial number "+serial+" does not exist.")
	if left := s.Devices(); len(left) != 0 || s.User("dev").Seed != "" {
		t.Errorf("left: %+v", left)
	}
	again, other := dev.do(t, "CreateVirtualMFADevice", "VirtualMFADeviceName", "laptop").created(t)
	if again != serial || other == seed {
		t.Error("a device of the same name has the old seed")
	}
}

// The picture leads an app to the same codes.
func TestPictureOfTheSeed(t *testing.T) {
	s := started(t)
	dev := bare(t, s, UserOptions{Name: "dev"})
	r := dev.do(t, "CreateVirtualMFADevice", "VirtualMFADeviceName", "lap+top@home")
	_, seed := r.created(t)
	raw, err := base64.StdEncoding.DecodeString(r.Made.Picture)
	must(t, err)
	picture, format, err := image.Decode(bytes.NewReader(raw))
	must(t, err)
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	must(t, err)
	read, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	must(t, err)
	uri, err := url.Parse(read.GetText())
	must(t, err)
	if format != "png" || uri.Scheme != "otpauth" || uri.Host != "totp" || uri.Path != "/Amazon Web Services:lap+top@home@111122223333" || uri.Query().Get("secret") != seed || uri.Query().Get("issuer") != "Amazon Web Services" {
		t.Errorf("%s: %s", format, strings.ReplaceAll(read.GetText(), seed, "SEED"))
	}
}

func TestPairs(t *testing.T) {
	at := func(seed string, s *Server, n int64) string { return codeAt(seed, stepOf(s.Clock().Now())+n) }
	for name, row := range map[string]struct {
		first, second int64
		good          bool
	}{
		"now and next": {0, 1, true}, "last and now": {-1, 0, true}, "old": {-9, -8, true}, "early": {8, 9, true},
		"equal": {0, 0, false}, "reversed": {1, 0, false}, "one apart": {0, 2, false},
		"too old": {-12, -11, false}, "too early": {10, 11, false},
	} {
		s := started(t)
		dev := bare(t, s, UserOptions{Name: "dev"})
		d, err := dev.AddUnassigned("x")
		must(t, err)
		r := dev.pair(t, "EnableMFADevice", d.Serial, at(d.Seed, s, row.first), at(d.Seed, s, row.second))
		if row.good {
			r.want(t, 200, "", "")
			dev.do(t, "DeactivateMFADevice", "SerialNumber", d.Serial).want(t, 200, "", "")
			r = dev.pair(t, "EnableMFADevice", d.Serial, at(d.Seed, s, row.first), at(d.Seed, s, row.second)) // spent
		}
		t.Log(name)
		r.want(t, 403, "InvalidAuthenticationCode", badPair)
	}
}

// Codes of another device, or a code that a login spent, enable nothing.
func TestPairsOfOthersAndSpentOnes(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	d, err := dev.AddUnassigned("x")
	must(t, err)
	dev.pair(t, "EnableMFADevice", d.Serial, dev.NextCode(), dev.NextCode()).want(t, 403, "InvalidAuthenticationCode", badPair)
	s.Clock().Advance(time.Minute)
	phone := s.Device(dev.MFASerial)
	code := phone.Code()
	dev.signer().call(t, "Action", "GetSessionToken", "SerialNumber", phone.Serial, "TokenCode", code).want(t, 200, "", "")
	dev.pair(t, "ResyncMFADevice", phone.Serial, code, codeAt(phone.Seed, stepOf(s.Clock().Now())+1)).want(t, 403, "InvalidAuthenticationCode", badPair)
	if twice := s.CodesSeenTwice(); len(twice) != 1 || twice[0].Action != "ResyncMFADevice" {
		t.Errorf("codes seen twice: %+v", twice)
	}
}

// A device that is off logs in after resynchronisation, which is kept.
func TestResync(t *testing.T) {
	for _, drift := range []int64{-100, -7, 3, 100} {
		s := started(t)
		dev := s.NewUser("dev")
		d := s.Device(dev.MFASerial)
		d.SetDrift(drift)
		login := func() reply {
			return dev.signer().call(t, "Action", "GetSessionToken", "SerialNumber", d.Serial, "TokenCode", d.NextCode())
		}
		login().want(t, 403, "AccessDenied", badCode)
		s.Clock().Advance(10 * stepLength)
		code1, code2 := d.NextPair()
		dev.pair(t, "ResyncMFADevice", d.Serial, code1, code2).want(t, 200, "", "")
		for range 3 {
			s.Clock().Advance(2 * stepLength)
			login().want(t, 200, "", "")
		}
		if state := s.Devices()[0]; state.Offset < drift-1 || state.Offset > drift+1 || state.Drift != drift {
			t.Errorf("state %+v", state)
		}
	}
	s := started(t)
	dev := s.NewUser("dev")
	d := s.Device(dev.MFASerial)
	d.SetDrift(resyncWindow + 2)
	code1, code2 := d.NextPair()
	dev.pair(t, "ResyncMFADevice", d.Serial, code1, code2).want(t, 403, "InvalidAuthenticationCode", badPair)
}

// Codes that lay about too long enable the device and leave it out of step.
func TestEnabledWithOldCodes(t *testing.T) {
	s := started(t)
	dev := bare(t, s, UserOptions{Name: "dev"})
	d, err := dev.AddUnassigned("x")
	must(t, err)
	code1, code2 := d.NextPair()
	s.Clock().Advance(8 * stepLength)
	dev.pair(t, "EnableMFADevice", d.Serial, code1, code2).want(t, 200, "", "")
	dev.signer().call(t, "Action", "GetSessionToken", "SerialNumber", d.Serial, "TokenCode", d.NextCode()).want(t, 403, "AccessDenied", badCode)
}

func TestDeviceCallsRefuse(t *testing.T) {
	s := started(t)
	dev, other := bare(t, s, UserOptions{Name: "dev"}), s.NewUser("other")
	abroad := bare(t, s, UserOptions{Name: "dev", Account: "999900001111"})
	foreign, err := abroad.AddUnassigned("foreign")
	must(t, err)
	mine, err := dev.AddUnassigned("mine")
	must(t, err)
	fido, err := dev.AddFIDO("key")
	must(t, err)
	code1, code2 := mine.NextPair()
	pair := func(user, serial, code1, code2 string) []string {
		return []string{"UserName", user, "SerialNumber", serial, "AuthenticationCode1", code1, "AuthenticationCode2", code2}
	}
	const nobody = "The user with name nobody cannot be found."
	unknown := func(serial string) string {
		return "VirtualMFADevice with serial number " + serial + " does not exist."
	}
	for _, bad := range []struct {
		action        string
		pairs         []string
		status        int
		code, message string
	}{
		{"CreateVirtualMFADevice", nil, 400, "ValidationError", violation("null", "virtualMFADeviceName", "Member must not be null")},
		{"CreateVirtualMFADevice", []string{"VirtualMFADeviceName", "a b"}, 400, "ValidationError", violation("'a b'", "virtualMFADeviceName", `Member must satisfy regular expression pattern: [\w+=,.@-]+`)},
		{"CreateVirtualMFADevice", []string{"VirtualMFADeviceName", ""}, 400, "ValidationError", violation("''", "virtualMFADeviceName", "Member must have length greater than or equal to 1")},
		{"CreateVirtualMFADevice", []string{"VirtualMFADeviceName", strings.Repeat("a", 227)}, 400, "ValidationError", "*"},
		{"CreateVirtualMFADevice", []string{"VirtualMFADeviceName", "x", "Path", "team"}, 400, "ValidationError", violation("'team'", "path", "Member must satisfy regular expression pattern: "+pathPattern)},
		{"CreateVirtualMFADevice", []string{"VirtualMFADeviceName", strings.Repeat("x", 200), "Path", "/" + strings.Repeat("y", 50) + "/"}, 400, "InvalidInput", "*"},
		{"CreateVirtualMFADevice", []string{"VirtualMFADeviceName", "mine"}, 409, "EntityAlreadyExists", "MFADevice entity at the same path and name already exists."},
		{"EnableMFADevice", pair("dev", mine.Serial, "12345", code2), 400, "ValidationError", violation("'12345'", "authenticationCode1", "Member must have length greater than or equal to 6")},
		{"EnableMFADevice", pair("dev", mine.Serial, code1, "abcdef"), 400, "ValidationError", violation("'abcdef'", "authenticationCode2", `Member must satisfy regular expression pattern: [\d]+`)},
		{"EnableMFADevice", []string{"SerialNumber", mine.Serial}, 400, "ValidationError", "*"},
		{"EnableMFADevice", pair("nobody", mine.Serial, code1, code2), 404, "NoSuchEntity", nobody},
		{"EnableMFADevice", pair("dev", foreign.Serial, code1, code2), 404, "NoSuchEntity", unknown(foreign.Serial)},
		{"EnableMFADevice", pair("dev", mine.Serial+"x", code1, code2), 404, "NoSuchEntity", unknown(mine.Serial + "x")},
		{"EnableMFADevice", pair("dev", fido.Serial, code1, code2), 409, "EntityAlreadyExists", "MFA Device is already in use."},
		{"ResyncMFADevice", pair("dev", mine.Serial, code1, code2), 404, "NoSuchEntity", "MFA Device invalid for user."},
		{"ResyncMFADevice", pair("dev", fido.Serial, code1, code2), 404, "NoSuchEntity", "MFA Device invalid for user."},
		{"DeactivateMFADevice", []string{"SerialNumber", mine.Serial}, 404, "NoSuchEntity", "MFA Device invalid for user."},
		{"DeactivateMFADevice", []string{"SerialNumber", foreign.Serial}, 404, "NoSuchEntity", unknown(foreign.Serial)},
		{"DeactivateMFADevice", []string{"SerialNumber", mine.Serial, "UserName", "nobody"}, 404, "NoSuchEntity", nobody},
		{"DeactivateMFADevice", []string{"SerialNumber", "x"}, 400, "ValidationError", "*"},
		{"DeleteVirtualMFADevice", []string{"SerialNumber", foreign.Serial}, 404, "NoSuchEntity", unknown(foreign.Serial)},
		{"DeleteVirtualMFADevice", []string{"SerialNumber", fido.Serial}, 404, "NoSuchEntity", unknown(fido.Serial)},
		{"ListVirtualMFADevices", []string{"AssignmentStatus", "all"}, 400, "ValidationError", violation("'all'", "assignmentStatus", "Member must satisfy enum value set: [Unassigned, Any, Assigned]")},
	} {
		dev.do(t, bad.action, bad.pairs...).want(t, bad.status, bad.code, bad.message)
	}
	for _, r := range s.Requests() {
		if text := fmt.Sprintf("%+v", r); strings.Contains(text, "'12345'") || strings.Contains(text, "'abcdef'") || strings.Contains(text, mine.Seed) {
			t.Errorf("the log tells a code: %s", text)
		}
	}
	dev.pair(t, "EnableMFADevice", mine.Serial, code1, code2).want(t, 200, "", "") // refusals spent nothing
	_ = other
}

func TestListVirtualMFADevices(t *testing.T) {
	s := started(t)
	dev, other := s.NewUser("dev"), s.NewUser("other")
	bare(t, s, UserOptions{Name: "x", Account: "999900001111"}).AddUnassigned("foreign")
	_, err := dev.AddUnassigned("orphan")
	must(t, err)
	_, err = dev.AddHardwareDevice("GAHT12345678")
	must(t, err)
	const prefix = "arn:aws:iam::111122223333:mfa/"
	for which, want := range map[string]string{"Assigned": "dev other", "Unassigned": "orphan", "Any": "dev orphan other", "": "dev orphan other"} {
		pairs := []string{"MaxItems", "1"}
		if which != "" {
			pairs = append(pairs, "AssignmentStatus", which)
		}
		var got []string
		r := dev.do(t, "ListVirtualMFADevices", pairs...)
		for got = append(got, r.Virtual...); r.VirtualMarker != ""; got = append(got, r.Virtual...) {
			r = dev.do(t, "ListVirtualMFADevices", append(pairs, "Marker", r.VirtualMarker)...)
		}
		if list := strings.ReplaceAll(strings.Join(got, " "), prefix, ""); list != want {
			t.Errorf("%s: %s, want %s", which, list, want)
		}
		if strings.Contains(r.Body, "Seed") {
			t.Error("a list shows seeds")
		}
	}
	if r := dev.do(t, "ListVirtualMFADevices", "AssignmentStatus", "Assigned"); !strings.Contains(r.Body, "<Arn>"+other.ARN+"</Arn>") {
		t.Errorf("no owner: %s", r.Body)
	}
}

func TestEightDevices(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	for i := range mostDevices {
		d, err := dev.AddUnassigned("more" + strconv.Itoa(i))
		must(t, err)
		code1, code2 := d.NextPair()
		r := dev.pair(t, "EnableMFADevice", d.Serial, code1, code2)
		if i < mostDevices-1 {
			r.want(t, 200, "", "")
		} else {
			r.want(t, 409, "LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: 8")
		}
	}
}

func TestPolicies(t *testing.T) {
	s := started(t)
	must(t, s.AddRole(Role{ARN: "arn:aws:iam::111122223333:role/r", TrustedPrincipals: []string{"*"}}))
	forced := bare(t, s, UserOptions{Name: "forced", ForceMFA: true})
	orphan, err := forced.AddUnassigned("x")
	must(t, err)
	explicit := func(u *User, action, resource string) string {
		return "User: " + u.ARN + " is not authorized to perform: " + action + " on resource: " + resource + " with an explicit deny in an identity-based policy"
	}
	forced.do(t, "DeleteVirtualMFADevice", "SerialNumber", orphan.Serial).want(t, 403, "AccessDenied", explicit(forced, "iam:DeleteVirtualMFADevice", orphan.Serial))
	forced.signer().call(t, "Action", "AssumeRole", "RoleArn", "arn:aws:iam::111122223333:role/r", "RoleSessionName", "xx").want(t, 403, "AccessDenied", explicit(forced, "sts:AssumeRole", "arn:aws:iam::111122223333:role/r"))
	code1, code2 := orphan.NextPair()
	forced.pair(t, "EnableMFADevice", orphan.Serial, code1, code2).want(t, 200, "", "")
	forced.do(t, "DeactivateMFADevice", "SerialNumber", orphan.Serial).want(t, 403, "AccessDenied", explicit(forced, "iam:DeactivateMFADevice", "user forced"))
	mfa := forced.signer().with(s.User("forced").session(t, true))
	mfa.call(t, "Action", "AssumeRole", "RoleArn", "arn:aws:iam::111122223333:role/r", "RoleSessionName", "xx").want(t, 200, "", "")
	mfa.iam().call(t, "Action", "DeactivateMFADevice", "SerialNumber", orphan.Serial).want(t, 200, "", "")
	plain := forced.signer().with(forced.session(t, false))
	plain.iam().call(t, "Action", "DeactivateMFADevice", "SerialNumber", "x").want(t, 403, "InvalidClientTokenId", invalidToken)

	never := bare(t, s, UserOptions{Name: "never", Deny: []string{"iam:CreateVirtualMFADevice"}, NeedMFA: []string{"iam:ListMFADevices"}})
	never.do(t, "CreateVirtualMFADevice", "VirtualMFADeviceName", "y").want(t, 403, "AccessDenied", explicit(never, "iam:CreateVirtualMFADevice", "arn:aws:iam::111122223333:mfa/y"))
	never.do(t, "ListMFADevices").want(t, 403, "AccessDenied", explicit(never, "iam:ListMFADevices", "user never"))
	never.do(t, "GetUser").want(t, 200, "", "")
}

func TestMFAAgeInTrust(t *testing.T) {
	s := started(t)
	const role = "arn:aws:iam::111122223333:role/fresh"
	must(t, s.AddRole(Role{ARN: role, MaxMFAAge: time.Hour}))
	dev := s.NewUser("dev")
	assume := func(g signer, more ...string) reply {
		return g.call(t, append([]string{"Action", "AssumeRole", "RoleArn", role, "RoleSessionName", "xx"}, more...)...)
	}
	session := dev.signer().with(dev.session(t, true))
	assume(session).want(t, 200, "", "")
	s.Clock().Advance(time.Hour - time.Second)
	assume(session).want(t, 200, "", "")
	s.Clock().Advance(time.Second)
	assume(session).want(t, 403, "AccessDenied", "*")
	assume(dev.signer()).want(t, 403, "AccessDenied", "*")
	assume(dev.signer(), "SerialNumber", dev.MFASerial, "TokenCode", dev.NextCode()).want(t, 200, "", "")
}

func TestFaultsAtDeviceCalls(t *testing.T) {
	s := started(t)
	dev := bare(t, s, UserOptions{Name: "dev"})
	create := func(name string) reply { return dev.do(t, "CreateVirtualMFADevice", "VirtualMFADeviceName", name) }
	s.Fault(Fault{Kind: ServerError, Match: OnAction("CreateVirtualMFADevice"), Skip: 1, Times: 1})
	create("a").want(t, 200, "", "")
	dev.do(t, "GetUser").want(t, 200, "", "")
	create("b").want(t, 500, "InternalFailure", "*")
	create("b").want(t, 200, "", "")
	s.Fault(Fault{Kind: ServerError, After: true, Times: 1})
	create("c").want(t, 500, "InternalFailure", "*")
	create("c").want(t, 409, "EntityAlreadyExists", "*")
	s.Fault(Fault{Kind: WrongNamespace, Times: 1})
	if r := create("d"); strings.Contains(r.Body, iamNamespace) {
		t.Error("the namespace is right")
	}
	log := s.Requests()
	if log[0].DeviceName != "a" || log[0].Service != "iam" || log[2].Fault != ServerError {
		t.Errorf("log %+v", log)
	}
}

// The real CLI goes through the life of a device, with codes of oathtool. Each
// call takes it a second or two: the refusals are for the long run.
func TestAWSCLIEnrols(t *testing.T) {
	program, err := exec.LookPath("aws")
	require(t, "aws", err != nil)
	oathtool, err := exec.LookPath("oathtool")
	require(t, "oathtool", err != nil)
	s := New()
	must(t, s.Start())
	t.Cleanup(func() { s.Close() })
	dev := bare(t, s, UserOptions{Name: "dev"})
	cli := func(want string, args ...string) {
		t.Helper()
		c := exec.Command(program, append([]string{"--endpoint-url", s.URL(), "--region", "us-east-1", "--output", "text"}, args...)...)
		c.Env = cleanEnv(t, "AWS_ACCESS_KEY_ID="+dev.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+dev.SecretAccessKey)
		out, err := c.CombinedOutput()
		if got := strings.TrimSpace(string(out)); (err != nil) != strings.HasPrefix(want, "(") || !strings.Contains(got, want) || want == "" && got != "" {
			t.Fatalf("%s: got %q, %v; want %q", args[1], got, err, want)
		}
	}
	long := func(want string, args ...string) {
		t.Helper()
		if os.Getenv("AWSMFA_LONG") == "1" {
			cli(want, args...)
		}
	}
	const serial = "arn:aws:iam::111122223333:mfa/team/cli"
	seedFile := filepath.Join(t.TempDir(), "seed")
	create := []string{"iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", "cli", "--path", "/team/", "--outfile", seedFile, "--bootstrap-method", "Base32StringSeed", "--query", "VirtualMFADevice.SerialNumber"}
	cli(serial, create...)
	long("(EntityAlreadyExists)", create...)
	seed := s.Device(serial).Seed
	if text, err := os.ReadFile(seedFile); err != nil || strings.TrimSpace(string(text)) != seed {
		t.Fatalf("seed file of %d bytes, %v", len(text), err)
	}
	long(serial, "iam", "list-virtual-mfa-devices", "--assignment-status", "Unassigned", "--query", "VirtualMFADevices[].SerialNumber")
	s.Clock().Freeze()
	code := func(steps int) string {
		at := s.Clock().Now().Add(time.Duration(steps) * stepLength).Format("2006-01-02 15:04:05 UTC")
		out, err := exec.Command(oathtool, "--totp", "-b", "--now", at, seed).Output()
		must(t, err)
		return strings.TrimSpace(string(out))
	}
	pair := func(verb, code1, code2 string) []string {
		return []string{"iam", verb, "--user-name", "dev", "--serial-number", serial, "--authentication-code1", code1, "--authentication-code2", code2}
	}
	long("(InvalidAuthenticationCode) when calling the EnableMFADevice operation: "+badPair, pair("enable-mfa-device", code(1), code(0))...)
	cli("", pair("enable-mfa-device", code(0), code(1))...)
	long("dev", "iam", "list-virtual-mfa-devices", "--assignment-status", "Assigned", "--query", "VirtualMFADevices[].User.UserName")
	cli("", pair("resync-mfa-device", code(60), code(61))...)
	long("ASIA", "sts", "get-session-token", "--serial-number", serial, "--token-code", code(62), "--query", "Credentials.AccessKeyId")
	long("(DeleteConflict)", "iam", "delete-virtual-mfa-device", "--serial-number", serial)
	cli("", "iam", "deactivate-mfa-device", "--user-name", "dev", "--serial-number", serial)
	cli("", "iam", "delete-virtual-mfa-device", "--serial-number", serial)
	long("(NoSuchEntity)", "iam", "delete-virtual-mfa-device", "--serial-number", serial)
	long(dev.ARN, "iam", "get-user", "--query", "User.Arn")
}
