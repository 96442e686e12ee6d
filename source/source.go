// Package source gets credentials that another program gives: Process runs a
// profile's credential_process, ThroughCLI lets the AWS CLI fetch what only it
// can (SSO, console logins, web identities, instance roles).
//
// What those programs print is secret, so no error here holds any of it, not
// even the character that a JSON decoder stumbled over.
package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"awsmfa/credentials"
	"awsmfa/internal/safeexec"
)

// Errors of Process and ThroughCLI. Besides them there are those of
// safeexec.Split, Find and Run, and those of credentials.New.
var (
	// ErrRecursive says that running the program would lead back to the
	// profile that asked for it.
	ErrRecursive = errors.New("it runs awsmfa for the same profile again")
	// ErrNoCLI says that there is no AWS CLI in PATH.
	ErrNoCLI = errors.New("the AWS CLI is not installed")
	// ErrCLITooOld says that the AWS CLI has no "configure export-credentials".
	ErrCLITooOld = errors.New("this AWS CLI cannot export credentials: version 2 is needed, 2.9 or later")
	// ErrNoProfile says that ThroughCLI was called without a profile.
	ErrNoProfile = errors.New("no profile given")
)

// Options say what to run, and how.
type Options struct {
	// Profile is the name of the profile that holds the line, to notice when
	// the program leads back to it. ThroughCLI has it as an argument.
	Profile string
	Line    string // the credential_process line
	Path    string // the value of PATH, to find the program in
	// Env is the program's environment. A token code and, for the AWS CLI, the
	// credentials that the shell holds are removed from it.
	Env []string
	// KeepKeys leaves the shell's credentials to the AWS CLI, for a profile
	// with credential_source = Environment.
	KeepKeys bool
	// Stdin is the terminal if the program may ask there, else nil.
	Stdin *os.File
	// Stderr is captured for the error when nil. ThroughCLI always does so.
	Stderr  *os.File
	Timeout time.Duration    // safeexec.DefaultTimeout when 0
	Now     func() time.Time // time.Now when nil
}

// Process runs the credential_process line in o and returns the credentials
// that it prints (AWS SDKs and Tools Reference Guide, "Process credential
// provider").
func Process(ctx context.Context, o Options) (credentials.Credentials, error) {
	c, err := process(ctx, o)
	if err != nil {
		return credentials.Credentials{}, fmt.Errorf("credential_process of profile %q: %w", o.Profile, err)
	}
	return c, nil
}

func process(ctx context.Context, o Options) (credentials.Credentials, error) {
	if Recursive(o.Line, o.Profile) {
		return credentials.Credentials{}, ErrRecursive
	}
	argv, err := safeexec.Split(o.Line)
	if err != nil {
		return credentials.Credentials{}, err
	}
	if argv[0], err = safeexec.Find(argv[0], o.Path); err != nil {
		return credentials.Credentials{}, err
	}
	return o.run(ctx, argv, []string{tokenCode})
}

// shellKeys are the variables that would make the AWS CLI answer with what the
// shell holds, or for another profile.
var shellKeys = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
	"AWS_CREDENTIAL_EXPIRATION",
}

// ThroughCLI has the AWS CLI fetch the credentials of a profile that holds no
// keys itself.
func ThroughCLI(ctx context.Context, profileName string, o Options) (credentials.Credentials, error) {
	o.Profile = profileName
	c, err := throughCLI(ctx, o)
	if err != nil {
		return credentials.Credentials{}, fmt.Errorf("getting the credentials of profile %q through the AWS CLI: %w", profileName, err)
	}
	return c, nil
}

func throughCLI(ctx context.Context, o Options) (credentials.Credentials, error) {
	if o.Profile == "" {
		return credentials.Credentials{}, ErrNoProfile
	}
	aws, err := safeexec.Find("aws", o.Path)
	if errors.Is(err, safeexec.ErrNotFound) {
		return credentials.Credentials{}, ErrNoCLI
	}
	if err != nil {
		return credentials.Credentials{}, err
	}
	// One word, so that a profile called "--debug" stays a profile.
	argv := []string{aws, "configure", "export-credentials", "--profile=" + o.Profile, "--format", "process"}
	unset := []string{tokenCode, "AWS_PROFILE", "AWS_DEFAULT_PROFILE"}
	if !o.KeepKeys {
		unset = append(unset, shellKeys...)
	}
	// A user's "cli_auto_prompt = on" would have it ask for the command's options.
	o.Env = setEnv(o.Env, "AWS_CLI_AUTO_PROMPT", "off")
	o.Stderr = nil
	c, err := o.run(ctx, argv, unset)
	if tooOld(err) {
		err = ErrCLITooOld
	}
	return c, err
}

// tooOld recognises a complaint about the command's words: exit code 2 is that
// of version 1, 252 that of version 2 (AWS CLI user guide, "Return codes").
func tooOld(err error) bool {
	var exit *safeexec.ExitError
	if !errors.As(err, &exit) || exit.Code != 2 && exit.Code != 252 {
		return false
	}
	for _, complaint := range []string{"Invalid choice", "argument", "Unknown options"} {
		if strings.Contains(exit.Stderr, complaint) {
			return true
		}
	}
	return false
}

func (o Options) run(ctx context.Context, argv, unset []string) (credentials.Credentials, error) {
	chain, err := enter(o.Env, o.Profile)
	if err != nil {
		return credentials.Credentials{}, err
	}
	out, err := safeexec.Run(ctx, safeexec.Command{
		Argv:      argv,
		Env:       setEnv(unsetEnv(o.Env, unset), chainVariable, chain),
		Stdin:     o.Stdin,
		Stderr:    o.Stderr,
		Timeout:   o.Timeout,
		MaxOutput: maxAnswer,
	})
	if err != nil {
		return credentials.Credentials{}, err
	}
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	return parse(out, now())
}

// Recursive reports whether a credential_process line plainly runs awsmfa for
// the profile self, which would call itself for ever. What is hidden in a
// script is noticed when it runs, by AWSMFA_PROFILE_CHAIN.
func Recursive(line, self string) bool {
	argv, err := safeexec.Split(line)
	if err != nil {
		return false
	}
	program := strings.ToLower(filepath.Base(argv[0]))
	if program != "awsmfa" && program != "awsmfa.exe" {
		return false
	}
	verb, named := false, false
	for _, word := range argv[1:] {
		switch {
		case !verb && isVerb(word):
			verb = true
		case word == self, strings.HasPrefix(word, "-") && strings.HasSuffix(word, "="+self):
			named = true
		}
	}
	return verb && named
}

// isVerb lists the verbs that need a profile's credentials.
func isVerb(word string) bool {
	switch word {
	case "process", "credential-process", "env", "exec":
		return true
	}
	return false
}
