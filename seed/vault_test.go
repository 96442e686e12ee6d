package seed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	jane = "arn:aws:iam::123456789012:mfa/jane"
	john = "arn:aws:iam::123456789012:mfa/john"
	hard = "GAHT12345678"

	secretA = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	secretB = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
	secretC = "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"
)

// ring stands for the OS keyring where the vault is what is tested: a
// directory outside of the vault's.
type ring struct {
	dir          string
	gone, locked bool
}

func (r *ring) trouble(what Trouble) error {
	return &StoreError{Store: keyringStore, Trouble: what, Why: "of the test"}
}

func (r *ring) here() error {
	switch {
	case r.gone:
		return r.trouble(Unusable)
	case r.locked:
		return r.trouble(Locked)
	}
	return nil
}

func (r *ring) probe(context.Context) error { return r.here() }

func (r *ring) ready(s slot) error {
	_, err := r.load(context.Background(), s)
	return err
}

func (r *ring) load(_ context.Context, s slot) ([]byte, error) {
	if err := r.here(); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(r.dir, s.id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, r.trouble(Missing)
	}
	return data, err
}

func (r *ring) save(_ context.Context, s slot, record []byte) (string, error) {
	if err := r.here(); err != nil {
		return "", err
	}
	path := filepath.Join(r.dir, s.id)
	if err := os.WriteFile(path+".new", record, 0o600); err != nil {
		return "", err
	}
	return "", os.Rename(path+".new", path)
}

func (r *ring) remove(_ context.Context, s slot) error {
	if err := r.here(); err != nil {
		return err
	}
	os.Remove(filepath.Join(r.dir, s.id+".new"))
	os.Remove(filepath.Join(r.dir, s.id))
	return nil
}

func (r *ring) count(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// person types passphrases, in turn, and remembers what was asked.
type person struct {
	mu    sync.Mutex
	types []string
	asked []string
}

func (p *person) ask(_ context.Context, prompt string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, prompt)
	if len(p.types) == 0 {
		return "", errors.New("the test was asked more than it knows")
	}
	answer := p.types[0]
	p.types = p.types[1:]
	return answer, nil
}

// world is a vault's surroundings.
type world struct {
	t      *testing.T
	o      Options
	ring   *ring
	person *person
	warned []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, ring: &ring{dir: t.TempDir(), gone: true}, person: &person{}}
	w.o = Options{
		Dir: filepath.Join(t.TempDir(), "awsmfa"),
		Ask: w.person.ask,
		Now: func() time.Time { return time.Unix(1_700_000_000, 0) },
		Warn: func(s string) {
			w.warned = append(w.warned, s)
		},
	}
	return w
}

// vault is what the next process would open: it knows nothing of the last.
func (w *world) vault(types ...string) *Vault {
	w.t.Helper()
	if len(w.person.types) > 0 {
		w.t.Errorf("nobody asked for %q", w.person.types)
	}
	w.person.types, w.person.asked = types, nil
	v := Open(w.o)
	v.keyring, v.work = w.ring, 1
	return v
}

func (w *world) seeds() string { return filepath.Join(w.o.Dir, "seeds") }

func parse(t *testing.T, text string) Seed {
	t.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) add(v *Vault, serial, secret string) {
	w.t.Helper()
	if err := v.Add(context.Background(), serial, parse(w.t, secret), false); err != nil {
		w.t.Fatalf("adding %s: %v", serial, err)
	}
}

func (w *world) holds(v *Vault, serial, secret string) {
	w.t.Helper()
	s, err := v.Load(context.Background(), serial)
	if err != nil || s.secret() != secret {
		w.t.Fatalf("%s: another seed than was stored, or none: %v", serial, err)
	}
}

// trouble checks what kind of error it is, and that it tells no secret.
func trouble(t *testing.T, err error, want Trouble) *StoreError {
	t.Helper()
	var e *StoreError
	if !errors.As(err, &e) || e.Trouble != want {
		t.Fatalf("want trouble %d, got %v (%+v)", want, err, e)
	}
	told := fmt.Sprintf("%v %+v %q", err, e, e.Hints)
	for _, secret := range []string{secretA, secretB, secretC, "right", "AGE-SECRET"} {
		if strings.Contains(told, secret) {
			t.Errorf("a secret is told: %s", told)
		}
	}
	return e
}

