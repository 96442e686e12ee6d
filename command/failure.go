package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"awsmfa/internal/safeexec"
	"awsmfa/internal/term"
	"awsmfa/mfa"
	"awsmfa/profile"
	"awsmfa/seed"
	"awsmfa/session"
	"awsmfa/shell"
	"awsmfa/source"
	"awsmfa/stsclient"
)

// Exit codes. They are documented in the manual and do not change.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitProfile     = 3
	exitInput       = 4
	exitCode        = 5 // an MFA code was refused, by AWS or as one that was used
	exitDenied      = 6
	exitNetwork     = 7
	exitStore       = 8
	exitNotProgram  = 126
	exitNoProgram   = 127
	exitSignal      = 128 // plus the signal's number
	exitInterrupted = 130
)

// SignalError is the cause of a context that a signal ended.
type SignalError struct{ Signal os.Signal }

func (e SignalError) Error() string { return "ended by signal: " + e.Signal.String() }

// exitStatus is the end of exec's command, which is ours too.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// unmet is the answer no of a question that status was asked: exit 1.
type unmet struct{ text string }

func (e *unmet) Error() string { return e.text }

// report is a failure as it is told.
type report struct {
	exit    int
	message string
	hints   []string
}

func (p report) hint(format string, args ...any) report {
	p.hints = append(p.hints, fmt.Sprintf(format, args...))
	return p
}

// finish tells a failure and returns the exit code: the one place where every
// run ends.
func (r *run) finish(ctx context.Context, a arrangement, err error) int {
	var status exitStatus
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	}
	rep := r.report(ctx, a, err)
	r.quiet = r.quiet || a.quiet(r)
	if a.verb != nil && a.verb.name == "process" {
		r.tellOnOneLine(rep)
		return rep.exit
	}
	r.say("error", "%s", rep.message)
	for _, h := range rep.hints {
		r.hint("%s", h)
	}
	if a.verb == nil && a.group == "" || a.verb != nil && a.verb.failsInShell {
		r.failInShell(a)
	}
	return rep.exit
}

// quiet reads the flag by itself: a command line with an error never got as
// far as options.
func (a arrangement) quiet(r *run) bool {
	text, given := a.flag("quiet")
	if !given {
		text = r.getenv(variableOf("quiet"))
	}
	yes, _ := truth(text)
	return yes
}

// tellOnOneLine is for SDKs, which show the last line or hang on a full pipe.
func (r *run) tellOnOneLine(rep report) {
	line := rep.message
	for _, h := range rep.hints {
		if !r.quiet {
			line += "; hint: " + h
		}
	}
	r.say("error", "%s", line)
}

// report turns an error into words for the user and an exit code.
func (r *run) report(ctx context.Context, a arrangement, err error) report {
	var sig SignalError
	if errors.As(context.Cause(ctx), &sig) {
		return report{exit: exitSignal + signalNumber(sig.Signal), message: "ended by signal: " + sig.Signal.String()}
	}
	rep := r.explainFailure(a, err)
	if a.glued != "" && a.verb != nil && a.verb.takesProfile && len(a.args) == 0 && (rep.exit == exitUsage || rep.exit == exitProfile) {
		rep = rep.hint("for a profile named %s: awsmfa %s -- %s", quoteName(a.glued), a.verb.name, quoteArg(shown(a.glued)))
	}
	return rep
}

