package ststest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Programs in other processes drive the server over HTTP on the same
// listener, under AdminURL. Parameters come in the query or as a JSON object
// in the body; answers are JSON, errors {"error": text} with status 400.
//
//	GET  info                   url, clock, users, roles, ca (PEM)
//	POST advance  {"by":"31s"}  moves the clock; also {"to":"2030-01-01T00:00:00Z"}
//	GET  requests               the log; ?action=EnableMFADevice those alone;  POST forget empties it
//	GET  codes-seen-twice       see CodesSeenTwice
//	POST user     {"name":"x"}  mints a user, see UserOptions; {"no_device":true} with a key alone
//	POST device   {"user":"x","name":"y"}  also {"kind":"fido"}, "hardware", "unassigned" (belongs to nobody)
//	GET  devices                all of them, see DeviceState
//	POST drift    {"serial":…,"steps":4}  puts the device's own clock ahead
//	POST code     {"user":"x"}  or {"serial":…}: the next good code; {"same":true} what the
//	                            device shows; {"pair":true} code and code2 of two steps in a row
//	POST role     {"arn":…}     see Role; {"max_duration":"12h","max_mfa_age":"1h"}
//	POST fault    {"kind":…}    see Fault; {"action":"AssumeRole","skip":1,"times":1,"delay":"2s"}
//	POST heal                   see ClearFaults
const adminPrefix = "/_ststest/"

// AdminURL is where the admin endpoints are, with a final slash.
func (s *Server) AdminURL() string { return s.URL() + adminPrefix }

// Info is what another process needs to know; cmd/ststest prints it first.
type Info struct {
	URL   string    `json:"url"`
	Admin string    `json:"admin"`
	Clock time.Time `json:"clock"`
	Users []User    `json:"users"`
	Roles []Role    `json:"roles"`
	CA    string    `json:"ca,omitempty"`
}

// Info describes the server as it is now.
func (s *Server) Info() Info {
	return Info{s.URL(), s.AdminURL(), s.clock.Now(), s.Users(), s.Roles(), string(s.CAPEM())}
}

// order is the union of all parameters.
type order struct {
	UserOptions
	Role
	User        string `json:"user"`
	Kind        string `json:"kind"`
	By          string `json:"by"`
	To          string `json:"to"`
	Serial      string `json:"serial"`
	Steps       int64  `json:"steps"`
	Same        bool   `json:"same"`
	Pair        bool   `json:"pair"`
	MaxDuration string `json:"max_duration"`
	Action      string `json:"action"`
	MaxMFAAge   string `json:"max_mfa_age"`
	Times       int    `json:"times"`
	Skip        int    `json:"skip"`
	After       bool   `json:"after"`
	Delay       string `json:"delay"`
	Skew        string `json:"skew"`
	Status      int    `json:"status"`
	Code        string `json:"code"`
	Message     string `json:"message"`
}

type adminError string

func (e adminError) Error() string { return string(e) }

// admin answers one order.
func (s *Server) admin(w http.ResponseWriter, r *http.Request) {
	var result any
	o, err := readOrder(r)
	if err == nil {
		result, err = s.obey(strings.TrimPrefix(r.URL.Path, adminPrefix), o)
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		result = map[string]string{"error": err.Error()}
	}
	json.NewEncoder(w).Encode(result)
}

// readOrder takes JSON from the body and lets the query override it, whose
// values are JSON where they parse as such and text otherwise.
func readOrder(r *http.Request) (order, error) {
	var o order
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &o)
	}
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(queryJSON(r.URL.Query()), &o)
}

func queryJSON(query url.Values) []byte {
	fields := map[string]json.RawMessage{}
	for name, values := range query {
		text := values[0]
		raw, _ := json.Marshal(text)
		if text == "true" || text == "false" || slices.Contains([]string{"times", "status", "skip", "steps"}, name) || strings.HasPrefix(text, "[") {
			raw = []byte(text)
		}
		fields[name] = raw
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return []byte(`"not JSON"`) // which the caller then refuses
	}
	return out
}

