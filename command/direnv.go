package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"awsmfa/environment"
	"awsmfa/internal/safeexec"
	"awsmfa/profile"
	"awsmfa/session"
	"awsmfa/shell"
	"awsmfa/source"
)

// direnvVerbs are what use_awsmfa asks behind the scenes: of no use to anybody
// else, and in no list.
func direnvVerbs() []*verb {
	return []*verb{
		{
			name: "__direnv stamp", args: "PROFILE", takesProfile: true, needsProfile: true,
			summary: "make the file that changes with a profile's session, and print its path",
			flags:   sessionFlags(), run: runStamp,
		},
		{
			name: "__direnv wrapper", args: "PROFILE", takesProfile: true, needsProfile: true,
			summary: "print the profile whose credential_process is awsmfa for this one",
			flags:   sessionFlags(), run: runWrapper,
		},
	}
}

// runStamp succeeds whatever is wrong with the profile: direnv has to look at
// the stamp until it is right.
func runStamp(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	r.quiet = true // env says it all
	places, err := session.FindPlaces(r.getenv)
	if err != nil {
		return err
	}
	var families []session.Key
	if s, err := r.subject(ctx, o, false); err == nil {
		families = s.plan.Families()
	}
	path, err := places.Stamps().Put(o.Profile, r.awsFiles(), families)
	if err != nil {
		return fmt.Errorf("making the stamp for direnv: %w", err)
	}
	return r.write([]byte(path + "\n"))
}

func (r *run) awsFiles() []string {
	paths := profile.Locate(r.getenv, session.Home(r.getenv))
	return []string{paths.Config, paths.Credentials}
}

// touchStamps tells direnv that the profile's sessions are others now. Where it
// cannot be told, "direnv reload" does it.
func (s *subject) touchStamps(families ...session.Key) {
	if err := s.places.Stamps().Touch(s.Now(), s.options.Profile, s.awsFiles, families...); err != nil {
		s.debugf("direnv is not told: %v", err)
	}
}

// runWrapper finds a profile that the AWS tools themselves can use, without a
// secret in any variable.
func runWrapper(_ context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	paths := profile.Locate(r.getenv, session.Home(r.getenv))
	files, err := profile.Load(paths)
	if err != nil {
		return err
	}
	if _, err := files.Profile(o.Profile); err != nil {
		return err
	}
	for _, p := range files.Profiles() {
		if wraps(p, o.Profile) {
			return r.write([]byte(p.Name + "\n"))
		}
	}
	return &noWrapperError{o.Profile, paths.Config}
}

// wraps: p's credentials are those that awsmfa process prints for the profile
// name. Keys and roles go before a credential_process.
func wraps(p *profile.Profile, name string) bool {
	for _, first := range []string{"aws_access_key_id", "role_arn", "sso_session", "sso_start_url", "web_identity_token_file"} {
		if p.Get(first).IsSet() {
			return false
		}
	}
	line := p.Get("credential_process").Text
	words, err := safeexec.Split(line)
	return err == nil && source.Recursive(line, name) && (slices.Contains(words, "process") || slices.Contains(words, "credential-process"))
}

// noWrapperError: the lines to add are for the reader to copy.
type noWrapperError struct{ profile, file string }

func (e *noWrapperError) Error() string {
	return fmt.Sprintf("no profile has credential_process = awsmfa process %s", quoteArg(shown(e.profile)))
}

// lines are the two that are missing.
func (e *noWrapperError) lines() []string {
	name := strings.Map(func(c rune) rune {
		if c > ' ' && c != '[' && c != ']' && c != '"' && c != '\'' && c != '#' && c != ';' {
			return c
		}
		return '-'
	}, shown(e.profile))
	return []string{"[profile " + name + "-mfa]", "credential_process = awsmfa process " + quoteArg(shown(e.profile))}
}

// direnvLibrary is where direnv looks, unless XDG_CONFIG_HOME moves it.
const direnvLibrary = "~/.config/direnv/lib/awsmfa.sh"

// initDirenv prints the library that defines use_awsmfa.
func (r *run) initDirenv(c *cli.Context) error {
	f := &flagReader{r: r, c: c}
	f.talk()
	for _, flag := range []string{"cmd", "renew-before", "no-hook"} {
		if c.IsSet(flag) {
			f.fail("--%s is for shells, not for direnv", flag)
		}
	}
	if f.err != nil {
		return f.err
	}
	self, err := ownPath()
	if err != nil {
		return err
	}
	text, err := shell.Direnv(self, environment.Touched())
	if err != nil {
		return err
	}
	if err := r.write([]byte(text)); err != nil {
		return err
	}
	if r.stdoutIsTerminal() {
		r.hint("this is for direnv to read: awsmfa init direnv >%s; then in .envrc: use awsmfa PROFILE", direnvLibrary)
	}
	return nil
}
