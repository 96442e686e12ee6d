package stsclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awsmfa/stsclient/ststest"
)

// listen runs a server of raw connections and counts them.
func listen(t *testing.T, network, address string, each func(n int, c net.Conn)) (string, *atomic.Int32) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Skipf("cannot listen on %s: %v", address, err)
	}
	var count atomic.Int32
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n := int(count.Add(1))
			all.Go(func() { defer conn.Close(); each(n, conn) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String(), &count
}

func readRequest(c net.Conn) {
	if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
		io.Copy(io.Discard, req.Body)
	}
}

func answerOn(c net.Conn, body string) {
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s", noon.Format(http.TimeFormat), len(body), body)
}

// The connection may die at any point: with a code, the request is never
// repeated once the connection stood.
func TestDroppedConnections(t *testing.T) {
	for name, drop := range map[string]func(net.Conn){
		"before reading": func(net.Conn) {},
		"after one byte": func(c net.Conn) { c.Read(make([]byte, 1)) },
		"after reading":  readRequest,
		"by reset":       func(c net.Conn) { readRequest(c); c.(*net.TCPConn).SetLinger(0) },
		"in the headers": func(c net.Conn) { readRequest(c); io.WriteString(c, "HTTP/1.1 200 OK\r\nConte") },
		"with no HTTP":   func(c net.Conn) { readRequest(c); io.WriteString(c, "220 mail.example ESMTP\r\n") },
		"headers too big": func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20))
		},
	} {
		t.Run(name, func(t *testing.T) {
			addr, count := listen(t, "tcp", "127.0.0.1:0", func(_ int, c net.Conn) { drop(c) })
			c, _ := client(t, Config{Endpoint: "http://" + addr})
			_, err := c.GetSessionToken(t.Context(), longTerm(t), GetSessionTokenInput{Serial: testSerial, Code: testCode})
			if e := asError(t, err); e.Kind != Network || !e.Sent {
				t.Errorf("%v: %+v", err, e)
			}
			noSecrets(t, err)
			if n := count.Load(); n != 1 {
				t.Errorf("with a code: %d connections", n)
			}
			if _, err = c.GetCallerIdentity(t.Context(), longTerm(t)); KindOf(err) != Network {
				t.Errorf("%v", err)
			}
			if n := count.Load(); n != 1+maxTries {
				t.Errorf("without: %d connections", n-1)
			}
		})
	}
}

// A server closes an idle connection just when the next request comes. With a
// code there must be no idle connection in play at all.
func TestCodesAvoidIdleConnections(t *testing.T) {
	var requests atomic.Int32
	addr, count := listen(t, "tcp", "127.0.0.1:0", func(_ int, c net.Conn) {
		in := bufio.NewReader(c)
		for first := true; ; first = false {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(req.Body)
			requests.Add(1)
			if !first {
				return // drops every second request of a connection
			}
			if strings.Contains(string(body), "GetSessionToken") {
				answerOn(c, sessionXML(inTwelve))
			} else {
				answerOn(c, identityXML("arn:aws:iam::123456789012:user/dev", "123456789012", "AIDA"))
			}
		}
	})
	c, waits := client(t, Config{Endpoint: "http://" + addr})
	for i := range 3 {
		if _, err := c.GetCallerIdentity(t.Context(), longTerm(t)); err != nil {
			t.Fatal(err)
		}
		before := requests.Load()
		if _, err := c.GetSessionToken(t.Context(), longTerm(t), GetSessionTokenInput{Serial: testSerial, Code: testCode}); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if n := requests.Load() - before; n != 1 {
			t.Errorf("round %d: the code was sent %d times", i, n)
		}
	}
	// The calls without a code do reuse connections, and survive their end.
	if len(*waits) == 0 || int(count.Load()) >= int(requests.Load()) {
		t.Errorf("%d connections, %d requests, pauses %v: nothing was reused", count.Load(), requests.Load(), *waits)
	}
}

func TestDialFailuresAreRepeatedEvenWithACode(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c, waits := client(t, Config{Endpoint: "http://" + addr})
	_, err = c.GetSessionToken(t.Context(), longTerm(t), GetSessionTokenInput{Serial: testSerial, Code: testCode})
	e := asError(t, err)
	if e.Kind != Network || e.Sent || len(*waits) != 2 {
		t.Errorf("%v: %+v, pauses %v", err, e, *waits)
	}
	if !strings.Contains(err.Error(), "calling sts:GetSessionToken at "+addr+": ") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("text %q", err)
	}
}