// explainFailure is the table from errors to words and exit codes.
func (r *run) explainFailure(a arrangement, err error) report {
	rep := report{exit: exitFailure, message: shownUpTo(err.Error(), 1200)}
	var (
		usage    *usageError
		prof     *profile.Error
		shared   *session.SharedError
		duration *session.DurationError
		input    *inputNeeded
		aws      *stsclient.Error
		refused  *refusedError
		device   *deviceError
		src      *sourceError
		keys     *shellKeysError
		ours     *bug
		store    *seed.StoreError
		taken    *takenError
		login    *loginError
	)
	switch {
	case errors.As(err, &ours):
		return rep.hint("please report it, with the line above and what awsmfa version says")
	case errors.As(err, &usage):
		rep.exit, rep.hints = exitUsage, usage.hints
	case errors.As(err, &shared):
		rep.exit, rep.hints = shared.Exit, shared.Hints
	case errors.As(err, &prof):
		return r.explainProfile(rep, a, prof)
	case errors.As(err, &duration):
		return explainDuration(rep, duration)
	case errors.As(err, &login):
		return r.explainLogin(rep, a, login)
	case errors.As(err, &taken):
		return explainTaken(rep, taken)
	case errors.As(err, &device):
		return explainDevice(rep, device, a, a.profile(r))
	case errors.As(err, &store):
		return explainStore(rep, store, r.seedDeviceWord(a))
	case errors.As(err, &input):
		return r.explainInput(rep, a, input)
	case errors.As(err, &refused) && (refused.seed != "" || refused.tooLong()):
		return explainRefused(rep, refused)
	case refusedCode(err):
		rep.exit = exitCode
		return r.explainCode(rep, err)
	case errors.Is(err, mfa.ErrTooManyTries), errors.Is(err, mfa.ErrNoCode): // and no code among the answers
		rep.exit = exitInput
		return rep.hint("%s", typeDigits)
	case errors.Is(err, mfa.ErrCodeFormat):
		rep.exit = exitUsage
		return rep.hint("%s", typeDigits)
	case errors.As(err, &keys):
		return r.explainShellKeys(rep, keys)
	case errors.As(err, &aws):
		return r.explainAWS(rep, a, aws)
	case errors.As(err, &src):
		return r.explainSource(rep, a, src)
	}
	return r.explainSentinel(rep, a, err)
}

// refusedCode: a code was turned down, by AWS or as a repeat, and there is no
// other to try.
func refusedCode(err error) bool {
	var repeat *mfa.RepeatError
	var aws *stsclient.Error
	return errors.As(err, &repeat) || errors.Is(err, mfa.ErrNoOtherCode) ||
		errors.Is(err, mfa.ErrTooManyTries) && errors.As(err, &aws)
}

func explainDevice(rep report, e *deviceError, a arrangement, name string) report {
	rep.exit = exitProfile
	if e.err == nil && len(e.fido) > 0 {
		return rep.hint("%s", noFIDO)
	}
	return rep.hint("add mfa_serial to [profile %s], or pass --mfa-serial", name).
		hint("no device yet: awsmfa device enroll %s makes one%s", quoteArg(name), a.orWithout("; or do without"))
}

func (r *run) explainSentinel(rep report, a arrangement, err error) report {
	name := quoteArg(a.profile(r))
	var (
		processFailed *mfa.ProcessError
		value         *shell.ValueError
		program       *programError
		bundle        *caBundleError
		wrapper       *noWrapperError
	)
	switch {
	case errors.As(err, &wrapper):
		rep.exit = exitProfile
		return rep.hint("add these two lines to %s:", shown(wrapper.file)).hint("%s", wrapper.lines()[0]).hint("%s", wrapper.lines()[1])
	case errors.As(err, &program):
		rep.exit = program.exit()
		if errors.Is(err, fs.ErrPermission) {
			return rep.hint("chmod +x makes a file a program")
		}
	case errors.As(err, &value):
		rep.exit = exitUsage
		return rep.hint("rename the profile, or choose another form: --output json")
	case errors.Is(err, session.ErrNotCached):
		rep.exit = exitInput
		return rep.hint("get one with: awsmfa login %s", name)
	case errors.Is(err, session.ErrBadDuration):
		rep.exit = exitUsage
	case errors.Is(err, session.ErrPastedSession):
		rep.exit = exitProfile
		return rep.hint("name the profile with the long-term access key instead (awsmfa list shows them), or remove the pasted keys")
	case errors.Is(err, session.ErrNoDevice):
		rep.exit = exitProfile
		return rep.hint("add mfa_serial to [profile %s], or pass --mfa-serial%s", a.profile(r), a.orWithout("; to do without")).
			hint("no device yet: awsmfa device enroll %s makes one", name)
	case errors.Is(err, session.ErrWaited):
		rep.exit = exitNetwork
		return rep.hint("answer its prompt or end it, then run this again")
	case errors.As(err, &processFailed):
		return explainMFAProcess(rep, processFailed)
	case errors.As(err, &bundle):
		rep.exit = exitProfile
		return rep.hint("AWS_CA_BUNDLE and ca_bundle name a file of PEM certificates")
	case errors.Is(err, term.ErrNoChoice):
		rep.exit = exitInput
	}
	return explainSeed(rep, err, r.seedDeviceWord(a))
}

