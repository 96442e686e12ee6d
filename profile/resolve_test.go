package profile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// envOf is an environment that notes which variables were asked for.
type envOf struct {
	vars  map[string]string
	asked map[string]bool
}

func env(pairs ...string) *envOf {
	e := &envOf{make(map[string]string), make(map[string]bool)}
	for i := 0; i < len(pairs); i += 2 {
		e.vars[pairs[i]] = pairs[i+1]
	}
	return e
}

func (e *envOf) get(name string) string {
	e.asked[name] = true
	return e.vars[name]
}

const chainText = `[default]
region = us-east-1
ca_bundle = /default.pem
role_arn = arn:aws:iam::111122223333:role/never
mfa_serial = arn:aws:iam::111122223333:mfa/never
endpoint_url = https://never.example.com

[profile base]
region = eu-west-1
mfa_serial = arn:aws:iam::111122223333:mfa/base
mfa_process = base-code
use_fips_endpoint = TRUE
endpoint_url = https://base.example.com
services = local
` + keyText + `
[profile mid]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/mid
role_session_name = middle

[profile top]
source_profile = mid
role_arn = arn:aws:iam::444455556666:role/path/top
external_id = x:1/2
source_identity = ann
session_tags = Team = blue , env=dev
transitive_session_tags = Team
policy_arns = arn:aws:iam::aws:policy/ReadOnlyAccess, arn:aws:iam::111122223333:policy/p
duration_seconds = 1h30m

[services local]
sts =
  endpoint_url = https://sts.example.com
`

