package ststest

import (
	"bytes"
	"compress/gzip"
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind names a way in which an answer goes wrong.
type Kind string

// Kinds that stand in for the action: it is not done and no code is spent,
// unless Fault.After is set.
const (
	ServerError    Kind = "server-error"    // 500, XML InternalFailure
	Unavailable    Kind = "unavailable"     // 503, XML, Retry-After
	TooMany        Kind = "too-many"        // 429, XML, Retry-After
	Throttling     Kind = "throttling"      // 400 Throttling
	RegionDisabled Kind = "region-disabled" // 403 RegionDisabledException
	ErrorAnswer    Kind = "error"           // Fault.Status, Code and Message
	ErrorIn200     Kind = "error-in-200"    // the XML of an error with status 200
	Hang           Kind = "hang"            // no answer until the client leaves or the server closes
	Drop           Kind = "drop"            // the connection is cut after reading
	EmptyBody      Kind = "empty-body"      // 200, nothing in it
	HTML           Kind = "html"            // 200, the page of a captive portal
	BadGateway     Kind = "bad-gateway"     // 502, the page of a proxy
	EntityBomb     Kind = "entity-bomb"     // 200, XML whose entities multiply
	RedirectPlain  Kind = "redirect-plain"  // 301 to plain http of the same host
)

// DropUnread cuts the connection before the body is read, so Match sees no action.
const DropUnread Kind = "drop-unread"

// Kinds that do the action and spoil its answer.
const (
	Slow           Kind = "slow"            // right, but after Fault.Delay
	CutBody        Kind = "cut-body"        // half of the body, then the connection is cut
	StallBody      Kind = "stall-body"      // half of the body, then nothing more
	ShortXML       Kind = "short-xml"       // half of the XML, rightly framed
	WrongNamespace Kind = "wrong-namespace" // another xmlns
	GzipBomb       Kind = "gzip-bomb"       // 512 MiB of blanks, gzipped
	HugeBody       Kind = "huge-body"       // the answer among 10 MiB of blanks
	NoExpiration   Kind = "no-expiration"
	PastExpiration Kind = "past-expiration" // an hour ago
	FarExpiration  Kind = "far-expiration"  // in ten years
	HostileSecret  Kind = "hostile-secret"  // quotes, a substitution and a line end in the secret
	SkewDate       Kind = "skew-date"       // the Date header is off by Fault.Skew
	NoDate         Kind = "no-date"
)

// Kinds lists every kind of fault.
func Kinds() []Kind {
	return append(append([]Kind{DropUnread}, replacing()...), spoiling()...)
}

func replacing() []Kind {
	return []Kind{ServerError, Unavailable, TooMany, Throttling, RegionDisabled, ErrorAnswer, ErrorIn200, Hang, Drop, EmptyBody, HTML, BadGateway, EntityBomb, RedirectPlain}
}

func spoiling() []Kind {
	return []Kind{Slow, CutBody, StallBody, ShortXML, WrongNamespace, GzipBomb, HugeBody, NoExpiration, PastExpiration, FarExpiration, HostileSecret, SkewDate, NoDate}
}

func (k Kind) unread() bool { return k == DropUnread }

// Fault says which requests go wrong, how, and how often.
type Fault struct {
	Match func(Request) bool // nil matches all
	Kind  Kind
	Skip  int  // how many requests that match it lets pass first
	Times int  // how many requests it strikes; 0: every one until ClearFaults
	After bool // do the action first: its code is spent, its session exists, its answer is lost

	Delay   time.Duration // real time before the answer, for every kind
	Skew    time.Duration // SkewDate
	Status  int           // ErrorAnswer, 400 when zero
	Code    string        // ErrorAnswer
	Message string        // ErrorAnswer

	passed, struck int
}

// Fault adds f behind those already there; the first that matches strikes.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults makes the server healthy again.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// OnAction matches the requests for an action.
func OnAction(name string) func(Request) bool {
	return func(r Request) bool { return r.Action == name }
}

// strike takes the first fault of those kinds that is due for the request.
// Match runs outside the lock, so that it may ask the server.
func (s *Server) strike(entry *Request, kinds func(Kind) bool) *Fault {
	s.mu.Lock()
	r, faults := *entry, slices.Clone(s.faults)
	s.mu.Unlock()
	for _, f := range faults {
		if kinds(f.Kind) && (f.Match == nil || f.Match(r)) && s.take(f, entry) {
			return f
		}
	}
	return nil
}

func (s *Server) take(f *Fault, entry *Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times > 0 && f.struck >= f.Times {
		return false
	}
	if f.passed < f.Skip {
		f.passed++
		return false
	}
	f.struck++
	entry.Fault = f.Kind
	return true
}

// breakDown answers a request that a fault has struck.
func (s *Server) breakDown(w http.ResponseWriter, c *call, f *Fault) {
	var a answer
	acts := f.After || slices.Contains(spoiling(), f.Kind)
	if acts && f.After {
		a = s.act(c)
	}
	s.pause(c.request.Context(), f.Delay)
	if acts && !f.After {
		a = s.act(c)
	}
	switch f.Kind {
	case Hang:
		s.hang(c.request.Context())
		drop(w)
	case Drop:
		drop(w)
	case CutBody, StallBody:
		s.finishHalf(w, c, a, f)
	default:
		if slices.Contains(replacing(), f.Kind) {
			a = c.replacement(f)
		}
		s.finish(w, c, s.spoil(a, f), f)
	}
}

func (s *Server) hang(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.closed:
	}
}

