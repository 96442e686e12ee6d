// Package stsclient makes the AWS calls that awsmfa needs, and says what their
// errors mean.
//
// Start with New, then call GetSessionToken, AssumeRole, GetCallerIdentity, or
// those of IAM's calls that concern MFA devices. Every failure is an *Error
// whose Kind says what happened.
// Three rules hold for every call:
//
//   - A request that carries a token code leaves this machine at most once: a
//     code works once, and a second sending would hide the true answer behind
//     "invalid MFA one time pass code".
//   - All calls of one Client share one budget of network time.
//   - Whatever a server says is checked before it is believed and cleaned
//     before it is shown; bodies are never shown at all.
package stsclient

import (
	"context"
	"sync"
	"time"
)

// DefaultBudget is the network time in all when Config sets none.
const DefaultBudget = 15 * time.Second

// Config says where to call and how. The zero value calls sts.us-east-1.
type Config struct {
	Region       string              // "" takes the partition's default region
	Endpoint     string              // an STS endpoint URL that replaces AWS's own
	IAMEndpoint  string              // the same for IAM
	FIPS         bool                // AWS's FIPS endpoints
	DualStack    bool                // AWS's dual-stack endpoints
	LegacyGlobal bool                // sts.amazonaws.com for the regions that it once served
	Partition    string              // "aws", "aws-cn", ...; "" follows the region
	CABundle     []byte              // PEM; replaces the system's roots
	Getenv       func(string) string // asked for the proxy variables; nil knows none
	Version      string              // for the User-Agent
	Now          func() time.Time    // the local clock; nil is the system's
	Offset       time.Duration       // server - local, as known from earlier runs
	Budget       time.Duration       // network time in all; 0 is DefaultBudget
	Debugf       func(string, ...any)
}

// Client makes calls. It is safe for concurrent use. Close it when done.
type Client struct {
	cfg      Config
	sts, iam endpoint
	net      *network
	sleep    func(context.Context, time.Duration) error

	mu       sync.Mutex
	offset   time.Duration
	measured bool
	spent    time.Duration
}

// New checks the configuration and makes a client of it; it touches no
// network. Its errors are *Error of Kind BadRegion, BadEndpoint, BadCABundle
// or Proxy.
func New(cfg Config) (*Client, error) {
	cfg = withDefaults(cfg)
	stsAt, iamAt, err := endpoints(cfg)
	if err != nil {
		return nil, err
	}
	nw, err := newNetwork(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, sts: stsAt, iam: iamAt, net: nw, sleep: sleep, offset: cfg.Offset}, nil
}

func withDefaults(cfg Config) Config {
	if cfg.Getenv == nil {
		cfg.Getenv = func(string) string { return "" }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Budget <= 0 {
		cfg.Budget = DefaultBudget
	}
	if cfg.Debugf == nil {
		cfg.Debugf = func(string, ...any) {}
	}
	return cfg
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close drops idle connections.
func (c *Client) Close() { c.net.close() }

// Endpoint returns the URL of the STS endpoint that is called, to be shown.
func (c *Client) Endpoint() string { return c.sts.url }

// Offset returns how far the server's clock is ahead of the local one, and
// whether an answer of this client told so. Before the first answer it is
// Config.Offset.
func (c *Client) Offset() (offset time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, c.measured
}

// serverNow is the instant by the server's clock, as far as it is known.
func (c *Client) serverNow() time.Time {
	offset, _ := c.Offset()
	return c.cfg.Now().Add(offset)
}

// learn takes the server's clock from a Date header. The header has whole
// seconds: an offset that could as well be none is none.
func (c *Client) learn(date string, sent, received time.Time) {
	server, err := parseDate(date)
	if err != nil {
		return
	}
	offset := server.Sub(sent.Add(received.Sub(sent) / 2)).Round(time.Second)
	if !server.After(received) && server.Add(time.Second).After(sent) {
		offset = 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset, c.measured = offset, true
}
