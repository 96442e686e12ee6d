package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/credentials"
	"awsmfa/environment"
	"awsmfa/profile"
	"awsmfa/session"
	"awsmfa/stsclient"
)

func whoamiVerb() *verb {
	return &verb{
		name: "whoami", args: "[PROFILE]", takesProfile: true,
		summary:  "ask AWS who this shell's credentials, or a profile's, belong to",
		examples: []string{"awsmfa whoami", "awsmfa whoami dev"},
		flags:    sessionFlags(),
		run:      runWhoami,
	}
}

type identityAnswer struct {
	Account string `json:"account"`
	ARN     string `json:"arn"`
	UserID  string `json:"user_id"`
}

func runWhoami(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readOptions(r, c, a)
	if err != nil {
		return err
	}
	identity, err := r.whoami(ctx, o)
	if err != nil {
		return err
	}
	if o.JSON {
		return r.writeJSON(identityAnswer(identity))
	}
	return r.write([]byte(fmt.Sprintf("%s\naccount %s, user id %s\n", identity.ARN, identity.Account, identity.UserID)))
}

// whoami asks with what the shell holds, unless a profile was named.
func (r *run) whoami(ctx context.Context, o options) (stsclient.Identity, error) {
	named := o.ProfileOrigin == "the argument" || o.ProfileOrigin == "--profile"
	if !named && r.getenv("AWS_ACCESS_KEY_ID") != "" {
		return r.whoamiShell(ctx, o)
	}
	s, got, err := r.session(ctx, o)
	if err != nil {
		return stsclient.Identity{}, err
	}
	return s.identity(ctx, got.Credentials())
}

func (r *run) whoamiShell(ctx context.Context, o options) (stsclient.Identity, error) {
	creds, err := r.shellKeys()
	if err != nil {
		return stsclient.Identity{}, &shellKeysError{err}
	}
	s, err := r.settings(o)
	if err != nil {
		return stsclient.Identity{}, err
	}
	identity, err := s.identity(ctx, creds)
	switch stsclient.KindOf(err) {
	case stsclient.InvalidKey, stsclient.Expired, stsclient.BadSignature:
		err = &shellKeysError{err}
	}
	return identity, err
}

// shellKeys are the credentials in the environment; what is missing has a name.
func (r *run) shellKeys() (credentials.Credentials, error) {
	id, secret, token := r.getenv("AWS_ACCESS_KEY_ID"), r.getenv("AWS_SECRET_ACCESS_KEY"), r.getenv("AWS_SESSION_TOKEN")
	switch {
	case secret == "":
		return credentials.Credentials{}, errors.New("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not")
	case token == "" && strings.HasPrefix(id, "ASIA"):
		return credentials.Credentials{}, errors.New("AWS_ACCESS_KEY_ID is a temporary key, and AWS_SESSION_TOKEN is not set")
	}
	return credentials.New(id, secret, token, time.Time{})
}

// shellKeysError is about credentials that no file holds.
type shellKeysError struct{ err error }

func (e *shellKeysError) Error() string { return "this shell's credentials: " + e.err.Error() }
func (e *shellKeysError) Unwrap() error { return e.err }

// explainShellKeys: whatever is wrong with them, new ones mend it.
func (r *run) explainShellKeys(rep report, e *shellKeysError) report {
	rep.exit = exitProfile
	var aws *stsclient.Error
	if errors.As(e, &aws) {
		rep.exit = exitDenied
	}
	name := "PROFILE"
	if held := environment.Read(r.getenv); held.Ours && held.Profile != "" {
		name = r.detectShell().QuoteWord(held.Profile)
	}
	anew := "get new ones: " + r.detectShell().Eval("awsmfa env "+name)
	switch {
	case aws == nil:
		return rep.hint("%s", anew)
	case aws.Kind == stsclient.BadSignature:
		return rep.hint("the secret access key does not belong to the access key id in this shell; %s", anew)
	case aws.Kind == stsclient.Expired:
		return rep.hint("they have expired; %s", anew)
	}
	return rep.hint("AWS does not know them: made up, cut, or their user or key is gone; %s", anew)
}

// settings is a subject for calls with the shell's own credentials: endpoint
// and region as the profile in force has them, where there is one.
func (r *run) settings(o options) (*subject, error) {
	s := &subject{run: r, options: o, held: environment.Read(r.getenv)}
	s.places, _ = session.FindPlaces(r.getenv)
	s.offset = newOffsetMemory(s)
	var err error
	if s.files, err = profile.Load(profile.Locate(r.getenv, session.Home(r.getenv))); err != nil {
		return nil, err
	}
	if s.resolve() == nil {
		return s, nil
	}
	s.resolved = &profile.Resolved{}
	for _, name := range []string{"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"} {
		v := profile.Value{Text: r.getenv(name), Origin: profile.Origin{Name: name}}
		if !v.IsSet() || s.resolved.STSEndpoint.IsSet() {
			continue
		}
		if err := profile.CheckEndpoint(v); err != nil {
			return nil, err
		}
		s.resolved.STSEndpoint = v
	}
	s.resolved.CABundle = profile.Value{Text: r.getenv("AWS_CA_BUNDLE"), Origin: profile.Origin{Name: "AWS_CA_BUNDLE"}}
	return s, s.chooseRegion()
}

func (s *subject) identity(ctx context.Context, c credentials.Credentials) (stsclient.Identity, error) {
	client, err := s.sts()
	if err != nil {
		return stsclient.Identity{}, err
	}
	var identity stsclient.Identity
	s.network(func() { identity, err = client.GetCallerIdentity(ctx, c) })
	return identity, err
}
