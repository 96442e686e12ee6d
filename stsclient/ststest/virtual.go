package ststest

import (
	"crypto/subtle"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DeviceState is a device as the server knows it, assigned or not.
type DeviceState struct {
	Device
	User   string `json:"user,omitempty"`  // ARN; "" while it is assigned to nobody
	Drift  int64  `json:"drift,omitempty"` // steps that the device's clock is ahead
	Offset int64  `json:"offset,omitempty"`
}

// Devices are all devices as they are now, by serial.
func (s *Server) Devices() []DeviceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []DeviceState{}
	for _, serial := range slices.Sorted(maps.Keys(s.devices)) {
		d := s.devices[serial]
		state := DeviceState{Device: d.Device, Drift: d.drift, Offset: d.offset}
		if d.owner != nil {
			state.User = d.owner.ARN
		}
		out = append(out, state)
	}
	return out
}

// Device finds a device by its serial. Without one, it shows no codes.
func (s *Server) Device(serial string) Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.devices[serial]; d != nil {
		return d.Device
	}
	return Device{Serial: serial}
}

// AddUnassigned makes a virtual device in the user's account that is assigned
// to nobody, as CreateVirtualMFADevice leaves it.
func (u *User) AddUnassigned(name string) (Device, error) {
	s := u.server
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.findUser(u.Account, u.Name)
	if owner == nil {
		return Device{}, ErrNoSuchUser
	}
	serial := "arn:" + owner.partition + ":iam::" + owner.Account + ":mfa/" + name
	if s.devices[serial] != nil {
		return Device{}, fmt.Errorf("device %q: %w", serial, ErrTaken)
	}
	return s.addDevice(nil, Device{Serial: serial, Seed: newSeed(), server: s}).Device, nil
}

// SetDrift puts the device's own clock ahead of the server's, or behind it.
func (d Device) SetDrift(steps int64) {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	if state := d.server.devices[d.Serial]; state != nil {
		state.drift = steps
	}
}

// NextPair is two codes in a row, of this step and the next, neither spent nor
// handed out before. The server's clock moves on until there are two.
func (d Device) NextPair() (code1, code2 string) {
	if d.server == nil || d.Seed == "" {
		return "", ""
	}
	s := d.server
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.devices[d.Serial]
	if state == nil {
		return "", ""
	}
	for !state.fresh(d.now()) || !state.fresh(d.now()+1) {
		s.clock.Advance(stepLength)
	}
	step := d.now()
	state.handed[step], state.handed[step+1] = true, true
	return codeAt(d.Seed, step), codeAt(d.Seed, step+1)
}

// sync takes the codes of two steps in a row within a window, spends both, and
// keeps how far the device is off. A device that is off by no more than what
// every code is allowed counts as right.
func (d *device) sync(code1, code2 string, now time.Time, window int64) bool {
	here := stepOf(now)
	for step := here - window; step < here+window; step++ {
		if d.spent[step] || d.spent[step+1] || !same(codeAt(d.Seed, step), code1) || !same(codeAt(d.Seed, step+1), code2) {
			continue
		}
		d.spent[step], d.spent[step+1] = true, true
		d.offset, d.wrong = step+1-here, 0
		if -1 <= d.offset && d.offset <= 1 {
			d.offset = 0
		}
		return true
	}
	return false
}

func same(want, got string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
}

// account is the one that a device's ARN names, else its owner's.
func (d *device) account() string {
	if a, ok := parseARN(d.Serial); ok {
		return a.account
	}
	return d.owner.Account
}

func (d *device) virtual() bool {
	a, ok := parseARN(d.Serial)
	return ok && strings.HasPrefix(a.resource, "mfa/")
}

func (s *Server) assign(d *device, to *user) {
	d.owner, d.enabled = to, s.clock.Now().Truncate(time.Second)
	to.devices = append(to.devices, d)
	to.choose()
}

// release leaves the device to nobody; a hardware token leaves the account.
func (s *Server) release(d *device) {
	from := d.owner
	from.devices = slices.DeleteFunc(from.devices, func(other *device) bool { return other == d })
	d.owner, d.enabled, d.offset = nil, time.Time{}, 0
	if !d.virtual() {
		delete(s.devices, d.Serial)
	}
	from.choose()
}

// choose names the first device with codes as the user's, and keeps it.
func (u *user) choose() {
	serial, seed := "", ""
	for _, d := range u.devices {
		if d.Seed != "" && (serial == "" || d.Serial == u.MFASerial) {
			serial, seed = d.Serial, d.Seed
		}
	}
	u.MFASerial, u.Seed = serial, seed
}
