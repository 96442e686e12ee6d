package ststest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw sends a request without any help from the transport: no gunzipping, no
// retries on fresh connections, no redirects.
func raw(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	response, err := transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

func (g signer) login(t *testing.T, u *User, code string) *http.Request {
	return g.request(t, form("Action", "GetSessionToken", "SerialNumber", u.MFASerial, "TokenCode", code))
}

func TestFaultAnswers(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	now := s.Clock().Now()
	for _, test := range []struct {
		fault  Fault
		status int
		acts   bool
		holds  func(h http.Header, body string) bool
	}{
		{Fault{Kind: ServerError}, 500, false, contains("<Type>Receiver</Type>\n<Code>InternalFailure</Code>")},
		{Fault{Kind: Unavailable}, 503, false, func(h http.Header, b string) bool { return h.Get("Retry-After") == "1" }},
		{Fault{Kind: TooMany}, 429, false, func(h http.Header, b string) bool { return h.Get("Retry-After") == "1" }},
		{Fault{Kind: Throttling}, 400, false, contains("<Code>Throttling</Code>")},
		{Fault{Kind: RegionDisabled}, 403, false, contains("<Code>RegionDisabledException</Code>")},
		{Fault{Kind: ErrorAnswer, Status: 418, Code: "Odd", Message: "a<b"}, 418, false, contains("<Code>Odd</Code>\n<Message>a&lt;b</Message>")},
		{Fault{Kind: ErrorIn200}, 200, false, contains("<ErrorResponse")},
		{Fault{Kind: EmptyBody}, 200, false, func(_ http.Header, b string) bool { return b == "" }},
		{Fault{Kind: HTML}, 200, false, contains("<!DOCTYPE html>")},
		{Fault{Kind: BadGateway}, 502, false, contains("502 Bad Gateway")},
		{Fault{Kind: EntityBomb}, 200, false, contains("<!ENTITY l9")},
		{Fault{Kind: RedirectPlain}, 301, false, func(h http.Header, _ string) bool { return strings.HasPrefix(h.Get("Location"), "http://127.0.0.1:") }},
		{Fault{Kind: Slow, Delay: time.Millisecond}, 200, true, contains("</GetSessionTokenResponse>")},
		{Fault{Kind: ShortXML}, 200, true, func(_ http.Header, b string) bool {
			return b != "" && !strings.Contains(b, "</GetSessionTokenResponse>")
		}},
		{Fault{Kind: WrongNamespace}, 200, true, contains(`xmlns="https://example.org/`)},
		{Fault{Kind: HugeBody}, 200, true, func(_ http.Header, b string) bool {
			return len(b) > 10<<20 && strings.HasSuffix(b, "  </GetSessionTokenResponse>\n")
		}},
		{Fault{Kind: NoExpiration}, 200, true, func(_ http.Header, b string) bool {
			return strings.Contains(b, "SessionToken") && !strings.Contains(b, "Expiration")
		}},
		{Fault{Kind: PastExpiration}, 200, true, func(_ http.Header, b string) bool {
			return strings.Contains(b, now.Add(-time.Hour).Format("<Expiration>2006-01-02T15:04:05Z<"))
		}},
		{Fault{Kind: FarExpiration}, 200, true, func(_ http.Header, b string) bool {
			return strings.Contains(b, now.AddDate(10, 0, 0).Format("<Expiration>2006-01-02T15:04:05Z<"))
		}},
		{Fault{Kind: HostileSecret}, 200, true, contains("$(touch pwned)")},
		{Fault{Kind: SkewDate, Skew: -time.Hour}, 200, true, func(h http.Header, _ string) bool {
			return h.Get("Date") == now.Add(-time.Hour).Format(http.TimeFormat)
		}},
		{Fault{Kind: NoDate}, 200, true, func(h http.Header, _ string) bool { return h.Values("Date") == nil }},
	} {
		for _, after := range []bool{false, true} {
			f := test.fault
			f.Times, f.After = 1, after
			s.Fault(f)
			code := dev.NextCode()
			now = s.Clock().Now()
			response, body, err := raw(t.Context(), dev.signer().login(t, dev, code))
			if err != nil {
				t.Fatalf("%s: %v", f.Kind, err)
			}
			if response.StatusCode != test.status || !test.holds(response.Header, string(body)) {
				t.Errorf("%s: %d %v\n%.600s", f.Kind, response.StatusCode, response.Header, body)
			}
			spent := s.devices[dev.MFASerial].spent[s.stepOfCode(dev, code)]
			if want := test.acts || after; spent != want {
				t.Errorf("%s, after %v: code spent %v", f.Kind, after, spent)
			}
		}
	}
	if dup := s.CodesSeenTwice(); len(dup) > 0 {
		t.Errorf("codes seen twice: %v", dup)
	}
}

// stepOfCode finds the step that a code given out just now belongs to.
func (s *Server) stepOfCode(u *User, code string) int64 {
	now := stepOf(s.Clock().Now())
	for step := now - 1; step <= now+1; step++ {
		if codeAt(u.Seed, step) == code {
			return step
		}
	}
	return 0
}

func contains(text string) func(http.Header, string) bool {
	return func(_ http.Header, body string) bool { return strings.Contains(body, text) }
}

func TestFaultGzipBomb(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	s.Fault(Fault{Kind: GzipBomb})
	response, body, err := raw(t.Context(), dev.signer().login(t, dev, dev.NextCode()))
	must(t, err)
	if response.Header.Get("Content-Encoding") != "gzip" || len(body) > 2<<20 {
		t.Fatalf("%v, %d bytes", response.Header, len(body))
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	must(t, err)
	if n, err := io.CopyN(io.Discard, z, 64<<20); err != nil { // it goes on, but the test need not
		t.Errorf("unfolds to %d bytes only: %v", n, err)
	}
}

// Cut connections: what the client sees, and what the server did.
func TestFaultConnections(t *testing.T) {
	for _, test := range []struct {
		fault  Fault
		acts   bool
		action string // as the log knows it
		half   bool   // an answer began
	}{
		{Fault{Kind: DropUnread}, false, "", false},
		{Fault{Kind: Drop}, false, "GetSessionToken", false},
		{Fault{Kind: Drop, After: true}, true, "GetSessionToken", false},
		{Fault{Kind: CutBody}, true, "GetSessionToken", true},
	} {
		s := started(t)
		dev := s.NewUser("dev")
		s.Fault(test.fault)
		code := dev.NextCode()
		response, _, err := raw(t.Context(), dev.signer().login(t, dev, code))
		if err == nil {
			t.Errorf("%s: answered %v", test.fault.Kind, response)
		}
		if test.half && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", test.fault.Kind, err)
		}
		log := s.Requests()
		if len(log) != 1 || log[0].Action != test.action || log[0].Fault != test.fault.Kind || log[0].AccessKeyID != dev.AccessKeyID {
			t.Errorf("%s: log %+v", test.fault.Kind, log)
		}
		s.ClearFaults()
		want := 200
		if test.acts {
			want = 403
		}
		if r := send(t, dev.signer().login(t, dev, code)); r.Status != want {
			t.Errorf("%s: the code again: %d", test.fault.Kind, r.Status)
		}
	}
}

func TestFaultHangs(t *testing.T) {
	for _, kind := range []Kind{Hang, StallBody} {
		for _, who := range []string{"client", "server"} {
			s := started(t)
			dev := s.NewUser("dev")
			s.Fault(Fault{Kind: kind})
			ctx, leave := context.WithCancel(t.Context())
			r := dev.signer().login(t, dev, dev.NextCode())
			failed := make(chan error, 1)
			go func() {
				_, _, err := raw(ctx, r)
				failed <- err
			}()
			if !s.WaitFor(1, 10*time.Second, func(r Request) bool { return r.Fault == kind }) {
				t.Fatalf("%s: no request arrived", kind)
			}
			select {
			case err := <-failed:
				t.Fatalf("%s: over by itself: %v", kind, err)
			default:
			}
			if who == "client" {
				leave()
			} else {
				s.Close()
			}
			select {
			case err := <-failed:
				if err == nil {
					t.Errorf("%s ended by the %s: no error", kind, who)
				}
			case <-time.After(10 * time.Second):
				t.Errorf("%s is not ended by the %s", kind, who)
			}
			leave()
		}
	}
}

func TestFaultMatchAndTimes(t *testing.T) {
	s := started(t)
	g := s.NewUser("dev").signer()
	s.Fault(Fault{Match: OnAction("GetSessionToken"), Kind: Throttling, Times: 2})
	s.Fault(Fault{Kind: ServerError, Times: 1})
	for i, want := range []struct {
		action string
		status int
	}{{"GetSessionToken", 400}, {"GetCallerIdentity", 500}, {"GetCallerIdentity", 200}, {"GetSessionToken", 400}, {"GetSessionToken", 200}} {
		if r := g.call(t, "Action", want.action); r.Status != want.status {
			t.Errorf("request %d: %d, want %d", i, r.Status, want.status)
		}
	}
	if s.Calls("GetSessionToken") != 3 || s.Calls("") != 5 {
		t.Errorf("calls: %d of %d", s.Calls("GetSessionToken"), s.Calls(""))
	}
	s.ForgetRequests()
	if len(s.Requests()) != 0 {
		t.Error("the log is not empty")
	}
}

func TestDateSkewOption(t *testing.T) {
	s := started(t, WithDateSkew(90*time.Second))
	r := s.NewUser("dev").signer().call(t, "Action", "GetCallerIdentity")
	if got, want := r.Header.Get("Date"), s.Clock().Now().Add(90*time.Second).Format(http.TimeFormat); got != want {
		t.Errorf("Date %s, want %s", got, want)
	}
}

func TestTLS(t *testing.T) {
	for _, test := range []struct {
		name   string
		opts   []Option
		refuse func(error) bool // nil: it connects
	}{
		{"right", []Option{WithTLS()}, nil},
		{"wrong host", []Option{WithTLSWrongHost()}, func(err error) bool { return errors.As(err, new(x509.HostnameError)) }},
		{"expired", []Option{WithTLSExpired()}, func(err error) bool {
			var bad x509.CertificateInvalidError
			return errors.As(err, &bad) && bad.Reason == x509.Expired
		}},
		{"old version", []Option{WithTLSMaxVersion(tls.VersionTLS11)}, func(err error) bool { return strings.Contains(err.Error(), "protocol version") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := started(t, test.opts...)
			roots := x509.NewCertPool()
			if !roots.AppendCertsFromPEM(s.CAPEM()) {
				t.Fatal("no CA")
			}
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
			r := s.NewUser("dev").signer().request(t, form("Action", "GetCallerIdentity"))
			response, err := transport.RoundTrip(r)
			if test.refuse != nil {
				if err == nil || !test.refuse(err) {
					t.Errorf("error %v", err)
				}
				return
			}
			must(t, err)
			defer response.Body.Close()
			if line, _ := bufio.NewReader(response.Body).ReadString('\n'); response.StatusCode != 200 || !strings.HasPrefix(line, "<GetCallerIdentityResponse") {
				t.Errorf("%d %s", response.StatusCode, line)
			}
			if _, _, err := raw(t.Context(), s.NewUser("other").signer().request(t, form("Action", "GetCallerIdentity"))); err == nil {
				t.Error("accepted without the CA")
			}
		})
	}
	if started(t).CAPEM() != nil {
		t.Error("a CA without TLS")
	}
}
