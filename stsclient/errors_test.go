package stsclient

import (
	"net/http"
	"strings"
	"testing"
)

// What real STS says, as far as it is known, row by row.
func errorRows() []struct {
	name    string
	status  int
	code    string
	message string
	want    Kind
	again   bool // sent again without a token code
} {
	return []struct {
		name    string
		status  int
		code    string
		message string
		want    Kind
		again   bool
	}{
		{"wrong code", 403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", InvalidCode, false},
		{"no code", 403, "AccessDenied", "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code. ", CodeMissing, false},
		{"wrong serial", 403, "AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.", BadSerial, false},
		{"not authorized", 403, "AccessDenied", "User: arn:aws:iam::1:user/x is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/y", NotAuthorized, false},
		{"other denial", 403, "AccessDeniedException", "Roles may not be assumed by root accounts.", NotAuthorized, false},
		{"session credentials", 403, "AccessDenied", "Cannot call GetSessionToken with session credentials", SessionCredentials, false},
		{"key", 403, "InvalidClientTokenId", "The security token included in the request is invalid.", InvalidKey, false},
		{"key of another service", 403, "UnrecognizedClientException", "The security token included in the request is invalid.", InvalidKey, false},
		{"secret", 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.", BadSignature, false},
		{"clock behind", 403, "SignatureDoesNotMatch", "Signature expired: 20260301T110000Z is now earlier than 20260301T115500Z (20260301T120000Z - 5 min.)", ClockSkew, false},
		{"clock ahead", 403, "SignatureDoesNotMatch", "Signature not yet current: 20260301T130000Z is still later than 20260301T120500Z", ClockSkew, false},
		{"request expired", 400, "RequestExpired", "Request has expired.", ClockSkew, false},
		{"scope", 403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region. ", BadRequest, false},
		{"incomplete", 400, "IncompleteSignature", "Date must be in ISO-8601 'basic format'.", BadSignature, false},
		{"expired", 403, "ExpiredToken", "The security token included in the request is expired", Expired, false},
		{"expired 400", 400, "ExpiredTokenException", "token expired", Expired, false},
		{"region", 403, "RegionDisabledException", "STS is not activated in this region for account:123456789012.", RegionDisabled, false},
		{"validation", 400, "ValidationError", "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint", BadRequest, false},
		{"serial class", 400, "ValidationError", "1 validation error detected: Value 'x' at 'serialNumber' failed to satisfy constraint", BadSerial, false},
		{"duration range", 400, "ValidationError", "1 validation error detected: Value '999999' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200", DurationTooLong, false},
		{"duration too short", 400, "ValidationError", "1 validation error detected: Value '10' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900", BadRequest, false},
		{"role maximum", 400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", DurationTooLong, false},
		{"chaining", 400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.", ChainedTooLong, false},
		{"policy size", 400, "PackedPolicyTooLarge", "Packed size of session tags consumes 101% of allotted space.", PolicyTooLarge, false},
		{"policy", 400, "MalformedPolicyDocument", "Syntax errors in policy.", BadRequest, false},
		{"throttling", 400, "Throttling", "Rate exceeded", Throttled, true},
		{"request limit", 400, "RequestLimitExceeded", "Request limit exceeded.", Throttled, true},
		{"429", 429, "SomethingNew", "slower", Throttled, true},
		{"500", 500, "InternalFailure", "The request processing has failed", ServerFault, true},
		{"503", 503, "ServiceUnavailable", "down", ServerFault, true},
		{"new code", 418, "Teapot", "short and stout", Unknown, false},
	}
}

func TestEveryErrorRow(t *testing.T) {
	for _, row := range errorRows() {
		for _, code := range []string{"", testCode} {
			t.Run(row.name+"/"+code, func(t *testing.T) {
				s := serve(t, reply(row.status, errorXML(row.code, row.message)))
				c, _ := client(t, Config{Endpoint: s.URL})
				_, err := c.GetSessionToken(t.Context(), longTerm(t), GetSessionTokenInput{Serial: testSerial, Code: code})
				e := asError(t, err)
				if e.Kind != row.want || e.Code != row.code || e.RequestID != "req-42" || e.Status != row.status || !e.Sent || e.Operation != "sts:GetSessionToken" {
					t.Errorf("got %+v, want kind %v", e, row.want)
				}
				want := 1
				if row.again && code == "" {
					want = maxTries
				}
				if s.count() != want {
					t.Errorf("%d requests, want %d", s.count(), want)
				}
				text := err.Error()
				if !strings.HasPrefix(text, "calling sts:GetSessionToken: AWS answered "+row.code) || !strings.HasSuffix(text, strings.TrimSpace(row.message)) {
					t.Errorf("text %q", text)
				}
				noSecrets(t, err)
			})
		}
	}
}

// A server's words may hold what was sent, escape sequences, and any length.
func TestServerWordsAreCleaned(t *testing.T) {
	hostile := "Value '" + testCode + "' of AAAAsessiontoken " + testSecret + "\x1f\u202e\u009b31m\nline " + strings.Repeat("x", 5000)
	body := errorXML("Bad\u202e"+testCode, strings.ReplaceAll(hostile, "\x1f", "&#9;"))
	s := serve(t, reply(400, body))
	c, _ := client(t, Config{Endpoint: s.URL})
	_, err := c.AssumeRole(t.Context(), session(t), AssumeRoleInput{RoleARN: "arn:aws:iam::123456789012:role/r", SessionName: "dev", Serial: testSerial, Code: testCode})
	e := asError(t, err)
	noSecrets(t, err)
	if n := len([]rune(e.Message)); n > maxMessage+1 {
		t.Errorf("message of %d runes", n)
	}
	if strings.ContainsAny(err.Error(), "\u202e\u009b") {
		t.Errorf("text %q", err)
	}
	if !strings.Contains(e.Message, "Value '***'") {
		t.Errorf("message %q", e.Message)
	}
}

func TestFormsOfAnswers(t *testing.T) {
	good := identityXML("arn:aws:iam::123456789012:user/dev", "123456789012", "AIDAEXAMPLE")
	html := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(good))
	}
	for name, row := range map[string]struct {
		step http.HandlerFunc
		want Kind
	}{
		"html":               {reply(200, "<!DOCTYPE html><html><body>Log in</body></html>"), NotAWS},
		"html with prologue": {reply(200, `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"></html>`), NotAWS},
		"html fragment":      {reply(200, "<script>location='/login'</script>"), NotAWS},
		"html broken":        {reply(403, "<head><meta></head>"), NotAWS},
		"html by type":       {html, NotAWS},
		"json":               {reply(400, `{"message":"no"}`), NotAWS},
		"text":               {reply(200, "hello"), NotAWS},
		"empty 200":          {reply(200, ""), BadAnswer},
		"blank 200":          {reply(200, " \n"), BadAnswer},
		"empty 403":          {reply(403, ""), NotAWS},
		"empty 500":          {reply(500, ""), ServerFault},
		"empty 429":          {reply(429, ""), Throttled},
		"text 429":           {reply(429, "slow down"), Throttled},
		"truncated":          {reply(200, good[:len(good)/2]), BadAnswer},
		"wrong namespace":    {reply(200, strings.Replace(good, stsNS, "https://sts.example/", 1)), BadAnswer},
		"no namespace":       {reply(200, strings.Replace(good, ` xmlns="`+stsNS+`"`, "", 1)), BadAnswer},
		"another call's":     {reply(200, sessionXML(inTwelve)), BadAnswer},
		"trailing text":      {reply(200, good+"x"), BadAnswer},
		"two roots":          {reply(200, good+good), BadAnswer},
		"document type":      {reply(200, `<!DOCTYPE r [<!ENTITY a "b">]>`+good), BadAnswer},
		"unknown entity":     {reply(200, strings.Replace(good, "AIDAEXAMPLE", "&a;", 1)), BadAnswer},
		"too deep":           {reply(200, strings.Repeat("<GetCallerIdentityResponse>", 100)), BadAnswer},
		"error without code": {reply(400, errorXML("", "x")), BadAnswer},
		"success as 400":     {reply(400, good), BadAnswer},
		"redirect":           {reply(302, good), Redirect},
		"407":                {reply(407, ""), Proxy},
		"account":            {reply(200, identityXML("arn:aws:iam::123:user/dev", "123", "AIDA")), BadAnswer},
		"other account":      {reply(200, identityXML("arn:aws:iam::999999999999:user/dev", "123456789012", "AIDA")), BadAnswer},
		"not an arn":         {reply(200, identityXML("dev", "123456789012", "AIDA")), BadAnswer},
		"arn with blank":     {reply(200, identityXML("arn:aws:iam::123456789012:user/a b", "123456789012", "AIDA")), BadAnswer},
		"missing result":     {reply(200, `<GetCallerIdentityResponse xmlns="`+stsNS+`"></GetCallerIdentityResponse>`), BadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.step)
			c, _ := client(t, Config{Endpoint: s.URL})
			id, err := c.GetCallerIdentity(t.Context(), longTerm(t))
			if err == nil {
				t.Fatalf("believed: %+v", id)
			}
			if KindOf(err) != row.want {
				t.Errorf("%v: kind %v, want %v", err, KindOf(err), row.want)
			}
			noSecrets(t, err)
		})
	}
}

func TestCredentialsAreChecked(t *testing.T) {
	change := func(from, to string) string { return strings.Replace(sessionXML(inTwelve), from, to, 1) }
	for name, body := range map[string]string{
		"past":            sessionXML("2026-03-01T11:00:00Z"),
		"now":             sessionXML("2026-03-01T12:00:00Z"),
		"far":             sessionXML("2036-03-01T12:00:00Z"),
		"longer":          sessionXML("2026-03-02T00:06:00Z"),
		"not a time":      sessionXML("tomorrow"),
		"no expiry":       change("<Expiration>"+inTwelve+"</Expiration>", ""),
		"no id":           change("<AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>", ""),
		"no secret":       change("<SecretAccessKey>"+testSecret+"</SecretAccessKey>", ""),
		"no token":        change("<SessionToken>FwoGZXIvYXdzEXAMPLE==</SessionToken>", ""),
		"quoted secret":   change(testSecret, "a'b$(id)"),
		"secret in lines": change(testSecret, "abc\ndef"),
		"blank token":     change("FwoGZXIvYXdzEXAMPLE==", "a b"),
		"no credentials":  change(credentialsXML(inTwelve), ""),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, reply(200, body))
			c, _ := client(t, Config{Endpoint: s.URL})
			_, err := c.GetSessionToken(t.Context(), longTerm(t), GetSessionTokenInput{Serial: testSerial, Code: testCode})
			if e := asError(t, err); e.Kind != BadAnswer || !e.Sent {
				t.Errorf("%+v", e)
			}
			noSecrets(t, err)
			if strings.Contains(err.Error(), "$(id)") {
				t.Errorf("text %q shows a value", err)
			}
		})
	}
}

func TestExpiryWithinTheAskedDurationIsBelieved(t *testing.T) {
	for _, expires := range []string{"2026-03-02T00:05:00Z", "2026-03-02T00:00:00.123Z", "2026-03-01T13:00:00Z"} {
		s := serve(t, reply(200, sessionXML(expires)))
		c, _ := client(t, Config{Endpoint: s.URL})
		if _, err := c.GetSessionToken(t.Context(), longTerm(t), GetSessionTokenInput{}); err != nil {
			t.Errorf("%s: %v", expires, err)
		}
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := Unknown; k <= Stale; k++ {
		if name := k.String(); name == "" || seen[name] || k != Unknown && name == "unknown" {
			t.Errorf("kind %d is called %q", k, name)
		} else {
			seen[name] = true
		}
	}
	if Kind(-1).String() != "unknown" || (Stale+1).String() != "unknown" {
		t.Error("kinds out of range")
	}
}
