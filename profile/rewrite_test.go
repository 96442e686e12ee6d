package profile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// rewriter is one for a config file with a text, "" for none.
func rewriter(t testing.TB, text string) Rewriter {
	t.Helper()
	home := t.TempDir()
	r := Rewriter{Paths: Locate(func(string) string { return "" }, home), Dir: filepath.Join(home, "state", "awsmfa"), Holder: "pid=1"}
	if text != "" {
		must(t, os.Mkdir(filepath.Join(home, ".aws"), 0o700))
		must(t, os.WriteFile(r.Paths.Config, []byte(text), 0o600))
	}
	return r
}

func (r Rewriter) set(t testing.TB, value string) (Rewritten, error) {
	t.Helper()
	return r.Set(context.Background(), "dev", "k", value)
}

func content(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

// alone holds that nothing of ours is beside a file.
func alone(t testing.TB, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	for _, e := range entries {
		if strings.Contains(e.Name(), "awsmfa") {
			t.Errorf("%s is left behind", e.Name())
		}
	}
}

const devText = "[profile dev]\nk = old # note\n"

func TestRewrite(t *testing.T) {
	r := rewriter(t, devText)
	asked := ""
	r.Confirm = func(e Edit) error {
		asked = e.Diff()
		return nil
	}
	done, err := r.set(t, "new")
	if err != nil || done.Line != 2 || content(t, r.Paths.Config) != "[profile dev]\nk = new # note\n" {
		t.Fatalf("%v: %s", err, content(t, r.Paths.Config))
	}
	if asked != "--- ~/.aws/config\n+++ ~/.aws/config\n@@ -1,2 +1,2 @@\n [profile dev]\n-k = old # note\n+k = new # note\n" {
		t.Errorf("asked:\n%s", asked)
	}
	if content(t, done.Backup) != devText {
		t.Errorf("backup %s", content(t, done.Backup))
	}
	asked = ""
	done, err = r.set(t, "new")
	if err != nil || asked != "" || done.Backup != "" || done.Changed() {
		t.Errorf("again: %v, asked %q, backup %q", err, asked, done.Backup)
	}
	alone(t, r.Paths.Config)
}

func TestRewriteMakesFile(t *testing.T) {
	r := rewriter(t, "")
	done, err := r.set(t, "new")
	if err != nil || done.Backup != "" || content(t, r.Paths.Config) != "[profile dev]\nk = new\n" {
		t.Fatalf("%v", err)
	}
	r.Paths.Config = filepath.Join(r.Paths.Home, "no", "such", "config")
	if _, err := r.set(t, "new"); err == nil || !strings.Contains(err.Error(), "no such") {
		t.Errorf("a whole path is made: %v", err)
	}
	r.Paths.Config = filepath.Join(r.Paths.Home, "beside")
	if _, err := r.set(t, "new"); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"", os.DevNull} {
		r.Paths.Config = path
		if kind, ok := kindOf(errorOf(r.set(t, "new"))); !ok || kind != NotEditable {
			t.Errorf("%q is written", path)
		}
	}
}

