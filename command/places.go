package command

import (
	"errors"
	"path/filepath"
	"runtime"

	"awsmfa/session"
)

// places are the directories of awsmfa's own files (XDG Base Directory
// Specification; the same on macOS, since these are a developer's dotfiles).
type places struct {
	cache string // sessions and locks
	state string // ledger, device choice, clock offset
}

// errNoHome: there is nowhere to keep a session. Only caching is lost.
var errNoHome = errors.New("HOME is not set to an absolute path")

func (r *run) places() (places, error) {
	cache, err := r.place("XDG_CACHE_HOME", ".cache")
	state, stateErr := r.place("XDG_STATE_HOME", filepath.Join(".local", "state"))
	if err == nil {
		err = stateErr
	}
	return places{cache, state}, err
}

// place is $variable/awsmfa, or HOME/fallback/awsmfa. A relative value is
// ignored, as the specification says.
func (r *run) place(variable, fallback string) (string, error) {
	if runtime.GOOS == "windows" {
		if dir := r.getenv("LocalAppData"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "awsmfa"), nil
		}
	}
	if dir := r.getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "awsmfa"), nil
	}
	if home := r.home(); filepath.IsAbs(home) {
		return filepath.Join(home, fallback, "awsmfa"), nil
	}
	return "", errNoHome
}

func (r *run) home() string {
	if runtime.GOOS == "windows" {
		return r.getenv("USERPROFILE")
	}
	return r.getenv("HOME")
}

func (p places) sessions() session.Cache  { return session.Cache{Dir: sub(p.cache, "sessions")} }
func (p places) locks() string            { return sub(p.cache, "locks") }
func (p places) clock() session.Clock     { return session.Clock{Dir: p.state} }
func (p places) devices() session.Devices { return session.Devices{Dir: p.state} }

// sub keeps "" as it is: without a home every access fails, with a warning.
func sub(dir, name string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, name)
}
