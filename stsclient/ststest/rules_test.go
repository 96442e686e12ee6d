package ststest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	badCode   = "MultiFactorAuthentication failed with invalid MFA one time pass code."
	badSerial = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."
	half      = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
)

func violation(value, member, constraint string) string {
	return "1 validation error detected: Value " + value + " at '" + member + "' failed to satisfy constraint: " + constraint
}

func TestMFA(t *testing.T) {
	s := started(t)
	dev, other := s.NewUser("dev"), s.NewUser("other")
	fido, err := dev.AddFIDO("yubi")
	must(t, err)
	second, err := dev.AddDevice("phone")
	must(t, err)
	token, err := dev.AddHardwareDevice("GAHT12345678")
	must(t, err)
	wrong := func() string {
		for _, c := range []string{"000000", "000001", "000002", "000003"} {
			step := stepOf(s.Clock().Now())
			if c != codeAt(dev.Seed, step-1) && c != codeAt(dev.Seed, step) && c != codeAt(dev.Seed, step+1) {
				return c
			}
		}
		return ""
	}
	at := func(d time.Duration) string { return codeAt(dev.Seed, stepOf(s.Clock().Now().Add(d))) }
	tests := []struct {
		name          string
		serial, code  string
		status        int
		error, answer string
	}{
		{"this step", dev.MFASerial, at(0), 200, "", ""},
		{"the same code again", dev.MFASerial, at(0), 403, "AccessDenied", badCode},
		{"the step before", dev.MFASerial, at(-30 * time.Second), 200, "", ""},
		{"the step after", dev.MFASerial, at(30 * time.Second), 200, "", ""},
		{"two steps before", dev.MFASerial, at(-60 * time.Second), 403, "AccessDenied", badCode},
		{"two steps after", dev.MFASerial, at(60 * time.Second), 403, "AccessDenied", badCode},
		{"wrong", dev.MFASerial, wrong(), 403, "AccessDenied", badCode},
		{"second device", second.Serial, second.Code(), 200, "", ""},
		{"hardware token", token.Serial, token.Code(), 200, "", ""},
		{"code of another device", second.Serial, token.NextCode(), 403, "AccessDenied", badCode},
		{"device of another user", other.MFASerial, other.Code(), 403, "AccessDenied", badSerial},
		{"unknown device", "arn:aws:iam::111122223333:mfa/none", "123456", 403, "AccessDenied", badSerial},
		{"FIDO", fido.Serial, "123456", 403, "AccessDenied", badSerial},
		{"serial alone", dev.MFASerial, "", 403, "AccessDenied", half},
		{"code alone", "", "123456", 403, "AccessDenied", half},
		{"five digits", dev.MFASerial, "12345", 400, "ValidationError", violation("'12345'", "tokenCode", "Member must have length greater than or equal to 6")},
		{"seven digits", dev.MFASerial, "1234567", 400, "ValidationError", violation("'1234567'", "tokenCode", "Member must have length less than or equal to 6")},
		{"letters", dev.MFASerial, "12345a", 400, "ValidationError", violation("'12345a'", "tokenCode", `Member must satisfy regular expression pattern: [\d]*`)},
		{"full-width digits", dev.MFASerial, "１２３４５６", 400, "ValidationError", violation("'１２３４５６'", "tokenCode", `Member must satisfy regular expression pattern: [\d]*`)},
		{"short serial", "GAHT1234", "123456", 400, "ValidationError", violation("'GAHT1234'", "serialNumber", "Member must have length greater than or equal to 9")},
		{"serial with a space", "GAHT 98765", "123456", 400, "ValidationError", violation("'GAHT 98765'", "serialNumber", `Member must satisfy regular expression pattern: [\w+=/:,.@-]*`)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pairs := []string{"Action", "GetSessionToken"}
			if test.serial != "" {
				pairs = append(pairs, "SerialNumber", test.serial)
			}
			if test.code != "" {
				pairs = append(pairs, "TokenCode", test.code)
			}
			dev.signer().call(t, pairs...).want(t, test.status, test.error, test.answer)
		})
	}
	for _, r := range s.Requests() {
		if strings.Contains(r.Message, "12345") {
			t.Errorf("the log shows a code: %q", r.Message)
		}
	}
}

