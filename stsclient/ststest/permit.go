package ststest

import (
	"slices"
	"strings"
)

// permit holds a call to IAM against the user's identity policies. Roles may do all.
func (who *caller) permit(action, resource string) *refusal {
	return who.denial(action, resource, who.session != nil && who.session.MFA)
}

// denial is what the policies refuse; an explicit deny goes before all else.
func (who *caller) denial(action, resource string, mfa bool) *refusal {
	u := who.user
	if u == nil || u.root {
		return nil
	}
	text := "User: " + who.arn + " is not authorized to perform: " + action + " on resource: " + resource
	switch {
	case slices.Contains(u.deny, action), !mfa && (slices.Contains(u.needMFA, action) || u.forceMFA && !freeWithoutMFA(action)):
		return denied(text + " with an explicit deny in an identity-based policy")
	case u.denyIAM && strings.HasPrefix(action, "iam:"):
		return denied(text + " because no identity-based policy allows the " + action + " action")
	}
	return nil
}

// freeWithoutMFA is what the policy that AWS publishes for forcing MFA leaves
// to those who have not yet logged in with a code (IAM user guide, "Allows
// MFA-authenticated IAM users to manage their own credentials").
func freeWithoutMFA(action string) bool {
	switch action {
	case "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:GetMFADevice",
		"iam:ListMFADevices", "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken":
		return true
	}
	return false
}
