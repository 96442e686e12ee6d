package command

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"awsmfa/credentials"
	"awsmfa/shell"
)

// alwaysUnset is what env clears before it sets anything: each of these would
// be preferred to the keys by some SDK, or mixed with them.
func alwaysUnset() []string {
	return []string{
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE", // the SDK for JavaScript prefers them to keys
		"AWS_SECURITY_TOKEN", // botocore prefers it to AWS_SESSION_TOKEN
		"AWS_ACCOUNT_ID",     // a stale one misroutes account-based endpoints
		"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	}
}

// held is what the shell holds already, as its variables tell.
type held struct {
	ours     bool // AWS_ACCESS_KEY_ID is the one that we set
	keys     bool // there is an access key, of whomever
	marked   bool // our markers are there
	profile  string
	expires  time.Time // local clock; zero when unknown
	region   string    // that we set
	ourFirst bool      // AWS_REGION is ours
	ourOther bool      // AWS_DEFAULT_REGION is ours
}

func (r *run) held() held {
	id, region, marked := strings.Cut(r.getenv("AWSMFA_OWNED"), ":")
	h := held{
		keys: r.getenv("AWS_ACCESS_KEY_ID") != "", profile: r.getenv("AWSMFA_PROFILE"),
		marked: marked || r.getenv("AWSMFA_PROFILE") != "" || r.getenv("AWSMFA_EXPIRATION") != "",
		ours:   id != "" && r.getenv("AWS_ACCESS_KEY_ID") == id,
	}
	if h.ours {
		h.region = region
		h.ourFirst = region != "" && r.getenv("AWS_REGION") == region
		h.ourOther = region != "" && r.getenv("AWS_DEFAULT_REGION") == region
	}
	if at, err := strconv.ParseInt(r.getenv("AWSMFA_EXPIRATION"), 10, 64); err == nil && at > 0 {
		h.expires = time.Unix(at, 0)
	}
	return h
}

func (h held) expired(now time.Time) bool { return !h.expires.IsZero() && !now.Before(h.expires) }

// clear is the list of names that takes away what is ours, and nothing else.
func (h held) clear() []string {
	var names []string
	if h.ours {
		names = append(names, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
			"AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION")
		names = append(names, h.clearRegion()...)
	}
	return append(names, "AWSMFA_PROFILE", "AWSMFA_EXPIRATION", "AWSMFA_OWNED")
}

func (h held) clearRegion() []string {
	var names []string
	if h.ourFirst {
		names = append(names, "AWS_REGION")
	}
	if h.ourOther {
		names = append(names, "AWS_DEFAULT_REGION")
	}
	return names
}

// clearOnFailure is what a failed env for wanted must take from the shell: our
// credentials for another profile, or expired ones. A failed switch to prod
// must not leave the shell in dev.
func (h held) clearOnFailure(wanted []string, now time.Time) []string {
	another := func(name string) bool { return name != h.profile }
	if h.ours && (slices.ContainsFunc(wanted, another) || h.expired(now)) {
		return h.clear()
	}
	return nil
}

// foreignRegion is the region that the user exported, which stays as it is.
func (r *run) foreignRegion(h held) (name, region string) {
	if v := r.getenv("AWS_REGION"); v != "" && !h.ourFirst {
		return "AWS_REGION", v
	}
	if v := r.getenv("AWS_DEFAULT_REGION"); v != "" && !h.ourOther {
		return "AWS_DEFAULT_REGION", v
	}
	return "", ""
}

// environment is what env prints and exec gives to its command.
type environment struct {
	unset []string
	set   []shell.Var
}

// environment puts credentials into variables. region is the one to set, ""
// when the user's own stays or there is none. AWSMFA_EXPIRATION is on the
// local clock, but never later than the server says.
func (h held) environment(name string, c credentials.Credentials, region string, offset time.Duration) environment {
	e := environment{unset: alwaysUnset()}
	set := func(name, value string) { e.set = append(e.set, shell.Var{Name: name, Value: value}) }
	set("AWS_ACCESS_KEY_ID", c.AccessKeyID())
	set("AWS_SECRET_ACCESS_KEY", c.SecretAccessKey())
	set("AWS_SESSION_TOKEN", c.SessionToken())
	if region != "" {
		set("AWS_REGION", region)
		set("AWS_DEFAULT_REGION", region)
	} else {
		e.unset = append(e.unset, h.clearRegion()...)
	}
	if c.Expires().IsZero() {
		e.unset = append(e.unset, "AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION", "AWSMFA_EXPIRATION")
	} else {
		set("AWS_CREDENTIAL_EXPIRATION", c.ExpiryText())
		set("AWS_SESSION_EXPIRATION", c.ExpiryText())
	}
	set("AWSMFA_PROFILE", name)
	if !c.Expires().IsZero() {
		local := c.Expires().Add(-max(offset, 0))
		set("AWSMFA_EXPIRATION", strconv.FormatInt(local.Unix(), 10))
	}
	set("AWSMFA_OWNED", c.AccessKeyID()+":"+region)
	return e
}
