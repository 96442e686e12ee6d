package ststest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// require skips the test where a program is missing, unless AWSMFA_REQUIRE_SHELLS
// lists it, separated by commas or blanks.
func require(t *testing.T, name string, missing bool) {
	t.Helper()
	if !missing {
		return
	}
	required := strings.FieldsFunc(os.Getenv("AWSMFA_REQUIRE_SHELLS"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(required, name) {
		t.Fatalf("%s is missing, and AWSMFA_REQUIRE_SHELLS lists it", name)
	}
	t.Skipf("%s is missing", name)
}

// cleanEnv keeps clients away from the real files and from the network.
func cleanEnv(t *testing.T, more ...string) []string {
	home := t.TempDir()
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1",
		"AWS_CONFIG_FILE=" + filepath.Join(home, "config"), "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "credentials"), "NO_PROXY=127.0.0.1",
	}, more...)
}

// interop is a server on the real clock, since the clients sign by theirs.
func interop(t *testing.T) (*Server, *User) {
	s := New()
	must(t, s.Start())
	t.Cleanup(func() { s.Close() })
	dev := s.NewUser("dev")
	must(t, s.AddRole(Role{ARN: interopRole, RequireMFA: true, MaxDuration: 12 * time.Hour}))
	return s, dev
}

const interopRole = "arn:aws:iam::111122223333:role/team/admin"

// wrongCode is not good anywhere near now.
func (u *User) wrongCode() string {
	now := stepOf(u.server.clock.Now())
	for _, code := range []string{"000000", "111111", "222222"} {
		good := false
		for step := now - 3; step <= now+30; step++ {
			good = good || codeAt(u.Seed, step) == code
		}
		if !good {
			return code
		}
	}
	return "333333"
}

func TestBoto3(t *testing.T) {
	python, err := exec.LookPath("python3")
	require(t, "boto3", err != nil)
	s, dev := interop(t)
	for _, name := range []string{"b", "c", "d"} {
		_, err := dev.AddDevice(name)
		must(t, err)
	}
	input, err := json.Marshal(map[string]any{"url": s.URL(), "user": dev, "role": interopRole, "wrong": dev.wrongCode(), "codes": []string{dev.NextCode(), dev.NextCode()}})
	must(t, err)
	c := exec.Command(python, "testdata/interop.py")
	c.Env, c.Stdin = cleanEnv(t), bytes.NewReader(input)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err = c.Run()
	require(t, "boto3", c.ProcessState != nil && c.ProcessState.ExitCode() == 77)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var got map[string]any
	must(t, json.Unmarshal(stdout.Bytes(), &got))
	expiration, err := time.Parse(time.RFC3339, got["expiration"].(string))
	must(t, err)
	if left := expiration.Sub(s.Clock().Now()); left > time.Hour || left < 59*time.Minute || expiration.Nanosecond() != 0 {
		t.Errorf("expiration %s", got["expiration"])
	}
	const assumed = "arn:aws:sts::111122223333:assumed-role/admin/dev@x"
	const unknown = "403 InvalidClientTokenId " + invalidToken
	for name, want := range map[string]string{
		"identity": dev.ARN, "user": dev.ARN, "session identity": dev.ARN, "assumed": assumed, "role identity": assumed,
		"wrong secret": "403 SignatureDoesNotMatch " + mismatch, "unknown key": unknown, "other partition": unknown,
		"missing token": unknown, "damaged token": unknown, "iam without mfa": unknown,
		"wrong code": "403 AccessDenied " + badCode, "reused code": "403 AccessDenied " + badCode, "wrong serial": "403 AccessDenied " + badSerial,
		"short code": "400 ValidationError " + violation("'12345'", "tokenCode", "Member must have length greater than or equal to 6"),
		"duration":   "400 ValidationError " + violation("'899'", "durationSeconds", "Member must have value greater than or equal to 900"),
		"login":      "ok", "role with mfa": "ok", "direct two hours": "ok",
		"session login":     "403 AccessDenied Cannot call GetSessionToken with session credentials",
		"role without mfa":  "403 AccessDenied User: " + dev.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + interopRole,
		"chained two hours": "400 ValidationError The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
		"bad name":          "400 ValidationError " + violation("'a b'", "roleSessionName", `Member must satisfy regular expression pattern: [\w+=,.@-]*`),
	} {
		if got[name] != want {
			t.Errorf("%s:\n got %v\nwant %s", name, got[name], want)
		}
	}
	if got["presigned"] != true {
		t.Errorf("presigned URL: %v", got["presigned"])
	}
	if n := len(got["devices"].([]any)); n != 4 {
		t.Errorf("%d devices on two pages", n)
	}
}

func TestAWSCLI(t *testing.T) {
	program, err := exec.LookPath("aws")
	require(t, "aws", err != nil)
	s, dev := interop(t)
	run := func(id, secret string, args ...string) (string, error) {
		c := exec.Command(program, append([]string{"--endpoint-url", s.URL(), "--region", "eu-west-1", "--output", "text"}, args...)...)
		c.Env = cleanEnv(t, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret)
		out, err := c.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	code := dev.NextCode()
	login := []string{"sts", "get-session-token", "--serial-number", dev.MFASerial, "--token-code", code, "--query", "Credentials.AccessKeyId"}
	for _, test := range []struct {
		name, secret string
		args         []string
		fails        bool
		want         string
	}{
		{"login", dev.SecretAccessKey, login, false, "ASIA"},
		{"reused code", dev.SecretAccessKey, login, true, "(AccessDenied) when calling the GetSessionToken operation: " + badCode},
		{"wrong secret", dev.SecretAccessKey + "x", []string{"sts", "get-caller-identity"}, true, "(SignatureDoesNotMatch)"},
		{"devices", dev.SecretAccessKey, []string{"iam", "list-mfa-devices", "--query", "MFADevices[].SerialNumber"}, false, dev.MFASerial},
	} {
		out, err := run(dev.AccessKeyID, test.secret, test.args...)
		if (err != nil) != test.fails || !strings.Contains(out, test.want) {
			t.Errorf("%s: %v\n%s", test.name, err, out)
		}
	}
	if n := len(s.CodesSeenTwice()); n != 1 {
		t.Errorf("codes seen twice: %d", n)
	}
}

// The Go SDK signs, retries by the Date header after a skew, and maps errors.
func TestGoSDK(t *testing.T) {
	s, dev := interop(t)
	client := sts.New(sts.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(s.URL()), RetryMaxAttempts: 2,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: dev.AccessKeyID, SecretAccessKey: dev.SecretAccessKey}, nil
		}),
	})
	login := &sts.GetSessionTokenInput{SerialNumber: &dev.MFASerial, TokenCode: aws.String(dev.NextCode())}
	out, err := client.GetSessionToken(t.Context(), login)
	must(t, err)
	if len(*out.Credentials.SessionToken) != 484 {
		t.Errorf("token of %d", len(*out.Credentials.SessionToken))
	}
	_, err = client.GetSessionToken(t.Context(), login)
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "AccessDenied" || refused.ErrorMessage() != badCode {
		t.Errorf("reused code: %v", err)
	}
	s.Clock().Advance(time.Hour)
	s.ForgetRequests()
	who, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	must(t, err)
	log := s.Requests()
	if *who.Arn != dev.ARN || len(log) != 2 || !strings.HasPrefix(log[0].Message, "Signature expired: ") || log[1].Status != 200 {
		t.Errorf("after a skew of an hour: %+v", log)
	}
}
