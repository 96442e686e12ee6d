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

// seeded stands for the number of profiles of the home with a stored seed,
// which has one like the smallest.
const seeded = 0

// keepSeed stores the device's seed in encrypted files. What unlocks them is not
// kept, so that a run which asked the store would pay for the passphrase.
func (h *home) keepSeed(ctx context.Context, awsmfa, dir, seed string) error {
	passphrase := filepath.Join(dir, "passphrase")
	if err := writeFile(passphrase, "bench\n"); err != nil {
		return err
	}
	h.env = append(h.env, "AWSMFA_SEED_STORE=file", "AWSMFA_PASSPHRASE_FILE="+passphrase, "AWSMFA_UNLOCK_TTL=0")
	_, err := h.run(ctx, seed, awsmfa, "totp", "add", "dev", "--stdin", "--yes")
	return err
}

func (h *home) run(ctx context.Context, stdin, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stdin = h.env, strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, stderr.Bytes())
	}
	return out, nil
}

// logIn makes one home for each number of profiles, and one with a stored seed,
// each with a user of its own: a code is good once. The stand-in is gone when it returns.
func logIn(ctx context.Context, dir, awsmfa string, sizes []int) ([]home, error) {
	server := ststest.New()
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("starting the stand-in: %w", err)
	}
	defer server.Close()
	var homes []home
	for _, n := range append(sizes, seeded) {
		user := server.NewUser("bench" + strconv.Itoa(n))
		h, err := newHome(filepath.Join(dir, strconv.Itoa(n)), server.URL(), user, max(n, 1))
		if err != nil {
			return nil, err
		}
		h.profiles = n
		code := []string{"--token-code", user.Code()}
		if n == seeded {
			code = nil
			if err := h.keepSeed(ctx, awsmfa, dir, user.Seed); err != nil {
				return nil, err
			}
		}
		out, err := h.run(ctx, "", awsmfa, append([]string{"env", "dev"}, code...)...)
		if err != nil {
			return nil, fmt.Errorf("logging in: %w", err)
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
