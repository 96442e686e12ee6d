package session

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

// Cache is the private directory of entries, one file a key.
type Cache struct {
	Dir string // made when first written to
}

func (c Cache) path(k Key) string { return filename.Join(c.Dir, k.String()) }

// Load returns the entry for k. A missing, damaged, foreign or absurd one is
// ok=false; err then says why when it is not simply missing, and is only
// worth a remark: the next renewal replaces the file.
func (c Cache) Load(k Key, now time.Time) (e Entry, ok bool, err error) {
	if c.Dir == "" {
		return Entry{}, false, nil // there is nowhere to keep one, which was told already
	}
	text, err := privatefile.Read(c.path(k), maxEntry)
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, false, nil
	}
	if err != nil {
		return Entry{}, false, err
	}
	e, err = decode(string(text))
	if err != nil || e.Key != k || !e.plausible(now) {
		return Entry{}, false, ErrDamaged
	}
	return e, true, nil
}

// present is the access key id of what the cache holds for k, whatever the
// clock makes of it; "" when there is nothing.
func (c Cache) present(k Key) string {
	text, err := privatefile.Read(c.path(k), maxEntry)
	if err != nil {
		return ""
	}
	e, err := decode(string(text))
	if err != nil {
		return ""
	}
	return e.Credentials.AccessKeyID()
}

// Store writes an entry, atomically.
func (c Cache) Store(e Entry) error {
	if err := privatefile.EnsureDir(c.Dir); err != nil {
		return err
	}
	return privatefile.WriteCache(c.path(e.Key), e.encode())
}

// Remove forgets the entry for k, and reports whether there was one.
func (c Cache) Remove(k Key) (bool, error) {
	if _, err := os.Lstat(c.path(k)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return true, privatefile.Remove(c.path(k))
}

// All returns every readable entry.
func (c Cache) All(now time.Time) ([]Entry, error) {
	files, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Entry
	for _, f := range files {
		var k Key
		if parseKey(&k, f.Name()) != nil {
			continue
		}
		if e, ok, _ := c.Load(k, now); ok {
			all = append(all, e)
		}
	}
	return all, err
}

// stampPath is the file that a logout leaves, of everything or of one family:
// a renewal that was on its way then finds it changed and keeps nothing.
func (c Cache) stampPath(family string) string { return filename.Join(c.stamps(), family) }

func (c Cache) stamps() string { return filename.Join(filename.Dir(c.Dir), "logouts") }

const everyFamily = "all"

// stamp is what a renewal compares, before and after.
func (c Cache) stamp(family Key) string {
	if c.Dir == "" {
		return ""
	}
	return stampOf(c.stampPath(everyFamily)) + " " + stampOf(c.stampPath(family.String()))
}

// stampOf is when the file was made, "" when there is none.
func stampOf(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(info.ModTime().UnixNano(), 10)
}

// putStamp makes the file anew. Where that fails, nothing that is on its way
// could be stored either; and where nothing was ever kept, nobody is on the way.
func (c Cache) putStamp(family string) {
	if info, err := os.Stat(filename.Dir(c.Dir)); err != nil || !info.IsDir() || privatefile.EnsureDir(c.stamps()) != nil {
		return
	}
	privatefile.Remove(c.stampPath(family))
	privatefile.Create(c.stampPath(family))
}

// Clear forgets every entry, readable or not, and counts them.
func (c Cache) Clear() (n int, err error) {
	c.putStamp(everyFamily)
	files, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, f := range files {
		var k Key
		if parseKey(&k, f.Name()) != nil {
			continue
		}
		if rerr := privatefile.Remove(filename.Join(c.Dir, f.Name())); rerr != nil {
			err = errors.Join(err, rerr)
			continue
		}
		n++
	}
	return n, err
}

// Forget removes what the plans of a profile left in the cache, whatever
// lifetime was asked for, and the MFA session it shares with others. The roles
// on the way to a chain's last go as well: each would give it back silently.
func (c Cache) Forget(now time.Time, plans ...*Plan) (roles, sessions int, err error) {
	families := map[Key]bool{}
	for _, p := range plans {
		families[p.sessionFamily()] = true
		for _, step := range p.Steps {
			families[step.family] = true
		}
	}
	for f := range families {
		c.putStamp(f.String())
	}
	all, err := c.All(now)
	for _, e := range all {
		if !families[e.Family] {
			continue
		}
		if _, rerr := c.Remove(e.Key); rerr != nil {
			err = errors.Join(err, rerr)
			continue
		}
		if e.Kind == StepSession {
			sessions++
		} else {
			roles++
		}
	}
	return roles, sessions, err
}

func (p *Plan) sessionFamily() Key {
	f := sourceFields(p)
	f.add("session")
	return f.key()
}

// Freshness is how much life the printed credentials must have left.
type Freshness struct {
	MinTTL   time.Duration
	Explicit bool // asked by flag: then nothing shorter may stand in
	Refresh  bool // obtain anew even so
}

// Interactive is what a person's command wants when nothing is said: five
// minutes are enough to start something.
func Interactive() Freshness { return Freshness{MinTTL: 5 * time.Minute} }

// UnderSDK is what an SDK needs: it asks again from 15 minutes before the end,
// so less than 16 would have every call of its run us.
func UnderSDK() Freshness { return Freshness{MinTTL: 16 * time.Minute} }

// Serves reports whether e is fresh enough at now. No more than half of the
// granted lifetime is ever asked for, or a short session would be renewed at
// every call.
func (f Freshness) Serves(e Entry, now time.Time, offset time.Duration) bool {
	return e.Remaining(now, offset) >= max(min(f.MinTTL, e.Granted/2), time.Second) && !e.absurd(now, offset)
}
