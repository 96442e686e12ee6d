package seed

import (
	"time"

	"github.com/pquerna/otp/hotp"
)

// Step is how long a code lives (RFC 6238, section 4.1: the default, which is
// what AWS uses).
const Step = 30 * time.Second

const stepSeconds = int64(Step / time.Second)

// StepAt is the number of the time step that t lies in, counted from 1970.
func StepAt(t time.Time) int64 {
	seconds := t.Unix()
	step := seconds / stepSeconds
	if seconds%stepSeconds < 0 { // Go rounds towards zero, time runs on
		step--
	}
	return step
}

// StepEnd is the instant at which a step is over and the next begins.
func StepEnd(step int64) time.Time { return time.Unix((step+1)*stepSeconds, 0) }

// Code is the code of the instant at, and its time step. AWS takes a code once,
// so the caller notes the step before it sends the code. A zero Seed has the
// code "".
func (s Seed) Code(at time.Time) (code string, step int64) {
	step = StepAt(at)
	if s.IsZero() {
		return "", step // of an empty secret the library makes a code too
	}
	// By number of the step: the library's totp goes through floating point,
	// which has no answer before 1970.
	code, err := hotp.GenerateCode(s.secret(), uint64(step))
	if err != nil {
		return "", step // not for what Parse has made
	}
	return code, step
}
