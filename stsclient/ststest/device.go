package ststest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
)

// stepLength is the life of a code: 30 s (RFC 6238, section 5.2, and every AWS device).
const stepLength = 30 * time.Second

// Device is an MFA device. Without a seed (FIDO) it shows no codes.
type Device struct {
	Serial string `json:"serial"`
	Seed   string `json:"seed,omitempty"`

	server *Server
}

type device struct {
	Device
	owner   *user          // nil: a virtual device that is assigned to nobody
	enabled time.Time      // when it was assigned
	drift   int64          // steps that the device's own clock is ahead
	offset  int64          // steps that the server takes it to be ahead
	spent   map[int64]bool // steps whose code was accepted
	handed  map[int64]bool // steps that NextCode gave away
	wrong   int            // refusals in a row
}

func (s *Server) newDevice(owner *user, serial, seed string) (*device, error) {
	if s.devices[serial] != nil {
		return nil, fmt.Errorf("device %q: %w", serial, ErrTaken)
	}
	if seed == "" {
		seed = newSeed()
	}
	if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(seed, "=")); err != nil || len(raw) < 10 {
		return nil, ErrBadSeed
	}
	return s.addDevice(owner, Device{Serial: serial, Seed: seed, server: s}), nil
}

func (s *Server) addDevice(owner *user, d Device) *device {
	full := &device{Device: d, spent: map[int64]bool{}, handed: map[int64]bool{}}
	s.devices[d.Serial] = full
	if owner != nil {
		full.owner, full.enabled = owner, s.clock.Now().Truncate(time.Second)
		owner.devices = append(owner.devices, full)
	}
	return full
}

// newSeed is 64 characters of base32, as CreateVirtualMFADevice returns.
func newSeed() string {
	b := make([]byte, 40)
	rand.Read(b)
	return base32.StdEncoding.EncodeToString(b)
}

// AddDevice gives the user one more virtual device.
func (u *User) AddDevice(name string) (Device, error) {
	return u.add("mfa/"+name, func(owner *user, serial string) (*device, error) { return u.server.newDevice(owner, serial, "") })
}

// AddHardwareDevice gives the user a hardware token with a plain serial such as GAHT12345678.
func (u *User) AddHardwareDevice(serial string) (Device, error) {
	return u.add("", func(owner *user, _ string) (*device, error) { return u.server.newDevice(owner, serial, "") })
}

// AddFIDO gives the user a passkey, which lists show and STS cannot use.
func (u *User) AddFIDO(name string) (Device, error) {
	return u.add("u2f/user/"+u.Name+"/"+name, func(owner *user, serial string) (*device, error) {
		if u.server.devices[serial] != nil {
			return nil, fmt.Errorf("device %q: %w", serial, ErrTaken)
		}
		return u.server.addDevice(owner, Device{Serial: serial, server: u.server}), nil
	})
}

func (u *User) add(resource string, make func(*user, string) (*device, error)) (Device, error) {
	s := u.server
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.findUser(u.Account, u.Name)
	if owner == nil {
		return Device{}, ErrNoSuchUser
	}
	d, err := make(owner, "arn:"+owner.partition+":iam::"+owner.Account+":"+resource)
	if err != nil {
		return Device{}, err
	}
	owner.choose()
	return d.Device, nil
}

func stepOf(t time.Time) int64 { return t.Unix() / int64(stepLength/time.Second) }

func codeAt(seed string, step int64) string {
	if seed == "" {
		return ""
	}
	code, err := totp.GenerateCode(seed, time.Unix(step*int64(stepLength/time.Second), 0))
	if err != nil {
		return "" // the seed was checked when the device was made
	}
	return code
}

// Code is what the device shows at the server's clock, spent or not.
func (d Device) Code() string {
	if d.server == nil {
		return ""
	}
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return codeAt(d.Seed, d.now())
}

// now is the step that the device shows. The server's lock is held.
func (d Device) now() int64 {
	step := stepOf(d.server.clock.Now())
	if state := d.server.devices[d.Serial]; state != nil {
		step += state.drift
	}
	return step
}

// NextCode is a code that is good now and was neither spent nor handed out
// before: this step's, else the next one's, which the window admits. When
// both are gone the server's clock moves on by one step.
func (d Device) NextCode() string {
	if d.server == nil || d.Seed == "" {
		return ""
	}
	s := d.server
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.devices[d.Serial]
	if state == nil {
		return "" // deleted meanwhile
	}
	for {
		now := d.now()
		for step := now; step <= now+1; step++ {
			if state.fresh(step) {
				state.handed[step] = true
				return codeAt(d.Seed, step)
			}
		}
		s.clock.Advance(stepLength)
	}
}

func (d *device) fresh(step int64) bool { return !d.spent[step] && !d.handed[step] }

// spend accepts a right code once: one step either way of the clock, as AWS
// tolerates. The server's lock is held, so of two racing requests one wins.
func (d *device) spend(code string, now time.Time, lockAfter int) bool {
	if d.Seed == "" || lockAfter > 0 && d.wrong >= lockAfter {
		return false
	}
	centre := stepOf(now) + d.offset
	for step := centre - 1; step <= centre+1; step++ {
		if !d.spent[step] && subtle.ConstantTimeCompare([]byte(codeAt(d.Seed, step)), []byte(code)) == 1 {
			d.spent[step] = true
			d.wrong = 0
			return true
		}
	}
	d.wrong++
	return false
}

// digest makes a code comparable within this server's log without showing it.
func (s *Server) digest(serial, code string) string {
	mac := hmac.New(sha256.New, s.seal[:])
	fmt.Fprintf(mac, "code:%d:%s%s", len(serial), serial, code)
	return hex.EncodeToString(mac.Sum(nil)[:12])
}
