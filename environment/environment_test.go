package environment

import (
	"slices"
	"strings"
	"testing"
	"time"

	"awsmfa/credentials"
	"awsmfa/shell"
)

// holding is what a shell with these variables holds.
func holding(environ ...string) Held {
	return Read(func(name string) string {
		for _, kv := range environ {
			if value, ok := strings.CutPrefix(kv, name+"="); ok {
				return value
			}
		}
		return ""
	})
}

func testNow() time.Time { return time.Unix(1_800_000_000, 0) }

const heldKey = "ASIAIOSFODNN7EXAMPLE"

func TestRead(t *testing.T) {
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
		{"key changed", "AWS_ACCESS_KEY_ID=L AWSMFA_OWNED=K:a AWS_REGION=a", "", false, ""},
		{"key and region changed", "AWS_ACCESS_KEY_ID=L AWSMFA_OWNED=K:a AWS_REGION=b", "", false, "b"},
		{"key gone", "AWSMFA_OWNED=K:a AWS_REGION=a", "", false, ""},
		{"key empty, mark empty", "AWS_ACCESS_KEY_ID= AWSMFA_OWNED=: AWS_REGION=a", "", false, "a"},
		{"mark without key", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=:a AWS_REGION=a", "", false, ""},
		{"mark is junk", "AWS_ACCESS_KEY_ID=K AWSMFA_OWNED=::::", "", false, ""},
	} {
		h := holding(strings.Fields(tc.environ)...)
		if h.Ours != tc.ours {
			t.Errorf("%s: ours is %v", tc.name, h.Ours)
		}
		if _, region := h.ForeignRegion(); region != tc.foreign {
			t.Errorf("%s: the user's region is %q, want %q", tc.name, region, tc.foreign)
		}
		want := []string{"AWSMFA_PROFILE", "AWSMFA_EXPIRATION", "AWSMFA_OWNED"}
		if tc.ours {
			want = slices.Concat([]string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
				"AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION"}, strings.Fields(tc.clear), want)
		}
		if got := h.Clear(); !slices.Equal(got, want) {
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
		if got := holding(strings.Fields(tc.environ)...).ClearOnFailure(strings.Fields(tc.wanted), testNow()); (got != nil) != tc.clears {
			t.Errorf("%s: clears %q", tc.name, got)
		}
	}
}

func TestWith(t *testing.T) {
	end := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	secret := strings.Repeat("s", 40)
	value := func(e Changes, name string) string {
		i := slices.IndexFunc(e.Set, func(v shell.Var) bool { return v.Name == name })
		if i < 0 {
			return "(none)"
		}
		return e.Set[i].Value
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
		h := Held{Ours: true, Region: "a", regionOurs: true, defaultRegionOurs: true}
		e := h.With("dev", c, tc.region, tc.offset)
		got := value(e, "AWSMFA_EXPIRATION") + " " + value(e, "AWS_CREDENTIAL_EXPIRATION") + " " + value(e, "AWSMFA_OWNED")
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if value(e, "AWS_CREDENTIAL_EXPIRATION") != value(e, "AWS_SESSION_EXPIRATION") {
			t.Errorf("%s: two ends", tc.name)
		}
		if want := append(AlwaysUnset(), tc.unset...); !slices.Equal(e.Unset, want) {
			t.Errorf("%s: unsets %q, want %q", tc.name, e.Unset, want)
		}
		for _, v := range e.Set {
			if slices.Contains(e.Unset, v.Name) {
				t.Errorf("%s: %s is set and unset", tc.name, v.Name)
			}
		}
	}
}

// TestTouched: whatever env does to a shell, it does to these.
func TestTouched(t *testing.T) {
	touched := Touched()
	h := holding("AWS_ACCESS_KEY_ID=K", "AWSMFA_OWNED=K:a", "AWS_REGION=a", "AWS_DEFAULT_REGION=a")
	c, err := credentials.New(heldKey, "secretsecretsecretsecret", "token", testNow())
	if err != nil {
		t.Fatal(err)
	}
	changes := h.With("dev", c, "eu-west-1", 0)
	names := append(h.Clear(), changes.Unset...)
	for _, v := range changes.Set {
		names = append(names, v.Name)
	}
	for _, name := range names {
		if !slices.Contains(touched, name) {
			t.Errorf("%s is not in the list", name)
		}
	}
	for _, name := range touched {
		if !slices.Contains(names, name) {
			t.Errorf("%s is in the list for nothing", name)
		}
	}
}
