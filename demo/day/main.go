// Day records the day of a user of awsmfa, for the README:
//
//	go run ./demo/day            writes docs/day.cast and docs/day.svg
//	go run ./demo/day -o DIR     writes them there
//
// It types into a real interactive bash on a pseudo terminal, with the hooks of
// awsmfa and direnv, against a strict stand-in for AWS (stsclient/ststest), in a
// throwaway HOME. What the programs print is recorded as it is, less what they
// wipe away again, and with ~ for that HOME. The pace is made up, so that two
// recordings differ in ids alone, and an hour is made to pass at once (later, in
// script.go). A recording that holds a secret is not written.
//
// The files: stage.go is what the day is played on, seat.go the shell that is
// typed into, script.go what is typed, cast.go the recording, picture.go the
// picture of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	out := flag.String("o", "", "write into this `DIR`; docs when left out")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "day: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintf(os.Stderr, "day: error: %v\n", err)
		os.Exit(1)
	}
}

// The names of the recording and of its picture.
const (
	castName    = "day.cast"
	pictureName = "day.svg"
)

// run records the day, and writes it and its picture.
func run(ctx context.Context, dir string) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	if dir == "" {
		dir = filepath.Join(root, "docs")
	}
	c, err := record(ctx, root)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, castName), c.file(), 0o644),
		os.WriteFile(filepath.Join(dir, pictureName), c.picture(), 0o644),
	)
}

// record plays the day. The stage is cleared away however it ends.
func record(ctx context.Context, root string) (c *cast, err error) {
	s, err := newStage(ctx, root)
	defer func() { err = errors.Join(err, s.clear()) }()
	if err != nil {
		return nil, err
	}
	c = &cast{}
	if err := s.play(ctx, c); err != nil {
		return nil, err
	}
	return c, s.inspect(c)
}

// moduleRoot is the checkout around the working directory.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "awsmfa").Output()
	if err != nil {
		return "", fmt.Errorf("finding the checkout of awsmfa (run this inside it): %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
