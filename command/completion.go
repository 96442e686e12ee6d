package command

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"awsmfa/completions"
	"awsmfa/shell"
)

func completionVerb() *verb {
	return &verb{
		name: "completion", args: "[SHELL]", maxArgs: 1,
		summary: "print the script that completes awsmfa's command lines in a shell",
		examples: []string{
			`eval "$(awsmfa completion bash)"     in ~/.bashrc`,
			`eval "$(awsmfa completion zsh)"      in ~/.zshrc, below compinit`,
			`awsmfa completion fish | source      in ~/.config/fish/config.fish`,
		},
		flags: talkFlags(),
		run:   runCompletion,
	}
}

func runCompletion(_ context.Context, r *run, c *cli.Context, a arrangement) error {
	f := &flagReader{r: r, c: c}
	if f.talk(); f.err != nil {
		return f.err
	}
	name := r.initShell(a)
	if d, err := shell.Lookup(name); err == nil {
		name = d.Name()
	}
	text := completions.Script(name)
	if text == "" {
		return usagef("there are no completions for the shell %q", shown(name)).
			withHint("there are for: %s", strings.Join(completions.Names(), " "))
	}
	return r.write([]byte(text))
}
