package seed

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

const (
	indexHeader = "awsmfa-seeds "
	// indexVersion changes when an older program could not do with the file.
	// Whatever changes, the last line stays as it is: it tells a newer file
	// from a damaged one.
	indexVersion = 1
	// maxIndex bounds the file, in bytes. A line has at most some 3,000, hardly
	// ever more than 250; AWS allows eight devices for a user.
	maxIndex = 1 << 20
)

// Item is a stored seed as lists show it: nothing of it is secret. Issuer and
// label are foreign text.
type Item struct {
	Serial, Issuer, Label string
	Added                 time.Time
}

// index says which seeds there are, in which store and in which place of it.
// Every change of the store takes effect by one replacement of this file:
//
//	awsmfa-seeds 1
//	store file
//	key passphrase age1… <sha256 of the identity file>
//	seed <place> <sum> <unix time> "<serial>" "<issuer>" "<label>"
//	trash file <place> "<serial>"
//	end <sha256 of the lines above>
//
// Trash are the places that hold nothing of worth: what is about to be written,
// or was replaced. A run that writes clears it, so that a killed one leaves
// nothing for ever. The last line tells damage from change: what else would
// read a changed serial as that of another device?
type index struct {
	store string // "" until the first seed is added
	key   fileKey
	seeds []entry
	trash []trash
}

// entry is one seed.
type entry struct {
	Item
	slot
}

// trash is a place to be emptied.
type trash struct {
	store string // fileStore, keyringStore or identityTrash
	slot
}

// identityTrash is the store name of identity files among the trash.
const identityTrash = "identity"

func newSlot(serial string) slot {
	id := make([]byte, 16)
	rand.Read(id) // never fails: it ends the program instead
	return slot{serial: serial, id: hex.EncodeToString(id)}
}

func (ix *index) find(serial string) (entry, bool) {
	for _, e := range ix.seeds {
		if e.Serial == serial {
			return e, true
		}
	}
	return entry{}, false
}

// put sets the seed of a device and throws away the place of the one before.
func (ix *index) put(store string, e entry) {
	ix.unthrow(e.id)
	for i, old := range ix.seeds {
		if old.Serial == e.Serial {
			ix.throw(store, old.slot)
			ix.seeds[i] = e
			return
		}
	}
	ix.seeds = append(ix.seeds, e)
}

func (ix *index) throw(store string, s slot) {
	s.sum = ""
	ix.trash = append(ix.trash, trash{store, s})
}

func (ix *index) unthrow(id string) {
	ix.trash = slices.DeleteFunc(ix.trash, func(t trash) bool { return t.id == id })
}

func (ix *index) text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%d\n", indexHeader, indexVersion)
	if ix.store != "" {
		fmt.Fprintf(&b, "store %s\n", ix.store)
	}
	if ix.key.kind != "" {
		fmt.Fprintf(&b, "key %s %s %s\n", ix.key.kind, dash(ix.key.recipient), dash(ix.key.sum))
	}
	for _, e := range ix.seeds {
		fmt.Fprintf(&b, "seed %s %s %d %q %q %q\n", e.id, dash(e.sum), e.Added.Unix(), e.Serial, e.Issuer, e.Label)
	}
	for _, t := range ix.trash {
		fmt.Fprintf(&b, "trash %s %s %q\n", t.store, t.id, t.serial)
	}
	return []byte(b.String() + endLine(b.String()))
}

func endLine(s string) string { return "end " + digest([]byte(s)) + "\n" }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func undash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// parseIndex accepts what text writes and nothing else. An error is a
// *StoreError without a path.
func parseIndex(data []byte) (*index, error) {
	text := string(data)
	at := strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n") + 1
	if text[at:] != endLine(text[:at]) {
		return nil, damaged("what it says does not fit its last line")
	}
	lines := strings.Split(text[:at], "\n")
	version, err := strconv.Atoi(strings.TrimPrefix(lines[0], indexHeader))
	if err != nil || !strings.HasPrefix(lines[0], indexHeader) || version < 1 {
		return nil, damaged("it does not begin as it should")
	}
	if version > indexVersion {
		return nil, &StoreError{Trouble: Newer, Hints: []string{newerHint}}
	}
	ix := &index{}
	for _, line := range lines[1 : len(lines)-1] {
		if err := ix.line(line); err != nil {
			return nil, err
		}
	}
	if string(ix.text()) != text || !ix.sound() {
		return nil, damaged("it is not as this program writes it")
	}
	return ix, nil
}

const newerHint = "install the newest awsmfa; this one leaves the seeds alone"

func damaged(why string) *StoreError {
	return &StoreError{Trouble: Damaged, Why: why, Hints: []string{damagedHint}}
}

// What can be done where something is lost: one seed, the key of all of them,
// or the list.
const (
	damagedHint = "restore it from a backup, or store the seed again: awsmfa totp add " + HintDevice + " --replace; without the secret, enroll the device anew"
	noKeyHint   = "restore it from a backup, or forget the seeds that only it opens (awsmfa totp list, awsmfa totp remove) and store them again: awsmfa totp add " + HintDevice
)

func noIndexHint(dir string) string {
	return fmt.Sprintf("restore it from a backup, or begin anew: move the directory %q away, then awsmfa totp add %s", dir, HintDevice)
}

