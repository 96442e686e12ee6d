package ststest

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The requests and signatures of AWS's published SigV4 test suite
// (aws-sig-v4-test-suite) and of the worked example in the AWS General
// Reference ("Signature Version 4 signing process", ListUsers).
func TestPublishedVectors(t *testing.T) {
	const example = "AKIDEXAMPLE/20150830/us-east-1/"
	const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	for _, v := range []struct{ name, raw, body, service, headers, want string }{
		{"get-vanilla", "GET / HTTP/1.1\r\nHost: example.amazonaws.com\r\nX-Amz-Date: 20150830T123600Z\r\n\r\n", "", "service", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-vanilla-query-order-key-case", "GET /?Param2=value2&Param1=value1 HTTP/1.1\r\nHost: example.amazonaws.com\r\nX-Amz-Date: 20150830T123600Z\r\n\r\n", "", "service", "host;x-amz-date",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"post-x-www-form-urlencoded", "POST / HTTP/1.1\r\nHost: example.amazonaws.com\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Amz-Date: 20150830T123600Z\r\n\r\n", "Param1=value1", "service", "content-type;host;x-amz-date",
			"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		{"iam-list-users", "GET /?Action=ListUsers&Version=2010-05-08 HTTP/1.1\r\nHost: iam.amazonaws.com\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nX-Amz-Date: 20150830T123600Z\r\n\r\n", "", "iam", "content-type;host;x-amz-date",
			"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
	} {
		t.Run(v.name, func(t *testing.T) {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(v.raw)))
			must(t, err)
			r.Header.Set("Authorization", algorithm+" Credential="+example+v.service+"/aws4_request, SignedHeaders="+v.headers+", Signature="+v.want)
			g, no := parseSignature(r)
			if no != nil {
				t.Fatal(no)
			}
			if !g.matches(secret, r, []byte(v.body)) {
				t.Errorf("got %s\nwant %s\n%s", g.sign(secret, canonicalRequest(r, g, []byte(v.body))), v.want, canonicalRequest(r, g, []byte(v.body)))
			}
			if g.matches(secret, r, []byte(v.body+"x")) {
				t.Error("another body has the same signature")
			}
			if g.matches(secret+"x", r, []byte(v.body)) {
				t.Error("another secret has the same signature")
			}
		})
	}
}

func TestCanonicalHeaders(t *testing.T) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET /a%20b/c~d?b=2&a=x%2By&a-b=1&a= HTTP/1.1\r\nHost: h\r\nMy-Header:  one   two \r\nMy-Header: three\r\n\r\n")))
	must(t, err)
	want := "GET\n/a%2520b/c~d\na=&a=x%2By&a-b=1&b=2\nhost:h\nmy-header:one two,three\n\nhost;my-header\n" + hexHash(nil)
	if got := canonicalRequest(r, &signature{headers: []string{"host", "my-header"}}, nil); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func setAuthorization(change func(string) string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", change(r.Header.Get("Authorization"))) }
}

func replacer(from, to string) func(*http.Request) {
	return setAuthorization(func(s string) string { return strings.Replace(s, from, to, 1) })
}

const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

