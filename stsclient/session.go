package stsclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	smithyendpoints "github.com/aws/smithy-go/endpoints"

	"awsmfa/credentials"
)

// What AWS grants when a request names no duration, and how much more than
// asked is believed.
const (
	defaultSession = 12 * time.Hour
	defaultRole    = time.Hour
	extraLife      = 5 * time.Minute
)

// GetSessionTokenInput asks for a session of an IAM user. Serial and Code
// belong together; without them the session has no MFA.
type GetSessionTokenInput struct {
	Duration     time.Duration // 0 lets AWS choose
	Serial, Code string
	CodeUntil    time.Time // local instant after which the code must not leave; zero is none
}

// Tag is a session tag.
type Tag struct{ Key, Value string }

// AssumeRoleInput asks for a role's session. What is "" or empty is not sent.
type AssumeRoleInput struct {
	RoleARN, SessionName               string
	ExternalID, SourceIdentity, Policy string
	PolicyARNs                         []string
	Tags                               []Tag
	TransitiveTags                     []string
	Duration                           time.Duration // 0 lets AWS choose
	Serial, Code                       string
	CodeUntil                          time.Time // as in GetSessionTokenInput
}

// Identity is what GetCallerIdentity answers.
type Identity struct{ Account, ARN, UserID string }

// GetSessionToken gets temporary credentials for a long-term key.
func (c *Client) GetSessionToken(ctx context.Context, from credentials.Credentials, in GetSessionTokenInput) (credentials.Credentials, error) {
	w := c.wire("GetSessionToken", from, in.Code, in.CodeUntil)
	// AWS would refuse and leave the code unspent, but the network is spared.
	if from.Temporary() {
		return credentials.Credentials{}, w.local(SessionCredentials, "temporary credentials cannot get a session; a long-term access key is needed")
	}
	out, err := w.client().GetSessionToken(ctx, &sts.GetSessionTokenInput{
		DurationSeconds: seconds(in.Duration),
		SerialNumber:    optional(in.Serial),
		TokenCode:       optional(in.Code),
	})
	if err != nil {
		return credentials.Credentials{}, w.explain(ctx, err)
	}
	return w.accept(out.Credentials, in.Duration, defaultSession)
}

// AssumeRole gets temporary credentials of a role.
func (c *Client) AssumeRole(ctx context.Context, from credentials.Credentials, in AssumeRoleInput) (credentials.Credentials, error) {
	w := c.wire("AssumeRole", from, in.Code, in.CodeUntil)
	out, err := w.client().AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn:           optional(in.RoleARN),
		RoleSessionName:   optional(in.SessionName),
		ExternalId:        optional(in.ExternalID),
		SourceIdentity:    optional(in.SourceIdentity),
		Policy:            optional(in.Policy),
		PolicyArns:        policies(in.PolicyARNs),
		Tags:              tags(in.Tags),
		TransitiveTagKeys: in.TransitiveTags,
		DurationSeconds:   seconds(in.Duration),
		SerialNumber:      optional(in.Serial),
		TokenCode:         optional(in.Code),
	})
	if err != nil {
		return credentials.Credentials{}, w.explain(ctx, err)
	}
	return w.accept(out.Credentials, in.Duration, defaultRole)
}

// GetCallerIdentity says whose credentials these are. It needs no permission.
func (c *Client) GetCallerIdentity(ctx context.Context, from credentials.Credentials) (Identity, error) {
	w := c.wire("GetCallerIdentity", from, "", time.Time{})
	out, err := w.client().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, w.explain(ctx, err)
	}
	id := Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn), UserID: aws.ToString(out.UserId)}
	if !isAccount(id.Account) || !isPrincipal(id.ARN, id.Account) || !isShown(id.UserID, 512) {
		return Identity{}, w.local(BadAnswer, "the identity in the answer is not of AWS's form")
	}
	return id, nil
}

func seconds(d time.Duration) *int32 {
	if d <= 0 {
		return nil
	}
	return aws.Int32(int32(min(d/time.Second, 1<<31-1)))
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func policies(arns []string) []types.PolicyDescriptorType {
	var out []types.PolicyDescriptorType
	for _, arn := range arns {
		out = append(out, types.PolicyDescriptorType{Arn: aws.String(arn)})
	}
	return out
}

func tags(in []Tag) []types.Tag {
	var out []types.Tag
	for _, t := range in {
		out = append(out, types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)})
	}
	return out
}

// wire carries one call between the SDK, which writes the form and reads the
// answer, and this room, which signs and sends: signing belongs to each
// sending, by the server's clock, and only here is it known whether bytes have
// left.
type wire struct {
	c    *Client
	req  request
	sent bool
	err  *Error
}

