package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// hookGoal is what awsmfa's prompt hook may cost while all is well, in
// microseconds.
const hookGoal = 20.0

// hookRounds is how often each loop runs; the median stands in the table.
const hookRounds = 9

// hookLoop is one hook, called many times within one shell, so that neither the
// start of the shell nor a clock's own cost counts.
type hookLoop struct {
	name  string
	setUp string
	call  string
	times int
	goal  float64
}

// hookShells are the shells whose hook has a goal: how each makes a loop, and
// tells the time.
var hookShells = []struct{ name, clock, loop string }{
	{"bash", "", `a=$EPOCHREALTIME; for ((i = 0; i < N; i++)); do CALL; done; echo "$a $EPOCHREALTIME"`},
	{"zsh", "zmodload zsh/datetime", `a=$EPOCHREALTIME; for ((i = 0; i < N; i++)); do CALL; done; echo "$a $EPOCHREALTIME"`},
}

// hooks measures the prompt hook beside direnv's own, which starts a process,
// and beside a function that does nothing.
func hooks(ctx context.Context, w io.Writer, p programs, h home) error {
	lines := [][]string{{"prompt hook, while all is well", "µs", "goal"}}
	for _, sh := range hookShells {
		if _, err := exec.LookPath(sh.name); err != nil {
			continue
		}
		loops := []hookLoop{
			{name: "a function that does nothing", setUp: "nothing() { :; }", call: "nothing", times: 20000},
			{name: "awsmfa", setUp: fmt.Sprintf(`eval "$(%s init %s)"; export AWSMFA_EXPIRATION=%d`, p.awsmfa, sh.name, time.Now().Add(time.Hour).Unix()),
				call: "_awsmfa_hook", times: 20000, goal: hookGoal},
		}
		if _, err := exec.LookPath("direnv"); err == nil {
			loops = append(loops, hookLoop{name: "direnv", setUp: `eval "$(direnv hook ` + sh.name + `)"`, call: "_direnv_hook", times: 50})
		}
		costs := make([][]float64, len(loops))
		for range hookRounds {
			for i, l := range loops {
				cost, err := l.once(ctx, sh.name, sh.clock, sh.loop, h)
				if err != nil {
					return err
				}
				costs[i] = append(costs[i], cost)
			}
		}
		for i, l := range loops {
			cost := median(costs[i])
			lines = append(lines, []string{sh.name + ": " + l.name, fmt.Sprintf("%.1f", cost), verdict(cost, l.goal, 0)})
		}
	}
	fmt.Fprintln(w)
	writeTable(w, lines)
	return nil
}

// once is one loop's cost for each call, in microseconds.
func (l hookLoop) once(ctx context.Context, shell, clock, loop string, h home) (float64, error) {
	script := strings.NewReplacer("N;", strconv.Itoa(l.times)+";", "CALL", l.call).Replace(loop)
	cmd := exec.CommandContext(ctx, shell, "-c", strings.Join([]string{clock, l.setUp, script}, "\n"))
	cmd.Env, cmd.Dir = h.env, "/"
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: the hook of %s: %w", shell, l.name, err)
	}
	var from, to float64
	if _, err := fmt.Sscan(string(out), &from, &to); err != nil {
		return 0, fmt.Errorf("%s: the hook of %s: reading the times: %w", shell, l.name, err)
	}
	return (to - from) * 1e6 / float64(l.times), nil
}
