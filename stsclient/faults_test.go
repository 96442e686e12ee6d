package stsclient

import (
	"strings"
	"testing"
	"time"

	"awsmfa/credentials"
	"awsmfa/stsclient/ststest"
)

const testRole = "arn:aws:iam::111122223333:role/ops"

// strict starts the stand-in with a user, and a role that trusts without MFA.
func strict(t *testing.T, opts ...ststest.Option) (*ststest.Server, *ststest.User, credentials.Credentials) {
	t.Helper()
	s := ststest.New(opts...)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	u := s.NewUser("dev")
	if err := s.AddRole(ststest.Role{ARN: testRole, TrustedPrincipals: []string{"*"}}); err != nil {
		t.Fatal(err)
	}
	keys, err := credentials.New(u.AccessKeyID, u.SecretAccessKey, "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return s, u, keys
}

func TestAgainstTheStrictServer(t *testing.T) {
	s, u, keys := strict(t)
	c, _ := client(t, Config{Endpoint: s.URL(), IAMEndpoint: s.URL(), Now: s.Clock().Now, Region: "eu-central-1"})
	devices, err := c.ListMFADevices(t.Context(), keys)
	if err != nil || len(devices) != 1 || devices[0].Serial != u.MFASerial || devices[0].UserName != "dev" {
		t.Fatalf("devices %+v, %v", devices, err)
	}
	mfa, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Duration: 12 * time.Hour, Serial: u.MFASerial, Code: u.NextCode()})
	if err != nil {
		t.Fatal(err)
	}
	role, err := c.AssumeRole(t.Context(), mfa, AssumeRoleInput{RoleARN: testRole, SessionName: "dev", Duration: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.GetCallerIdentity(t.Context(), role)
	if err != nil || id.ARN != "arn:aws:sts::111122223333:assumed-role/ops/dev" || id.Account != "111122223333" {
		t.Errorf("identity %+v, %v", id, err)
	}
	if again := s.CodesSeenTwice(); len(again) != 0 {
		t.Errorf("codes seen twice: %+v", again)
	}
}

// Every fault, with a code and without: what it means, how often it was tried.
func TestFaultMatrix(t *testing.T) {
	const ok = Kind(-1)
	rows := []struct {
		fault ststest.Fault
		want  Kind
		tries int // without a code
	}{
		{ststest.Fault{Kind: ststest.DropUnread}, Network, 3},
		{ststest.Fault{Kind: ststest.ServerError}, ServerFault, 3},
		{ststest.Fault{Kind: ststest.Unavailable}, ServerFault, 3},
		{ststest.Fault{Kind: ststest.TooMany}, Throttled, 3},
		{ststest.Fault{Kind: ststest.Throttling}, Throttled, 3},
		{ststest.Fault{Kind: ststest.RegionDisabled}, RegionDisabled, 1},
		{ststest.Fault{Kind: ststest.ErrorAnswer, Status: 403, Code: "ExpiredToken", Message: "expired"}, Expired, 1},
		{ststest.Fault{Kind: ststest.ErrorIn200}, Throttled, 3},
		{ststest.Fault{Kind: ststest.Hang}, Timeout, 1},
		{ststest.Fault{Kind: ststest.Drop}, Network, 3},
		{ststest.Fault{Kind: ststest.Drop, After: true}, Network, 3},
		{ststest.Fault{Kind: ststest.EmptyBody}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.HTML}, NotAWS, 1},
		{ststest.Fault{Kind: ststest.BadGateway}, NotAWS, 3},
		{ststest.Fault{Kind: ststest.EntityBomb}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.RedirectPlain}, Redirect, 1},
		{ststest.Fault{Kind: ststest.Slow, Delay: 5 * time.Millisecond}, ok, 1},
		{ststest.Fault{Kind: ststest.CutBody}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.StallBody}, Timeout, 1},
		{ststest.Fault{Kind: ststest.ShortXML}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.WrongNamespace}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.GzipBomb}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.HugeBody}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.NoExpiration}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.PastExpiration}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.FarExpiration}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.HostileSecret}, BadAnswer, 1},
		{ststest.Fault{Kind: ststest.SkewDate, Skew: time.Second}, ok, 1},
		{ststest.Fault{Kind: ststest.SkewDate, Skew: -90 * time.Second}, ok, 1},
		{ststest.Fault{Kind: ststest.SkewDate, Skew: -time.Hour}, ok, 1},
		{ststest.Fault{Kind: ststest.NoDate}, ok, 1},
	}
	covered := map[ststest.Kind]bool{}
	for _, row := range rows {
		covered[row.fault.Kind] = true
		t.Run(string(row.fault.Kind), func(t *testing.T) {
			s, u, keys := strict(t)
			s.Fault(row.fault)
			cfg := Config{Endpoint: s.URL(), Now: s.Clock().Now}
			if row.want == Timeout {
				cfg.Budget = 100 * time.Millisecond
			}
			c, _ := client(t, cfg)
			_, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: u.MFASerial, Code: u.NextCode()})
			checkFault(t, err, row.want)
			if n := s.Calls(""); n != 1 {
				t.Errorf("with a code: %d requests, want 1", n)
			}
			if twice := s.CodesSeenTwice(); len(twice) != 0 {
				t.Errorf("a code was sent twice: %+v", twice)
			}
			s.ForgetRequests()
			c, waits := client(t, cfg)
			_, err = c.AssumeRole(t.Context(), keys, AssumeRoleInput{RoleARN: testRole, SessionName: "dev"})
			checkFault(t, err, row.want)
			if n := s.Calls(""); n != row.tries {
				t.Errorf("without: %d requests, want %d", n, row.tries)
			}
			if len(*waits) != row.tries-1 {
				t.Errorf("pauses %v", *waits)
			}
		})
	}
	for _, k := range ststest.Kinds() {
		if !covered[k] {
			t.Errorf("fault %q is not in the matrix", k)
		}
	}
}

