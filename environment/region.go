package environment

import "awsmfa/profile"

// RegionSource says where a region comes from.
type RegionSource int

// The sources of a region, the first that has one wins.
const (
	RegionAsked      RegionSource = iota // --region or its variable
	RegionExported                       // the user's own variable, which is left alone
	RegionHeld                           // what we set, when the profile that the shell holds is renewed
	RegionConfigured                     // the AWS files
)

// RegionFor decides which region goes with a profile's credentials, given the
// one that was asked for and the one that the AWS files have ("" for none). A
// held one that is no region is as good as none: the mark was damaged.
func (h Held) RegionFor(name, asked, configured string) (string, RegionSource) {
	held := h.renewedRegion(name)
	switch {
	case asked != "":
		return asked, RegionAsked
	case h.foreign != "":
		return h.foreign, RegionExported
	case held != "" && profile.CheckRegion(profile.Value{Text: held}) == nil:
		return held, RegionHeld
	}
	return configured, RegionConfigured
}

// renewedRegion is the region that we set for the profile that is asked for
// again, "" when there is none.
func (h Held) renewedRegion(name string) string {
	if h.Profile == name && (h.regionOurs || h.defaultRegionOurs) {
		return h.Region
	}
	return ""
}
