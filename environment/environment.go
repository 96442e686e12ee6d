// Package environment knows the variables: what a shell holds already (Read),
// which of it is ours, and what env prints and exec passes on for a set of
// credentials (Held.With).
//
// "Ours" means that AWS_ACCESS_KEY_ID is the one that AWSMFA_OWNED names: what
// somebody else put there is never taken away. A region is the user's own
// unless it is the one that AWSMFA_OWNED names, whoever's the key is by now:
// the region of one profile must not stay for the next.
package environment

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"awsmfa/credentials"
	"awsmfa/shell"
)

// AlwaysUnset is what env clears before it sets anything: each of these would
// be preferred to the keys by some SDK, or mixed with them.
func AlwaysUnset() []string {
	return []string{
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE", // the SDK for JavaScript prefers them to keys
		"AWS_SECURITY_TOKEN", // botocore prefers it to AWS_SESSION_TOKEN
		"AWS_ACCOUNT_ID",     // a stale one misroutes account-based endpoints
		"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	}
}

// Touched is every variable that env may set or unset.
func Touched() []string {
	return append(AlwaysUnset(), "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION", "AWSMFA_PROFILE", "AWSMFA_EXPIRATION", "AWSMFA_OWNED")
}

// Held is what the shell holds already, as its variables tell.
type Held struct {
	Ours    bool      // AWS_ACCESS_KEY_ID is the one that we set
	Keys    bool      // there is an access key, of whomever
	Profile string    // that we were asked for last
	Expires time.Time // local clock; zero when unknown
	Region  string    // that we set, "" when none

	regionOurs, defaultRegionOurs bool // AWS_REGION, AWS_DEFAULT_REGION are still that one
	foreign                       string
	foreignName                   string
}

// Read looks at the variables.
func Read(getenv func(string) string) Held {
	id, region, _ := strings.Cut(getenv("AWSMFA_OWNED"), ":")
	key := getenv("AWS_ACCESS_KEY_ID")
	h := Held{Ours: id != "" && key == id, Keys: key != "", Profile: getenv("AWSMFA_PROFILE")}
	first, second := getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")
	if region != "" {
		h.Region, h.regionOurs, h.defaultRegionOurs = region, first == region, second == region
	}
	switch {
	case first != "" && !h.regionOurs:
		h.foreignName, h.foreign = "AWS_REGION", first
	case second != "" && !h.defaultRegionOurs:
		h.foreignName, h.foreign = "AWS_DEFAULT_REGION", second
	}
	if at, err := strconv.ParseInt(getenv("AWSMFA_EXPIRATION"), 10, 64); err == nil && at > 0 {
		h.Expires = time.Unix(at, 0)
	}
	return h
}

// Expired reports whether what is held is known to have ended.
func (h Held) Expired(now time.Time) bool { return !h.Expires.IsZero() && !now.Before(h.Expires) }

// Clear is the list of names that takes away what is ours, and nothing else.
func (h Held) Clear() []string {
	var names []string
	if h.Ours {
		names = append(names, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
			"AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION")
		names = append(names, h.clearRegion()...)
	}
	return append(names, "AWSMFA_PROFILE", "AWSMFA_EXPIRATION", "AWSMFA_OWNED")
}

func (h Held) clearRegion() []string {
	var names []string
	if h.regionOurs {
		names = append(names, "AWS_REGION")
	}
	if h.defaultRegionOurs {
		names = append(names, "AWS_DEFAULT_REGION")
	}
	return names
}

// ClearOnFailure is what a failed env for any of the wanted profiles must take
// from the shell: our credentials for another profile, or expired ones. A
// failed switch to prod must not leave the shell in dev.
func (h Held) ClearOnFailure(wanted []string, now time.Time) []string {
	another := func(name string) bool { return name != h.Profile }
	if h.Ours && (slices.ContainsFunc(wanted, another) || h.Expired(now)) {
		return h.Clear()
	}
	return nil
}

// ForeignRegion is the region that the user exported, which stays as it is,
// and the variable that it stands in.
func (h Held) ForeignRegion() (name, region string) { return h.foreignName, h.foreign }

// Changes is what env prints and exec does to its command's environment.
type Changes struct {
	Unset []string
	Set   []shell.Var
}

// With puts a profile's credentials into variables. region is the one to set,
// "" when the user's own stays or there is none. offset is the server's clock
// less ours: AWSMFA_EXPIRATION is on the local clock, but never later than the
// server says.
func (h Held) With(profile string, c credentials.Credentials, region string, offset time.Duration) Changes {
	// More room than all take: of up to 512 bytes, memory of a size is two pages, not one.
	e := Changes{Unset: append(make([]string, 0, 36), AlwaysUnset()...), Set: make([]shell.Var, 0, 18)}
	set := func(name, value string) { e.Set = append(e.Set, shell.Var{Name: name, Value: value}) }
	set("AWS_ACCESS_KEY_ID", c.AccessKeyID())
	set("AWS_SECRET_ACCESS_KEY", c.SecretAccessKey())
	set("AWS_SESSION_TOKEN", c.SessionToken())
	if region != "" {
		set("AWS_REGION", region)
		set("AWS_DEFAULT_REGION", region)
	} else {
		e.Unset = append(e.Unset, h.clearRegion()...)
	}
	if c.Expires().IsZero() {
		e.Unset = append(e.Unset, "AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION", "AWSMFA_EXPIRATION")
	} else {
		set("AWS_CREDENTIAL_EXPIRATION", c.ExpiryText())
		set("AWS_SESSION_EXPIRATION", c.ExpiryText())
	}
	set("AWSMFA_PROFILE", profile)
	if !c.Expires().IsZero() {
		local := c.Expires().Add(-max(offset, 0))
		set("AWSMFA_EXPIRATION", strconv.FormatInt(local.Unix(), 10))
	}
	set("AWSMFA_OWNED", c.AccessKeyID()+":"+region)
	return e
}
