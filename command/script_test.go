package command

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"awsmfa/complete"
	"awsmfa/internal/term"
	"awsmfa/stsclient/ststest"
	"awsmfa/warm"
)

// TestMain lets the test binary stand in for awsmfa: a script that runs
// "awsmfa" gets this binary, with the same code as the real main and one
// thing more, a clock that a file moves.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"awsmfa": func() { os.Exit(testMain()) }})
}

// tests are all tests of the package, and what is cleared away behind them.
type tests struct{ *testing.M }

// builtIn is the directory of a program that a test built for all, or "".
var builtIn string

// Run implements testscript.TestingM.
func (m tests) Run() int {
	code := m.M.Run()
	if builtIn != "" {
		os.RemoveAll(builtIn)
	}
	return code
}

func testMain() int {
	if os.Getenv("AWSMFA_TEST_ALONE") != "" {
		standAlone()
	}
	if len(os.Args) > 1 && os.Args[1] == complete.Verb {
		os.Stdout.WriteString(complete.Answer(os.Args[2:], os.Getenv))
		return 0
	}
	if os.Getenv("AWSMFA_TEST_FULL") == "" && testWarm() {
		return 0
	}
	ignored := IgnoredSignals()
	ctx := UntilSignal(context.Background())
	return Run(ctx, World{
		Args: os.Args[1:], Environ: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Now: testOnlyClock(os.Getenv("AWSMFA_TEST_CLOCK")), ParentPID: testParent(), PID: os.Getpid(), Ignored: ignored,
		Budget: testOnlyBudget(os.Getenv("AWSMFA_TEST_BUDGET")),
		Sleep:  testOnlySleep(os.Getenv("AWSMFA_TEST_CLOCK"), os.Getenv("AWSMFA_TEST_SLEEP")),
	})
}

// testWarm answers as package early does in a release, with the clock of the
// tests, and leaves a mark when it did.
func testWarm() bool {
	var environ []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWSMFA_TEST_") {
			environ = append(environ, kv)
		}
	}
	answered, err := warm.Answer(warm.Process{
		Args: os.Args[1:], Getenv: os.Getenv, Environ: environ, Stdout: os.Stdout,
		ToTerminal: term.IsTerminal(os.Stdout), Now: testOnlyClock(os.Getenv("AWSMFA_TEST_CLOCK")), Parent: testParent(),
	})
	if mark := os.Getenv("AWSMFA_TEST_MARK"); answered && mark != "" {
		if err := os.WriteFile(mark, []byte("warm"), 0o600); err != nil {
			panic(err)
		}
	}
	return answered && err == nil
}

// testParent is no process, so that AWSMFA_SHELL decides and not the shell that
// runs the tests; a script about detection sets AWSMFA_TEST_PARENT=real.
func testParent() int {
	if os.Getenv("AWSMFA_SHELL") != "" && os.Getenv("AWSMFA_TEST_PARENT") == "" {
		return 0
	}
	return os.Getppid()
}

// testOnlyBudget is a shorter patience, for tests that would use all of it up.
func testOnlyBudget(text string) time.Duration {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

// testOnlySleep moves the clocks instead of waiting: the stand-in's, at its
// admin address, and the one of all processes that share the file.
func testOnlySleep(file, admin string) func(context.Context, time.Duration) error {
	if admin == "" {
		return nil
	}
	return func(ctx context.Context, d time.Duration) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// The stand-in's certificate is of nobody known.
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
		res, err := client.Post(admin+"advance?by="+d.String(), "", nil)
		if err != nil {
			return err
		}
		res.Body.Close()
		return moveClock(file, readClock(file)+d)
	}
}

func readClock(file string) time.Duration {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	by, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		panic(err)
	}
	return by
}

