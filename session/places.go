package session

import (
	"errors"
	"runtime"

	"awsmfa/internal/filename"
)

// Places are the directories of awsmfa's own files (XDG Base Directory
// Specification; the same on macOS, since these are a developer's dotfiles).
type Places struct {
	Cache string // sessions, locks and remembered requests
	State string // ledger, device choice, clock offset, direnv stamps
}

// ErrNoHome: there is nowhere to keep a session. Only caching is lost.
var ErrNoHome = errors.New("HOME is not set to an absolute path")

// FindPlaces reads the variables that name them. What has no place is "".
func FindPlaces(getenv func(string) string) (Places, error) {
	cache, err := place(getenv, "XDG_CACHE_HOME", ".cache")
	state, stateErr := place(getenv, "XDG_STATE_HOME", filename.Join(".local", "state"))
	if err == nil {
		err = stateErr
	}
	return Places{cache, state}, err
}

// FindData is the directory of the seeds, which is looked for by itself: a run
// that needs no code has no use for it.
func FindData(getenv func(string) string) (string, error) {
	return place(getenv, "XDG_DATA_HOME", filename.Join(".local", "share"))
}

// place is $variable/awsmfa, or HOME/fallback/awsmfa. A relative value is
// ignored, as the specification says.
func place(getenv func(string) string, variable, fallback string) (string, error) {
	if runtime.GOOS == "windows" {
		if dir := getenv("LocalAppData"); filename.IsAbs(dir) {
			return filename.Join(dir, "awsmfa"), nil
		}
	}
	if dir := getenv(variable); filename.IsAbs(dir) {
		return filename.Join(dir, "awsmfa"), nil
	}
	if home := Home(getenv); filename.IsAbs(home) {
		return filename.Join(home, fallback, "awsmfa"), nil
	}
	return "", ErrNoHome
}

// Home is the user's home directory as the variables have it.
func Home(getenv func(string) string) string {
	if runtime.GOOS == "windows" {
		return getenv("USERPROFILE")
	}
	return getenv("HOME")
}

// Sessions is the cache.
func (p Places) Sessions() Cache { return Cache{Dir: sub(p.Cache, "sessions")} }

// Locks is the directory of the lock files.
func (p Places) Locks() string { return sub(p.Cache, "locks") }

// Requests is the memory of resolved requests.
func (p Places) Requests() Memory { return Memory{Dir: sub(p.Cache, "requests"), Devices: p.Devices()} }

// Clock is the memory of AWS's clock, or that of a configured endpoint.
func (p Places) Clock(endpoint string) Clock { return Clock{Dir: p.State, Endpoint: endpoint} }

// Devices is the memory of which MFA device belongs to a key.
func (p Places) Devices() Devices { return Devices{Dir: p.State} }

// Stamps are the files that direnv watches.
func (p Places) Stamps() Stamps { return Stamps{Dir: sub(p.State, "direnv")} }

// sub keeps "" as it is: without a home every access fails, with a warning.
func sub(dir, name string) string {
	if dir == "" {
		return ""
	}
	return filename.Join(dir, name)
}