// explainSeed: what is wrong with a seed, or with the place for it.
func explainSeed(rep report, err error, device string) report {
	var unreadable *seed.ParseError
	var duplicate *seed.DuplicateError
	switch {
	case errors.As(err, &unreadable):
		rep.exit = exitUsage
		return rep.hint("%s", unreadable.Hint)
	case errors.Is(err, seed.ErrNoSeed):
		rep.exit = exitStore
		return rep.hint("store one: awsmfa totp add %s; awsmfa totp list shows what is stored", device)
	case errors.Is(err, seed.ErrExists):
		return rep.hint("awsmfa totp add %s --replace puts another in its place", device)
	case errors.As(err, &duplicate):
		return rep.hint("each device has a seed of its own: give the one of this device, or remove the other: awsmfa totp remove %s", quoteArg(shown(duplicate.Serial)))
	}
	return rep
}

// explainMFAProcess: no code was had, so none was refused.
func explainMFAProcess(rep report, e *mfa.ProcessError) report {
	rep.exit = exitInput
	switch {
	case errors.Is(e, safeexec.ErrNotFound), errors.Is(e, fs.ErrNotExist):
		return rep.hint("%s, or pass --token-code -", findProgram)
	case errors.Is(e, safeexec.ErrTimeout):
		rep.exit = exitNetwork
	}
	return rep.hint("run the mfa_process line by hand to see what it says, or pass --token-code -")
}

const findProgram = "give the program's absolute path, or put it in an absolute directory of PATH"

// explainInput: what is missing, and the command that would ask for it.
func (r *run) explainInput(rep report, a arrangement, e *inputNeeded) report {
	rep.exit = exitInput
	name := quoteArg(a.key(r))
	switch e.what {
	case "device":
		return rep.hint("name one: --mfa-serial, or mfa_serial in [profile %s]", a.profile(r))
	case "confirmation":
		return rep.hint("run it in a terminal, or pass --yes")
	case "screen":
		return rep.hint("run it in a terminal, or without --phone")
	case "seed":
		return rep.hint("run it in a terminal, or pass --stdin, --file FILE or --qr IMAGE")
	case "pair":
		return rep.hint("run it in a terminal, or pass --stdin with the two codes, one a line")
	}
	return rep.hint("run in a terminal: awsmfa login %s", name).
		hint("or pass a code: echo CODE | awsmfa %s %s --token-code -", a.verbName(), name)
}

const typeDigits = "give the six digits that the device shows; awsmfa explain tells which device"

func (r *run) explainCode(rep report, err error) report {
	var aws *stsclient.Error
	if errors.As(err, &aws) && aws.Offset.Abs() > offsetWorthTelling {
		rep = rep.hint("this machine's clock is %s AWS's: codes made on it do not fit", describeOffset(aws.Offset))
	}
	if repeat := new(mfa.RepeatError); errors.As(err, &repeat) {
		return rep.hint("AWS takes each code once: wait for the next one")
	}
	return rep.hint("a code is good once and for about a minute: try the next one, of the device shown by awsmfa explain")
}

