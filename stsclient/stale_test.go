package stsclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// hand is a clock that the server moves.
type hand struct{ atomic.Value }

func newHand(at time.Time) *hand {
	h := &hand{}
	h.Store(at)
	return h
}

func (h *hand) now() time.Time { return h.Load().(time.Time) }

// A code whose time is over is not sent, wherever the time went: before the
// call, or while the connection was made. Nothing reaches the server's hands.
func TestStaleCodeIsNotSent(t *testing.T) {
	for _, row := range []struct {
		name          string
		before, after time.Duration // how far the clock is when the call begins, and once TLS does
		typed         bool          // a code without an end
		stale         bool
		connections   int32
	}{
		{"in time", 0, 29 * time.Second, false, false, 1},
		{"over before the call", 30 * time.Second, 30 * time.Second, false, true, 0},
		{"over while TLS was set up", 0, 30 * time.Second, false, true, 1},
		{"an hour in a stopped process", 0, time.Hour, false, true, 1},
		{"typed by a person", 0, time.Hour, true, false, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			clock := newHand(noon.Add(row.before))
			var connections, bodies atomic.Int32
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if text, err := io.ReadAll(r.Body); err == nil && len(text) > 0 {
					bodies.Add(1)
				}
				w.Header().Set("Date", noon.Format(http.TimeFormat))
				reply(200, sessionXML(inTwelve))(w, r)
			}))
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				connections.Add(1)
				clock.Store(noon.Add(row.after))
				return nil, nil
			}}
			s.StartTLS()
			t.Cleanup(s.Close)
			ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
			c, waits := client(t, Config{Endpoint: s.URL, CABundle: ca, Now: clock.now})
			in := GetSessionTokenInput{Serial: testSerial, Code: testCode, CodeUntil: noon.Add(30 * time.Second)}
			if row.typed {
				in.CodeUntil = time.Time{}
			}
			_, err := c.GetSessionToken(t.Context(), longTerm(t), in)
			if row.stale {
				if e := asError(t, err); e.Kind != Stale || e.Sent {
					t.Errorf("%+v", e)
				}
			} else if KindOf(err) == Stale {
				t.Error(err)
			}
			if connections.Load() != row.connections || (bodies.Load() > 0) == row.stale || len(*waits) != 0 {
				t.Errorf("%d connections, %d bodies, pauses %v", connections.Load(), bodies.Load(), *waits)
			}
		})
	}
}

// A process that was stopped for longer than its network time finds its timers
// gone off; that is not the network's fault, and the code is stale all the same.
func TestStaleBeatsTheTimeout(t *testing.T) {
	clock := newHand(noon)
	hang := make(chan struct{})
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		clock.Store(noon.Add(time.Minute))
		<-hang
		return nil, errors.New("over")
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(hang) })
	c, _ := client(t, Config{Endpoint: s.URL, Budget: 200 * time.Millisecond, Now: clock.now})
	in := GetSessionTokenInput{Serial: testSerial, Code: testCode, CodeUntil: noon.Add(30 * time.Second)}
	_, err := c.GetSessionToken(t.Context(), longTerm(t), in)
	if e := asError(t, err); e.Kind != Stale || e.Sent {
		t.Errorf("%+v", e)
	}
	if got := networkTime(time.Minute, 15*time.Second); got != 0 {
		t.Errorf("a stop counts as %s of network time", got)
	}
	if got := networkTime(15*time.Second, 15*time.Second); got != 15*time.Second {
		t.Errorf("a slow network counts as %s", got)
	}
}

// Who is interrupted hears that, not that the code is old.
func TestInterruptedIsNotStale(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	c, _ := client(t, Config{Endpoint: "http://127.0.0.1:1", Now: func() time.Time { return noon.Add(time.Hour) }})
	cancel(errors.New("^C"))
	_, err := c.GetSessionToken(ctx, longTerm(t), GetSessionTokenInput{Serial: testSerial, Code: testCode, CodeUntil: noon})
	if e := asError(t, err); e.Kind != Interrupted {
		t.Errorf("%+v", e)
	}
}

// Once it is known not to have left, the form stays, whoever still holds the body.
func TestSealedFormStays(t *testing.T) {
	now := func() time.Time { return noon }
	sealed := &formBody{r: request{code: testCode}, text: bytes.NewReader([]byte("form")), now: now}
	for range 2 {
		if !sealed.seal() {
			t.Error("nothing was read, and yet it was given")
		}
	}
	if n, err := sealed.Read(make([]byte, 8)); n != 0 || !errors.Is(err, errTooLate) {
		t.Errorf("%d, %v", n, err)
	}
	given := &formBody{r: request{code: testCode, until: noon.Add(time.Second)}, text: bytes.NewReader([]byte("form")), now: now}
	if n, err := given.Read(make([]byte, 2)); n != 2 || err != nil || given.seal() {
		t.Errorf("%d, %v", n, err)
	}
	given.now = func() time.Time { return noon.Add(time.Hour) }
	if rest, err := io.ReadAll(given); string(rest) != "rm" || err != nil {
		t.Errorf("the rest of what was begun: %q, %v", rest, err)
	}
}
