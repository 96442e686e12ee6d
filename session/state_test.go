package session

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	c, now := Clock{Dir: filepath.Join(t.TempDir(), "state")}, testStart()
	if got := c.Load(now); got != 0 {
		t.Errorf("nothing remembered: %s", got)
	}
	if err := c.Store(time.Second, now); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.Dir); err == nil {
		t.Error("noise was worth a file")
	}
	for _, offset := range []time.Duration{2 * time.Second, 90*time.Minute + 5*time.Millisecond, -100 * time.Hour} {
		if err := c.Store(offset, now); err != nil {
			t.Fatal(err)
		}
		for later, want := range map[time.Duration]time.Duration{
			0: offset, 24 * time.Hour: offset, -time.Minute: offset,
			24*time.Hour + time.Second: 0, // stale
			-2 * time.Minute:           0, // the clock was set back since
		} {
			if got := c.Load(now.Add(later)); got != want {
				t.Errorf("%s, %s later: %s", offset, later, got)
			}
		}
	}
	if err := c.Store(-2*time.Second+1, now); err != nil {
		t.Fatal(err)
	}
	if got := c.Load(now); got != 0 {
		t.Errorf("a clock that was set right: %s", got)
	}
}

// A stand-in's clock says nothing about AWS's, nor about another's.
func TestClockOfEachEndpoint(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "state"), testStart()
	for i, endpoint := range []string{"", "http://localhost:1", "http://localhost:2"} {
		if got := (Clock{Dir: dir, Endpoint: endpoint}).Load(now); got != 0 {
			t.Errorf("%q has an offset of %s from another", endpoint, got)
		}
		if err := (Clock{Dir: dir, Endpoint: endpoint}).Store(time.Duration(i+1)*time.Hour, now); err != nil {
			t.Fatal(err)
		}
	}
	for i, endpoint := range []string{"", "http://localhost:1", "http://localhost:2"} {
		if got := (Clock{Dir: dir, Endpoint: endpoint}).Load(now); got != time.Duration(i+1)*time.Hour {
			t.Errorf("%q: %s", endpoint, got)
		}
	}
}

func TestDamagedClock(t *testing.T) {
	c, now := Clock{Dir: filepath.Join(t.TempDir(), "state")}, testStart()
	path := filepath.Join(c.Dir, "clock")
	if err := c.Store(time.Minute, now); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, path, []byte("5000 1767268800\n"), 0o600)
	if got := c.Load(now); got != 5*time.Second {
		t.Fatalf("the file as it should be: %s", got)
	}
	for _, text := range []string{"", "5000", "5000 ", " 1767268800", "x 1767268800", "5000 x", "5000 1767268800 1",
		"9223372036854775807 1767268800", "5000 9223372036854775807", "5000 -9223372036854775808", "5.0 1767268800",
		string(make([]byte, 300))} {
		mustWrite(t, path, []byte(text), 0o600)
		if got := c.Load(now); got != 0 {
			t.Errorf("%q: %s", text, got)
		}
	}
	if err := c.Store(time.Hour, now); err != nil || c.Load(now) != time.Hour {
		t.Errorf("not healed: %v", err)
	}
}

func TestDevices(t *testing.T) {
	d := Devices{Dir: filepath.Join(t.TempDir(), "state")}
	const other = "AKIAEXAMPLEEXAMPLE13"
	if got := d.Load(testID); got != "" {
		t.Errorf("nothing remembered: %q", got)
	}
	if err := d.Forget(testID); err != nil {
		t.Errorf("forgetting nothing: %v", err)
	}
	for _, serial := range []string{testSerial, "GAHT12345678"} {
		if err := d.Store(testID, serial); err != nil {
			t.Fatal(err)
		}
		if got := d.Load(testID); got != serial {
			t.Errorf("%q, want %q", got, serial)
		}
	}
	if got := d.Load(other); got != "" {
		t.Errorf("another key's device: %q", got)
	}
	if _, err := os.Stat(d.Origin(testID)); err != nil {
		t.Errorf("the origin is no file: %v", err)
	}
	if err := d.Forget(testID); err != nil || d.Load(testID) != "" {
		t.Errorf("forgotten: %v, %q", err, d.Load(testID))
	}
}

func TestStateThatOthersMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are of the Unix kind")
	}
	dir := filepath.Join(t.TempDir(), "state")
	c, d := Clock{Dir: dir}, Devices{Dir: dir}
	if err := c.Store(time.Hour, testStart()); err != nil {
		t.Fatal(err)
	}
	if err := d.Store(testID, testSerial); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "clock"), d.Origin(testID)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if c.Load(testStart()) != 0 || d.Load(testID) != "" {
		t.Error("files that others may write are believed")
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if c.Store(2*time.Hour, testStart()) == nil || d.Store(testID, testSerial) == nil {
		t.Error("a directory that others may write is used")
	}
}
