package profile

import (
	"fmt"
	"strings"
	"testing"
)

const (
	roleText   = "role_arn = arn:aws:iam::111122223333:role/dev\n"
	serialText = "mfa_serial = arn:aws:iam::111122223333:mfa/ann\n"
	devRole    = "[profile base]\n" + keyText + "[profile dev]\nsource_profile = base\n" + roleText
)

// TestBadInput holds kind, place and words of every refusal.
func TestBadInput(t *testing.T) {
	key := "[profile dev]\n" + keyText
	tags := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("k%d=v", i))
		}
		return strings.Join(list, ",")
	}
	arns := strings.Repeat("arn:aws:iam::aws:policy/ReadOnlyAccess,", 11)
	for _, test := range []struct {
		name, config, ask string
		kind              Kind
		key               string
		line              int // in the config file; 0: no place
		words             string
	}{
		{"unknown", key, "dve", NotFound, "", 0, `"dve" not found in ~/.aws/config`},
		{"empty name", key, "", BadName, "", 0, "empty"},
		{"control name", key, "a\x1b]0;x\ab", BadName, "", 0, `"a?]0;x?b"`},
		{"line break name", key, "dev\nx", BadName, "", 0, "control"},
		{"not UTF-8 name", key, "\xff", BadName, "", 0, "control"},
		{"no prefix", "\n[dev]\n" + keyText, "dev", SectionNeedsPrefix, "", 2, "[profile dev]"},
		{"misspelt prefix", "[Profile dev]\n" + keyText, "dev", SectionNeedsPrefix, "", 1, "[profile dev]"},
		{"upper case name", key, "DEV", NotFound, "", 0, `"DEV"`},
		{"unclosed", "[profile x]\n[profile dev\n" + keyText, "dev", NotFound, "", 2, "bracket"},
		{"no keys", "[profile dev]\nregion = eu-west-1\n", "dev", NoKeys, "", 1, "no access key"},
		{"no secret", "[profile dev]\naws_access_key_id = " + testKey, "dev", PartialKeys, "aws_secret_access_key", 2, "without aws_secret_access_key"},
		{"no id", "[profile dev]\naws_secret_access_key = " + testSecret, "dev", PartialKeys, "aws_access_key_id", 2, "without aws_access_key_id"},
		{"token alone", "[profile dev]\naws_session_token = abcd", "dev", PartialKeys, "aws_access_key_id", 2, "without aws_access_key_id"},
		{"id with blank", "[profile dev]\naws_secret_access_key = " + testSecret + "\naws_access_key_id = AKIA IOSFODNN7EXAMPLE", "dev", BadKeys, "aws_access_key_id", 3, "bad aws_access_key_id"},
		{"secret in odd quotes", "[profile dev]\naws_access_key_id = " + testKey + "\naws_secret_access_key = \"" + testSecret, "dev", BadKeys, "aws_secret_access_key", 3, "bad aws_secret_access_key"},
		{"bad token", key + "aws_session_token = $(id)", "dev", BadKeys, "aws_session_token", 4, "bad aws_session_token"},
		{"role not an ARN", devRole + "role_arn = dev", "dev", BadRole, "role_arn", 7, "not the ARN of a role"},
		{"role of a user", devRole + "role_arn = arn:aws:iam::111122223333:user/ann", "dev", BadRole, "role_arn", 7, "ARN of a user"},
		{"role of a policy", devRole + "role_arn = arn:aws:iam::111122223333:policy/p", "dev", BadRole, "role_arn", 7, "ARN of a policy"},
		{"role of STS", devRole + "role_arn = arn:aws:sts::111122223333:assumed-role/x/y", "dev", BadRole, "role_arn", 7, "not the ARN"},
		{"role with short account", devRole + "role_arn = arn:aws:iam::1111:role/devrole", "dev", BadRole, "role_arn", 7, "12 digits"},
		{"role without name", devRole + "role_arn = arn:aws:iam::111122223333:role/", "dev", BadRole, "role_arn", 7, "name"},
		{"role without source", "[profile dev]\n" + roleText, "dev", RoleWithoutSource, "role_arn", 2, "needs a source_profile"},
		{"role with its own key", "[profile dev]\n" + roleText + keyText, "dev", RoleWithoutSource, "role_arn", 2, "source_profile = dev"},
		{"source missing", "[profile dev]\nsource_profile = bse\n" + roleText + "[profile base]\n", "dev", SourceMissing, "source_profile", 2, `"bse" does not exist`},
		{"source of itself", "[profile dev]\nsource_profile = dev\n" + roleText, "dev", Loop, "source_profile", 2, "names itself"},
		{"loop", "[profile dev]\nsource_profile = b\n" + roleText + "[profile b]\nsource_profile = dev\n" + roleText, "dev", Loop, "source_profile", 5, "dev -> b -> dev (~/.aws/config:5)"},
		{"loop without roles", "[profile dev]\nsource_profile = b\n[profile b]\nsource_profile = dev\n", "dev", Loop, "source_profile", 4, "dev -> b -> dev"},
		{"two sources", "[profile dev]\nsource_profile = x\ncredential_source = Environment\n" + roleText, "dev", SourceConflict, "credential_source", 3, "exclude"},
		{"bad credential source", "[profile dev]\ncredential_source = Moon\n" + roleText, "dev", BadValue, "credential_source", 2, `"Moon"`},
		{"no sso session", "[profile dev]\nsso_session = x\nsso_account_id = 1\nsso_role_name = r\n", "dev", SourceMissing, "sso_session", 2, "[sso-session x]"},
		{"web identity without role", "[profile dev]\nweb_identity_token_file = /t\n", "dev", BadRole, "web_identity_token_file", 2, "role_arn"},
		{"duration 899", devRole + "duration_seconds = 899", "dev", BadDuration, "duration_seconds", 7, "900 to 43200"},
		{"duration 43201 of a role", devRole + "duration_seconds = 43201", "dev", BadDuration, "duration_seconds", 7, "900 to 43200"},
		{"duration 129601 of a key", key + "duration_seconds = 129601", "dev", BadDuration, "duration_seconds", 4, "900 to 129600"},
		{"duration abc", devRole + "duration_seconds = abc", "dev", BadDuration, "duration_seconds", 7, "not a duration"},
		{"duration -1", devRole + "duration_seconds = -1", "dev", BadDuration, "duration_seconds", 7, "not a duration"},
		{"duration 1e9", devRole + "duration_seconds = 1e9", "dev", BadDuration, "duration_seconds", 7, "not a duration"},
		{"session name", devRole + "role_session_name = a b", "dev", BadSessionName, "role_session_name", 7, "2 to 64"},
		{"external id of one", devRole + "external_id = x", "dev", BadExternalID, "external_id", 7, "2 to 1224"},
		{"source identity", devRole + "source_identity = aws:x", "dev", BadSourceIdentity, "source_identity", 7, "must"},
		{"51 tags", devRole + "session_tags = " + tags(51), "dev", BadTags, "session_tags", 7, "more than 50"},
		{"tag without value", devRole + "session_tags = a", "dev", BadTags, "session_tags", 7, "key=value"},
		{"tag twice", devRole + "session_tags = a=1,A=2", "dev", BadTags, "session_tags", 7, "twice"},
		{"tag of AWS", devRole + "session_tags = aws:a=1", "dev", BadTags, "session_tags", 7, "bad key"},
		{"tag key too long", devRole + "session_tags = " + strings.Repeat("k", 129) + "=1", "dev", BadTags, "session_tags", 7, "bad key"},
		{"tag value", devRole + "session_tags = a=<>", "dev", BadTags, "session_tags", 7, "bad value"},
		{"transitive tag", devRole + "transitive_session_tags = <>", "dev", BadTags, "transitive_session_tags", 7, "bad key"},
		{"11 policies", devRole + "policy_arns = " + arns, "dev", BadPolicy, "policy_arns", 7, "more than 10"},
		{"policy is a role", devRole + "policy_arns = arn:aws:iam::111122223333:role/x", "dev", BadPolicy, "policy_arns", 7, "not the ARN of a policy"},
		{"region path", key + "region = ../../x", "dev", BadRegion, "region", 4, `"../../x"`},
		{"region host", key + "region = evil.com/", "dev", BadRegion, "region", 4, `"evil.com/"`},
		{"region of default", key + "[default]\nregion = no one", "dev", BadRegion, "region", 5, `"no one"`},
		{"region goes on", key + "region = eu-west-1\n  and on", "dev", BadValue, "region", 4, "next line"},
		{"serial with escape", key + "mfa_serial = a\x1bb", "dev", BadValue, "mfa_serial", 4, "control characters"},
		{"source with line separator", devRole + "source_profile = a\u2028b", "dev", BadValue, "source_profile", 7, "control characters"},
		{"process with vertical tab", "[profile dev]\ncredential_process = a\vb", "dev", BadValue, "credential_process", 2, "control characters"},
		{"endpoint in the clear", key + "endpoint_url = http://example.com", "dev", BadEndpoint, "endpoint_url", 4, "https"},
		{"endpoint with password", key + "endpoint_url = https://u:hunter2@example.com", "dev", BadEndpoint, "endpoint_url", 4, "password"},
		{"endpoint without scheme", key + "endpoint_url = example.com", "dev", BadEndpoint, "endpoint_url", 4, "https://"},
		{"services missing", key + "services = x", "dev", BadEndpoint, "services", 4, "[services x] does not exist"},
		{"fips maybe", key + "use_fips_endpoint = maybe", "dev", BadValue, "use_fips_endpoint", 4, "true or false"},
		{"regional maybe", key + "sts_regional_endpoints = local", "dev", BadValue, "sts_regional_endpoints", 4, "regional or legacy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := home(t, test.config, "").Resolve(Request{Profile: test.ask})
			if err == nil {
				t.Fatal("accepted")
			}
			e, ok := err.(*Error)
			if !ok {
				t.Fatalf("%T: %v", err, err)
			}
			line := e.Origin.Line
			if e.Kind != test.kind || e.Key != test.key || line != test.line {
				t.Errorf("kind %d key %q line %d, want %d %q %d: %v", e.Kind, e.Key, line, test.kind, test.key, test.line, err)
			}
			text := err.Error()
			if !strings.Contains(text, test.words) {
				t.Errorf("%q does not say %q", text, test.words)
			}
			if test.line > 0 && !strings.Contains(text, fmt.Sprintf("~/.aws/config:%d", test.line)) {
				t.Errorf("%q does not say where", text)
			}
			if strings.ContainsAny(text, "\n\x1b\v") || strings.Contains(text, testSecret) || strings.Contains(text, "hunter2") {
				t.Errorf("%q shows what it must not", text)
			}
		})
	}
}

