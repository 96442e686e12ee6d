package ststest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Request is one line of the server's log. It never holds a code.
type Request struct {
	Time        time.Time `json:"time"` // by the server's clock
	Method      string    `json:"method"`
	Host        string    `json:"host"`
	UserAgent   string    `json:"user_agent,omitempty"`
	Service     string    `json:"service,omitempty"`
	Region      string    `json:"region,omitempty"` // of the signature
	AccessKeyID string    `json:"access_key_id,omitempty"`
	Action      string    `json:"action,omitempty"` // empty when the request was never read
	RoleARN     string    `json:"role_arn,omitempty"`
	SessionName string    `json:"session_name,omitempty"`
	ExternalID  string    `json:"external_id,omitempty"`
	Duration    string    `json:"duration_seconds,omitempty"` // as sent
	UserName    string    `json:"user_name,omitempty"`        // as sent
	DeviceName  string    `json:"device_name,omitempty"`      // of a virtual device that is to be made
	Serial      string    `json:"serial,omitempty"`
	HasCode     bool      `json:"has_code,omitempty"`
	CodeDigest  string    `json:"code_digest,omitempty"`  // equal for equal codes of one serial
	CodeDigest2 string    `json:"code_digest2,omitempty"` // of the second code, where two are sent
	ChainDepth  int       `json:"chain_depth,omitempty"`  // of the caller: 0 user, 1 role, 2 role of a role
	CallerMFA   bool      `json:"caller_mfa,omitempty"`   // the caller's session was made with MFA
	Issued      string    `json:"issued,omitempty"`       // access key id of the session that was made
	Fault       Kind      `json:"fault,omitempty"`
	Status      int       `json:"status"` // 0 while, or when, no answer was sent
	ErrorCode   string    `json:"error_code,omitempty"`
	Message     string    `json:"message,omitempty"`
}

// Requests is the log so far, in order of arrival; requests that still hang are in it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.log))
	for i, r := range s.log {
		out[i] = *r
	}
	return out
}

// Calls counts the requests for an action; "" counts all.
func (s *Server) Calls(action string) int {
	n := 0
	for _, r := range s.Requests() {
		if action == "" || r.Action == action {
			n++
		}
	}
	return n
}

// ForgetRequests empties the log. Spent codes stay spent.
func (s *Server) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// CodesSeenTwice returns the requests that carried a code which an earlier
// one had carried already, whatever became of either.
func (s *Server) CodesSeenTwice() []Request {
	var out []Request
	seen := map[string]bool{}
	for _, r := range s.Requests() {
		again := false
		for _, digest := range []string{r.CodeDigest, r.CodeDigest2} {
			again = again || digest != "" && seen[digest]
			seen[digest] = true
		}
		if again {
			out = append(out, r)
		}
	}
	return out
}

// open begins the entry of a request from its headers alone.
func (s *Server) open(r *http.Request) *Request {
	entry := &Request{Time: s.clock.Now(), Method: r.Method, Host: r.Host, UserAgent: r.UserAgent()}
	if g, no := parseSignature(r); no == nil {
		entry.AccessKeyID, entry.Region = g.keyID, g.region
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, entry)
	return entry
}

// note adds what the body said.
func (s *Server) note(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := c.log
	e.Service, e.Action = c.service, c.form.Get("Action")
	e.RoleARN, e.SessionName, e.ExternalID = c.form.Get("RoleArn"), c.form.Get("RoleSessionName"), c.form.Get("ExternalId")
	e.Serial, e.Duration = c.form.Get("SerialNumber"), c.form.Get("DurationSeconds")
	e.UserName, e.DeviceName = c.form.Get("UserName"), c.form.Get("VirtualMFADeviceName")
	if code := strings.TrimSpace(or(c.form.Get("TokenCode"), c.form.Get("AuthenticationCode1"))); code != "" {
		e.HasCode, e.CodeDigest = true, s.digest(e.Serial, code)
	}
	if code := strings.TrimSpace(c.form.Get("AuthenticationCode2")); code != "" {
		e.HasCode, e.CodeDigest2 = true, s.digest(e.Serial, code)
	}
}

// record keeps what is answered. A malformed code that AWS quotes is left out.
func (s *Server) record(c *call, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.log.Status, c.log.ErrorCode, c.log.Message = a.status, a.code, a.text
	for _, name := range []string{"TokenCode", "AuthenticationCode1", "AuthenticationCode2"} {
		if code := c.form.Get(name); code != "" {
			c.log.Message = strings.ReplaceAll(c.log.Message, "'"+code+"'", "(code)")
		}
	}
}

// WaitFor blocks until n requests that match have arrived, or the time is
// over, and says whether they have. It polls: real time, but no fixed sleep.
func (s *Server) WaitFor(n int, within time.Duration, match func(Request) bool) bool {
	for end := time.Now().Add(within); ; time.Sleep(time.Millisecond) {
		have := slices.DeleteFunc(s.Requests(), func(r Request) bool { return !match(r) })
		if len(have) >= n {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}
