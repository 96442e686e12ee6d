package command

import (
	"strings"
	"testing"
)

// Someone who forgets the eval sees the statements, and how to have them run.
func TestEnvOnATerminal(t *testing.T) {
	c := newCrowd(t, crowdConfig)
	code := c.user.NextCode()
	tm := c.onTerminal(`"$AWSMFA" env dev -s bash --refresh --token-code ` + code + `; echo "first $?"
		"$AWSMFA" env dev --shell=fish; echo "second $?"
		"$AWSMFA" env dev -o json; echo "third $?"
		"$AWSMFA" env -q dev; echo "fourth $?"
		"$AWSMFA" env nope; echo "fifth $?"
		"$AWSMFA" env --help; "$AWSMFA" process -h; echo "sixth $?"`)
	tm.until("sixth ")
	tm.until("\n")
	parts := map[string]string{}
	rest := tm.screen()
	for _, name := range []string{"first", "second", "third", "fourth", "fifth", "sixth"} {
		parts[name], rest, _ = strings.Cut(rest, "\n"+name+" ")
	}
	for _, want := range []struct{ part, text string }{
		{"first", "unset AWS_PROFILE AWS_DEFAULT_PROFILE"},
		{"first", `awsmfa: hint: to set these in this shell: eval "$(awsmfa env --shell bash dev)"`},
		{"second", "set -gx AWS_ACCESS_KEY_ID 'ASIA"},
		{"second", "awsmfa: hint: to set these in this shell: awsmfa env --shell fish dev | source"},
		{"third", `{"AWS_PROFILE":null`},
		{"fourth", "unset AWS_PROFILE"},
		{"fifth", `profile "nope" not found`},
		{"sixth", "Usage: awsmfa env"},
		{"sixth", "Usage: awsmfa process"},
	} {
		if !strings.Contains(parts[want.part], want.text) {
			t.Errorf("%s: %q is missing in:\n%s", want.part, want.text, parts[want.part])
		}
	}
	for _, wrong := range []struct{ part, text string }{
		{"first", code}, // spent, and a secret of sorts
		{"third", "hint"}, {"fourth", "hint"},
		{"fifth", "false;"}, {"fifth", "this shell"}, // nobody runs it
	} {
		if strings.Contains(parts[wrong.part], wrong.text) {
			t.Errorf("%s: %q is in:\n%s", wrong.part, wrong.text, parts[wrong.part])
		}
	}
	c.calls("GetSessionToken", 1)
}
