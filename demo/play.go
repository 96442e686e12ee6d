package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// play leaves the user in a shell on the stage, until that ends.
func play(ctx context.Context, s *stage, out io.Writer) error {
	shell, err := userShell()
	if err != nil {
		return err
	}
	if err := errors.Join(s.writeDemoCode(), s.writeStartFiles()); err != nil {
		return err
	}
	announce(out, s, filepath.Base(shell))
	cmd := exec.CommandContext(ctx, shell)
	cmd.Dir, cmd.Env = s.home, s.full()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return hangUp(cmd.Process) }
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// How the last command in it ended is the user's own affair.
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("running %s: %w", shell, err)
	}
	say(out, "# All of it is removed.")
	return nil
}

func userShell() (string, error) {
	for _, name := range []string{os.Getenv("SHELL"), "bash", "sh", os.Getenv("COMSPEC")} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no shell is in PATH")
}

// writeStartFiles gives bash and zsh a prompt that says where one is; zsh
// would otherwise greet a new user with a questionnaire.
func (s *stage) writeStartFiles() error {
	return errors.Join(
		os.WriteFile(filepath.Join(s.home, ".bashrc"), []byte("PS1='(awsmfa demo) $ '\n"), 0o600),
		os.WriteFile(filepath.Join(s.home, ".zshrc"), []byte("PROMPT='(awsmfa demo) %% '\n"), 0o600),
	)
}

// full is the caller's environment without what would lead off the stage.
func (s *stage) full() []string {
	env := without(os.Environ(), "AWS_*", "AWSMFA_*", "XDG_*", "HOME", "USERPROFILE", "LOCALAPPDATA", "PATH", "ZDOTDIR",
		"HISTFILE", "ENV", "BASH_ENV", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
	return append(append(env, s.settings()...), "PS1=(awsmfa demo) $ ")
}

// announce says what there is to try.
func announce(out io.Writer, s *stage, shell string) {
	eval := func(profile string) string {
		switch shell {
		case "fish":
			return "awsmfa env " + profile + " | source"
		case "tcsh", "csh":
			return "eval `awsmfa env " + profile + "`"
		}
		return "eval $(awsmfa env " + profile + ")"
	}
	who := "awsmfa whoami"
	if _, err := exec.LookPath("aws"); err == nil && runtime.GOOS != "windows" {
		who = "aws sts get-caller-identity"
	}
	say(out, "\n# A shell to play in: %s. Leave it with exit; then all of it is removed. Try:", shell)
	for _, line := range [][2]string{
		{"cat ~/.aws/config", "the two profiles"},
		{"awsmfa list", "what is known of them"},
		{"awsmfa explain deploy", "the plan, before any call"},
		{eval("deploy"), "no code: the session at hand will do"},
		{who, "who this shell is"},
		{"awsmfa logout --all", "forget the sessions"},
		{"demo-code", "what the MFA device shows now; good once"},
		{eval("dev"), "asks for that code"},
	} {
		say(out, "    %-28s  %s", line[0], line[1])
	}
	say(out, "")
}
