package command

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version is set by the linker for a release; a build from a checkout or a
// module cache tells its own.
var version = ""

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "0.1.0-dev"
}

func versionVerb() *verb {
	return &verb{
		name: "version", summary: "tell which awsmfa this is",
		flags: append([]cli.Flag{jsonFlag()}, talkFlags()...),
		run: func(_ context.Context, r *run, c *cli.Context, _ arrangement) error {
			return r.version(c.Bool("json"))
		},
	}
}

// versionOf answers --version. As with help, a verb whose stdout a shell or an
// SDK reads says it on stderr.
func (r *run) versionOf(v *verb) error {
	if v != nil && v.isRead() && !r.stdoutIsTerminal() {
		_, err := r.Stderr.Write([]byte(versionLine()))
		return err
	}
	return r.version(false)
}

func versionLine() string {
	return fmt.Sprintf("awsmfa %s (%s %s/%s)\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (r *run) version(json bool) error {
	if json {
		return r.writeJSON(map[string]string{
			"version": versionText(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		})
	}
	return r.write([]byte(versionLine()))
}
