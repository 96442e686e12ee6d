package command

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"awsmfa/internal/safeexec"
)

// clipboards are the programs that take a text for the clipboard, with the
// variable without which they can only fail.
var clipboards = [...]struct {
	goos, variable string
	argv           []string
}{
	{"darwin", "", []string{"pbcopy"}},
	{"windows", "", []string{"clip.exe"}},
	{"", "WAYLAND_DISPLAY", []string{"wl-copy"}},
	{"", "DISPLAY", []string{"xclip", "-selection", "clipboard"}},
	{"", "DISPLAY", []string{"xsel", "--clipboard", "--input"}},
	{"", "WSL_DISTRO_NAME", []string{"clip.exe"}},
}

// copyCode puts the code on the clipboard: by a program that is there, else by
// the terminal itself (OSC 52), which works through ssh too.
func (r *run) copyCode(ctx context.Context, code string, left time.Duration) error {
	by, err := r.clipboard(ctx, code)
	if err != nil {
		return err
	}
	r.note("code copied (%s); %d s left", by, seconds(left))
	return nil
}

func (r *run) clipboard(ctx context.Context, code string) (by string, err error) {
	for _, c := range clipboards {
		if c.goos != "" && c.goos != runtime.GOOS || c.variable != "" && r.getenv(c.variable) == "" {
			continue
		}
		program, err := safeexec.Find(c.argv[0], r.getenv("PATH"))
		if err != nil {
			continue
		}
		if err := r.feed(ctx, append([]string{program}, c.argv[1:]...), code); err != nil {
			r.warn(err.Error())
			continue
		}
		return c.argv[0], nil
	}
	t, err := r.terminal()
	if err != nil {
		return "", fmt.Errorf("copying the code: no clipboard program found, and %w", err)
	}
	defer t.Close()
	return "by the terminal, where it knows OSC 52", t.Copy(code)
}

// feed gives a program its text on stdin, never as an argument that others can list.
func (r *run) feed(ctx context.Context, argv []string, text string) error {
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = out.WriteString(text) // far less than a pipe holds
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	_, err = safeexec.Run(ctx, safeexec.Command{Argv: argv, Env: r.childEnviron(), Stdin: in, Timeout: 5 * time.Second})
	return err
}
