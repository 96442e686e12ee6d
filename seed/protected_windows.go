package seed

import "io/fs"

const nonBlocking = 0

// protected has nothing to look at: access lists take the place of modes, and
// those of the profile directory keep other users out.
func protected(fs.FileInfo) error { return nil }
