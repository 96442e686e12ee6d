package ststest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const chainLimit = time.Hour // of a role assumed with session credentials

func denied(message string) *refusal {
	return refuse(http.StatusForbidden, "AccessDenied", message)
}

func invalid(message string) *refusal {
	return refuse(http.StatusBadRequest, "ValidationError", message)
}

func notAuthorized(who *caller, action, resource string) *refusal {
	return denied("User: " + who.arn + " is not authorized to perform: " + action + " on resource: " + resource)
}

// getSessionToken gives a user a session that remembers whether a code came with it.
func (s *Server) getSessionToken(c *call, who *caller) (string, *refusal) {
	if who.session != nil {
		return "", denied("Cannot call GetSessionToken with session credentials")
	}
	v := &violations{form: c.form}
	duration := v.duration(43200, 129600)
	v.mfa()
	if no := v.refusal(); no != nil {
		return "", no
	}
	mfa, no := s.checkMFA(c, who)
	if no != nil {
		return "", no
	}
	if who.user.root {
		duration = min(duration, time.Hour)
	}
	return s.issue(c, s.userClaims(who, mfa), duration).xml(), nil
}

func (s *Server) userClaims(who *caller, mfa bool) claims {
	c := claims{UserARN: who.arn, MFA: mfa}
	if mfa {
		c.MFAAt = s.clock.Now().Unix()
	}
	return c
}

// getFederationToken exists only to be refused: nothing here may call it.
func (s *Server) getFederationToken(_ *call, who *caller) (string, *refusal) {
	if who.session != nil {
		return "", denied("Cannot call GetFederationToken with session credentials")
	}
	return "", notAuthorized(who, "sts:GetFederationToken", "arn:"+who.partition+":sts::"+who.account+":federated-user/*")
}

// checkMFA spends the code of the request, if there is one.
func (s *Server) checkMFA(c *call, who *caller) (bool, *refusal) {
	serial, code := c.form.Get("SerialNumber"), c.form.Get("TokenCode")
	if serial == "" && code == "" {
		return false, nil
	}
	if serial == "" || code == "" {
		return false, denied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
	}
	d := s.devices[serial]
	if d == nil || d.Seed == "" || who.user == nil || d.owner != who.user {
		return false, denied("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	}
	if !d.spend(code, s.clock.Now(), s.lockAfter) {
		return false, denied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
	}
	return true, nil
}

// assumeRole checks, in this order: the parameters, the code, the trust, the
// chain and the role's maximum.
func (s *Server) assumeRole(c *call, who *caller) (string, *refusal) {
	v := &violations{form: c.form}
	duration := v.assumeRole()
	if no := v.refusal(); no != nil {
		return "", no
	}
	if no := checkPolicies(c.form); no != nil {
		return "", no
	}
	if no := checkTags(c.form, who); no != nil {
		return "", no
	}
	arn := c.form.Get("RoleArn")
	if _, ok := parseARN(arn); !ok {
		return "", invalid(arn + " is invalid")
	}
	mfa, no := s.checkMFA(c, who)
	if no != nil {
		return "", no
	}
	r, no := s.authorize(c, who, mfa)
	if no != nil {
		return "", no
	}
	if who.session != nil && duration > chainLimit {
		return "", invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	if duration > r.MaxDuration {
		return "", invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return s.roleSession(c, who, r, duration), nil
}

// authorize is the caller's permission and the role's trust. An unknown role
// looks like one that does not trust the caller, so that names do not leak.
func (s *Server) authorize(c *call, who *caller, mfa bool) (*role, *refusal) {
	if who.user != nil && who.user.root {
		return nil, denied("Roles may not be assumed by root accounts.")
	}
	arn := c.form.Get("RoleArn")
	r := s.roles[arn]
	age := time.Duration(0) // of a code in this request
	if sessionMFA := who.session != nil && who.session.MFA; sessionMFA && !mfa {
		mfa, age = true, s.clock.Now().Sub(time.Unix(who.session.MFAAt, 0))
	}
	if no := who.denial("sts:AssumeRole", arn, mfa); no != nil {
		return nil, no
	}
	if r == nil || who.user != nil && who.user.denyAR || r.partition != who.partition || !r.trusts(who, mfa, age, c.form.Get("ExternalId")) {
		return nil, notAuthorized(who, "sts:AssumeRole", arn)
	}
	if who.session != nil && who.session.SourceIdentity != "" {
		if asked := c.form.Get("SourceIdentity"); asked != "" && asked != who.session.SourceIdentity {
			return nil, notAuthorized(who, "sts:SetSourceIdentity", arn)
		}
	}
	return r, nil
}

// roleSession mints the session and writes the result.
func (s *Server) roleSession(c *call, who *caller, r *role, duration time.Duration) string {
	next := claims{RoleARN: r.ARN, RoleID: r.id, Name: c.form.Get("RoleSessionName"), Depth: 1, SourceIdentity: c.form.Get("SourceIdentity"), Transitive: list(c.form, "TransitiveTagKeys", "")}
	if from := who.session; from != nil {
		next.Depth = from.Depth + 1
		next.SourceIdentity = or(from.SourceIdentity, next.SourceIdentity)
		for _, key := range from.Transitive {
			if !slices.ContainsFunc(next.Transitive, func(k string) bool { return strings.EqualFold(k, key) }) {
				next.Transitive = append(next.Transitive, key)
			}
		}
	}
	out := wrap("AssumedRoleUser", el("AssumedRoleId", r.id+":"+next.Name)+el("Arn", assumedRoleARN(r.ARN, next.Name))) + s.issue(c, next, duration).xml()
	if next.SourceIdentity != "" {
		out += el("SourceIdentity", next.SourceIdentity)
	}
	if size := packedSize(c.form); size > 0 {
		out += el("PackedPolicySize", strconv.Itoa(size))
	}
	return out
}

// getCallerIdentity needs no permission, only a good signature.
func (s *Server) getCallerIdentity(_ *call, who *caller) (string, *refusal) {
	return el("Arn", who.arn) + el("UserId", who.id) + el("Account", who.account), nil
}
