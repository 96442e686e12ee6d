package session

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"awsmfa/internal/privatefile"
)

func testCache(t *testing.T) Cache { return Cache{Dir: filepath.Join(t.TempDir(), "a", "sessions")} }

func mustStore(t *testing.T, c Cache, e Entry) {
	t.Helper()
	if err := c.Store(e); err != nil {
		t.Fatal(err)
	}
}

func mustWrite(t *testing.T, path string, text []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, text, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestCacheKeepsEntries(t *testing.T) {
	c, e := testCache(t), sampleEntry(t)
	if _, ok, err := c.Load(e.Key, testStart()); ok || err != nil {
		t.Errorf("an empty cache: %v, %v", ok, err)
	}
	if there, err := c.Remove(e.Key); there || err != nil {
		t.Errorf("removing nothing: %v, %v", there, err)
	}
	e.Credentials = newCredentials(t, testID, strings.Repeat("t", 20_000), testStart().Add(time.Hour))
	mustStore(t, c, e)
	got, ok, err := c.Load(e.Key, testStart().Add(time.Minute))
	if !ok || err != nil || !same(got, e) {
		t.Errorf("stored and loaded: %v, %v", ok, err)
	}
	e.Granted = 2 * time.Hour
	mustStore(t, c, e)
	if got, _, _ := c.Load(e.Key, testStart()); got.Granted != 2*time.Hour {
		t.Error("the newer entry did not replace the older")
	}
	if there, err := c.Remove(e.Key); !there || err != nil {
		t.Errorf("removing: %v, %v", there, err)
	}
	if _, ok, err := c.Load(e.Key, testStart()); ok || err != nil {
		t.Errorf("after removing: %v, %v", ok, err)
	}
}

func TestCacheFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are of the Unix kind")
	}
	c, e := testCache(t), sampleEntry(t)
	mustStore(t, c, e)
	for path, want := range map[string]fs.FileMode{c.Dir: 0o700, filepath.Dir(c.Dir): 0o700, c.path(e.Key): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestTheLongestTokenFits(t *testing.T) {
	c, e := testCache(t), sampleEntry(t)
	e.Credentials = newCredentials(t, strings.Repeat("A", 128), strings.Repeat("t", 64<<10), testStart().Add(time.Hour))
	e.RoleARN, e.Serial = strings.Repeat("r", 2048), strings.Repeat("s", 256)
	mustStore(t, c, e)
	if _, ok, err := c.Load(e.Key, testStart()); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestMissesOfTheCache(t *testing.T) {
	e := sampleEntry(t)
	other := e
	other.Key = planFor(t).Steps[0].Key
	future := e
	future.Obtained = testStart().Add(time.Hour)
	absurd := e
	absurd.Granted = 100 * time.Hour
	old := strings.Replace(string(e.encode()), entryHeader, "awsmfa session 0", 1)
	old = sealed(old[:strings.LastIndex(old, "sum=")])
	for _, c := range []struct {
		name string
		text []byte
		want error
	}{
		{"damaged", []byte("awsmfa session 1\nkey=\n"), ErrDamaged},
		{"empty", nil, ErrDamaged},
		{"another's entry in its place", other.encode(), ErrDamaged},
		{"of another version", []byte(old), ErrDamaged},
		{"dated in the future", future.encode(), ErrDamaged},
		{"longer than AWS grants", absurd.encode(), ErrDamaged},
		{"endless", make([]byte, maxEntry+1), privatefile.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache := testCache(t)
			mustStore(t, cache, e)
			mustWrite(t, cache.path(e.Key), c.text, 0o600)
			if _, ok, err := cache.Load(e.Key, testStart()); ok || !errors.Is(err, c.want) {
				t.Errorf("load: %v, %v", ok, err)
			}
			if all, err := cache.All(testStart()); len(all) != 0 || err != nil {
				t.Errorf("all: %v, %v", all, err)
			}
			mustStore(t, cache, e)
			if _, ok, err := cache.Load(e.Key, testStart()); !ok || err != nil {
				t.Errorf("not healed by the next store: %v, %v", ok, err)
			}
		})
	}
}

func TestTrapsInTheCache(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links are of the Unix kind")
	}
	c, e := testCache(t), sampleEntry(t)
	mustStore(t, c, e)
	if err := os.Chmod(c.path(e.Key), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := c.Load(e.Key, testStart()); ok || !errors.Is(err, privatefile.ErrMode) {
		t.Errorf("a file open to others: %v, %v", ok, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "target")
	mustWrite(t, elsewhere, e.encode(), 0o600)
	if err := errors.Join(os.Remove(c.path(e.Key)), os.Symlink(elsewhere, c.path(e.Key))); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := c.Load(e.Key, testStart()); ok || !errors.Is(err, privatefile.ErrSymlink) {
		t.Errorf("a link: %v, %v", ok, err)
	}
	if there, err := c.Remove(e.Key); !there || err != nil {
		t.Errorf("removing a link: %v, %v", there, err)
	}
	if _, err := os.Stat(elsewhere); err != nil {
		t.Errorf("the link's target is gone: %v", err)
	}
	if err := os.Chmod(c.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.Store(e); !errors.Is(err, privatefile.ErrMode) {
		t.Errorf("a directory open to others: %v", err)
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	e := sampleEntry(t)
	file := filepath.Join(t.TempDir(), "file")
	mustWrite(t, file, nil, 0o600)
	for name, dir := range map[string]string{"a file": file, "below a file": filepath.Join(file, "x"), "nowhere": "", "relative": "x"} {
		if err := (Cache{Dir: dir}).Store(e); err == nil {
			t.Errorf("%s: stored", name)
		}
	}
}

func TestAllAndClear(t *testing.T) {
	c := testCache(t)
	if all, err := c.All(testStart()); all != nil || err != nil {
		t.Errorf("an empty cache: %v, %v", all, err)
	}
	if n, err := c.Clear(); n != 0 || err != nil {
		t.Errorf("clearing an empty cache: %d, %v", n, err)
	}
	e := sampleEntry(t)
	mustStore(t, c, e)
	damaged := planFor(t).Steps[0].Key
	mustWrite(t, c.path(damaged), []byte("x"), 0o600)
	note := filepath.Join(c.Dir, "README")
	mustWrite(t, note, nil, 0o600)
	if all, err := c.All(testStart()); len(all) != 1 || err != nil || !same(all[0], e) {
		t.Errorf("all: %d, %v", len(all), err)
	}
	if n, err := c.Clear(); n != 2 || err != nil {
		t.Errorf("clear: %d, %v", n, err)
	}
	if _, err := os.Stat(note); err != nil {
		t.Errorf("a file that is no entry is gone: %v", err)
	}
	stuck := c.path(damaged)
	if err := errors.Join(os.Mkdir(stuck, 0o700), os.Mkdir(filepath.Join(stuck, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	mustStore(t, c, e)
	if n, err := c.Clear(); n != 1 || err == nil {
		t.Errorf("an entry that cannot be removed: %d, %v", n, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	mustWrite(t, file, nil, 0o600)
	if _, err := (Cache{Dir: file}).All(testStart()); err == nil {
		t.Error("all of a file")
	}
	if _, err := (Cache{Dir: file}).Clear(); err == nil {
		t.Error("cleared a file")
	}
}

func TestForget(t *testing.T) {
	store := func(t *testing.T) (*world, map[string]*Plan) {
		w := newWorld(t)
		plans := map[string]*Plan{
			"dev": planFor(t), "a": planFor(t, "a"), "ab": planFor(t, "a", "b"), "other": planFor(t, "other"),
			"a long": mustPlan(t, resolve(t, "a"), Options{Duration: flag("2h")}),
			"plain":  mustPlan(t, resolve(t), Options{NoMFA: true}),
		}
		for _, p := range plans {
			last := len(p.Steps) - 1
			w.stored(p, last, 0, p.Steps[last].Duration)
		}
		return w, plans
	}
	for _, c := range []struct {
		forget          []string
		roles, sessions int
		stays           []string
	}{
		{[]string{"dev"}, 0, 1, []string{"a", "ab", "other", "a long", "plain"}},
		{[]string{"a"}, 2, 1, []string{"ab", "other", "plain"}},
		{[]string{"a long"}, 2, 1, []string{"ab", "other", "plain"}},
		{[]string{"ab"}, 3, 1, []string{"other", "plain"}},
		{[]string{"other"}, 1, 1, []string{"a", "ab", "a long", "plain"}},
		{[]string{"plain"}, 0, 1, []string{"dev", "a", "ab", "other", "a long"}},
		{[]string{"dev", "plain"}, 0, 2, []string{"a", "ab", "other", "a long"}},
	} {
		w, plans := store(t)
		var forget []*Plan
		for _, name := range c.forget {
			forget = append(forget, plans[name])
		}
		roles, sessions, err := w.cache().Forget(w.now(), forget...)
		if roles != c.roles || sessions != c.sessions || err != nil {
			t.Errorf("%q: %d roles, %d sessions, %v", c.forget, roles, sessions, err)
		}
		for _, name := range c.stays {
			last, _ := plans[name].Last()
			if _, ok, _ := w.cache().Load(last.Key, w.now()); !ok {
				t.Errorf("%q: %q is gone too", c.forget, name)
			}
		}
		if all, _ := w.cache().All(w.now()); len(all) != len(c.stays) {
			t.Errorf("%q: %d stay, want %d", c.forget, len(all), len(c.stays))
		}
	}
}

func TestForgetAnEmptyCache(t *testing.T) {
	if roles, sessions, err := testCache(t).Forget(testStart(), planFor(t)); roles+sessions != 0 || err != nil {
		t.Errorf("%d, %d, %v", roles, sessions, err)
	}
}

// Without a home nothing is found where we happen to stand.
func TestCacheWithoutAPlace(t *testing.T) {
	e, dir := sampleEntry(t), filepath.Join(t.TempDir(), "here")
	mustStore(t, Cache{Dir: dir}, e)
	t.Chdir(dir)
	mustWrite(t, "clock", []byte(strconv.FormatInt(3_600_000, 10)+" "+strconv.FormatInt(testStart().Unix(), 10)+"\n"), 0o600)
	mustWrite(t, "device-"+testID, []byte(testSerial+"\n"), 0o600)
	if _, ok, err := (Cache{}).Load(e.Key, testStart()); ok || err != nil {
		t.Errorf("an entry: %v, %v", ok, err)
	}
	if _, err := (Cache{}).Remove(e.Key); err == nil {
		t.Error("removed an entry")
	}
	if d := (Clock{}).Load(testStart()); d != 0 {
		t.Errorf("an offset: %s", d)
	}
	if s := (Devices{}).Load(testID); s != "" {
		t.Errorf("a device: %s", s)
	}
}
