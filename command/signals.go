package command

import (
	"context"
	"os"
	"os/signal"
	"time"
)

// oneBlow is how long further signals count as the first one: a terminal, a
// parent and make may each pass on the same ^C.
const oneBlow = time.Second

// UntilSignal is a context that the first ending signal ends, so that the run
// can tidy up and say so. Where it cannot, since a write or a file system hangs,
// a later signal ends the process as it stands.
func UntilSignal(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endingSignals()...)
	go func() {
		cancel(SignalError{Signal: <-signals})
		time.Sleep(oneBlow)
		select {
		case <-signals:
		default:
		}
		os.Exit(exitSignal + signalNumber(<-signals))
	}()
	return ctx
}
