package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"awsmfa/stsclient/ststest"
)

// delays are the round trips that cold runs are measured with.
var delays = []time.Duration{0, 50 * time.Millisecond}

// coldGoal: a cold run may take as long as curl does for the same request.
const coldGoal = 1.0

// cold measures runs that have to call STS, beside curl making the same call.
// Each run has a user and a home of its own, since a code is good once.
func cold(ctx context.Context, w io.Writer, p programs, dir string, rounds int) error {
	curl, err := exec.LookPath("curl")
	if err != nil {
		fmt.Fprintln(w, "\ncold runs: not measured, there is no curl to compare with")
		return nil
	}
	for _, delay := range delays {
		if err := coldAt(ctx, w, p, filepath.Join(dir, delay.String()), curl, delay, rounds); err != nil {
			return err
		}
	}
	return nil
}

func coldAt(ctx context.Context, w io.Writer, p programs, dir, curl string, delay time.Duration, rounds int) error {
	server := ststest.New()
	if err := server.Start(); err != nil {
		return fmt.Errorf("starting the stand-in: %w", err)
	}
	defer server.Close()
	if delay > 0 {
		server.Fault(ststest.Fault{Kind: ststest.Slow, Delay: delay})
	}
	ours := &row{name: "awsmfa env dev"}
	theirs := &row{name: "curl"}
	for n := range rounds + 2 {
		if err := coldRound(ctx, p, filepath.Join(dir, fmt.Sprint(n)), curl, server, ours, theirs, n >= 2); err != nil {
			return err
		}
	}
	ratio := ours.ratio(theirs, sample.wallMS)
	fmt.Fprintf(w, "\ncold awsmfa env dev, round trip %s: %.2f ms, %.2f x one curl of the same call (%.2f ms)  %s\n", delay,
		ours.median(sample.wallMS), ratio, theirs.median(sample.wallMS), verdict(ratio, coldGoal, 0))
	calls := server.Calls("GetSessionToken")
	fmt.Fprintf(w, "  requests to STS: %d for %d runs of each\n", calls, rounds+2)
	if calls != 2*(rounds+2) {
		return fmt.Errorf("a cold run is one request; %d were seen for %d runs", calls, 2*(rounds+2))
	}
	return nil
}

func coldRound(ctx context.Context, p programs, dir, curl string, server *ststest.Server, ours, theirs *row, counts bool) error {
	first, second := server.NewUser("cold"), server.NewUser("curl")
	h, err := newHome(dir, server.URL(), first, 1)
	if err != nil {
		return err
	}
	ours.argv, ours.env = []string{p.awsmfa, "env", "dev", "--token-code", first.Code()}, h.env
	theirs.argv, theirs.env = []string{
		curl, "--silent", "--show-error", "--fail", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:sts",
		"--user", second.AccessKeyID + ":" + second.SecretAccessKey,
		"--data", "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=43200&SerialNumber=" +
			strings.NewReplacer(":", "%3A", "/", "%2F").Replace(second.MFASerial) + "&TokenCode=" + second.Code(),
		server.URL() + "/",
	}, h.env
	for _, r := range []*row{ours, theirs} {
		s, err := once(ctx, p.launch, r)
		if err != nil {
			return err
		}
		if counts {
			r.samples = append(r.samples, s)
		}
	}
	return nil
}

// crowdSize is how many cold runs start at once.
const crowdSize = 100

// crowd starts many cold runs at once, with one code among them.
func crowd(ctx context.Context, w io.Writer, p programs, dir string) error {
	server := ststest.New()
	if err := server.Start(); err != nil {
		return fmt.Errorf("starting the stand-in: %w", err)
	}
	defer server.Close()
	user := server.NewUser("crowd")
	h, err := newHome(dir, server.URL(), user, 1)
	if err != nil {
		return err
	}
	code := user.Code()
	outputs, failed := make([]string, crowdSize), make([]error, crowdSize)
	var wait sync.WaitGroup
	began := time.Now()
	for i := range crowdSize {
		wait.Add(1)
		go func() {
			defer wait.Done()
			cmd := exec.CommandContext(ctx, p.awsmfa, "env", "dev", "--token-code", code)
			cmd.Env = h.env
			out, err := cmd.Output()
			outputs[i], failed[i] = string(out), err
		}()
	}
	wait.Wait()
	took := time.Since(began)
	equal := 0
	for i := range outputs {
		if failed[i] == nil && outputs[i] == outputs[0] {
			equal++
		}
	}
	fmt.Fprintf(w, "\n%d cold starts at once, one code: %d calls to STS, %d equal answers, %.2f s in all\n",
		crowdSize, server.Calls("GetSessionToken"), equal, took.Seconds())
	if equal != crowdSize || server.Calls("GetSessionToken") != 1 {
		return fmt.Errorf("the crowd did not share one session")
	}
	return nil
}

// micro runs the benchmarks of the rooms on the warm path.
func micro(ctx context.Context, w io.Writer) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("finding the module: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", ".", "-benchmem", "-benchtime", "200ms",
		"./profile", "./session", "./shell")
	cmd.Dir, cmd.Stderr = strings.TrimSpace(string(root)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("benchmarks of the rooms: %w\n%s", err, out)
	}
	fmt.Fprintln(w, "\ninside the process")
	for _, line := range strings.Split(string(out), "\n") {
		if strings.HasPrefix(line, "Benchmark") {
			fmt.Fprintln(w, " ", line)
		}
	}
	return nil
}
