package stsclient

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"awsmfa/internal/text"
)

// Kind says what a failure means.
type Kind int

// The kinds of failure. What the user can do about each is the caller's to say.
const (
	Unknown            Kind = iota // AWS refused with a code that this room does not know
	InvalidCode                    // the token code is wrong or was used before
	CodeMissing                    // serial number or code is missing
	BadSerial                      // the device cannot be checked: wrong serial, other account, FIDO
	NotAuthorized                  // trust policy, permission, external id, or MFA is needed
	SessionCredentials             // GetSessionToken was asked with temporary credentials
	InvalidKey                     // access key deleted, inactive, or of another partition
	BadSignature                   // the secret access key is wrong
	ClockSkew                      // the signature's time was refused; Offset holds the true offset
	Expired                        // the credentials that signed have expired
	RegionDisabled                 // STS is not activated in the region
	BadRequest                     // a parameter is out of its class or range
	DurationTooLong                // more than the role's maximum session duration
	ChainedTooLong                 // more than one hour for a chained role
	PolicyTooLarge                 // packed policies and tags exceed the limit
	Throttled                      // too many requests
	ServerFault                    // AWS failed (5xx)
	NotAWS                         // the answer is not AWS's: a captive portal or a gateway
	Network                        // name not found, refused, reset, or cut off
	TLS                            // certificate or protocol version refused
	Timeout                        // no answer within the budget
	BadAnswer                      // an answer that must not be believed
	Redirect                       // a redirect, which is never followed
	Proxy                          // the proxy refused or cannot be used
	Interrupted                    // the caller's context was cancelled
	BadRegion                      // New: the region is not one, or not of the partition
	BadEndpoint                    // New: the endpoint URL must not be called
	BadCABundle                    // New: the CA bundle holds no usable certificate

	// Of IAM's calls for devices.
	AlreadyExists             // a device of that name exists, or is in use
	NoSuchEntity              // no such device or user, or not that user's
	DeleteConflict            // the device is still assigned
	LimitExceeded             // the user has as many devices as allowed
	InvalidAuthenticationCode // the two codes are not those of two steps in a row, near now
	TemporarilyUnmodifiable   // a change to the same thing is under way at AWS

	Stale // the token code's time was over before it left; nothing of it was sent
)

// Error is every failure of this room. Its text is one line without secrets.
//
// A Kind of ClockSkew, BadSignature or Expired comes from a server that
// checked the signature first: a token code in that request was not consumed.
// Whether to send it again is the caller's to decide; this room never does.
type Error struct {
	Kind      Kind
	Operation string        // "sts:GetSessionToken"; "" for a failure of New
	Host      string        // whom was called
	Code      string        // AWS's error code, cleaned
	Message   string        // AWS's message, cleaned
	RequestID string        // AWS's request id, cleaned
	Status    int           // HTTP status; 0 without an answer
	Sent      bool          // bytes of the request may have left
	Offset    time.Duration // the server's clock less the local one, when known
	Err       error         // the cause, for errors.Is

	detail     string        // own words, when there is no message of AWS's
	retryAfter time.Duration // as the server asked
	unsure     bool          // an earlier sending of the same call may have been done
}

// MayBeDone tells whether AWS may have done what was asked although it failed
// here. False is certain: nothing left, or AWS itself refused. Of a call that
// only reads it says nothing.
func (e *Error) MayBeDone() bool {
	switch {
	case e.unsure:
		return true
	case !e.Sent, e.Kind == Redirect, e.Kind == Proxy:
		return false
	}
	return e.Code == "" || e.Status >= 500
}

// Longest texts of a server that are kept, in runes.
const (
	maxMessage = 300
	maxWord    = 128
)

// Error returns one line, the cause last.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Operation != "" {
		fmt.Fprintf(&b, "calling %s", e.Operation)
		if e.Host != "" && e.Code == "" {
			fmt.Fprintf(&b, " at %s", e.Host)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.cause())
	return b.String()
}