// plain looks for secrets in the clear, in files of any name.
func (w *world) plain(secrets ...string) {
	w.t.Helper()
	found := 0
	err := filepath.WalkDir(w.o.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found++
		text, err := os.ReadFile(path)
		for _, s := range append(secrets, "AGE-SECRET-KEY", "otpauth") {
			if strings.Contains(string(text), s) {
				w.t.Errorf("%s holds a secret in the clear", path)
			}
		}
		return err
	})
	if err != nil || found == 0 {
		w.t.Errorf("looked at %d files: %v", found, err)
	}
}

func TestFileStore(t *testing.T) {
	w := newWorld(t)
	v := w.vault("right", "right")
	if has, err := v.Has(jane); has || err != nil {
		t.Errorf("before the first: %v, %v", has, err)
	}
	if _, err := os.Lstat(w.o.Dir); err == nil {
		t.Error("looking made a directory")
	}
	if _, err := v.Load(context.Background(), jane); !errors.Is(err, ErrNoSeed) {
		t.Errorf("before the first: %v", err)
	}
	w.add(v, jane, "otpauth://totp/Amazon%20Web%20Services:jane@acme?secret="+secretA+"&issuer=Amazon%20Web%20Services")
	w.add(v, hard, secretB) // no passphrase again in this run
	w.holds(v, jane, secretA)
	if err := w.vault("right").Add(context.Background(), hard, parse(t, secretC), false); !errors.Is(err, ErrExists) {
		t.Errorf("twice: %v", err)
	}
	w.person.types = nil
	again := w.vault("right")
	w.holds(again, hard, secretB)
	w.holds(again, jane, secretA)
	s, _ := again.Load(context.Background(), jane)
	if s.Issuer() != "Amazon Web Services" || s.Label() != "jane@acme" {
		t.Errorf("the names are lost: %q %q", s.Issuer(), s.Label())
	}
	items, err := w.vault().List()
	want := []Item{{jane, "Amazon Web Services", "jane@acme", w.o.Now()}, {hard, "", "", w.o.Now()}}
	if err != nil || !slices.EqualFunc(items, want, func(a, b Item) bool {
		return a.Added.Equal(b.Added) && a.Serial == b.Serial && a.Issuer == b.Issuer && a.Label == b.Label
	}) {
		t.Errorf("listed: %v, %v", items, err)
	}
	if store, why, err := w.vault().Where(); store != "file" || why == "" || err != nil {
		t.Errorf("where: %q, %q, %v", store, why, err)
	}
	w.plain(secretA, secretB)
	w.tidy(2, 0)
}

