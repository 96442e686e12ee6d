package profile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"awsmfa/internal/digest"
	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

// Rewriter sets keys in the config file itself. It is the only writer of that
// file; the credentials file is looked at, never written.
type Rewriter struct {
	Paths Paths
	// Dir is a directory of our own. The lock is there and not beside the AWS
	// files, and so are the backups: a config that is a link into a repository
	// would have them committed.
	Dir string
	// Confirm is asked, with the change, before anything is written; its error
	// leaves the file as it is, and is returned. nil asks nobody.
	Confirm func(Edit) error
	// Holder says who we are to those who wait, Waiting who is waited for.
	Holder  string
	Waiting func(holder string)
	// Patience bounds the wait for another process, which may be asking its
	// user; 0 is ten seconds.
	Patience time.Duration
	Warn     func(string)
}

// Rewritten is what Set did.
type Rewritten struct {
	Edit
	Backup string // where the text before is kept; "" when there was no file, or no change
}

const (
	lockPoll = 25 * time.Millisecond
	// backups is how many texts of one file are kept.
	backups = 10
)

// Set sets one key of one profile. Whatever happens, kill -9 and a full disk
// included, the file is the old one or the new one. When it changed while the
// user was asked, it stays as it is.
func (r Rewriter) Set(ctx context.Context, name, key, value string) (Rewritten, error) {
	if r.Paths.Config == "" || r.Paths.Config == os.DevNull {
		return Rewritten{}, &Error{Kind: NotEditable, Profile: name, Key: key, Detail: "there is no config file to write to"}
	}
	lock, err := r.lock(ctx)
	if err != nil {
		return Rewritten{}, err
	}
	if lock != nil {
		defer lock.Unlock()
	}
	t, err := r.open()
	if err != nil {
		return Rewritten{}, err
	}
	if lock != nil {
		t.sweep()
	}
	edit, err := setKey(t.before, t.file.shown, name, key, value)
	if err == nil {
		err = r.unshadowed(edit, name, key, value)
	}
	if err != nil || !edit.Changed() {
		return Rewritten{Edit: edit}, err
	}
	return r.write(ctx, t, edit)
}

func (r Rewriter) write(ctx context.Context, t *target, edit Edit) (Rewritten, error) {
	done := Rewritten{Edit: edit}
	if err := t.editable(); err != nil {
		return done, err
	}
	if r.Confirm != nil {
		if err := r.Confirm(edit); err != nil {
			return done, err
		}
	}
	if ctx.Err() != nil {
		return done, context.Cause(ctx)
	}
	backup, err := r.backup(t)
	if err != nil {
		return done, r.refuse("no backup can be kept of "+quote(t.file.shown), err)
	}
	done.Backup = backup
	return done, t.replace(edit.after)
}

// lock waits for its turn. A file system without locks has none to wait for:
// that the file did not change is checked in any case.
func (r Rewriter) lock(ctx context.Context) (*privatefile.Lock, error) {
	if err := privatefile.EnsureDir(r.Dir); err != nil {
		return nil, r.refuse("the config file cannot be edited without a directory for its lock and backup", err)
	}
	patience := r.Patience
	if patience == 0 {
		patience = 10 * time.Second
	}
	path := filename.Join(r.Dir, "config.lock")
	for waited := time.Duration(0); ; waited += lockPoll {
		lock, held, err := privatefile.TryLock(path)
		switch {
		case errors.Is(err, privatefile.ErrNoLocks):
			r.warn("editing the config file without a lock: " + err.Error())
			return nil, nil
		case err != nil:
			return nil, r.refuse("the config file cannot be edited without its lock", err)
		case held:
			lock.SetHolder(r.Holder)
			return lock, nil
		case waited >= patience:
			return nil, &Error{Kind: FileBusy, Detail: "another awsmfa is editing the config file" + quoteHolder(privatefile.Holder(path))}
		case waited == 12*lockPoll && r.Waiting != nil:
			r.Waiting(privatefile.Holder(path))
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

func quoteHolder(holder string) string {
	if holder == "" {
		return ""
	}
	return " (" + quoteBare(holder) + ")"
}

func (r Rewriter) warn(what string) {
	if r.Warn != nil {
		r.Warn(what)
	}
}

func (r Rewriter) refuse(what string, err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return &Error{Kind: NotEditable, Detail: what, Err: err}
}

// unshadowed refuses an edit that would have no effect: where both files have
// a key, the credentials file's counts.
func (r Rewriter) unshadowed(edit Edit, name, key, value string) error {
	files := &Files{paths: r.Paths}
	if err := files.credentials.load(r.Paths.Credentials, r.Paths.Home, true); err != nil {
		return err
	}
	files.config.shown = edit.shown
	if err := files.config.take(edit.after, false); err != nil {
		return err
	}
	p, err := files.Profile(name)
	if err != nil {
		return err
	}
	if v := p.Get(key); v.Text != value {
		return &Error{
			Kind: NotEditable, Profile: name, Key: key, Origin: v.Origin,
			Detail: key + " of profile " + quote(name) + " is in the credentials file, which counts before the config file and is never written",
		}
	}
	return nil
}

// backup keeps the text as it was, the ten last of each file, where nobody
// else can read it.
func (r Rewriter) backup(t *target) (string, error) {
	dir, prefix := r.backupPlace(t)
	if err := privatefile.EnsureDir(dir); err != nil {
		return "", err
	}
	kept, last := backupsIn(dir, prefix)
	if t.file.missing {
		return "", privatefile.Write(filename.Join(dir, prefix+strconv.Itoa(last+1)+noneBefore), nil)
	}
	path := filename.Join(dir, prefix+strconv.Itoa(last+1))
	if err := privatefile.Write(path, []byte(t.before)); err != nil {
		return "", err
	}
	for _, n := range kept {
		if n <= last+1-backups {
			privatefile.Remove(filename.Join(dir, prefix+strconv.Itoa(n)))
		}
	}
	return path, nil
}

// backupPlace is where the texts of a file are kept, and how their names begin.
func (r Rewriter) backupPlace(t *target) (dir, prefix string) {
	sum := digest.Sum256([]byte(t.file.path))
	return filename.Join(r.Dir, "config-backups"), "config-" + digest.Hex(sum[:4]) + "-"
}

// backupsIn are the numbers of the texts that are kept, and the last of them.
func backupsIn(dir, prefix string) (kept []int, last int) {
	entries, _ := os.ReadDir(dir) // what cannot be listed is not there, and writing tells
	for _, e := range entries {
		digits, ours := strings.CutPrefix(e.Name(), prefix)
		if n, err := strconv.Atoi(digits); ours && err == nil && n > 0 {
			kept, last = append(kept, n), max(last, n)
		}
	}
	return kept, last
}

// noneBefore ends the name of an empty file that says: there was no file
// before. It counts until the next text is kept, which takes its number.
const noneBefore = "-none"