func (s *Server) obey(what string, o order) (any, error) {
	switch what {
	case "info", "":
		return s.Info(), nil
	case "advance":
		return s.orderClock(o)
	case "requests":
		return slices.DeleteFunc(s.Requests(), func(r Request) bool { return o.Action != "" && r.Action != o.Action }), nil
	case "forget":
		s.ForgetRequests()
		return map[string]bool{"ok": true}, nil
	case "codes-seen-twice":
		return append([]Request{}, s.CodesSeenTwice()...), nil
	case "user":
		return s.NewUserWith(o.UserOptions)
	case "device":
		return s.orderDevice(o)
	case "devices":
		return s.Devices(), nil
	case "drift":
		return s.orderDrift(o)
	case "code":
		return s.orderCode(o)
	case "role":
		return s.orderRole(o)
	case "fault":
		return s.orderFault(o)
	case "heal":
		s.ClearFaults()
		return map[string]bool{"ok": true}, nil
	}
	return nil, adminError("no such order: " + what)
}

func (s *Server) orderClock(o order) (any, error) {
	if o.To != "" {
		t, err := time.Parse(time.RFC3339, o.To)
		if err != nil {
			return nil, err
		}
		s.clock.Set(t)
	}
	by, err := duration(o.By)
	if err != nil {
		return nil, err
	}
	s.clock.Advance(by)
	return map[string]time.Time{"clock": s.clock.Now()}, nil
}

func duration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

func (s *Server) orderUser(name string) (*User, error) {
	if u := s.User(name); u != nil {
		return u, nil
	}
	return nil, ErrNoSuchUser
}

func (s *Server) orderDevice(o order) (any, error) {
	u, err := s.orderUser(o.User)
	if err != nil {
		return nil, err
	}
	switch o.Kind {
	case "fido":
		return u.AddFIDO(o.Name)
	case "hardware":
		return u.AddHardwareDevice(o.Name)
	case "unassigned":
		return u.AddUnassigned(o.Name)
	}
	return u.AddDevice(o.Name)
}

// orderedDevice is the one that is named, or the user's first.
func (s *Server) orderedDevice(o order) (Device, error) {
	if o.Serial != "" {
		d := s.Device(o.Serial)
		if d.server == nil {
			return d, adminError("no such device: " + o.Serial)
		}
		return d, nil
	}
	u, err := s.orderUser(o.User)
	if err != nil {
		return Device{}, err
	}
	return u.first(), nil
}

func (s *Server) orderDrift(o order) (any, error) {
	d, err := s.orderedDevice(o)
	if err != nil {
		return nil, err
	}
	d.SetDrift(o.Steps)
	return map[string]bool{"ok": true}, nil
}

func (s *Server) orderCode(o order) (any, error) {
	d, err := s.orderedDevice(o)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Same:
		return map[string]string{"code": d.Code()}, nil
	case o.Pair:
		code, code2 := d.NextPair()
		return map[string]string{"code": code, "code2": code2}, nil
	}
	return map[string]string{"code": d.NextCode()}, nil
}

func (s *Server) orderRole(o order) (any, error) {
	most, err := duration(o.MaxDuration)
	if err != nil {
		return nil, err
	}
	o.Role.MaxDuration = most
	if o.Role.MaxMFAAge, err = duration(o.MaxMFAAge); err != nil {
		return nil, err
	}
	return o.Role, s.AddRole(o.Role)
}

func (s *Server) orderFault(o order) (any, error) {
	delay, err := duration(o.Delay)
	if err != nil {
		return nil, err
	}
	skew, err := duration(o.Skew)
	if err != nil {
		return nil, err
	}
	f := Fault{Kind: Kind(o.Kind), Times: o.Times, Skip: o.Skip, After: o.After, Delay: delay, Skew: skew, Status: o.Status, Code: o.Code, Message: o.Message}
	if !f.Kind.known() {
		return nil, adminError("no such kind of fault: " + o.Kind)
	}
	if o.Action != "" {
		f.Match = OnAction(o.Action)
	}
	s.Fault(f)
	return map[string]bool{"ok": true}, nil
}
