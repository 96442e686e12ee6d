package stsclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"awsmfa/credentials"
)

// Bounds of repetition, for what may be sent again at all.
const (
	maxTries  = 3
	firstWait = 200 * time.Millisecond
	maxSkew   = 4 * time.Minute // STS takes five: what is beyond, it refuses
)

// request is one call of the Query protocol, not yet signed.
type request struct {
	at     endpoint
	action string
	form   []byte
	code   string    // the token code in form, if any
	code2  string    // the second one, if any
	until  time.Time // when not zero, the local instant after which the code must not leave
	effect effect
	from   credentials.Credentials
}

// effect says what sending a request twice would do.
type effect int

const (
	reading effect = iota // nothing
	removal               // the second time there is nothing left to do
	once                  // harm, or hide the outcome of the first time
)

func (r request) operation() string { return r.at.service + ":" + r.action }

// stale: the code's time is over. Instants of time.Now compare by a clock that
// stands still while the machine sleeps, unless one is a bare time of day.
func (r request) stale(now time.Time) bool {
	return r.code != "" && !r.until.IsZero() && !now.Round(0).Before(r.until)
}

func (r request) namespace() string {
	if r.at.service == "iam" {
		return "https://iam.amazonaws.com/doc/2010-05-08/"
	}
	return "https://sts.amazonaws.com/doc/2011-06-15/"
}

// send makes a call, repeating it where that is safe, and returns the body of
// a well-formed success.
func (c *Client) send(ctx context.Context, r request) ([]byte, *Error) {
	resigned, unsure := false, false
	for try := 1; ; try++ {
		used, _ := c.Offset()
		body, e := c.once(ctx, r, used)
		if e == nil || unsure && e.Kind == NoSuchEntity && r.effect == removal {
			return body, nil
		}
		unsure = unsure || r.effect != reading && e.MayBeDone()
		e.unsure = unsure
		if now, _ := c.Offset(); e.Kind == ClockSkew && r.code == "" && now != used && !resigned {
			resigned = true
			continue
		}
		wait := pause(e, try)
		if try >= maxTries || !repeatable(r, e) || wait >= c.left() {
			return nil, e
		}
		c.cfg.Debugf("%s: trying again in %s", r.operation(), wait)
		c.spend(wait)
		if err := c.sleep(ctx, wait); err != nil {
			e = c.interrupted(ctx, r, e.Sent)
			e.unsure = unsure
			return nil, e
		}
	}
}

// repeatable holds the rule on codes: what may have left is not sent again.
// What must be done once is sent again only when AWS itself put it off.
func repeatable(r request, e *Error) bool {
	if r.code != "" && e.Sent || r.effect == once && e.MayBeDone() {
		return false
	}
	switch e.Kind {
	case Throttled, ServerFault, Network:
		return true
	case Timeout:
		return !e.Sent
	case NotAWS:
		return e.Status >= 500
	case Proxy:
		return e.Status == 0 // it could not be reached: it did not refuse
	}
	return false
}

// pause doubles from a fifth of a second, spread by half so that many
// processes do not return together; a server that asks for more gets it.
func pause(e *Error, try int) time.Duration {
	wait := firstWait << (try - 1)
	wait = wait/2 + rand.N(wait)
	return max(wait, e.retryAfter)
}

func (c *Client) left() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.Budget - c.spent
}

func (c *Client) spend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spent += d
}

// once signs and sends a request a single time. Network time is measured on
// the monotonic clock: the wall clock may be wrong, or corrected meanwhile.
func (c *Client) once(ctx context.Context, r request, used time.Duration) ([]byte, *Error) {
	if ctx.Err() != nil {
		return nil, c.interrupted(ctx, r, false)
	}
	if r.stale(c.cfg.Now()) {
		return nil, c.tooLate(r)
	}
	left := c.left()
	if left <= 0 {
		return nil, c.complete(&Error{Kind: Timeout, detail: c.budgetText()}, r)
	}
	limited, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	form := &formBody{r: r, text: bytes.NewReader(r.form), now: c.cfg.Now}
	req, err := c.signed(limited, r, form, c.cfg.Now().Add(used))
	if err != nil {
		return nil, c.complete(&Error{Kind: BadRequest, Err: err}, r)
	}
	start, sentAt := time.Now(), c.cfg.Now()
	ans, sent, err := c.net.exchange(limited, req, r.code != "" || r.effect == once)
	took := time.Since(start)
	if err != nil && ctx.Err() == nil && r.stale(c.cfg.Now()) && form.seal() {
		c.cfg.Debugf("%s %s: too late after %s", r.at.name, r.action, took.Round(time.Millisecond))
		c.spend(networkTime(took, left))
		return nil, c.tooLate(r)
	}
	if limited.Err() != nil {
		took = max(took, left) // the timer may be a little earlier than the clock
	}
	c.spend(took)
	c.cfg.Debugf("%s %s %s: status %d in %s", req.Method, r.at.name, r.action, ans.status, took.Round(time.Millisecond))
	if err != nil {
		return nil, c.failed(ctx, r, sent, ans.status, err)
	}
	body, e := judge(r, ans)
	if e == nil || ofAWS(e.Kind) {
		c.learn(ans.header.Get("Date"), sentAt, c.cfg.Now())
	}
	if e == nil {
		return body, nil
	}
	c.skewed(e, used)
	return nil, c.complete(e, r)
}