// tidy checks that there is nothing but what the index names.
func (w *world) tidy(inFiles, inRing int) {
	w.t.Helper()
	entries, err := os.ReadDir(w.seeds())
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			w.t.Errorf("%s: mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	want := inFiles + 2 // index and lock
	if inFiles > 0 && w.o.AgeIdentity == "" {
		want++ // the key
	}
	if len(names) != want {
		w.t.Errorf("%d files in the vault, want %d: %q", len(names), want, names)
	}
	if n := w.ring.count(w.t); n != inRing {
		w.t.Errorf("%d seeds in the keyring, want %d", n, inRing)
	}
	text, err := os.ReadFile(filepath.Join(w.seeds(), "index"))
	if err != nil || strings.Contains(string(text), "trash") {
		w.t.Errorf("trash stays: %s, %v", text, err)
	}
}

func TestReplaceAndRemove(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	v := w.vault("right", "right")
	w.add(v, jane, secretA)
	if err := v.Add(ctx, jane, parse(t, secretB), true); err != nil {
		t.Fatal(err)
	}
	w.holds(v, jane, secretB)
	w.tidy(1, 0)
	w.add(v, john, secretA)
	if err := w.vault().Remove(ctx, jane); err != nil { // without a passphrase
		t.Fatal(err)
	}
	if err := w.vault().Remove(ctx, jane); !errors.Is(err, ErrNoSeed) {
		t.Errorf("removed twice: %v", err)
	}
	w.tidy(1, 0)
	if err := w.vault().Remove(ctx, john); err != nil {
		t.Fatal(err)
	}
	w.tidy(0, 0)
	// A new beginning has a new passphrase, for the old one may be forgotten.
	w.add(w.vault("fresh", "fresh"), john, secretC)
	w.holds(w.vault("fresh"), john, secretC)
}

func TestDuplicate(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	v := w.vault("right", "right")
	w.add(v, jane, secretA)
	w.add(v, john, secretB)
	var twice *DuplicateError
	err := w.vault("right").Add(ctx, hard, parse(t, secretA), false)
	if !errors.As(err, &twice) || twice.Serial != jane || strings.Contains(err.Error(), secretA) {
		t.Errorf("%v", err)
	}
	if err := w.vault("right").Add(ctx, john, parse(t, secretA), true); !errors.As(err, &twice) {
		t.Errorf("replacing: %v", err)
	}
	if err := w.vault("right").Add(ctx, jane, parse(t, secretA), true); err != nil {
		t.Errorf("the same again for the same device: %v", err)
	}
	// Where nobody can unlock the store, it is not compared but stored.
	w.o.Ask = nil
	w.add(w.vault(), hard, secretA)
	w.o.Ask = w.person.ask
	w.holds(w.vault("right"), hard, secretA)
	// A damaged neighbour is no reason not to add.
	ix, _ := readIndex(w.seeds())
	e, _ := ix.find(john)
	if err := os.Remove(filepath.Join(w.seeds(), e.id+".age")); err != nil {
		t.Fatal(err)
	}
	w.add(w.vault("right"), "ANOTHER12", secretC)
	if len(w.warned) == 0 {
		t.Error("nothing is said of the missing one")
	}
}

func TestPassphrases(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name  string
		types []string
		fails bool
	}{
		{"twice the same", []string{"right", "right"}, false},
		{"not the same at first", []string{"right", "wrong", "right", "right"}, false},
		{"empty at first", []string{"", "  ", "right", "right"}, false},
		{"never", []string{"", "", ""}, true},
		{"never the same", []string{"a", "b", "a", "b", "a", "b"}, true},
	} {
		w := newWorld(t)
		err := w.vault(c.types...).Add(ctx, jane, parse(t, secretA), false)
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(w.person.types) > 0 {
			t.Errorf("%s: not asked for %q", c.name, w.person.types)
		}
		if has, _ := w.vault().Has(jane); has == c.fails {
			t.Errorf("%s: has it: %v", c.name, has)
		}
	}
	w := newWorld(t)
	w.add(w.vault("right", "right"), jane, secretA)
	w.holds(w.vault("wrong", "", "right"), jane, secretA)
	_, err := w.vault("wrong", "rong", "Right").Load(ctx, jane)
	trouble(t, err, WrongPassphrase)
	stopped := errors.New("stopped")
	w.o.Ask = func(context.Context, string) (string, error) { return "", stopped }
	if _, err := w.vault().Load(ctx, jane); !errors.Is(err, stopped) {
		t.Errorf("an interrupted prompt: %v", err)
	}
	w.o.Ask = nil
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, Locked)
	trouble(t, w.vault().Ready(jane), Locked)
	w.o.Ask, w.o.Askable = w.person.ask, func() error { return stopped }
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, Locked)
	trouble(t, w.vault().Ready(jane), Locked)
	w.o.Askable = func() error { return nil }
	if err := w.vault().Ready(jane); err != nil {
		t.Errorf("somebody can be asked: %v", err)
	}
}

func TestPassphraseFile(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "passphrase")
	w.o.PassphraseFile, w.o.Ask = path, nil
	write := func(text string, mode fs.FileMode) {
		t.Helper()
		os.Remove(path)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("right\n", 0o400)
	w.add(w.vault(), jane, secretA)
	for _, text := range []string{"right", "right\n", "right\r\n"} {
		write(text, 0o600)
		if err := w.vault().Ready(jane); err != nil {
			t.Errorf("%q: ready: %v", text, err)
		}
		w.holds(w.vault(), jane, secretA)
	}
	for text, want := range map[string]Trouble{
		"wrong": WrongPassphrase, "right ": WrongPassphrase, "": BadInput, "\n": BadInput, " \n": BadInput,
		"right\nright\n": BadInput, "right\n\n": BadInput, "right\x00": BadInput, strings.Repeat("x", 5000): BadInput,
	} {
		write(text, 0o600)
		_, err := w.vault().Load(ctx, jane)
		trouble(t, err, want)
		fresh := newWorld(t)
		fresh.o.PassphraseFile = path
		if want == BadInput {
			trouble(t, fresh.vault().Add(ctx, jane, parse(t, secretA), false), BadInput)
		}
	}
	write("right", 0o640)
	_, err := w.vault().Load(ctx, jane)
	trouble(t, err, BadInput)
	trouble(t, w.vault().Ready(jane), BadInput)
	w.o.PassphraseFile = "passphrase"
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, BadInput)
	w.o.PassphraseFile = filepath.Join(t.TempDir(), "none")
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, BadInput)
	w.o.PassphraseFile = t.TempDir()
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, BadInput)
}

