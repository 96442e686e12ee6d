package stsclient

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"awsmfa/stsclient/ststest"
)

// A local clock that is wrong costs one more request without a code, and none
// with one.
func TestWrongLocalClock(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, -10 * time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour, -50 * 365 * 24 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			s, u, keys := strict(t)
			s.Clock().Freeze()
			local := func() time.Time { return s.Clock().Now().Add(off) }
			c, _ := client(t, Config{Endpoint: s.URL(), Now: local})
			_, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: u.MFASerial, Code: u.NextCode()})
			e := asError(t, err)
			if e.Kind != ClockSkew || !near(e.Offset, -off) || s.Calls("") != 1 {
				t.Errorf("%v: offset %v after %d requests", err, e.Offset, s.Calls(""))
			}
			if got, known := c.Offset(); !known || !near(got, -off) {
				t.Errorf("offset %v, %v", got, known)
			}
			// The corrected clock serves the next one, and judges its expiry.
			if _, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Duration: time.Hour, Serial: u.MFASerial, Code: u.NextCode()}); err != nil {
				t.Error(err)
			}
			c, waits := client(t, Config{Endpoint: s.URL(), Now: local})
			s.ForgetRequests()
			if _, err := c.GetCallerIdentity(t.Context(), keys); err != nil {
				t.Error(err)
			}
			if s.Calls("") != 2 || len(*waits) != 0 {
				t.Errorf("%d requests, pauses %v", s.Calls(""), *waits)
			}
			// An offset known from before costs nothing.
			c, _ = client(t, Config{Endpoint: s.URL(), Now: local, Offset: -off})
			s.ForgetRequests()
			if _, err := c.GetCallerIdentity(t.Context(), keys); err != nil || s.Calls("") != 1 {
				t.Errorf("%v after %d requests", err, s.Calls(""))
			}
		})
	}
}

func near(a, b time.Duration) bool { return (a - b).Abs() <= time.Second }

func TestSkewIsSentAgainOnceOnly(t *testing.T) {
	skewed := reply(403, errorXML("SignatureDoesNotMatch", "Signature expired: x"))
	at := func(d time.Duration, next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", noon.Add(d).Format(http.TimeFormat))
			next(w, r)
		}
	}
	for name, row := range map[string]struct {
		steps []http.HandlerFunc
		want  int
	}{
		"clock agrees":    {[]http.HandlerFunc{skewed}, 1},
		"clock runs wild": {[]http.HandlerFunc{at(time.Hour, skewed), at(2*time.Hour, skewed), at(3*time.Hour, skewed)}, 2},
		"no date": {[]http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			skewed(w, r)
		}}, 1},
		"absurd date": {[]http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", "Mon, 01 Jan 1990 00:00:00 GMT")
			skewed(w, r)
		}}, 1},
	} {
		s := serve(t, row.steps...)
		c, _ := client(t, Config{Endpoint: s.URL})
		_, err := c.GetCallerIdentity(t.Context(), longTerm(t))
		if KindOf(err) != ClockSkew || s.count() != row.want {
			t.Errorf("%s: %v after %d requests, want %d", name, err, s.count(), row.want)
		}
	}
}

// Some servers only say that the signature is wrong.
func TestUnnamedSkew(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", noon.Add(time.Hour).Format(http.TimeFormat))
		reply(403, errorXML("SignatureDoesNotMatch", "no"))(w, r)
	})
	c, _ := client(t, Config{Endpoint: s.URL})
	_, err := c.AssumeRole(t.Context(), longTerm(t), AssumeRoleInput{RoleARN: testRole, SessionName: "dev", Serial: testSerial, Code: testCode})
	if e := asError(t, err); e.Kind != ClockSkew || e.Offset != time.Hour || s.count() != 1 {
		t.Errorf("%+v after %d requests", e, s.count())
	}
}

func TestOffsetIsLearnt(t *testing.T) {
	for name, row := range map[string]struct {
		date  string
		step  http.HandlerFunc
		want  time.Duration
		known bool
	}{
		"same":         {noon.Format(http.TimeFormat), goodIdentity(), 0, true},
		"ahead 1":      {noon.Add(time.Second).Format(http.TimeFormat), goodIdentity(), time.Second, true},
		"behind 1":     {noon.Add(-time.Second).Format(http.TimeFormat), goodIdentity(), -time.Second, true},
		"ahead 90":     {noon.Add(90 * time.Second).Format(http.TimeFormat), goodIdentity(), 90 * time.Second, true},
		"behind 90":    {noon.Add(-90 * time.Second).Format(http.TimeFormat), goodIdentity(), -90 * time.Second, true},
		"on errors":    {noon.Add(40 * time.Second).Format(http.TimeFormat), reply(403, errorXML("AccessDenied", "invalid MFA one time pass code")), 40 * time.Second, true},
		"of a portal":  {noon.Add(time.Hour).Format(http.TimeFormat), reply(200, "<html></html>"), 7 * time.Second, false},
		"of redirects": {noon.Add(time.Hour).Format(http.TimeFormat), reply(302, ""), 7 * time.Second, false},
		"garbage":      {"yesterday", goodIdentity(), 7 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", row.date)
				row.step(w, r)
			})
			c, _ := client(t, Config{Endpoint: s.URL, Offset: 7 * time.Second})
			if got, known := c.Offset(); got != 7*time.Second || known {
				t.Errorf("before: %v %v", got, known)
			}
			_, err := c.GetCallerIdentity(t.Context(), longTerm(t))
			if got, known := c.Offset(); got != row.want || known != row.known {
				t.Errorf("offset %v %v, want %v %v", got, known, row.want, row.known)
			}
			if err != nil && row.known && asError(t, err).Offset != row.want {
				t.Errorf("error's offset %v", asError(t, err).Offset)
			}
		})
	}
}

// A Date of whole seconds is no proof of an offset within its second.
func TestHalfASecondIsNoOffset(t *testing.T) {
	s := serve(t, goodIdentity())
	for _, d := range []time.Duration{0, 400 * time.Millisecond, 999 * time.Millisecond} {
		c, _ := client(t, Config{Endpoint: s.URL, Now: func() time.Time { return noon.Add(d) }})
		c.GetCallerIdentity(t.Context(), longTerm(t))
		if got, known := c.Offset(); got != 0 || !known {
			t.Errorf("%v: offset %v %v", d, got, known)
		}
	}
}

func TestSigningUsesTheOffset(t *testing.T) {
	s := serve(t, goodIdentity())
	c, _ := client(t, Config{Endpoint: s.URL, Offset: time.Hour})
	c.GetCallerIdentity(t.Context(), longTerm(t))
	if got := s.header(0).Get("X-Amz-Date"); !strings.HasPrefix(got, "20260301T130000Z") {
		t.Errorf("signed at %s", got)
	}
}

func TestSkewedDateHeaderAlone(t *testing.T) {
	s, u, keys := strict(t, ststest.WithDateSkew(40*time.Second))
	c, _ := client(t, Config{Endpoint: s.URL(), Now: s.Clock().Now})
	_, err := c.GetSessionToken(t.Context(), keys, GetSessionTokenInput{Serial: u.MFASerial, Code: "000000"})
	if e := asError(t, err); e.Kind != InvalidCode || !near(e.Offset, 40*time.Second) {
		t.Errorf("%v: offset %v", err, e.Offset)
	}
}
