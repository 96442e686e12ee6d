// Package stream looks at the streams that a process was started with: Check
// tells, before a code is spent on it, that what is printed would reach nobody.
package stream

import "errors"

// Errors of Check.
var (
	// ErrClosed: the stream was closed when the process began (>&-), or is the
	// null device opened in the way that only programs do.
	ErrClosed = errors.New("it is closed")
	// ErrReadOnly: the stream is open for reading alone.
	ErrReadOnly = errors.New("it is not open for writing")
)
