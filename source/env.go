package source

import (
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
)

const (
	// chainVariable carries the profiles whose programs are running, outermost
	// first, from awsmfa to awsmfa through whatever runs in between.
	chainVariable = "AWSMFA_PROFILE_CHAIN"
	// tokenCode is a variable that holds a code: no child's business.
	tokenCode = "AWSMFA_TOKEN_CODE"
)

// enter returns the chain with profile at its end, or ErrRecursive when it is
// in there already. Names are escaped, since they may hold the separator.
func enter(env []string, profile string) (chain string, err error) {
	name := url.QueryEscape(profile)
	var names []string
	if value := lookup(env, chainVariable); value != "" {
		names = strings.Split(value, ":")
	}
	if slices.Contains(names, name) {
		return "", fmt.Errorf("%w: %s", ErrRecursive, loop(append(names, name)))
	}
	return strings.Join(append(names, name), ":"), nil
}

// loop words a chain for an error. Whoever set the variable may have put
// anything there, so names are quoted.
func loop(names []string) string {
	for i, name := range names {
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		names[i] = fmt.Sprintf("%.64q", name)
	}
	return strings.Join(names, " -> ")
}

// lookup returns the last value, which is the one that programs see.
func lookup(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if isEntry(entry, name) {
			value = entry[len(name)+1:]
		}
	}
	return value
}

func isEntry(entry, name string) bool {
	if len(entry) <= len(name) || entry[len(name)] != '=' {
		return false
	}
	if runtime.GOOS == "windows" {
		return strings.EqualFold(entry[:len(name)], name)
	}
	return entry[:len(name)] == name
}

// unsetEnv returns env without the names, leaving env itself alone.
func unsetEnv(env, names []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return isEntry(entry, name) })
	})
}

func setEnv(env []string, name, value string) []string {
	return append(unsetEnv(env, []string{name}), name+"="+value)
}
