package command

import (
	"context"
	"fmt"
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
	s, err := r.subject(ctx, o, true)
	if err != nil {
		return stsclient.Identity{}, err
	}
	got, err := s.get(ctx)
	if err != nil {
		return stsclient.Identity{}, err
	}
	return s.identity(ctx, got.Credentials())
}

func (r *run) whoamiShell(ctx context.Context, o options) (stsclient.Identity, error) {
	creds, err := credentials.New(r.getenv("AWS_ACCESS_KEY_ID"), r.getenv("AWS_SECRET_ACCESS_KEY"), r.getenv("AWS_SESSION_TOKEN"), time.Time{})
	if err != nil {
		return stsclient.Identity{}, fmt.Errorf("the shell's AWS credentials: %w", err)
	}
	s, err := r.settings(o)
	if err != nil {
		return stsclient.Identity{}, err
	}
	return s.identity(ctx, creds)
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