func TestRewriteRefused(t *testing.T) {
	big := rewriter(t, devText)
	must(t, os.Truncate(big.Paths.Config, MaxFileSize+1))
	dir := rewriter(t, "")
	must(t, os.MkdirAll(dir.Paths.Config, 0o700))
	shadowed := rewriter(t, devText)
	must(t, os.WriteFile(shadowed.Paths.Credentials, []byte("[dev]\n\nk = other\n"), 0o600))
	readOnly := rewriter(t, devText)
	must(t, os.Chmod(readOnly.Paths.Config, 0o444))
	noDir := rewriter(t, devText)
	noDir.Dir = ""
	for name, c := range map[string]struct {
		r     Rewriter
		kind  Kind
		words string
	}{
		"UTF-16":    {rewriter(t, "\xff\xfe[\x00"), BadFile, `"~/.aws/config" is UTF-16`},
		"NUL":       {rewriter(t, "a\nb\x00"), BadFile, `(~/.aws/config:2)`},
		"unclosed":  {rewriter(t, "\n\n[profile dev\n"), NotEditable, `(~/.aws/config:3)`},
		"too big":   {big, BadFile, "larger"},
		"directory": {dir, BadFile, "directory"},
		"shadowed":  {shadowed, NotEditable, "(~/.aws/credentials:3)"},
		"read-only": {readOnly, NotEditable, "read-only"},
		"no place":  {noDir, NotEditable, "lock and backup"},
	} {
		c.r.Confirm = func(Edit) error {
			t.Errorf("%s: the user is asked in vain", name)
			return nil
		}
		err := errorOf(c.r.set(t, "new"))
		if kind, ok := kindOf(err); !ok || kind != c.kind || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if content(t, shadowed.Paths.Credentials) != "[dev]\n\nk = other\n" {
		t.Error("the credentials file is written")
	}
}

// TestKeyProfile: a profile of the credentials file alone gets its section in
// the config file.
func TestKeyProfile(t *testing.T) {
	r := rewriter(t, "[default]\n")
	shared := "[dev]\n" + keyText
	must(t, os.WriteFile(r.Paths.Credentials, []byte(shared), 0o600))
	if _, err := r.Set(context.Background(), "dev", "mfa_serial", newSerial); err != nil {
		t.Fatal(err)
	}
	f, err := Load(r.Paths)
	must(t, err)
	p, err := f.Profile("dev")
	if err != nil || p.Get("mfa_serial").Text != newSerial || p.Get("aws_access_key_id").Text != testKey {
		t.Error(p, err)
	}
	if content(t, r.Paths.Config) != "[default]\n\n[profile dev]\nmfa_serial = "+newSerial+"\n" || content(t, r.Paths.Credentials) != shared {
		t.Error(content(t, r.Paths.Config))
	}
}

func TestDeclined(t *testing.T) {
	r := rewriter(t, devText)
	no := errors.New("no")
	r.Confirm = func(Edit) error { return no }
	if _, err := r.set(t, "new"); !errors.Is(err, no) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r.Confirm = func(Edit) error {
		cancel(no)
		return nil
	}
	if _, err := r.Set(ctx, "dev", "k", "new"); !errors.Is(err, no) {
		t.Error(err)
	}
	if content(t, r.Paths.Config) != devText {
		t.Error("written all the same")
	}
	if _, err := os.Stat(filepath.Join(r.Dir, "config-backups")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a backup of nothing")
	}
}

// TestChangedMeanwhile: somebody writes while the user is asked.
func TestChangedMeanwhile(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"text":       func(p string) error { return os.WriteFile(p, []byte("[profile dev]\n"), 0o600) },
		"same size":  func(p string) error { return os.WriteFile(p, []byte(strings.ToUpper(devText)), 0o600) },
		"time":       func(p string) error { return os.Chtimes(p, time.Unix(1, 0), time.Unix(1, 0)) },
		"mode":       func(p string) error { return os.Chmod(p, 0o400) },
		"gone":       os.Remove,
		"now a link": func(p string) error { return errors.Join(os.Rename(p, p+"2"), os.Symlink(p+"2", p)) },
		"another file": func(p string) error {
			return errors.Join(os.WriteFile(p+"2", []byte(devText), 0o600), os.Rename(p+"2", p))
		},
		"a directory":   func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) },
		"hidden change": func(p string) error { return sameStat(p, strings.ToUpper(devText)) },
	} {
		r := rewriter(t, devText)
		r.Confirm = func(Edit) error { return change(r.Paths.Config) }
		if kind, ok := kindOf(errorOf(r.set(t, "new"))); !ok || kind != FileChanged {
			t.Errorf("%s: it is not seen", name)
		}
		if text, err := os.ReadFile(r.Paths.Config); err == nil && strings.Contains(string(text), "new") {
			t.Errorf("%s: it is overwritten", name)
		}
		if name != "gone" {
			alone(t, r.Paths.Config)
		}
	}
	r := rewriter(t, "")
	r.Confirm = func(Edit) error {
		return errors.Join(os.Mkdir(filepath.Dir(r.Paths.Config), 0o700), os.WriteFile(r.Paths.Config, []byte("x"), 0o600))
	}
	if kind, _ := kindOf(errorOf(r.set(t, "new"))); kind != FileChanged || content(t, r.Paths.Config) != "x" {
		t.Error("a new file is overwritten")
	}
}

