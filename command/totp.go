package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/internal/term"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/seed"
	"awsmfa/session"
)

// totpVerbs are about the seeds that make codes, so that nobody types them.
func totpVerbs() []*verb {
	return []*verb{totpAddVerb(), totpCodeVerb(), totpListVerb(), totpRemoveVerb(), totpExportVerb(), totpMigrateVerb(), totpPassphraseVerb(), totpLockVerb()}
}

// deviceArgument is how a verb names a device: by a profile that uses it, or
// by its own name.
const deviceArgument = "[PROFILE | SERIAL]"

// seedFlags are for verbs about one device.
func seedFlags(more ...cli.Flag) []cli.Flag {
	return append(append(more,
		&cli.StringFlag{Name: "profile", Aliases: []string{"p"}, Usage: "the `PROFILE`, in place of the argument"},
		&cli.StringFlag{Name: "mfa-serial", Usage: "the MFA device (`SERIAL`), in place of the profile's"},
		&cli.BoolFlag{Name: "no-input", Usage: "never ask for anything"},
	), talkFlags()...)
}

func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do it without asking"}
}

// readSeedOptions is readOptions for verbs whose argument may be a device.
func readSeedOptions(r *run, c *cli.Context, a arrangement) (options, error) {
	if len(a.args) == 1 && looksLikeSerial(a.args[0]) {
		if c.IsSet("mfa-serial") && c.String("mfa-serial") != a.args[0] {
			return options{}, usagef("two devices: the argument %q and --mfa-serial %q", shown(a.args[0]), shown(c.String("mfa-serial")))
		}
		serial := profile.Value{Text: a.args[0], Origin: profile.Origin{Name: "the argument"}}
		a.args = nil
		o, err := readOptions(r, c, a)
		o.MFASerial = serial
		return o, err
	}
	return readOptions(r, c, a)
}

// looksLikeSerial: a profile's name begins so in nobody's files.
func looksLikeSerial(word string) bool { return strings.HasPrefix(word, "arn:") }

// seedDevice is the serial of the device that the options mean. With ask, IAM
// may be asked which one there is.
func (r *run) seedDevice(ctx context.Context, o options, ask bool) (string, error) {
	if o.MFASerial.IsSet() {
		return o.MFASerial.Text, profile.CheckSerial(o.Profile, o.MFASerial)
	}
	o.noteProfile(r)
	s, err := r.subject(ctx, o, ask)
	if err != nil {
		return "", err
	}
	serial := s.resolved.MFASerial
	if !serial.IsSet() {
		return "", &deviceError{profile: o.Profile}
	}
	return serial.Text, profile.CheckSerial(o.Profile, serial)
}

// confirm asks a question that wants a yes. With yes it is answered already.
func (r *run) confirm(ctx context.Context, o options, yes bool, question string) error {
	if yes {
		return nil
	}
	return r.confirmNow(ctx, o, question, func() string { return question })
}

// confirmNow is confirm for a question that is another one after ^Z, and that
// only a terminal may see; about is what an error says of it.
func (r *run) confirmNow(ctx context.Context, o options, about string, question func() string) error {
	var line string
	err := r.ask(ctx, o, &inputNeeded{err: errors.New("nobody can be asked: " + about), what: "confirmation"}, func(t *term.Terminal) (err error) {
		line, err = t.ReadLine(ctx, question()+" [y/N] ")
		return err
	})
	if err != nil {
		return err
	}
	if word := strings.ToLower(strings.TrimSpace(line)); word != "y" && word != "yes" {
		return errRefused
	}
	return nil
}

// errRefused is a no of the user's.
var errRefused = errors.New("nothing is done: the answer was not yes")

var errNoAnswer = errors.New("the input ended before an answer came")

// ask asks something on the terminal; where nobody can be asked it returns
// needed. After ^Z the question comes again.
func (r *run) ask(ctx context.Context, o options, needed *inputNeeded, question func(*term.Terminal) error) error {
	if o.NoInput {
		return needed
	}
	for {
		t, err := r.terminal()
		if err != nil {
			return needed
		}
		err = question(t)
		t.Close()
		switch {
		case errors.Is(err, term.ErrSuspended):
			term.Suspend()
			continue
		case errors.Is(err, io.EOF):
			return &inputNeeded{err: errNoAnswer, what: needed.what}
		case errors.Is(err, term.ErrBackground):
			return needed
		}
		return err
	}
}

// seedChain is what verbs about seeds need of the places of codes: the ledger
// and the waits.
func (r *run) seedChain() (*mfa.Chain, error) {
	places, err := session.FindPlaces(r.getenv)
	if err != nil {
		return nil, err
	}
	offset := func() time.Duration { return places.Clock("").Load(r.Now()) }
	return &mfa.Chain{
		Ledger: mfa.OpenLedger(places.State, r.Now, offset), Now: r.Now, Offset: offset,
		Progress: r.countdown(), Sleep: r.Sleep, Notify: func(line string) { r.note("%s", line) }, Warn: r.warn,
	}, nil
}

// seedError says which device a seed's error is about.
func seedError(serial string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, seed.ErrNoSeed), errors.Is(err, seed.ErrExists), errors.As(err, new(*seed.StoreError)):
		return fmt.Errorf("%s: %w", shown(serial), err)
	}
	return err
}
