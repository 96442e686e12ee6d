package profile

import (
	"slices"
	"strings"
	"time"
)

// roles reads the roles of the chain, the nearest to the source first.
func (r *resolver) roles() error {
	for _, p := range slices.Backward(r.hops) {
		role, err := r.role(p)
		if err != nil {
			return err
		}
		r.out.Roles = append(r.out.Roles, role)
	}
	// A role that the source itself assumes must be sound as well.
	if k := r.out.Source.Kind; k == SourceWebIdentity || k == SourceCredentialSource {
		_, err := r.role(r.chain[len(r.chain)-1])
		return err
	}
	return nil
}

func (r *resolver) role(p *Profile) (Role, error) {
	role := Role{Profile: p.Name}
	for _, part := range []struct {
		to    *Value
		key   string
		kind  Kind
		check func(string) string
	}{
		{&role.ARN, "role_arn", BadRole, wrongRole},
		{&role.SessionName, "role_session_name", BadSessionName, wrongSessionName},
		{&role.ExternalID, "external_id", BadExternalID, wrongExternalID},
		{&role.SourceIdentity, "source_identity", BadSourceIdentity, wrongSourceIdentity},
	} {
		v, err := use(p, part.key)
		if err != nil {
			return role, err
		}
		if part.to == &role.SessionName && !v.IsSet() {
			v = r.env("AWS_ROLE_SESSION_NAME")
		}
		if wrong := part.check(v.Text); v.IsSet() && wrong != "" {
			return role, fail(part.kind, p, part.key, v, part.key+" "+quote(v.Text)+" "+wrong)
		}
		*part.to = v
	}
	var err error
	if role.Duration, role.DurationFrom, err = durationOf(p, 12*time.Hour); err != nil {
		return role, err
	}
	if err := r.tags(p, &role); err != nil {
		return role, err
	}
	return role, policies(p, &role)
}

// The limits are those of AssumeRole in the STS API reference.

func wrongRole(text string) string {
	a, ok := splitARN(text)
	kind, name, _ := strings.Cut(a.resource, "/")
	switch {
	case !ok || len(text) < 20 || len(text) > 2048:
		return "is not the ARN of a role: arn:aws:iam::<12 digits>:role/<name>"
	case kind != "role":
		return "is the ARN of a " + resourceName(kind) + ", not of a role"
	case !accountID(a.account):
		return "has an account that is not 12 digits"
	case name == "" || !printable(name):
		return "has no valid role name"
	}
	return ""
}

func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func wrongSessionName(text string) string {
	if !all(text, 2, 64, "+=,.@-") {
		return "must be 2 to 64 letters, digits or _+=,.@-"
	}
	return ""
}

func wrongExternalID(text string) string {
	if !all(text, 2, 1224, "+=,.@:/-") {
		return "must be 2 to 1224 letters, digits or _+=,.@:/-"
	}
	return ""
}

func wrongSourceIdentity(text string) string {
	switch {
	case !all(text, 2, 64, "+=,.@-"):
		return "must be 2 to 64 letters, digits or _+=,.@-"
	case strings.HasPrefix(strings.ToLower(text), "aws:"):
		return "must not begin with aws:"
	}
	return ""
}

// tags reads "session_tags = k=v,k2=v2", and "transitive_session_tags = k,k2".
func (r *resolver) tags(p *Profile, role *Role) error {
	v, err := use(p, "session_tags")
	if err != nil {
		return err
	}
	bad := func(why string) error { return fail(BadTags, p, "session_tags", v, "session_tags "+why) }
	seen := make(map[string]bool)
	for _, item := range list(v.Text) {
		key, value, ok := strings.Cut(item, "=")
		key, value = trim(key), trim(value)
		folded := strings.ToLower(key)
		switch {
		case !ok:
			return bad("must be key=value pairs with commas between them: " + quote(item))
		case !tagText(key, 1, 128) || strings.HasPrefix(folded, "aws:"):
			return bad("has the bad key " + quote(key))
		case !tagText(value, 0, 256):
			return bad("has a bad value for " + quote(key))
		case seen[folded]:
			return bad("has " + quote(key) + " twice")
		}
		seen[folded] = true
		role.Tags = append(role.Tags, Tag{key, value})
	}
	if len(role.Tags) > 50 {
		return bad("has more than 50 tags")
	}
	return r.transitiveTags(p, role, seen)
}

func (r *resolver) transitiveTags(p *Profile, role *Role, tags map[string]bool) error {
	const key = "transitive_session_tags"
	v, err := use(p, key)
	if err != nil {
		return err
	}
	role.TransitiveTags = list(v.Text)
	for _, name := range role.TransitiveTags {
		if !tagText(name, 1, 128) {
			return fail(BadTags, p, key, v, key+" has the bad key "+quote(name))
		}
		if !tags[strings.ToLower(name)] {
			r.warn(v.Origin, key+" names "+quote(name)+", which is not in session_tags")
		}
	}
	if len(role.TransitiveTags) > 50 {
		return fail(BadTags, p, key, v, key+" has more than 50 keys")
	}
	return nil
}

func policies(p *Profile, role *Role) error {
	const key = "policy_arns"
	v, err := use(p, key)
	if err != nil {
		return err
	}
	role.PolicyARNs = list(v.Text)
	if len(role.PolicyARNs) > 10 {
		return fail(BadPolicy, p, key, v, key+" has more than 10 policies")
	}
	for _, text := range role.PolicyARNs {
		a, ok := splitARN(text)
		managed := a.account == "aws" || accountID(a.account)
		if !ok || !managed || !strings.HasPrefix(a.resource, "policy/") || len(text) < 20 || len(text) > 2048 || !printable(text) {
			return fail(BadPolicy, p, key, v, key+" has "+quote(text)+", which is not the ARN of a policy")
		}
	}
	return nil
}

// list cuts at commas and drops what is empty.
func list(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = trim(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
