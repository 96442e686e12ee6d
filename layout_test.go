package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path that every room's import path begins with.
const module = "awsmfa"

// room is a package and what it may import of ours. internal/text is open to all.
type room struct {
	path    string
	imports []string
	// process: it may look at the process itself: environment, streams, clock, flags.
	process bool
	// warm: it runs on every warm start, so nothing with a costly init may
	// come with it, by whatever way.
	warm bool
}

// rooms is the table of the layout. Arrows point down only; a new package
// says here what it may know.
func rooms() []room {
	return []room{
		{path: "", imports: []string{"command", "early"}, process: true}, // main.go
		{path: "early", warm: true, process: true, imports: []string{"complete", "early/stack", "warm", "internal/harden"}},
		{path: "early/stack", warm: true},
		{path: "warm", warm: true, imports: []string{"environment", "profile", "session", "shell", "internal/filename", "internal/harden"}},
		{path: "complete", warm: true, imports: []string{"completions", "profile", "session", "shell"}},
		{path: "command", process: true, imports: []string{
			"complete", "completions", "credentials", "environment", "mfa", "profile", "seed", "session", "shell", "source", "stsclient", "warm",
			"internal/harden", "internal/privatefile", "internal/safeexec", "internal/term"}},
		{path: "session", warm: true, imports: []string{"credentials", "profile", "internal/digest", "internal/filename", "internal/privatefile"}},
		{path: "mfa", imports: []string{"seed", "internal/privatefile", "internal/safeexec", "internal/term"}},
		{path: "seed", imports: []string{"internal/filename", "internal/privatefile", "internal/safeexec", "internal/term"}},
		{path: "source", imports: []string{"credentials", "internal/safeexec"}},
		{path: "profile", warm: true, imports: []string{"credentials", "internal/digest", "internal/filename", "internal/privatefile"}},
		{path: "stsclient", imports: []string{"credentials"}},
		{path: "stsclient/ststest", process: true},
		{path: "stsclient/ststest/cmd/ststest", process: true, imports: []string{standIn}},
		{path: "environment", warm: true, imports: []string{"credentials", "profile", "shell"}},
		{path: "credentials", warm: true},
		{path: "shell", warm: true},
		{path: "completions", warm: true},
		{path: "internal/digest", warm: true},
		{path: "internal/filename", warm: true},
		{path: "internal/privatefile", warm: true, imports: []string{"internal/filename"}},
		{path: "internal/harden", warm: true},
		{path: ptyRoom},
		{path: hostileRoom},
		{path: "internal/safeexec", process: true},
		{path: "internal/term", process: true},
		{path: anyRoom, warm: true},
		{path: "demo", process: true, imports: []string{standIn}},
		{path: "demo/day", process: true, imports: []string{standIn, ptyRoom}},
		{path: "bench", process: true, imports: []string{standIn}},
		{path: "bench/floor", process: true, imports: []string{"bench/floor/first", "command"}},
		{path: "bench/floor/first", process: true, imports: []string{"complete", "early/stack", "warm", "internal/harden"}},
		{path: "bench/launch", process: true},
	}
}

const (
	anyRoom     = "internal/text"     // what every room may import
	standIn     = "stsclient/ststest" // what every test may import besides,
	ptyRoom     = "internal/pty"      // and these
	hostileRoom = "internal/hostile"
)

// tooHeavy says whether a dependency is too costly, or too talkative, for the
// warm path: start-up is page faults and package inits.
func tooHeavy(path string) bool {
	switch path {
	case "net/http", "encoding/json", "encoding/hex", "log/slog", "regexp", "text/template":
		return true
	}
	return strings.HasPrefix(path, "crypto/") || strings.HasPrefix(path, "github.com/urfave/") || strings.HasPrefix(path, "github.com/aws/")
}

// listed is what go list says about a package.
type listed struct {
	ImportPath, Dir                          string
	Imports, TestImports, XTestImports, Deps []string
}

// packages lists the module's packages as the release builds them for goos.
func packages(t *testing.T, goos string) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags", "urfave_cli_no_docs",
		"-json=ImportPath,Dir,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var one listed
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		t.Fatal("go list found no packages")
	}
	return all
}

func roomAt(path string) (room, bool) {
	for _, r := range rooms() {
		if r.path == path {
			return r, true
		}
	}
	return room{}, false
}

// within cuts the module's path off; ok is false for what is not ours.
func within(importPath string) (path string, ok bool) {
	if importPath == module {
		return "", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func platforms() []string { return []string{"linux", "darwin", "windows", "freebsd"} }

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	for _, goos := range platforms() {
		t.Run(goos, func(t *testing.T) {
			t.Parallel()
			for _, p := range packages(t, goos) {
				path, _ := within(p.ImportPath)
				r, ok := roomAt(path)
				if !ok {
					t.Errorf("room %q is not in the table: say in rooms() what it may import", path)
					continue
				}
				allowed := append(r.imports, anyRoom)
				checkImports(t, path, "", p.Imports, allowed)
				forTests := append(allowed, path, standIn, ptyRoom, hostileRoom)
				checkImports(t, path, "the tests of ", p.TestImports, forTests)
				checkImports(t, path, "the tests of ", p.XTestImports, forTests)
			}
		})
	}
}

func checkImports(t *testing.T, path, whose string, imports, allowed []string) {
	t.Helper()
	for _, i := range imports {
		if used, ours := within(i); ours && !slices.Contains(allowed, used) {
			t.Errorf("%sroom %q may not import %q: it may import %q", whose, path, used, allowed)
		}
	}
}

// TestEarlyComesFirst: see main.go.
func TestEarlyComesFirst(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	if first := file.Imports[0].Path.Value; first != strconv.Quote(module+"/early") {
		t.Errorf("main imports %s first", first)
	}
}

func TestWarmRoomsStayLight(t *testing.T) {
	t.Parallel()
	for _, goos := range platforms() {
		t.Run(goos, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for _, p := range packages(t, goos) {
				path, _ := within(p.ImportPath)
				r, _ := roomAt(path)
				if !r.warm {
					continue
				}
				seen[path] = true
				for _, d := range p.Deps {
					if tooHeavy(d) {
						t.Errorf("room %q, on the warm path, depends on %s", path, d)
					}
				}
			}
			for _, r := range rooms() {
				if r.warm && !seen[r.path] {
					t.Errorf("room %q was not found: it cannot be checked", r.path)
				}
			}
		})
	}
}

