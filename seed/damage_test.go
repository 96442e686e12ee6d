package seed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// long tells whether to run what takes its time.
func long() bool { return os.Getenv("AWSMFA_LONG") != "" }

// stored makes a vault of two seeds and returns its files by name.
func stored(t *testing.T) (*world, map[string][]byte) {
	t.Helper()
	w := newWorld(t)
	v := w.vault("right", "right")
	w.add(v, jane, secretA)
	w.add(v, john, secretB)
	files := map[string][]byte{}
	entries, err := os.ReadDir(w.seeds())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(w.seeds(), e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return w, files
}

// put writes a file of the vault as it should not be.
func (w *world) put(name string, text []byte) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.seeds(), name), text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// reseal makes the index fit files that were changed: what one does who can
// write to the vault, and wants more than damage.
func (w *world) reseal(change func(ix *index)) {
	w.t.Helper()
	ix, err := readIndex(w.seeds())
	if err != nil {
		w.t.Fatal(err)
	}
	change(ix)
	w.put("index", ix.text())
}

// loads loads both seeds, always with the right passphrase.
func (w *world) loads() (failed error) {
	w.t.Helper()
	w.person.types = nil
	v := w.vault("right", "right", "right", "right", "right", "right")
	defer func() { w.person.types = nil }()
	for serial, secret := range map[string]string{jane: secretA, john: secretB} {
		if has, err := v.Has(serial); err == nil && !has {
			w.t.Errorf("%s is not missed", serial)
		}
		s, err := v.Load(context.Background(), serial)
		if err == nil && s.secret() != secret {
			w.t.Errorf("garbage was loaded")
		}
		if err != nil {
			failed = err
		}
	}
	return failed
}

func TestEveryByteDamaged(t *testing.T) {
	w, files := stored(t)
	tested := 0
	for name, text := range files {
		if name == "lock" {
			continue
		}
		tested++
		stride := 9
		if long() {
			stride = 1
		}
		for at := 0; at < len(text); at += stride {
			masks := []byte{1 << (at % 8)}
			if long() {
				masks = []byte{1, 2, 4, 8, 16, 32, 64, 128, 255}
			}
			for _, mask := range masks {
				broken := bytes.Clone(text)
				broken[at] ^= mask
				w.put(name, broken)
				trouble(t, w.loads(), Damaged)
			}
		}
		for n := 0; n < len(text); n += stride {
			w.put(name, text[:n])
			trouble(t, w.loads(), Damaged)
		}
		w.put(name, append(bytes.Clone(text), '\n'))
		trouble(t, w.loads(), Damaged)
		w.put(name, make([]byte, 2<<20))
		trouble(t, w.loads(), Damaged)
		w.put(name, text)
	}
	if tested != 4 {
		t.Errorf("%d files were tested", tested)
	}
	if err := w.loads(); err != nil {
		t.Error(err)
	}
}

// The sums of the index are no proof: who can change one file can change two.
// Then age's own seals hold, at every byte.
func TestDamageThatFitsTheIndex(t *testing.T) {
	w, files := stored(t)
	ix, _ := readIndex(w.seeds())
	e, _ := ix.find(jane)
	seedFile, keyFile := e.id+".age", "identity-"+ix.key.id()
	stride := 17
	if long() {
		stride = 1
	}
	for _, name := range []string{seedFile, keyFile} {
		text := files[name]
		for at := 0; at < len(text); at += stride {
			for _, broken := range [][]byte{flipped(text, at), text[:at]} {
				w.put(name, broken)
				w.reseal(func(ix *index) {
					if name == keyFile {
						ix.key.sum = digest(broken)
					}
					for i := range ix.seeds {
						if ix.seeds[i].id == e.id && name == seedFile {
							ix.seeds[i].sum = digest(broken)
						}
					}
				})
				err := w.loads()
				var what *StoreError
				// A changed salt or key cannot be told from a wrong passphrase,
				// nor a changed digit from a newer version, by what is left.
				if !errors.As(err, &what) || what.Trouble != Damaged && what.Trouble != Newer && (name != keyFile || what.Trouble != WrongPassphrase) {
					t.Fatalf("%s at %d: %v", name, at, err)
				}
			}
		}
		w.put(name, text)
		w.put("index", files["index"])
	}
}

