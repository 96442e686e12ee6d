package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// remembering is a Memory with two AWS files, written long ago.
type remembering struct {
	t      *testing.T
	memory Memory
	files  []string
	env    map[string]string
	now    time.Time
}

func newRemembering(t *testing.T) *remembering {
	dir := t.TempDir()
	r := &remembering{t: t, memory: Memory{Dir: filepath.Join(dir, "requests"), Devices: Devices{dir}}, env: map[string]string{"A": "1"}, now: time.Now().Add(time.Hour)}
	for _, name := range []string{"config", "credentials"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("text of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		r.files = append(r.files, path)
	}
	return r
}

func (r *remembering) getenv(name string) string { return r.env[name] }

func (r *remembering) states() []string {
	var states []string
	for _, f := range r.files {
		states = append(states, State(f, r.now))
	}
	return states
}

var remembered = Remembered{Key: Key{1, 2, 3}, Region: "eu-west-1", Endpoint: "http://localhost:1"}

func (r *remembering) store() {
	r.t.Helper()
	env := NewRecorder(r.getenv)
	for _, name := range []string{"A", "UNSET", "A"} {
		env.Getenv(name)
	}
	if err := r.memory.Store("dev", r.files, r.states(), env, remembered); err != nil {
		r.t.Fatal(err)
	}
}

func (r *remembering) load(profile string) bool {
	r.t.Helper()
	got, ok := r.memory.Load(profile, r.files, r.now, r.getenv)
	if ok && got != remembered {
		r.t.Errorf("remembered %+v", got)
	}
	return ok
}

func TestMemory(t *testing.T) {
	r := newRemembering(t)
	if r.load("dev") {
		t.Error("remembered before it was stored")
	}
	r.store()
	if !r.load("dev") {
		t.Error("forgotten at once")
	}
	if r.load("prod") {
		t.Error("another profile has it")
	}
}

func TestMemoryEndsWithAnyChange(t *testing.T) {
	past := time.Now().Add(-time.Hour)
	for name, change := range map[string]func(r *remembering) error{
		"a variable changed":   func(r *remembering) error { r.env["A"] = "2"; return nil },
		"a variable set":       func(r *remembering) error { r.env["UNSET"] = "x"; return nil },
		"a variable unset":     func(r *remembering) error { delete(r.env, "A"); return nil },
		"a file removed":       func(r *remembering) error { return os.Remove(r.files[0]) },
		"edited in place":      func(r *remembering) error { return os.WriteFile(r.files[1], []byte("other credentials"), 0o600) },
		"touched":              func(r *remembering) error { return os.Chtimes(r.files[1], past, past) },
		"another file is read": func(r *remembering) error { r.files[0] += "2"; return nil },
		"replaced by a like one": func(r *remembering) error {
			text, err := os.ReadFile(r.files[0])
			if err != nil {
				return err
			}
			info, err := os.Stat(r.files[0])
			if err != nil {
				return err
			}
			if err := os.WriteFile(r.files[0]+".new", text, 0o600); err != nil {
				return err
			}
			if err := os.Chtimes(r.files[0]+".new", info.ModTime(), info.ModTime()); err != nil {
				return err
			}
			return os.Rename(r.files[0]+".new", r.files[0])
		},
	} {
		r := newRemembering(t)
		r.store()
		if !r.load("dev") {
			t.Fatal("not remembered")
		}
		if err := change(r); err != nil {
			t.Fatal(err)
		}
		if r.load("dev") {
			t.Errorf("%s, and still remembered", name)
		}
	}
}

func TestMemoryOfAbsence(t *testing.T) {
	r := newRemembering(t)
	if err := os.Remove(r.files[1]); err != nil {
		t.Fatal(err)
	}
	r.store()
	if !r.load("dev") {
		t.Error("a missing file is a state as well")
	}
	if err := os.WriteFile(r.files[1], nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r.load("dev") {
		t.Error("the file is there now")
	}
}

func TestMemoryDoubtsTheJustWritten(t *testing.T) {
	r := newRemembering(t)
	r.now = time.Now() // the files are younger than two seconds
	if s := State(r.files[0], r.now); s != "" {
		t.Errorf("state %q of a file that may change within a tick", s)
	}
	r.store()
	r.now = time.Now().Add(time.Hour)
	if r.load("dev") {
		t.Error("remembered in doubt")
	}
}

func TestMemoryDamaged(t *testing.T) {
	r := newRemembering(t)
	r.store()
	path := r.memory.path("dev", r.files)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if r.load("dev") {
			t.Fatalf("cut to %d of %d bytes, and believed", n, len(whole))
		}
		flipped := append([]byte{}, whole...)
		flipped[n] ^= 1
		if err := os.WriteFile(path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if r.load("dev") {
			t.Fatalf("byte %d flipped, and believed", n)
		}
	}
}

// A file in another's place, whole as it is, answers nothing.
func TestMemoryOfAnother(t *testing.T) {
	r := newRemembering(t)
	r.store()
	if err := os.Rename(r.memory.path("dev", r.files), r.memory.path("prod", r.files)); err != nil {
		t.Fatal(err)
	}
	if r.load("prod") {
		t.Error("another profile's request is believed")
	}
}

// What the choice of a device was part of ends with another choice.
func TestMemoryOfADevice(t *testing.T) {
	for name, change := range map[string]func(r *remembering, path string) error{
		"another device": func(r *remembering, path string) error { return os.WriteFile(path, []byte(testSerial+"2\n"), 0o600) },
		"forgotten":      func(r *remembering, path string) error { return os.Remove(path) },
		"another place":  func(r *remembering, _ string) error { r.memory.Devices.Dir += "/x"; return nil },
		"no place":       func(r *remembering, _ string) error { r.memory.Devices.Dir = ""; return nil },
	} {
		r := newRemembering(t)
		known, path := remembered, r.memory.Devices.path(testID)
		known.Device = testID
		mustWrite(t, path, []byte(testSerial+"\n"), 0o600)
		if err := r.memory.Store("dev", r.files, append(r.states(), State(path, r.now)), NewRecorder(r.getenv), known); err != nil {
			t.Fatal(err)
		}
		if got, ok := r.memory.Load("dev", r.files, r.now, r.getenv); !ok || got != known {
			t.Fatalf("%+v, %v", got, ok)
		}
		if err := change(r, path); err != nil {
			t.Fatal(err)
		}
		if _, ok := r.memory.Load("dev", r.files, r.now, r.getenv); ok {
			t.Errorf("%s, and still remembered", name)
		}
	}
}

func TestMemoryRefusesLineEnds(t *testing.T) {
	r := newRemembering(t)
	bad := remembered
	bad.Region = "x\ny"
	if err := r.memory.Store("dev", r.files, r.states(), NewRecorder(r.getenv), bad); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(r.memory.Dir); len(files) != 0 {
		t.Error("stored what cannot be read back")
	}
}

func TestRecorderPassesOn(t *testing.T) {
	env := NewRecorder(strings.ToLower)
	if got := env.Getenv("ABC"); got != "abc" {
		t.Errorf("got %q", got)
	}
}