func explainDuration(rep report, e *session.DurationError) report {
	rep.exit = exitProfile
	if e.Flag {
		rep.exit = exitUsage
	}
	if e.Chained {
		return rep.hint("ask for 1h or less, or for a role that the access key may assume directly")
	}
	return rep
}

// explainProfile: what stands in the AWS files.
func (r *run) explainProfile(rep report, a arrangement, e *profile.Error) report {
	rep.exit = exitProfile
	if strings.HasPrefix(e.Origin.Name, "--") || strings.HasPrefix(e.Origin.Name, "AWSMFA_") {
		rep.exit = exitUsage
	}
	if len(e.Suggestions) > 0 {
		quoted := make([]string, len(e.Suggestions))
		for i, s := range e.Suggestions {
			quoted[i] = `"` + shown(s) + `"`
		}
		rep = rep.hint("did you mean %s?", strings.Join(quoted, " or "))
	}
	if name, from := a.byDefault(r); e.Kind == profile.NotFound && from != "" && name == e.Profile {
		rep = rep.hint("that name comes from %s", from)
	}
	if e.Kind == profile.NoFiles && session.Home(r.getenv) == "" {
		return rep.hint("HOME is not set: set it, or AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE")
	}
	if h := profileHint(e); h != "" {
		rep.hints = append(rep.hints, h)
	}
	return rep
}

const noFIDO = "STS takes six-digit codes only: add a virtual device beside it (awsmfa device enroll, or an authenticator app), or use aws login"

func profileHint(e *profile.Error) string {
	name := shown(e.Profile)
	switch e.Kind {
	case profile.NotFound:
		if !e.Origin.IsZero() {
			return "mend that line"
		}
		return "awsmfa list shows the profiles"
	case profile.BadName:
		return "awsmfa list shows the profiles"
	case profile.BadFile:
		return badFileHint(e)
	case profile.NoFiles:
		return "write your access key there: aws configure"
	case profile.SectionNeedsPrefix:
		return fmt.Sprintf("in the config file the section must be [profile %s]", name)
	case profile.NoKeys:
		return "give it an access key, or role_arn and source_profile"
	case profile.PartialKeys, profile.BadKeys:
		return "copy the access key again, both parts: aws configure --profile " + quoteArg(name)
	case profile.Loop:
		return "one of them must hold the access key"
	case profile.TooDeep:
		return "name a profile nearer to the access key as source_profile"
	case profile.SourceMissing:
		if e.Key == "sso_session" {
			return "sso_session must name a section of the config file that begins [sso-session NAME]"
		}
		return "source_profile must name a profile of these files: awsmfa list shows them"
	case profile.RoleWithoutSource:
		return "add source_profile, naming the profile that holds the access key"
	case profile.SourceConflict:
		return "keep one of source_profile and credential_source"
	case profile.BadRole:
		return "a role looks like arn:aws:iam::123456789012:role/NAME"
	case profile.SerialFIDO:
		return noFIDO
	case profile.SerialMalformed:
		return "an MFA device looks like arn:aws:iam::123456789012:mfa/NAME, or is a hardware serial number"
	case profile.UntrustedFile:
		return "a file that names programs to run must be yours alone to write: chmod go-w FILE"
	case profile.BadEndpoint:
		return "an endpoint is https://HOST, or http on 127.0.0.1, [::1] or localhost"
	case profile.BadRegion:
		return "a region looks like eu-west-1"
	case profile.BadDuration:
		return "give seconds, or a form such as 12h or 90m, within what AWS allows"
	case profile.NotEditable:
		return "put the line there yourself; awsmfa explain " + quoteArg(name) + " then shows where it is read"
	case profile.FileChanged, profile.FileBusy:
		return "run this again"
	case profile.BadSessionName, profile.BadExternalID, profile.BadTags, profile.BadPolicy, profile.BadSourceIdentity, profile.BadValue:
		return "change that value, or leave it out"
	}
	return ""
}

