package complete

import (
	"slices"
	"strings"

	"awsmfa/profile"
	"awsmfa/shell"
)

// values are what a flag takes, each behind a prefix such as "--shell=". The
// kind of value is the word by which the help calls it.
func (r *line) values(f *flag, prefix string) answer {
	list, files := r.kind(f.value, prefix != "")
	if prefix != "" {
		for i := range list {
			list[i].value = prefix + list[i].value
		}
	}
	return answer{list: list, files: files && prefix == ""}
}

// kind lists the values of a kind. Behind a blank one that begins with a dash
// could be read as a flag.
func (r *line) kind(kind string, assigned bool) (list []candidate, files bool) {
	switch kind {
	case "PROFILE":
		list = r.names.profiles()
		if !assigned {
			list = slices.DeleteFunc(list, startsWithDash)
		}
	case "SERIAL":
		list = r.names.devices()
	case "REGION":
		list = r.names.regions()
	case "SHELL":
		list = plain(shell.Names())
	case "FORM":
		list = []candidate{{"shell", "statements"}, {"json", "an object of names and values"}, {"dotenv", "NAME=value lines"}}
	case "STORE":
		list = []candidate{{"keyring", "of the operating system"}, {"file", "encrypted, with a passphrase"}}
	case "TIME":
		list = plain([]string{"15m", "1h", "4h", "12h"})
	case "CODE":
		list = []candidate{{"-", "read it from standard input"}}
	case "FILE", "IMAGE":
		files = true
	}
	return list, files
}

// Kinds are the kinds of values that are known here; NAME and TEMPLATE are
// anything.
func Kinds() []string {
	return []string{"PROFILE", "SERIAL", "REGION", "SHELL", "FORM", "STORE", "TIME", "CODE", "FILE", "IMAGE", "NAME", "TEMPLATE"}
}

// commonRegions stand behind those of the config.
var commonRegions = [...]candidate{
	{"us-east-1", "N. Virginia"}, {"us-east-2", "Ohio"}, {"us-west-2", "Oregon"}, {"ca-central-1", "Canada"},
	{"eu-west-1", "Ireland"}, {"eu-west-2", "London"}, {"eu-west-3", "Paris"}, {"eu-central-1", "Frankfurt"}, {"eu-north-1", "Stockholm"},
	{"ap-south-1", "Mumbai"}, {"ap-southeast-1", "Singapore"}, {"ap-southeast-2", "Sydney"}, {"ap-northeast-1", "Tokyo"}, {"sa-east-1", "São Paulo"},
}

// names are what the AWS files hold. They are read when first asked for; files
// with a fault hold none. All of it is made for thousands of profiles: what is
// said of them goes into one piece of memory.
type names struct {
	load    func() (*profile.Files, error)
	mute    bool // nobody is told what a profile is
	files   *profile.Files
	text    strings.Builder
	sources []candidate // source profiles and their serials, as far as asked for
}

func (n *names) read() *profile.Files {
	if n.files == nil {
		var err error
		if n.files, err = n.load(); err != nil {
			n.files = &profile.Files{}
		}
	}
	return n.files
}

func (n *names) profiles() []candidate {
	most := n.read().Most()
	list := make([]candidate, 0, most)
	if !n.mute {
		n.text.Grow(80 * most)
	}
	n.read().Each(told, func(name string, get func(string) string) {
		c := candidate{value: name}
		if !n.mute {
			from := n.text.Len()
			n.about(name, get)
			c.about = n.text.String()[from:]
		}
		list = append(list, c)
	})
	return list
}

// told are the keys that a profile's description is made of.
var told = []string{"role_arn", "mfa_serial", "source_profile", "sso_account_id", "sso_role_name"}

// about says of a profile its account, role and device.
func (n *names) about(name string, get func(string) string) {
	role, serial, source := get("role_arn"), get("mfa_serial"), get("source_profile")
	account, device := arn(serial)
	holder, roleName := arn(role)
	say := n.text.WriteString
	between := ""
	switch {
	case holder != "":
		say(holder)
		say(" role ")
		say(roleName)
	case role != "":
		say("role")
	case account != "":
		say(account)
	default:
		if account = get("sso_account_id"); account != "" {
			say(account)
			say(" SSO ")
			say(get("sso_role_name"))
		}
	}
	if role != "" || account != "" {
		between = ", "
	}
	if source != "" && source != name {
		say(between)
		say("from ")
		say(source)
		between = ", "
		if serial == "" {
			serial = n.serialOf(source)
			_, device = arn(serial)
		}
	}
	if device == "" {
		device = serial
	}
	if device != "" {
		say(between)
		say("device ")
		say(device)
	}
}

// serialOf is the device of a source profile. There are few of them.
func (n *names) serialOf(source string) string {
	for _, s := range n.sources {
		if s.value == source {
			return s.about
		}
	}
	s := candidate{value: source}
	if p, err := n.files.Profile(source); err == nil {
		s.about = p.Get("mfa_serial").Text
	}
	n.sources = append(n.sources, s)
	return s.about
}

// arn takes account and name out of "arn:aws:iam::111122223333:mfa/alice". It
// looks from the end: there is little to look at.
func arn(s string) (account, name string) {
	end := strings.LastIndexByte(s, ':')
	if end < 0 || !strings.HasPrefix(s, "arn:") {
		return "", ""
	}
	begin := strings.LastIndexByte(s[:end], ':')
	_, name, _ = strings.Cut(s[end+1:], "/")
	return s[begin+1 : end], name
}

// devices are the serials of the files, each with the profiles that name it.
// Keys that STS does not take are left out.
func (n *names) devices() []candidate {
	var list []candidate
	n.read().Each([]string{"mfa_serial"}, func(name string, get func(string) string) {
		serial := get("mfa_serial")
		if serial == "" || strings.Contains(serial, ":u2f/") {
			return
		}
		i := slices.IndexFunc(list, func(c candidate) bool { return c.value == serial })
		switch {
		case i < 0:
			list = append(list, candidate{serial, "device of " + name})
		case len(list[i].about) < 80:
			list[i].about += ", " + name
		}
	})
	return list
}

func (n *names) regions() []candidate {
	var list []candidate
	add := func(c candidate) {
		i := slices.IndexFunc(list, func(have candidate) bool { return have.value == c.value })
		switch {
		case i < 0:
			list = append(list, c)
		case len(list[i].about) < 80:
			list[i].about += ", " + c.about
		}
	}
	n.read().Each([]string{"region"}, func(name string, get func(string) string) {
		if region := get("region"); region != "" && profile.CheckRegion(profile.Value{Text: region}) == nil {
			add(candidate{region, name})
		}
	})
	for _, c := range commonRegions {
		add(c)
	}
	return list
}
