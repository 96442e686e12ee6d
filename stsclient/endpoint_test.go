package stsclient

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func testRegions() []string {
	return []string{"us-east-1", "eu-west-1", "ap-northeast-3", "mx-central-1", "cn-north-1", "cn-northwest-1", "us-gov-west-1", "us-gov-east-1",
		"eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"}
}

// Our hosts are the SDK's, whatever is asked for.
func TestHostsAreTheSDKs(t *testing.T) {
	resolver := sts.NewDefaultEndpointResolverV2()
	for _, region := range append(testRegions(), "aws-global") {
		for bits := range 8 {
			fips, dual, legacy := bits&1 != 0, bits&2 != 0, bits&4 != 0
			// For the pseudo-region the SDK would make up hosts that do not exist.
			if region == "aws-global" && (fips || dual) {
				continue
			}
			got, _, err := endpoints(Config{Region: region, FIPS: fips, DualStack: dual, LegacyGlobal: legacy})
			if err != nil {
				t.Fatal(err)
			}
			want, err := resolver.ResolveEndpoint(context.Background(), sts.EndpointParameters{
				Region: aws.String(region), UseFIPS: &fips, UseDualStack: &dual, UseGlobalEndpoint: &legacy,
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.url != want.URI.String() {
				t.Errorf("%s fips %v dual %v legacy %v: %s, the SDK says %s", region, fips, dual, legacy, got.url, want.URI.String())
			}
			if wantRegion := region; strings.Contains(got.url, "//sts.amazonaws.com") {
				wantRegion = "us-east-1"
				if got.region != wantRegion {
					t.Errorf("%s: signed for %s", got.url, got.region)
				}
			} else if got.region != wantRegion {
				t.Errorf("%s: signed for %s", got.url, got.region)
			}
		}
	}
}

// IAM's hosts, as botocore's rule set resolves them.
func TestIAMHosts(t *testing.T) {
	for _, row := range []struct{ region, plain, dual, fips, both, signed string }{
		{"eu-west-1", "iam.amazonaws.com", "iam.global.api.aws", "iam-fips.amazonaws.com", "iam-fips.global.api.aws", "us-east-1"},
		{"cn-northwest-1", "iam.cn-north-1.amazonaws.com.cn", "iam.global.api.amazonwebservices.com.cn", "iam-fips.amazonaws.com.cn", "iam-fips.api.amazonwebservices.com.cn", "cn-north-1"},
		{"us-gov-east-1", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws", "us-gov-west-1"},
		{"us-iso-west-1", "iam.us-iso-east-1.c2s.ic.gov", "iam.api.aws.ic.gov", "iam-fips.us-iso-east-1.c2s.ic.gov", "iam-fips.api.aws.ic.gov", "us-iso-east-1"},
		{"us-isob-east-1", "iam.us-isob-east-1.sc2s.sgov.gov", "iam.api.aws.scloud", "iam-fips.us-isob-east-1.sc2s.sgov.gov", "iam-fips.api.aws.scloud", "us-isob-east-1"},
		{"eu-isoe-west-1", "iam.eu-isoe-west-1.cloud.adc-e.uk", "iam.api.cloud-aws.adc-e.uk", "iam-fips.cloud.adc-e.uk", "iam-fips.api.cloud-aws.adc-e.uk", "eu-isoe-west-1"},
		{"us-isof-south-1", "iam.us-isof-south-1.csp.hci.ic.gov", "iam.api.aws.hci.ic.gov", "iam-fips.csp.hci.ic.gov", "iam-fips.api.aws.hci.ic.gov", "us-isof-south-1"},
		{"eusc-de-east-1", "iam.eusc-de-east-1.amazonaws.eu", "iam.api.amazonwebservices.eu", "iam-fips.amazonaws.eu", "iam-fips.api.amazonwebservices.eu", "eusc-de-east-1"},
	} {
		for i, want := range []string{row.plain, row.dual, row.fips, row.both} {
			_, got, err := endpoints(Config{Region: row.region, DualStack: i&1 != 0, FIPS: i&2 != 0})
			if err != nil || got.url != "https://"+want || got.region != row.signed || got.service != "iam" {
				t.Errorf("%s %d: %+v, %v, want %s", row.region, i, got, err, want)
			}
		}
	}
}

func TestRegionFollowsThePartition(t *testing.T) {
	for partition, want := range map[string]string{
		"": "us-east-1", "aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1",
		"aws-iso": "us-iso-east-1", "aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1",
	} {
		c, err := New(Config{Partition: partition})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(c.Endpoint(), "https://sts."+want+".") || c.sts.region != want || DefaultRegion(partition) != want {
			t.Errorf("%q: %s, %s", partition, c.Endpoint(), c.sts.region)
		}
	}
}

func TestBadRegions(t *testing.T) {
	for _, cfg := range []Config{
		{Region: "us-east-1 # x"}, {Region: "../../x"}, {Region: "evil.com/"}, {Region: "US-EAST-1"}, {Region: "1"}, {Region: "-a"}, {Region: "a-"},
		{Region: "x@evil"}, {Region: strings.Repeat("a", 64)}, {Region: "us-east-1\n"}, {Region: "é"},
		{Partition: "aws-moon"},
		{Region: "us-east-1", Partition: "aws-cn"},
		{Region: "cn-north-1", Partition: "aws"},
	} {
		_, err := New(cfg)
		if KindOf(err) != BadRegion {
			t.Errorf("%+v: %v", cfg.Region, err)
			continue
		}
		if strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%q has lines", err)
		}
	}
}

func TestBadEndpoints(t *testing.T) {
	for _, raw := range []string{
		"http://example.com", "http://sts.amazonaws.com", "http://localhost.evil.com", "http://LOCALHOST", "http://localhost.", "http://127.0.0.1.evil.com",
		"http://10.0.0.1", "http://[fe80::1]", "http://169.254.169.254", "https://169.254.169.254", "https://[fe80::1]", "https://[::1%25eth0]", "https://0.0.0.0", "https://[::]", "https://[::ffff:169.254.1.1]",
		"https://user@sts.example", "https://u:p@sts.example", "https://sts.example/?a=b", "https://sts.example/?", "https://sts.example/#x",
		"ftp://sts.example", "sts.example", "//sts.example", "https://", "https:///x", "https://sts.example:0", "https://sts.example:99999", "https://sts_x", "https://a b", "https://-a.example",
		"https://a..b", "javascript:alert(1)", "https://%73ts.example", "https://sts.example:x", "https://bücher.example",
	} {
		for _, cfg := range []Config{{Endpoint: raw}, {IAMEndpoint: raw}} {
			_, err := New(cfg)
			if KindOf(err) != BadEndpoint || strings.Contains(err.Error(), "u:p") {
				t.Errorf("%q: %v", raw, err)
			}
		}
	}
	for _, cfg := range []Config{{Endpoint: "https://sts.example", FIPS: true}, {IAMEndpoint: "https://iam.example", DualStack: true}} {
		if _, err := New(cfg); KindOf(err) != BadEndpoint {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func TestCustomEndpoints(t *testing.T) {
	for _, row := range []struct{ raw, region, url, host, signed string }{
		{"https://sts.example", "eu-west-1", "https://sts.example", "sts.example:443", "eu-west-1"},
		{"https://sts.example/", "", "https://sts.example", "sts.example:443", "us-east-1"},
		{"https://sts.example:8443/a/", "eu-west-1", "https://sts.example:8443/a", "sts.example:8443", "eu-west-1"},
		{"http://127.9.9.9:4566", "", "http://127.9.9.9:4566", "127.9.9.9:4566", "us-east-1"},
		{"http://localhost", "", "http://localhost", "localhost:80", "us-east-1"},
		{"http://[::1]:1", "", "http://[::1]:1", "[::1]:1", "us-east-1"},
		// Hosts of AWS's own take their own region alone.
		{"https://sts.eu-west-3.amazonaws.com", "us-west-2", "https://sts.eu-west-3.amazonaws.com", "sts.eu-west-3.amazonaws.com:443", "eu-west-3"},
		{"https://STS.amazonaws.com", "us-west-2", "https://STS.amazonaws.com", "STS.amazonaws.com:443", "us-east-1"},
		{"https://vpce-1a-2b.sts.us-east-2.vpce.amazonaws.com", "us-west-2", "https://vpce-1a-2b.sts.us-east-2.vpce.amazonaws.com", "vpce-1a-2b.sts.us-east-2.vpce.amazonaws.com:443", "us-east-2"},
		{"https://sts-fips.us-east-2.api.aws", "us-west-2", "https://sts-fips.us-east-2.api.aws", "sts-fips.us-east-2.api.aws:443", "us-east-2"},
		{"https://sts.us-east-2.evil.example", "us-west-2", "https://sts.us-east-2.evil.example", "sts.us-east-2.evil.example:443", "us-west-2"},
	} {
		got, _, err := endpoints(Config{Endpoint: row.raw, Region: row.region})
		if err != nil || got.url != row.url || got.host != row.host || got.region != row.signed {
			t.Errorf("%s: %+v, %v", row.raw, got, err)
		}
	}
}

// A configured endpoint may stand for any partition.
func TestCustomEndpointOverridesThePartition(t *testing.T) {
	if _, err := New(Config{Endpoint: "http://127.0.0.1:1", Region: "us-east-1", Partition: "aws-cn"}); err != nil {
		t.Error(err)
	}
}
