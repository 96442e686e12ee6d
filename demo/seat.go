package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// patience bounds one command of the tour. Only a fault uses it up.
const patience = time.Minute

// errSilent means that the shell did not come back in time.
var errSilent = errors.New("the shell gave no prompt in time")

// seat is the tour's place at a shell. The shell says when it is ready, and
// how the last command ended, in a prompt that looks like this:
const (
	prompt      = `<demo $?> `
	promptStart = "<demo "
)

var promptShown = regexp.MustCompile(`<demo (\d+)> $`)

type seat struct {
	name     string // of the shell's program
	terminal bool   // on a pseudo terminal; else on pipes
	keyboard io.WriteCloser
	screen   chan []byte // closed when the shell ends
	cmd      *exec.Cmd
	unread   []byte
}

// sit starts the shell, on a terminal where one can be had and pipes are not
// asked for.
func sit(ctx context.Context, env []string, home string, pipes bool) (*seat, error) {
	names := []string{"bash", "sh"}
	if runtime.GOOS == "windows" {
		names = names[1:] // bash is another machine there, sh comes with Git
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		s := &seat{name: name, screen: make(chan []byte)}
		s.cmd = exec.Command(path)
		s.cmd.Env, s.cmd.Dir = append(env, "PS1="+prompt, "TERM=dumb", "HISTFILE="), home
		if err := s.start(pipes); err != nil {
			return nil, fmt.Errorf("starting %s: %w", name, err)
		}
		return s, s.settle(ctx)
	}
	return nil, errors.New("neither bash nor sh is in PATH")
}

func (s *seat) start(pipes bool) error {
	if !pipes && s.startOnTerminal() == nil {
		return nil
	}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, w := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = w, w
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.keyboard = in
	go s.watch(out)
	go func() { w.CloseWithError(s.cmd.Wait()) }()
	return nil
}

// interactive are the arguments of the shell on a terminal: without the
// caller's start-up files, and with the terminal's own plain line editing.
func (s *seat) interactive() []string {
	if s.name == "bash" {
		return []string{"--norc", "--noprofile", "--noediting", "-i"}
	}
	return []string{"-i"}
}

// watch passes on what the shell shows.
func (s *seat) watch(r io.Reader) {
	defer close(s.screen)
	for {
		b := make([]byte, 4096)
		n, err := r.Read(b)
		if n > 0 {
			s.screen <- b[:n]
		}
		if err != nil {
			return
		}
	}
}

// settle waits for the first prompt. On pipes a shell shows none by itself.
func (s *seat) settle(ctx context.Context) error {
	if !s.terminal {
		if err := s.typeLine(":"); err != nil {
			return err
		}
	}
	_, _, err := s.await(ctx, "", nil)
	return err
}

func (s *seat) typeLine(line string) error {
	if !s.terminal {
		line += "\nprintf '<demo %s> ' $?"
	}
	_, err := io.WriteString(s.keyboard, line+"\n")
	return err
}

// do types a line and returns what it showed and how it ended. When question
// appears, the answer is typed.
func (s *seat) do(ctx context.Context, line, question string, answer func() string) (shown string, status int, err error) {
	if err := s.typeLine(line); err != nil {
		return "", 0, err
	}
	shown, status, err = s.await(ctx, question, answer)
	if s.terminal {
		_, shown, _ = strings.Cut(shown, "\n") // the echo of the line itself
	}
	return shown, status, err
}

// await reads until the shell is ready again.
func (s *seat) await(ctx context.Context, question string, answer func() string) (string, int, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		if m := promptShown.FindSubmatchIndex(s.unread); m != nil {
			status, _ := strconv.Atoi(string(s.unread[m[2]:m[3]]))
			shown := plain(s.unread[:m[0]])
			s.unread = nil
			return shown, status, nil
		}
		if answer != nil && bytes.Contains(s.unread, []byte(question)) {
			if _, err := io.WriteString(s.keyboard, answer()+"\n"); err != nil {
				return "", 0, err
			}
			answer = nil
		}
		select {
		case <-ctx.Done():
			return "", 0, context.Cause(ctx)
		case <-limit.C:
			return "", 0, fmt.Errorf("%w; it showed: %q", errSilent, plain(s.unread))
		case b, ok := <-s.screen:
			if !ok {
				return "", 0, fmt.Errorf("the shell ended; it showed: %q", plain(s.unread))
			}
			s.unread = append(s.unread, b...)
		}
	}
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// plain is what was shown, with what was wiped away again still there.
func plain(shown []byte) string {
	return strings.ReplaceAll(string(escapes.ReplaceAll(shown, nil)), "\r", "")
}

// leave ends the shell and all that runs in it.
func (s *seat) leave() {
	s.keyboard.Close()
	hangUp(s.cmd.Process)
	go func() {
		time.Sleep(time.Second)
		s.cmd.Process.Kill()
	}()
	for range s.screen { // until the shell has closed it
	}
}
