package ststest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Role is an IAM role with what its trust policy asks for.
type Role struct {
	ARN string `json:"arn"`
	// TrustedPrincipals holds "*", account numbers, root, user, role or
	// assumed-role ARNs. Empty trusts the role's own account.
	TrustedPrincipals []string `json:"trusted_principals"`
	RequireMFA        bool     `json:"require_mfa"` // aws:MultiFactorAuthPresent must be true
	ExternalID        string   `json:"external_id"`
	// MaxMFAAge is the most that aws:MultiFactorAuthAge may be, in whole
	// seconds; zero does not ask. Who has no MFA has no such age: refused.
	MaxMFAAge time.Duration `json:"-"`
	// MaxDuration is the role's MaxSessionDuration, one hour when zero.
	MaxDuration time.Duration `json:"-"`
}

type role struct {
	Role
	id, partition, account, name string
}

// AddRole adds the role, or replaces the one with that ARN.
func (s *Server) AddRole(r Role) error {
	a, ok := parseARN(r.ARN)
	resource, isRole := strings.CutPrefix(a.resource, "role/")
	if !ok || !isRole || a.service != "iam" || len(a.account) != 12 || resource == "" {
		return fmt.Errorf("role %q: %w", r.ARN, ErrBadARN)
	}
	if r.MaxDuration == 0 {
		r.MaxDuration = time.Hour
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[r.ARN] = &role{Role: r, id: "AROA" + letters(17), partition: a.partition, account: a.account, name: resource[strings.LastIndexByte(resource, '/')+1:]}
	return nil
}

// trusts is the role's trust policy.
func (r *role) trusts(c *caller, mfa bool, age time.Duration, externalID string) bool {
	if r.RequireMFA && !mfa || r.MaxMFAAge > 0 && (!mfa || age >= r.MaxMFAAge) || r.ExternalID != "" && r.ExternalID != externalID {
		return false
	}
	if len(r.TrustedPrincipals) == 0 {
		return c.account == r.account && c.partition == r.partition
	}
	return slices.ContainsFunc(r.TrustedPrincipals, func(p string) bool {
		return p == "*" || p == c.arn || p == c.roleARN || p == c.account || p == "arn:"+c.partition+":iam::"+c.account+":root"
	})
}

type arn struct{ partition, service, region, account, resource string }

func parseARN(text string) (arn, bool) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return arn{}, false
	}
	return arn{parts[1], parts[2], parts[3], parts[4], parts[5]}, true
}

// partitionOf names the partition of a region by its prefix.
func partitionOf(region string) string {
	for _, p := range [][2]string{{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"}, {"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"}, {"eu-isoe-", "aws-iso-e"}, {"us-iso-", "aws-iso"}} {
		if strings.HasPrefix(region, p[0]) {
			return p[1]
		}
	}
	return "aws"
}

// Roles are the roles as they are now, by ARN.
func (s *Server) Roles() []Role {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Role{}
	for _, arn := range slices.Sorted(maps.Keys(s.roles)) {
		out = append(out, s.roles[arn].Role)
	}
	return out
}
