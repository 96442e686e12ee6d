// Package completions holds the scripts that make a shell ask awsmfa what may
// stand at the cursor. They are real files, fit for the tools of their shell,
// and work as they stand wherever that shell looks for completions.
//
// Each defines one function for awsmfa and one for the commands that "awsmfa
// init" defines, whose first argument is a profile; the head of each file says
// what they are called. They hand the words over as arguments and evaluate none.
package completions

import (
	_ "embed" // the scripts
	"slices"
)

var (
	//go:embed awsmfa.bash
	bash string
	//go:embed _awsmfa
	zsh string
	//go:embed awsmfa.fish
	fish string
	//go:embed awsmfa.elv
	elvish string
	//go:embed awsmfa-completions.nu
	nu string
	//go:embed awsmfa.ps1
	pwsh string
)

// Names are the shells that there is a script for.
func Names() []string { return []string{"bash", "zsh", "fish", "elvish", "nu", "pwsh"} }

// Script is the script for a shell by one of Names, or "".
func Script(name string) string {
	if i := slices.Index(Names(), name); i >= 0 {
		return [...]string{bash, zsh, fish, elvish, nu, pwsh}[i]
	}
	return ""
}

// File is the name by which each shell, or its user, finds the script.
func File(name string) string {
	if i := slices.Index(Names(), name); i >= 0 {
		return [...]string{"awsmfa.bash", "_awsmfa", "awsmfa.fish", "awsmfa.elv", "awsmfa-completions.nu", "awsmfa.ps1"}[i]
	}
	return ""
}
