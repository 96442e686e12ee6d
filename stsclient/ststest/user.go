package ststest

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// User is an IAM user with a long-term key and, as a rule, one virtual device.
// It holds secrets that are worth nothing outside its server.
type User struct {
	Name            string `json:"name"`
	Account         string `json:"account"`
	ARN             string `json:"arn"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	MFASerial       string `json:"mfa_serial,omitempty"` // of the first device
	Seed            string `json:"seed,omitempty"`       // base32, of the first device

	server *Server
}

// UserOptions describes a user that NewUser would not make. Empty fields are
// filled in.
type UserOptions struct {
	Name            string `json:"name"`
	Account         string `json:"account"`   // default: the first account in which the name is free
	Partition       string `json:"partition"` // default: aws
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	Seed            string `json:"seed"`
	Root            bool   `json:"root"`             // the account's root user
	NoDevice        bool   `json:"no_device"`        // without any MFA device
	DenyIAM         bool   `json:"deny_iam"`         // no permission for IAM's actions
	DenyAssumeRole  bool   `json:"deny_assume_role"` // an identity policy refuses sts:AssumeRole

	// Identity policies with an explicit deny, of actions such as
	// "iam:DeactivateMFADevice". GetCallerIdentity cannot be denied.
	Deny     []string `json:"deny"`      // always
	NeedMFA  []string `json:"need_mfa"`  // where aws:MultiFactorAuthPresent is not true
	ForceMFA bool     `json:"force_mfa"` // the policy that AWS publishes: all but finding and enabling devices needs MFA
}

// Errors of the methods that set up users, devices and roles.
var (
	ErrTaken      = errors.New("already exists")
	ErrBadARN     = errors.New("not an ARN of that kind")
	ErrBadSeed    = errors.New("seed is not base32 of at least 80 bits")
	ErrNoSuchUser = errors.New("no such user")
)

type user struct {
	User
	id, partition   string
	root            bool
	denyIAM, denyAR bool
	deny, needMFA   []string
	forceMFA        bool
	created         time.Time
	devices         []*device
}

type key struct {
	secret string
	owner  *user
	active bool
}

const firstAccount int64 = 111122223333

// NewUser makes a user with a key, a device and a seed of its own. Where the
// name is taken the user is born in another account.
func (s *Server) NewUser(name string) *User {
	u, _ := s.NewUserWith(UserOptions{Name: name}) // only fields that are given can be refused
	return u
}

// NewUserWith makes a user as o describes.
func (s *Server) NewUserWith(o UserOptions) (*User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.newUser(o)
	if err != nil {
		return nil, err
	}
	if !o.NoDevice {
		serial := "arn:" + u.partition + ":iam::" + u.Account + ":mfa/" + u.Name
		for s.devices[serial] != nil {
			serial += "-2"
		}
		d, err := s.newDevice(u, serial, o.Seed)
		if err != nil {
			return nil, err
		}
		u.MFASerial, u.Seed = d.Serial, d.Seed
	}
	s.users = append(s.users, u)
	s.keys[u.AccessKeyID] = &key{u.SecretAccessKey, u, true}
	out := u.User
	return &out, nil
}

func (s *Server) newUser(o UserOptions) (*user, error) {
	if o.Name == "" {
		o.Name = "root-account-mfa-device" // what AWS calls the device of a root user
	}
	u := &user{User: User{
		Name:            o.Name,
		Account:         o.Account,
		AccessKeyID:     or(o.AccessKeyID, "AKIA"+letters(16)),
		SecretAccessKey: or(o.SecretAccessKey, newSecret()),
		server:          s,
	}, id: "AIDA" + letters(17), partition: or(o.Partition, "aws"), root: o.Root, denyIAM: o.DenyIAM, denyAR: o.DenyAssumeRole, deny: o.Deny, needMFA: o.NeedMFA, forceMFA: o.ForceMFA, created: s.clock.Now().Truncate(time.Second)}
	for n := firstAccount; u.Account == ""; n++ {
		if account := strconv.FormatInt(n, 10); s.findUser(account, o.Name) == nil {
			u.Account = account
		}
	}
	u.ARN = "arn:" + u.partition + ":iam::" + u.Account + ":user/" + u.Name
	if o.Root {
		u.ARN, u.id = "arn:"+u.partition+":iam::"+u.Account+":root", u.Account
	}
	if s.findUser(u.Account, u.Name) != nil {
		return nil, fmt.Errorf("user %q in account %s: %w", u.Name, u.Account, ErrTaken)
	}
	if s.keys[u.AccessKeyID] != nil {
		return nil, fmt.Errorf("access key id %s: %w", u.AccessKeyID, ErrTaken)
	}
	return u, nil
}

func (s *Server) findUser(account, name string) *user {
	for _, u := range s.users {
		if u.Account == account && u.Name == name {
			return u
		}
	}
	return nil
}

// Users are the users made so far, in order.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]User, len(s.users))
	for i, u := range s.users {
		out[i] = u.User
	}
	return out
}

// User finds the first user of that name, or nil.
func (s *Server) User(name string) *User {
	for _, u := range s.Users() {
		if u.Name == name {
			return &u
		}
	}
	return nil
}

// RotateKey retires the user's key and returns the user with a new one.
func (u *User) RotateKey() *User {
	s := u.server
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.findUser(u.Account, u.Name)
	if k := s.keys[owner.AccessKeyID]; k != nil {
		k.active = false
	}
	owner.AccessKeyID, owner.SecretAccessKey = "AKIA"+letters(16), newSecret()
	s.keys[owner.AccessKeyID] = &key{owner.SecretAccessKey, owner, true}
	out := owner.User
	return &out
}

// Code is what the user's first device shows now, spent or not; "" without a device.
func (u *User) Code() string { return u.first().Code() }

// NextCode is a code of the first device that was neither spent nor handed
// out before; see Device.NextCode.
func (u *User) NextCode() string { return u.first().NextCode() }

func (u *User) first() Device {
	return Device{Serial: u.MFASerial, Seed: u.Seed, server: u.server}
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

// letters makes the tail of an id as AWS does: base32 text.
func letters(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base32.StdEncoding.EncodeToString(b)[:n]
}

// newSecret is 40 characters of base64, as secret access keys are.
func newSecret() string {
	b := make([]byte, 30)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}
