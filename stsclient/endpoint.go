package stsclient

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// endpoint is one service at one place.
type endpoint struct {
	url     string // scheme://host[:port][/path]
	host    string // as dialled: host:port
	name    string // host alone, for messages
	plain   bool   // http, which only loopback may be
	service string // signing name
	region  string // signing region
}

// partition is one of AWS's separate clouds (botocore's partitions.json).
type partition struct {
	id, prefix, suffix, dual, region string
}

func partitions() []partition {
	return []partition{
		{"aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-north-1"},
		{"aws-us-gov", "us-gov-", "amazonaws.com", "api.aws", "us-gov-west-1"},
		{"aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1"},
		{"aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1"},
		{"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1"},
		{"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "eu-isoe-west-1"},
		{"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", "us-isof-south-1"},
		{"aws", "", "amazonaws.com", "api.aws", "us-east-1"},
	}
}

// partitionNamed returns the partition with an id; ok is false for none.
func partitionNamed(id string) (p partition, ok bool) {
	for _, p := range partitions() {
		if p.id == id {
			return p, true
		}
	}
	return partition{}, false
}

// partitionOf returns the partition of a region. What has no prefix of another
// is of "aws", new regions too.
func partitionOf(region string) partition {
	all := partitions()
	for _, p := range all {
		if strings.HasPrefix(region, p.prefix) {
			return p
		}
	}
	return all[len(all)-1]
}

// DefaultRegion returns the region that is called when none is configured.
func DefaultRegion(partition string) string {
	if p, ok := partitionNamed(partition); ok {
		return p.region
	}
	return "us-east-1"
}

func endpoints(cfg Config) (stsAt, iamAt endpoint, err error) {
	region, part, err := place(cfg)
	if err != nil {
		return stsAt, iamAt, err
	}
	if stsAt, err = stsEndpoint(cfg, region, part); err != nil {
		return stsAt, iamAt, err
	}
	iamAt, err = iamEndpoint(cfg, region, part)
	return stsAt, iamAt, err
}

// Place is where STS is called with a configuration.
type Place struct{ URL, Region, Partition string }

// PlaceOf returns the place that a client of cfg would call. Its errors are
// those of New that concern region and endpoint.
func PlaceOf(cfg Config) (Place, error) {
	region, part, err := place(cfg)
	if err != nil {
		return Place{}, err
	}
	at, err := stsEndpoint(cfg, region, part)
	return Place{URL: at.url, Region: at.region, Partition: part.id}, err
}

// place settles region and partition before any host is built from them.
func place(cfg Config) (string, partition, error) {
	region := cfg.Region
	named, known := partitionNamed(cfg.Partition)
	if cfg.Partition != "" && !known {
		return "", partition{}, configError(BadRegion, "partition %q is not one of AWS's", cfg.Partition)
	}
	// Pseudo-regions such as "aws-global" are no part of a host name.
	if region == "" || strings.HasPrefix(region, "aws-") && strings.HasSuffix(region, "-global") {
		region = DefaultRegion(cfg.Partition)
	}
	if !isRegion(region) {
		return "", partition{}, configError(BadRegion, "region %q is not a region name", region)
	}
	part := partitionOf(region)
	// A key works in its own partition alone: say so before a code is spent.
	if known && part.id != named.id && cfg.Endpoint == "" {
		return "", partition{}, configError(BadRegion, "region %q is not in partition %q", region, named.id)
	}
	return region, part, nil
}

func isRegion(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] < 'a' || s[0] > 'z' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

func stsEndpoint(cfg Config, region string, part partition) (endpoint, error) {
	if cfg.Endpoint != "" {
		return customEndpoint(cfg, cfg.Endpoint, "sts", region)
	}
	host := "sts"
	// GovCloud's plain STS endpoints are the FIPS ones.
	if cfg.FIPS && (part.id != "aws-us-gov" || cfg.DualStack) {
		host = "sts-fips"
	}
	global := cfg.Region == "aws-global" || cfg.LegacyGlobal && hadGlobal(region)
	if global && part.id == "aws" && !cfg.FIPS && !cfg.DualStack {
		return awsEndpoint("sts.amazonaws.com", "sts", "us-east-1"), nil
	}
	return awsEndpoint(host+"."+region+"."+part.domain(cfg.DualStack), "sts", region), nil
}

func (p partition) domain(dualStack bool) string {
	if dualStack {
		return p.dual
	}
	return p.suffix
}

// hadGlobal lists the regions that "legacy" sends to the global endpoint (AWS
// SDKs and Tools Reference Guide, "AWS STS Regional endpoints").
func hadGlobal(region string) bool {
	switch region {
	case "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
		"eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
		"us-east-1", "us-east-2", "us-west-1", "us-west-2":
		return true
	}
	return false
}

// iamEndpoint follows botocore's rule set for IAM: one endpoint a partition.
func iamEndpoint(cfg Config, region string, part partition) (endpoint, error) {
	if cfg.IAMEndpoint != "" {
		return customEndpoint(cfg, cfg.IAMEndpoint, "iam", part.region)
	}
	return awsEndpoint(iamHost(part, cfg.FIPS, cfg.DualStack), "iam", part.region), nil
}

func iamHost(p partition, fips, dualStack bool) string {
	name := "iam"
	if fips {
		name = "iam-fips"
	}
	switch {
	case p.id == "aws-us-gov":
		return "iam.us-gov." + p.domain(dualStack)
	case p.id == "aws-cn" && !fips, p.id == "aws":
		if dualStack {
			return name + ".global." + p.dual
		}
		if p.id == "aws" {
			return name + "." + p.suffix
		}
	}
	if dualStack || fips && p.id != "aws-iso" && p.id != "aws-iso-b" {
		return name + "." + p.domain(dualStack)
	}
	return name + "." + p.region + "." + p.suffix
}

func awsEndpoint(host, service, region string) endpoint {
	return endpoint{url: "https://" + host, host: host + ":443", name: host, service: service, region: region}
}

// customEndpoint takes a configured URL. It is also the last guard: whatever
// was checked before, credentials go over TLS or stay on this machine.
func customEndpoint(cfg Config, raw, service, region string) (endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return endpoint{}, configError(BadEndpoint, "the %s endpoint is not a URL", service)
	}
	if cfg.FIPS || cfg.DualStack {
		return endpoint{}, configError(BadEndpoint, "a FIPS or dual-stack endpoint was asked for together with the endpoint of host %q", u.Hostname())
	}
	if why := refusal(u); why != "" {
		return endpoint{}, configError(BadEndpoint, "the %s endpoint of host %q %s", service, u.Hostname(), why)
	}
	port := u.Port()
	if port == "" {
		port = map[bool]string{true: "80", false: "443"}[u.Scheme == "http"]
	}
	return endpoint{
		url:     strings.TrimSuffix(u.String(), "/"),
		host:    joinHost(u.Hostname(), port),
		name:    u.Host,
		plain:   u.Scheme == "http",
		service: service,
		region:  signingRegion(strings.ToLower(u.Hostname()), region),
	}, nil
}

