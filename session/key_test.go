package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"awsmfa/profile"
)

// lastKey is the key of what a resolved profile prints.
func lastKey(t *testing.T, o Options, change func(*profile.Resolved)) Key {
	t.Helper()
	r := resolve(t, "a", "b")
	r.Roles[1].Tags = []profile.Tag{{Key: "team", Value: "x"}}
	r.Roles[1].TransitiveTags, r.Roles[1].PolicyARNs = []string{"team"}, []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
	if change != nil {
		change(r)
	}
	last, ok := mustPlan(t, r, o).Last()
	if !ok {
		t.Fatal("the plan has no steps")
	}
	return last.Key
}

func TestEveryFieldChangesTheKey(t *testing.T) {
	type resolved = profile.Resolved
	seen := map[Key]string{lastKey(t, Options{}, nil): "nothing"}
	note := func(name string, k Key) {
		if other, twice := seen[k]; twice {
			t.Errorf("%s gives the key of %s", name, other)
		}
		seen[k] = name
	}
	// A long role has one hop, or it would be capped.
	single := func(r *resolved) { r.Roles = r.Roles[:1] }
	command := func(kind profile.SourceKind, text string) func(*resolved) {
		return func(r *resolved) { r.Source = profile.Source{Kind: kind, Text: value(text)} }
	}
	for name, change := range map[string]func(*resolved){
		"access key":            func(r *resolved) { r.Source.Keys = newCredentials(t, "AKIAEXAMPLEEXAMPLE13", "", time.Time{}) },
		"command":               command(profile.SourceProcess, "/bin/helper"),
		"another command":       command(profile.SourceProcess, "/bin/helper dev"),
		"command as access key": command(profile.SourceProcess, testID),
		"sso of the same text":  command(profile.SourceSSO, "/bin/helper"),
		"context of a command": func(r *resolved) {
			command(profile.SourceProcess, "/bin/helper")(r)
			r.Source.Context = "AWS_PROFILE=dev\n"
		},
		"serial":               func(r *resolved) { r.MFASerial = value(testSerial + "2") },
		"serial's partition":   func(r *resolved) { r.MFASerial = value("arn:aws-cn:iam::123456789012:mfa/alice") },
		"endpoint":             func(r *resolved) { r.STSEndpoint = value("http://127.0.0.1:1") },
		"role":                 func(r *resolved) { r.Roles[1].ARN = value("arn:aws:iam::123456789012:role/c") },
		"role on the way":      func(r *resolved) { r.Roles[0].ARN = value("arn:aws:iam::123456789012:role/c") },
		"order of roles":       func(r *resolved) { slices.Reverse(r.Roles) },
		"one role less":        single,
		"session name":         func(r *resolved) { r.Roles[1].SessionName = value("me") },
		"external id":          func(r *resolved) { r.Roles[1].ExternalID = value("me") },
		"source identity":      func(r *resolved) { r.Roles[1].SourceIdentity = value("me") },
		"no policies":          func(r *resolved) { r.Roles[1].PolicyARNs = nil },
		"more policies":        func(r *resolved) { r.Roles[1].PolicyARNs = append(r.Roles[1].PolicyARNs, "arn:x") },
		"no tags":              func(r *resolved) { r.Roles[1].Tags = nil },
		"tag's key":            func(r *resolved) { r.Roles[1].Tags[0].Key = "tea" },
		"tag's value":          func(r *resolved) { r.Roles[1].Tags[0].Value = "y" },
		"more tags":            func(r *resolved) { r.Roles[1].Tags = append(r.Roles[1].Tags, profile.Tag{Key: "k"}) },
		"no transitive tags":   func(r *resolved) { r.Roles[1].TransitiveTags = nil },
		"more transitive tags": func(r *resolved) { r.Roles[1].TransitiveTags = []string{"team", "k"} },
	} {
		note(name, lastKey(t, Options{}, change))
	}
	note("no MFA", lastKey(t, Options{NoMFA: true}, nil))
	note("no MFA with one hop", lastKey(t, Options{NoMFA: true}, single))
	for _, d := range []string{"3601", "2h", "12h"} {
		note(d, lastKey(t, Options{Duration: flag(d)}, single))
	}
	bare := func(r *resolved) { command(profile.SourceProcess, "/bin/bare")(r); r.MFASerial = profile.Value{} }
	note("no device known", lastKey(t, Options{}, bare))
	note("no device wanted", lastKey(t, Options{NoMFA: true}, func(r *resolved) {
		bare(r)
		r.Roles[0].SessionName, r.Roles[1].SessionName = value("awsmfa"), value("awsmfa")
	}))
	note("the session itself", lastKey(t, Options{}, func(r *resolved) { r.Roles = nil }))
	note("a plain session", lastKey(t, Options{NoMFA: true}, func(r *resolved) { r.Roles = nil }))
}

