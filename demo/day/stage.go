package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"filippo.io/age"

	"awsmfa/stsclient/ststest"
)

// stage is what the day is played on: a stand-in for AWS, and a throwaway
// directory with a home and the program.
type stage struct {
	dir, home, bin string
	server         *ststest.Server
	user           *ststest.User
	secrets        []string
}

// behind is how far the clock of the stand-in is back: the time left that a
// prompt shows is the same, however long the shell took to get there.
const behind = 2 * time.Second

// newStage sets everything up. What it returns is to be cleared on errors too.
func newStage(ctx context.Context, root string) (*stage, error) {
	s := &stage{server: ststest.New()}
	for _, part := range []func() error{
		s.makeDirs, s.startServer, s.writeFiles,
		func() error { return s.build(ctx, root) },
		func() error { return s.prepare(ctx) },
	} {
		if err := part(); err != nil {
			return s, err
		}
	}
	return s, nil
}

// clear removes the directory and stops the stand-in.
func (s *stage) clear() error {
	s.server.Close()
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

func (s *stage) makeDirs() error {
	dir, err := os.MkdirTemp("", "awsmfa-day-")
	if err != nil {
		return err
	}
	s.dir = dir // first of all, so that clear finds it
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		s.dir = real
	}
	s.home, s.bin = filepath.Join(s.dir, "home"), filepath.Join(s.dir, "bin")
	return errors.Join(os.Mkdir(s.home, 0o700), os.Mkdir(s.bin, 0o700))
}

func (s *stage) startServer() error {
	if err := s.server.Start(); err != nil {
		return err
	}
	s.server.Clock().Advance(-behind)
	s.user = s.server.NewUser("alice")
	return s.server.AddRole(ststest.Role{ARN: s.role(), RequireMFA: true})
}

func (s *stage) role() string { return "arn:aws:iam::" + s.user.Account + ":role/Deploy" }

func (s *stage) build(ctx context.Context, root string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w",
		"-tags", "urfave_cli_no_docs", "-o", filepath.Join(s.bin, "awsmfa"), ".")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOOS=", "GOARCH=", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building awsmfa: %w\n%s", err, text)
	}
	return nil
}

const config = `[profile dev]
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

// bashrc ends with what a user adds; the day begins with a look at it.
const bashrc = `PS1='\w $(s=$(awsmfa_prompt); echo "${s:+$s }")$ \[` + mark + `\]'
eval "$(direnv hook bash)"
eval "$(awsmfa init bash)"
`

func (s *stage) writeFiles() error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	u := s.user
	return errors.Join(
		s.put(".aws/config", fmt.Sprintf(config, u.MFASerial, s.role())),
		s.put(".aws/credentials", fmt.Sprintf(credentials, u.AccessKeyID, u.SecretAccessKey)),
		s.put(".config/age/identity", identity.String()+"\n"),
		s.put(".inputrc", "set enable-bracketed-paste off\n"),
		s.put(".bashrc", bashrc),
		s.put("shop/.envrc", "use awsmfa deploy\n"),
	)
}

// put writes a file below HOME.
func (s *stage) put(name, text string) error {
	path := filepath.Join(s.home, name)
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
}

// prepare does what was done on another day: the device's seed is stored, and
// direnv knows awsmfa.
func (s *stage) prepare(ctx context.Context) error {
	if _, err := s.awsmfa(ctx, s.user.Seed+"\n", "totp", "add", "dev", "--stdin", "--yes"); err != nil {
		return err
	}
	library, err := s.awsmfa(ctx, "", "init", "direnv")
	if err != nil {
		return err
	}
	return s.put(".config/direnv/lib/awsmfa.sh", library)
}

func (s *stage) awsmfa(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "awsmfa"), args...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.home, s.environ(), strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("awsmfa %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.String(), nil
}

// environ is the environment of everything on the stage. Of the caller's there
// is PATH alone.
func (s *stage) environ() []string {
	return []string{
		"HOME=" + s.home, "TERM=xterm", "LC_ALL=C.UTF-8", "SHELL=/bin/bash",
		"PATH=" + s.bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		"AWS_ENDPOINT_URL_STS=" + s.server.URL(), "AWS_ENDPOINT_URL_IAM=" + s.server.URL(), "AWS_EC2_METADATA_DISABLED=true",
		"AWSMFA_SEED_STORE=file", "AWSMFA_AGE_IDENTITY=" + filepath.Join(s.home, ".config/age/identity"),
	}
}

// renewed waits for the background job of the prompt hook to leave its outcome.
func (s *stage) renewed(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("no renewal in time"))
	defer cancel()
	for {
		outcomes, _ := filepath.Glob(filepath.Join(s.home, ".local/state/awsmfa/hooks/*"))
		for _, path := range outcomes {
			if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sessions are the files of the program's cache, by their paths.
func (s *stage) sessions() (map[string]string, error) {
	paths, err := filepath.Glob(filepath.Join(s.home, ".cache/awsmfa/sessions/*"))
	files := map[string]string{}
	for _, path := range paths {
		text, rerr := os.ReadFile(path)
		files[path], err = string(text), errors.Join(err, rerr)
	}
	return files, err
}

var secretLine = regexp.MustCompile(`(?m)^(?:secret_access_key|session_token)=(.+)$`)

// note keeps in mind what must not be in the recording: the key, the seed, and
// what the sessions of this moment hold.
func (s *stage) note() error {
	s.secrets = append(s.secrets, s.user.SecretAccessKey, s.user.Seed)
	files, err := s.sessions()
	found := 0
	for _, text := range files {
		for _, secret := range secretLine.FindAllStringSubmatch(text, -1) {
			s.secrets = append(s.secrets, secret[1])
			found++
		}
	}
	if err == nil && found < 4 { // two of the session, two of the role
		err = fmt.Errorf("%d secrets were found in the sessions: the recording cannot be checked", found)
	}
	return err
}

// forgetRole has the cache forget the role's session.
func (s *stage) forgetRole() error {
	files, err := s.sessions()
	for path, text := range files {
		if strings.Contains(text, "\nrole_arn="+s.role()+"\n") {
			return errors.Join(err, os.Remove(path))
		}
	}
	return errors.Join(err, errors.New("the role's session is not in the cache"))
}

// inspect holds the recording to its promises: no secret, nothing of this
// machine.
func (s *stage) inspect(c *cast) error {
	if err := s.note(); err != nil {
		return err
	}
	shown := c.text()
	for _, secret := range s.secrets {
		if strings.Contains(shown, secret) {
			return errors.New("the recording holds a secret")
		}
	}
	host, _ := os.Hostname()
	for _, place := range []string{s.dir, s.server.URL(), host} {
		if place != "" && place != "localhost" && strings.Contains(shown, place) {
			return fmt.Errorf("the recording tells of this machine: %s", place)
		}
	}
	return nil
}