// drop cuts the connection without a word.
func drop(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

// finish records the answer and sends it.
func (s *Server) finish(w http.ResponseWriter, c *call, a answer, f *Fault) {
	s.record(c, a)
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Date", dateHeader(s.clock.Now().Add(s.dateSkew)))
	switch {
	case f != nil && f.Kind == SkewDate:
		w.Header().Set("Date", dateHeader(s.clock.Now().Add(s.dateSkew+f.Skew)))
	case f != nil && f.Kind == NoDate:
		w.Header()["Date"] = nil // net/http adds none then
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// finishHalf promises the whole body, sends half of it, then cuts or stalls.
func (s *Server) finishHalf(w http.ResponseWriter, c *call, a answer, f *Fault) {
	s.record(c, a)
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Date", dateHeader(s.clock.Now().Add(s.dateSkew)))
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	w.Write(a.body[:len(a.body)/2])
	http.NewResponseController(w).Flush()
	if f.Kind == StallBody {
		s.hang(c.request.Context())
	}
	drop(w)
}

// replacement is the answer of a kind that stands in for the action.
func (c *call) replacement(f *Fault) answer {
	switch f.Kind {
	case ServerError:
		return c.failure(refuse(500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure."))
	case Unavailable:
		return retryLater(c.failure(refuse(503, "ServiceUnavailable", "Service is unavailable")))
	case TooMany:
		return retryLater(c.failure(refuse(429, "TooManyRequestsException", "Too Many Requests")))
	case Throttling:
		return c.failure(refuse(400, "Throttling", "Rate exceeded"))
	case RegionDisabled:
		return c.failure(refuse(403, "RegionDisabledException", "STS is not activated in this region for account:"+strconv.FormatInt(firstAccount, 10)+". Your account administrator can activate STS in this region using the IAM Console."))
	case ErrorAnswer:
		return c.failure(refuse(max(f.Status, 400), f.Code, f.Message))
	case ErrorIn200:
		a := c.failure(refuse(400, "Throttling", "Rate exceeded"))
		a.status = 200
		return a
	case HTML:
		return htmlPage(200, "<!DOCTYPE html><html><head><title>Welcome to Hotel Wi-Fi</title></head><body><form action=\"/login\"><h1>Please accept the terms</h1></form></body></html>")
	case BadGateway:
		return htmlPage(502, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n")
	case EntityBomb:
		return xmlAnswer(200, requestID(), entityBomb(c))
	case RedirectPlain:
		a := htmlPage(301, "")
		a.header.Set("Location", "http://"+c.request.Host+"/")
		return a
	}
	return answer{status: 200, header: http.Header{"Content-Type": {"text/xml"}}}
}

func retryLater(a answer) answer {
	a.header.Set("Retry-After", "1")
	return a
}

func htmlPage(status int, text string) answer {
	return answer{status: status, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte(text)}
}

// entityBomb would unfold to a billion letters in a parser that expands entities.
func entityBomb(c *call) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<!DOCTYPE r [\n<!ENTITY l0 \"lol\">\n")
	for i := 1; i < 10; i++ {
		n := strconv.Itoa(i - 1)
		b.WriteString("<!ENTITY l" + strconv.Itoa(i) + " \"" + strings.Repeat("&l"+n+";", 10) + "\">\n")
	}
	name := c.log.Action
	b.WriteString("]>\n<" + name + `Response xmlns="` + c.namespace + `"><` + name + "Result><Credentials><AccessKeyId>&l9;</AccessKeyId></Credentials></" + name + "Result></" + name + "Response>\n")
	return b.String()
}

// spoil changes an answer after its action was done.
func (s *Server) spoil(a answer, f *Fault) answer {
	expiration := func(t time.Time) []byte {
		return replaceElement(a.body, "Expiration", el("Expiration", t.UTC().Format(xmlTime)))
	}
	switch f.Kind {
	case ShortXML:
		a.body = a.body[:len(a.body)/2]
	case WrongNamespace:
		for _, namespace := range []string{stsNamespace, iamNamespace} {
			a.body = bytes.Replace(a.body, []byte(namespace), []byte("https://example.org/doc/1999-01-01/"), 1)
		}
	case GzipBomb:
		a.header.Set("Content-Encoding", "gzip")
		a.body = gzipBomb()
	case HugeBody:
		end := bytes.LastIndex(a.body, []byte("</"))
		a.body = slices.Concat(a.body[:end], bytes.Repeat([]byte(" "), 10<<20), a.body[end:])
	case NoExpiration:
		a.body = replaceElement(a.body, "Expiration", "")
	case PastExpiration:
		a.body = expiration(s.clock.Now().Add(-time.Hour))
	case FarExpiration:
		a.body = expiration(s.clock.Now().AddDate(10, 0, 0))
	case HostileSecret:
		a.body = replaceElement(a.body, "SecretAccessKey", el("SecretAccessKey", "a'b\"c`d$(touch pwned)\ne;f\\"))
	}
	return a
}

func replaceElement(body []byte, name, with string) []byte {
	return regexp.MustCompile(`(?s)<`+name+`>.*?</`+name+`>\n`).ReplaceAllLiteral(body, []byte(with))
}

// gzipBomb repeats one small member that unfolds to a mebibyte: gzip files
// may hold many members (RFC 1952, section 2.2).
func gzipBomb() []byte {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	z.Write(bytes.Repeat([]byte(" "), 1<<20))
	z.Close()
	return bytes.Repeat(member.Bytes(), 512)
}

func (k Kind) known() bool { return slices.Contains(Kinds(), k) }