func flipped(text []byte, at int) []byte {
	broken := bytes.Clone(text)
	broken[at] ^= 1 << (at % 8)
	return broken
}

func TestSeedsSwapped(t *testing.T) {
	w, _ := stored(t)
	w.reseal(func(ix *index) {
		a, b := &ix.seeds[0].slot, &ix.seeds[1].slot
		a.id, b.id, a.sum, b.sum = b.id, a.id, b.sum, a.sum
	})
	trouble(t, w.loads(), Damaged)
}

func TestNewerVersions(t *testing.T) {
	w, files := stored(t)
	newer := func(text string) []byte {
		body := text[:strings.LastIndex(text, "end ")]
		return []byte(body + endLine(body))
	}
	written := string(files["index"])
	w.put("index", newer(strings.Replace(written, "awsmfa-seeds 1", "awsmfa-seeds 2", 1)))
	trouble(t, w.loads(), Newer)
	trouble(t, w.vault().Remove(context.Background(), jane), Newer)
	w.put("index", newer("awsmfa-seeds 3\nof another kind\nend \n"))
	trouble(t, w.loads(), Newer)
	w.put("index", newer(strings.Replace(written, "store file", "store tpm", 1)))
	trouble(t, w.loads(), Newer)
	for _, broken := range []string{
		strings.Replace(written, "store file\n", "", 1),
		strings.Replace(written, "store file\n", "store file\nstore file\n", 1),
		strings.Replace(written, "key passphrase", "key none", 1),
		strings.Replace(written, "awsmfa-seeds 1", "awsmfa-seeds 0", 1),
		strings.Replace(written, "awsmfa-seeds 1", "awsmfa-seeds 01", 1),
		strings.Replace(written, "seed ", "sprout ", 1),
		strings.ReplaceAll(written, john, jane),
		"end ",
	} {
		w.put("index", newer(broken))
		trouble(t, w.loads(), Damaged)
	}
	w.put("index", files["index"])
	ix, _ := readIndex(w.seeds())
	e, _ := ix.find(jane)
	for _, name := range []string{"identity-" + ix.key.id(), e.id + ".age"} {
		text := bytes.Replace(files[name], []byte("/v1\n"), []byte("/v2\n"), 1)
		w.put(name, text)
		w.reseal(func(ix *index) {
			if strings.HasPrefix(name, "identity") {
				ix.key.sum = digest(text)
			} else {
				ix.seeds[0].sum = digest(text)
			}
		})
		trouble(t, w.loads(), Newer)
		w.put(name, files[name])
		w.put("index", files["index"])
	}
	data := record(jane, parse(t, secretA))
	body := strings.Replace(string(data[:bytes.LastIndex(data, []byte("end "))]), "awsmfa-seed 1", "awsmfa-seed 2", 1)
	_, err := readRecord([]byte(body+"end "+digest([]byte(body))[:sumLength]+"\n"), jane)
	trouble(t, err, Newer)
}

func TestMissingPieces(t *testing.T) {
	w, files := stored(t)
	ix, _ := readIndex(w.seeds())
	e, _ := ix.find(jane)
	for name, want := range map[string]Trouble{e.id + ".age": Missing, "identity-" + ix.key.id(): Absent} {
		if err := os.Remove(filepath.Join(w.seeds(), name)); err != nil {
			t.Fatal(err)
		}
		v := w.vault("right")
		_, err := v.Load(context.Background(), jane)
		trouble(t, err, want)
		trouble(t, v.Ready(jane), want)
		if len(w.person.asked) > 0 {
			t.Errorf("asked for a passphrase in vain: %q", w.person.asked)
		}
		w.person.types = nil
		if want == Absent { // what is added for a lost key is lost
			w.person.types = nil
			trouble(t, w.vault().Add(context.Background(), hard, parse(t, secretC), false), Absent)
		}
		w.put(name, files[name])
	}
}