func resolve(t *testing.T, f *Files, req Request) *Resolved {
	t.Helper()
	r, err := f.Resolve(req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func expect(t *testing.T, what string, got Value, text, origin string) {
	t.Helper()
	if got.Text != text || got.Origin.String() != origin {
		t.Errorf("%s: %q at %q, want %q at %q", what, got.Text, got.Origin, text, origin)
	}
}

func TestInheritance(t *testing.T) {
	f := home(t, chainText, "")
	r := resolve(t, f, Request{Profile: "top"})
	expect(t, "serial", r.MFASerial, "arn:aws:iam::111122223333:mfa/base", "~/.aws/config:10")
	expect(t, "process", r.MFAProcess, "base-code", "~/.aws/config:11")
	expect(t, "region", r.Region, "eu-west-1", "~/.aws/config:9")
	expect(t, "bundle", r.CABundle, "/default.pem", "~/.aws/config:3")
	expect(t, "sts", r.STSEndpoint, "https://sts.example.com", "~/.aws/config:35")
	expect(t, "iam", r.IAMEndpoint, "https://base.example.com", "~/.aws/config:13")
	expect(t, "fips", r.FIPSFrom, "TRUE", "~/.aws/config:12")
	if !r.FIPS || r.DualStack || r.DualStackFrom.IsSet() || r.RegionalSTS.IsSet() {
		t.Errorf("%+v", r)
	}
	if r.Partition != "aws" || r.Duration.Minutes() != 90 || len(r.Warnings) != 0 {
		t.Errorf("partition %q duration %s warnings %v", r.Partition, r.Duration, r.Warnings)
	}
	mid, top := r.Roles[0], r.Roles[1]
	expect(t, "session name", mid.SessionName, "middle", "~/.aws/config:21")
	if mid.Duration != 0 || top.Duration.Minutes() != 90 || top.SessionName.IsSet() {
		t.Errorf("%+v", r.Roles)
	}
	expect(t, "external id", top.ExternalID, "x:1/2", "~/.aws/config:26")
	expect(t, "identity", top.SourceIdentity, "ann", "~/.aws/config:27")
	if got := fmt.Sprintln(top.Tags, top.TransitiveTags, len(top.PolicyARNs), top.PolicyARNs[1]); got != "[{Team blue} {env dev}] [Team] 2 arn:aws:iam::111122223333:policy/p\n" {
		t.Error(got)
	}
}

func TestKeyProfileTakesNothingOfOthers(t *testing.T) {
	f := home(t, chainText+"[profile alone]\n"+strings.ReplaceAll(keyText, "AKIAIOS", "AKIAXXX"), "")
	r := resolve(t, f, Request{Profile: "alone"})
	if r.MFASerial.IsSet() || len(r.Roles) != 0 || r.STSEndpoint.IsSet() || r.Duration != 0 || r.Partition != "" {
		t.Errorf("%+v", r)
	}
	expect(t, "region", r.Region, "us-east-1", "~/.aws/config:2")
}

func TestSerialOrder(t *testing.T) {
	const other = "[profile other]\nmfa_serial = arn:aws:iam::111122223333:mfa/other\nsource_profile = base\n" + roleText
	plain := "[profile base]\n" + keyText + "[profile dev]\nsource_profile = base\n" + roleText
	flag := Value{"arn:aws-cn:iam::111122223333:mfa/flag", Origin{Name: "--mfa-serial"}}
	both := env("AWSMFA_MFA_SERIAL", "GAHT00000001", "AWS_MFA_SERIAL", "GAHT00000002")
	for _, test := range []struct {
		name, config string
		given        Value
		env          *envOf
		want, origin string
	}{
		{"flag", plain + "mfa_serial = GAHT12345678\n", flag, both, flag.Text, "--mfa-serial"},
		{"profile", plain + "mfa_serial = GAHT12345678\n" + other, Value{}, both, "GAHT12345678", "~/.aws/config:7"},
		{"variable", plain + other, Value{}, both, "GAHT00000001", "AWSMFA_MFA_SERIAL"},
		{"shared variable", plain + other, Value{}, env("AWS_MFA_SERIAL", "GAHT00000002"), "GAHT00000002", "AWS_MFA_SERIAL"},
		{"other profile", plain + other, Value{}, env(), "arn:aws:iam::111122223333:mfa/other", "~/.aws/config:8"},
		{"other but FIDO", plain + strings.ReplaceAll(other, ":mfa/", ":u2f/"), Value{}, env(), "", ""},
		{"other with a slip", plain + "[profile slip]\nmfa_serial = alice\nsource_profile = base\n" + roleText + other, Value{}, env(), "arn:aws:iam::111122223333:mfa/other", "~/.aws/config:12"},
		{"other loops", plain + "[profile x]\nmfa_serial = GAHT12345678\nsource_profile = y\n[profile y]\nsource_profile = x\n", Value{}, env(), "", ""},
		{"none", plain, Value{}, env(), "", ""},
	} {
		r := resolve(t, home(t, test.config, ""), Request{Profile: "dev", Getenv: test.env.get, MFASerial: test.given})
		expect(t, test.name, r.MFASerial, test.want, test.origin)
	}
	if r := resolve(t, home(t, plain, ""), Request{Profile: "base", MFASerial: flag}); r.Partition != "aws-cn" {
		t.Errorf("partition %q", r.Partition)
	}
}

// TestVariablesAsked: a variable that cannot change the answer is not asked
// for, since every one asked makes a remembered answer depend on it.
func TestVariablesAsked(t *testing.T) {
	f := home(t, chainText, "")
	e := env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
	resolve(t, f, Request{Profile: "base", Getenv: e.get})
	for name, want := range map[string]bool{
		"AWS_ENDPOINT_URL_STS": true, "AWS_ENDPOINT_URL_IAM": true, "AWS_ENDPOINT_URL": true,
		"AWS_CA_BUNDLE": true, "AWS_USE_FIPS_ENDPOINT": true, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": true,
		"AWS_ROLE_SESSION_NAME": false, "AWSMFA_MFA_SERIAL": false, "AWS_MFA_SERIAL": false,
		"AWS_ACCESS_KEY_ID": false, "AWS_PROFILE": false, "AWS_REGION": false,
	} {
		if e.asked[name] != want {
			t.Errorf("%s asked: %v", name, e.asked[name])
		}
	}
}

func TestVariablesWin(t *testing.T) {
	f := home(t, chainText, "")
	e := env("AWS_CA_BUNDLE", "/env.pem", "AWS_USE_FIPS_ENDPOINT", "false", "AWS_USE_DUALSTACK_ENDPOINT", "true",
		"AWS_STS_REGIONAL_ENDPOINTS", "Legacy", "AWS_ENDPOINT_URL", "http://localhost:9", "AWS_ENDPOINT_URL_STS", "http://localhost:8",
		"AWS_ROLE_SESSION_NAME", "from.env")
	r := resolve(t, f, Request{Profile: "top", Getenv: e.get})
	expect(t, "bundle", r.CABundle, "/env.pem", "AWS_CA_BUNDLE")
	expect(t, "fips", r.FIPSFrom, "false", "AWS_USE_FIPS_ENDPOINT")
	expect(t, "regional", r.RegionalSTS, "legacy", "AWS_STS_REGIONAL_ENDPOINTS")
	expect(t, "sts", r.STSEndpoint, "http://localhost:8", "AWS_ENDPOINT_URL_STS")
	expect(t, "iam", r.IAMEndpoint, "http://localhost:9", "AWS_ENDPOINT_URL")
	expect(t, "top's session name", r.Roles[1].SessionName, "from.env", "AWS_ROLE_SESSION_NAME")
	expect(t, "mid's session name", r.Roles[0].SessionName, "middle", "~/.aws/config:21")
	if r.FIPS || !r.DualStack {
		t.Errorf("fips %v dual stack %v", r.FIPS, r.DualStack)
	}
	for variable, value := range map[string]string{
		"AWS_ENDPOINT_URL_STS": "http://example.com", "AWS_ROLE_SESSION_NAME": "a b",
		"AWS_USE_FIPS_ENDPOINT": "1", "AWS_STS_REGIONAL_ENDPOINTS": "x",
	} {
		_, err := f.Resolve(Request{Profile: "top", Getenv: env(variable, value).get})
		if err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s=%s: %v", variable, value, err)
		}
	}
}

func TestEndpointsIgnored(t *testing.T) {
	f := home(t, chainText+"[profile quiet]\nsource_profile = base\nignore_configured_endpoint_urls = true\n"+roleText, "")
	for name, req := range map[string]Request{
		"variable": {Profile: "top", Getenv: env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", "AWS_ENDPOINT_URL", "http://localhost:9").get},
		"key":      {Profile: "quiet"},
	} {
		if r := resolve(t, f, req); r.STSEndpoint.IsSet() || r.IAMEndpoint.IsSet() {
			t.Errorf("%s: %v %v", name, r.STSEndpoint, r.IAMEndpoint)
		}
	}
	e := env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false")
	if r := resolve(t, f, Request{Profile: "quiet", Getenv: e.get}); !r.STSEndpoint.IsSet() {
		t.Error("the variable does not beat the key")
	}
}

func TestEndpointOrderInProfile(t *testing.T) {
	f := home(t, "[profile dev]\nendpoint_url = https://all.example.com\nservices = s\n"+keyText+"[services s]\nsts =\n  endpoint_url = https://sts.example.com\niam =\n", "")
	r := resolve(t, f, Request{Profile: "dev"})
	expect(t, "sts", r.STSEndpoint, "https://sts.example.com", "~/.aws/config:8")
	expect(t, "iam", r.IAMEndpoint, "https://all.example.com", "~/.aws/config:2")
}

func TestSources(t *testing.T) {
	sso := "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = admin\n"
	corp := "[sso-session corp]\nsso_start_url = https://corp.example.com\nsso_region = eu-west-1\n"
	for _, test := range []struct {
		name, config, shared string
		kind                 SourceKind
		holder, text         string
		roles                int
		warnings             string
	}{
		{"key", "[profile dev]\n" + keyText, "", SourceKeys, "dev", "", 0, ""},
		{"key in both files", "[profile dev]\nregion = eu-west-1\n", "[dev]\n" + keyText, SourceKeys, "dev", "", 0, ""},
		{"token", "[profile dev]\n" + keyText + "aws_session_token = abcd\n", "", SourceSession, "dev", "", 0, ""},
		{"old name of a token", "[profile dev]\n" + keyText + "aws_security_token = abcd\n", "", SourceSession, "dev", "", 0, ""},
		{"ASIA", "[profile dev]\n" + strings.ReplaceAll(keyText, "AKIA", "ASIA"), "", SourceSession, "dev", "", 0, ""},
		{"token in the other file", "[profile dev]\n" + keyText + "aws_session_token = abcd\n", "[dev]\n" + keyText, SourceKeys, "dev", "", 0, "session token"},
		{"halves", "[profile dev]\naws_access_key_id = " + testKey, "[dev]\naws_secret_access_key = " + testSecret, SourceKeys, "dev", "", 0, "two files"},
		{"process", "[profile dev]\ncredential_process = x \"y z\"\n", "", SourceProcess, "dev", `x "y z"`, 0, ""},
		{"role on a process", "[profile p]\ncredential_process = x\n[profile dev]\nsource_profile = p\n" + roleText, "", SourceProcess, "p", "x", 1, ""},
		{"role on its own process", "[profile dev]\ncredential_process = x\nsource_profile = dev\n" + roleText, "", SourceProcess, "dev", "x", 1, ""},
		{"sso", "[profile dev]\n" + sso + corp, "", SourceSSO, "dev", "sso_account_id=111122223333\nsso_role_name=admin\nsso_session=corp\nsession.sso_start_url=https://corp.example.com\nsession.sso_region=eu-west-1", 0, ""},
		{"role on sso", "[profile s]\n" + sso + corp + "[profile dev]\nsource_profile = s\n" + roleText, "", SourceSSO, "s", "sso_account_id=111122223333\nsso_role_name=admin\nsso_session=corp\nsession.sso_start_url=https://corp.example.com\nsession.sso_region=eu-west-1", 1, ""},
		{"old sso", "[profile dev]\nsso_account_id = 1\nsso_role_name = r\nsso_start_url = u\nsso_region = g\n", "", SourceSSO, "dev", "sso_account_id=1\nsso_role_name=r\nsso_start_url=u\nsso_region=g", 0, ""},
		{"login", "[profile dev]\nlogin_session = l\n", "", SourceLogin, "dev", "login_session=l", 0, ""},
		{"web identity", "[profile dev]\nweb_identity_token_file = /t\n" + roleText, "", SourceWebIdentity, "dev", "web_identity_token_file=/t\n" + strings.TrimSpace(strings.ReplaceAll(roleText, " = ", "=")), 0, ""},
		{"credential source", "[profile dev]\ncredential_source = EcsContainer\nexternal_id = xx\n" + roleText, "", SourceCredentialSource, "dev", "credential_source=EcsContainer\n" + strings.ReplaceAll(roleText, " = ", "=") + "external_id=xx", 0, ""},
		{"role on a credential source", "[profile c]\ncredential_source = EcsContainer\n" + roleText + "[profile dev]\nsource_profile = c\n" + roleText, "", SourceCredentialSource, "c", "credential_source=EcsContainer\n" + strings.TrimSpace(strings.ReplaceAll(roleText, " = ", "=")), 1, ""},
		{"key before process", "[profile dev]\ncredential_process = x\n" + keyText, "", SourceKeys, "dev", "", 0, "credential_process beside"},
		{"key before sso", "[profile dev]\n" + sso + keyText + corp, "", SourceKeys, "dev", "", 0, "sso_account_id beside"},
		{"source without role", "[profile base]\n" + keyText + "[profile dev]\nsource_profile = base\n", "", SourceKeys, "base", "", 0, "no role_arn"},
		{"own key, source without role", "[profile base]\n[profile dev]\nsource_profile = base\n" + keyText, "", SourceKeys, "dev", "", 0, ""},
		{"self", "[profile dev]\nsource_profile = dev\n" + roleText + keyText, "", SourceKeys, "dev", "", 1, ""},
		{"source with key and role", "[profile m]\nsource_profile = x\n" + roleText + keyText + "[profile dev]\nsource_profile = m\n" + roleText, "", SourceKeys, "m", "", 1, "not used"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := resolve(t, home(t, test.config, test.shared), Request{Profile: "dev"})
			if r.Source.Kind != test.kind || r.Source.Profile != test.holder || r.Source.Text.Text != test.text || len(r.Roles) != test.roles {
				t.Errorf("%s of %s, %q, %d roles", r.Source.Kind, r.Source.Profile, r.Source.Text.Text, len(r.Roles))
			}
			if last := r.Chain[len(r.Chain)-1]; last != test.holder || r.Chain[0] != "dev" {
				t.Errorf("chain %q", r.Chain)
			}
			if hasKeys := test.kind == SourceKeys || test.kind == SourceSession; r.Source.Keys.IsZero() == hasKeys {
				t.Error("key and kind do not fit")
			}
			if r.Source.Origin.Line == 0 || !hasKeysOrText(r) {
				t.Errorf("origin %s", r.Source.Origin)
			}
			var text string
			for _, w := range r.Warnings {
				text += w.Origin.String() + " " + w.Text + "\n"
			}
			if (text == "") != (test.warnings == "") || !strings.Contains(text, test.warnings) {
				t.Errorf("warnings %q, want %q", text, test.warnings)
			}
		})
	}
}

func hasKeysOrText(r *Resolved) bool { return r.Source.Text.IsSet() == r.Source.Keys.IsZero() }

func TestPartitionsThatDiffer(t *testing.T) {
	f := home(t, "[profile base]\n"+serialText+keyText+"[profile dev]\nsource_profile = base\nrole_arn = arn:aws-cn:iam::111122223333:role/x\n", "")
	r := resolve(t, f, Request{Profile: "dev"})
	if r.Partition != "aws" || len(r.Warnings) != 1 || r.Warnings[0].Origin.Line != 7 {
		t.Errorf("partition %q, warnings %v", r.Partition, r.Warnings)
	}
	f = home(t, "[profile base]\n"+keyText+"[profile dev]\nsource_profile = base\nrole_arn = arn:aws-us-gov:iam::111122223333:role/x\n", "")
	if r := resolve(t, f, Request{Profile: "dev"}); r.Partition != "aws-us-gov" || len(r.Warnings) != 0 {
		t.Errorf("partition %q, warnings %v", r.Partition, r.Warnings)
	}
}

// TestSecretsHidden prints whatever holds keys in every way fmt knows.
func TestSecretsHidden(t *testing.T) {
	f := home(t, "[profile dev]\n"+keyText+"aws_session_token = ToKeNtOkEn\n", "")
	r := resolve(t, f, Request{Profile: "dev"})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		p, _ := f.Profile("dev")
		p.Get("region")
		if text := fmt.Sprintf(verb+verb+verb+verb, *r, f, p, []*Profile{p}); strings.Contains(text, testSecret) || strings.Contains(text, "ToKeNtOkEn") {
			t.Errorf("%s shows a secret", verb)
		}
	}
}

// What a source may follow in the environment tells it from another.
func TestContextOfSources(t *testing.T) {
	f := home(t, "[profile run]\ncredential_process = /bin/helper\n[profile around]\nrole_arn = arn:aws:iam::123456789012:role/x\ncredential_source = Environment\n", "")
	for profile, variables := range map[string][]string{
		"run":    {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"},
		"around": {"AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
	} {
		seen := map[string]bool{resolve(t, f, Request{Profile: profile}).Source.Context: true}
		for _, name := range variables {
			context := resolve(t, f, Request{Profile: profile, Getenv: env(name, "x").get}).Source.Context
			if seen[context] {
				t.Errorf("%s changes nothing for %s", name, profile)
			}
			seen[context] = true
		}
		other := home(t, "[profile run]\ncredential_process = /bin/helper\n", "")
		if profile == "run" && seen[resolve(t, other, Request{Profile: profile}).Source.Context] {
			t.Error("another config file changes nothing")
		}
	}
}
