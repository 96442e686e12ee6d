//go:build unix

package seed

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"awsmfa/internal/privatefile"
)

func newIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// identityFile writes the user's own identity file.
func identityFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOwnIdentity(t *testing.T) {
	ctx := context.Background()
	a, b := newIdentity(t).String(), newIdentity(t).String()
	w := newWorld(t)
	w.ring.gone = false // an identity that is named is meant
	w.o.Ask = nil
	w.o.AgeIdentity = identityFile(t, "# created: today", "", a, "")
	w.add(w.vault(), jane, secretA)
	w.tidy(1, 0)
	if store, why, err := w.vault().Where(); store != "file" || !strings.Contains(why, "own") || err != nil {
		t.Errorf("%q, %q, %v", store, why, err)
	}
	if err := w.vault().Ready(jane); err != nil {
		t.Error(err)
	}
	w.holds(w.vault(), jane, secretA)

	// Several in a file, with any ends of lines: the first takes, all give.
	w.o.AgeIdentity = identityFile(t, b+"\r", "# old", a+"\r", "")
	w.holds(w.vault(), jane, secretA)
	w.add(w.vault(), john, secretB)
	w.o.AgeIdentity = identityFile(t, b)
	w.holds(w.vault(), john, secretB)
	_, err := w.vault().Load(ctx, jane)
	trouble(t, err, BadInput)
	pq, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	w.o.AgeIdentity = identityFile(t, pq.String(), b, a)
	w.add(w.vault(), hard, secretC)
	w.holds(w.vault(), hard, secretC)
	w.holds(w.vault(), jane, secretA)
	w.plain(secretA, secretB, secretC, a, b)

	kept := w.o.AgeIdentity
	w.o.AgeIdentity = ""
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, Absent)
	trouble(t, w.vault().Ready(jane), Absent)
	w.o.AgeIdentity, w.o.Ask = kept, w.person.ask
	if err := w.vault("right", "right").ChangePassphrase(ctx); err != nil {
		t.Fatal(err)
	}
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, Conflict)
	w.o.AgeIdentity = ""
	w.tidy(3, 0)
	w.holds(w.vault("right"), jane, secretA)
	w.o.AgeIdentity = kept
	if n, err := w.vault("right").Migrate(ctx, "file"); n != 3 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	w.tidy(3, 0)
	w.holds(w.vault(), jane, secretA)
}

func TestIdentityFilesThatAreNone(t *testing.T) {
	good := newIdentity(t)
	var sealed bytes.Buffer
	armored := armor.NewWriter(&sealed)
	by, _ := age.NewScryptRecipient("right")
	by.SetWorkFactor(1)
	text, err := encrypt([]byte(good.String()), by)
	if err != nil {
		t.Fatal(err)
	}
	armored.Write(text)
	armored.Close()
	for name, content := range map[string]string{
		"empty":      "",
		"comments":   "# nothing\n",
		"armored":    sealed.String(),
		"binary":     string(text),
		"plugin":     "AGE-PLUGIN-YUBIKEY-1QQQQQQ",
		"and plugin": good.String() + "\nAGE-PLUGIN-YUBIKEY-1QQQQQQ",
		"ssh":        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
		"public":     good.Recipient().String(),
		"damaged":    good.String()[:70],
		"words":      "right",
		"huge":       strings.Repeat("# comment\n", 10000) + good.String(),
	} {
		w := newWorld(t)
		w.o.AgeIdentity = identityFile(t, content)
		e := trouble(t, w.vault().Add(context.Background(), jane, parse(t, secretA), false), BadInput)
		if e.Why == "" && e.Err == nil || strings.Contains(e.Error(), good.String()[20:60]) {
			t.Errorf("%s: %v", name, e)
		}
		if has, _ := w.vault().Has(jane); has {
			t.Errorf("%s: something was stored", name)
		}
	}
}

func TestProtectedFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, mode fs.FileMode) {
		t.Helper()
		must(os.WriteFile(at(name), []byte("text"), 0o600), os.Chmod(at(name), mode))
	}
	write("fine", 0o600)
	write("readonly", 0o400)
	write("group", 0o640)
	write("all", 0o604)
	write("groupwrite", 0o620)
	must(os.Symlink(at("fine"), at("link")), os.Symlink(at("all"), at("badlink")), syscall.Mkfifo(at("pipe"), 0o600))
	for name, want := range map[string]error{
		"fine": nil, "readonly": nil, "link": nil, "group": privatefile.ErrMode, "all": privatefile.ErrMode,
		"groupwrite": privatefile.ErrMode, "badlink": privatefile.ErrMode, "pipe": privatefile.ErrNotRegular,
		".": privatefile.ErrNotRegular, "none": fs.ErrNotExist,
	} {
		text, err := readProtected(at(name), 4)
		if !errors.Is(err, want) || want == nil && string(text) != "text" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if _, err := readProtected(at("fine"), 3); !errors.Is(err, privatefile.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if os.Geteuid() != 0 {
		return
	}
	write("foreign", 0o600)
	must(os.Chown(at("foreign"), 65534, 65534))
	if _, err := readProtected(at("foreign"), 4); !errors.Is(err, privatefile.ErrOwner) {
		t.Errorf("foreign: %v", err)
	}
}

// The directory of the seeds is looked at like every other of ours.
func TestDirectories(t *testing.T) {
	ctx := context.Background()
	elsewhere := t.TempDir()
	for name, c := range map[string]struct {
		spoil func(w *world) error
		want  error
	}{
		"link": {func(w *world) error {
			return errors.Join(os.Rename(w.seeds(), filepath.Join(elsewhere, "seeds")), os.Symlink(filepath.Join(elsewhere, "seeds"), w.seeds()))
		}, privatefile.ErrSymlink},
		"open to others":    {func(w *world) error { return os.Chmod(w.seeds(), 0o755) }, privatefile.ErrMode},
		"a file":            {func(w *world) error { return errors.Join(os.RemoveAll(w.seeds()), os.WriteFile(w.seeds(), nil, 0o600)) }, privatefile.ErrNotDir},
		"foreign":           {func(w *world) error { return os.Chown(w.seeds(), 65534, 65534) }, privatefile.ErrOwner},
		"index is a link":   {func(w *world) error { return moveAndLink(filepath.Join(w.seeds(), "index"), elsewhere) }, privatefile.ErrSymlink},
		"index is readable": {func(w *world) error { return os.Chmod(filepath.Join(w.seeds(), "index"), 0o644) }, privatefile.ErrMode},
	} {
		if name == "foreign" && os.Geteuid() != 0 {
			continue
		}
		w := newWorld(t)
		w.add(w.vault("right", "right"), jane, secretA)
		if err := c.spoil(w); err != nil {
			t.Fatal(err)
		}
		_, hasErr := w.vault().Has(jane)
		_, loadErr := w.vault().Load(ctx, jane)
		_, listErr := w.vault().List()
		for _, err := range []error{hasErr, loadErr, listErr, w.vault().Ready(jane), w.vault().Add(ctx, john, parse(t, secretB), false), w.vault().Remove(ctx, jane)} {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			trouble(t, err, Unusable)
		}
	}
}

func moveAndLink(path, elsewhere string) error {
	to := filepath.Join(elsewhere, filepath.Base(path))
	return errors.Join(os.Rename(path, to), os.Symlink(to, path))
}