// badFileHint tells a file that must be mended from one that is none.
func badFileHint(e *profile.Error) string {
	switch {
	case errors.Is(e, fs.ErrPermission):
		return "make it readable for you: chmod u+r FILE"
	case e.Err == nil:
		return "it must be a text in UTF-8: mend it in an editor"
	}
	return "AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name the files, where others are meant"
}

// explainAWS: what AWS answered, what it means, what to do. The rows are those
// of the STS and IAM references and of the texts that AWS is known to send.
func (r *run) explainAWS(rep report, a arrangement, e *stsclient.Error) report {
	name := quoteArg(a.profile(r))
	rep.exit = exitDenied
	if strings.HasPrefix(e.Operation, "iam:") {
		if known, ok := explainIAM(rep, e, quoteArg(a.key(r))); ok {
			return known
		}
	}
	switch e.Kind {
	case stsclient.InvalidCode:
		rep.exit = exitCode
		return r.explainCode(rep, e)
	case stsclient.CodeMissing, stsclient.BadSerial:
		return rep.hint("the serial number may be wrong, of another account, or of a FIDO key: awsmfa explain %s shows where it stands", name)
	case stsclient.NotAuthorized:
		if e.Operation == "sts:GetSessionToken" {
			return rep.hint("a policy of the user, or of the organization, denies it: ask its administrator")
		}
		return rep.hint("check the role's trust policy (principal, MFA condition, external id) and your permission for the call: awsmfa explain %s", name)
	case stsclient.SessionCredentials:
		return rep.hint("use the profile with the long-term access key")
	case stsclient.InvalidKey:
		return rep.hint("the access key is deleted, inactive, or of another partition: awsmfa explain %s shows where it stands", name)
	case stsclient.BadSignature:
		return rep.hint("the secret access key does not belong to the access key id: copy both again")
	case stsclient.ClockSkew:
		rep.exit = exitNetwork
		if e.Offset.Abs() <= offsetWorthTelling {
			return rep.hint("this machine's clock was off and has been set since; that is known now: run this again")
		}
		return rep.hint("this machine's clock is %s AWS's; that is known now: run this again, and set the clock", describeOffset(e.Offset))
	case stsclient.Expired:
		return rep.hint("get a new session: awsmfa login %s --refresh", name)
	case stsclient.RegionDisabled:
		return rep.hint("STS is not activated there: choose another region with --region, or activate it in the account settings of IAM")
	case stsclient.BadRequest, stsclient.PolicyTooLarge:
		return rep.hint("awsmfa explain %s shows each value with its file and line", name)
	case stsclient.BadRegion, stsclient.BadEndpoint:
		rep.exit = exitProfile
		return rep.hint("awsmfa explain %s shows where region, device and role stand, which must be of one partition", name)
	}
	return explainNetwork(rep, e, name)
}