func TestCodeIsSpentByAnyAction(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	const admin = "arn:aws:iam::111122223333:role/admin"
	must(t, s.AddRole(Role{ARN: admin, ExternalID: "right"}))
	code := dev.NextCode()
	assume := []string{"Action", "AssumeRole", "RoleArn", admin, "RoleSessionName", "dev", "SerialNumber", dev.MFASerial, "TokenCode", code}
	dev.signer().call(t, append(assume, "ExternalId", "wrong")...).wantPrefix(t, 403, "AccessDenied", "User: ")
	dev.signer().call(t, append(assume, "ExternalId", "right")...).want(t, 403, "AccessDenied", badCode)
	dev.signer().call(t, "Action", "GetSessionToken", "SerialNumber", dev.MFASerial, "TokenCode", code).want(t, 403, "AccessDenied", badCode)
	if n := len(s.CodesSeenTwice()); n != 2 {
		t.Errorf("codes seen twice: %d", n)
	}
	dev.signer().call(t, "Action", "GetSessionToken", "SerialNumber", dev.MFASerial, "TokenCode", dev.NextCode()).want(t, 200, "", "")
	if n := len(s.CodesSeenTwice()); n != 2 {
		t.Errorf("codes seen twice after a new one: %d", n)
	}
}

func TestRefusedRequestSpendsNoCode(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	code := dev.NextCode()
	login := []string{"Action", "GetSessionToken", "SerialNumber", dev.MFASerial, "TokenCode", code}
	dev.signer().call(t, append(login, "DurationSeconds", "899")...).want(t, 400, "ValidationError", "*")
	forged := dev.signer()
	forged.secret = "not the secret"
	forged.call(t, login...).want(t, 403, "SignatureDoesNotMatch", mismatch)
	dev.signer().call(t, login...).want(t, 200, "", "")
}

// Of two logins that race with one code exactly one wins, every time.
func TestRaceForOneCode(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	for round := range 20 {
		code := dev.NextCode()
		r1 := dev.signer().request(t, form("Action", "GetSessionToken", "SerialNumber", dev.MFASerial, "TokenCode", code))
		r2 := dev.signer().request(t, form("Action", "GetSessionToken", "SerialNumber", dev.MFASerial, "TokenCode", code))
		replies := make([]reply, 2)
		var all sync.WaitGroup
		all.Go(func() { replies[0] = send(t, r1) })
		all.Go(func() { replies[1] = send(t, r2) })
		all.Wait()
		if replies[0].Status+replies[1].Status != 200+403 {
			t.Fatalf("round %d: %d and %d", round, replies[0].Status, replies[1].Status)
		}
	}
}

func TestNextCodeNeverRepeats(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	seen := map[string]bool{}
	for range 20 {
		code := dev.NextCode()
		seen[code] = true
		dev.signer().call(t, "Action", "GetSessionToken", "SerialNumber", dev.MFASerial, "TokenCode", code).want(t, 200, "", "")
	}
	// Two steps can show the same six digits, once in a million.
	if len(seen) < 19 {
		t.Errorf("20 codes were only %d different ones", len(seen))
	}
}

func TestLockout(t *testing.T) {
	s := started(t, WithLockout(2))
	dev := s.NewUser("dev")
	login := func(code string) reply {
		return dev.signer().call(t, "Action", "GetSessionToken", "SerialNumber", dev.MFASerial, "TokenCode", code)
	}
	good := dev.NextCode()
	login(good).want(t, 200, "", "")
	login(good).want(t, 403, "AccessDenied", badCode)
	login(good).want(t, 403, "AccessDenied", badCode)
	login(dev.NextCode()).want(t, 403, "AccessDenied", badCode)
}

