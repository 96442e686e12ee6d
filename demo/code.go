package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// writeDemoCode puts the script demo-code on PATH: the user's MFA device.
func (s *stage) writeDemoCode() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	name, text := "demo-code", "#!/bin/sh\nexec '"+strings.ReplaceAll(self, "'", `'\''`)+"' -code '"+s.server.AdminURL()+"'\n"
	if runtime.GOOS == "windows" {
		name, text = "demo-code.cmd", "@\""+self+"\" -code "+s.server.AdminURL()+"\r\n"
	}
	return os.WriteFile(filepath.Join(s.bin, name), []byte(text), 0o700)
}

// showCode prints what the device shows, and on stderr for how long: as with a
// real one, a code that is used up is followed by a new one at its own time.
func showCode(out, about io.Writer, admin string) error {
	client := &http.Client{Transport: &http.Transport{Proxy: nil}, Timeout: 10 * time.Second}
	answer, err := client.Get(admin + "code?" + url.Values{"user": {"alice"}, "same": {"true"}}.Encode())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var shown struct{ Code, Error string }
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&shown); err != nil {
		return err
	}
	if shown.Error != "" {
		return errors.New(shown.Error)
	}
	fmt.Fprintln(out, shown.Code)
	say(about, "(the next one in %d s)", 30-time.Now().Unix()%30)
	return nil
}
