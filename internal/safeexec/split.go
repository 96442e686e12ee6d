// Package safeexec runs the programs that a configuration file names, without
// a shell and under limits: Split cuts the line into words, Find says which
// file the first word is, Run runs it.
//
// A program is found by an absolute path, or in absolute entries of PATH, never
// in the current directory: a repository that was just cloned must not decide
// what runs. What a program prints may be a secret, so no error here ever
// holds its standard output.
package safeexec

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// ErrSyntax is the cause of every failure of Split.
var ErrSyntax = errors.New("malformed command line")

// Split cuts a command line into words as a POSIX shell does (XCU 2.2,
// "Quoting"), but expands nothing: "~", "$HOME", "*" and "|" stay as they are,
// as they do for botocore. On Windows the rules are those of CommandLineToArgvW.
func Split(line string) ([]string, error) {
	if runtime.GOOS == "windows" {
		return finish(splitWindows(line))
	}
	return finish(splitPOSIX(line))
}

// finish refuses what no program can be given.
func finish(words []string, err error) ([]string, error) {
	switch {
	case err != nil:
		return nil, err
	case len(words) == 0 || words[0] == "":
		return nil, fmt.Errorf("%w: it names no program", ErrSyntax)
	}
	for _, w := range words {
		if strings.IndexByte(w, 0) >= 0 {
			return nil, fmt.Errorf("%w: it holds a NUL byte", ErrSyntax)
		}
	}
	return words, nil
}

// splitter holds the words so far and the one being built. A word exists as
// soon as a quote opens, so that "" is a word.
type splitter struct {
	words []string
	word  []byte
	open  bool
}

func (s *splitter) add(c byte) { s.word, s.open = append(s.word, c), true }

func (s *splitter) end() {
	if s.open {
		s.words = append(s.words, string(s.word))
	}
	s.word, s.open = nil, false
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func splitPOSIX(line string) ([]string, error) {
	var s splitter
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case isBlank(c):
			s.end()
		case c == '\\':
			if i++; i == len(line) {
				return nil, fmt.Errorf("%w: it ends in a backslash", ErrSyntax)
			}
			if line[i] != '\n' { // a backslash and a line end join two lines
				s.add(line[i])
			}
		case c == '\'' || c == '"':
			n, err := s.quoted(c, line[i+1:])
			if err != nil {
				return nil, err
			}
			i += n
		default:
			s.add(c)
		}
	}
	s.end()
	return s.words, nil
}

// quoted reads on to the closing quote and returns how many bytes it took.
func (s *splitter) quoted(quote byte, rest string) (int, error) {
	s.open = true
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		if c == quote {
			return i + 1, nil
		}
		if c == '\\' && quote == '"' && i+1 < len(rest) && strings.IndexByte("$`\"\\\n", rest[i+1]) >= 0 {
			if i++; rest[i] == '\n' {
				continue
			}
			c = rest[i]
		}
		s.add(c)
	}
	return 0, fmt.Errorf("%w: a quote is never closed", ErrSyntax)
}

// splitWindows follows CommandLineToArgvW: in the program's name a backslash
// means itself; after it, backslashes only count before a quote, where every
// two make one and an odd one makes the quote literal; a doubled quote inside
// quotes is a literal quote.
func splitWindows(line string) ([]string, error) {
	line = strings.TrimLeft(line, " \t")
	program, rest, err := windowsProgram(line)
	if err != nil || program == "" {
		return nil, err
	}
	s := splitter{words: []string{program}}
	quoted, backslashes := false, 0
	flush := func(n int) {
		for range n {
			s.add('\\')
		}
		backslashes = 0
	}
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\':
			backslashes++
		case c == '"':
			literal := backslashes%2 == 1
			flush(backslashes / 2)
			if !literal && quoted && i+1 < len(rest) && rest[i+1] == '"' {
				literal, i = true, i+1
			}
			if literal {
				s.add('"')
			} else {
				quoted, s.open = !quoted, true
			}
		case !quoted && isBlank(c):
			flush(backslashes)
			s.end()
		default:
			flush(backslashes)
			s.add(c)
		}
	}
	flush(backslashes)
	s.end()
	if quoted {
		return nil, fmt.Errorf("%w: a quote is never closed", ErrSyntax)
	}
	return s.words, nil
}

func windowsProgram(line string) (program, rest string, err error) {
	if strings.HasPrefix(line, `"`) {
		program, rest, closed := strings.Cut(line[1:], `"`)
		if !closed {
			return "", "", fmt.Errorf("%w: a quote is never closed", ErrSyntax)
		}
		return program, rest, nil
	}
	if i := strings.IndexAny(line, " \t\r\n"); i >= 0 {
		return line[:i], line[i:], nil
	}
	return line, "", nil
}
