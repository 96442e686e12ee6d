package stsclient

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"awsmfa/credentials"
)

// answering is the HTTP client of a server that says one thing only, judged as
// every answer is.
type answering struct {
	w    *wire
	body string
}

func (a answering) Do(r *http.Request) (*http.Response, error) {
	body, e := judge(a.w.req, answer{status: http.StatusOK, header: http.Header{}, body: []byte(a.body)})
	if a.w.sent = true; e != nil {
		a.w.err = e
		return nil, e
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body))), Request: r}, nil
}

// Whatever STS answers to a request for a session: credentials of AWS's form
// that live as long as asked for, or one clean line without what was in them.
func FuzzSessionAnswer(f *testing.F) {
	good := sessionXML(inTwelve)
	for _, body := range []string{
		good, sessionXML("2126-03-01T12:00:00Z"), sessionXML("2026-03-01T11:59:59Z"), sessionXML("x"), errorXML("AccessDenied", "no"), roleXML(inTwelve),
		strings.Replace(good, testSecret, "a'b$(touch pwned)", 1), strings.Replace(good, testSecret, "a&#10;b", 1), strings.Replace(good, testSecret, "&#27;[31m", 1),
		strings.Replace(good, "ASIAIOSFODNN7EXAMPLE", "ASIA<b/>IOSFODNN7EXAMPLE", 1), strings.Replace(good, "ASIAIOSFODNN7EXAMPLE", "<![CDATA[ASIAIOSFODNN7EXAMPLE]]>", 1),
		strings.Replace(good, "<Credentials>", "<Credentials></Credentials><Credentials>", 1), good[:len(good)/2], "", "<html>",
	} {
		f.Add(body)
	}
	c, _ := client(f, Config{})
	from, err := credentials.New("AKIAIOSFODNN7EXAMPLE", testSecret, "", time.Time{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := c.wire("GetSessionToken", from, testCode, time.Time{})
		api := sts.New(w.client().Options(), func(o *sts.Options) { o.HTTPClient = answering{w, body} })
		out, err := api.GetSessionToken(context.Background(), &sts.GetSessionTokenInput{TokenCode: aws.String(testCode)})
		var got credentials.Credentials
		if err != nil {
			err = w.explain(context.Background(), err)
		} else {
			got, err = w.accept(out.Credentials, 12*time.Hour, defaultSession)
		}
		if err != nil {
			if text := err.Error(); text == "" || strings.ContainsAny(text, "\n\r\x1b\a") || strings.Contains(text, testSecret) || strings.Contains(text, testCode) {
				t.Errorf("text %q", text)
			}
			return
		}
		for _, part := range []string{got.AccessKeyID(), got.SecretAccessKey(), got.SessionToken()} {
			if part == "" || strings.ContainsAny(part, " \t\r\n'\"`$\\;&|<>(){}*?\x00\x1b") {
				t.Errorf("took %+q", part)
			}
		}
		if life := got.Expires().Sub(noon); life <= 0 || life > 12*time.Hour+extraLife {
			t.Errorf("lives for %v", life)
		}
	})
}
