package command

import (
	"fmt"
	"sync"
	"time"
)

const (
	// spinAfter: most answers come sooner, and a flicker helps nobody.
	spinAfter = 300 * time.Millisecond
	spinEvery = 100 * time.Millisecond
)

// spinner turns on stderr while something takes long. Only a terminal gets it.
type spinner struct {
	stop chan struct{}
	done sync.WaitGroup
}

// countdown shows how long it is until a stored seed's next code, in the place
// of the spinner; nil where nobody would see it.
func (r *run) countdown() func(left time.Duration) {
	if !r.animated() {
		return nil
	}
	return func(left time.Duration) {
		if left <= 0 {
			fmt.Fprint(r.Stderr, "\r\x1b[K")
			return
		}
		fmt.Fprintf(r.Stderr, "\r\x1b[Kwaiting for the next MFA code: %d s", (left+time.Second-1)/time.Second)
	}
}

// animated: stderr is a terminal that takes more than lines.
func (r *run) animated() bool {
	return !r.quiet && !r.debug && r.stderrIsTerminal() && !r.dumb()
}

// spin starts one; the returned function ends it and wipes it away.
func (r *run) spin() (done func()) {
	if !r.animated() {
		return func() {}
	}
	s := &spinner{stop: make(chan struct{})}
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		s.turn(r)
	}()
	return sync.OnceFunc(func() {
		close(s.stop)
		s.done.Wait()
	})
}

func (s *spinner) turn(r *run) {
	wait := time.NewTimer(spinAfter)
	defer wait.Stop()
	for i := 0; ; i++ {
		select {
		case <-s.stop:
			if i > 0 {
				fmt.Fprint(r.Stderr, "\r\x1b[K")
			}
			return
		case <-wait.C:
			fmt.Fprintf(r.Stderr, "\r%c waiting for AWS", []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")[i%10])
			wait.Reset(spinEvery)
		}
	}
}
