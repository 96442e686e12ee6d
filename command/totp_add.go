package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/internal/term"
	"awsmfa/seed"
)

func totpAddVerb() *verb {
	return &verb{
		name: "totp add", args: deviceArgument, takesProfile: true,
		summary: "store a device's seed, so that awsmfa makes its codes",
		examples: []string{
			"awsmfa totp add dev", "awsmfa totp add dev --qr screenshot.png",
			"pass show aws/seed | awsmfa totp add dev --stdin --yes",
		},
		flags: seedFlags(
			&cli.BoolFlag{Name: "stdin", Usage: "read the seed from standard input"},
			&cli.StringFlag{Name: "file", Usage: "read the seed from `FILE`"},
			&cli.StringFlag{Name: "qr", Usage: "read the QR code in `IMAGE`, PNG or JPEG; - for standard input"},
			&cli.BoolFlag{Name: "replace", Usage: "in place of the seed that is stored"},
			yesFlag(),
		),
		run: runTotpAdd,
	}
}

func runTotpAdd(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readSeedOptions(r, c, a)
	if err != nil {
		return err
	}
	from, err := seedOrigin(c)
	if err != nil {
		return err
	}
	serial, err := r.seedDevice(ctx, o, true)
	if err != nil {
		return err
	}
	v, err := r.vaultOf(o)
	if err != nil {
		return err
	}
	has, err := v.Has(serial)
	if err == nil && has && !c.Bool("replace") {
		err = seed.ErrExists
	}
	if err != nil {
		return seedError(serial, err)
	}
	s, err := r.readSeed(ctx, o, from, serial)
	if err != nil {
		return err
	}
	if s.ForAnotherService() {
		r.warn(fmt.Sprintf("the seed says it was issued by %q, which is not AWS", shown(s.Issuer())))
	}
	if isOfOtherDevice(s.Label(), serial) {
		r.warn(fmt.Sprintf("the seed says it is that of %q, not of %s", shown(s.Label()), shown(serial)))
	}
	r.tellTrade()
	if err := r.compare(ctx, o, c.Bool("yes"), serial, s); err != nil {
		return err
	}
	if err := v.Add(ctx, serial, s, c.Bool("replace")); err != nil {
		return seedError(serial, err)
	}
	store, _, err := v.Where()
	r.note("%s: seed stored (%s); awsmfa makes its codes now", shown(serial), store)
	return err
}

// isOfOtherDevice: the seed came with the name of another device. AWS labels
// its QR codes with a device's name and the account's, which may be its alias:
// only its number can be compared.
func isOfOtherDevice(label, serial string) bool {
	name, account, _ := strings.Cut(label, "@")
	arn := strings.SplitN(serial, ":", 6)
	if len(arn) < 6 || len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return false
	}
	return account != arn[4] || name != arn[5][strings.LastIndexByte(arn[5], '/')+1:]
}

// tellTrade says what a stored seed costs; docs/security.md explains it.
func (r *run) tellTrade() {
	r.note("with its seed beside your access key, this device is no second factor against a program that runs as you on this machine.")
	r.note("It stays one against a leaked or stolen key: AWS still wants a code that only this machine, and your phone, can make.")
}

// compare shows the code of this moment, for the phone to confirm.
func (r *run) compare(ctx context.Context, o options, yes bool, serial string, s seed.Seed) error {
	if yes && !r.stderrIsTerminal() {
		return nil
	}
	chain, err := r.seedChain()
	if err != nil {
		return err
	}
	present := func() string {
		now := r.Now().Add(chain.Offset())
		code, step := s.Code(now)
		return fmt.Sprintf("%s now (%d s left)", spaced(code), seconds(seed.StepEnd(step).Sub(now)))
	}
	if yes {
		r.note("its code: %s", present())
		return nil
	}
	device := shownUpTo(serial, 80)
	return r.confirmNow(ctx, o, "does "+device+" show the codes of this seed?", func() string {
		return fmt.Sprintf("%s shows %s; store this seed?", device, present())
	})
}

// seconds rounds up: at 0 it is over.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// spaced is a code as authenticators show it.
func spaced(code string) string { return code[:3] + " " + code[3:] }

// origin is the one place that a seed is read from.
type origin struct {
	stdin, isImage bool
	path           string
}

func seedOrigin(c *cli.Context) (origin, error) {
	var list []origin
	if c.Bool("stdin") {
		list = append(list, origin{stdin: true})
	}
	if c.IsSet("file") {
		list = append(list, origin{path: c.String("file")})
	}
	if c.IsSet("qr") {
		path := c.String("qr")
		list = append(list, origin{path: path, isImage: true, stdin: path == "-"})
	}
	switch {
	case len(list) > 1:
		return origin{}, usagef("--stdin, --file and --qr exclude each other")
	case len(list) == 0:
		return origin{}, nil
	case list[0].path == "" && !list[0].stdin:
		return origin{}, usagef("the file's name is empty")
	}
	return list[0], nil
}

// maxSeedText bounds what is read as a seed, in bytes: an otpauth URI has some hundred.
const maxSeedText = 16 << 10

func (r *run) readSeed(ctx context.Context, o options, from origin, serial string) (seed.Seed, error) {
	if !from.stdin && from.path == "" {
		return r.askSeed(ctx, o, serial)
	}
	var in io.Reader = r.Stdin
	what := "standard input"
	if !from.stdin {
		f, err := openRegular(from.path)
		if err != nil {
			return seed.Seed{}, fmt.Errorf("reading the seed from %q: %w", shown(from.path), reason(err))
		}
		defer f.Close()
		in, what = f, fmt.Sprintf("%q", shown(from.path))
		r.warnReadable(f)
	}
	if from.isImage {
		s, err := seed.ParseQR(in)
		return s, at(what, err)
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSeedText+1))
	if err != nil {
		return seed.Seed{}, fmt.Errorf("reading the seed from %s: %w", what, reason(err))
	}
	defer clear(text)
	if len(text) > maxSeedText {
		return seed.Seed{}, fmt.Errorf("reading the seed from %s: %w", what, errTooMuch)
	}
	s, err := seed.Parse(text)
	return s, at(what, err)
}

var errTooMuch = errors.New("this is too long for a seed")

// at says where a seed that makes no sense was read.
func at(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// warnReadable: a seed that lies about is no secret.
func (r *run) warnReadable(f *os.File) {
	info, err := f.Stat()
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		r.warn(fmt.Sprintf("other users may read %q: delete it once the seed is stored", shown(f.Name())))
	}
}

func (r *run) askSeed(ctx context.Context, o options, serial string) (seed.Seed, error) {
	needed := &inputNeeded{err: fmt.Errorf("the seed of %s is needed, and there is nobody to ask", shown(serial)), what: "seed"}
	var line string
	err := r.ask(ctx, o, needed, func(t *term.Terminal) (err error) {
		line, err = t.ReadSecret(ctx, "seed of "+shownUpTo(serial, 80)+" (base32 or otpauth://, not shown): ")
		return err
	})
	if err != nil {
		return seed.Seed{}, err
	}
	return seed.Parse([]byte(line))
}
