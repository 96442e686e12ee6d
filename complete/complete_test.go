package complete

import (
	goflag "flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = goflag.Bool("update", false, "write the golden file anew")

const config = `[default]
region = eu-west-1
[profile dev]
mfa_serial = arn:aws:iam::111122223333:mfa/alice
region = eu-central-1
[profile deploy]
role_arn = arn:aws:iam::444455556666:role/path/Deploy
source_profile = dev
[profile sso]
sso_account_id = 777788889999
sso_role_name = Reader
[profile hardware]
mfa_serial = GAHT12345678
[profile key]
mfa_serial = arn:aws:iam::111122223333:u2f/user/alice/key
[profile my prod]
region = eu-central-1
[profile -x]
mfa_serial = arn:aws:iam::111122223333:mfa/alice
[profile evil` + "\x1b[31m" + `]
[profile told]
role_arn = ` + "arn:aws:iam::1\x1b]0;x:role/a\u202eb" + `
[bare]
`

// ask answers as Answer does, with files of this test's.
func ask(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return askIn(path, args...)
}

func askIn(path string, args ...string) string {
	return Answer(args, func(name string) string {
		if name == "AWS_CONFIG_FILE" {
			return path
		}
		return ""
	})
}

// TestGolden compares the answers to whole command lines, each of which ends at
// the cursor, with a list that people can read.
func TestGolden(t *testing.T) {
	lines := []string{"", "to", "totp ", "device ", "nosuch ", "env ", "env d", "env -", "env --", "env -q --s", "env --shell ", "env --shell=f", "env --output ",
		"env --region ", "env --region=eu", "env --duration ", "env --token-code ", "env --mfa-serial ", "env dev ", "env -p dev ", "env --profile ", "env --profile=", "env -- ",
		"env -- dev ", "totp code ", "code ", "totp add --qr ", "totp migrate --to ", "device enroll --name ", "exec ", "exec dev ", "exec dev -", "exec dev -- ",
		"exec dev -- ls -", "exec dev l", "exec -p dev -- l", "exec -- dev l", "exec -- dev -- l", "exec --", "list ", "version -", "init ", "completion ", "help ", "help totp ", "help env ",
		"logout ", "logout -", "env --shell --", "-", "--quiet sta", "env --bogus=", "env -s ", "env -sfish ", "whoami --json "}
	var b strings.Builder
	for _, line := range lines {
		words := append([]string{"awsmfa"}, strings.Split(line, " ")...)
		b.WriteString("== " + line + "|\n" + ask(t, append([]string{"zsh", strconv.Itoa(len(words) - 1), "--"}, words...)...))
	}
	const golden = "testdata/golden"
	if *update {
		os.MkdirAll("testdata", 0o755)
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != b.String() {
		t.Errorf("not as in %s (%v):\n%s", golden, err, b.String())
	}
}

// TestNothingToSay: what cannot be answered is answered by nothing.
func TestNothingToSay(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("\xff\xfe[\x00p\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{broken, dir, filepath.Join(dir, "none"), "/dev/null", "/dev/zero"} {
		if got := askIn(path, "fish", "2", "--", "awsmfa", "env", ""); got != "" {
			t.Errorf("%s: %q", path, got)
		}
	}
	for _, args := range [][]string{nil, {"bash"}, {"bash", "1"}, {"bash", "1", "--"}, {"bash", "x", "--", "awsmfa", ""}, {"bash", "0", "--", "awsmfa"}, {"bash", "-1", "--", "awsmfa"},
		{"bash", "3", "--", "awsmfa", ""}, {"bash", "99999999999999999999", "--", "awsmfa"}, {"bash", "1", "a", "b", "--", "awsmfa", ""}} {
		if got := ask(t, args...); got != "" {
			t.Errorf("%q: %q", args, got)
		}
	}
}

// TestNoControls: whatever stands in the files, nothing of it reaches a terminal
// as a command to it.
func TestNoControls(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"env ", "env --profile=", "env --mfa-serial ", "env --region "} {
		words := append([]string{"awsmfa"}, strings.Split(line, " ")...)
		got := ask(t, append([]string{"zsh", strconv.Itoa(len(words) - 1), "--"}, words...)...)
		if strings.ContainsAny(got, "\x1b\x07\u202e\x7f") || strings.Contains(got, "evil") {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// TestShortOfAnEmptyWord: some shells drop an empty argument at the end.
func TestShortOfAnEmptyWord(t *testing.T) {
	t.Parallel()
	if with, without := ask(t, "pwsh", "2", "--", "awsmfa", "env", ""), ask(t, "pwsh", "2", "--", "awsmfa", "env"); with != without || with == "" {
		t.Errorf("%q and %q", with, without)
	}
}

// FuzzBash: what is offered behind quotes that are open, closed as readline
// closes them, is the value to bash.
func FuzzBash(f *testing.F) {
	for _, value := range []string{"my prod", "it's", `a"b`, "a;b", "$(touch PWN)", "`x`", "-x", "*", "=ls", "~", "~a", "a!b", "!", `\`, `a\`, "'", "a'", `"`, "#a", "{a,b}", "ü x", "a&b|c<d>e", "^a", "[a]", "?", "%a"} {
		for i := range 4 {
			f.Add(value, i)
		}
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		f.Skip("bash is not here")
	}
	f.Fuzz(func(t *testing.T, value string, form int) {
		open := []string{"", "'", `"`, "$'"}[uint(form)%4]
		if !fit(value) || strings.ToValidUTF8(value, "") != value {
			return
		}
		word := open + writeBash(value, open)
		// As readline does: it closes a quote unless the last character is one.
		if open != "" && !strings.HasSuffix(word, open[len(open)-1:]) {
			word += open[len(open)-1:]
		}
		out, err := exec.Command(bash, "--norc", "-c", "printf %s "+word).Output()
		if err != nil || string(out) != value {
			t.Errorf("%q behind %q is written %s, which bash reads as %q (%v)", value, open, word, out, err)
		}
		if open != "$'" && readBash(word).text != value {
			t.Errorf("%s is read as %q, not %q", word, readBash(word).text, value)
		}
	})
}