// A handshake that breaks has carried nothing of the request.
func TestHandshakeFailuresAreRepeatedEvenWithACode(t *testing.T) {
	s := httptest.NewTLSServer(reply(200, sessionXML(inTwelve)))
	defer s.Close()
	cert := s.TLS.Certificates[0]
	var requests atomic.Int32
	addr, count := listen(t, "tcp", "127.0.0.1:0", func(n int, c net.Conn) {
		if n < 3 {
			c.Read(make([]byte, 64))
			return
		}
		secure := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
		defer secure.Close()
		readRequest(secure)
		requests.Add(1)
		answerOn(secure, sessionXML(inTwelve))
	})
	c, _ := client(t, Config{Endpoint: "https://" + addr, CABundle: certPEM(s)})
	if _, err := c.GetSessionToken(t.Context(), longTerm(t), GetSessionTokenInput{Serial: testSerial, Code: testCode}); err != nil {
		t.Fatal(err)
	}
	if count.Load() != 3 || requests.Load() != 1 {
		t.Errorf("%d connections, %d requests", count.Load(), requests.Load())
	}
}

func certPEM(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func TestTLS(t *testing.T) {
	for name, row := range map[string]struct {
		opts  []ststest.Option
		trust bool
		want  Kind
		say   string
	}{
		"good":       {[]ststest.Option{ststest.WithTLS()}, true, Kind(-1), ""},
		"unknown CA": {[]ststest.Option{ststest.WithTLS()}, false, TLS, "certificate signed by unknown authority"},
		"wrong host": {[]ststest.Option{ststest.WithTLSWrongHost()}, true, TLS, "certificate"},
		"expired":    {[]ststest.Option{ststest.WithTLSExpired()}, true, TLS, "expired"},
		"TLS 1.1":    {[]ststest.Option{ststest.WithTLS(), ststest.WithTLSMaxVersion(tls.VersionTLS11)}, true, TLS, "version"},
		"TLS 1.2":    {[]ststest.Option{ststest.WithTLS(), ststest.WithTLSMaxVersion(tls.VersionTLS12)}, true, Kind(-1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, keys := strict(t, row.opts...)
			cfg := Config{Endpoint: s.URL(), Now: s.Clock().Now}
			if row.trust {
				cfg.CABundle = s.CAPEM()
			} else {
				cfg.CABundle = otherCA(t)
			}
			c, _ := client(t, cfg)
			_, err := c.GetCallerIdentity(t.Context(), keys)
			if row.want < 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := asError(t, err)
			if e.Kind != row.want || e.Sent || s.Calls("") != 0 || !strings.Contains(err.Error(), row.say) {
				t.Errorf("%v: %+v after %d requests", err, e, s.Calls(""))
			}
		})
	}
}

func otherCA(t *testing.T) []byte {
	s, _, _ := strict(t, ststest.WithTLS())
	return s.CAPEM()
}

func TestPlainServerBehindHTTPS(t *testing.T) {
	s := serve(t, goodIdentity())
	c, _ := client(t, Config{Endpoint: strings.Replace(s.URL, "http:", "https:", 1)})
	_, err := c.GetCallerIdentity(t.Context(), longTerm(t))
	if e := asError(t, err); e.Kind != TLS || e.Sent || s.count() != 0 {
		t.Errorf("%v: %+v", err, e)
	}
}

func TestBadCABundle(t *testing.T) {
	for _, bundle := range []string{"rubbish", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"} {
		if _, err := New(Config{CABundle: []byte(bundle)}); KindOf(err) != BadCABundle || err.Error() == "" {
			t.Errorf("%q: %v", bundle, err)
		}
	}
}

// "localhost" is dialled on loopback whatever a resolver says, IPv6 too.
func TestLocalhost(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		addr, _ := listen(t, "tcp", address, func(_ int, c net.Conn) {
			readRequest(c)
			answerOn(c, identityXML("arn:aws:iam::123456789012:user/dev", "123456789012", "AIDA"))
		})
		_, port, _ := net.SplitHostPort(addr)
		for _, endpoint := range []string{"http://localhost:" + port, "http://" + addr} {
			c, _ := client(t, Config{Endpoint: endpoint})
			if _, err := c.GetCallerIdentity(t.Context(), longTerm(t)); err != nil {
				t.Errorf("%s: %v", endpoint, err)
			}
		}
	}
}