func TestSessionDurations(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	root, err := s.NewUserWith(UserOptions{Root: true})
	must(t, err)
	const least, most = "Member must have value greater than or equal to 900", "Member must have value less than or equal to 129600"
	for _, test := range []struct {
		user    *User
		asked   string
		lasts   time.Duration
		message string
	}{
		{dev, "", 12 * time.Hour, ""},
		{dev, "900", 15 * time.Minute, ""},
		{dev, "129600", 36 * time.Hour, ""},
		{dev, "899", 0, violation("'899'", "durationSeconds", least)},
		{dev, "-1", 0, violation("'-1'", "durationSeconds", least)},
		{dev, "129601", 0, violation("'129601'", "durationSeconds", most)},
		{root, "", time.Hour, ""},
		{root, "43200", time.Hour, ""},
		{root, "1800", 30 * time.Minute, ""},
	} {
		pairs := []string{"Action", "GetSessionToken"}
		if test.asked != "" {
			pairs = append(pairs, "DurationSeconds", test.asked)
		}
		r := test.user.signer().call(t, pairs...)
		if test.message != "" {
			r.want(t, 400, "ValidationError", test.message)
			continue
		}
		r.want(t, 200, "", "")
		want := s.Clock().Now().Truncate(time.Second).Add(test.lasts).Format("2006-01-02T15:04:05Z")
		if r.Session.Expiration != want {
			t.Errorf("%s asked %q: until %s, want %s", test.user.Name, test.asked, r.Session.Expiration, want)
		}
	}
	dev.signer().call(t, "Action", "GetSessionToken", "DurationSeconds", "12h").want(t, 400, "MalformedInput", "*")
}

