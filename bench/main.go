// Command bench measures what a user waits for: warm runs of awsmfa beside an
// empty Go program and /bin/true, all rows taking turns in one run, so that a
// machine that slows down slows them alike. Compare the ratios, and only
// within one table.
//
//	go run ./bench [-n rounds] [-profiles=false] [-cold=false] [-micro=false]
//
// It needs no AWS account: a throwaway home directory is logged in against the
// stand-in, which is stopped before anything is measured. A missed goal is a
// figure, not a failure; a measured command that fails is one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"
)

func main() {
	rounds := flag.Int("n", 60, "rounds, each of which runs every row once (30 at least)")
	profiles := flag.Bool("profiles", true, "also measure with 10, 1,000 and 10,000 profiles in the config")
	colds := flag.Bool("cold", true, "also measure cold runs beside curl, and a crowd of them")
	micros := flag.Bool("micro", true, "also run the benchmarks of parsing, cache and quoting")
	flag.Parse()
	if *rounds < 30 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "bench: at least 30 rounds, and no arguments but flags")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, options{*rounds, *profiles, *colds, *micros}); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	rounds                 int
	profiles, colds, micro bool
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "awsmfa-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	fmt.Fprintln(os.Stderr, "building ...")
	built, err := build(ctx, dir)
	if err != nil {
		return err
	}
	sizes := []int{1}
	if o.profiles {
		sizes = append(sizes, 10, 1000, 10000)
	}
	homes, err := logIn(ctx, filepath.Join(dir, "homes"), built.awsmfa, sizes)
	if err != nil {
		return err
	}
	rows := append(rowsOf(built, homes), peers(homes[0])...)
	fmt.Fprintf(os.Stderr, "measuring %d rounds of %d rows ...\n", o.rounds, len(rows))
	if err := measure(ctx, built.launch, rows, o.rounds); err != nil {
		return err
	}
	fmt.Printf("%s, %s %s/%s, %d CPUs, %d rounds, awsmfa %.1f MB; medians\n\n", time.Now().UTC().Format(time.DateOnly),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), o.rounds, built.megabytes)
	report(os.Stdout, rows)
	if err := hooks(ctx, os.Stdout, built, homes[0]); err != nil {
		return err
	}
	if o.colds {
		if err := cold(ctx, os.Stdout, built, filepath.Join(dir, "cold"), o.rounds); err != nil {
			return err
		}
		if err := crowd(ctx, os.Stdout, built, filepath.Join(dir, "crowd")); err != nil {
			return err
		}
	}
	if o.micro {
		return micro(ctx, os.Stdout)
	}
	return nil
}