func (c *Client) wire(action string, from credentials.Credentials, code string, until time.Time) *wire {
	return &wire{c: c, req: request{at: c.sts, action: action, from: from, code: code, until: until}}
}

func (w *wire) client() *sts.Client {
	return sts.New(sts.Options{
		Region:                     w.c.sts.region,
		Credentials:                aws.CredentialsProviderFunc(w.keys),
		HTTPClient:                 w,
		HTTPSignerV4:               w,
		EndpointResolverV2:         w,
		Retryer:                    aws.NopRetryer{},
		DisableClockSkewCorrection: true,
	})
}

func (w *wire) keys(context.Context) (aws.Credentials, error) {
	return aws.Credentials{
		AccessKeyID:     w.req.from.AccessKeyID(),
		SecretAccessKey: w.req.from.SecretAccessKey(),
		SessionToken:    w.req.from.SessionToken(),
	}, nil
}

// ResolveEndpoint gives the SDK a host to write down; send takes the true one,
// which may be an IPv6 address that the SDK would refuse.
func (w *wire) ResolveEndpoint(context.Context, sts.EndpointParameters) (smithyendpoints.Endpoint, error) {
	return smithyendpoints.Endpoint{URI: url.URL{Scheme: "https", Host: "sts.amazonaws.com"}}, nil
}

// SignHTTP leaves signing to send.
func (w *wire) SignHTTP(context.Context, aws.Credentials, *http.Request, string, string, string, time.Time, ...func(*v4.SignerOptions)) error {
	return nil
}

// Do sends what the SDK wrote and hands back a success alone.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	form, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.req.form, w.sent = form, true
	body, e := w.c.send(r.Context(), w.req)
	if e != nil {
		w.err = e
		return nil, e
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"text/xml"}},
		Body:       io.NopCloser(bytes.NewReader(body)),
		Request:    r,
	}, nil
}

// explain prefers what this room knows of a failure to the SDK's words, which
// may quote the answer.
func (w *wire) explain(ctx context.Context, err error) error {
	switch {
	case w.err != nil:
		return w.err
	case w.sent:
		return w.local(BadAnswer, "the answer lacks what was asked for")
	case ctx.Err() != nil:
		return w.c.interrupted(ctx, w.req, false)
	}
	if op := (*smithy.OperationError)(nil); errors.As(err, &op) {
		err = op.Err // the operation is named already
	}
	return w.c.complete(&Error{Kind: BadRequest, Err: err}, w.req)
}

func (w *wire) local(kind Kind, detail string) error {
	return w.c.complete(&Error{Kind: kind, Sent: w.sent, detail: detail}, w.req)
}

// accept believes credentials only when every part is of AWS's form and the
// expiry makes sense by the server's clock.
func (w *wire) accept(got *types.Credentials, asked, granted time.Duration) (credentials.Credentials, error) {
	none := credentials.Credentials{}
	if got == nil || got.Expiration == nil {
		return none, w.local(BadAnswer, "the answer lacks credentials or their expiry")
	}
	creds, err := credentials.New(aws.ToString(got.AccessKeyId), aws.ToString(got.SecretAccessKey), aws.ToString(got.SessionToken), got.Expiration.UTC())
	if err != nil {
		return none, w.local(BadAnswer, "the answer's credentials are refused: "+err.Error())
	}
	if creds.SessionToken() == "" {
		return none, w.local(BadAnswer, "the answer lacks a session token")
	}
	if asked > 0 {
		granted = asked
	}
	if why := absurd(creds.Expires(), w.c.cfg.Now(), w.c.serverNow(), granted); why != nil {
		return none, w.local(BadAnswer, why.Error())
	}
	return creds, nil
}

// absurd says why an expiry is not believed. For a life that is too long both
// clocks must agree: a code was spent on the answer, and a Date header alone,
// which a gateway may have written, is no reason to throw it away.
func absurd(expires, local, server time.Time, granted time.Duration) error {
	if !expires.After(server) {
		return errors.New("the credentials in the answer have already expired")
	}
	if latest := granted + extraLife; expires.After(server.Add(latest)) && expires.After(local.Add(latest)) {
		return errors.New("the credentials in the answer outlive what was asked for")
	}
	return nil
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// isPrincipal takes ARNs of users, roles' sessions, federated users and root,
// of the account that the answer names.
func isPrincipal(arn, account string) bool {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || !isShown(arn, 2048) {
		return false
	}
	return parts[0] == "arn" && isRegion(parts[1]) && (parts[2] == "iam" || parts[2] == "sts") &&
		parts[3] == "" && parts[4] == account && parts[5] != ""
}

// isShown takes visible ASCII, the widest class that IAM has for a name.
func isShown(s string, max int) bool {
	if s == "" || len(s) > max {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