// sound: no place and no device twice, and places only where a store is named.
func (ix *index) sound() bool {
	seen := map[string]bool{}
	for _, e := range ix.seeds {
		if ix.store == "" || seen["d"+e.Serial] || seen["p"+e.id] {
			return false
		}
		seen["d"+e.Serial], seen["p"+e.id] = true, true
	}
	for _, t := range ix.trash {
		if seen["p"+t.id] { // else the next run that writes would lose it
			return false
		}
	}
	return true
}

func (ix *index) line(line string) error {
	kind, rest, _ := strings.Cut(line, " ")
	ok := false
	switch kind {
	case "store":
		if rest != fileStore && rest != keyringStore {
			return &StoreError{Trouble: Newer, Why: fmt.Sprintf("the store %q is not known here", rest), Hints: []string{newerHint}}
		}
		ix.store, ok = rest, true
	case "key":
		ix.key, ok = parseKey(rest)
	case "seed":
		var e entry
		e, ok = parseEntry(rest)
		ix.seeds = append(ix.seeds, e)
	case "trash":
		var t trash
		t, ok = parseTrash(rest)
		ix.trash = append(ix.trash, t)
	}
	if !ok {
		return damaged("a line of it makes no sense")
	}
	return nil
}

func parseKey(s string) (fileKey, bool) {
	f := strings.Split(s, " ")
	if len(f) != 3 {
		return fileKey{}, false
	}
	k := fileKey{kind: f[0], recipient: undash(f[1]), sum: undash(f[2])}
	switch k.kind {
	case passphraseKey:
		return k, isHex(k.sum, sha256.Size) && k.recipient != ""
	case ownKey:
		return k, k.sum == "" && k.recipient == ""
	}
	return k, false
}

func parseEntry(s string) (e entry, ok bool) {
	id, rest, _ := strings.Cut(s, " ")
	sum, rest, _ := strings.Cut(rest, " ")
	at, rest, _ := strings.Cut(rest, " ")
	added, err := strconv.ParseInt(at, 10, 64)
	names, named := parseQuoted(rest, 3)
	if err != nil || !named || !isHex(id, 16) {
		return entry{}, false
	}
	e.slot = slot{names[0], id, undash(sum)}
	e.Item = Item{names[0], names[1], names[2], time.Unix(added, 0)}
	return e, e.sum == "" || isHex(e.sum, sha256.Size)
}

func parseTrash(s string) (t trash, ok bool) {
	store, rest, _ := strings.Cut(s, " ")
	id, rest, _ := strings.Cut(rest, " ")
	names, named := parseQuoted(rest, 1)
	known := slices.Contains([]string{fileStore, keyringStore, identityTrash}, store)
	if !named || !known || !isHex(id, 16) {
		return trash{}, false
	}
	return trash{store, slot{serial: names[0], id: id}}, true
}

// parseQuoted reads n quoted names with a blank between them.
func parseQuoted(s string, n int) ([]string, bool) {
	var names []string
	for i := range n {
		if i > 0 {
			var found bool
			if s, found = strings.CutPrefix(s, " "); !found {
				return nil, false
			}
		}
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, false
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, false
		}
		names, s = append(names, name), s[len(quoted):]
	}
	return names, s == ""
}

func isHex(s string, bytes int) bool {
	if len(s) != 2*bytes {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil && strings.ToLower(s) == s
}

// readIndex reads the index below dir; without one there are no seeds.
func readIndex(dir string) (*index, error) {
	path := filename.Join(dir, "index")
	data, err := privatefile.Read(path, maxIndex)
	if errors.Is(err, fs.ErrNotExist) {
		if !hasTraces(dir) {
			return &index{}, nil
		}
		data, err = privatefile.Read(path, maxIndex) // the first of all changes may be going on
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &StoreError{Path: path, Trouble: Absent, Why: "there are files of seeds beside it", Hints: []string{noIndexHint(dir)}}
	}
	var ix *index
	if err != nil {
		err = fileError(path, "reading", err)
	} else {
		ix, err = parseIndex(data)
	}
	if store := (*StoreError)(nil); errors.As(err, &store) {
		store.Path = path
		if store.Trouble == Damaged {
			store.Hints = []string{noIndexHint(dir)}
		}
	}
	return ix, err
}

// hasTraces: where the index is lost, the files of the seeds tell that there
// was one. It is written before the first of them, and never removed.
func hasTraces(dir string) bool {
	for _, pattern := range []string{"*.age", "identity-*"} {
		if found, _ := fs.Glob(os.DirFS(dir), pattern); len(found) > 0 {
			return true
		}
	}
	return false
}

func (ix *index) write(dir string) error {
	path := filename.Join(dir, "index")
	text := ix.text()
	if len(text) > maxIndex {
		return &StoreError{Path: path, Why: "too many seeds"}
	}
	if err := privatefile.Write(path, text); err != nil {
		return fileError(path, "writing", err)
	}
	return nil
}

// fileError is what a file of ours could not be used for.
func fileError(path, action string, err error) error {
	e := &StoreError{Path: path, Why: action, Err: privatefile.Bare(err)}
	switch {
	case errors.Is(err, privatefile.ErrTooLarge):
		e.Trouble, e.Hints = Damaged, []string{damagedHint}
	case errors.Is(err, privatefile.ErrMode):
		e.Hints = []string{fmt.Sprintf("close it to others: chmod go= %q", path)}
	case errors.Is(err, fs.ErrPermission):
		e.Hints = []string{"the file and its directory must be yours, and writable"}
	}
	return e
}
