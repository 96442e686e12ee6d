// Package early answers a warm run while the program is still starting: it is
// imported by main for its init alone.
//
// Go initialises packages in the order of their import paths, as soon as what
// they import is ready. This one imports only small rooms, so its init runs
// before those of the AWS SDK, of net/http and of the command line framework,
// and when the answer is at hand the process ends there: most of what a warm
// run would cost is the start of code that it does not use
// (docs/decisions/0016). Package stack comes still earlier.
package early

import (
	"os"
	"time"

	"awsmfa/complete"
	_ "awsmfa/early/stack"
	"awsmfa/internal/harden"
	"awsmfa/warm"
)

func init() {
	args := os.Args[min(1, len(os.Args)):]
	if len(args) > 0 && args[0] == complete.Verb {
		harden.Process() // there may be keys in the files
		os.Stdout.WriteString(complete.Answer(args[1:], os.Getenv))
		os.Exit(0)
	}
	answered, err := warm.Answer(warm.Process{
		Args: args, Getenv: os.Getenv, Environ: os.Environ(),
		Stdout: os.Stdout, ToTerminal: terminal(os.Stdout), Now: time.Now, Parent: os.Getppid(),
	})
	if !answered {
		return
	}
	if err != nil {
		os.Stderr.WriteString("awsmfa: error: writing standard output: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}
