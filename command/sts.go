package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"awsmfa/credentials"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/session"
	"awsmfa/stsclient"
)

// standard is what a verb wants when the user says nothing.
type standard struct {
	session.Freshness
	patience time.Duration // for another process that holds the lock
}

// interactive waits as long for somebody else's prompt as a person would.
func interactive() standard { return standard{session.Interactive(), 5 * time.Minute} }

// underSDK: the SDK for Go gives a credential_process one minute.
func underSDK() standard { return standard{session.UnderSDK(), 50 * time.Second} }

// calls lets session use stsclient: parameters in, the meaning of errors out.
type calls struct{ *subject }

func (c *calls) GetSessionToken(ctx context.Context, from credentials.Credentials, step session.Step, proof session.MFA) (credentials.Credentials, error) {
	in := stsclient.GetSessionTokenInput{Duration: step.Duration, Serial: proof.Serial}
	in.Code, in.CodeUntil = codeOf(proof)
	return c.call(proof, func(client *stsclient.Client) (credentials.Credentials, error) {
		return client.GetSessionToken(ctx, from, in)
	})
}

func (c *calls) AssumeRole(ctx context.Context, from credentials.Credentials, step session.Step, proof session.MFA) (credentials.Credentials, error) {
	role := step.Role
	in := stsclient.AssumeRoleInput{
		RoleARN: role.ARN.Text, SessionName: step.SessionName, ExternalID: role.ExternalID.Text,
		SourceIdentity: role.SourceIdentity.Text, PolicyARNs: role.PolicyARNs, TransitiveTags: role.TransitiveTags,
		Duration: step.Duration, Serial: proof.Serial,
	}
	in.Code, in.CodeUntil = codeOf(proof)
	for _, t := range role.Tags {
		in.Tags = append(in.Tags, stsclient.Tag{Key: t.Key, Value: t.Value})
	}
	got, err := c.call(proof, func(client *stsclient.Client) (credentials.Credentials, error) {
		return client.AssumeRole(ctx, from, in)
	})
	var no *refusedError
	if last, _ := c.plan.Last(); errors.As(err, &no) && step.Key == last.Key {
		no.duration = c.plan.DurationFrom
	}
	return got, err
}

// codeOf is the code of a proof, and when it must have left.
func codeOf(proof session.MFA) (code string, until time.Time) {
	if proof.Code == nil {
		return "", time.Time{}
	}
	return proof.Code.Text(), proof.Code.Until()
}

func (c *calls) call(proof session.MFA, do func(*stsclient.Client) (credentials.Credentials, error)) (credentials.Credentials, error) {
	client, err := c.sts()
	if err != nil {
		return credentials.Credentials{}, err
	}
	var got credentials.Credentials
	c.network(func() { got, err = do(client) })
	c.obtained = c.obtained || err == nil
	err = refused(err)
	if no := (*refusedError)(nil); errors.As(err, &no) && no.meaning == session.RefusedCode && c.codeOrigin == mfa.FromSeed {
		no.seed = proof.Serial
	}
	return got, err
}

// network runs f with a spinner, and takes note of AWS's clock afterwards.
func (s *subject) network(f func()) {
	done := s.spin()
	f()
	done()
	s.offset.learn()
}

// callIAM is network for a call to IAM. The clock of an IAM that stands apart
// from STS says nothing about sessions.
func (s *subject) callIAM(f func()) {
	if s.resolved.IAMEndpoint.Text == s.resolved.STSEndpoint.Text {
		s.network(f)
		return
	}
	done := s.spin()
	f()
	done()
}

// refusedError adds what a failure of stsclient means for the renewal.
type refusedError struct {
	err      *stsclient.Error
	meaning  session.Refusal
	duration profile.Value // where the role's lifetime stands, if anywhere
	seed     string        // the device whose stored seed gave the refused code, if one did
}

func (e *refusedError) Error() string {
	if e.seed != "" {
		return fmt.Sprintf("the seed stored for %q gives codes that AWS refuses: %v", shown(e.seed), e.err)
	}
	return e.err.Error()
}

func (e *refusedError) Unwrap() error            { return e.err }
func (e *refusedError) Refusal() session.Refusal { return e.meaning }

