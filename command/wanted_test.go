package command

import (
	"strings"
	"testing"
	"time"
)

// shellHolding is a run in a shell with these variables.
func shellHolding(environ ...string) *run {
	return newRun(World{Environ: environ, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
}

func TestWanted(t *testing.T) {
	for _, tc := range []struct{ line, environ, want string }{
		{"env dev", "AWS_PROFILE=x", "dev"},
		{"env -p dev", "AWS_PROFILE=x", "dev"},
		{"env -p dev prod", "", "prod dev"},
		{"env dev prod", "", "dev prod"},
		{"env --bogus dev", "AWSMFA_PROFILE=x", "dev"},
		{"evn dev", "AWSMFA_PROFILE=x", "dev"},
		{"env", "AWS_PROFILE=a AWSMFA_PROFILE=b", "a"},
		{"env", "AWS_PROFILE= AWSMFA_PROFILE=b", "b"},
		{"env", "", "default"},
		{"", "AWSMFA_PROFILE=b", "b"},
	} {
		a, _ := arrange(strings.Fields(tc.line), verbs())
		if got := strings.Join(a.wanted(shellHolding(strings.Fields(tc.environ)...)), " "); got != tc.want {
			t.Errorf("%q with %q: %q, want %q", tc.line, tc.environ, got, tc.want)
		}
	}
}