// refusal says why a URL must not be called; "" when it may.
func refusal(u *url.URL) string {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return "must begin with https://"
	case u.User != nil:
		return "must not hold a user name"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "must not hold a query or a fragment"
	case !isHost(u.Hostname()):
		return "is not a host name"
	case !isPort(u.Port()):
		return "has no valid port"
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "must use https: plain http is for this machine alone"
	}
	return ""
}

// isHost takes names and addresses that credentials may go to. Link-local
// addresses serve instance metadata; nobody's STS lives there.
func isHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == "" && usable(addr.Unmap())
	}
	if host == "" || len(host) > 253 {
		return false
	}
	for _, label := range strings.Split(host, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

func usable(addr netip.Addr) bool {
	return !addr.IsUnspecified() && !addr.IsLinkLocalUnicast() && !addr.IsMulticast() && addr != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if !('a' <= c && c <= 'z' || '0' <= s[i] && s[i] <= '9' || s[i] == '-') {
			return false
		}
	}
	return true
}

func isPort(s string) bool {
	if s == "" {
		return true
	}
	n, err := strconv.Atoi(s)
	return err == nil && 0 < n && n < 65536
}

// isLoopback takes 127.0.0.0/8, ::1 and exactly "localhost".
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func joinHost(host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

// signingRegion is the configured region, except for hosts of AWS's own that
// name theirs: they take no other (VPC endpoints, and the global one).
func signingRegion(host, region string) string {
	if host == "sts.amazonaws.com" {
		return "us-east-1"
	}
	labels := strings.Split(host, ".")
	for i := 0; i+2 < len(labels); i++ {
		if (labels[i] == "sts" || labels[i] == "sts-fips") && isAWS(host) && isRegion(labels[i+1]) && strings.Contains(labels[i+1], "-") {
			return labels[i+1]
		}
	}
	return region
}

func isAWS(host string) bool {
	for _, p := range partitions() {
		if strings.HasSuffix(host, "."+p.suffix) || strings.HasSuffix(host, "."+p.dual) {
			return true
		}
	}
	return false
}

func configError(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, detail: fmt.Sprintf(format, args...)}
}
