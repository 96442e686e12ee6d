package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"awsmfa/credentials"
)

// Errors about a program's answer. They name fields, never their values.
var (
	// ErrNotJSON says that the answer is not one JSON object; text before or
	// after it counts, as it does for every SDK.
	ErrNotJSON = errors.New("the answer is not one JSON object")
	// ErrVersion says that Version is not the number 1; the text "1" is refused
	// by botocore too.
	ErrVersion = errors.New("the answer's Version is not the number 1")
	// ErrField says that a field is missing, or not a text.
	ErrField = errors.New("the answer lacks a field")
	// ErrExpiration says that Expiration is no instant: without a zone it is
	// not one.
	ErrExpiration = errors.New("the answer's Expiration is not a date and time with a zone")
	// ErrExpired says that the credentials have expired already.
	ErrExpired = errors.New("the credentials in the answer have expired")
)

// maxAnswer is the limit of the AWS SDK for Java, in bytes.
const maxAnswer = 64_000

// parse reads the answer of a credential_process.
func parse(answer []byte, now time.Time) (credentials.Credentials, error) {
	// A map, since a struct's fields would match in any case of letters.
	var fields map[string]json.RawMessage
	if json.Unmarshal(answer, &fields) != nil || fields == nil {
		return credentials.Credentials{}, ErrNotJSON
	}
	var version float64
	if raw := fields["Version"]; isNull(raw) || json.Unmarshal(raw, &version) != nil || version != 1 {
		return credentials.Credentials{}, ErrVersion
	}
	id, err := required(fields, "AccessKeyId")
	if err != nil {
		return credentials.Credentials{}, err
	}
	secret, err := required(fields, "SecretAccessKey")
	if err != nil {
		return credentials.Credentials{}, err
	}
	token, err := optional(fields, "SessionToken")
	if err != nil {
		return credentials.Credentials{}, err
	}
	expires, err := expiration(fields["Expiration"], now)
	if err != nil {
		return credentials.Credentials{}, err
	}
	c, err := credentials.New(id, secret, token, expires)
	if err != nil {
		return credentials.Credentials{}, fmt.Errorf("in the answer: %w", err)
	}
	return c, nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func required(fields map[string]json.RawMessage, name string) (string, error) {
	text, err := optional(fields, name)
	if err == nil && text == "" {
		err = fmt.Errorf("%w: %s", ErrField, name)
	}
	return text, err
}

func optional(fields map[string]json.RawMessage, name string) (string, error) {
	var text string
	if raw := fields[name]; !isNull(raw) && json.Unmarshal(raw, &text) != nil {
		return "", fmt.Errorf("%w: %s is not a text", ErrField, name)
	}
	return text, nil
}

// expiration reads RFC 3339 and its near relatives that botocore reads as
// well: a blank for the T, a zone without its colon (Python's %z).
func expiration(raw json.RawMessage, now time.Time) (time.Time, error) {
	if isNull(raw) {
		return time.Time{}, nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return time.Time{}, ErrExpiration
	}
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			if !t.After(now) {
				return time.Time{}, ErrExpired
			}
			return t.UTC(), nil
		}
	}
	return time.Time{}, ErrExpiration
}