func TestSessionExpires(t *testing.T) {
	s := started(t)
	s.Clock().Set(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	g := s.NewUser("dev").signer()
	session := g.with(g.call(t, "Action", "GetSessionToken", "DurationSeconds", "900").Session)
	s.Clock().Advance(900*time.Second - time.Nanosecond)
	session.call(t, "Action", "GetCallerIdentity").want(t, 200, "", "")
	s.Clock().Advance(time.Nanosecond)
	session.call(t, "Action", "GetCallerIdentity").want(t, 403, "ExpiredToken", "The security token included in the request is expired")
}

func TestSessionCredentialsMayNot(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	const role = "arn:aws:iam::111122223333:role/r"
	must(t, s.AddRole(Role{ARN: role}))
	plain, mfa := dev.signer().with(dev.session(t, false)), dev.signer().with(dev.session(t, true))
	assumed := dev.signer().with(plain.call(t, "Action", "AssumeRole", "RoleArn", role, "RoleSessionName", "me").Role)
	for name, g := range map[string]signer{"plain": plain, "mfa": mfa, "role": assumed} {
		t.Run(name, func(t *testing.T) {
			g.call(t, "Action", "GetSessionToken").want(t, 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
			g.call(t, "Action", "GetFederationToken", "Name", "x").want(t, 403, "AccessDenied", "Cannot call GetFederationToken with session credentials")
		})
	}
	plain.iam().call(t, "Action", "ListMFADevices").want(t, 403, "InvalidClientTokenId", invalidToken)
	mfa.iam().call(t, "Action", "ListMFADevices").want(t, 200, "", "")
	assumed.iam().call(t, "Action", "ListMFADevices").want(t, 400, "ValidationError", "Must specify userName when calling with non-User credentials")
}

func TestCallerIdentity(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	root, err := s.NewUserWith(UserOptions{Root: true, Account: "999988887777"})
	must(t, err)
	must(t, s.AddRole(Role{ARN: "arn:aws:iam::111122223333:role/some/path/admin"}))
	user := dev.signer().call(t, "Action", "GetCallerIdentity")
	session := dev.signer().with(dev.session(t, true)).call(t, "Action", "GetCallerIdentity")
	for _, r := range []reply{user, session} {
		if r.ARN != "arn:aws:iam::111122223333:user/dev" || r.Account != "111122223333" || !strings.HasPrefix(r.UserID, "AIDA") || len(r.UserID) != 21 {
			t.Errorf("user: %+v", r)
		}
	}
	if r := root.signer().call(t, "Action", "GetCallerIdentity"); r.ARN != "arn:aws:iam::999988887777:root" || r.UserID != "999988887777" {
		t.Errorf("root: %s", r.Body)
	}
	role := dev.signer().call(t, "Action", "AssumeRole", "RoleArn", "arn:aws:iam::111122223333:role/some/path/admin", "RoleSessionName", "me@x")
	const want = "arn:aws:sts::111122223333:assumed-role/admin/me@x"
	if role.RoleARN != want || !strings.HasPrefix(role.RoleID, "AROA") || !strings.HasSuffix(role.RoleID, ":me@x") {
		t.Errorf("role: %s", role.Body)
	}
	r := dev.signer().with(role.Role).call(t, "Action", "GetCallerIdentity")
	if r.ARN != want || r.UserID != role.RoleID || r.Account != "111122223333" {
		t.Errorf("role session: %s", r.Body)
	}
}

func TestPartitions(t *testing.T) {
	s := started(t)
	const everybody = "arn:aws:iam::111122223333:role/everybody"
	must(t, s.AddRole(Role{ARN: everybody, TrustedPrincipals: []string{"*"}}))
	for partition, region := range map[string]string{"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1", "aws-iso": "us-iso-east-1", "aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1"} {
		u, err := s.NewUserWith(UserOptions{Name: partition, Partition: partition})
		must(t, err)
		must(t, s.AddRole(Role{ARN: "arn:" + partition + ":iam::" + u.Account + ":role/r"}))
		g := u.signer()
		g.call(t, "Action", "GetCallerIdentity").want(t, 403, "InvalidClientTokenId", invalidToken)
		g.region = region
		r := g.call(t, "Action", "AssumeRole", "RoleArn", "arn:"+partition+":iam::"+u.Account+":role/r", "RoleSessionName", "me", "SerialNumber", u.MFASerial, "TokenCode", u.NextCode())
		if r.RoleARN != "arn:"+partition+":sts::"+u.Account+":assumed-role/r/me" {
			t.Errorf("%s: %s", partition, r.Body)
		}
		g.call(t, "Action", "AssumeRole", "RoleArn", everybody, "RoleSessionName", "me").wantPrefix(t, 403, "AccessDenied", "User: arn:"+partition)
	}
}

func TestAssumeRoleParameters(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	const role = "arn:aws:iam::111122223333:role/r"
	must(t, s.AddRole(Role{ARN: role, MaxDuration: 2 * time.Hour}))
	pattern := func(p string) string { return "Member must satisfy regular expression pattern: " + p }
	atLeast := func(n int) string { return fmt.Sprintf("Member must have length greater than or equal to %d", n) }
	atMost := func(n int) string { return fmt.Sprintf("Member must have length less than or equal to %d", n) }
	x := strings.Repeat
	quote := func(s string) string { return "'" + s + "'" }
	tests := []struct {
		name    string
		pairs   []string
		code    string // "" for an answer
		message string
	}{
		{"plain", nil, "", ""},
		{"everything", []string{"DurationSeconds", "7200", "ExternalId", "a+=,.@:/-", "SourceIdentity", "me@x", "Policy", `{"Version":"2012-10-17","Statement":[]}`, "PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v é", "TransitiveTagKeys.member.1", "k"}, "", ""},
		{"no name", []string{"RoleSessionName", "-"}, "ValidationError", violation("null", "roleSessionName", "Member must not be null")},
		{"no role", []string{"RoleArn", "-"}, "ValidationError", violation("null", "roleArn", "Member must not be null")},
		{"name of one", []string{"RoleSessionName", "a"}, "ValidationError", violation("'a'", "roleSessionName", atLeast(2))},
		{"name of 64", []string{"RoleSessionName", x("a", 64)}, "", ""},
		{"name of 65", []string{"RoleSessionName", x("a", 65)}, "ValidationError", violation(quote(x("a", 65)), "roleSessionName", atMost(64))},
		{"name with a space", []string{"RoleSessionName", "a b"}, "ValidationError", violation("'a b'", "roleSessionName", pattern(`[\w+=,.@-]*`))},
		{"name with an accent", []string{"RoleSessionName", "zoé"}, "ValidationError", violation("'zoé'", "roleSessionName", pattern(`[\w+=,.@-]*`))},
		{"name and duration", []string{"RoleSessionName", "a", "DurationSeconds", "100"}, "ValidationError", "2 validation errors detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2; Value '100' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{"short role", []string{"RoleArn", "arn:aws:iam::1:role"}, "ValidationError", violation("'arn:aws:iam::1:role'", "roleArn", atLeast(20))},
		{"role that is no ARN", []string{"RoleArn", "the-role-of-the-admins"}, "ValidationError", "the-role-of-the-admins is invalid"},
		{"external id of one", []string{"ExternalId", "a"}, "ValidationError", violation("'a'", "externalId", atLeast(2))},
		{"external id too long", []string{"ExternalId", x("a", 1225)}, "ValidationError", violation(quote(x("a", 1225)), "externalId", atMost(1224))},
		{"external id with a space", []string{"ExternalId", "a b"}, "ValidationError", violation("'a b'", "externalId", pattern(`[\w+=,.@:\/-]*`))},
		{"source identity of AWS", []string{"SourceIdentity", "aws:me"}, "ValidationError", "*"},
		{"duration 899", []string{"DurationSeconds", "899"}, "ValidationError", violation("'899'", "durationSeconds", "Member must have value greater than or equal to 900")},
		{"duration 43201", []string{"DurationSeconds", "43201"}, "ValidationError", violation("'43201'", "durationSeconds", "Member must have value less than or equal to 43200")},
		{"duration over the role's", []string{"DurationSeconds", "7201"}, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{"policy that is no JSON", []string{"Policy", "{"}, "MalformedPolicyDocument", "*"},
		{"policy without statements", []string{"Policy", "{}"}, "MalformedPolicyDocument", "*"},
		{"long policy", []string{"Policy", `{"Statement":"` + x("x", 2033) + `"}`}, "ValidationError", violation(quote(`{"Statement":"`+x("x", 2033)+`"}`), "policy", atMost(2048))},
		{"policy ARN of a role", []string{"PolicyArns.member.1.arn", role}, "ValidationError", "*"},
		{"eleven policy ARNs", members(11, "PolicyArns.member.%d.arn", "arn:aws:iam::aws:policy/P"), "ValidationError", "*"},
		{"ten policy ARNs", members(10, "PolicyArns.member.%d.arn", "arn:aws:iam::aws:policy/P"), "", ""},
		{"fifty tags", tags(50, 1), "", ""},
		{"51 tags", tags(51, 1), "ValidationError", "*"},
		{"tags too large", tags(50, 200), "PackedPolicyTooLarge", "*"},
		{"tag with a bad key", []string{"Tags.member.1.Key", "a*", "Tags.member.1.Value", "v"}, "ValidationError", violation("'a*'", "tags.1.member.key", pattern(`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`))},
		{"tag with a long value", []string{"Tags.member.1.Key", "a", "Tags.member.1.Value", x("v", 257)}, "ValidationError", violation(quote(x("v", 257)), "tags.1.member.value", atMost(256))},
		{"tags that differ in case", []string{"Tags.member.1.Key", "a", "Tags.member.1.Value", "", "Tags.member.2.Key", "A", "Tags.member.2.Value", ""}, "InvalidParameterValue", "*"},
		{"transitive key without tag", []string{"TransitiveTagKeys.member.1", "k"}, "InvalidParameterValue", "*"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := form("Action", "AssumeRole", "RoleArn", role, "RoleSessionName", "me")
			for i := 0; i+1 < len(test.pairs); i += 2 {
				v.Set(test.pairs[i], test.pairs[i+1])
				if test.pairs[i+1] == "-" {
					v.Del(test.pairs[i])
				}
			}
			r := send(t, dev.signer().request(t, v))
			if test.code == "" {
				r.want(t, 200, "", "")
				return
			}
			r.want(t, 400, test.code, test.message)
		})
	}
}

func members(n int, format, value string) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(format, i+1), value)
	}
	return out
}