// Without its index a store with seeds is no empty one: whoever took it for
// that would prompt in place of the stored seed, and let others be orphans.
func TestLostIndex(t *testing.T) {
	w, files := stored(t)
	for name := range files {
		if name != "index" && name != "lock" {
			continue
		}
		if err := os.Remove(filepath.Join(w.seeds(), name)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.vault().Has(jane)
	e := trouble(t, err, Absent)
	if hints := strings.Join(e.Hints, " "); !strings.Contains(hints, w.seeds()) {
		t.Errorf("the hints do not say what is to be moved away: %q", hints)
	}
	trouble(t, w.loads(), Absent)
	trouble(t, w.vault().Add(context.Background(), hard, parse(t, secretC), true), Absent)
	if err := os.Rename(w.seeds(), w.seeds()+".old"); err != nil { // as the hint says
		t.Fatal(err)
	}
	w.add(w.vault("new", "new"), jane, secretA)
}

// What is said to do about a loss can be done.
func TestHintsOfLoss(t *testing.T) {
	ctx := context.Background()
	w, files := stored(t)
	ix, _ := readIndex(w.seeds())
	e, _ := ix.find(jane)
	w.put(e.id+".age", []byte("damaged"))
	hasHint(t, w.loads(), "totp add "+HintDevice+" --replace")
	if err := w.vault("right").Add(ctx, jane, parse(t, secretA), true); err != nil {
		t.Error(err)
	}
	w.put("identity-"+ix.key.id(), []byte("damaged"))
	hasHint(t, w.loads(), "totp remove")
	for _, serial := range []string{jane, john} {
		if err := w.vault().Remove(ctx, serial); err != nil {
			t.Error(err)
		}
	}
	w.add(w.vault("new", "new"), jane, secretA)
	w.put("index", files["index"][1:])
	hasHint(t, w.loads(), w.seeds())
}

func hasHint(t *testing.T, err error, want string) {
	t.Helper()
	var e *StoreError
	if !errors.As(err, &e) || !strings.Contains(strings.Join(e.Hints, " "), want) {
		t.Errorf("no hint has %q: %v %+v", want, err, e)
	}
}

// The costs that a header asks for are refused before any of the work: nearly
// nothing is allocated. (At 2^19 scrypt would want half a gibibyte.)
func TestHostileWork(t *testing.T) {
	w, files := stored(t)
	ix, _ := readIndex(w.seeds())
	name := "identity-" + ix.key.id()
	lines := strings.SplitN(string(files[name]), "\n", 3)
	fields := strings.Split(lines[1], " ")
	for _, work := range []string{"19", "22", "30", "40", "63", "64", "999999999999999999999999999", "0", "-1", "+1", "01", "0x10", "", "１６"} {
		stanza := strings.Join(append(fields[:3:3], work), " ")
		text := []byte(lines[0] + "\n" + stanza + "\n" + lines[2])
		w.put(name, text)
		w.reseal(func(ix *index) { ix.key.sum = digest(text) })
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := w.loads()
		runtime.ReadMemStats(&after)
		trouble(t, err, Damaged)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
			t.Errorf("work %q: %d MiB were allocated", work, grown>>20)
		}
		w.put("index", files["index"])
	}
}

// Many stanzas, or none of a passphrase: no way around the check above.
func TestHostileStanzas(t *testing.T) {
	w, files := stored(t)
	ix, _ := readIndex(w.seeds())
	name := "identity-" + ix.key.id()
	lines := strings.SplitN(string(files[name]), "\n", 3)
	costly := strings.TrimSuffix(lines[1], " 1") + " 40"
	body, _, _ := strings.Cut(lines[2], "\n")
	for _, text := range []string{
		lines[0] + "\n" + lines[1] + "\n" + body + "\n" + costly + "\n" + lines[2],
		lines[0] + "\n-> X25519 abc\n" + body + "\n" + costly + "\n" + lines[2],
		lines[0] + "\n" + strings.Repeat("-> X25519 "+strings.Repeat("A", 43)+"\n"+body+"\n", 100) + lines[2],
		lines[0] + "\n-> scrypt " + strings.Repeat("A", 10000) + " 1\n" + lines[2],
		lines[0], lines[0] + "\n",
	} {
		w.put(name, []byte(text))
		w.reseal(func(ix *index) { ix.key.sum = digest([]byte(text)) })
		trouble(t, w.loads(), Damaged)
		w.put("index", files["index"])
	}
}

// What is written for real costs 2^16, and is read back.
func TestRealWork(t *testing.T) {
	w := newWorld(t)
	v := w.vault("right", "right")
	v.work = Open(w.o).work
	w.add(v, jane, secretA)
	ix, _ := readIndex(w.seeds())
	text, err := os.ReadFile(filepath.Join(w.seeds(), "identity-"+ix.key.id()))
	if err != nil || !strings.HasSuffix(strings.SplitN(string(text), "\n", 3)[1], " 16") {
		t.Errorf("another cost than 2^16: %v", err)
	}
	if long() {
		w.holds(w.vault("right"), jane, secretA)
	}
}

// As anybody would with the age program, and no awsmfa at hand.
func TestAgeOpensTheFiles(t *testing.T) {
	w, files := stored(t)
	ix, _ := readIndex(w.seeds())
	by, _ := age.NewScryptIdentity("right")
	key, err := decrypt(files["identity-"+ix.key.id()], by)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(key))
	if err != nil {
		t.Fatal(err)
	}
	e, _ := ix.find(jane)
	if kept, err := decrypt(files[e.id+".age"], ids...); err != nil || !strings.Contains(string(kept), secretA) {
		t.Errorf("%v", err)
	}
}