func TestAutoPicksOnce(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.ring.gone = false
	if store, why, err := w.vault().Where(); store != "" || why == "" || err != nil {
		t.Errorf("not picked yet: %q, %q, %v", store, why, err)
	}
	w.add(w.vault(), jane, secretA)
	if store, _, _ := w.vault().Where(); store != "keyring" {
		t.Errorf("the keyring works, and is not taken: %q", store)
	}
	w.ring.gone = true
	err := w.vault().Add(ctx, john, parse(t, secretB), false)
	trouble(t, err, Unusable)
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, Unusable)
	if has, err := w.vault().Has(jane); !has || err != nil {
		t.Errorf("the index knows: %v, %v", has, err)
	}
	w.ring.gone, w.ring.locked = false, true
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, Locked)
	w.ring.locked = false
	w.holds(w.vault(), jane, secretA)
	w.tidy(0, 1)

	files := newWorld(t)
	files.add(files.vault("right", "right"), jane, secretA)
	files.ring.gone = false
	files.add(files.vault("right"), john, secretB)
	if store, _, _ := files.vault().Where(); store != "file" {
		t.Errorf("the store changed: %q", store)
	}
}

func TestSettingsAgainstIndex(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.ring.gone = false
	w.o.Store = "file"
	w.add(w.vault("right", "right"), jane, secretA)
	w.o.Store = "keyring"
	_, err := w.vault().Load(ctx, jane)
	e := trouble(t, err, Conflict)
	if !strings.Contains(strings.Join(e.Hints, " "), "awsmfa totp migrate --to keyring") {
		t.Errorf("hints: %q", e.Hints)
	}
	trouble(t, w.vault().Ready(jane), Conflict)
	trouble(t, w.vault().Add(ctx, john, parse(t, secretB), false), Conflict)
	w.o.Store = "plain"
	_, err = w.vault().Load(ctx, jane)
	trouble(t, err, Unknown)
	_, err = w.vault().Migrate(ctx, "plain")
	trouble(t, err, Unknown)
	w.o.Store = "keyring"
	if err := w.vault().Remove(ctx, jane); err != nil {
		t.Errorf("removing needs no agreement: %v", err)
	}
	w.add(w.vault(), jane, secretA) // nothing is left to be lost sight of
	w.tidy(0, 1)
}

func TestMigrate(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	v := w.vault("right", "right")
	w.add(v, jane, secretA)
	w.add(v, john, secretB)
	_, err := w.vault("right").Migrate(ctx, "keyring")
	trouble(t, err, Unusable)
	w.person.types = nil
	w.tidy(2, 0)
	w.ring.gone = false
	if n, err := w.vault("right").Migrate(ctx, "keyring"); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	w.tidy(0, 2)
	w.holds(w.vault(), jane, secretA)
	if n, err := w.vault().Migrate(ctx, "keyring"); n != 0 || err != nil {
		t.Errorf("already there: %d, %v", n, err)
	}
	if n, err := w.vault("new", "new").Migrate(ctx, "file"); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	w.tidy(2, 0)
	w.holds(w.vault("new"), john, secretB)
}

// A keyring that is away when seeds leave it is cleared when it is back.
func TestTrashWaitsForItsStore(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.ring.gone = false
	v := w.vault("right", "right")
	w.add(v, jane, secretA)
	v.o.Ask = func(ctx context.Context, prompt string) (string, error) {
		return w.person.ask(ctx, prompt)
	}
	gone := &leaving{ring: w.ring}
	v.keyring = gone
	if n, err := v.Migrate(ctx, "file"); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if len(w.warned) == 0 || w.ring.count(t) != 1 {
		t.Errorf("warned %q, %d left", w.warned, w.ring.count(t))
	}
	w.ring.gone = false
	w.add(w.vault("right"), john, secretB)
	w.tidy(2, 0)
}

