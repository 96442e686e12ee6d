// Awsmfa puts MFA-protected AWS credentials into a shell:
//
//	eval "$(awsmfa env dev)"
//
// The verbs live in package command; here is only what they see of the machine.
package main

import (
	// Answers a warm run before the rest of the program starts. It comes first,
	// since the linker lays packages out in the order of imports: what a warm
	// run uses then lies together, on fewer pages.
	_ "awsmfa/early"

	"context"
	"os"
	"time"

	"awsmfa/command"
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
