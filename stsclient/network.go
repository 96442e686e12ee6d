package stsclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Bounds of one exchange. An answer of STS is a few KiB.
const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	maxBody          = 1 << 20
	maxHeader        = 64 << 10
)

// network makes single exchanges: no redirects, no cookies, no decompression,
// no second sending. HTTP/1.1 alone, because an HTTP/2 transport sends a
// request again by itself when the server says that it did not look at it.
type network struct {
	roots  *x509.CertPool
	proxy  *url.URL
	except string // NO_PROXY

	mu        sync.Mutex
	transport *http.Transport
}

func newNetwork(cfg Config) (*network, error) {
	n := &network{except: firstOf(cfg.Getenv, "NO_PROXY", "no_proxy")}
	if len(cfg.CABundle) > 0 {
		n.roots = x509.NewCertPool()
		if !n.roots.AppendCertsFromPEM(cfg.CABundle) {
			return nil, configError(BadCABundle, "the CA bundle holds no certificate in PEM form")
		}
	}
	var err error
	if n.proxy, err = proxyURL(cfg.Getenv); err != nil {
		return nil, err
	}
	n.transport = n.build()
	return n, nil
}

func (n *network) build() *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  n.proxyFor,
		OnProxyConnectResponse: checkConnect,
		DialContext:            n.dial,
		TLSClientConfig:        &tls.Config{RootCAs: n.roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    handshakeTimeout,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // a bomb unpacks behind our limit
		MaxResponseHeaderBytes: maxHeader,
		Protocols:              &http1,
	}
}

func (n *network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.transport.CloseIdleConnections()
}

// take returns the transport for one request. A request that must not be
// repeated gets a new one, so that it never meets an idle connection which the
// server has closed: net/http would try another by itself.
func (n *network) take(fresh bool) *http.Transport {
	n.mu.Lock()
	defer n.mu.Unlock()
	if fresh {
		n.transport.CloseIdleConnections()
		n.transport = n.build()
	}
	return n.transport
}

// dial connects to an endpoint or to the proxy. "localhost" is dialled on the
// loopback addresses themselves: a resolver may name any other.
func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: dialTimeout}
	viaProxy := n.proxy != nil && addr == proxyAddr(n.proxy)
	if !viaProxy {
		d.Control = refuseLinkLocal
	}
	conn, err := dialHost(ctx, d, host, port)
	if err != nil && viaProxy {
		return nil, &proxyError{host: addr, err: err}
	}
	return conn, err
}

func dialHost(ctx context.Context, d *net.Dialer, host, port string) (net.Conn, error) {
	if host != "localhost" {
		return d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		return conn, nil
	}
	if conn, err6 := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", port)); err6 == nil {
		return conn, nil
	}
	return nil, err
}

var errLinkLocal = errors.New("the name leads to a link-local address")

func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err == nil && !usable(at.Addr().Unmap()) {
		return errLinkLocal
	}
	return nil
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// exchange sends one request once and reads its answer. sent tells whether
// bytes of it may have left: from the moment a connection, with its TLS and
// its proxy, stands ready.
func (n *network) exchange(ctx context.Context, req *http.Request, fresh bool) (ans answer, sent bool, err error) {
	var got atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got.Store(true) }}
	res, err := n.take(fresh).RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		return answer{}, got.Load(), err
	}
	defer res.Body.Close()
	ans = answer{status: res.StatusCode, header: res.Header}
	ans.body, err = io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err == nil && len(ans.body) > maxBody {
		err = errTooLong
	}
	return ans, true, err
}

var errTooLong = errors.New("the answer is longer than 1 MiB")

// failure gives the kind of an exchange that brought no whole answer.
func failure(err error) Kind {
	var proxy *proxyError
	var timeout net.Error
	switch {
	case errors.As(err, &proxy):
		return Proxy
	case errors.Is(err, errTooLong), errors.Is(err, io.ErrUnexpectedEOF):
		return BadAnswer
	case errors.Is(err, context.Canceled):
		return Interrupted
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case isTLS(err):
		return TLS
	}
	return Network
}

// isTLS knows the errors of a handshake. Some have no type: crypto/tls makes
// them with fmt.Errorf and "tls:".
func isTLS(err error) bool {
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	if errors.As(err, &cert) || errors.As(err, &record) || errors.As(err, &alert) {
		return true
	}
	text := err.Error()
	return strings.HasPrefix(text, "tls: ") || strings.Contains(text, "error: tls: ") || strings.HasPrefix(text, "x509: ") ||
		strings.Contains(text, "server gave HTTP response to HTTPS client")
}

func firstOf(getenv func(string) string, names ...string) string {
	for _, name := range names {
		if v := getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// parseDate reads a Date header. Years before this program was thought of, or
// after it is forgotten, are no clock to follow.
func parseDate(value string) (time.Time, error) {
	t, err := http.ParseTime(value)
	if err == nil && (t.Year() < 2020 || t.Year() > 2200) {
		err = fmt.Errorf("year %d", t.Year())
	}
	return t, err
}