// explainIAM: the rows of IAM's calls for devices; ok is false where a failure
// means the same as anywhere.
func explainIAM(rep report, e *stsclient.Error, name string) (out report, ok bool) {
	switch e.Kind {
	case stsclient.NotAuthorized:
		return rep.hint("a policy does not allow %s to this user, or only in a session with MFA: awsmfa login %s, then run this again, or ask the account's administrator", e.Operation, name), true
	case stsclient.InvalidKey:
		return rep.hint("the access key is deleted, inactive, of another partition, or of a session without MFA, which IAM does not take: awsmfa explain %s shows where it stands", name), true
	case stsclient.AlreadyExists:
		return rep.hint("a device of that name is there already, perhaps left over from an enrolment that was broken off: awsmfa device list %s shows it; finish or remove it, or choose another name", name), true
	case stsclient.NoSuchEntity:
		return rep.hint("awsmfa device list %s shows the devices that this user has", name), true
	case stsclient.DeleteConflict:
		return rep.hint("the device is still assigned to a user, and must be deactivated first: awsmfa device list %s shows whose it is", name), true
	case stsclient.LimitExceeded:
		return rep.hint("a user has eight devices at most: remove one that is no longer used, awsmfa device list %s shows them", name), true
	case stsclient.InvalidAuthenticationCode:
		rep.exit = exitCode
		if e.Offset.Abs() > offsetWorthTelling {
			rep = rep.hint("this machine's clock is %s AWS's: codes made on it do not fit", describeOffset(e.Offset))
		}
		return rep.hint("AWS wants two codes of this very device, the second right after the first, neither used before: wait for two new ones"), true
	case stsclient.TemporarilyUnmodifiable:
		rep.exit = exitNetwork
		return rep.hint("AWS is still working on an earlier change: try again in a few minutes"), true
	}
	if !changesDevices(e) || !e.MayBeDone() {
		return rep, false
	}
	return explainNetwork(rep, e, name).hint("it may have been done all the same: awsmfa device list %s shows what is there", name), true
}

// changesDevices: the calls of which it matters whether they were done.
func changesDevices(e *stsclient.Error) bool {
	switch strings.TrimPrefix(e.Operation, "iam:") {
	case "CreateVirtualMFADevice", "EnableMFADevice", "ResyncMFADevice", "DeactivateMFADevice", "DeleteVirtualMFADevice":
		return true
	}
	return false
}

// explainRefused: refusals of which this room knows more than AWS says.
func explainRefused(rep report, e *refusedError) report {
	if e.seed != "" {
		return explainRefusedSeed(rep, e)
	}
	return explainTooLong(rep, e)
}

// explainTooLong: AWS knows limits that we do not, but not where the number
// came from.
func explainTooLong(rep report, e *refusedError) report {
	rep.exit = exitDenied
	asked := "ask for less with --duration"
	if from := e.duration; from.IsSet() {
		asked = fmt.Sprintf("lower %s (%s)", shown(from.Text), from.Origin)
		if from.Origin.Path != "" {
			asked = fmt.Sprintf("lower duration_seconds = %s (%s)", shown(from.Text), from.Origin)
		}
	}
	if e.err.Kind == stsclient.ChainedTooLong {
		return rep.hint("role chaining is capped at 1h: %s", asked)
	}
	return rep.hint("%s, or raise the role's maximum session duration", asked)
}

func explainNetwork(rep report, e *stsclient.Error, name string) report {
	rep.exit = exitNetwork
	switch e.Kind {
	case stsclient.Unknown:
		rep.exit = exitDenied
		return rep.hint("awsmfa explain %s shows what was asked", name)
	case stsclient.NotAWS:
		return rep.hint("something between here and AWS answered: a login page of the network, a proxy, or a wrong endpoint")
	case stsclient.TLS:
		return rep.hint("behind an inspecting proxy, name its certificates in AWS_CA_BUNDLE")
	case stsclient.Proxy:
		if e.Operation == "" {
			rep.exit = exitProfile // the variable itself is wrong: nobody was called
		}
		return rep.hint("check HTTPS_PROXY and NO_PROXY")
	case stsclient.Redirect:
		return rep.hint("AWS never redirects: check the network, or the endpoint")
	case stsclient.Stale:
		return rep.hint("check the network and the load of this machine, then run this again")
	case stsclient.Timeout, stsclient.Network:
		return rep.hint("check the network, proxy (HTTPS_PROXY) and region")
	case stsclient.Throttled, stsclient.ServerFault:
		return rep.hint("try again in a moment")
	case stsclient.BadAnswer:
		return rep.hint("check the endpoint; if it is AWS's own, try again")
	}
	return rep
}

