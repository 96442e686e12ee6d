package stsclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"awsmfa/credentials"
)

// noon is the instant at which the tests run.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	testID     = "AKIAIOSFODNN7EXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	testCode   = "907351"
	testSerial = "arn:aws:iam::123456789012:mfa/dev"
)

func longTerm(t testing.TB) credentials.Credentials {
	t.Helper()
	c, err := credentials.New(testID, testSecret, "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func session(t testing.TB) credentials.Credentials {
	t.Helper()
	c, err := credentials.New("ASIAIOSFODNN7EXAMPLE", testSecret, "AAAAsessiontoken", noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// scripted answers each request in turn with the next handler; the last one
// serves for all that follow. It keeps what was sent.
type scripted struct {
	*httptest.Server
	mu    sync.Mutex
	steps []http.HandlerFunc
	forms []url.Values
	heads []http.Header
}

func serve(t testing.TB, steps ...http.HandlerFunc) *scripted {
	t.Helper()
	s := &scripted{steps: steps}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Server.Close)
	return s
}

func (s *scripted) answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	s.mu.Lock()
	n := len(s.forms)
	s.forms, s.heads = append(s.forms, form), append(s.heads, r.Header.Clone())
	step := s.steps[min(n, len(s.steps)-1)]
	s.mu.Unlock()
	w.Header().Set("Date", noon.Format(http.TimeFormat))
	step(w, r)
}

func (s *scripted) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.forms)
}

func (s *scripted) form(i int) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forms[i]
}

func (s *scripted) header(i int) http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heads[i]
}

// client makes a client of a server, whose pauses take no time.
func client(t testing.TB, cfg Config) (*Client, *[]time.Duration) {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return noon }
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var waits []time.Duration
	c.sleep = func(ctx context.Context, d time.Duration) error {
		waits = append(waits, d)
		return ctx.Err()
	}
	t.Cleanup(c.Close)
	return c, &waits
}

const stsNS = "https://sts.amazonaws.com/doc/2011-06-15/"

func credentialsXML(expires string) string {
	return "<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>" + testSecret +
		"</SecretAccessKey><SessionToken>FwoGZXIvYXdzEXAMPLE==</SessionToken><Expiration>" + expires + "</Expiration></Credentials>"
}

func sessionXML(expires string) string {
	return fmt.Sprintf(`<GetSessionTokenResponse xmlns="%s"><GetSessionTokenResult>%s</GetSessionTokenResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetSessionTokenResponse>`, stsNS, credentialsXML(expires))
}

func roleXML(expires string) string {
	return fmt.Sprintf(`<AssumeRoleResponse xmlns="%s"><AssumeRoleResult>%s</AssumeRoleResult></AssumeRoleResponse>`, stsNS, credentialsXML(expires))
}

