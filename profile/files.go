package profile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

// MaxFileSize bounds an AWS file, in bytes. Ten thousand profiles are 2 MB.
const MaxFileSize = 32 << 20

// Files are both AWS files, read once.
type Files struct {
	paths               Paths
	config, credentials file
}

type file struct {
	path, shown string
	text        string
	missing     bool
	info        fs.FileInfo // of the file that was read: CommandAllowed judges the same one
	sections    []section
	bom         bool
}

// Load reads both files. One that does not exist counts as empty. Anything
// that is not a regular file is refused without waiting for it: a FIFO could
// hold up a shell for ever.
func Load(p Paths) (*Files, error) {
	f := &Files{paths: p}
	if err := f.config.load(p.Config, p.Home, false); err != nil {
		return nil, err
	}
	if err := f.credentials.load(p.Credentials, p.Home, true); err != nil {
		return nil, err
	}
	return f, nil
}

// String hides the text, which holds secrets.
func (f *Files) String() string { return "files(" + f.config.shown + ", " + f.credentials.shown + ")" }

// GoString hides the text from %#v.
func (f *Files) GoString() string { return f.String() }

// Paths returns what Load was given.
func (f *Files) Paths() Paths { return f.paths }

func (f *file) load(path, home string, credentials bool) error {
	f.path, f.shown = path, shown(path, home)
	// The null device is the usual way to say "no such file".
	if path == "" || path == os.DevNull {
		f.missing = true
		return nil
	}
	data, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		f.missing = true
		return nil
	}
	if err != nil {
		return f.bad(0, "cannot be read", err)
	}
	return f.take(data, credentials)
}

// take checks the whole text and notes where its sections are.
func (f *file) take(data string, credentials bool) error {
	if strings.HasPrefix(data, "\xff\xfe") || strings.HasPrefix(data, "\xfe\xff") {
		return f.bad(0, "is UTF-16; save it as UTF-8", nil)
	}
	if i := strings.IndexByte(data, 0); i >= 0 {
		if i < 2 {
			return f.bad(0, "is UTF-16; save it as UTF-8", nil)
		}
		return f.bad(1+strings.Count(data[:i], "\n"), "holds a NUL byte", nil)
	}
	f.text, f.bom = strings.CutPrefix(data, "\ufeff")
	f.sections = index(f.text, credentials)
	return nil
}

func (f *file) bad(line int, what string, err error) error {
	// The cause of an os error repeats the path.
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return &Error{
		Kind: BadFile, Origin: Origin{Path: f.shown, Line: line}, Err: err,
		Detail: quote(f.shown) + " " + what,
	}
}

var (
	errDirectory = errors.New("it is a directory")
	errNotFile   = errors.New("it is not a regular file")
	errTooBig    = errors.New("it is larger than 32 MiB")
)

// read takes the text of the file through one descriptor, which is checked
// before and after it is opened: opening a device can already have effects.
func (f *file) read() (string, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return "", err
	}
	if err := regular(info); err != nil {
		return "", err
	}
	file, err := os.OpenFile(f.path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if f.info, err = file.Stat(); err != nil {
		return "", err
	}
	if err := regular(f.info); err != nil {
		return "", err
	}
	return readText(file, f.info.Size())
}

func regular(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return errDirectory
	case !info.Mode().IsRegular():
		return errNotFile
	case info.Size() > MaxFileSize:
		return errTooBig
	}
	return nil
}

