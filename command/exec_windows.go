package command

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strings"
)

// execute runs the command as a child: Windows cannot replace a process. The
// console sends ^C to both, so ours is only ignored.
func execute(_ context.Context, _ []os.Signal, program string, argv, environ []string) error {
	signal.Ignore(os.Interrupt)
	cmd := exec.Command(program, argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ, os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitStatus(exit.ExitCode())
	}
	return err
}

func programEndings(pathext string) []string {
	if pathext == "" {
		pathext = ".COM;.EXE;.BAT;.CMD"
	}
	return append([]string{""}, strings.Split(strings.ToLower(pathext), ";")...)
}

func runnable(file string, _ fs.FileInfo) error {
	for _, ending := range programEndings("") {
		if ending != "" && strings.HasSuffix(strings.ToLower(file), ending) {
			return nil
		}
	}
	return fs.ErrNotExist
}