func (r *run) explainSource(rep report, a arrangement, e *sourceError) report {
	rep.exit = exitProfile
	switch {
	case errors.Is(e.err, source.ErrNoCLI):
		return rep.hint("install the AWS CLI 2.9 or later: it fetches what this profile needs (%s)", e.source.Kind)
	case errors.Is(e.err, source.ErrCLITooOld):
		return rep.hint("install version 2 of the AWS CLI, 2.9 or later, and have it first in PATH")
	case errors.Is(e.err, source.ErrRecursive):
		return rep.hint("credential_process must not name the profile it stands in: awsmfa process OTHER")
	case errors.Is(e.err, safeexec.ErrNotFound), errors.Is(e.err, fs.ErrNotExist):
		return rep.hint("%s", findProgram)
	case errors.Is(e.err, safeexec.ErrTimeout):
		rep.exit = exitNetwork
	}
	return rep.hint("run the command by hand to see what it says")
}

// profile is the one that the command line is about, as far as it can be told.
func (a arrangement) profile(r *run) string { return shown(a.wanted(r)[0]) }

// key is the profile whose access key is used, where the argument is a device.
func (a arrangement) key(r *run) string {
	if a.verb != nil && a.verb.args == deviceArgument {
		a.args = slices.DeleteFunc(slices.Clone(a.args), looksLikeSerial)
	}
	return a.profile(r)
}

// seedDeviceWord is how the device was named whose seed a run is about: what
// verbs about seeds take as their argument.
func (r *run) seedDeviceWord(a arrangement) string {
	if serial, given := a.flag("mfa-serial"); given {
		return quoteArg(shown(serial))
	}
	if a.verb != nil && !a.verb.takesProfile {
		return "PROFILE"
	}
	return quoteArg(a.profile(r))
}

// orWithout says how to do without MFA, where the verb can.
func (a arrangement) orWithout(words string) string {
	if a.verb != nil && findFlag(a.verb.flags, "no-mfa") == nil {
		return ""
	}
	return words + ": --no-mfa"
}

// wanted is every profile that the command line may be about: one, unless the
// line is wrong.
func (a arrangement) wanted(r *run) []string {
	names := slices.Clone(a.args)
	if name, given := a.flag("profile"); given {
		names = append(names, name)
	}
	if len(names) > 0 {
		return names
	}
	name, _ := a.byDefault(r)
	return []string{name}
}

// byDefault is the profile where the command line names none, and the variable
// that it comes from; from is empty for "default", and where one was named.
func (a arrangement) byDefault(r *run) (name, from string) {
	if _, given := a.flag("profile"); given || len(a.args) > 0 {
		return "", ""
	}
	for _, variable := range []string{"AWS_PROFILE", "AWSMFA_PROFILE"} {
		if name := r.getenv(variable); name != "" {
			return name, variable
		}
	}
	return "default", ""
}

func (a arrangement) verbName() string {
	if a.verb == nil {
		return "env"
	}
	return a.verb.name
}

// share decides which failures concern those who wait for the same session:
// what they would meet as well. Not a lack of input, nor a code that only this
// process was given.
func (s *subject) share(err error) (session.Failure, bool) {
	rep := s.explainFailure(arrangement{args: []string{s.resolved.Profile}}, err)
	f := session.Failure{Exit: rep.exit, Message: rep.message, Hints: rep.hints}
	var sig SignalError
	var aws *stsclient.Error
	switch {
	case errors.As(err, &sig):
		if sig.Signal != os.Interrupt {
			return f, false
		}
		f.Exit, f.Message, f.Hints, f.TTY = exitInterrupted, "interrupted at the other prompt", nil, term.Attached()
		return f, f.TTY != ""
	case errors.Is(err, mfa.ErrNoOtherCode):
		return f, false
	case errors.Is(err, mfa.ErrTooManyTries):
		return f, true
	case errors.As(err, &aws):
		return f, aws.Kind != stsclient.InvalidCode || s.codeOrigin == mfa.FromTerminal || s.codeOrigin == mfa.FromSeed
	}
	return f, false
}
