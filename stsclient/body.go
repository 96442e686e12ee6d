package stsclient

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// formBody hands over the form of a request, which holds the token code, unless
// the code's time is over by then: name, connection, proxy and TLS all come
// before it, and may have taken long, or the process may have been stopped
// meanwhile. It is the last to look at the clock. It also knows, better than
// the connection, whose headers go ahead, that the code has not left.
//
// It has nothing that net/http could send a second time.
type formBody struct {
	r     request
	text  *bytes.Reader
	now   func() time.Time
	state atomic.Int32
}

// What became of a body.
const (
	bodyWaits int32 = iota
	bodyGiven
	bodySealed
)

var errTooLate = errors.New("the code's time is over")

// Read implements io.Reader. Once begun, the form is handed over whole.
func (b *formBody) Read(p []byte) (int, error) {
	if b.state.Load() == bodyWaits {
		if b.r.stale(b.now()) {
			b.seal()
			return 0, errTooLate
		}
		b.state.CompareAndSwap(bodyWaits, bodyGiven)
	}
	if b.state.Load() == bodySealed {
		return 0, errTooLate
	}
	return b.text.Read(p)
}

// seal keeps the form from being handed over from now on, also by a writer of
// net/http that is still at work, and reports whether it never was.
func (b *formBody) seal() bool {
	return b.state.CompareAndSwap(bodyWaits, bodySealed) || b.state.Load() == bodySealed
}

// Close implements io.Closer.
func (b *formBody) Close() error { return nil }

var _ io.ReadCloser = (*formBody)(nil)