// stopSlack is how late a timer may be on a busy machine.
const stopSlack = 2 * time.Second

// networkTime is what an exchange that came too late counts for. A timer ends
// each after the time that is left; one that took much longer was stopped with
// its process, and how much of it was the network's fault nobody knows.
func networkTime(took, left time.Duration) time.Duration {
	if took > left+stopSlack {
		return 0
	}
	return took
}

func (c *Client) tooLate(r request) *Error {
	return c.complete(&Error{Kind: Stale, detail: "the code's time was over before it could be sent"}, r)
}

// ofAWS tells whose clock it is: a portal's Date is nothing to go by.
func ofAWS(k Kind) bool { return k != NotAWS && k != Redirect && k != Proxy }

// skewed settles whether a refused signature is the clock's fault, which the
// server's words do not always say.
func (c *Client) skewed(e *Error, used time.Duration) {
	now, known := c.Offset()
	wrong := (now - used).Abs()
	if e.Kind == BadSignature && known && wrong > maxSkew {
		e.Kind = ClockSkew
	}
}

func (c *Client) signed(ctx context.Context, r request, form *formBody, at time.Time) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.at.url+"/", form)
	if err != nil {
		return nil, errors.New("the endpoint is not a URL")
	}
	req.ContentLength = int64(len(r.form))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("User-Agent", c.userAgent())
	sum := sha256.Sum256(r.form)
	keys := aws.Credentials{
		AccessKeyID:     r.from.AccessKeyID(),
		SecretAccessKey: r.from.SecretAccessKey(),
		SessionToken:    r.from.SessionToken(),
	}
	err = v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), r.at.service, r.at.region, at)
	return req, err
}

func (c *Client) userAgent() string {
	if c.cfg.Version == "" {
		return "awsmfa"
	}
	return "awsmfa/" + c.cfg.Version
}

// failed explains an exchange that brought no whole answer.
func (c *Client) failed(ctx context.Context, r request, sent bool, status int, err error) *Error {
	if ctx.Err() != nil {
		return c.interrupted(ctx, r, sent)
	}
	e := &Error{Kind: failure(err), Sent: sent, Status: status, Err: err}
	var proxy *proxyError
	if errors.As(err, &proxy) {
		e.Status, e.Err = proxy.status, proxy
	} else if via := c.net.via(r.at); via != "" && !sent {
		e.detail = fmt.Sprintf("through proxy %q", via)
	}
	switch e.Kind {
	case Timeout:
		e.detail = "no answer in time"
		if c.left() <= 0 {
			e.detail = c.budgetText()
		}
	case BadAnswer:
		e.detail = fmt.Sprintf("HTTP status %d", status)
	case Network:
		if errors.Is(err, io.EOF) && sent {
			e.detail = "the server closed the connection without an answer"
		}
	}
	return c.complete(e, r)
}

func (c *Client) budgetText() string {
	return fmt.Sprintf("no answer within %s of network time", c.cfg.Budget)
}

func (c *Client) interrupted(ctx context.Context, r request, sent bool) *Error {
	e := &Error{Kind: Interrupted, Sent: sent, Err: context.Cause(ctx)}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Kind = Timeout
	}
	return c.complete(e, r)
}

func (c *Client) complete(e *Error, r request) *Error {
	e.Operation, e.Host = r.operation(), r.at.name
	if offset, known := c.Offset(); known {
		e.Offset = offset
	}
	return e
}