// explainRefusedSeed: two codes in a row were refused, so it is not one that a
// phone had spent.
func explainRefusedSeed(rep report, e *refusedError) report {
	rep.exit = exitCode
	if e.err.Offset.Abs() > offsetWorthTelling {
		rep = rep.hint("this machine's clock is %s AWS's, which was corrected for", describeOffset(e.err.Offset))
	}
	serial := quoteArg(shown(e.seed))
	return rep.hint("the device has another seed, or was replaced: awsmfa totp add %s --replace", serial).
		hint("or it is out of step at AWS: awsmfa device resync %s", serial)
}

// tooLong: the lifetime is more than AWS grants here.
func (e *refusedError) tooLong() bool {
	return e.err.Kind == stsclient.DurationTooLong || e.err.Kind == stsclient.ChainedTooLong
}

func refused(err error) error {
	e, ok := err.(*stsclient.Error)
	if !ok {
		return err
	}
	return &refusedError{err: e, meaning: refusalOf(e.Kind)}
}

func refusalOf(k stsclient.Kind) session.Refusal {
	switch k {
	case stsclient.InvalidCode:
		return session.RefusedCode
	case stsclient.Expired, stsclient.InvalidKey:
		return session.RefusedSource
	case stsclient.Network, stsclient.TLS, stsclient.Timeout, stsclient.Throttled, stsclient.ServerFault,
		stsclient.NotAWS, stsclient.BadAnswer, stsclient.Redirect, stsclient.Proxy:
		return session.RefusedNetwork
	case stsclient.ClockSkew:
		return session.RefusedClock
	case stsclient.Stale:
		return session.RefusedStale
	case stsclient.Unknown, stsclient.CodeMissing, stsclient.BadSerial, stsclient.NotAuthorized, stsclient.SessionCredentials,
		stsclient.BadSignature, stsclient.RegionDisabled, stsclient.BadRequest, stsclient.DurationTooLong,
		stsclient.ChainedTooLong, stsclient.PolicyTooLarge:
		return session.RefusedDenied
	}
	return session.RefusedOther
}

// offsetMemory is the distance to AWS's clock: measured in this run, else as
// remembered from an earlier one.
type offsetMemory struct {
	subject *subject
	loaded  bool
	value   time.Duration
	told    bool
	unsaved bool // nobody else knows the value
}

func newOffsetMemory(s *subject) *offsetMemory { return &offsetMemory{subject: s} }

func (m *offsetMemory) now() time.Duration {
	if !m.loaded {
		m.loaded = true
		m.value = m.memory().Load(m.subject.Now())
	}
	return m.value
}

func (m *offsetMemory) memory() session.Clock {
	if m.subject.resolved == nil {
		return m.subject.places.Clock("")
	}
	return m.subject.places.Clock(m.subject.resolved.STSEndpoint.Text)
}

// forget has the offset read anew: who put a session into the cache while we
// waited may have measured it, and all must print the same of one session.
func (m *offsetMemory) forget() { m.loaded = m.unsaved }

// offsetWorthTelling: smaller ones hurt nobody.
const offsetWorthTelling = 5 * time.Second

// learn takes what the last answer said, tells the user about a clock that is
// off, and remembers it for the next run.
func (m *offsetMemory) learn() {
	if m.subject.client == nil {
		return
	}
	offset, known := m.subject.client.Offset()
	if !known {
		return
	}
	m.loaded, m.value = true, offset
	if err := m.memory().Store(offset, m.subject.Now()); err != nil {
		say := m.subject.debugf
		if offset.Abs() > offsetWorthTelling { // the next run may take the session for one that cannot be
			say = func(format string, args ...any) { m.subject.warn(fmt.Sprintf(format, args...)) }
		}
		say("clock offset not remembered: %v", err)
		m.unsaved = true
	}
	if offset.Abs() > offsetWorthTelling && !m.told {
		m.told = true
		m.subject.warn("this machine's clock is " + describeOffset(offset) + " AWS's; it is corrected for here")
	}
}

func describeOffset(offset time.Duration) string {
	// A Date header has whole seconds: 19 min 59 s is 20 min.
	if offset.Abs() >= 10*time.Minute {
		offset = offset.Round(time.Minute)
	}
	if offset > 0 {
		return words(offset) + " behind"
	}
	return words(-offset) + " ahead of"
}
