package command

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/mfa"
	"awsmfa/seed"
)

func totpCodeVerb() *verb {
	return &verb{
		name: "totp code", aliases: []string{"code"}, args: deviceArgument, takesProfile: true,
		summary:  "print the code of this moment, for a console login or a phone to compare",
		examples: []string{"awsmfa code dev", "awsmfa code dev --copy", "awsmfa code dev --watch"},
		flags: seedFlags(
			&cli.BoolFlag{Name: "copy", Usage: "put it on the clipboard in place of standard output"},
			&cli.BoolFlag{Name: "watch", Usage: "show it with the seconds that are left, until ^C"},
			jsonFlag(),
		),
		run: runTotpCode,
	}
}

func runTotpCode(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readSeedOptions(r, c, a)
	if err != nil {
		return err
	}
	if c.Bool("copy") && (c.Bool("watch") || o.JSON) || c.Bool("watch") && o.JSON {
		return usagef("--copy, --watch and --json exclude each other")
	}
	if c.Bool("watch") && !r.stdoutIsTerminal() {
		return usagef("--watch is for a terminal: standard output is none")
	}
	serial, v, err := r.storedSeed(ctx, o)
	if err != nil {
		return err
	}
	s, err := v.Load(ctx, serial)
	if err != nil {
		return seedError(serial, err)
	}
	chain, err := r.seedChain()
	if err != nil {
		return err
	}
	if c.Bool("watch") {
		return r.watchCode(ctx, chain, s)
	}
	code, left, err := chain.Unspent(ctx, serial, s)
	switch {
	case err != nil:
		return err
	case c.Bool("copy"):
		return r.copyCode(ctx, code.Text(), left)
	case o.JSON:
		return r.writeJSON(codeAnswer{serial, code.Text(), seconds(left)})
	}
	return r.write([]byte(code.Text() + "\n"))
}

type codeAnswer struct {
	Serial  string `json:"mfa_serial"`
	Code    string `json:"code"`
	Seconds int64  `json:"seconds_left"`
}

// storedSeed is the device that the options mean, whose seed the vault has.
func (r *run) storedSeed(ctx context.Context, o options) (string, *seed.Vault, error) {
	serial, err := r.seedDevice(ctx, o, false)
	if err != nil {
		return "", nil, err
	}
	v, err := r.vaultOf(o)
	if err != nil {
		return "", nil, err
	}
	has, err := v.Has(serial)
	if err == nil && !has {
		err = seed.ErrNoSeed
	}
	return serial, v, seedError(serial, err)
}

// watchCode shows the code on one line, anew each second, until ^C.
func (r *run) watchCode(ctx context.Context, chain *mfa.Chain, s seed.Seed) error {
	defer io.WriteString(r.Stdout, "\n")
	for {
		now := r.Now().Add(chain.Offset())
		code, step := s.Code(now)
		left := seed.StepEnd(step).Sub(now)
		if _, err := fmt.Fprintf(r.Stdout, "\r%s  %2d s ", spaced(code), seconds(left)); err != nil {
			return &outputError{err}
		}
		if err := chain.Wait(ctx, min(left, time.Second)); err != nil {
			return err
		}
	}
}
