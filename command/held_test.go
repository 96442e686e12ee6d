package command

import (
	"slices"
	"strings"
	"testing"
	"time"

	"awsmfa/credentials"
	"awsmfa/shell"
)

// shellHolding is a run in a shell with these variables.
func shellHolding(environ ...string) *run {
	return newRun(World{Environ: environ, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
}

const heldKey = "ASIAIOSFODNN7EXAMPLE"

func TestHeld(t *testing.T) {
	for _, tc := range []struct {
		name    string
		environ string
		clear   string // less the three keys, the expiries and the marks
		ours    bool
		foreign string
	}{
		{"nothing", "", "", false, ""},
		{"ours", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K:eu-west-1 AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1", "AWS_REGION AWS_DEFAULT_REGION", true, ""},
		{"ours, no region", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K:", "", true, ""},
		{"ours, region of the user's", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K: AWS_REGION=eu-west-1", "", true, "eu-west-1"},
		{"ours, no colon", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K AWS_REGION=eu-west-1", "", true, "eu-west-1"},
		{"first region changed", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K:a AWS_REGION=b AWS_DEFAULT_REGION=a", "AWS_DEFAULT_REGION", true, "b"},
		{"second region changed", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K:a AWS_REGION=a AWS_DEFAULT_REGION=b", "AWS_REGION", true, "b"},
		{"one region gone", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K:a AWS_DEFAULT_REGION=a", "AWS_DEFAULT_REGION", true, ""},
		{"one region empty", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K:a AWS_REGION= AWS_DEFAULT_REGION=a", "AWS_DEFAULT_REGION", true, ""},
		{"key changed", "AWS_ACCESS_KEY_ID=L AWSMFA_OWNED=K:a AWS_REGION=a", "", false, "a"},
		{"key gone", "AWSMFA_OWNED=K:a AWS_REGION=a", "", false, "a"},
		{"key empty, mark empty", "AWS_ACCESS_KEY_ID= AWSMFA_OWNED=: AWS_REGION=a", "", false, "a"},
		{"mark without key", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=:a AWS_REGION=a", "", false, "a"},
		{"mark is junk", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=::::", "", false, ""},
	} {
		r := shellHolding(strings.Fields(tc.environ)...)
		h := r.held()
		if h.ours != tc.ours {
			t.Errorf("%s: ours is %v", tc.name, h.ours)
		}
		if _, region := r.foreignRegion(h); region != tc.foreign {
			t.Errorf("%s: the user's region is %q, want %q", tc.name, region, tc.foreign)
		}
		want := []string{"AWSMFA_PROFILE", "AWSMFA_EXPIRATION", "AWSMFA_OWNED"}
		if tc.ours {
			want = slices.Concat([]string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
				"AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION"}, strings.Fields(tc.clear), want)
		}
		if got := h.clear(); !slices.Equal(got, want) {
			t.Errorf("%s: clears %q, want %q", tc.name, got, want)
		}
	}
}

func TestClearOnFailure(t *testing.T) {
	const ours = "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K:a AWSMFA_PROFILE=dev AWSMFA_EXPIRATION="
	for _, tc := range []struct {
		name, environ string
		wanted        string
		clears        bool
	}{
		{"the same, valid", ours + "1800000001", "dev", false},
		{"the same, just expired", ours + "1800000000", "dev", true},
		{"another, valid", ours + "1800000001", "prod", true},
		{"unclear which", ours + "1800000001", "dev prod", true},
		{"the same, end unknown", ours, "dev", false},
		{"the same, end is junk", ours + "x", "dev", false},
		{"name lost", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=K:a", "dev", true},
		{"not ours, another", "AWS_ACCESS_KEY_ID=L AWSMFA_OWNED=K:a AWSMFA_PROFILE=dev", "prod", false},
		{"not ours, expired", "AWS_ACCESS_KEY_ID=L AWSMFA_OWNED=K:a AWSMFA_PROFILE=dev AWSMFA_EXPIRATION=1", "dev", false},
		{"nothing", "", "dev", false},
	} {
		r := shellHolding(strings.Fields(tc.environ)...)
		if got := r.held().clearOnFailure(strings.Fields(tc.wanted), r.Now()); (got != nil) != tc.clears {
			t.Errorf("%s: clears %q", tc.name, got)
		}
	}
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

func TestEnvironment(t *testing.T) {
	end := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	secret := strings.Repeat("s", 40)
	value := func(e environment, name string) string {
		i := slices.IndexFunc(e.set, func(v shell.Var) bool { return v.Name == name })
		if i < 0 {
			return "(none)"
		}
		return e.set[i].Value
	}
	for _, tc := range []struct {
		name    string
		expires time.Time
		offset  time.Duration
		region  string
		want    string // AWSMFA_EXPIRATION, AWS_CREDENTIAL_EXPIRATION, AWSMFA_OWNED
		unset   []string
	}{
		{"plain", end, 0, "eu-west-1", "1767268800 2026-01-01T12:00:00Z " + heldKey + ":eu-west-1", nil},
		{"no region", end, 0, "", "1767268800 2026-01-01T12:00:00Z " + heldKey + ":", []string{"AWS_REGION", "AWS_DEFAULT_REGION"}},
		{"the local clock is behind", end, time.Minute, "", "1767268740 2026-01-01T12:00:00Z " + heldKey + ":", []string{"AWS_REGION", "AWS_DEFAULT_REGION"}},
		{"the local clock is ahead", end, -time.Minute, "", "1767268800 2026-01-01T12:00:00Z " + heldKey + ":", []string{"AWS_REGION", "AWS_DEFAULT_REGION"}},
		{"no end", time.Time{}, 0, "eu-west-1", "(none) (none) " + heldKey + ":eu-west-1",
			[]string{"AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION", "AWSMFA_EXPIRATION"}},
	} {
		c, err := credentials.New(heldKey, secret, "token", tc.expires)
		if err != nil {
			t.Fatal(err)
		}
		h := held{ours: true, region: "a", ourFirst: true, ourOther: true}
		e := h.environment("dev", c, tc.region, tc.offset)
		got := value(e, "AWSMFA_EXPIRATION") + " " + value(e, "AWS_CREDENTIAL_EXPIRATION") + " " + value(e, "AWSMFA_OWNED")
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if value(e, "AWS_CREDENTIAL_EXPIRATION") != value(e, "AWS_SESSION_EXPIRATION") {
			t.Errorf("%s: two ends", tc.name)
		}
		if want := append(alwaysUnset(), tc.unset...); !slices.Equal(e.unset, want) {
			t.Errorf("%s: unsets %q, want %q", tc.name, e.unset, want)
		}
		for _, v := range e.set {
			if slices.Contains(e.unset, v.Name) {
				t.Errorf("%s: %s is set and unset", tc.name, v.Name)
			}
		}
	}
}
