// Command ststest runs the strict stand-in for AWS STS until it is ended.
//
// It prints one line of JSON first: where it answers, its admin endpoints
// (see admin.go of the package), and the users with their keys and seeds.
//
//	ststest [-user name]... [-bare-user name]... [-role arn]... [-mfa-role arn]... [-tls] [-until-eof]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"awsmfa/stsclient/ststest"
)

// maxDuration is the longest that AWS allows a role.
const maxDuration = 12 * time.Hour

// names is a flag that may be given again.
type names []string

func (n *names) String() string     { return strings.Join(*n, ",") }
func (n *names) Set(s string) error { *n = append(*n, s); return nil }

type options struct {
	users, bare     names
	roles, mfaRoles names
	address         string
	tls, untilEOF   bool
	tokenLength     int
}

func main() {
	var o options
	flag.Var(&o.users, "user", "`name` of a user to mint (again for more; \"dev\" when none is given)")
	flag.Var(&o.bare, "bare-user", "`name` of a user to mint with a key and no device (again for more)")
	flag.Var(&o.roles, "role", "`ARN` of a role that trusts its account, up to 12 h")
	flag.Var(&o.mfaRoles, "mfa-role", "`ARN` of such a role that asks for MFA")
	flag.StringVar(&o.address, "address", "127.0.0.1:0", "loopback `address` to listen on")
	flag.BoolVar(&o.tls, "tls", false, "serve https; the CA is in the printed line")
	flag.IntVar(&o.tokenLength, "token-length", 484, "length of session tokens")
	flag.BoolVar(&o.untilEOF, "until-eof", false, "end when standard input ends, so that a killed parent leaves nothing behind")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ststest:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, or until in does when that was asked for.
func run(ctx context.Context, o options, in io.Reader, out io.Writer) error {
	s := ststest.New(o.server()...)
	if err := s.Start(); err != nil {
		return err
	}
	defer s.Close()
	if err := o.fill(s); err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(s.Info()); err != nil {
		return err
	}
	ended := make(chan struct{})
	if o.untilEOF {
		go func() {
			io.Copy(io.Discard, in)
			close(ended)
		}()
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	return nil
}

func (o options) server() []ststest.Option {
	out := []ststest.Option{ststest.WithAddress(o.address), ststest.WithTokenLength(o.tokenLength)}
	if o.tls {
		out = append(out, ststest.WithTLS())
	}
	return out
}

// fill mints the users and roles that were asked for.
func (o options) fill(s *ststest.Server) error {
	if len(o.users)+len(o.bare) == 0 {
		o.users = names{"dev"}
	}
	for _, name := range o.users {
		if _, err := s.NewUserWith(ststest.UserOptions{Name: name}); err != nil {
			return err
		}
	}
	for _, name := range o.bare {
		if _, err := s.NewUserWith(ststest.UserOptions{Name: name, NoDevice: true}); err != nil {
			return err
		}
	}
	for i, arn := range append(append(names{}, o.roles...), o.mfaRoles...) {
		if err := s.AddRole(ststest.Role{ARN: arn, RequireMFA: i >= len(o.roles), MaxDuration: maxDuration}); err != nil {
			return err
		}
	}
	return nil
}
