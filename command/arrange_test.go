package command

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	for line, want := range map[string]arrangement{
		"env":                            {},
		"env dev":                        {args: []string{"dev"}},
		"env dev --shell fish":           {args: []string{"dev"}, flags: []string{"--shell=fish"}},
		"env --shell fish dev":           {args: []string{"dev"}, flags: []string{"--shell=fish"}},
		"--shell fish env dev":           {args: []string{"dev"}, flags: []string{"--shell=fish"}},
		"env dev -sfish":                 {glued: "-sfish", args: []string{"dev"}, flags: []string{"--shell=fish"}},
		"env dev -s=fish":                {args: []string{"dev"}, flags: []string{"--shell=fish"}},
		"env dev -qs fish":               {args: []string{"dev"}, flags: []string{"--quiet", "--shell=fish"}},
		"env dev -uqsfish":               {glued: "-uqsfish", args: []string{"dev"}, flags: []string{"--unset", "--quiet", "--shell=fish"}},
		"env dev -shell fish":            {args: []string{"dev"}, flags: []string{"--shell=fish"}},
		"env dev --shell=":               {args: []string{"dev"}, flags: []string{"--shell="}},
		"env --profile=a=b":              {flags: []string{"--profile=a=b"}},
		"env --mfa-token - dev":          {args: []string{"dev"}, flags: []string{"--token-code=-"}},
		"env -t - dev":                   {args: []string{"dev"}, flags: []string{"--token-code=-"}},
		"env - ":                         {args: []string{"-"}},
		"env --quiet=false dev":          {args: []string{"dev"}, flags: []string{"--quiet=false"}},
		"env -p -x":                      {flags: []string{"--profile=-x"}},
		"env -- -x":                      {args: []string{"-x"}},
		"env -- --":                      {args: []string{"--"}},
		"env -- --shell fish":            {args: []string{"--shell", "fish"}},
		"-- env -s":                      {args: []string{"-s"}},
		"-q -- env -s":                   {args: []string{"-s"}, flags: []string{"--quiet"}},
		"env help":                       {args: []string{"help"}},
		"env h":                          {args: []string{"h"}},
		"env dev -h":                     {args: []string{"dev"}, help: true},
		"-h env dev":                     {args: []string{"dev"}, help: true},
		"env dev -qh":                    {args: []string{"dev"}, flags: []string{"--quiet"}, help: true},
		"env -V":                         {version: true},
		"exec dev aws s3 ls -q --help":   {args: []string{"dev"}, command: []string{"aws", "s3", "ls", "-q", "--help"}},
		"exec -q dev -- aws -- -x":       {args: []string{"dev"}, flags: []string{"--quiet"}, command: []string{"aws", "--", "-x"}},
		"exec -- dev aws -x":             {args: []string{"dev"}, command: []string{"aws", "-x"}},
		"exec -- dev -- aws -x":          {args: []string{"dev"}, command: []string{"aws", "-x"}},
		"exec -p dev aws -x":             {flags: []string{"--profile=dev"}, command: []string{"aws", "-x"}},
		"exec -p dev -- aws -x":          {flags: []string{"--profile=dev"}, command: []string{"aws", "-x"}},
		"exec --profile=dev -q aws -q":   {flags: []string{"--profile=dev", "--quiet"}, command: []string{"aws", "-q"}},
		"-p dev exec aws -q":             {flags: []string{"--profile=dev"}, command: []string{"aws", "-q"}},
		"exec dev --region x aws --help": {args: []string{"dev"}, flags: []string{"--region=x"}, command: []string{"aws", "--help"}},
	} {
		got, err := arrange(strings.Fields(line), verbs())
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if verb := strings.Fields(strings.TrimLeft(line, "-hq "))[0]; verb != "-p" && !strings.Contains(line, got.verb.name) {
			t.Errorf("%s: verb %s", line, got.verb.name)
		}
		got.verb = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", line, got, want)
		}
	}
}