func checkFault(t *testing.T, err error, want Kind) {
	t.Helper()
	if want < 0 {
		if err != nil {
			t.Errorf("failed: %v", err)
		}
		return
	}
	if err == nil {
		t.Fatal("no error")
	}
	e := asError(t, err)
	if e.Kind != want || !e.Sent || e.Host == "" {
		t.Errorf("%v: %+v, want kind %v", err, e, want)
	}
	noSecrets(t, err)
	if strings.Contains(err.Error(), "pwned") || strings.Contains(strings.ToLower(err.Error()), "hotel") {
		t.Errorf("text %q shows the body", err)
	}
}

// A fault that passes is not seen by the user, when no code was sent.
func TestPassingFaults(t *testing.T) {
	for _, k := range []ststest.Kind{ststest.DropUnread, ststest.Drop, ststest.ServerError, ststest.Unavailable, ststest.BadGateway, ststest.Throttling} {
		s, _, keys := strict(t)
		s.Fault(ststest.Fault{Kind: k, Times: 2})
		c, waits := client(t, Config{Endpoint: s.URL(), Now: s.Clock().Now})
		if _, err := c.GetCallerIdentity(t.Context(), keys); err != nil {
			t.Errorf("%s: %v", k, err)
		}
		if len(*waits) != 2 {
			t.Errorf("%s: pauses %v", k, *waits)
		}
		for i, w := range *waits {
			if k == ststest.Unavailable && w < time.Second {
				t.Errorf("pause %d is %v, the server asked for 1s", i, w)
			}
			if w < firstWait/2 || w > 4*firstWait && k != ststest.Unavailable {
				t.Errorf("pause %d is %v", i, w)
			}
		}
	}
}

// The codes' own refusals, from the strict server.
func TestCodesAreRefused(t *testing.T) {
	s, u, keys := strict(t)
	other := s.NewUser("other")
	c, _ := client(t, Config{Endpoint: s.URL(), Now: s.Clock().Now})
	get := func(serial, code string) Kind {
		_, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: serial, Code: code})
		if err == nil {
			t.Fatal("accepted")
		}
		return KindOf(err)
	}
	code := u.NextCode()
	if _, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: u.MFASerial, Code: code}); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		serial, code string
		want         Kind
	}{
		"again":       {u.MFASerial, code, InvalidCode},
		"no code":     {u.MFASerial, "", CodeMissing},
		"no serial":   {"", code, CodeMissing},
		"not my own":  {other.MFASerial, code, BadSerial},
		"five digits": {u.MFASerial, "12345", BadRequest},
	} {
		if got := get(row.serial, row.code); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}
