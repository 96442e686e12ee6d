// Package profile reads what the AWS files say about a named profile.
//
// Call Locate for the two paths, Load to read them, and Resolve to learn where
// a profile's credentials come from: the profile that holds the source, the
// roles to assume from there, the MFA device, the region and the STS settings,
// every one with the file and line it stands at. Profile and Profiles give the
// bare keys, Warnings the places where a file is read in another way than the
// AWS CLI reads it.
//
// SetKey edits the text of a config file, and a Rewriter the file itself: the
// one place where it is written. The credentials file never is, and nothing
// here asks the network. A Profile is not safe for use by several goroutines;
// Files are.
package profile

import (
	"os"
	"strconv"
	"strings"

	"awsmfa/internal/filename"
	"awsmfa/internal/text"
)

// Origin says where a value stands: in a file, or under a name such as
// "AWS_REGION" or "--region".
type Origin struct {
	Path string // as to be shown: the home directory is "~"
	Line int
	Name string
}

// String is "~/.aws/config:21" for a file and the name for anything else.
func (o Origin) String() string {
	switch {
	case o.Path == "":
		return o.Name
	case o.Line == 0:
		return o.Path
	}
	return o.Path + ":" + strconv.Itoa(o.Line)
}

// IsZero reports whether o names no place.
func (o Origin) IsZero() bool { return o == Origin{} }

// Value is a text and the place it was read from.
type Value struct {
	Text   string
	Origin Origin
}

// IsSet reports whether there is a text: an empty value counts as absent.
func (v Value) IsSet() bool { return v.Text != "" }

// KeyValue is one line of a nested block.
type KeyValue struct {
	Key   string // in lower case
	Value Value
}

// Warning is something in a file that is read in an unexpected way.
type Warning struct {
	Origin Origin
	Text   string
}

// Paths are the places of the two AWS files, and the home directory, which is
// only used to shorten what is shown.
type Paths struct {
	Config, Credentials, Home string
}

// Locate finds the AWS files as every SDK does: AWS_CONFIG_FILE and
// AWS_SHARED_CREDENTIALS_FILE, else the .aws directory of home. A path is
// empty when there is no home to look in.
func Locate(getenv func(string) string, home string) Paths {
	return Paths{
		Config:      locate(getenv("AWS_CONFIG_FILE"), home, "config"),
		Credentials: locate(getenv("AWS_SHARED_CREDENTIALS_FILE"), home, "credentials"),
		Home:        home,
	}
}

func locate(given, home, name string) string {
	switch {
	case given == "" && home == "":
		return ""
	case given == "":
		return filename.Join(home, ".aws", name)
	case home != "" && strings.HasPrefix(given, "~/"):
		return filename.Join(home, given[2:])
	case home != "" && strings.HasPrefix(given, `~\`) && os.PathSeparator == '\\':
		return filename.Join(home, given[2:])
	}
	return given
}

// shown makes a path fit for display, and short when it is under home.
func shown(path, home string) string {
	path = text.Clean(path, 4096)
	home = strings.TrimRight(home, string(os.PathSeparator))
	rest, ok := strings.CutPrefix(path, home+string(os.PathSeparator))
	if home == "" || !ok {
		return path
	}
	return filename.ToSlash("~" + string(os.PathSeparator) + rest)
}

// Profile is what both files hold under one name.
type Profile struct {
	Name   string
	Origin Origin // of its header, the config file's when both have one

	files               *Files
	config, credentials []section
	parsed              bool
	inConfig, inShared  []entry
}

// String hides the keys, which can be secret.
func (p *Profile) String() string { return "profile(" + p.Name + ")" }

// GoString hides the keys from %#v.
func (p *Profile) GoString() string { return p.String() }

// Get returns the value of a key, given in lower case. Where both files have
// the key, the credentials file's is taken.
func (p *Profile) Get(key string) Value {
	p.parse()
	if v := last(p.inShared, key, p.files.credentials.shown); v.IsSet() {
		return v
	}
	return last(p.inConfig, key, p.files.config.shown)
}

// Nested returns the indented lines below a key without a value, such as those
// of "s3 =", in file order.
func (p *Profile) Nested(key string) []KeyValue {
	p.parse()
	if kv := nested(p.inShared, key, p.files.credentials.shown); kv != nil {
		return kv
	}
	return nested(p.inConfig, key, p.files.config.shown)
}

// Keys returns the names of all keys that have a value or a block, in file
// order, the config file's first.
func (p *Profile) Keys() []string {
	p.parse()
	var keys []string
	seen := make(map[string]bool)
	for _, list := range [][]entry{p.inConfig, p.inShared} {
		for _, e := range list {
			if !seen[e.key] {
				seen[e.key] = true
				keys = append(keys, e.key)
			}
		}
	}
	return keys
}

// parse reads the keys on first use: a lookup among thousands of profiles then
// costs one pass over headers and a few lines of text.
func (p *Profile) parse() {
	if p.parsed {
		return
	}
	p.parsed = true
	p.inConfig = p.files.config.entries(p.config)
	p.inShared = p.files.credentials.entries(p.credentials)
}

func last(entries []entry, key, path string) Value {
	for i := len(entries) - 1; i >= 0; i-- {
		if e := &entries[i]; e.key == key {
			return Value{e.value, Origin{Path: path, Line: e.line}}
		}
	}
	return Value{}
}

func nested(entries []entry, key, path string) []KeyValue {
	for i := len(entries) - 1; i >= 0; i-- {
		if e := &entries[i]; e.key == key {
			return e.block(path)
		}
	}
	return nil
}
