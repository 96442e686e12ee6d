//go:build unix

package seed

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// state is what a vault holds, as the test knows it.
type state struct {
	seeds      map[string]string // secret by serial
	passphrase string            // "" while in the keyring
}

// step makes the n-th change of the endless run: to the vault, and to what is
// known of it. Both processes, the one that is killed and the one that looks,
// go through the same steps.
func (s state) step(n int) (next state, change func(v *Vault) error) {
	ctx := context.Background()
	next = state{maps.Clone(s.seeds), s.passphrase}
	serial := "DEVICE" + strconv.Itoa(n/6%2)
	switch n % 6 {
	case 0, 3: // a new one, or another for the same device
		secret := secretOf(n)
		next.seeds[serial] = secret
		return next, func(v *Vault) error {
			seed, err := Parse([]byte(secret))
			if err == nil {
				err = v.Add(ctx, serial, seed, true)
			}
			return err
		}
	case 1:
		next.passphrase = "" // they are in the keyring
		return next, func(v *Vault) error { _, err := v.Migrate(ctx, "keyring"); return err }
	case 2:
		next.passphrase = "right" + strconv.Itoa(n)
		return next, func(v *Vault) error { _, err := v.Migrate(ctx, "file"); return err }
	case 4:
		next.passphrase = "right" + strconv.Itoa(n)
		return next, func(v *Vault) error { return v.ChangePassphrase(ctx) }
	}
	delete(next.seeds, serial)
	return next, func(v *Vault) error { return v.Remove(ctx, serial) }
}

func secretOf(n int) string {
	letters := fmt.Sprintf("%08d", n)
	letters = strings.Map(func(r rune) rune { return r - '0' + 'A' }, letters)
	return strings.Repeat("K"+letters, 4)[:32]
}

// typing answers every question with the passphrase that the vault has now, or
// is to have next.
func typing(now, next state) func(context.Context, string) (string, error) {
	return func(_ context.Context, prompt string) (string, error) {
		if strings.HasPrefix(prompt, "Passphrase") {
			return now.passphrase, nil
		}
		return next.passphrase, nil
	}
}

// The vault begins with a seed that stays, so that the key never goes.
func (w *world) begin() state {
	v := w.vault("right", "right")
	w.add(v, jane, secretA)
	return state{map[string]string{jane: secretA}, "right"}
}

// quickExit: a program built with the race detector sleeps for a second
// before it exits, unless told.
const quickExit = "GORACE=atexit_sleep_ms=0"

const killDir, killRing = "SEED_TEST_KILL_DIR", "SEED_TEST_KILL_RING"

// TestKilled kills a process that changes a vault without end, at any instant.
// The vault then is as before the change or as after it.
func TestKilled(t *testing.T) {
	if os.Getenv(killDir) != "" {
		changeForEver(t)
		return
	}
	points := 20
	if long() {
		points = 200
	}
	seen := map[int]int{}
	for range points {
		seen[killOnce(t)%6]++
	}
	if points == 200 && len(seen) < 6 {
		t.Errorf("changes that were killed, by kind: %v", seen)
	}
}

func changeForEver(t *testing.T) {
	w := &world{t: t, ring: &ring{dir: os.Getenv(killRing)}, person: &person{}, o: Options{Dir: os.Getenv(killDir)}}
	s := state{map[string]string{jane: secretA}, "right"}
	for n := 0; ; n++ {
		next, change := s.step(n)
		w.o.Ask = typing(s, next)
		fmt.Printf("step %d\n", n)
		if err := change(w.vault()); err != nil {
			fmt.Printf("failed %v\n", err)
			os.Exit(1)
		}
		s = next
	}
}

// killOnce returns the number of the change that was under way.
func killOnce(t *testing.T) int {
	t.Helper()
	w := newWorld(t)
	w.begin()
	w.ring.gone = false
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), quickExit, killDir+"="+w.o.Dir, killRing+"="+w.ring.dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, _ := lines.ReadString('\n'); line != "step 0\n" {
		t.Fatalf("the child says %q", line)
	}
	time.Sleep(time.Duration(rand.Int64N(int64(120 * time.Millisecond)))) // any instant will do
	child.Process.Kill()
	rest, err := io.ReadAll(lines)
	child.Wait()
	n := lastStep(t, string(rest), err)
	before := state{map[string]string{jane: secretA}, "right"}
	for i := range n {
		before, _ = before.step(i)
	}
	after, _ := before.step(n)
	w.plain(slices.Collect(maps.Values(before.seeds))...)
	w.plain(slices.Collect(maps.Values(after.seeds))...)
	w.isEither(n, before, after)
	return n
}

func lastStep(t *testing.T, said string, err error) int {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix("step 0\n"+said, "\n"), "\n")
	var n int
	if _, scanErr := fmt.Sscanf(lines[len(lines)-1], "step %d", &n); scanErr != nil || err != nil {
		t.Fatalf("the child says %q, %v, %v", said, scanErr, err)
	}
	return n
}

// isEither checks that the vault holds one of two states, opens with what is
// right for it, and that the next change leaves nothing over.
func (w *world) isEither(n int, before, after state) {
	w.t.Helper()
	var now state
	for _, s := range []state{before, after} {
		w.o.Ask = typing(s, s)
		if w.matches(s) {
			now = s
		}
	}
	if now.seeds == nil {
		_, err := w.vault().Load(context.Background(), jane)
		w.t.Fatalf("killed in step %d: neither old nor new (%v)", n, err)
	}
	w.o.Ask = typing(now, now)
	secret := secretOf(99_999_999)
	w.add(w.vault(), "LASTDEVICE", secret)
	w.holds(w.vault(), "LASTDEVICE", secret)
	inFiles, inRing := len(now.seeds)+1, 0
	if now.passphrase == "" {
		inFiles, inRing = inRing, inFiles
	}
	w.tidy(inFiles, inRing)
}

func (w *world) matches(s state) bool {
	w.t.Helper()
	v := w.vault()
	items, err := v.List()
	if err != nil {
		w.t.Fatal(err)
	}
	store, _, _ := v.Where()
	if len(items) != len(s.seeds) || (store == keyringStore) != (s.passphrase == "") {
		return false
	}
	for serial, secret := range s.seeds {
		got, err := v.Load(context.Background(), serial)
		if err != nil || got.secret() != secret {
			return false
		}
	}
	return true
}

// Nothing needs a vault to be in any place: no file of it names another's path.
func TestVaultMoves(t *testing.T) {
	w := newWorld(t)
	w.add(w.vault("right", "right"), jane, secretA)
	to := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(w.o.Dir, to); err != nil {
		t.Fatal(err)
	}
	w.o.Dir = to
	w.holds(w.vault("right"), jane, secretA)
}
