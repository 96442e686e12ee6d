package stream

import "os"

// Check finds nothing: on Windows writing to a closed stream fails.
func Check(*os.File) error { return nil }