// sameStat writes a text of the same length and puts the time back.
func sameStat(path, text string) error {
	info, err := os.Stat(path)
	return errors.Join(err, os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// TestTwoWriters: the second waits while the first asks, and edits what the
// first left.
func TestTwoWriters(t *testing.T) {
	r := rewriter(t, devText)
	asking, answer := make(chan bool), make(chan bool)
	first, second := r, r
	first.Confirm = func(Edit) error {
		close(asking)
		<-answer
		return nil
	}
	said := ""
	second.Waiting = func(holder string) {
		said = holder
		close(answer)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		if _, err := first.Set(context.Background(), "dev", "k", "one"); err != nil {
			t.Error(err)
		}
	})
	<-asking
	impatient := r
	impatient.Patience = time.Millisecond
	if err := errorOf(impatient.set(t, "three")); err == nil || !strings.Contains(err.Error(), "(pid=1)") {
		t.Error(err)
	} else if kind, _ := kindOf(err); kind != FileBusy {
		t.Error(err)
	}
	if _, err := second.Set(context.Background(), "dev", "j", "two"); err != nil {
		t.Error(err)
	}
	wait.Wait()
	if said != "pid=1" || content(t, r.Paths.Config) != "[profile dev]\nk = one # note\nj = two\n" {
		t.Errorf("waited for %q: %s", said, content(t, r.Paths.Config))
	}
}

// TestManyWriters: none of the keys of twenty writers is lost.
func TestManyWriters(t *testing.T) {
	r := rewriter(t, devText)
	r.Patience = time.Minute
	var wait sync.WaitGroup
	keys := strings.Fields("a b c d e f g h i j l m n o p q r s t u")
	for _, key := range keys {
		wait.Go(func() {
			if _, err := r.Set(context.Background(), "dev", key, key); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, key := range keys {
		if strings.Count(content(t, r.Paths.Config), "\n"+key+" = "+key+"\n") != 1 {
			t.Errorf("%s is lost", key)
		}
	}
}

func TestBackups(t *testing.T) {
	r := rewriter(t, devText)
	var newest Rewritten
	for _, value := range strings.Fields("a b c d e f g h i j k l m") {
		done, err := r.set(t, value)
		must(t, err)
		newest = done
	}
	entries, err := os.ReadDir(filepath.Join(r.Dir, "config-backups"))
	if err != nil || len(entries) != backups || content(t, newest.Backup) != "[profile dev]\nk = l # note\n" {
		t.Errorf("%d backups, the last %s", len(entries), content(t, newest.Backup))
	}
	other := r
	other.Paths.Config = filepath.Join(r.Paths.Home, "other")
	must(t, os.WriteFile(other.Paths.Config, []byte(devText), 0o600))
	done, err := other.set(t, "z")
	if err != nil || content(t, done.Backup) != devText {
		t.Error(err)
	}
	if entries, _ = os.ReadDir(filepath.Join(r.Dir, "config-backups")); len(entries) != backups+1 {
		t.Error("another file's backups are counted")
	}
	must(t, os.RemoveAll(filepath.Join(r.Dir, "config-backups")))
	must(t, os.WriteFile(filepath.Join(r.Dir, "config-backups"), nil, 0o600))
	before := content(t, r.Paths.Config)
	if kind, _ := kindOf(errorOf(r.set(t, "without"))); kind != NotEditable || content(t, r.Paths.Config) != before {
		t.Error("written without a backup")
	}
}

func TestRewriteUndo(t *testing.T) {
	for _, c := range []struct{ name, before string }{
		{"a key added", "[profile dev]\nregion = x\n"},
		{"a key replaced", "[profile dev]\r\nmfa_serial = old # x\r\n"},
		{"no file", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "config")
			if c.before != "" {
				if err := os.WriteFile(path, []byte(c.before), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			w := Rewriter{Paths: Paths{Config: path}, Dir: filepath.Join(dir, "state")}
			done, err := w.Set(t.Context(), "dev", "mfa_serial", "arn:aws:iam::123456789012:mfa/dev")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(done.Text(), "# more\n"...), 0o640); err != nil {
				t.Fatal(err)
			}
			if err := w.Undo(t.Context(), done); !errors.Is(err, errChangedSince) {
				t.Errorf("a changed file: %v", err)
			}
			if err := os.WriteFile(path, done.Text(), 0o640); err != nil {
				t.Fatal(err)
			}
			if err := w.Undo(t.Context(), done); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if string(got) != c.before || (c.before == "") != errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q (%v), want %q", got, err, c.before)
			}
		})
	}
}