func tags(n, length int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprintf("k%d", i), fmt.Sprintf("Tags.member.%d.Value", i+1), strings.Repeat("v", length))
	}
	return out
}

func TestTrust(t *testing.T) {
	s := started(t)
	dev, ops := s.NewUser("dev"), s.NewUser("ops")
	stranger, err := s.NewUserWith(UserOptions{Name: "stranger", Account: "444455556666"})
	must(t, err)
	limited, err := s.NewUserWith(UserOptions{Name: "limited", DenyAssumeRole: true})
	must(t, err)
	root, err := s.NewUserWith(UserOptions{Root: true})
	must(t, err)
	const base = "arn:aws:iam::111122223333:role/"
	for _, r := range []Role{
		{ARN: base + "account"},
		{ARN: base + "dev", TrustedPrincipals: []string{dev.ARN}},
		{ARN: base + "root", TrustedPrincipals: []string{"arn:aws:iam::111122223333:root"}},
		{ARN: base + "number", TrustedPrincipals: []string{"444455556666"}},
		{ARN: base + "everybody", TrustedPrincipals: []string{"*"}},
		{ARN: base + "mfa", RequireMFA: true},
		{ARN: base + "external", ExternalID: "secret-42"},
		{ARN: base + "hop", TrustedPrincipals: []string{base + "account"}},
		{ARN: base + "exact", TrustedPrincipals: []string{"arn:aws:sts::111122223333:assumed-role/account/me"}},
	} {
		must(t, s.AddRole(r))
	}
	plain, withMFA := dev.signer().with(dev.session(t, false)), dev.signer().with(dev.session(t, true))
	account := dev.signer().with(dev.signer().call(t, "Action", "AssumeRole", "RoleArn", base+"account", "RoleSessionName", "me").Role)
	mfaRole := dev.signer().with(withMFA.call(t, "Action", "AssumeRole", "RoleArn", base+"mfa", "RoleSessionName", "me").Role)
	no := func(who, role string) string {
		return "User: " + who + " is not authorized to perform: sts:AssumeRole on resource: " + base + role
	}
	const assumed = "arn:aws:sts::111122223333:assumed-role/"
	tests := []struct {
		name    string
		who     signer
		role    string
		more    []string
		message string
	}{
		{"own account", dev.signer(), "account", nil, ""},
		{"another account", stranger.signer(), "account", nil, no(stranger.ARN, "account")},
		{"named user", dev.signer(), "dev", nil, ""},
		{"named user's session", plain, "dev", nil, ""},
		{"another user", ops.signer(), "dev", nil, no(ops.ARN, "dev")},
		{"account root", dev.signer(), "root", nil, ""},
		{"account number", stranger.signer(), "number", nil, ""},
		{"not that number", dev.signer(), "number", nil, no(dev.ARN, "number")},
		{"everybody", stranger.signer(), "everybody", nil, ""},
		{"unknown role", dev.signer(), "none", nil, no(dev.ARN, "none")},
		{"not permitted", limited.signer(), "account", nil, no(limited.ARN, "account")},
		{"root user", root.signer(), "everybody", nil, "Roles may not be assumed by root accounts."},
		{"MFA missing", dev.signer(), "mfa", nil, no(dev.ARN, "mfa")},
		{"MFA missing in the session", plain, "mfa", nil, no(dev.ARN, "mfa")},
		{"MFA in the session", withMFA, "mfa", nil, ""},
		{"MFA of a role session does not count", mfaRole, "mfa", nil, no(assumed+"mfa/me", "mfa")},
		{"external id missing", dev.signer(), "external", nil, no(dev.ARN, "external")},
		{"external id wrong", dev.signer(), "external", []string{"ExternalId", "secret-43"}, no(dev.ARN, "external")},
		{"external id right", dev.signer(), "external", []string{"ExternalId", "secret-42"}, ""},
		{"role chain", account, "hop", nil, ""},
		{"role chain from a user", dev.signer(), "hop", nil, no(dev.ARN, "hop")},
		{"named role session", account, "exact", nil, ""},
		{"another role session", mfaRole, "exact", nil, no(assumed+"mfa/me", "exact")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := test.who.call(t, append([]string{"Action", "AssumeRole", "RoleArn", base + test.role, "RoleSessionName", "me"}, test.more...)...)
			if test.message == "" {
				r.want(t, 200, "", "")
				return
			}
			r.want(t, 403, "AccessDenied", test.message)
		})
	}
	code := []string{"Action", "AssumeRole", "RoleArn", base + "mfa", "RoleSessionName", "me", "SerialNumber", dev.MFASerial, "TokenCode", dev.NextCode()}
	dev.signer().call(t, code...).want(t, 200, "", "")
	account.call(t, append(code[:9:9], dev.NextCode())...).want(t, 403, "AccessDenied", badSerial)
}

