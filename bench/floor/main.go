// Command floor links what awsmfa links, and does nothing: it ends where a warm
// run's first line would be. No warm run can cost less than this.
package main

import (
	_ "awsmfa/bench/floor/first" // in the place of early, see awsmfa's main.go

	"context"
	"os"

	"awsmfa/command"
)

func main() { os.Exit(command.Run(context.Background(), command.World{})) }
