package command

import (
	"path/filepath"

	"awsmfa/profile"
	"awsmfa/session"
)

// remember lets the next plain run find the session without reading the AWS
// files, see package warm. Only what depends on nothing but those files and
// the variables that were asked for is remembered; a source that runs a
// command is not, since the command may be another by then.
func (s *subject) remember() {
	last, ok := s.plan.Last()
	plain := s.resolved.Source.Kind == profile.SourceKeys || s.resolved.Source.Kind == profile.SourceSession
	if !ok || !plain || s.options.changesPlan() || len(s.plan.Warnings) > 0 || !s.absolute() {
		return
	}
	memory, now := s.places.Requests(), s.Now()
	known := session.Remembered{Device: s.deviceOf, Key: last.Key, Region: s.resolved.Region.Text, Endpoint: s.resolved.STSEndpoint.Text}
	if before, ok := memory.Load(s.options.Profile, s.awsFiles, now, s.getenv); ok && before == known {
		return
	}
	was, is := s.awsStates, s.states()
	if s.deviceOf != "" {
		was, is = append(was, s.deviceState), append(is, session.State(s.places.Devices().Origin(s.deviceOf), now))
	}
	for i, state := range is {
		if state != was[i] {
			return // written while we read
		}
	}
	if err := memory.Store(s.options.Profile, s.awsFiles, was, s.asked, known); err != nil {
		s.debugf("the request is not remembered: %v", err)
	}
}

// changesPlan: a flag, or its variable, makes the plan another one than the
// files alone.
func (o options) changesPlan() bool {
	return o.NoMFA || o.MFASerial.IsSet() || o.Duration.IsSet() || o.SessionDuration.IsSet()
}

func (s *subject) states() []string {
	states := make([]string, len(s.awsFiles))
	for i, path := range s.awsFiles {
		states[i] = session.State(path, s.Now())
	}
	return states
}

func (s *subject) absolute() bool {
	for _, path := range s.awsFiles {
		if !filepath.IsAbs(path) {
			return false
		}
	}
	return s.places.Cache != "" && s.places.State != ""
}