func (e *Error) cause() string {
	switch {
	case e.Code != "":
		return e.answered()
	case e.detail != "" && e.Err != nil:
		return e.detail + ": " + text.Clean(e.Err.Error(), maxMessage)
	case e.detail != "":
		return e.detail
	case e.Err != nil:
		return text.Clean(e.Err.Error(), maxMessage)
	}
	return fmt.Sprintf("HTTP status %d", e.Status)
}

func (e *Error) answered() string {
	s := "AWS answered " + e.Code
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of an error of this room, Unknown for any other.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unknown
}

// String names the kind for messages and logs.
func (k Kind) String() string {
	names := [...]string{
		"unknown", "invalid code", "code missing", "bad serial", "not authorized", "session credentials",
		"invalid key", "bad signature", "clock skew", "expired", "region disabled", "bad request",
		"duration too long", "chained too long", "policy too large", "throttled", "server fault", "not AWS",
		"network", "TLS", "timeout", "bad answer", "redirect", "proxy", "interrupted", "bad region",
		"bad endpoint", "bad CA bundle", "already exists", "no such entity", "delete conflict", "limit exceeded",
		"invalid authentication code", "temporarily unmodifiable", "stale",
	}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// kindOf reads AWS's code first, then the words of its message: several
// causes share one code.
func kindOf(code, message string, status int) Kind {
	has := func(part string) bool { return strings.Contains(strings.ToLower(message), part) }
	switch code {
	case "AccessDenied", "AccessDeniedException":
		return deniedKind(has)
	case "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId":
		return InvalidKey
	case "RequestExpired", "RequestTimeTooSkewed":
		return ClockSkew
	case "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature":
		return signatureKind(has)
	case "ExpiredToken", "ExpiredTokenException":
		return Expired
	case "RegionDisabledException":
		return RegionDisabled
	case "ValidationError", "ValidationException":
		return validationKind(has)
	case "PackedPolicyTooLarge", "PackedPolicyTooLargeException":
		return PolicyTooLarge
	case "MalformedPolicyDocument", "InvalidParameterValue", "InvalidParameterCombination", "MissingParameter", "InvalidInput":
		return BadRequest
	case "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled", "TooManyRequestsException", "SlowDown":
		return Throttled
	}
	if kind, ok := deviceKind(code); ok {
		return kind
	}
	return statusKind(status)
}

// deviceKind knows the codes of IAM's calls for devices.
func deviceKind(code string) (Kind, bool) {
	switch code {
	case "EntityAlreadyExists":
		return AlreadyExists, true
	case "NoSuchEntity":
		return NoSuchEntity, true
	case "DeleteConflict":
		return DeleteConflict, true
	case "LimitExceeded":
		return LimitExceeded, true
	case "InvalidAuthenticationCode":
		return InvalidAuthenticationCode, true
	case "EntityTemporarilyUnmodifiable", "ConcurrentModification":
		return TemporarilyUnmodifiable, true
	}
	return Unknown, false
}

func signatureKind(has func(string) bool) Kind {
	switch {
	case has("signature expired"), has("not yet current"):
		return ClockSkew
	case has("should be scoped to"):
		return BadRequest // the endpoint is of another region or service
	}
	return BadSignature
}

func deniedKind(has func(string) bool) Kind {
	switch {
	case has("invalid mfa one time pass code"):
		return InvalidCode
	case has("must provide both mfa serial number and one time pass code"):
		return CodeMissing
	case has("unable to validate mfa code"):
		return BadSerial
	case has("with session credentials"):
		return SessionCredentials
	}
	return NotAuthorized
}

func validationKind(has func(string) bool) Kind {
	switch {
	case has("role chaining"):
		return ChainedTooLong
	case has("maxsessionduration"), has("durationseconds") && has("less than or equal"):
		return DurationTooLong
	case has("'serialnumber'"):
		return BadSerial
	}
	return BadRequest
}

func statusKind(status int) Kind {
	switch {
	case status == http.StatusTooManyRequests:
		return Throttled
	case status >= 500:
		return ServerFault
	}
	return Unknown
}
