package pty

import (
	"bufio"
	"os/exec"
	"testing"
)

func TestOpen(t *testing.T) {
	master, tty, err := Open(24, 80)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	cmd := exec.Command("sh", "-c", "read word </dev/tty; echo got:$word >/dev/tty; stty size </dev/tty >/dev/tty")
	Control(cmd, tty)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	if _, err := master.WriteString("hello\n"); err != nil {
		t.Fatal(err)
	}
	shown := bufio.NewScanner(master)
	for _, want := range []string{"hello", "got:hello", "24 80"} {
		if !shown.Scan() || shown.Text() != want {
			t.Fatalf("shown %q, want %q", shown.Text(), want)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}