// moveClock replaces the file, which others read at any time.
func moveClock(file string, by time.Duration) error {
	next := file + "." + strconv.Itoa(os.Getpid())
	if err := os.WriteFile(next, []byte(by.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}

// testOnlyClock is off the real clock by the duration that stands in a file,
// and follows it where the file is moved, or panics at first.
func testOnlyClock(file string) func() time.Time {
	if file == "" {
		return time.Now
	}
	if text, err := os.ReadFile(file); err == nil && string(text) == "panic" {
		asked := false
		return func() time.Time {
			if !asked {
				asked = true
				panic("a secret")
			}
			return time.Now()
		}
	}
	return func() time.Time { return time.Now().Add(readClock(file)) }
}

// TestScripts runs testdata/script/*.txtar. Each script has a server of its
// own, with the user "alice" (KEY_ID, SECRET, SERIAL, ACCOUNT) and the roles
// Admin and Deploy, which ask for MFA, and a HOME with the script's config and
// credentials files, in which $NAMES are replaced. See script_cmds_test.go for
// the commands.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", Setup: setupScript, Cmds: scriptCommands(),
		Condition:           scriptCondition,
		RequireExplicitExec: true, RequireUniqueNames: true,
	})
}

// stage is what a script plays on.
type stage struct {
	server *ststest.Server
	user   *ststest.User
	dir    string
	files  map[string]string // the AWS files as they were written: path to fingerprint
}

type stageKey struct{}

func setupScript(env *testscript.Env) error {
	s := &stage{server: ststest.New(), dir: env.WorkDir, files: map[string]string{}}
	if err := s.server.Start(); err != nil {
		return err
	}
	env.Defer(func() { s.server.Close() })
	s.user = s.server.NewUser("alice")
	for _, name := range []string{"Admin", "Deploy"} {
		role := ststest.Role{ARN: "arn:aws:iam::" + s.user.Account + ":role/" + name, RequireMFA: true, MaxDuration: 12 * time.Hour}
		if err := s.server.AddRole(role); err != nil {
			return err
		}
	}
	env.Values[stageKey{}] = s
	s.variables(env)
	if err := s.writeFiles(env.Getenv); err != nil {
		return err
	}
	env.Defer(func() {
		if changed := s.changedFiles(); changed != "" {
			env.T().Fatal("the run touched " + changed)
		}
	})
	return nil
}

func (s *stage) variables(env *testscript.Env) {
	for name, value := range map[string]string{
		"HOME": filepath.Join(s.dir, "home"), "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "XDG_STATE_HOME": "", "TMPDIR": filepath.Join(s.dir, ".tmp"),
		"AWS_ENDPOINT_URL_STS": s.server.URL(), "AWS_ENDPOINT_URL_IAM": s.server.URL(), "AWS_EC2_METADATA_DISABLED": "true",
		"KEY_ID": s.user.AccessKeyID, "SECRET": s.user.SecretAccessKey, "SERIAL": s.user.MFASerial, "SEED": s.user.Seed, "ACCOUNT": s.user.Account,
		"AWSMFA_TEST_CLOCK": s.clockFile(), "AWSMFA_TEST_SLEEP": s.server.AdminURL(), "AWSMFA_TEST_ALONE": "1", "SHELL": "", "AWSMFA_SHELL": "bash", "NO_PROXY": "127.0.0.1", "GORACE": "atexit_sleep_ms=0",
		"CACHE": filepath.Join(s.dir, "home", ".cache", "awsmfa"), "STATE": filepath.Join(s.dir, "home", ".local", "state", "awsmfa"),
	} {
		env.Setenv(name, value)
	}
}

// writeFiles puts the script's config and credentials files, with variables
// replaced, into HOME/.aws.
func (s *stage) writeFiles(getenv func(string) string) error {
	aws := filepath.Join(s.dir, "home", ".aws")
	if err := os.MkdirAll(aws, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"config", "credentials"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		path := filepath.Join(aws, name)
		if err := os.WriteFile(path, []byte(os.Expand(string(text), getenv)), 0o600); err != nil {
			return err
		}
		// An old date, so that a file written again is seen by its time as well.
		old := time.Now().Add(-time.Hour).Truncate(time.Second)
		if err := os.Chtimes(path, old, old); err != nil {
			return err
		}
		s.files[path] = fingerprint(path)
	}
	return nil
}

func fingerprint(path string) string {
	text, err := os.ReadFile(path)
	info, serr := os.Stat(path)
	if err != nil || serr != nil {
		return fmt.Sprint(err, serr)
	}
	return fmt.Sprintf("%x %s %s", sha256.Sum256(text), info.ModTime(), info.Mode())
}

func (s *stage) changedFiles() string {
	for path, was := range s.files {
		if fingerprint(path) != was {
			return path
		}
	}
	return ""
}

func scriptCondition(cond string) (bool, error) {
	if cond == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}
