package stsclient

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// tunnel is a CONNECT proxy that leads everything to one place.
func tunnel(t *testing.T, to string, refuse int) (string, *atomic.Int32, *atomic.Value) {
	var asked atomic.Value
	addr, count := listen(t, "tcp", "127.0.0.1:0", func(_ int, c net.Conn) {
		in := bufio.NewReader(c)
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		asked.Store(req)
		if refuse != 0 {
			fmt.Fprintf(c, "HTTP/1.1 %d no\r\nContent-Length: 0\r\n\r\n", refuse)
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer out.Close()
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(out, in); out.(*net.TCPConn).CloseWrite() }()
		io.Copy(c, out)
	})
	return addr, count, &asked
}

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestProxy(t *testing.T) {
	s := httptest.NewTLSServer(goodIdentity())
	defer s.Close()
	addr, _, asked := tunnel(t, s.Listener.Addr().String(), 0)
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		c, _ := client(t, Config{Endpoint: "https://example.com", CABundle: certPEM(s), Getenv: env(map[string]string{name: "http://me:hunter2@" + addr})})
		if _, err := c.GetCallerIdentity(t.Context(), longTerm(t)); err != nil {
			t.Fatal(err)
		}
		c.Close()
		req := asked.Load().(*http.Request)
		if req.Method != "CONNECT" || req.Host != "example.com:443" {
			t.Errorf("asked for %s %s", req.Method, req.Host)
		}
		if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:hunter2")); req.Header.Get("Proxy-Authorization") != want {
			t.Error("the proxy's password was not sent")
		}
		if req.Header.Get("Authorization") != "" || req.Header.Get("User-Agent") == testSecret {
			t.Error("the proxy saw a signature")
		}
	}
}

func TestProxyRefuses(t *testing.T) {
	for _, row := range []struct {
		status int
		say    string
	}{{407, "wants a user name and password (407)"}, {403, "HTTP status 403"}, {502, "HTTP status 502"}} {
		addr, count, _ := tunnel(t, "", row.status)
		c, _ := client(t, Config{Endpoint: "https://example.com", Getenv: env(map[string]string{"HTTPS_PROXY": "http://me:hunter2@" + addr})})
		_, err := c.GetCallerIdentity(t.Context(), longTerm(t))
		e := asError(t, err)
		if e.Kind != Proxy || e.Sent || e.Status != row.status || count.Load() != 1 {
			t.Errorf("%v: %+v after %d connections", err, e, count.Load())
		}
		if !strings.Contains(err.Error(), `proxy "`+addr+`"`) || !strings.Contains(err.Error(), row.say) || strings.Contains(fmt.Sprintf("%+v", err), "hunter2") {
			t.Errorf("text %q", err)
		}
	}
}

func TestProxyCannotBeReached(t *testing.T) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	addr := l.Addr().String()
	l.Close()
	c, waits := client(t, Config{Endpoint: "https://example.com", Getenv: env(map[string]string{"HTTPS_PROXY": addr})})
	_, err := c.GetSessionToken(t.Context(), longTerm(t), GetSessionTokenInput{Serial: testSerial, Code: testCode})
	if e := asError(t, err); e.Kind != Proxy || e.Sent || len(*waits) != 2 || !strings.Contains(err.Error(), `proxy "`+addr+`"`) {
		t.Errorf("%v: %+v, pauses %v", err, e, *waits)
	}
}

// A proxy that breaks inside the tunnel is named too.
func TestProxyThatBreaks(t *testing.T) {
	addr, _ := listen(t, "tcp", "127.0.0.1:0", func(_ int, c net.Conn) { readRequest(c); io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n") })
	c, _ := client(t, Config{Endpoint: "https://example.com", Getenv: env(map[string]string{"HTTPS_PROXY": addr})})
	_, err := c.GetCallerIdentity(t.Context(), longTerm(t))
	if e := asError(t, err); e.Kind != Network || e.Sent || !strings.Contains(err.Error(), addr) {
		t.Errorf("%v: %+v", err, e)
	}
}

func TestLoopbackNeverGoesThroughAProxy(t *testing.T) {
	s := serve(t, goodIdentity())
	secure := httptest.NewTLSServer(goodIdentity())
	defer secure.Close()
	addr, count, _ := tunnel(t, "", 502)
	for _, endpoint := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), secure.URL} {
		c, _ := client(t, Config{Endpoint: endpoint, CABundle: certPEM(secure), Getenv: env(map[string]string{"HTTPS_PROXY": addr, "HTTP_PROXY": addr, "http_proxy": addr, "ALL_PROXY": addr})})
		if _, err := c.GetCallerIdentity(t.Context(), longTerm(t)); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	if count.Load() != 0 {
		t.Errorf("%d connections to the proxy", count.Load())
	}
}

func TestBadProxies(t *testing.T) {
	for _, raw := range []string{"ftp://x", "http://", "http://x:0", "http://u:hunter2@x:y", "://", "http://[::1"} {
		_, err := New(Config{Getenv: env(map[string]string{"HTTPS_PROXY": raw})})
		if KindOf(err) != Proxy || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestProxyAddresses(t *testing.T) {
	for raw, want := range map[string]string{
		"proxy.example": "proxy.example:80", "http://proxy.example": "proxy.example:80", "https://proxy.example": "proxy.example:443",
		"socks5://proxy.example": "proxy.example:1080", "proxy.example:3128": "proxy.example:3128", "http://[::1]:8": "[::1]:8",
	} {
		u, err := proxyURL(env(map[string]string{"HTTPS_PROXY": raw}))
		if err != nil || proxyAddr(u) != want {
			t.Errorf("%s: %v, %v", raw, u, err)
		}
	}
}

func TestNoProxy(t *testing.T) {
	const host, port = "sts.eu-west-1.amazonaws.com", "443"
	for _, row := range []struct {
		list, host string
		want       bool
	}{
		{"", host, false}, {"*", host, true}, {host, host, true}, {"amazonaws.com", host, true}, {".amazonaws.com", host, true}, {"*.amazonaws.com", host, true},
		{"other.example, amazonaws.com ,", host, true}, {"AMAZONAWS.com", host, true}, {"aws.com", host, false}, {".com", host, true}, {"." + host, host, false},
		{host + ":443", host, true}, {host + ":8443", host, false}, {"amazonaws.com:443", host, true}, {" , ,", host, false},
		{"10.0.0.1", "10.0.0.1", true}, {"10.0.0.0/8", "10.1.2.3", true}, {"10.0.0.0/8", "11.1.2.3", false}, {"10.0.0.0/8", host, false}, {"10.0.0.1:443", "10.0.0.1", true}, {"10.0.0.1:80", "10.0.0.1", false},
		{"2001:db8::1", "2001:db8::1", true}, {"[2001:db8::1]:443", "2001:db8::1", true}, {"2001:db8::/32", "2001:db8::5", true}, {"10.0.0.1", host, false},
	} {
		if got := excepted(row.list, row.host, port); got != row.want {
			t.Errorf("NO_PROXY=%q for %s: %v", row.list, row.host, got)
		}
	}
	addr, count, _ := tunnel(t, "", 502)
	c, _ := client(t, Config{Endpoint: "https://sts.invalid", Getenv: env(map[string]string{"HTTPS_PROXY": addr, "no_proxy": "invalid"})})
	if _, err := c.GetCallerIdentity(t.Context(), longTerm(t)); KindOf(err) != Network || count.Load() != 0 {
		t.Errorf("%v after %d connections to the proxy", err, count.Load())
	}
}
