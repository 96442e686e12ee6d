package ststest

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// A presigned query lives as long as it says, not five minutes.
func TestPresigned(t *testing.T) {
	s := started(t)
	dev := s.NewUser("dev")
	session := dev.session(t, true)
	presign := func(c aws.Credentials, change func(url.Values)) *http.Request {
		r, err := http.NewRequest("GET", s.URL()+"/?Action=GetCallerIdentity&Version="+stsVersion+"&X-Amz-Expires=900", nil)
		must(t, err)
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), c, r, hexHash(nil), "sts", "eu-west-1", s.Clock().Now())
		must(t, err)
		u, err := url.Parse(signed)
		must(t, err)
		q := u.Query()
		change(q)
		u.RawQuery = q.Encode()
		out, err := http.NewRequest("GET", u.String(), nil)
		must(t, err)
		return out
	}
	keep := func(url.Values) {}
	long := aws.Credentials{AccessKeyID: dev.AccessKeyID, SecretAccessKey: dev.SecretAccessKey}
	temporary := aws.Credentials{AccessKeyID: session.AccessKeyId, SecretAccessKey: session.SecretAccessKey, SessionToken: session.SessionToken}
	send(t, presign(long, keep)).want(t, 200, "", "")
	send(t, presign(temporary, keep)).want(t, 200, "", "")
	send(t, presign(long, func(q url.Values) { q.Set("X-Amz-Expires", "901") })).want(t, 403, "SignatureDoesNotMatch", mismatch)
	send(t, presign(long, func(q url.Values) { q.Set("Action", "GetSessionToken") })).want(t, 403, "SignatureDoesNotMatch", mismatch)
	send(t, presign(temporary, func(q url.Values) { q.Del("X-Amz-Security-Token") })).want(t, 403, "InvalidClientTokenId", invalidToken)
	send(t, presign(long, func(q url.Values) { q.Del("X-Amz-Signature") })).want(t, 400, "IncompleteSignature", "AWS query-string parameters requires 'Signature' parameter.")
	send(t, presign(long, func(q url.Values) { q.Set("X-Amz-Algorithm", "none") })).want(t, 400, "IncompleteSignature", "*")
	old := presign(long, keep)
	s.Clock().Advance(15 * time.Minute)
	send(t, old).want(t, 200, "", "")
	s.Clock().Advance(time.Second)
	send(t, old).wantPrefix(t, 403, "SignatureDoesNotMatch", "Signature expired: ")
}
