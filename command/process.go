package command

import (
	"bytes"
	"context"

	"github.com/urfave/cli/v2"
)

func processVerb() *verb {
	return &verb{
		name: "process", aliases: []string{"credential-process"}, args: "PROFILE", takesProfile: true, needsProfile: true,
		summary:  "answer an AWS SDK or the AWS CLI as its credential_process",
		examples: []string{"[profile dev-mfa]", "credential_process = awsmfa process dev"},
		flags:    sessionFlags(),
		run:      runProcess,
	}
}

func runProcess(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	r.standard = underSDK()
	// An SDK shows what a failure left on stderr: one line, that of the failure.
	// A person at a terminal may hear the rest, and at once.
	if !r.debug && !r.stderrIsTerminal() {
		r.later = new(bytes.Buffer)
	}
	s, got, err := r.session(ctx, o)
	if err != nil {
		return err
	}
	r.tellLater()
	if err := r.write(got.Credentials().ProcessJSON()); err != nil {
		return err
	}
	s.remember()
	return nil
}
