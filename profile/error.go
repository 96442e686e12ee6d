package profile

import (
	"strings"

	"awsmfa/internal/text"
)

// Kind says what is wrong; hints and exit codes hang on it.
type Kind int

// The kinds of failure.
const (
	NotFound           Kind = iota // no such profile; Suggestions holds near names
	NoFiles                        // neither AWS file exists
	BadFile                        // directory, FIFO, device, unreadable, too big, UTF-16, NUL
	BadName                        // the name is empty or holds control characters
	SectionNeedsPrefix             // only as [dev] in the config file, which needs [profile dev]
	NoKeys                         // nothing that could give credentials
	PartialKeys                    // one half of an access key
	BadKeys                        // an access key with characters that AWS never issues
	Loop                           // source_profile leads back
	TooDeep                        // more source_profile hops than MaxDepth
	SourceMissing                  // source_profile, sso_session names nothing
	RoleWithoutSource              // role_arn without source_profile or credential_source
	SourceConflict                 // both source_profile and credential_source
	BadRole
	BadDuration
	BadSessionName
	BadExternalID
	BadTags
	BadPolicy
	BadSourceIdentity
	BadEndpoint
	BadRegion
	SerialFIDO         // a FIDO key or passkey: STS takes no code for it
	SerialMalformed    // no MFA device ARN and no hardware serial
	SerialOtherAccount // the device belongs to another account than the key
	UntrustedFile      // the file that names a command is writable by others
	BadValue           // control characters, or not one of the words allowed
	NotEditable        // the config file cannot be edited safely; it is as it was
	FileChanged        // the config file changed while its edit was prepared
	FileBusy           // another process is editing the config file
)

// Error is every failure of this room. It never holds a secret.
type Error struct {
	Kind        Kind
	Profile     string
	Key         string // the key at fault, "" for none
	Origin      Origin
	Detail      string // what is wrong, without the place
	Suggestions []string
	Err         error
}

// Error is one line: what is wrong, where, why.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Detail)
	if !e.Origin.IsZero() && !strings.Contains(e.Detail, e.Origin.String()) {
		b.WriteString(" (" + e.Origin.String() + ")")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// quote shows foreign text: what a terminal would obey is replaced.
func quote(s string) string { return `"` + text.Clean(s, 80) + `"` }

// quoteBare is for names in a place where quotes would be noise.
func quoteBare(s string) string { return text.Clean(s, 80) }