func TestMostWorkThatIsAccepted(t *testing.T) {
	if !long() {
		t.Skip("wants 256 MiB: AWSMFA_LONG=1")
	}
	w := newWorld(t)
	v := w.vault("right", "right")
	v.work = maxWork
	w.add(v, jane, secretA)
	w.holds(w.vault("right"), jane, secretA)
}

func FuzzIndex(f *testing.F) {
	ix := &index{store: "file", key: fileKey{ownKey, "", ""}}
	ix.put("file", entry{Item{Serial: jane, Issuer: "A \"B\"\n\xff"}, slot{jane, strings.Repeat("0a", 16), strings.Repeat("0a", 32)}})
	ix.throw("keyring", slot{serial: john, id: strings.Repeat("0b", 16)})
	text := string(ix.text())
	f.Add(text[:strings.LastIndex(text, "end ")])
	f.Add("awsmfa-seeds 2\n")
	f.Fuzz(func(t *testing.T, body string) {
		text := body + endLine(body)
		ix, err := parseIndex([]byte(text))
		var e *StoreError
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("another kind of error: %v", err)
		}
		if err == nil && string(ix.text()) != text {
			t.Fatalf("read %q, writes %q", text, ix.text())
		}
		parseIndex([]byte(body))
		if _, err := readRecord([]byte(body), jane); err == nil && !strings.Contains(body, "otpauth") {
			t.Fatal("a record of nothing")
		}
	})
}

func TestIndexRoundTrip(t *testing.T) {
	ix := &index{store: "keyring"}
	for i := range 20 {
		s := newSlot(fmt.Sprintf("DEVICE%03d", i))
		ix.put("keyring", entry{Item{s.serial, "issuer \"" + s.id, "läbel\\\n", time.Unix(int64(i), 0)}, s})
	}
	ix.throw("file", newSlot(jane))
	back, err := parseIndex(ix.text())
	if err != nil || !bytes.Equal(back.text(), ix.text()) || len(back.seeds) != 20 || len(back.trash) != 1 {
		t.Errorf("%v\n%s", err, ix.text())
	}
}
