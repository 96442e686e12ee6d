package ststest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// started is a server whose clock stands still, so that no test meets the
// edge of a step or of a window by chance.
func started(t *testing.T, opts ...Option) *Server {
	t.Helper()
	s := New(opts...)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	s.Clock().Freeze()
	return s
}

// signer makes requests by hand, signed with another implementation of SigV4.
type signer struct {
	s                 *Server
	id, secret, token string
	service, region   string
	at                time.Time // zero: the server's clock
	get               bool
	spoil             func(*http.Request) // after signing
	prepare           func(*http.Request) // before signing
}

func (u *User) signer() signer {
	return signer{s: u.server, id: u.AccessKeyID, secret: u.SecretAccessKey, service: "sts", region: "eu-west-1"}
}

// reply is what came back, read as far as the tests look.
type reply struct {
	Status  int    `xml:"-"`
	Body    string `xml:"-"`
	Header  http.Header
	Code    string `xml:"Error>Code"`
	Message string `xml:"Error>Message"`
	Type    string `xml:"Error>Type"`
	ErrorID string `xml:"RequestId"`
	ID      string `xml:"ResponseMetadata>RequestId"`

	Session credentials `xml:"GetSessionTokenResult>Credentials"`
	Role    credentials `xml:"AssumeRoleResult>Credentials"`
	RoleARN string      `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	RoleID  string      `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
	Source  string      `xml:"AssumeRoleResult>SourceIdentity"`
	Packed  int         `xml:"AssumeRoleResult>PackedPolicySize"`
	ARN     string      `xml:"GetCallerIdentityResult>Arn"`
	UserID  string      `xml:"GetCallerIdentityResult>UserId"`
	Account string      `xml:"GetCallerIdentityResult>Account"`

	Serials   []string `xml:"ListMFADevicesResult>MFADevices>member>SerialNumber"`
	Truncated bool     `xml:"ListMFADevicesResult>IsTruncated"`
	Marker    string   `xml:"ListMFADevicesResult>Marker"`
	UserARN   string   `xml:"GetUserResult>User>Arn"`

	Made struct {
		Serial  string `xml:"SerialNumber"`
		Seed    string `xml:"Base32StringSeed"`
		Picture string `xml:"QRCodePNG"`
	} `xml:"CreateVirtualMFADeviceResult>VirtualMFADevice"`
	Virtual       []string `xml:"ListVirtualMFADevicesResult>VirtualMFADevices>member>SerialNumber"`
	VirtualMarker string   `xml:"ListVirtualMFADevicesResult>Marker"`
}

type credentials struct {
	AccessKeyId, SecretAccessKey, SessionToken string
	Expiration                                 string
}

// form writes parameters: form("Action", "GetCallerIdentity", …).
func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func (g signer) request(t *testing.T, v url.Values) *http.Request {
	t.Helper()
	if !v.Has("Version") {
		v.Set("Version", map[string]string{"sts": stsVersion, "iam": iamVersion}[g.service])
	}
	body := v.Encode()
	r, err := http.NewRequest("POST", g.s.URL()+"/", strings.NewReader(body))
	if g.get {
		r, err = http.NewRequest("GET", g.s.URL()+"/?"+body, nil)
		body = ""
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	if err != nil {
		t.Fatal(err)
	}
	if g.prepare != nil {
		g.prepare(r)
	}
	at := g.at
	if at.IsZero() {
		at = g.s.Clock().Now()
	}
	sum := sha256.Sum256([]byte(body))
	c := aws.Credentials{AccessKeyID: g.id, SecretAccessKey: g.secret, SessionToken: g.token}
	if err := v4.NewSigner().SignHTTP(context.Background(), c, r, hex.EncodeToString(sum[:]), g.service, g.region, at); err != nil {
		t.Fatal(err)
	}
	if g.spoil != nil {
		g.spoil(r)
	}
	return r
}

// call sends the parameters and reads the answer; it fails only without one.
func (g signer) call(t *testing.T, pairs ...string) reply {
	t.Helper()
	return send(t, g.request(t, form(pairs...)))
}

func send(t *testing.T, r *http.Request) reply {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{}
	if len(body) > 0 && bytes.HasPrefix(body, []byte("<")) {
		if err := xml.Unmarshal(body, &out); err != nil {
			t.Fatalf("not XML: %v\n%s", err, body)
		}
	}
	out.Status, out.Body, out.Header = response.StatusCode, string(body), response.Header
	return out
}

// with is the same signer holding other credentials.
func (g signer) with(c credentials) signer {
	g.id, g.secret, g.token = c.AccessKeyId, c.SecretAccessKey, c.SessionToken
	return g
}

func (g signer) iam() signer {
	g.service, g.region = "iam", "us-east-1"
	return g
}

// session logs the user in; with a code when mfa is set.
func (u *User) session(t *testing.T, mfa bool) credentials {
	t.Helper()
	pairs := []string{"Action", "GetSessionToken"}
	if mfa {
		pairs = append(pairs, "SerialNumber", u.MFASerial, "TokenCode", u.NextCode())
	}
	r := u.signer().call(t, pairs...)
	r.want(t, 200, "", "")
	return r.Session
}

// want holds the answer against a status, a code and an exact message ("*" for any).
func (r reply) want(t *testing.T, status int, code, message string) {
	t.Helper()
	if r.Status != status || r.Code != code || message != "*" && r.Message != message {
		t.Fatalf("got %d %s %q\nwant %d %s %q\n%s", r.Status, r.Code, r.Message, status, code, message, r.Body)
	}
}

func (r reply) wantPrefix(t *testing.T, status int, code, prefix string) {
	t.Helper()
	if r.Status != status || r.Code != code || !strings.HasPrefix(r.Message, prefix) {
		t.Fatalf("got %d %s %q\nwant %d %s %q…", r.Status, r.Code, r.Message, status, code, prefix)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func readAll(r io.Reader) string {
	b, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return string(b)
}