func TestWhatLeavesTheKeyAlone(t *testing.T) {
	type resolved = profile.Resolved
	want := lastKey(t, Options{}, nil)
	for name, change := range map[string]func(*resolved){
		"profile names": func(r *resolved) {
			r.Profile, r.Source.Profile, r.Roles[0].Profile, r.Roles[1].Profile = "w", "x", "y", "z"
		},
		"chain":  func(r *resolved) { r.Chain = []string{"w", "x"} },
		"region": func(r *resolved) { r.Region = value("eu-west-1") },
		"places": func(r *resolved) {
			r.MFASerial.Origin, r.Roles[1].ARN.Origin = profile.Origin{Name: "AWS_MFA_SERIAL"}, profile.Origin{Path: "elsewhere", Line: 1}
		},
		"mfa_process":                    func(r *resolved) { r.MFAProcess = value("x") },
		"partition, which the ARNs name": func(r *resolved) { r.Partition = "" },
		"ways to AWS": func(r *resolved) {
			r.FIPS, r.DualStack, r.CABundle, r.RegionalSTS, r.IAMEndpoint = true, true, value("x"), value("legacy"), value("x")
		},
		"a default, written out": func(r *resolved) { r.Roles[1].SessionName = value("alice") },
		"a configured hour":      func(r *resolved) { r.Duration, r.DurationFrom = time.Hour, value("1h") },
		"duration on the way":    func(r *resolved) { r.Roles[0].Duration = 15 * time.Minute },
	} {
		if lastKey(t, Options{}, change) != want {
			t.Errorf("%s: another key", name)
		}
	}
	for _, d := range []string{"900", "59m", "1h"} {
		if lastKey(t, Options{Duration: flag(d)}, nil) != want {
			t.Errorf("%s is not in the class of an hour", d)
		}
	}
	if lastKey(t, Options{SessionDuration: flag("36h")}, nil) != want {
		t.Error("the session's lifetime changes the role's key")
	}
}

// Whoever is asked first, the session and the hops are the same.
func TestKeysAreShared(t *testing.T) {
	dev, a, abc := planFor(t), planFor(t, "a"), planFor(t, "a", "b", "c")
	long := mustPlan(t, resolve(t), Options{Duration: flag("36h")})
	for i, p := range []*Plan{a, abc, long} {
		if p.Steps[0].Key != dev.Steps[0].Key {
			t.Errorf("plan %d has a session of its own", i)
		}
	}
	if a.Steps[1].Key != abc.Steps[1].Key {
		t.Error("a role on the way to another has a session of its own")
	}
	hour, two := mustPlan(t, resolve(t, "a"), Options{}), mustPlan(t, resolve(t, "a"), Options{Duration: flag("2h")})
	first, _ := hour.Last()
	second, _ := two.Last()
	if first.family != second.family || first.Key == second.Key {
		t.Error("the family is the key but for the duration")
	}
}

// A hardware token's serial number names no partition, but its roles' ARNs do.
func TestHardwareTokenSharesItsSession(t *testing.T) {
	plan := func(partition string, roles ...string) *Plan {
		r := resolve(t, roles...)
		r.MFASerial, r.Partition = value("GAHT12345678"), partition
		return mustPlan(t, r, Options{})
	}
	if plan("").Steps[0].Key != plan("aws-cn", "a").Steps[0].Key {
		t.Error("the role has another session than its source profile")
	}
}

func TestDurationClass(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"short": time.Hour, "3601": time.Hour + time.Second, "7200": 2 * time.Hour, "43200": 12 * time.Hour,
	} {
		if got := durationClass(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if durationClass(0) != "short" || durationClass(MinDuration) != "short" {
		t.Error("an hour and less are one class")
	}
}

// readBack takes fields apart again: that this works for every list is why no
// two lists read the same.
func readBack(f fields) ([]string, error) {
	var list []string
	for text := string(f); text != ""; {
		digits, rest, found := strings.Cut(text, ":")
		n, err := strconv.Atoi(digits)
		if !found || err != nil || n < 0 || n > len(rest) {
			return nil, fmt.Errorf("%q is no field", text)
		}
		list, text = append(list, rest[:n]), rest[n:]
	}
	return list, nil
}

// tricky is a short text that tries to look like several fields.
func tricky(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteByte("01:a"[r.IntN(4)])
	}
	return b.String()
}

func TestFieldsNeverReadTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var list []string
		for range r.IntN(5) {
			list = append(list, tricky(r))
		}
		var f fields
		f.add(list...)
		if got, err := readBack(f); err != nil || !slices.Equal(got, list) {
			t.Fatalf("%q reads back as %q, %v", list, got, err)
		}
	}
}

// Roles over a tiny alphabet meet every confusion of neighbours soon.
func TestRolesNeverShareAKey(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	short := func() string { return []string{"", "a", "1:", "0", "1", "2"}[r.IntN(6)] }
	shorts := func() (list []string) {
		for range r.IntN(3) {
			list = append(list, short())
		}
		return list
	}
	seen := map[string]string{}
	for range 20_000 {
		var f fields
		var text string
		for range 1 + r.IntN(2) {
			role := profile.Role{
				ARN: value(short()), ExternalID: value(short()), SourceIdentity: value(short()),
				PolicyARNs: shorts(), TransitiveTags: shorts(),
			}
			for range r.IntN(3) {
				role.Tags = append(role.Tags, profile.Tag{Key: short(), Value: short()})
			}
			name, d := short(), time.Duration(r.IntN(2)+1)*time.Hour
			f.roleFields(role, name, d)
			text += fmt.Sprintf("%q %q %q %q %q %q %q %s;", role.ARN.Text, role.ExternalID.Text, role.SourceIdentity.Text,
				role.PolicyARNs, role.TransitiveTags, role.Tags, name, d)
		}
		if other, found := seen[string(f)]; found && other != text {
			t.Fatalf("%s and %s share a key", other, text)
		}
		seen[string(f)] = text
	}
}
