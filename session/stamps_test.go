package session

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func newStamps(t *testing.T) Stamps {
	return Stamps{Dir: filepath.Join(t.TempDir(), "state", "direnv")}
}

func put(t *testing.T, s Stamps, profile string, families ...Key) string {
	t.Helper()
	path, err := s.Put(profile, []string{"/c", "/k"}, families)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// seconds is the time of a stamp as direnv looks at it.
func seconds(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime().Unix()
}

func TestStampsOfWhom(t *testing.T) {
	s, a, b := newStamps(t), Key{1}, Key{2}
	if err := s.Touch(testStart(), "dev", nil, a); err != nil {
		t.Fatalf("without any stamp: %v", err)
	}
	paths := map[string]string{
		"dev": put(t, s, "dev", a), "prod": put(t, s, "prod", a, b), "other": put(t, s, "other", b), "unknown": put(t, s, "unknown"),
	}
	at := time.Now()
	for _, row := range []struct {
		profile  string
		families []Key
		touched  []string
	}{
		{"dev", []Key{a}, []string{"dev", "prod", "unknown"}},
		{"prod", []Key{b}, []string{"prod", "other", "unknown"}},
		{"dev", nil, []string{"dev", "unknown"}},
		{"other", []Key{a, b}, []string{"dev", "prod", "other", "unknown"}},
	} {
		before := map[string]int64{}
		for name, path := range paths {
			before[name] = seconds(t, path)
		}
		// By the same clock each time: as if all were done within a second.
		if err := s.Touch(at, row.profile, []string{"/c", "/k"}, row.families...); err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for _, name := range row.touched {
			want[name] = true
		}
		for name, path := range paths {
			if now := seconds(t, path); (now > before[name]) != want[name] {
				t.Errorf("%s, %d families: the stamp of %s went from %d to %d", row.profile, len(row.families), name, before[name], now)
			}
		}
	}
}

func TestStampStays(t *testing.T) {
	s := newStamps(t)
	first := put(t, s, "dev", Key{1})
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(first, old, old); err != nil {
		t.Fatal(err)
	}
	if again := put(t, s, "dev", Key{1}); again != first || seconds(t, first) != old.Unix() {
		t.Error("a stamp that is there was made again")
	}
	if other, _ := s.Put("dev", []string{"/c", "/k2"}, nil); other == first {
		t.Error("one stamp for the profiles of two files")
	}
	if seconds(t, put(t, s, "dev", Key{2})) == old.Unix() {
		t.Error("a stamp for another plan has the time of the old one")
	}
	for n := range 3 {
		before := seconds(t, first)
		if err := s.TouchAll(old); err != nil || seconds(t, first) <= before {
			t.Errorf("touch %d: %v, from %d to %d", n, err, before, seconds(t, first))
		}
	}
	stray := filepath.Join(s.Dir, "mine")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(stray, old, old); err != nil {
		t.Fatal(err)
	}
	if err := s.TouchAll(time.Now()); err != nil || seconds(t, stray) != old.Unix() {
		t.Errorf("a file of another's was touched (%v)", err)
	}
	if _, err := (Stamps{}).Put("dev", nil, nil); err == nil {
		t.Error("a stamp without a place")
	}
	if err := (Stamps{}).TouchAll(old); err != nil {
		t.Error(err)
	}
}

// TestStampsFamilies: a role rests on the MFA session, whoever asked for it.
func TestStampsFamilies(t *testing.T) {
	key, role := planFor(t), planFor(t, "arn:aws:iam::123456789012:role/Admin")
	if session := key.Families()[0]; session != role.Families()[0] || len(role.Families()) < 2 {
		t.Errorf("%v and %v share nothing", key.Families(), role.Families())
	}
}
