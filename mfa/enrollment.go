package mfa

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"awsmfa/internal/privatefile"
)

// Phase is how far the enrolment of a device has come. Each is written before
// the step that it names, or when what it names is certain.
type Phase string

// The phases, in order.
const (
	Creating Phase = "creating" // the device may exist, its seed is nowhere
	Stored   Phase = "stored"   // the device exists, and its seed is in the store
	Enabling Phase = "enabling" // the codes have left; the device may be the user's
	Enabled  Phase = "enabled"  // the device is the user's
)

func (p Phase) known() bool {
	switch p {
	case Creating, Stored, Enabling, Enabled:
		return true
	}
	return false
}

// Enrollment is a device on its way: who begins one writes it down, so that a
// run which is cut off leaves no device behind that nobody knows of.
type Enrollment struct {
	Serial   string
	UserName string
	Profile  string // that was to get the device
	Phase    Phase
}

// ErrEnrollmentDamaged says that the record makes no sense.
var ErrEnrollmentDamaged = errors.New("damaged")

// Enrollments keeps one record for each access key, below the state directory.
type Enrollments struct{ Dir string }

const (
	enrollmentHeader = "awsmfa-enrollment 1"
	maxEnrollment    = 4096 // bytes
)

// Path is the file of an access key's record.
func (e Enrollments) Path(accessKeyID string) string {
	return filepath.Join(e.Dir, "enrollment-"+accessKeyID)
}

// Load returns the record that an unfinished run left; found is false when
// there is none.
func (e Enrollments) Load(accessKeyID string) (one Enrollment, found bool, err error) {
	path := e.Path(accessKeyID)
	text, err := privatefile.Read(path, maxEnrollment)
	if errors.Is(err, fs.ErrNotExist) {
		return Enrollment{}, false, nil
	}
	if err == nil {
		one, err = parseEnrollment(string(text))
	}
	if err != nil {
		return Enrollment{}, false, fmt.Errorf("reading the record of an enrolment %q: %w", path, privatefile.Bare(err))
	}
	return one, true, nil
}

// Store writes the record.
func (e Enrollments) Store(accessKeyID string, one Enrollment) error {
	err := privatefile.EnsureDir(e.Dir)
	if err == nil {
		err = privatefile.Write(e.Path(accessKeyID), []byte(one.text()))
	}
	if err != nil {
		return fmt.Errorf("writing the record of an enrolment %q: %w", e.Path(accessKeyID), privatefile.Bare(err))
	}
	return nil
}

// Remove ends the record: nothing is open any more.
func (e Enrollments) Remove(accessKeyID string) error { return privatefile.Remove(e.Path(accessKeyID)) }

func (one Enrollment) text() string {
	return fmt.Sprintf("%s\nserial %s\nuser %s\nphase %s\nprofile %q\nend\n", enrollmentHeader, one.Serial, one.UserName, one.Phase, one.Profile)
}

// parseEnrollment accepts exactly what text writes.
func parseEnrollment(text string) (Enrollment, error) {
	var one Enrollment
	lines := strings.Split(text, "\n")
	if len(lines) != 7 {
		return one, ErrEnrollmentDamaged
	}
	one.Serial = strings.TrimPrefix(lines[1], "serial ")
	one.UserName = strings.TrimPrefix(lines[2], "user ")
	one.Phase = Phase(strings.TrimPrefix(lines[3], "phase "))
	_, err := fmt.Sscanf(lines[4], "profile %q", &one.Profile)
	if err != nil || !one.Phase.known() || one.Serial == "" || one.text() != text {
		return Enrollment{}, ErrEnrollmentDamaged
	}
	return one, nil
}