func TestLinkLocalAddressesAreNotDialled(t *testing.T) {
	n := &network{}
	for _, addr := range []string{"169.254.169.254:443", "[fe80::1]:443", "0.0.0.0:443", "[::]:443", "224.0.0.1:443"} {
		conn, err := n.dial(t.Context(), "tcp", addr)
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, errLinkLocal) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestRetryAfterWithinTheBudget(t *testing.T) {
	later := func(value string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", value)
			reply(503, errorXML("ServiceUnavailable", "later"))(w, r)
		}
	}
	for _, row := range []struct {
		value string
		tries int
		waits []time.Duration
	}{
		{"2", 3, []time.Duration{2 * time.Second, 2 * time.Second}},
		{"8", 2, []time.Duration{8 * time.Second}}, // twice would pass 15 s
		{"60", 1, nil},
		{noon.Add(3 * time.Second).Format(http.TimeFormat), 3, []time.Duration{3 * time.Second, 3 * time.Second}},
		{"999999999999999999999", 3, nil},
		{"-5", 3, nil},
		{"soon", 3, nil},
	} {
		s := serve(t, later(row.value))
		c, waits := client(t, Config{Endpoint: s.URL})
		_, err := c.GetCallerIdentity(t.Context(), longTerm(t))
		if KindOf(err) != ServerFault || s.count() != row.tries {
			t.Errorf("Retry-After %s: %d requests, %v", row.value, s.count(), err)
		}
		if row.waits != nil && fmt.Sprint(*waits) != fmt.Sprint(row.waits) {
			t.Errorf("Retry-After %s: pauses %v", row.value, *waits)
		}
	}
}

// The budget is for all calls together; the time between them is free.
func TestBudgetIsSharedByCalls(t *testing.T) {
	s, u, keys := strict(t)
	s.Fault(ststest.Fault{Kind: ststest.Hang})
	c, _ := client(t, Config{Endpoint: s.URL(), Budget: 60 * time.Millisecond, Now: s.Clock().Now})
	start := time.Now()
	_, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: u.MFASerial, Code: u.NextCode()})
	e := asError(t, err)
	if e.Kind != Timeout || !e.Sent || !strings.Contains(err.Error(), "no answer within 60ms of network time") {
		t.Errorf("%v: %+v", err, e)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	_, err = c.GetCallerIdentity(t.Context(), keys)
	if e := asError(t, err); e.Kind != Timeout || e.Sent || s.Calls("") != 1 {
		t.Errorf("%v: %+v after %d requests", err, e, s.Calls(""))
	}
}

func TestTimeBetweenCallsIsFree(t *testing.T) {
	s := serve(t, goodIdentity())
	now := noon
	c, _ := client(t, Config{Endpoint: s.URL, Now: func() time.Time { return now }})
	for range 3 {
		now = now.Add(time.Hour)
		if _, err := c.GetCallerIdentity(t.Context(), longTerm(t)); err != nil {
			t.Fatal(err)
		}
	}
	if left := c.left(); left < DefaultBudget/2 {
		t.Errorf("%v left", left)
	}
}

func TestCancelledContext(t *testing.T) {
	s, _, keys := strict(t)
	s.Fault(ststest.Fault{Kind: ststest.Hang})
	c, _ := client(t, Config{Endpoint: s.URL(), Now: s.Clock().Now})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		s.WaitFor(1, 5*time.Second, func(ststest.Request) bool { return true })
		cancel()
	}()
	_, err := c.GetCallerIdentity(ctx, keys)
	if e := asError(t, err); e.Kind != Interrupted || !e.Sent || !errors.Is(err, context.Canceled) {
		t.Errorf("%v: %+v", err, e)
	}
	_, err = c.GetCallerIdentity(ctx, keys)
	if e := asError(t, err); e.Kind != Interrupted || e.Sent || s.Calls("") != 1 {
		t.Errorf("%v: %+v", err, e)
	}
}

func TestCancelledPause(t *testing.T) {
	s := serve(t, reply(500, ""))
	c, _ := client(t, Config{Endpoint: s.URL})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stop")
	c.sleep = func(ctx context.Context, _ time.Duration) error { cancel(why); return ctx.Err() }
	_, err := c.GetCallerIdentity(ctx, longTerm(t))
	if KindOf(err) != Interrupted || !errors.Is(err, why) || s.count() != 1 {
		t.Errorf("%v after %d requests", err, s.count())
	}
	if err := sleep(ctx, time.Hour); err == nil {
		t.Error("sleep outlived its context")
	}
	if err := sleep(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
}

func TestDebugShowsNoSecret(t *testing.T) {
	var log bytes.Buffer
	s := serve(t, reply(500, errorXML("InternalFailure", "secret words")), reply(200, roleXML("2026-03-01T13:00:00Z")))
	c, _ := client(t, Config{Endpoint: s.URL, Debugf: func(f string, a ...any) { fmt.Fprintf(&log, f+"\n", a...) }})
	if _, err := c.AssumeRole(t.Context(), session(t), AssumeRoleInput{RoleARN: testRole, SessionName: "dev"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"POST 127.0.0.1:", "AssumeRole: status 500", "AssumeRole: status 200", "trying again"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, &log)
		}
	}
	for _, secret := range []string{testSecret, "sessiontoken", "ASIA", "FwoG", "words", "Signature", "arn:"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("log shows %q:\n%s", secret, &log)
		}
	}
}

