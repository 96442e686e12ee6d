package source

import (
	"errors"
	"slices"
	"testing"
)

func TestRecursive(t *testing.T) {
	for _, c := range []struct {
		line, self string
		want       bool
	}{
		{"awsmfa process dev", "dev", true},
		{"/usr/local/bin/awsmfa process dev", "dev", true},
		{`"/opt/my tools/awsmfa" 'process' "dev"`, "dev", true},
		{"awsmfa credential-process dev", "dev", true},
		{"awsmfa env -o json dev", "dev", true},
		{"awsmfa exec dev -- cat key.json", "dev", true},
		{"awsmfa process --profile dev", "dev", true},
		{"awsmfa process --profile=dev", "dev", true},
		{"awsmfa process -p=dev", "dev", true},
		{"awsmfa -q process dev --no-input", "dev", true},
		{"AWSMFA.EXE process dev", "dev", true},
		{"awsmfa.exe process 'my prod'", "my prod", true},
		{"awsmfa process process", "process", true},
		{"awsmfa process base", "dev", false},
		{"awsmfa process base", "process", false},
		{"awsmfa process developer", "dev", false},
		{"awsmfa process --profile=mydev", "dev", false},
		{"awsmfa list dev", "dev", false},
		{"awsmfa-wrapper process dev", "dev", false},
		{"aws-vault export dev", "dev", false},
		{"cat awsmfa process dev", "dev", false},
		{"awsmfa 'process dev", "dev", false},
		{"", "dev", false},
	} {
		if got := Recursive(c.line, c.self); got != c.want {
			t.Errorf("Recursive(%q, %q) = %v", c.line, c.self, got)
		}
	}
}

func TestEnter(t *testing.T) {
	for _, c := range []struct {
		env     []string
		profile string
		want    string
		err     error
	}{
		{nil, "dev", "dev", nil},
		{[]string{"AWSMFA_PROFILE_CHAIN="}, "dev", "dev", nil},
		{[]string{"AWSMFA_PROFILE_CHAIN=dev"}, "base", "dev:base", nil},
		{[]string{"AWSMFA_PROFILE_CHAIN=dev"}, "de", "dev:de", nil},
		{[]string{"AWSMFA_PROFILE_CHAIN=dev"}, "a:dev=b c", "dev:a%3Adev%3Db+c", nil},
		{[]string{"AWSMFA_PROFILE_CHAIN=a%3Adev"}, "dev", "a%3Adev:dev", nil},
		{[]string{"AWSMFA_PROFILE_CHAIN=old", "AWSMFA_PROFILE_CHAIN=dev"}, "old", "dev:old", nil},
		{[]string{"AWSMFA_PROFILE_CHAIN=dev:base"}, "dev", "", ErrRecursive},
		{[]string{"AWSMFA_PROFILE_CHAIN=a%3Adev"}, "a:dev", "", ErrRecursive},
		{[]string{"AWSMFA_PROFILE_CHAIN=%zz:\x1b[2J:dev"}, "dev", "", ErrRecursive},
	} {
		got, err := enter(c.env, c.profile)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("enter(%q, %q) = %q, %v", c.env, c.profile, got, err)
		}
	}
	_, err := enter([]string{"AWSMFA_PROFILE_CHAIN=my+prod:base"}, "my prod")
	if want := ErrRecursive.Error() + `: "my prod" -> "base" -> "my prod"`; err == nil || err.Error() != want {
		t.Errorf("the loop reads %v", err)
	}
}

func TestSetEnv(t *testing.T) {
	env := []string{"A=1", "AB=2", "A=3", "B"}
	if got := setEnv(env, "A", "x"); !slices.Equal(got, []string{"AB=2", "B", "A=x"}) {
		t.Errorf("got %q", got)
	}
	if !slices.Equal(env, []string{"A=1", "AB=2", "A=3", "B"}) {
		t.Errorf("the caller's environment became %q", env)
	}
}