func TestChaining(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	const role, next = "arn:aws:iam::111122223333:role/long", "arn:aws:iam::111122223333:role/next"
	must(t, s.AddRole(Role{ARN: role, MaxDuration: 12 * time.Hour}))
	must(t, s.AddRole(Role{ARN: next, MaxDuration: 12 * time.Hour}))
	assume := func(g signer, role, seconds string, more ...string) reply {
		return g.call(t, append([]string{"Action", "AssumeRole", "RoleArn", role, "RoleSessionName", "me", "DurationSeconds", seconds}, more...)...)
	}
	const limit = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
	session := dev.signer().with(dev.session(t, true))
	direct := assume(dev.signer(), role, "43200", "SourceIdentity", "dev", "Tags.member.1.Key", "team", "Tags.member.1.Value", "x", "TransitiveTagKeys.member.1", "team")
	direct.want(t, 200, "", "")
	if want := s.Clock().Now().Truncate(time.Second).Add(12 * time.Hour).Format(xmlTime); direct.Role.Expiration != want || direct.Source != "dev" || direct.Packed == 0 {
		t.Errorf("direct: until %s, want %s; source identity %q; packed %d", direct.Role.Expiration, want, direct.Source, direct.Packed)
	}
	chained := dev.signer().with(direct.Role)
	for name, g := range map[string]signer{"session": session, "role": chained} {
		assume(g, next, "3601").want(t, 400, "ValidationError", limit)
		r := assume(g, next, "3600")
		r.want(t, 200, "", "")
		if name == "role" && r.Source != "dev" {
			t.Errorf("source identity is lost: %q", r.Source)
		}
	}
	assume(chained, next, "900", "SourceIdentity", "other").wantPrefix(t, 403, "AccessDenied", "User: ")
	assume(chained, next, "900", "Tags.member.1.Key", "Team", "Tags.member.1.Value", "y").want(t, 400, "InvalidParameterValue", "*")
	second := dev.signer().with(assume(chained, next, "900").Role)
	assume(second, role, "900", "Tags.member.1.Key", "team", "Tags.member.1.Value", "y").want(t, 400, "InvalidParameterValue", "*")
	log := s.Requests()
	if last := log[len(log)-1]; last.ChainDepth != 2 {
		t.Errorf("depth of the last caller: %d", last.ChainDepth)
	}
}

