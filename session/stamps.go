package session

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"awsmfa/internal/digest"
	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

// Stamps are files that direnv watches, one a profile: a new time on one of
// them has direnv load a directory again at the next prompt. A stamp holds the
// families of the sessions that its profile rests on, so that a new session of
// one profile reaches all that share it. Nothing in them is secret.
type Stamps struct {
	Dir string // made when the first stamp is
}

// maxStamp bounds a stamp, in bytes: a chain has no more than a few steps.
const maxStamp = 4 << 10

// Place is the absolute path of a profile's stamp. The same name in other AWS
// files is another profile.
func (s Stamps) Place(profile string, awsFiles []string) string {
	var f fields
	f.add("awsmfa stamp 1", profile)
	f.list(awsFiles)
	return filename.Join(s.Dir, f.key().String())
}

// Put makes a profile's stamp, where there is none of the same content, and
// gives its path. Without families the profile is not known yet: then every new
// session may be one of its own.
func (s Stamps) Put(profile string, awsFiles []string, families []Key) (string, error) {
	if s.Dir == "" {
		return "", ErrNoHome
	}
	path, text := s.Place(profile, awsFiles), stampText(families)
	if old, err := privatefile.Read(path, maxStamp); err == nil && string(old) == text {
		return path, nil
	}
	if err := privatefile.EnsureDir(s.Dir); err != nil {
		return "", err
	}
	return path, privatefile.Write(path, []byte(text))
}

func stampText(families []Key) string {
	var b strings.Builder
	for _, f := range families {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

// Touch gives a new time to a profile's stamp and to those that rest on one of
// the families. No stamp is made by it.
func (s Stamps) Touch(now time.Time, profile string, awsFiles []string, families ...Key) error {
	own := s.Place(profile, awsFiles)
	return s.touch(now, func(path string) bool { return path == own || restsOn(path, families) })
}

// TouchAll gives a new time to every stamp.
func (s Stamps) TouchAll(now time.Time) error {
	return s.touch(now, func(string) bool { return true })
}

func (s Stamps) touch(now time.Time, meant func(path string) bool) error {
	if s.Dir == "" {
		return nil
	}
	files, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range files {
		path := filename.Join(s.Dir, f.Name())
		if len(f.Name()) == 2*digest.Size && f.Type().IsRegular() && meant(path) {
			err = errors.Join(err, renew(path, now))
		}
	}
	return err
}

// renew sets a time that is later than the old one by whole seconds: direnv
// looks no closer, and another of its shells may know any time before.
func renew(path string, now time.Time) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if old := info.ModTime(); now.Unix() <= old.Unix() {
		now = old.Add(time.Second)
	}
	return os.Chtimes(path, now, now)
}

// restsOn: one that cannot be read is meant as well, for its profile is not
// known.
func restsOn(path string, families []Key) bool {
	text, err := privatefile.Read(path, maxStamp)
	if err != nil || len(text) == 0 {
		return true
	}
	return slices.ContainsFunc(families, func(f Key) bool { return strings.Contains(string(text), f.String()) })
}

// Families are what the entries of a plan's steps have in common with those
// of other lifetimes, and with other profiles' on the same role or device. The
// MFA session, which a logout forgets in any case, is among them.
func (p *Plan) Families() []Key {
	families := []Key{p.sessionFamily()}
	for _, step := range p.Steps {
		families = append(families, step.family)
	}
	return families
}
