package profile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

const (
	testKey    = "AKIAIOSFODNN7EXAMPLE"
	testSecret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
)

// home writes both files below a new home directory and loads them.
func home(t testing.TB, config, shared string) *Files {
	t.Helper()
	f, err := tryHome(t, config, shared)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func tryHome(t testing.TB, config, shared string) (*Files, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := Locate(func(string) string { return "" }, dir)
	for path, text := range map[string]string{p.Config: config, p.Credentials: shared} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(p)
}

func kindOf(err error) (Kind, bool) {
	var e *Error
	ok := errors.As(err, &e)
	if !ok {
		return 0, false
	}
	return e.Kind, true
}

const keyText = "aws_access_key_id = " + testKey + "\naws_secret_access_key = " + testSecret + "\n"

func TestResolveRoleChain(t *testing.T) {
	f := home(t, `[profile base]
region = eu-west-1
mfa_serial = arn:aws:iam::111122223333:mfa/ann
mfa_process = code

[profile dev]
role_arn = arn:aws:iam::111122223333:role/dev
source_profile = base

[profile deep]
role_arn = arn:aws:iam::444455556666:role/deep
source_profile = dev
duration_seconds = 30m
`, "[base]\n"+keyText)
	r, err := f.Resolve(Request{Profile: "deep"})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Chain; len(got) != 3 || got[0] != "deep" || got[2] != "base" {
		t.Errorf("chain %q", got)
	}
	if len(r.Roles) != 2 || r.Roles[0].Profile != "dev" || r.Roles[1].Profile != "deep" {
		t.Errorf("roles %+v", r.Roles)
	}
	if r.Source.Kind != SourceKeys || r.Source.Keys.AccessKeyID() != testKey || r.Source.Profile != "base" {
		t.Errorf("source %+v", r.Source)
	}
	if got := r.MFASerial.Origin.String(); got != "~/.aws/config:3" {
		t.Errorf("serial from %s", got)
	}
	if r.Region.Text != "eu-west-1" || r.MFAProcess.Text != "code" || r.Partition != "aws" {
		t.Errorf("region %q process %q partition %q", r.Region.Text, r.MFAProcess.Text, r.Partition)
	}
	if r.Duration.Minutes() != 30 || r.DurationFrom.Origin.Line != 13 {
		t.Errorf("duration %s from %s", r.Duration, r.DurationFrom.Origin)
	}
}
