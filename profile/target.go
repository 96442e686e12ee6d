package profile

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

// target is the config file that a path leads to, as it was when it was read.
type target struct {
	link   string // the path that was given
	file   *file  // at the end of all links
	before string
}

// open reads the file, which need not exist.
func (r Rewriter) open() (*target, error) {
	t := &target{link: r.Paths.Config, file: &file{path: r.Paths.Config, shown: shown(r.Paths.Config, r.Paths.Home)}}
	path, err := follow(t.link)
	if err != nil {
		return nil, t.file.bad(0, "cannot be read", err)
	}
	t.file.path = path
	t.before, err = t.file.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.file.missing, t.file.info = true, nil
	case err != nil:
		return nil, t.file.bad(0, "cannot be read", err)
	}
	return t, nil
}

var errLinks = errors.New("too many symbolic links")

// follow finds what a path stands for at the end of its links, so that a
// rename replaces that file and not the link. It leaves ".." to the kernel,
// which knows what a link in the middle means.
func follow(path string) (string, error) {
	for range 40 {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, err
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filename.IsAbs(to) {
			dir, _ := cutPath(path)
			to = dir + to
		}
		path = to
	}
	return "", errLinks
}

// cutPath cuts behind the last separator.
func cutPath(path string) (dir, base string) {
	for i := len(path) - 1; i >= 0; i-- {
		if os.IsPathSeparator(path[i]) {
			return path[:i+1], path[i+1:]
		}
	}
	return "." + string(os.PathSeparator), path
}

// editable refuses, before anybody is asked, what a replacement would harm or
// what somebody protected.
func (t *target) editable() error {
	dir, _ := cutPath(t.file.path)
	if info := t.file.info; info != nil {
		if why := unsuited(info); why != "" {
			return t.refuse("is not edited: "+why, nil)
		}
	} else if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) && t.link == t.file.path {
		dir, _ = cutPath(strings.TrimRight(dir, string(os.PathSeparator))) // it will be made
	}
	if err := writable(dir); err != nil {
		return t.refuse("cannot be replaced: its directory", err)
	}
	return nil
}

func (t *target) refuse(what string, err error) error {
	var linkError *os.LinkError
	if errors.As(err, &linkError) { // repeats the paths
		err = linkError.Err
	}
	e := t.file.bad(0, what, err).(*Error)
	e.Kind = NotEditable
	return e
}

// unsuited says why a file is not replaced. One with several names would lose
// all but this one.
func unsuited(info fs.FileInfo) string {
	if info.Mode().Perm()&0o200 == 0 {
		return "it is read-only"
	}
	return unsuitedOwner(info)
}

// replace puts the new text in the old one's place, in one step.
func (t *target) replace(after string) error {
	dir, _ := cutPath(t.file.path)
	if err := t.makeDir(dir); err != nil {
		return t.refuse("cannot be made: its directory", err)
	}
	f, err := os.CreateTemp(dir, t.tempPrefix()+strconv.Itoa(os.Getpid())+"-*") // mode 0600
	if err != nil {
		return t.refuse("cannot be replaced", err)
	}
	if err = t.fill(f, after); err == nil {
		if err = t.unchanged(); err != nil {
			os.Remove(f.Name())
			return err
		}
		err = os.Rename(f.Name(), t.file.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return t.refuse("cannot be replaced", err)
	}
	if err := privatefile.SyncDir(dir); err != nil {
		return t.refuse("was replaced, but is perhaps not on disk yet", err)
	}
	return nil
}

// makeDir makes ~/.aws, for this user alone; not a whole path that
// AWS_CONFIG_FILE may have wrong, nor one that a link leads to.
func (t *target) makeDir(dir string) error {
	if !t.file.missing || t.link != t.file.path {
		return nil
	}
	err := os.Mkdir(strings.TrimRight(dir, string(os.PathSeparator)), 0o700)
	if errors.Is(err, fs.ErrExist) || dir == string(os.PathSeparator) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o700) // whatever the umask
}

func (t *target) fill(f *os.File, after string) error {
	_, err := f.WriteString(after)
	mode := fs.FileMode(0o600)
	if err == nil && t.file.info != nil {
		mode, err = keepOwner(f, t.file.info)
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// unchanged looks once more, right before the old file goes.
func (t *target) unchanged() error {
	changed := &Error{Kind: FileChanged, Detail: quote(t.file.shown) + " changed while its edit was prepared: it is as somebody else left it"}
	now := &file{path: t.file.path, shown: t.file.shown}
	path, err := follow(t.link)
	if err != nil || path != t.file.path {
		return changed
	}
	text, err := now.read()
	if t.file.missing {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return changed
	}
	was := t.file.info
	if err != nil || !os.SameFile(was, now.info) || was.Mode() != now.info.Mode() ||
		!was.ModTime().Equal(now.info.ModTime()) || text != t.before {
		return changed
	}
	return nil
}

func (t *target) tempPrefix() string {
	_, base := cutPath(t.file.path)
	return "." + base + ".awsmfa-"
}

// sweep removes what writers that were killed left behind.
func (t *target) sweep() {
	dir, _ := cutPath(t.file.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), t.tempPrefix())
		digits, _, _ := strings.Cut(rest, "-")
		if pid, err := strconv.Atoi(digits); ours && err == nil && pid != os.Getpid() && e.Type().IsRegular() && !privatefile.Alive(pid) {
			os.Remove(dir + e.Name())
		}
	}
}
