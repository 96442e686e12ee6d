package stsclient

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// proxyError is a proxy that cannot be reached or that refuses. It names the
// proxy by host and port alone: its URL may hold a password.
type proxyError struct {
	host   string
	status int
	err    error
}

func (e *proxyError) Error() string {
	switch {
	case e.err != nil:
		return fmt.Sprintf("proxy %q: %v", e.host, e.err)
	case e.status == http.StatusProxyAuthRequired:
		return fmt.Sprintf("proxy %q wants a user name and password (407)", e.host)
	}
	return fmt.Sprintf("proxy %q refused the connection with HTTP status %d", e.host, e.status)
}

func (e *proxyError) Unwrap() error { return e.err }

// proxyURL reads HTTPS_PROXY. HTTP_PROXY has no meaning here: plain http goes
// to loopback alone, and that never through a proxy.
func proxyURL(getenv func(string) string) (*url.URL, error) {
	raw := firstOf(getenv, "HTTPS_PROXY", "https_proxy")
	if raw == "" {
		return nil, nil
	}
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || !isPort(u.Port()) {
		return nil, configError(Proxy, "HTTPS_PROXY is not the URL of a proxy")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	}
	return nil, configError(Proxy, "HTTPS_PROXY must be an http, https or socks5 URL")
}

// proxyAddr is the address that net/http dials for a proxy.
func proxyAddr(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if port == "" {
		port = "1080"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (n *network) proxyFor(req *http.Request) (*url.URL, error) {
	port := req.URL.Port()
	if port == "" {
		port = "443"
	}
	if req.URL.Scheme != "https" || !n.proxied(req.URL.Hostname(), port) {
		return nil, nil
	}
	return n.proxy, nil
}

func (n *network) proxied(host, port string) bool {
	return n.proxy != nil && !isLoopback(host) && !excepted(n.except, strings.ToLower(host), port)
}

// via names the proxy that stands before an endpoint; "" for none.
func (n *network) via(at endpoint) string {
	host, port, err := net.SplitHostPort(at.host)
	if err != nil || at.plain || !n.proxied(host, port) {
		return ""
	}
	return proxyAddr(n.proxy)
}

func checkConnect(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		return &proxyError{host: proxyAddr(proxy), status: res.StatusCode}
	}
	return nil
}

// excepted reads NO_PROXY as net/http does: "*", names (which stand for their
// subdomains too), ".domain" (subdomains alone), addresses, CIDR blocks, each
// but the blocks with an optional port.
func excepted(list, host, port string) bool {
	addr, _ := netip.ParseAddr(host)
	for _, entry := range strings.Split(list, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "*" {
			return true
		}
		if block, err := netip.ParsePrefix(entry); err == nil {
			if addr.IsValid() && block.Contains(addr.Unmap()) {
				return true
			}
			continue
		}
		if name, p, err := net.SplitHostPort(entry); err == nil {
			if p != port {
				continue
			}
			entry = name
		}
		if entry != "" && matches(strings.Trim(entry, "[]"), host, addr) {
			return true
		}
	}
	return false
}

func matches(entry, host string, addr netip.Addr) bool {
	if a, err := netip.ParseAddr(entry); err == nil {
		return a.Unmap() == addr.Unmap()
	}
	entry = strings.TrimPrefix(entry, "*")
	if strings.HasPrefix(entry, ".") {
		return strings.HasSuffix(host, entry)
	}
	return host == entry || strings.HasSuffix(host, "."+entry)
}
