package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// The made-up times.
const (
	eachKey  = 60 * time.Millisecond
	thinking = 1200 * time.Millisecond // before a line is typed
	working  = 400 * time.Millisecond  // before a command has printed
)

// cast is a recording, in asciinema's format of version 2: a line of JSON that
// describes it, and one for each piece of what was shown.
type cast struct {
	now    time.Duration
	events []event
}

type event struct {
	at   time.Duration
	text string
}

type header struct {
	Version int               `json:"version"`
	Width   int               `json:"width"`
	Height  int               `json:"height"`
	Title   string            `json:"title"`
	Env     map[string]string `json:"env"`
}

func (c *cast) show(after time.Duration, text string) {
	c.now += after
	c.events = append(c.events, event{c.now, text})
}

// types shows a line as somebody types it.
func (c *cast) types(line string) {
	c.now += thinking
	for _, key := range line {
		c.show(eachKey, string(key))
	}
	c.show(5*eachKey, "\r\n")
}

// shows what a command has printed, with the next prompt.
func (c *cast) shows(text string) { c.show(working, text) }

// text is all that was shown.
func (c *cast) text() string {
	var all strings.Builder
	for _, e := range c.events {
		all.WriteString(e.text)
	}
	return all.String()
}

var shownCommand = regexp.MustCompile(`(?m)^~\S* (?:.* )?\$ (.+)$`)

// commands are the lines that were typed, as they stand behind the prompts.
func (c *cast) commands() []string {
	var lines []string
	for _, found := range shownCommand.FindAllStringSubmatch(plain(c.text()), -1) {
		lines = append(lines, found[1])
	}
	return lines
}

// file is the recording as it is written.
func (c *cast) file() []byte {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	lines.SetEscapeHTML(false)
	lines.Encode(header{2, columns, rows, "A day with awsmfa", map[string]string{"SHELL": "/bin/bash", "TERM": "xterm"}})
	for _, e := range c.events {
		lines.Encode([]any{json.Number(fmt.Sprintf("%.2f", e.at.Seconds())), "o", e.text})
	}
	return out.Bytes()
}

// readCast reads what file has written.
func readCast(file []byte) (*cast, error) {
	lines := json.NewDecoder(bytes.NewReader(file))
	var h header
	if err := lines.Decode(&h); err != nil {
		return nil, err
	}
	if h.Version != 2 || h.Width != columns || h.Height != rows {
		return nil, errors.New("not a recording of the day")
	}
	c := &cast{}
	for lines.More() {
		var seconds float64
		var kind, text string
		if err := lines.Decode(&[]any{&seconds, &kind, &text}); err != nil {
			return nil, err
		}
		at := time.Duration(seconds*1000+0.5) * time.Millisecond
		if kind != "o" || at < c.now {
			return nil, fmt.Errorf("a piece of the kind %q at %s, after one at %s", kind, at, c.now)
		}
		c.show(at-c.now, text)
	}
	return c, nil
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// plain is text without colours and carriage returns.
func plain(text string) string {
	return strings.ReplaceAll(escapes.ReplaceAllString(text, ""), "\r", "")
}