// After an error the rest is still read: it says how to write the failure.
func TestArrangeReadsOn(t *testing.T) {
	for line, want := range map[string]struct {
		fails string
		arrangement
	}{
		"env --bogus dev -s fish":      {`has no flag "--bogus"`, arrangement{args: []string{"dev"}, flags: []string{"--shell=fish"}}},
		"env dev -x --shell=fish":      {`has no flag "-x"`, arrangement{args: []string{"dev"}, flags: []string{"--shell=fish"}}},
		"evn dev -s fish":              {`unknown command "evn"`, arrangement{args: []string{"dev"}, flags: []string{"--shell=fish"}}},
		"-- evn dev":                   {`unknown command "evn"`, arrangement{args: []string{"dev"}}},
		"-s fish -- evn":               {`unknown command "evn"`, arrangement{flags: []string{"--shell=fish"}}},
		"env --shell --region x dev":   {"--shell needs a value", arrangement{args: []string{"dev"}, flags: []string{"--region=x"}}},
		"env dev --shell":              {"--shell needs a value", arrangement{args: []string{"dev"}}},
		"env dev --shell -- x":         {"--shell needs a value", arrangement{args: []string{"dev", "x"}}},
		"env dev -s -h":                {"-s needs a value", arrangement{args: []string{"dev"}, help: true}},
		"env -q=2 dev":                 {"-q is on or off", arrangement{args: []string{"dev"}}},
		"env --json=perhaps dev":       {"--json is on or off", arrangement{args: []string{"dev"}}},
		"--unset list -q":              {`awsmfa list has no flag "--unset"`, arrangement{flags: []string{"--unset", "--quiet"}}},
		"-u --shell=x --output=y list": {`awsmfa list has no flag "-u"`, arrangement{flags: []string{"--unset", "--shell=x", "--output=y"}}},
	} {
		got, err := arrange(strings.Fields(line), verbs())
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want.fails) {
			t.Errorf("%s: %v, want %q", line, err, want.fails)
		}
		got.verb = nil
		if !reflect.DeepEqual(got, want.arrangement) {
			t.Errorf("%s:\n got %+v\nwant %+v", line, got, want.arrangement)
		}
	}
}

// TestAnyOrderParsesTheSame shuffles one command line's parts, each in any of
// its spellings: the verb before the arguments, all else anywhere.
func TestAnyOrderParsesTheSame(t *testing.T) {
	spellings := [][][]string{
		{{"--shell", "fish"}, {"--shell=fish"}, {"-s", "fish"}, {"-sfish"}, {"-s=fish"}, {"-shell", "fish"}},
		{{"--token-code", "-"}, {"-t", "-"}, {"-t-"}, {"--mfa-token=-"}},
		{{"--quiet"}, {"-q"}, {"--quiet=true"}},
		{{"--profile=dev"}, {"-p", "dev"}, {"-pdev"}},
		{{"--min-ttl", "1h"}, {"--min-ttl=1h"}},
	}
	want := []string{"--shell=fish", "--token-code=-", "--quiet", "--profile=dev", "--min-ttl=1h"}
	slices.Sort(want)
	list := verbs()
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		parts := [][]string{{"env"}, {"dev"}}
		for _, s := range spellings {
			parts = append(parts, s[random.IntN(len(s))])
		}
		random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		at := func(word string) int {
			return slices.IndexFunc(parts, func(p []string) bool { return p[0] == word })
		}
		if i, j := at("env"), at("dev"); i > j {
			parts[i], parts[j] = parts[j], parts[i]
		}
		words := slices.Concat(parts...)
		got, err := arrange(words, list)
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		flags := slices.Clone(got.flags)
		for i, f := range flags {
			flags[i] = strings.TrimSuffix(f, "=true")
		}
		slices.Sort(flags)
		if got.verb.name != "env" || !slices.Equal(got.args, []string{"dev"}) || !slices.Equal(flags, want) {
			t.Fatalf("%q: %s %q %q", words, got.verb.name, got.args, got.flags)
		}
		again, err := arrange(slices.Concat([]string{got.verb.name}, got.flags, []string{"--"}, got.args), list)
		got.glued = "" // there is nothing left to take for it
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%q: arranged again: %+v, %v", words, again, err)
		}
	}
}