// readText builds the string in place: names and values are then parts of it
// and cost nothing.
func readText(r io.Reader, size int64) (string, error) {
	var b strings.Builder
	b.Grow(int(size) + bytes.MinRead)
	chunk := make([]byte, min(size+1, 64<<10))
	for {
		n, err := r.Read(chunk)
		b.Write(chunk[:n])
		if b.Len() > MaxFileSize {
			return "", errTooBig
		}
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// Profile returns the profile of a name, whichever file it is in.
func (f *Files) Profile(name string) (*Profile, error) {
	if name == "" {
		return nil, &Error{Kind: BadName, Detail: "the profile name is empty"}
	}
	if controls(name) {
		return nil, &Error{
			Kind: BadName, Profile: name,
			Detail: "the profile name " + quote(name) + " holds control characters",
		}
	}
	if p := f.find(name); p != nil {
		return p, nil
	}
	return nil, f.notFound(name)
}

func (f *Files) find(name string) *Profile {
	p := &Profile{Name: name, files: f}
	p.config = f.config.named(sectionProfile, name)
	if name == "default" && len(p.config) == 0 {
		p.config = f.config.named(sectionDefault, name)
	}
	p.credentials = f.credentials.named(sectionProfile, name)
	return p.placed()
}

// placed sets the place of the header; nil when no file has one.
func (p *Profile) placed() *Profile {
	switch {
	case len(p.config) > 0:
		p.Origin = p.files.config.at(p.config[0].line)
	case len(p.credentials) > 0:
		p.Origin = p.files.credentials.at(p.credentials[0].line)
	default:
		return nil
	}
	return p
}

func (f *file) at(line int) Origin { return Origin{Path: f.shown, Line: line} }

func (f *file) named(kind sectionKind, name string) []section {
	var found []section
	for i := range f.sections {
		if s := &f.sections[i]; s.kind == kind && s.name == name {
			found = append(found, *s)
		}
	}
	return found
}

func (f *Files) notFound(name string) error {
	if f.config.missing && f.credentials.missing && f.config.shown == "" && f.credentials.shown == "" {
		return &Error{Kind: NoFiles, Profile: name, Detail: "there is no AWS config: no home directory is known to hold it"}
	}
	if f.config.missing && f.credentials.missing {
		return &Error{
			Kind: NoFiles, Profile: name,
			Detail: "there is no AWS config: neither " + quote(f.config.shown) + " nor " + quote(f.credentials.shown) + " exists",
		}
	}
	for _, s := range f.config.sections {
		if s.kind == sectionBare && (s.name == name || bareName(s.name) == name) {
			return &Error{
				Kind: SectionNeedsPrefix, Profile: name, Origin: f.config.at(s.line),
				Detail: "section [" + s.name + "] is not a profile in this file: it needs to be [profile " + name + "]",
			}
		}
	}
	e := &Error{Kind: NotFound, Profile: name, Suggestions: f.suggest(name)}
	e.Detail = "profile " + quote(name) + " not found in " + f.shownPaths()
	if s := f.credentials.named(sectionPrefixed, name); len(s) > 0 {
		e.Origin = f.credentials.at(s[0].line)
		e.Detail = "section [profile " + name + "] is not a profile in this file: it needs to be [" + name + "]"
	} else if at, ok := f.unclosed(name); ok {
		e.Origin = at
		e.Detail = "profile " + quote(name) + " not found: its section header has no closing bracket"
	}
	return e
}

// bareName is the profile that a section of the config file was meant to be:
// "[dev]", or "[Profile dev]", whose first word is misspelt.
func bareName(section string) string {
	if prefix, rest := cutWord(section); rest != "" && strings.EqualFold(strings.TrimSuffix(prefix, "s"), "profile") {
		return rest
	}
	return section
}

func (f *Files) shownPaths() string {
	switch {
	case f.config.missing:
		return f.credentials.shown
	case f.credentials.missing:
		return f.config.shown
	}
	return f.config.shown + " or " + f.credentials.shown
}

func (f *Files) unclosed(name string) (Origin, bool) {
	if s := f.config.named(sectionUnclosed, name); len(s) > 0 {
		return f.config.at(s[0].line), true
	}
	if s := f.credentials.named(sectionUnclosed, name); len(s) > 0 {
		return f.credentials.at(s[0].line), true
	}
	return Origin{}, false
}

// Profiles returns all profiles in order of first appearance, those of the
// config file first.
func (f *Files) Profiles() []*Profile {
	n := len(f.config.sections) + len(f.credentials.sections)
	all := make([]*Profile, 0, n)
	byName := make(map[string]*Profile, n)
	get := func(name string) *Profile {
		p := byName[name]
		if p == nil {
			p = &Profile{Name: name, files: f}
			byName[name] = p
			all = append(all, p)
		}
		return p
	}
	prefixed := len(f.config.named(sectionProfile, "default")) > 0
	for _, s := range f.config.sections {
		if s.kind == sectionProfile || s.kind == sectionDefault && !prefixed {
			p := get(s.name)
			p.config = append(p.config, s)
		}
	}
	for _, s := range f.credentials.sections {
		if s.kind == sectionProfile {
			p := get(s.name)
			p.credentials = append(p.credentials, s)
		}
	}
	for _, p := range all {
		p.placed()
	}
	return all
}

// CommandAllowed refuses a command that somebody else could have written: its
// file must belong to this user or root, and nobody else may write it. What
// the user gave by flag or variable is allowed.
func (f *Files) CommandAllowed(v Value) error {
	if v.Origin.Path == "" {
		return nil
	}
	why := "it is not one of the files that were read"
	for _, from := range []*file{&f.config, &f.credentials} {
		if from.shown == v.Origin.Path && from.info != nil {
			why = trusted(from.info)
		}
	}
	if why == "" {
		return nil
	}
	return &Error{
		Kind: UntrustedFile, Origin: v.Origin,
		Detail: "the command of " + v.Origin.String() + " is not run: " + why,
	}
}