func TestNoGoroutineIsLeftBehind(t *testing.T) {
	s, u, keys := strict(t)
	before := runtime.NumGoroutine()
	for i, k := range []ststest.Kind{"", ststest.Hang, ststest.StallBody, ststest.Drop, ststest.HugeBody, ststest.RedirectPlain} {
		s.ClearFaults()
		if k != "" {
			s.Fault(ststest.Fault{Kind: k})
		}
		c, err := New(Config{Endpoint: s.URL(), Now: s.Clock().Now, Budget: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		c.sleep = func(context.Context, time.Duration) error { return nil }
		_, err = c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: u.MFASerial, Code: u.NextCode()})
		if (err != nil) != (i > 0) {
			t.Errorf("%s: %v", k, err)
		}
		c.AssumeRole(t.Context(), keys, AssumeRoleInput{RoleARN: testRole, SessionName: "dev"})
		c.Close()
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestConcurrentCalls(t *testing.T) {
	s, u, keys := strict(t)
	c, _ := client(t, Config{Endpoint: s.URL(), Now: s.Clock().Now})
	c.sleep = func(context.Context, time.Duration) error { return nil }
	code := u.NextCode()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if i == 7 {
				if _, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: u.MFASerial, Code: code}); err != nil {
					t.Error(err)
				}
				return
			}
			if _, err := c.GetCallerIdentity(t.Context(), keys); err != nil {
				t.Error(err)
			}
			c.Offset()
		})
	}
	all.Wait()
	if twice := s.CodesSeenTwice(); len(twice) > 0 {
		t.Errorf("%+v", twice)
	}
}

func TestSystemRootsServeWithoutABundle(t *testing.T) {
	n, err := newNetwork(withDefaults(Config{}))
	if err != nil || n.roots != nil {
		t.Fatalf("%v, %v", n, err)
	}
	transport := n.take(false)
	if transport.TLSClientConfig.MinVersion != tls.VersionTLS12 || transport.TLSClientConfig.InsecureSkipVerify || transport.TLSClientConfig.RootCAs != (*x509.CertPool)(nil) {
		t.Error("TLS is not strict")
	}
	if n.take(false) != transport || n.take(true) == transport {
		t.Error("a request with a code must get its own transport, others must share one")
	}
}

func TestDeadlineOfTheCaller(t *testing.T) {
	s, _, keys := strict(t)
	s.Fault(ststest.Fault{Kind: ststest.Hang})
	c, _ := client(t, Config{Endpoint: s.URL(), Now: s.Clock().Now})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := c.GetCallerIdentity(ctx, keys)
	if e := asError(t, err); e.Kind != Timeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v: %+v", err, e)
	}
}

// What the SDK refuses by itself has touched no network.
func TestMissingParameters(t *testing.T) {
	s := serve(t, goodIdentity())
	c, _ := client(t, Config{Endpoint: s.URL})
	_, err := c.AssumeRole(t.Context(), longTerm(t), AssumeRoleInput{Serial: testSerial, Code: testCode})
	if e := asError(t, err); e.Kind != BadRequest || e.Sent || s.count() != 0 || !strings.Contains(err.Error(), "RoleArn") {
		t.Errorf("%v: %+v", err, e)
	}
	noSecrets(t, err)
}

func TestLongAnswersAreRefused(t *testing.T) {
	good := identityXML("arn:aws:iam::123456789012:user/dev", "123456789012", "AIDA")
	for size, want := range map[int]Kind{maxBody: Kind(-1), maxBody + 1: BadAnswer, 3 * maxBody: BadAnswer} {
		s := serve(t, reply(200, good+strings.Repeat(" ", size-len(good))))
		c, _ := client(t, Config{Endpoint: s.URL})
		_, err := c.GetCallerIdentity(t.Context(), longTerm(t))
		if want < 0 && err != nil || want >= 0 && (KindOf(err) != want || !strings.Contains(err.Error(), "longer than 1 MiB")) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// One request, one connection, nothing unpacked: HTTP/2 would repeat by itself.
func TestPlainHTTP1IsSpoken(t *testing.T) {
	var proto, accept string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto, accept = r.Proto, r.Header.Get("Accept-Encoding")
		goodIdentity()(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	c, _ := client(t, Config{Endpoint: s.URL, CABundle: certPEM(s)})
	if _, err := c.GetCallerIdentity(t.Context(), longTerm(t)); err != nil {
		t.Fatal(err)
	}
	if proto != "HTTP/1.1" || accept != "" {
		t.Errorf("spoke %s, accepts %q", proto, accept)
	}
}

func BenchmarkColdCall(b *testing.B) {
	s := serve(b, reply(200, sessionXML(inTwelve)))
	keys := longTerm(b)
	for b.Loop() {
		c, err := New(Config{Endpoint: s.URL, Now: func() time.Time { return noon }})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.GetSessionToken(b.Context(), keys, GetSessionTokenInput{Serial: testSerial, Code: testCode}); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