// leaving is a keyring that deletes nothing.
type leaving struct{ *ring }

func (l *leaving) remove(context.Context, slot) error { return l.trouble(Unusable) }

func TestChangePassphrase(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	trouble(t, w.vault().ChangePassphrase(ctx), Absent)
	v := w.vault("right", "right")
	w.add(v, jane, secretA)
	w.add(v, john, secretB)
	trouble(t, w.vault("wrong", "wrong", "wrong").ChangePassphrase(ctx), WrongPassphrase)
	if err := w.vault("right", "new", "new").ChangePassphrase(ctx); err != nil {
		t.Fatal(err)
	}
	w.tidy(2, 0)
	v = w.vault("right", "new")
	w.holds(v, jane, secretA)
	w.holds(v, john, secretB)
	w.ring.gone = false
	if _, err := w.vault("new").Migrate(ctx, "keyring"); err != nil {
		t.Fatal(err)
	}
	trouble(t, w.vault().ChangePassphrase(ctx), Conflict)
}

// Nothing is lost, and nothing of a seed is told, when places are mixed up.
func TestPlacesMixedUp(t *testing.T) {
	w := newWorld(t)
	w.ring.gone = false
	v := w.vault()
	w.add(v, jane, secretA)
	w.add(v, john, secretB)
	ix, err := readIndex(w.seeds())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := ix.find(jane)
	b, _ := ix.find(john)
	if err := os.Rename(filepath.Join(w.ring.dir, a.id), filepath.Join(w.ring.dir, b.id)); err != nil {
		t.Fatal(err)
	}
	_, err = w.vault().Load(context.Background(), john)
	trouble(t, err, Damaged)
	_, err = w.vault().Load(context.Background(), jane)
	trouble(t, err, Missing)
	trouble(t, w.vault().Ready(jane), Missing)
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	w.add(w.vault("right", "right"), jane, secretA)
	const n = 8
	failures := make(chan error, n)
	for i := range n {
		o := w.o
		o.Ask = func(context.Context, string) (string, error) { return "right", nil }
		o.Warn = nil
		v := Open(o)
		v.keyring, v.work = w.ring, 1
		secret := strings.Repeat(string(rune('A'+i)), 32)
		s := parse(t, secret)
		go func() {
			err := v.Add(context.Background(), fmt.Sprintf("DEVICE%04d", i), s, false)
			if err == nil {
				var back Seed
				back, err = v.Load(context.Background(), fmt.Sprintf("DEVICE%04d", i))
				if err == nil && !back.same(s) {
					err = errors.New("another seed")
				}
			}
			failures <- err
		}()
	}
	for range n {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	items, err := w.vault().List()
	if err != nil || len(items) != n+1 {
		t.Errorf("%d items, %v", len(items), err)
	}
	w.tidy(n+1, 0)
}

func TestWaitingForAWriterEnds(t *testing.T) {
	w := newWorld(t)
	w.add(w.vault("right", "right"), jane, secretA)
	v := w.vault()
	lock, err := v.acquire(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.vault().Remove(ctx, jane); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestSerials(t *testing.T) {
	w := newWorld(t)
	for _, serial := range []string{"", "a b", "a\nb", "ü", strings.Repeat("x", 257)} {
		if err := w.vault().Add(context.Background(), serial, parse(t, secretA), false); !errors.Is(err, errSerial) {
			t.Errorf("%q: %v", serial, err)
		}
	}
	if err := w.vault().Add(context.Background(), jane, Seed{}, false); err == nil {
		t.Error("no seed at all was stored")
	}
	none := w.o
	none.Dir = ""
	trouble(t, Open(none).Add(context.Background(), jane, parse(t, secretA), false), Absent)
	if has, err := Open(none).Has(jane); has || err != nil {
		t.Errorf("without a directory: %v, %v", has, err)
	}
}

// A killed writer's number may be another program's by now. Its file goes all
// the same.
func TestTemporaryFilesGo(t *testing.T) {
	w := newWorld(t)
	w.add(w.vault("right", "right"), jane, secretA)
	w.put(fmt.Sprintf(".tmp-%d-0", os.Getppid()), []byte("half"))
	w.add(w.vault("right"), john, secretB)
	w.tidy(2, 0)
}