func TestListMFADevices(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	none, err := s.NewUserWith(UserOptions{Name: "none", NoDevice: true})
	must(t, err)
	denied, err := s.NewUserWith(UserOptions{Name: "denied", DenyIAM: true})
	must(t, err)
	want := []string{dev.MFASerial}
	for i := range 4 {
		d, err := dev.AddDevice(fmt.Sprint("more", i))
		must(t, err)
		want = append(want, d.Serial)
	}
	fido, err := dev.AddFIDO("key")
	must(t, err)
	want = append(want, fido.Serial)

	var got []string
	pairs := []string{"Action", "ListMFADevices", "MaxItems", "4"}
	r := dev.signer().iam().call(t, pairs...)
	got = append(got, r.Serials...)
	if !r.Truncated || len(r.Serials) != 4 {
		t.Fatalf("first page: %s", r.Body)
	}
	r = dev.signer().iam().call(t, append(pairs, "Marker", r.Marker)...)
	got = append(got, r.Serials...)
	if r.Truncated || r.Marker != "" || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if r := none.signer().iam().call(t, "Action", "ListMFADevices"); r.Status != 200 || len(r.Serials) != 0 {
		t.Errorf("without a device: %s", r.Body)
	}
	if r := dev.signer().iam().call(t, "Action", "ListMFADevices", "UserName", "denied"); len(r.Serials) != 1 || r.Serials[0] != denied.MFASerial {
		t.Errorf("of another user: %s", r.Body)
	}
	for _, bad := range []struct {
		pairs         []string
		status        int
		code, message string
	}{
		{[]string{"MaxItems", "0"}, 400, "ValidationError", violation("'0'", "maxItems", "Member must have value greater than or equal to 1")},
		{[]string{"MaxItems", "1001"}, 400, "ValidationError", violation("'1001'", "maxItems", "Member must have value less than or equal to 1000")},
		{[]string{"Marker", "x"}, 400, "ValidationError", "*"},
		{[]string{"UserName", "nobody"}, 404, "NoSuchEntity", "The user with name nobody cannot be found."},
		{[]string{"UserName", "no body"}, 400, "ValidationError", "*"},
	} {
		dev.signer().iam().call(t, append([]string{"Action", "ListMFADevices"}, bad.pairs...)...).want(t, bad.status, bad.code, bad.message)
	}
	denied.signer().iam().call(t, "Action", "ListMFADevices").wantPrefix(t, 403, "AccessDenied", "User: "+denied.ARN+" is not authorized to perform: iam:ListMFADevices on resource: user denied")
	if r := dev.signer().iam().call(t, "Action", "GetUser"); r.UserARN != dev.ARN {
		t.Errorf("GetUser: %s", r.Body)
	}
}

