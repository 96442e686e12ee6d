package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one command of the table, its goals and what was measured.
type row struct {
	name    string
	argv    []string
	env     []string
	goals   goals
	against *row // the row whose wall time the last goal speaks of
	samples []sample
}

// goals are upper limits; zero is none. An interim goal holds until the final one is met.
type goals struct {
	wall, wallInterim float64 // times the empty program
	faults            float64 // times the empty program
	rss, rssInterim   float64 // megabytes
	growth            float64 // times the row that it is set against
}

// sample is the cost of one run.
type sample struct {
	wall, cpu time.Duration
	faults    float64
	rss       float64 // megabytes
}

func rowsOf(p programs, homes []home) []*row {
	env := homes[0].env
	warm := goals{wall: 1.5, wallInterim: 2.3, faults: 1.7, rss: 5.5, rssInterim: 10}
	rows := []*row{
		{name: "empty Go program", argv: []string{p.empty}, env: env},
		{name: "Go program printing one line", argv: []string{p.hello}, env: env},
		{name: "what awsmfa links, doing nothing", argv: []string{p.floor}, env: env},
		{name: "awsmfa --version", argv: []string{p.awsmfa, "--version"}, env: env},
		{name: "awsmfa env dev", argv: []string{p.awsmfa, "env", "dev"}, env: env, goals: warm},
		{name: "awsmfa process dev", argv: []string{p.awsmfa, "process", "dev"}, env: env, goals: warm},
		{name: "awsmfa status dev", argv: []string{p.awsmfa, "status", "dev"}, env: env},
	}
	if path, err := exec.LookPath("true"); err == nil {
		rows = slices.Insert(rows, 1, &row{name: path, argv: []string{path}, env: env})
	}
	var smallest *row
	for _, h := range homes[1:] {
		if h.profiles == seeded {
			plain := rows[slices.IndexFunc(rows, func(r *row) bool { return r.name == "awsmfa env dev" })]
			rows = append(rows, &row{name: "awsmfa env dev, its seed stored", argv: plain.argv, env: h.env, against: plain, goals: goals{growth: 1.1}})
			continue
		}
		r := &row{name: fmt.Sprintf("awsmfa env dev, %d profiles", h.profiles), argv: []string{p.awsmfa, "env", "dev"}, env: h.env}
		if smallest == nil {
			smallest = r
		} else {
			r.against, r.goals.growth = smallest, 1.1
		}
		rows = append(rows, r)
		if h.profiles == 1000 {
			rows = append(rows, tab(p, r, h, "zsh"), tab(p, r, h, "bash"))
		}
	}
	return rows
}

// tab is a Tab behind "env", with every profile to answer: zsh is told what
// each of them is, bash the names alone.
func tab(p programs, against *row, h home, shell string) *row {
	return &row{
		name: fmt.Sprintf("Tab in %s, %d profiles", shell, h.profiles), env: h.env,
		argv:    []string{p.awsmfa, "__complete", shell, "2", "--", "awsmfa", "env", ""},
		against: against, goals: goals{growth: 1.5},
	}
}

// peers are other tools of the trade that happen to be here. Their warm runs
// need stores of their own, so only their start-up stands in the table.
func peers(h home) []*row {
	var rows []*row
	for _, name := range []string{"aws-vault", "granted", "aws-runas"} {
		if path, err := exec.LookPath(name); err == nil {
			rows = append(rows, &row{name: name + " --version (start-up alone)", argv: []string{path, "--version"}, env: h.env})
		}
	}
	return append(rows, awsCLI(h)...)
}

// awsCLI prints a profile's credentials as we do, from the keys in the files:
// it asks for no session. Version 1 cannot.
func awsCLI(h home) []*row {
	path, err := exec.LookPath("aws")
	if err != nil {
		return nil
	}
	r := &row{name: "aws configure export-credentials", env: h.env,
		argv: []string{path, "configure", "export-credentials", "--profile", "dev", "--format", "env"}}
	try := exec.Command(path, r.argv[1:]...)
	try.Env = h.env
	if out, err := try.Output(); err != nil || !bytes.Contains(out, []byte("AWS_ACCESS_KEY_ID=")) {
		return nil
	}
	return []*row{r}
}

// measure runs every row once a round, in another order each time, after two
// runs that are not counted.
func measure(ctx context.Context, launch string, rows []*row, rounds int) error {
	order := slices.Clone(rows)
	shuffle := rand.New(rand.NewPCG(1, 2))
	for round := range rounds + 2 {
		shuffle.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, r := range order {
			s, err := once(ctx, launch, r)
			if err != nil {
				return err
			}
			if round >= 2 {
				r.samples = append(r.samples, s)
			}
		}
	}
	return nil
}

func once(ctx context.Context, launch string, r *row) (sample, error) {
	cmd := exec.CommandContext(ctx, launch, r.argv...)
	cmd.Env = r.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w\n%s", r.name, err, stderr.Bytes())
	}
	var wall, user, system, faults, rss, exit int64
	if _, err := fmt.Sscan(string(out), &wall, &user, &system, &faults, &rss, &exit); err != nil {
		return sample{}, fmt.Errorf("%s: reading what it cost: %w", r.name, err)
	}
	if exit != 0 {
		return sample{}, fmt.Errorf("%s: exit code %d\n%s", r.name, exit, strings.TrimSpace(stderr.String()))
	}
	return sample{wall: time.Duration(wall), cpu: time.Duration(user + system), faults: float64(faults), rss: megabytes(rss)}, nil
}

// megabytes reads the kernel's peak resident set: kilobytes, save on macOS.
func megabytes(maxrss int64) float64 {
	if runtime.GOOS == "darwin" {
		return float64(maxrss) / 1e6
	}
	return float64(maxrss) * 1024 / 1e6
}
