// Awsmfa puts MFA-protected AWS credentials into a shell:
//
//	eval "$(awsmfa env dev)"
//
// The verbs live in package command; here is only what they see of the machine.
package main

import (
	"context"
	"os"
	"time"

	"awsmfa/command"
	_ "awsmfa/early" // answers a warm run before the rest of the program starts
)

func main() {
	ignored := command.IgnoredSignals()
	ctx := command.UntilSignal(context.Background())
	os.Exit(command.Run(ctx, command.World{
		Args: os.Args[1:], Environ: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Now: time.Now, ParentPID: os.Getppid(), PID: os.Getpid(), Ignored: ignored,
	}))
}
