package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"awsmfa/stsclient/ststest"
)

// stage is what the demo plays on: a stand-in for AWS, and a throwaway
// directory with a home and the program.
type stage struct {
	dir, home, bin string
	server         *ststest.Server
	user           *ststest.User
	role           string // its ARN
	files          string // fingerprint of the AWS files
}

// roleName is the role that the profile "deploy" assumes.
const roleName = "Deploy"

// newStage sets everything up. What it returns is to be cleared on errors too.
func newStage(ctx context.Context, out io.Writer) (*stage, error) {
	s := &stage{}
	if err := s.makeDirs(); err != nil {
		return s, err
	}
	if err := s.startServer(); err != nil {
		return s, fmt.Errorf("starting the stand-in for AWS: %w", err)
	}
	say(out, "# No AWS account is needed or touched: a stand-in for AWS answers at %s.", s.server.URL())
	say(out, "# Everything else is in %s, until the end. Building awsmfa ...", s.dir)
	if err := s.build(ctx); err != nil {
		return s, err
	}
	if err := s.writeFiles(); err != nil {
		return s, err
	}
	s.files = s.fingerprint()
	return s, nil
}

func (s *stage) makeDirs() error {
	dir, err := os.MkdirTemp("", "awsmfa-demo-")
	if err != nil {
		return err
	}
	s.dir = dir // first of all, so that clear finds it
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		s.dir = real
	}
	s.home, s.bin = filepath.Join(s.dir, "home"), filepath.Join(s.dir, "bin")
	return errors.Join(os.MkdirAll(filepath.Join(s.home, ".aws"), 0o700), os.Mkdir(s.bin, 0o700), os.Mkdir(s.goTemp(), 0o700))
}

// goTemp is where go builds, so that an interrupted build is cleared away as well.
func (s *stage) goTemp() string { return filepath.Join(s.dir, "go") }

func (s *stage) startServer() error {
	s.server = ststest.New()
	if err := s.server.Start(); err != nil {
		return err
	}
	s.user = s.server.NewUser("alice")
	s.role = "arn:aws:iam::" + s.user.Account + ":role/" + roleName
	return s.server.AddRole(ststest.Role{ARN: s.role, RequireMFA: true, MaxDuration: time.Hour})
}

// clear removes the directory and stops the stand-in.
func (s *stage) clear() error {
	if s.server != nil {
		s.server.Close()
	}
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

func (s *stage) build(ctx context.Context) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w",
		"-tags", "urfave_cli_no_docs", "-o", filepath.Join(s.bin, "awsmfa"+exeSuffix()), ".")
	cmd.Dir = root
	// What is built is run here, whatever the caller builds for else.
	cmd.Env = append(without(os.Environ(), "GOOS", "GOARCH"), "CGO_ENABLED=0", "GOTMPDIR="+s.goTemp())
	cmd.Cancel = func() error { return hangUp(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building awsmfa: %w\n%s", cause(ctx, err), text)
	}
	return nil
}

// cause prefers what ended the context to its consequences.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// moduleRoot is where this file was compiled, as long as it is there; a
// trimmed build does not know and asks go, inside the module.
func moduleRoot(ctx context.Context) (string, error) {
	if _, file, _, ok := runtime.Caller(0); ok {
		root := filepath.Dir(filepath.Dir(file))
		if text, err := os.ReadFile(filepath.Join(root, "go.mod")); err == nil && strings.HasPrefix(string(text), "module awsmfa\n") {
			return root, nil
		}
	}
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "awsmfa").Output()
	if err != nil {
		return "", fmt.Errorf("finding the checkout of awsmfa (run this inside it): %w", cause(ctx, err))
	}
	return strings.TrimSpace(string(out)), nil
}

const config = `# A key profile with its MFA device, and a role on top of it.
[profile dev]
region = eu-west-1
mfa_serial = %s

[profile deploy]
role_arn = %s
source_profile = dev
`

const credentials = `[dev]
aws_access_key_id = %s
aws_secret_access_key = %s
`

func (s *stage) writeFiles() error {
	aws := filepath.Join(s.home, ".aws")
	u := s.user
	return errors.Join(
		os.WriteFile(filepath.Join(aws, "config"), fmt.Appendf(nil, config, u.MFASerial, s.role), 0o600),
		os.WriteFile(filepath.Join(aws, "credentials"), fmt.Appendf(nil, credentials, u.AccessKeyID, u.SecretAccessKey), 0o600),
	)
}

// fingerprint tells whether the AWS files are still what they were.
func (s *stage) fingerprint() string {
	var all strings.Builder
	for _, name := range []string{"config", "credentials"} {
		path := filepath.Join(s.home, ".aws", name)
		text, err := os.ReadFile(path)
		info, err2 := os.Stat(path)
		if err := errors.Join(err, err2); err != nil {
			return err.Error()
		}
		fmt.Fprintf(&all, "%x %s %s\n", sha256.Sum256(text), info.ModTime(), info.Mode())
	}
	return all.String()
}

// settings are the variables that lead awsmfa and the AWS tools to the stage.
func (s *stage) settings() []string {
	env := []string{
		"HOME=" + s.home, "USERPROFILE=" + s.home, "LocalAppData=" + filepath.Join(s.home, "AppData"),
		"PATH=" + s.bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		"AWS_ENDPOINT_URL_STS=" + s.server.URL(), "AWS_ENDPOINT_URL_IAM=" + s.server.URL(), "AWS_EC2_METADATA_DISABLED=true",
	}
	return env
}

// bare is the environment of the tour's shell: of the caller's, only what no
// terminal or system can do without.
func (s *stage) bare() []string {
	env := s.settings()
	for _, name := range []string{"LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "SYSTEMROOT", "PATHEXT", "TEMP", "TMP"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, "BASH_SILENCE_DEPRECATION_WARNING=1")
}

// without is environ less the names, and less those that begin with a name
// that ends in "*".
func without(environ []string, names ...string) []string {
	var kept []string
next:
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		for _, n := range names {
			prefix, isPrefix := strings.CutSuffix(n, "*")
			if strings.EqualFold(name, n) || isPrefix && strings.HasPrefix(strings.ToUpper(name), prefix) {
				continue next
			}
		}
		kept = append(kept, kv)
	}
	return kept
}