// source is a file of the module that is no test.
type source struct {
	room string
	file *ast.File
}

// sources parses every file of every room, for whichever platform it is.
func sources(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var all []source
	for _, p := range packages(t, "linux") {
		path, _ := within(p.ImportPath)
		names, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("room %q: no Go files found (%v)", path, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			shown, _ := filepath.Rel(root, name)
			file, err := parser.ParseFile(fset, shown, text, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, source{path, file})
		}
	}
	if len(all) == 0 {
		t.Fatal("no source files found")
	}
	return fset, all
}

// forbidden says whether a name of the standard library looks at the process
// itself or prints, which only command does. Elsewhere such things come in as
// values, streams and functions.
func forbidden(pkg, name string) bool {
	switch pkg {
	case "os":
		switch name {
		case "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Clearenv",
			"UserHomeDir", "UserCacheDir", "UserConfigDir",
			"Stdin", "Stdout", "Stderr", "Args", "Exit":
			return true
		}
	case "time":
		return name == "Now" || name == "Since" || name == "Until"
	case "fmt":
		return name == "Print" || name == "Printf" || name == "Println"
	case "flag":
		return true
	}
	return false
}

// stopwatches are the files that measure how long they waited. That is the
// monotonic clock's business: the time of day that comes in may be moved.
func stopwatches() []string {
	return []string{"session/lock.go", "stsclient/call.go"}
}

func isTime(s *ast.SelectorExpr) bool {
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == "time"
}

// TestNoEncodingsAreLinked: the tables of all the world's text encodings start
// before package early, whoever uses them (0017).
func TestNoEncodingsAreLinked(t *testing.T) {
	t.Parallel()
	for _, goos := range platforms() {
		for _, p := range packages(t, goos) {
			if path, _ := within(p.ImportPath); path != "" {
				continue
			}
			for _, d := range p.Deps {
				if strings.HasPrefix(d, "golang.org/x/text/encoding") {
					t.Errorf("%s: the program links %s", goos, d)
				}
			}
		}
	}
}

func TestOnlyCommandLooksAtTheProcess(t *testing.T) {
	t.Parallel()
	fset, all := sources(t)
	checked := 0
	for _, s := range all {
		if r, _ := roomAt(s.room); r.process {
			continue
		}
		checked++
		for _, found := range processUses(s.file) {
			if slices.Contains(stopwatches(), filepath.ToSlash(fset.Position(found.Pos()).Filename)) && isTime(found) {
				continue
			}
			t.Errorf("%s: %s: only command looks at the process; take a value or a function",
				fset.Position(found.Pos()), describe(found))
		}
	}
	if checked == 0 {
		t.Fatal("no file was checked")
	}
}

// processUses finds the forbidden names in a file, called or passed on. The
// clock may be passed on, as the default of a function that comes in.
func processUses(file *ast.File) []*ast.SelectorExpr {
	packageOf := map[string]string{}
	for _, i := range file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		name := path[strings.LastIndex(path, "/")+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		packageOf[name] = path
	}
	var found []*ast.SelectorExpr
	called := map[ast.Expr]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			called[n.Fun] = true // seen before the function's own name
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && forbidden(packageOf[x.Name], n.Sel.Name) && (called[n] || packageOf[x.Name] != "time") {
				found = append(found, n)
			}
		}
		return true
	})
	return found
}

func describe(s *ast.SelectorExpr) string {
	return fmt.Sprintf("%v.%s", s.X, s.Sel.Name)
}

// TestProcessUsesAreFound holds the check above to its task.
func TestProcessUsesAreFound(t *testing.T) {
	t.Parallel()
	const text = `package p
import ("fmt"; clock "time"; "os"; "flag")
var now, print = clock.Now, fmt.Print
var then = clock.Now()
func f() { fmt.Fprintln(os.Stderr, os.Getenv("A"), clock.Unix(0, 0), os.Getpid()); flag.Parse(); fmt.Println() }
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range processUses(file) {
		got = append(got, describe(s))
	}
	want := []string{"fmt.Print", "clock.Now", "os.Stderr", "os.Getenv", "flag.Parse", "fmt.Println"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// longest is the number of lines a function may have.
const longest = 60

func TestFunctionsAreShort(t *testing.T) {
	t.Parallel()
	fset, all := sources(t)
	functions := 0
	for _, s := range all {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			functions++
			begin, end := fset.Position(f.Pos()), fset.Position(f.End())
			if lines := end.Line - begin.Line + 1; lines > longest {
				t.Errorf("%s: function %s has %d lines, more than %d", begin, f.Name.Name, lines, longest)
			}
		}
	}
	if functions == 0 {
		t.Fatal("no function was found")
	}
}
