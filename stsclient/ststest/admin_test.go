package ststest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ask gives an order as another process would and reads the answer into out.
func ask(t *testing.T, s *Server, what, body string, out any) int {
	t.Helper()
	response, err := http.Post(s.AdminURL()+what, "application/json", strings.NewReader(body))
	must(t, err)
	defer response.Body.Close()
	must(t, json.Unmarshal([]byte(readAll(response.Body)), out))
	return response.StatusCode
}

func TestAdmin(t *testing.T) {
	s := started(t)
	var u User
	ask(t, s, "user", `{"name":"zoe"}`, &u)
	u.server = s
	if u.SecretAccessKey == "" || u.Seed == "" {
		t.Fatalf("user without keys: %s", u.ARN)
	}
	ask(t, s, "role", `{"arn":"arn:aws:iam::111122223333:role/ops","require_mfa":true,"max_duration":"2h"}`, &struct{}{})
	var first, second struct{ Code string }
	ask(t, s, "code?user=zoe", "", &first)
	ask(t, s, "code", `{"user":"zoe"}`, &second)
	assume := func(code string) reply {
		return u.signer().call(t, "Action", "AssumeRole", "RoleArn", "arn:aws:iam::111122223333:role/ops", "RoleSessionName", "zoe", "DurationSeconds", "7200", "SerialNumber", u.MFASerial, "TokenCode", code)
	}
	assume(first.Code).want(t, 200, "", "")
	assume(first.Code).want(t, 403, "AccessDenied", badCode)
	ask(t, s, "fault?kind=throttling&times=1&action=AssumeRole", "", &struct{}{})
	assume(second.Code).want(t, 400, "Throttling", "*")
	assume(second.Code).want(t, 200, "", "")

	var log, twice []Request
	ask(t, s, "requests", "", &log)
	ask(t, s, "codes-seen-twice", "", &twice)
	if len(log) != 4 || len(twice) != 2 || log[2].Fault != Throttling || log[0].Issued == "" {
		t.Errorf("log %+v\ntwice %+v", log, twice)
	}
	before := s.Clock().Now()
	ask(t, s, "advance?by=31s", "", &struct{}{})
	if d := s.Clock().Now().Sub(before); d != 31*time.Second {
		t.Errorf("advanced by %s", d)
	}
	ask(t, s, "advance", `{"to":"2031-01-01T00:00:00Z"}`, &struct{}{})
	if y := s.Clock().Now().Year(); y != 2031 {
		t.Errorf("set to %d", y)
	}
	ask(t, s, "forget", "", &struct{}{})
	var info Info
	ask(t, s, "info", "", &info)
	if info.URL != s.URL() || len(info.Users) != 1 || len(info.Roles) != 1 || len(s.Requests()) != 0 {
		t.Errorf("info %+v", info)
	}
	var key Device
	ask(t, s, "device", `{"user":"zoe","name":"key","kind":"fido"}`, &key)
	if !strings.Contains(key.Serial, ":u2f/") {
		t.Errorf("device %+v", key)
	}
	var bare, orphan = User{}, Device{}
	ask(t, s, "user", `{"name":"bare","no_device":true,"force_mfa":true,"need_mfa":["iam:GetUser"]}`, &bare)
	if bare.SecretAccessKey == "" || bare.MFASerial != "" || bare.Seed != "" {
		t.Errorf("bare user with %q", bare.MFASerial)
	}
	bare.server = s
	bare.do(t, "GetUser").want(t, 403, "AccessDenied", "*")
	ask(t, s, "device", `{"user":"bare","name":"orphan","kind":"unassigned"}`, &orphan)
	ask(t, s, "drift?steps=5&serial="+orphan.Serial, "", &struct{}{})
	var pair struct{ Code, Code2 string }
	ask(t, s, "code", `{"serial":"`+orphan.Serial+`","pair":true}`, &pair)
	ask(t, s, "fault?kind=server-error&times=1&skip=1&action=EnableMFADevice", "", &struct{}{})
	bare.pair(t, "EnableMFADevice", orphan.Serial, pair.Code2, pair.Code).want(t, 403, "InvalidAuthenticationCode", "*")
	bare.pair(t, "EnableMFADevice", orphan.Serial, pair.Code, pair.Code2).want(t, 500, "InternalFailure", "*")
	bare.pair(t, "EnableMFADevice", orphan.Serial, pair.Code, pair.Code2).want(t, 200, "", "")
	var devices []DeviceState
	ask(t, s, "devices", "", &devices)
	if len(devices) != 3 || devices[0].Serial != orphan.Serial || devices[0].User != bare.ARN || devices[0].Drift != 5 || devices[0].Offset != 6 {
		t.Errorf("%d devices, the first of %q", len(devices), devices[0].User)
	}
	ask(t, s, "requests?action=EnableMFADevice", "", &log)
	if len(log) != 3 || log[0].UserName != "bare" || log[0].CodeDigest2 == "" || log[0].Serial != orphan.Serial {
		t.Errorf("log %+v", log)
	}
	ask(t, s, "role", `{"arn":"arn:aws:iam::111122223333:role/young","max_mfa_age":"1h"}`, &struct{}{})
	if roles := s.Roles(); roles[1].MaxMFAAge != time.Hour {
		t.Errorf("roles %+v", roles)
	}
	ask(t, s, "fault", `{"kind":"error","code":"Odd","status":409}`, &struct{}{})
	u.signer().call(t, "Action", "GetCallerIdentity").want(t, 409, "Odd", "")
	ask(t, s, "heal", "", &struct{}{})
	u.signer().call(t, "Action", "GetCallerIdentity").want(t, 200, "", "")
}

func TestAdminRefuses(t *testing.T) {
	s := started(t)
	for _, test := range [][2]string{
		{"nothing", ""}, {"fault", `{"kind":"none"}`}, {"fault", `{"kind":"slow","delay":"x"}`}, {"code", `{"user":"nobody"}`},
		{"role", `{"arn":"x"}`}, {"advance", `{"by":"x"}`}, {"advance", `{"to":"x"}`}, {"user", `{`}, {"fault?times=x", ""},
		{"user", `{"name":"x","seed":"1"}`}, {"device", `{"user":"nobody"}`}, {"code", `{"serial":"x"}`}, {"drift", `{"serial":"x"}`}, {"role", `{"arn":"arn:aws:iam::111122223333:role/r","max_mfa_age":"x"}`},
	} {
		var out struct{ Error string }
		if status := ask(t, s, test[0], test[1], &out); status != 400 || out.Error == "" {
			t.Errorf("%s %s: %d %+v", test[0], test[1], status, out)
		}
	}
}
