package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// programs are the executables that one run compares, built alike.
type programs struct {
	awsmfa, floor, empty, hello, launch string
	megabytes                           float64 // size of awsmfa
}

// build makes them in the form of a release.
func build(ctx context.Context, dir string) (programs, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return programs{}, fmt.Errorf("finding the module: %w", err)
	}
	module := strings.TrimSpace(string(root))
	p := programs{
		awsmfa: filepath.Join(dir, "awsmfa"),
		floor:  filepath.Join(dir, "floor"),
		empty:  filepath.Join(dir, "empty"),
		hello:  filepath.Join(dir, "hello"),
		// Called sh: looking for the user's shell then ends at the first
		// ancestor, as it does when a shell calls.
		launch: filepath.Join(dir, "launch", "sh"),
	}
	sources := filepath.Join(dir, "sources")
	if err := writeSources(sources); err != nil {
		return p, err
	}
	for _, b := range []struct{ in, what, to string }{
		{module, ".", p.awsmfa},
		{module, "./bench/floor", p.floor},
		{module, "./bench/launch", p.launch},
		{sources, "./empty", p.empty},
		{sources, "./hello", p.hello},
	} {
		if err := goBuild(ctx, b.in, b.what, b.to); err != nil {
			return p, err
		}
	}
	info, err := os.Stat(p.awsmfa)
	if err != nil {
		return p, err
	}
	p.megabytes = float64(info.Size()) / 1e6
	return p, nil
}

func writeSources(dir string) error {
	for _, f := range []struct{ name, text string }{
		{"go.mod", "module floor\n\ngo 1.26\n"},
		{"empty/main.go", "package main\n\nfunc main() {}\n"},
		{"hello/main.go", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n"},
	} {
		if err := writeFile(filepath.Join(dir, f.name), f.text); err != nil {
			return err
		}
	}
	return nil
}

func goBuild(ctx context.Context, dir, what, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w",
		"-tags", "urfave_cli_no_docs", "-buildmode=exe", "-o", to, what)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", what, err, out)
	}
	return nil
}

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}