func identityXML(arn, account, id string) string {
	return fmt.Sprintf(`<GetCallerIdentityResponse xmlns="%s"><GetCallerIdentityResult><Arn>%s</Arn><UserId>%s</UserId><Account>%s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, stsNS, arn, id, account)
}

func errorXML(code, message string) string {
	return fmt.Sprintf(`<ErrorResponse xmlns="%s"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>req-42</RequestId></ErrorResponse>`, stsNS, code, message)
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

const inTwelve = "2026-03-02T00:00:00Z"

func goodIdentity() http.HandlerFunc {
	return reply(200, identityXML("arn:aws:iam::123456789012:user/dev", "123456789012", "AIDAEXAMPLE"))
}

func asError(t testing.TB, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is not an *Error", err, err)
	}
	return e
}

// noSecrets fails when an error's text shows what it must not.
func noSecrets(t testing.TB, err error) {
	t.Helper()
	for _, text := range []string{err.Error(), fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err)} {
		for _, secret := range []string{testSecret, testCode, "AAAAsessiontoken", "FwoGZXIv", "<", "\n", "\x1b"} {
			if strings.Contains(text, secret) {
				t.Errorf("error text %q shows %q", text, secret)
			}
		}
	}
}

func TestGetSessionToken(t *testing.T) {
	s := serve(t, reply(200, sessionXML(inTwelve)))
	c, _ := client(t, Config{Endpoint: s.URL, Region: "eu-west-1", Version: "1.2"})
	got, err := c.GetSessionToken(t.Context(), longTerm(t), GetSessionTokenInput{Duration: 12 * time.Hour, Serial: testSerial, Code: testCode})
	if err != nil {
		t.Fatal(err)
	}
	if got.AccessKeyID() != "ASIAIOSFODNN7EXAMPLE" || got.SecretAccessKey() != testSecret || got.SessionToken() != "FwoGZXIvYXdzEXAMPLE==" || !got.Expires().Equal(noon.Add(12*time.Hour)) {
		t.Errorf("wrong credentials: %v, expiry %v", got, got.Expires())
	}
	want := url.Values{"Action": {"GetSessionToken"}, "Version": {"2011-06-15"}, "DurationSeconds": {"43200"}, "SerialNumber": {testSerial}, "TokenCode": {testCode}}
	if s.form(0).Encode() != want.Encode() {
		t.Errorf("sent %v, want %v", s.form(0), want)
	}
	head := s.header(0)
	if head.Get("User-Agent") != "awsmfa/1.2" {
		t.Errorf("User-Agent %q", head.Get("User-Agent"))
	}
	if auth := head.Get("Authorization"); !strings.Contains(auth, testID+"/20260301/eu-west-1/sts/aws4_request") {
		t.Errorf("Authorization %q", auth)
	}
}

func TestSessionCredentialsCannotGetASession(t *testing.T) {
	s := serve(t, reply(200, sessionXML(inTwelve)))
	c, _ := client(t, Config{Endpoint: s.URL})
	_, err := c.GetSessionToken(t.Context(), session(t), GetSessionTokenInput{})
	if e := asError(t, err); e.Kind != SessionCredentials || e.Sent || s.count() != 0 {
		t.Errorf("%+v after %d requests", e, s.count())
	}
}

func TestAssumeRole(t *testing.T) {
	s := serve(t, reply(200, roleXML("2026-03-01T13:00:00Z")))
	c, _ := client(t, Config{Endpoint: s.URL})
	got, err := c.AssumeRole(t.Context(), session(t), AssumeRoleInput{
		RoleARN: "arn:aws:iam::123456789012:role/ops", SessionName: "dev", ExternalID: "x=1", SourceIdentity: "me",
		Policy: "{}", PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, Tags: []Tag{{"a", "b"}},
		TransitiveTags: []string{"a"}, Duration: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Temporary() {
		t.Error("not temporary")
	}
	want := "Action=AssumeRole&DurationSeconds=3600&ExternalId=x%3D1&Policy=%7B%7D&PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess" +
		"&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fops&RoleSessionName=dev&SourceIdentity=me&Tags.member.1.Key=a&Tags.member.1.Value=b&TransitiveTagKeys.member.1=a&Version=2011-06-15"
	if s.form(0).Encode() != want {
		t.Errorf("sent\n%s\nwant\n%s", s.form(0).Encode(), want)
	}
	if s.header(0).Get("X-Amz-Security-Token") != "AAAAsessiontoken" {
		t.Error("the session token was not sent")
	}
}

func TestGetCallerIdentity(t *testing.T) {
	s := serve(t, goodIdentity())
	c, _ := client(t, Config{Endpoint: s.URL})
	id, err := c.GetCallerIdentity(t.Context(), longTerm(t))
	if err != nil || id != (Identity{"123456789012", "arn:aws:iam::123456789012:user/dev", "AIDAEXAMPLE"}) {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestListMFADevices(t *testing.T) {
	page := func(serial, more string) string {
		return `<ListMFADevicesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListMFADevicesResult><MFADevices><member><UserName>dev</UserName><SerialNumber>` +
			serial + `</SerialNumber><EnableDate>2025-01-02T03:04:05Z</EnableDate></member></MFADevices>` + more + `</ListMFADevicesResult></ListMFADevicesResponse>`
	}
	s := serve(t,
		reply(200, page(testSerial, "<IsTruncated>true</IsTruncated><Marker>m/1=</Marker>")),
		reply(200, page("GAHT12345678", "<IsTruncated>false</IsTruncated>")))
	c, _ := client(t, Config{IAMEndpoint: s.URL, Region: "eu-west-1"})
	got, err := c.ListMFADevices(t.Context(), longTerm(t))
	if err != nil || len(got) != 2 || got[0].Serial != testSerial || got[1].Serial != "GAHT12345678" || got[0].UserName != "dev" || got[0].Enabled.Year() != 2025 {
		t.Fatalf("%+v, %v", got, err)
	}
	if s.form(0).Get("Marker") != "" || s.form(1).Get("Marker") != "m/1=" {
		t.Errorf("markers %q %q", s.form(0).Get("Marker"), s.form(1).Get("Marker"))
	}
	if auth := s.header(0).Get("Authorization"); !strings.Contains(auth, "/us-east-1/iam/aws4_request") {
		t.Errorf("Authorization %q", auth)
	}
}