func TestProtocol(t *testing.T) {
	s := started(t)
	g := s.NewUser("dev").signer()
	g.call(t).want(t, 400, "MissingAction", "*")
	g.call(t, "Action", "DoIt").want(t, 400, "InvalidAction", "Could not find operation DoIt for version 2011-06-15")
	g.call(t, "Action", "GetCallerIdentity", "Version", "2012-01-01").want(t, 400, "InvalidAction", "*")
	g.call(t, "Action", "ListMFADevices").want(t, 400, "InvalidAction", "*")

	r := g.call(t, "Action", "GetCallerIdentity")
	if r.ID == "" || r.ID != r.Header.Get("X-Amzn-Requestid") || r.Header.Get("Content-Type") != "text/xml" || !strings.HasPrefix(r.Body, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`) {
		t.Errorf("answer: %v\n%s", r.Header, r.Body)
	}
	r = g.call(t, "Action", "AssumeRole")
	if r.Type != "Sender" || r.ErrorID == "" || r.ErrorID != r.Header.Get("X-Amzn-Requestid") || !strings.HasPrefix(r.Body, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`) {
		t.Errorf("error: %v\n%s", r.Header, r.Body)
	}
	if r := g.iam().call(t, "Action", "ListMFADevices"); !strings.HasPrefix(r.Body, `<ListMFADevicesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">`) {
		t.Errorf("IAM: %s", r.Body)
	}
}

func TestLooksOfCredentials(t *testing.T) {
	for _, length := range []int{0, 484, 20000} {
		s := started(t, WithTokenLength(length))
		dev := s.NewUser("dev")
		c := dev.session(t, true)
		if len(c.AccessKeyId) != 20 || !strings.HasPrefix(c.AccessKeyId, "ASIA") || len(c.SecretAccessKey) != 40 || len(dev.AccessKeyID) != 20 || len(dev.SecretAccessKey) != 40 || len(dev.Seed) != 64 {
			t.Errorf("%s %d %s %d %d", c.AccessKeyId, len(c.SecretAccessKey), dev.AccessKeyID, len(dev.SecretAccessKey), len(dev.Seed))
		}
		if n := len(c.SessionToken); length > 0 && n != length || n < 100 {
			t.Errorf("token of %d, want %d", n, length)
		}
		dev.signer().with(c).call(t, "Action", "GetCallerIdentity").want(t, 200, "", "")
	}
}

func TestSetUpRefusals(t *testing.T) {
	s := New()
	dev := s.NewUser("dev")
	if again := s.NewUser("dev"); again.Account == dev.Account || again.MFASerial == dev.MFASerial {
		t.Errorf("a second dev: %s", again.ARN)
	}
	for _, o := range []UserOptions{{Name: "dev", Account: dev.Account}, {Name: "x", AccessKeyID: dev.AccessKeyID}} {
		if _, err := s.NewUserWith(o); !errors.Is(err, ErrTaken) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, seed := range []string{"1", "!!!!!!!!!!!!!!!!", "AAAA"} {
		if _, err := s.NewUserWith(UserOptions{Name: "seed", Seed: seed}); !errors.Is(err, ErrBadSeed) {
			t.Errorf("seed %q: %v", seed, err)
		}
	}
	if _, err := dev.AddDevice("dev"); !errors.Is(err, ErrTaken) {
		t.Errorf("a device twice: %v", err)
	}
	for _, arn := range []string{"", "role", "arn:aws:iam::111122223333:user/x", "arn:aws:iam::1:role/x", "arn:aws:sts::111122223333:role/x"} {
		if err := s.AddRole(Role{ARN: arn}); !errors.Is(err, ErrBadARN) {
			t.Errorf("role %q: %v", arn, err)
		}
	}
	if err := New(WithAddress("0.0.0.0:0")).Start(); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("listening to a network: %v", err)
	}
}

func TestClock(t *testing.T) {
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	base := at
	c := NewClock(func() time.Time { return base })
	check := func(what string, want time.Time) {
		t.Helper()
		if got := c.Now(); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	check("new", at)
	c.Advance(time.Hour)
	check("advanced", at.Add(time.Hour))
	base = base.Add(time.Minute)
	check("runs on", at.Add(time.Hour+time.Minute))
	c.Freeze()
	base = base.Add(time.Minute)
	check("frozen", at.Add(time.Hour+time.Minute))
	c.Advance(-time.Hour)
	check("frozen and moved", at.Add(time.Minute))
	c.Resume()
	base = base.Add(time.Second)
	check("resumed", at.Add(time.Minute+time.Second))
	c.Set(at)
	check("set", at)
}