// TestDeepChain: five hops are followed, six are not.
func TestDeepChain(t *testing.T) {
	var b strings.Builder
	for i := range 6 {
		fmt.Fprintf(&b, "[profile p%d]\n%ssource_profile = p%d\n", i, roleText, i+1)
	}
	f := home(t, b.String()+"[profile p6]\n"+keyText, "")
	if r, err := f.Resolve(Request{Profile: "p1"}); err != nil || len(r.Roles) != MaxDepth || len(r.Chain) != MaxDepth+1 {
		t.Errorf("five hops: %v", err)
	}
	if kind, ok := kindOf(second(f.Resolve(Request{Profile: "p0"}))); !ok || kind != TooDeep {
		t.Errorf("six hops: kind %d", kind)
	}
}

func second[T any](_ T, err error) error { return err }

func TestNoFiles(t *testing.T) {
	f, err := tryHome(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Profile("dev")
	if kind, _ := kindOf(err); kind != NoFiles || !strings.Contains(err.Error(), "~/.aws/config") {
		t.Errorf("%v", err)
	}
	if len(f.Profiles()) != 0 || len(f.Warnings()) != 0 {
		t.Error("something came out of nothing")
	}
}

func TestSuggestions(t *testing.T) {
	f := home(t, "[profile dev]\n[profile development]\n[profile prod]\n[profile staging]\n", "[ops]\n")
	for ask, want := range map[string]string{
		"dve": "dev", "DEV": "dev development", "prdo": "prod", "deve": "dev development",
		"stagign": "staging", "op": "ops", "zzzzz": "", "stag": "staging",
	} {
		_, err := f.Profile(ask)
		got := strings.Join(err.(*Error).Suggestions, " ")
		if got != want {
			t.Errorf("%q: suggested %q, want %q", ask, got, want)
		}
	}
}

func TestCheckSerial(t *testing.T) {
	const good = -1
	for serial, want := range map[string]Kind{
		"arn:aws:iam::111122223333:mfa/ann":                     good,
		"arn:aws-cn:iam::111122223333:mfa/path/ann@example.com": good,
		"arn:aws-us-gov:iam::111122223333:mfa/a+b=c,d.e-f_g":    good,
		"arn:aws-eusc:iam::111122223333:mfa/x":                  good,
		"GAHT12345678":                                          good,
		"arn:aws:iam::111122223333:u2f/user/ann/key":            SerialFIDO,
		"ann":                                                       SerialMalformed,
		"ann.smith@example.com":                                     SerialMalformed,
		"GAHT1234":                                                  SerialMalformed,
		"arn:aws:iam::111122223333:user/ann":                        SerialMalformed,
		"arn:aws:iam::111122223333:role/ann":                        SerialMalformed,
		"arn:aws:iam::111122223333:sms-mfa/ann":                     SerialMalformed,
		"arn:aws:iam::111122223333:mfa/":                            SerialMalformed,
		"arn:aws:iam::1111:mfa/ann":                                 SerialMalformed,
		"arn:aws:iam:eu-west-1:111122223333:mfa/ann":                SerialMalformed,
		"arn:aws:sts::111122223333:mfa/ann":                         SerialMalformed,
		"arn:AWS:iam::111122223333:mfa/ann":                         SerialMalformed,
		"arn:aws:iam::111122223333:mfa/a b":                         SerialMalformed,
		"arn:aws:iam::111122223333:mfa/" + strings.Repeat("a", 256): SerialMalformed,
		"arn:aws:iam::111122223333:mfa/$(id)":                       SerialMalformed,
		"":                                                          SerialMalformed,
	} {
		err := CheckSerial("dev", Value{serial, Origin{Name: "--mfa-serial"}})
		if want == good {
			if err != nil {
				t.Errorf("%q: %v", serial, err)
			}
			continue
		}
		if kind, ok := kindOf(err); !ok || kind != want {
			t.Errorf("%q: %v", serial, err)
		}
	}
}

func TestCheckEndpoint(t *testing.T) {
	for url, good := range map[string]bool{
		"https://sts.eu-west-1.amazonaws.com":  true,
		"https://sts.example.com:8443/path/to": true,
		"HTTPS://sts.example.com":              true,
		"https://[2001:db8::1]:443/":           true,
		"https://10.0.0.1":                     true,
		"http://localhost:4566":                true,
		"http://127.0.0.1:4566/":               true,
		"http://127.9.8.7":                     true,
		"http://[::1]:80":                      true,
		"http://localhost.:4566":               false,
		"http://LOCALHOST:4566":                false,
		"http://localhost.example.com":         false,
		"http://127.1":                         false,
		"http://127.0.0.1.example.com":         false,
		"http://127.0.0.01":                    false,
		"http://0.0.0.0":                       false,
		"http://[::ffff:127.0.0.1]":            false,
		"http://169.254.169.254":               false,
		"http://example.com":                   false,
		"http://127.0.0.1@example.com":         false,
		"https://user@example.com":             false,
		"https://example.com\\@127.0.0.1":      false,
		"https://example.com?x":                false,
		"https://example.com/#x":               false,
		"https://example.com:":                 false,
		"https://example.com:0":                false,
		"https://example.com:65536":            false,
		"https://example.com:+80":              false,
		"https://example.com:80:80":            false,
		"https://[::1":                         false,
		"https://[]":                           false,
		"https://[::1]x":                       false,
		"https:///path":                        false,
		"https://":                             false,
		"https:example.com":                    false,
		"ftp://example.com":                    false,
		"sts.example.com":                      false,
		"//sts.example.com":                    false,
		"https://exa mple.com":                 false,
		"https://example.com/a b":              false,
		"https://exämple.com":                  false,
		"https://.example.com":                 false,
		"https://example.com/\x7f":             false,
		"":                                     false,
	} {
		err := CheckEndpoint(Value{Text: url})
		if kind, ok := kindOf(err); good != (err == nil) || err != nil && (!ok || kind != BadEndpoint) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestCheckRegion(t *testing.T) {
	for region, good := range map[string]bool{
		"eu-west-1": true, "us-gov-east-1": true, "cn-north-1": true, "eusc-de-east-1": true, "us-iso-east-1": true, "aws-global": true,
		"": false, "EU-WEST-1": false, "eu_west_1": false, "1-eu": false, "-eu": false, "eu-": false, "eu.west": false,
		"us-east-1 # x": false, "../../x": false, "evil.com/": false, "a\nb": false, "é": false,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
	} {
		err := CheckRegion(Value{Text: region})
		if kind, ok := kindOf(err); good != (err == nil) || err != nil && (!ok || kind != BadRegion) {
			t.Errorf("%q: %v", region, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, seconds := range map[string]int{
		"3600": 3600, "3600s": 3600, "12h": 43200, "1h30m": 5400, "90m": 5400, "1": 1, "1.5h": 5400, "0900": 900,
		"": 0, "0": 0, "-1": 0, "-1h": 0, "+5": 0, "+5m": 0, "abc": 0, "1e9": 0, "1.5": 0, "100ms": 0, "1s500ms": 0,
		"12 h": 0, " 12h": 0, "h": 0, "1d": 0, "99999999999999999999": 0, "9223372036854775807": 0, "9223372036854775807h": 0, "３６００": 0,
	} {
		d, err := ParseDuration(text)
		if int(d.Seconds()) != seconds || (err == nil) != (seconds > 0) {
			t.Errorf("%q: %s, %v", text, d, err)
		}
	}
}
