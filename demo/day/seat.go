package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"awsmfa/internal/pty"
)

// The size of the terminal.
const (
	rows    = 30
	columns = 100
)

// patience bounds one command of the day. Only a fault uses it up.
const patience = time.Minute

// mark ends the prompt, so that it is known when the shell reads. It shows
// nothing, and is not recorded.
const mark = "\x1b]133;B\x07"

// seat is a place at an interactive bash on a pseudo terminal.
type seat struct {
	master *os.File
	cmd    *exec.Cmd
	screen chan string // closed when the shell ends
	unread string
}

// sit starts the shell, without the start-up files of this machine.
func (s *stage) sit(ctx context.Context) (*seat, error) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		return nil, err
	}
	master, tty, err := pty.Open(rows, columns)
	if err != nil {
		return nil, fmt.Errorf("opening a pseudo terminal: %w", err)
	}
	defer tty.Close()
	at := &seat{master: master, screen: make(chan string), cmd: exec.Command(bash, "--norc", "--noprofile", "-i")}
	at.cmd.Dir, at.cmd.Env = s.home, append(s.environ(), "PS1="+mark, "HISTFILE=")
	at.cmd.Stdin, at.cmd.Stdout, at.cmd.Stderr = tty, tty, tty
	pty.Control(at.cmd, tty)
	if err := at.cmd.Start(); err != nil {
		master.Close()
		return nil, err
	}
	go at.watch()
	if _, err := at.await(ctx); err != nil {
		at.leave()
		return nil, err
	}
	return at, nil
}

// watch passes on what the shell shows.
func (at *seat) watch() {
	defer close(at.screen)
	for {
		b := make([]byte, 4096)
		n, err := at.master.Read(b)
		if n > 0 {
			at.screen <- string(b[:n])
		}
		if err != nil {
			return
		}
	}
}

// do types a line, and gives what is shown up to and with the next prompt.
func (at *seat) do(ctx context.Context, line string) (string, error) {
	if _, err := at.master.WriteString(line + "\r"); err != nil {
		return "", err
	}
	shown, err := at.await(ctx)
	shown, echoed := strings.CutPrefix(shown, line+"\r\n")
	if err == nil && !echoed {
		err = fmt.Errorf("the shell shows another line: %q", shown)
	}
	return shown, err
}

// await reads until the shell does.
func (at *seat) await(ctx context.Context) (string, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		if shown, rest, ready := strings.Cut(at.unread, mark); ready {
			at.unread = rest
			return shown, nil
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-limit.C:
			return "", fmt.Errorf("the shell gave no prompt in time; it showed %q", at.unread)
		case text, ok := <-at.screen:
			if !ok {
				return "", fmt.Errorf("the shell ended; it showed %q", at.unread)
			}
			at.unread += text
		}
	}
}

// leave ends the shell; where something holds it up, the terminal is closed.
func (at *seat) leave() {
	at.master.WriteString("exit\r")
	end := time.AfterFunc(5*time.Second, func() {
		at.cmd.Process.Kill()
		at.master.Close()
	})
	defer end.Stop()
	for range at.screen { // until the shell has closed it
	}
	at.master.Close()
	at.cmd.Wait()
}
