package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"awsmfa/stsclient/ststest"
)

// home is a throwaway home directory whose profile dev has a live session.
type home struct {
	profiles int
	env      []string
}

// settle is how long the AWS files must lie untouched: awsmfa remembers
// nothing about files younger than 2 s, since they may still be changing.
const settle = 3 * time.Second

// logIn makes one home for each number of profiles, with a user of its own: a
// code is good once. The stand-in is gone when it returns.
func logIn(ctx context.Context, dir, awsmfa string, sizes []int) ([]home, error) {
	server := ststest.New()
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("starting the stand-in: %w", err)
	}
	defer server.Close()
	var homes []home
	for _, n := range sizes {
		user := server.NewUser("bench" + strconv.Itoa(n))
		h, err := newHome(filepath.Join(dir, strconv.Itoa(n)), server.URL(), user, n)
		if err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, awsmfa, "env", "dev", "--token-code", user.Code())
		cmd.Env = h.env
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("logging in: %w\n%s", err, stderr.Bytes())
		}
		if !bytes.Contains(out, []byte("AWS_SESSION_TOKEN=")) {
			return nil, errors.New("logging in: awsmfa env printed no session")
		}
		homes = append(homes, h)
	}
	select {
	case <-time.After(settle):
		return homes, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newHome(dir, url string, user *ststest.User, profiles int) (home, error) {
	h := home{profiles: profiles, env: []string{
		"HOME=" + dir,
		"PATH=" + os.Getenv("PATH"),
		"SHELL=/bin/sh",
		"LANG=C",
		"AWS_ENDPOINT_URL_STS=" + url,
	}}
	keys := fmt.Sprintf("[dev]\naws_access_key_id = %s\naws_secret_access_key = %s\n", user.AccessKeyID, user.SecretAccessKey)
	if err := writeFile(filepath.Join(dir, ".aws", "credentials"), keys); err != nil {
		return h, err
	}
	return h, writeFile(filepath.Join(dir, ".aws", "config"), config(user, profiles))
}

// config is a file of that many profiles; the one that is asked for comes last.
func config(user *ststest.User, profiles int) string {
	var b strings.Builder
	for i := 1; i < profiles; i++ {
		fmt.Fprintf(&b, "[profile team-%05d]\nregion = eu-west-1\noutput = json\nrole_arn = arn:aws:iam::%s:role/team-%05d\n"+
			"source_profile = dev\nmfa_serial = %s\n\n", i, user.Account, i, user.MFASerial)
	}
	fmt.Fprintf(&b, "[profile dev]\nregion = eu-west-1\noutput = json\nmfa_serial = %s\n", user.MFASerial)
	return b.String()
}