func FuzzArrange(f *testing.F) {
	for _, line := range []string{"env dev -s fish", "exec dev -- aws -x", "-- env", "evn -qs", "env --=x", "env -=", "env -\xff", "env -é dev"} {
		f.Add(line)
	}
	list := verbs()
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, " ")
		a, err := arrange(words, list)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\x00\x1b\n") {
				t.Errorf("%q: the error is not fit to be shown: %q", words, err)
			}
			return
		}
		if a.verb == nil && len(a.args) > 0 {
			t.Errorf("%q: arguments without a verb", words)
		}
		for _, flag := range a.flags {
			name, _, _ := strings.Cut(flag, "=")
			if a.verb != nil && findFlag(a.verb.flags, strings.TrimPrefix(name, "--")) == nil {
				t.Errorf("%q: %s is no flag of %s", words, flag, a.verb.name)
			}
		}
	})
}

// Before the verb is known a flag is looked up among all verbs, so a name must
// mean the same kind of flag everywhere.
func TestFlagsAgree(t *testing.T) {
	type kind struct {
		first string
		value bool
	}
	seen := map[string]kind{}
	for _, v := range verbs() {
		names := map[string]bool{}
		for _, f := range v.flags {
			k := kind{f.Names()[0], takesValue(f)}
			for _, n := range f.Names() {
				if names[n] {
					t.Errorf("%s: -%s twice", v.name, n)
				}
				names[n] = true
				if n == "h" || n == "help" || n == "V" || n == "version" {
					t.Errorf("%s: -%s is taken", v.name, n)
				}
				if was, ok := seen[n]; ok && was != k {
					t.Errorf("%s: -%s is %+v there and %+v elsewhere", v.name, n, k, was)
				}
				seen[n] = k
			}
		}
	}
	for _, fv := range flagVariables {
		if _, ok := seen[fv.flag]; !ok {
			t.Errorf("%s stands for --%s, which no verb has", fv.variable, fv.flag)
		}
	}
}

func TestArrangeVerbsOfTwoWords(t *testing.T) {
	list := []*verb{{name: "env"}, {name: "totp add", maxArgs: 1, flags: talkFlags()}, {name: "totp code", aliases: []string{"code"}, maxArgs: 1, flags: talkFlags()}}
	for line, want := range map[string]string{
		"totp add dev":       "totp add [dev] []",
		"totp -q add dev":    "totp add [dev] [--quiet]",
		"-q totp add dev":    "totp add [dev] [--quiet]",
		"totp add -q -- -x":  "totp add [-x] [--quiet]",
		"-- totp add -x":     "totp add [-x] []",
		"code add":           "totp code [add] []",
		"totp code totp":     "totp code [totp] []",
		"totp":               "awsmfa totp needs one of its commands: add, code",
		"totp bdd":           `unknown command "totp bdd"`,
		"totp code -x":       `awsmfa totp code has no flag "-x"`,
		"add dev":            `unknown command "add"`,
		"totp env":           `unknown command "totp env"`,
		"env totp add":       "env [totp add] []",
		"totp --help":        "totp [] []",
		"totp add dev extra": `unexpected argument "extra"`,
	} {
		got, err := arrange(strings.Fields(line), list)
		if err == nil && got.verb != nil && got.verb.name != "env" {
			err = got.checkArgs()
		}
		told := ""
		switch {
		case err != nil:
			told = err.Error()
		case got.verb == nil:
			told = fmt.Sprintf("%s %v %v", got.group, got.args, got.flags)
		default:
			told = fmt.Sprintf("%s %v %v", got.verb.name, got.args, got.flags)
		}
		if told != want {
			t.Errorf("%s: %s, want %s", line, told, want)
		}
	}
}