func TestAuthentication(t *testing.T) {
	s := started(t)
	dev, other := s.NewUser("dev"), s.NewUser("other")
	foreign := started(t).NewUser("dev").session(t, false)
	session, session2 := dev.session(t, true), dev.session(t, true)
	day := s.Clock().Now().Format("20060102")
	tests := []struct {
		name          string
		change        func(*signer)
		status        int
		code, message string
	}{
		{"right", func(*signer) {}, 200, "", ""},
		{"right over GET", func(g *signer) { g.get = true }, 200, "", ""},
		{"right with a session", func(g *signer) { *g = g.with(session) }, 200, "", ""},
		{"right in another region", func(g *signer) { g.region = "ap-southeast-5" }, 200, "", ""},
		{"wrong secret", func(g *signer) { g.secret = other.SecretAccessKey }, 403, "SignatureDoesNotMatch", mismatch},
		{"unknown key", func(g *signer) { g.id = "AKIAAAAAAAAAAAAAAAAA" }, 403, "InvalidClientTokenId", invalidToken},
		{"session key without its token", func(g *signer) { *g = g.with(session); g.token = "" }, 403, "InvalidClientTokenId", invalidToken},
		{"long-term key with a token", func(g *signer) { g.token = session.SessionToken }, 403, "InvalidClientTokenId", invalidToken},
		{"token of another session", func(g *signer) { *g = g.with(session); g.token = session2.SessionToken }, 403, "InvalidClientTokenId", invalidToken},
		{"session of another server", func(g *signer) { *g = g.with(foreign) }, 403, "InvalidClientTokenId", invalidToken},
		{"token that is no token", func(g *signer) { *g = g.with(session); g.token = "abc" }, 403, "InvalidClientTokenId", invalidToken},
		{"token that was changed", func(g *signer) { *g = g.with(session); g.token = "B" + g.token[1:40] + "A" + g.token[41:] }, 403, "InvalidClientTokenId", invalidToken},
		{"session with a wrong secret", func(g *signer) { *g = g.with(session); g.secret = session2.SecretAccessKey }, 403, "SignatureDoesNotMatch", mismatch},
		{"region of another partition", func(g *signer) { g.region = "cn-north-1" }, 403, "InvalidClientTokenId", invalidToken},
		{"bad region", func(g *signer) { g.region = "EU-West-1" }, 403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region. "},
		{"other service", func(g *signer) { g.service = "s3" }, 403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'. "},
		{"body changed", func(g *signer) { g.spoil = func(r *http.Request) { changeBody(r, "Version=", "Xersion=") } }, 400, "InvalidAction", "Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED"},
		{"body with more", func(g *signer) { g.spoil = func(r *http.Request) { changeBody(r, "Action", "x=1&Action") } }, 403, "SignatureDoesNotMatch", mismatch},
		{"header changed", func(g *signer) { g.spoil = func(r *http.Request) { r.Host = "sts.amazonaws.com" } }, 403, "SignatureDoesNotMatch", mismatch},
		{"query changed", func(g *signer) { g.get = true; g.spoil = func(r *http.Request) { r.URL.RawQuery += "&x=1" } }, 403, "SignatureDoesNotMatch", mismatch},
		{"token not signed", func(g *signer) { *g = g.with(session); g.spoil = replacer(";x-amz-security-token", "") }, 403, "SignatureDoesNotMatch", "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization."},
		{"token signed, then taken away", func(g *signer) {
			*g = g.with(session)
			g.spoil = func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }
		}, 403, "InvalidClientTokenId", invalidToken},
		{"host not signed", func(g *signer) { g.spoil = replacer("host;", "") }, 403, "SignatureDoesNotMatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"no signature", func(g *signer) { g.spoil = func(r *http.Request) { r.Header.Del("Authorization") } }, 403, "MissingAuthenticationToken", "Request is missing Authentication Token"},
		{"another scheme", func(g *signer) {
			g.spoil = setAuthorization(func(string) string { return "Basic ZGV2OmRldg==" })
		}, 400, "IncompleteSignature", "Unsupported AWS 'algorithm': 'Basic'."},
		{"incomplete", func(g *signer) {
			g.spoil = setAuthorization(func(string) string { return algorithm + " SignedHeaders=host" })
		}, 400, "IncompleteSignature", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter."},
		{"short scope", func(g *signer) { g.spoil = replacer("/sts/", "/") }, 400, "IncompleteSignature", "*"},
		{"other terminator", func(g *signer) { g.spoil = replacer("aws4_request", "aws5_request") }, 403, "SignatureDoesNotMatch", "*"},
		{"scope of another day", func(g *signer) { g.spoil = replacer("/"+day+"/", "/20200101/") }, 403, "SignatureDoesNotMatch", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20200101' != '" + day + "', from '" + s.Clock().Now().Format(isoBasic) + "'."},
		{"date unreadable", func(g *signer) { g.spoil = func(r *http.Request) { r.Header.Set("X-Amz-Date", "yesterday") } }, 400, "IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := dev.signer()
			test.change(&g)
			v := form("Action", "GetCallerIdentity", "Version", stsVersion)
			send(t, g.request(t, v)).want(t, test.status, test.code, test.message)
		})
	}
}

func changeBody(r *http.Request, from, to string) {
	v := readAll(r.Body)
	changed, _ := http.NewRequest("POST", r.URL.String(), strings.NewReader(strings.Replace(v, from, to, 1)))
	r.Body, r.ContentLength = changed.Body, changed.ContentLength
}

func TestDateWindow(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	s.Clock().Set(time.Date(2031, 5, 6, 12, 0, 0, 0, time.UTC))
	for _, test := range []struct {
		off           time.Duration
		status        int
		code, message string
	}{
		{0, 200, "", ""},
		{-5 * time.Minute, 200, "", ""},
		{5 * time.Minute, 200, "", ""},
		{-5*time.Minute - time.Second, 403, "SignatureDoesNotMatch", "Signature expired: 20310506T115459Z is now earlier than 20310506T115500Z (20310506T120000Z - 5 min.)"},
		{5*time.Minute + time.Second, 403, "SignatureDoesNotMatch", "Signature not yet current: 20310506T120501Z is still later than 20310506T120500Z (20310506T120000Z + 5 min.)"},
		{-24 * time.Hour, 403, "SignatureDoesNotMatch", "Signature expired: 20310505T120000Z is now earlier than 20310506T115500Z (20310506T120000Z - 5 min.)"},
	} {
		g := dev.signer()
		g.at = s.Clock().Now().Add(test.off)
		r := g.call(t, "Action", "GetCallerIdentity")
		r.want(t, test.status, test.code, test.message)
		if got := r.Header.Get("Date"); got != "Tue, 06 May 2031 12:00:00 GMT" {
			t.Errorf("Date: %s", got)
		}
	}
}

func TestRotatedKeyIsUnknown(t *testing.T) {
	s := started(t)
	old := s.NewUser("dev")
	renewed := old.RotateKey()
	old.signer().call(t, "Action", "GetCallerIdentity").want(t, 403, "InvalidClientTokenId", invalidToken)
	if r := renewed.signer().call(t, "Action", "GetCallerIdentity"); r.ARN != old.ARN {
		t.Errorf("identity of the new key: %s", r.ARN)
	}
}
