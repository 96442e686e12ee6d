// Package ststest is a strict stand-in for AWS STS, with the bit of IAM that
// finds, makes and removes a user's MFA devices, for tests that must not need an AWS account.
//
// Start with New, Start and NewUser; point a client at URL (both services
// answer there). Clock moves the server's time, Fault breaks answers on
// purpose, Requests says what arrived. Programs in other processes drive the
// same things over HTTP; see admin.go and the command cmd/ststest.
//
// It is strict about what clients get wrong:
//   - Signature Version 4, computed anew from the headers that the request
//     says are signed (Authorization header or presigned query), the scope's
//     date, region and service, the body's hash, five minutes either way;
//   - session credentials: the token belongs to its key, is sealed by this
//     server and ends on time; sessions without MFA are unknown to IAM;
//   - MFA: RFC 6238 at the server's clock, one step either way, each step of
//     a device accepted once whoever races for it, own devices only;
//   - devices: a virtual one is born without an owner and shows its seed once;
//     enabling and resynchronising take the codes of two steps in a row, near
//     the clock, neither spent, and spend both; the offset of a resynchronised
//     device is kept; eight devices a user; what is assigned is not deleted;
//   - the limits of every parameter, all violations in one ValidationError;
//   - GetSessionToken only with long-term keys, 900 s to 36 h (root: cut to
//     1 h); AssumeRole within the role's maximum and one hour when chained,
//     and a GetSessionToken session chains too; trust in principals, external
//     id and MFA; role sessions carry no MFA (IAM user guide, "Configuring
//     MFA-protected API access");
//   - partitions: a key is unknown in the regions of another one.
//
// A code is spent as soon as it was right, even when trust or the role's
// maximum then refuse the call, as with a service that authenticates first.
//
// What real AWS does and this does not: identity policies (save those of
// UserOptions), policy contents, sts:TagSession and sts:SetSourceIdentity
// permissions, drift that grows by itself, enrolment of hardware tokens, eventual consistency, regional tokens, IAM's one signing region (clients
// with a custom endpoint sign for their own), and the other actions. The
// packed policy size is an estimate. The order of checks that AWS does not
// document is this package's choice.
package ststest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is the stand-in. Its methods may be called from many goroutines.
type Server struct {
	clock       *Clock
	tokenLength int
	dateSkew    time.Duration
	lockAfter   int
	address     string
	tls         *tlsPlan
	seal        [32]byte // key of session tokens, secrets of sessions and digests of codes

	// One lock over all state: whoever holds it sees a code spent or not, never between.
	mu      sync.Mutex
	users   []*user
	keys    map[string]*key
	devices map[string]*device
	roles   map[string]*role
	log     []*Request
	faults  []*Fault

	http     *http.Server
	listener net.Listener
	closed   chan struct{}
	once     sync.Once
}

// Option changes a Server before it starts.
type Option func(*Server)

// WithTokenLength makes session tokens about n characters long; real ones
// have no documented limit, and STS takes back 20,000.
func WithTokenLength(n int) Option { return func(s *Server) { s.tokenLength = n } }

// WithDateSkew shifts the Date header of every answer, and nothing else.
func WithDateSkew(d time.Duration) Option { return func(s *Server) { s.dateSkew = d } }

// WithLockout makes a device refuse every code after n wrong ones in a row.
func WithLockout(n int) Option { return func(s *Server) { s.lockAfter = n } }

// WithAddress listens on addr instead of a free port of 127.0.0.1.
func WithAddress(addr string) Option { return func(s *Server) { s.address = addr } }

// ErrNotLoopback refuses to offer the stand-in, with its admin endpoints and
// secrets, to a network.
var ErrNotLoopback = errors.New("the stand-in listens on loopback only")

// New makes a server that is not yet listening.
func New(opts ...Option) *Server {
	s := &Server{
		clock:       NewClock(time.Now),
		tokenLength: 484, // what a GetSessionToken of aws-global measures today
		address:     "127.0.0.1:0",
		keys:        map[string]*key{},
		devices:     map[string]*device{},
		roles:       map[string]*role{},
		closed:      make(chan struct{}),
	}
	rand.Read(s.seal[:])
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// Start begins to listen on loopback and to answer.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		l.Close()
		return ErrNotLoopback
	}
	s.listener = l
	if s.tls != nil {
		config, err := s.tls.config()
		if err != nil {
			l.Close()
			return err
		}
		l = tls.NewListener(l, config)
	}
	s.http = &http.Server{Handler: s, ErrorLog: quiet(), ReadHeaderTimeout: time.Minute}
	go s.http.Serve(l)
	return nil
}

// URL is where STS and IAM answer, without a final slash; "" before Start.
func (s *Server) URL() string {
	if s.listener == nil {
		return ""
	}
	if s.tls != nil {
		return "https://" + s.listener.Addr().String()
	}
	return "http://" + s.listener.Addr().String()
}

// Close stops the server, cutting the requests that still hang.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		if s.http != nil {
			err = s.http.Close()
		}
	})
	return err
}

// Clock is the server's time.
func (s *Server) Clock() *Clock { return s.clock }

// pause waits d of real time, or less when the client leaves or the server closes.
func (s *Server) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.closed:
	}
}
