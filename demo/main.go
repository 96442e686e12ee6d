// Demo shows the main job of awsmfa without an AWS account:
//
//	go run ./demo           a tour, a few seconds long
//	go run ./demo --shell   the tour, and then a shell to play in
//
// It starts a strict stand-in for AWS STS on loopback (stsclient/ststest),
// builds awsmfa into a throwaway directory, and acts as a user would: in an
// interactive shell on a pseudo terminal, typing the code when it is asked for.
// Nothing of the caller's AWS settings is read or changed, and nothing stays.
//
// The files: stage.go is what the tour plays on, tour.go the tour itself,
// seat.go and its pair the shell that is typed into, play.go the shell for the
// user, code.go what the user's device shows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// options are the command line.
type options struct {
	shell bool
	code  string // of demo-code: where the running demo answers
	pipes bool   // as if no pseudo terminal could be had
}

func main() {
	o, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		os.Exit(2)
	case o.code != "":
		err = showCode(os.Stdout, os.Stderr, o.code)
	default:
		err = run(o, os.Stdout)
	}
	os.Exit(exitCode(err))
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.BoolVar(&o.shell, "shell", false, "after the tour, start a shell to play in")
	f.StringVar(&o.code, "code", "", "print what the MFA device of the demo at this `URL` shows now")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: unexpected argument %q\n", f.Arg(0))
		return o, flag.ErrHelp
	}
	return o, nil
}

// run does all of it. The stage is cleared away however it ends.
func run(o options, out io.Writer) (err error) {
	ctx, playing := watchSignals()
	s, err := newStage(ctx, out)
	defer func() { err = errors.Join(err, s.clear()) }()
	if err != nil {
		return err
	}
	if err := tour(ctx, s, out, o.pipes); err != nil || !o.shell {
		return err
	}
	playing.Store(true)
	return play(ctx, s, out)
}

// ended is the cause of a run that a signal ended.
type ended struct{ signal os.Signal }

func (e ended) Error() string { return "ended by signal: " + e.signal.String() }

// watchSignals ends the context at a signal. While the user plays in a shell,
// ^C is meant for what runs there. It is not ignored by the usual means, which
// the shell and all of its commands would inherit.
func watchSignals() (context.Context, *atomic.Bool) {
	ctx, cancel := context.WithCancelCause(context.Background())
	playing := new(atomic.Bool)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		for s := range signals {
			if !playing.Load() || s != os.Interrupt && s != syscall.SIGQUIT {
				cancel(ended{s})
			}
		}
	}()
	return ctx, playing
}

// exitCode tells a failure and gives its code.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	say(os.Stderr, "demo: error: %v", err)
	var e ended
	if errors.As(err, &e) {
		if n, ok := e.signal.(syscall.Signal); ok {
			return 128 + int(n)
		}
	}
	return 1
}

func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
