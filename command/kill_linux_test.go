package command

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"awsmfa/internal/privatefile"
	"awsmfa/session"
	"awsmfa/stsclient/ststest"
)

// built is the program as it is built for users, once: some of what tests look
// for, closed streams say, is over before a test binary's main begins.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "awsmfa-command-test-")
	if err != nil {
		return "", err
	}
	builtIn = dir
	path := filepath.Join(dir, "awsmfa")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-tags", "urfave_cli_no_docs", "-o", path, "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func buildRelease(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// long: the full figures are asked for.
func long() bool { return os.Getenv("AWSMFA_LONG") != "" }

const killConfig = crowdConfig + `[profile admin]
source_profile = dev
role_arn = arn:aws:iam::ACCOUNT:role/Admin
`

// newKillCrowd is a crowd of the release, with a role.
func newKillCrowd(t *testing.T, binary string) *crowd {
	t.Helper()
	c := newCrowd(t, killConfig)
	c.binary = binary
	if err := c.server.AddRole(ststest.Role{ARN: "arn:aws:iam::" + c.user.Account + ":role/Admin", RequireMFA: true}); err != nil {
		t.Fatal(err)
	}
	return c
}

// killCase is a run to be killed. CODE stands for a fresh code.
type killCase struct{ before, args string }

func killCases() []killCase {
	return []killCase{
		{"", "env dev -t CODE"},
		{"login dev -t CODE", "env dev --refresh -t CODE"},
		{"login dev -t CODE", "login dev --refresh -t CODE"},
		{"", "env admin -t CODE"},
		{"env admin -t CODE", "logout admin"},
		{"env admin -t CODE", "login admin --refresh"},
		{"env admin -t CODE", "logout --all"},
	}
}

func (c *crowd) words(line string) []string {
	words := strings.Fields(line)
	for i, w := range words {
		if w == "CODE" {
			words[i] = c.user.NextCode()
		}
	}
	return words
}

// must runs a command line, which has to succeed.
func (c *crowd) must(line string) outcome {
	c.t.Helper()
	o := c.all([]*exec.Cmd{c.command(c.words(line)...)})[0]
	if o.code != 0 {
		c.t.Fatalf("awsmfa %s: exit %d\n%s", line, o.code, o.stderr)
	}
	return o
}

// TestKilledAnywhere kills runs at random points of their lives: the cache is
// old or new, stdout empty or complete, and the next run does its work and
// clears up.
func TestKilledAnywhere(t *testing.T) {
	binary := buildRelease(t)
	points := 10
	if long() {
		points = 200
	}
	lasts := make([]time.Duration, len(killCases()))
	for i := range points {
		n := i % len(lasts)
		c := killCases()[n]
		if lasts[n] == 0 {
			lasts[n] = lifetime(t, binary, c)
		}
		// Most of what matters is at the end.
		after := time.Duration(float64(lasts[n]) * (1 - rand.Float64()*rand.Float64()))
		t.Run(fmt.Sprintf("%d %s", i, c.args), func(t *testing.T) { killOnce(t, binary, c, after) })
	}
}

func lifetime(t *testing.T, binary string, k killCase) time.Duration {
	t.Helper()
	c := newKillCrowd(t, binary)
	if k.before != "" {
		c.must(k.before)
	}
	cmd := c.command(c.words(k.args)...)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", k.args, err, out)
	}
	return time.Since(began)
}

func killOnce(t *testing.T, binary string, k killCase, after time.Duration) {
	c := newKillCrowd(t, binary)
	if k.before != "" {
		c.must(k.before)
	}
	before := c.sessions()
	stdout := c.killAfter(after, c.words(k.args)...)
	c.afterKill(k, before, stdout, "after "+after.String())
}

// afterKill looks at what a killed run printed and left behind.
func (c *crowd) afterKill(k killCase, before map[string]session.Entry, stdout, when string) {
	c.t.Helper()
	got := c.sessions()
	if stdout != "" && !completeStatements(stdout) {
		c.t.Errorf("killed %s: part of the output: %q", when, stdout)
	}
	if id, _, _ := strings.Cut(behind(stdout, "AWS_ACCESS_KEY_ID='"), "'"); id != "" && !holds(got, id) {
		c.t.Errorf("killed %s: credentials were printed before they were safe", when)
	}
	for key := range before {
		if _, there := got[key]; !there && !strings.HasPrefix(k.args, "logout") {
			c.t.Errorf("killed %s: the old session is gone", when)
		}
	}
	c.worksAgain(got)
}

// killAfter starts a run, kills it and returns what it had printed.
func (c *crowd) killAfter(after time.Duration, args ...string) string {
	c.t.Helper()
	cmd := c.command(args...)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	time.Sleep(after)
	cmd.Process.Kill() // it may have ended by itself
	cmd.Wait()
	return stdout.String()
}

// sessions reads the cache as awsmfa does; a file that is no whole session is
// an error.
func (c *crowd) sessions() map[string]session.Entry {
	c.t.Helper()
	cache := session.Cache{Dir: filepath.Join(c.home, ".cache", "awsmfa", "sessions")}
	all, err := cache.All(time.Now().Add(time.Minute))
	if err != nil {
		c.t.Fatal(err)
	}
	read := map[string]session.Entry{}
	for _, e := range all {
		read[e.Key.String()] = e
	}
	files, err := filepath.Glob(filepath.Join(cache.Dir, "[^.]*")) // no temporary files
	if err != nil {
		c.t.Fatal(err)
	}
	if len(files) != len(read) {
		c.t.Errorf("%d files in the cache, %d of them whole", len(files), len(read))
	}
	return read
}

func holds(entries map[string]session.Entry, id string) bool {
	for _, e := range entries {
		if e.Credentials.AccessKeyID() == id {
			return true
		}
	}
	return false
}

// completeStatements: one line for bash, with its last variable.
func completeStatements(s string) bool {
	return strings.HasPrefix(s, "unset ") && strings.HasSuffix(s, "';\n") && strings.Count(s, "\n") == 1 &&
		strings.Contains(s, " AWSMFA_OWNED='")
}

func behind(s, mark string) string {
	_, rest, _ := strings.Cut(s, mark)
	return rest
}

// worksAgain: what a killed run left behind hinders nobody, and goes.
func (c *crowd) worksAgain(got map[string]session.Entry) {
	c.t.Helper()
	files := c.tree()
	for _, name := range files {
		if !strings.HasSuffix(name, ".lock") {
			continue
		}
		lock, free, err := privatefile.TryLock(name)
		if err != nil || !free {
			c.t.Errorf("%s is not free: %v", name, err)
			continue
		}
		lock.Unlock()
	}
	line := "env dev -t CODE"
	for _, e := range got {
		if e.Kind == session.StepSession {
			line = "env dev --no-input"
		}
	}
	if o := c.must(line); !completeStatements(o.stdout) {
		c.t.Errorf("the next run printed %q", o.stdout)
	}
	c.must("env admin --refresh")
	c.must("env dev --refresh -t CODE")
	c.must("env admin --refresh")
	for _, name := range c.tree() {
		if strings.HasPrefix(filepath.Base(name), ".tmp-") {
			c.t.Errorf("%s is left over", name)
		}
	}
	if twice := c.server.CodesSeenTwice(); len(twice) > 0 {
		c.t.Errorf("codes were sent twice: %+v", twice)
	}
}

// tree lists the files below HOME.
func (c *crowd) tree() []string {
	c.t.Helper()
	var files []string
	err := filepath.WalkDir(c.home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return files
}
