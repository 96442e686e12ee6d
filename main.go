// Awsmfa puts MFA-protected AWS credentials into a shell:
//
//	eval "$(awsmfa env dev)"
//
// The verbs live in package command; here are only signals and the exit code.
package main

import (
	"context"
	"os"
	"os/signal"
	"time"

	"awsmfa/command"
	_ "awsmfa/early" // answers a warm run before the rest of the program starts
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	ignored := command.IgnoredSignals()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, command.EndingSignals()...)
	go func() { cancel(command.SignalError{Signal: <-signals}) }()
	os.Exit(command.Run(ctx, command.World{
		Args: os.Args[1:], Environ: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Now: time.Now, ParentPID: os.Getppid(), PID: os.Getpid(), Ignored: ignored,
	}))
}
