package seed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"filippo.io/age"

	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

// How the key of the file store is kept.
const (
	passphraseKey = "passphrase" // in an identity file of the store, under a passphrase
	ownKey        = "own"        // in the user's own identity file
)

const (
	// writeWork and maxWork are exponents of scrypt's cost: 64 MiB and a quarter
	// of a second, and four times that. A file that asks for more is refused
	// before any work.
	writeWork = 16
	maxWork   = 18
	// maxAgeFile bounds the files of the store, in bytes: a record and a header
	// have less than 3,000.
	maxAgeFile = 16 << 10
)

// fileKey says what the files of the store are encrypted to.
type fileKey struct {
	kind      string // passphraseKey, ownKey; "" before the first seed
	recipient string // of passphraseKey: the public half
	sum       string // of passphraseKey: sha256 of the identity file
}

// id names the identity file: another key, another file.
func (k fileKey) id() string { return digest([]byte(k.recipient))[:32] }

// files is the file store: each seed an age file of its own, all encrypted to
// one identity. The files are such that the age program opens them, too:
//
//	age -d -i identity-… ….age
type files struct {
	o    *Options
	dir  string
	key  fileKey
	work int // exponent of scrypt's cost for a new passphrase
	// identities are what the store is unlocked with, once it is.
	identities []age.Identity
	// wrapped is a new identity file that is not written yet.
	wrapped []byte
}

func (f *files) path(s slot) string { return filename.Join(f.dir, s.id+".age") }

func (f *files) identityPath() string { return filename.Join(f.dir, "identity-"+f.key.id()) }

func (f *files) probe(context.Context) error { return nil }

// create makes a key for a store that has none. Nothing is written yet.
func (f *files) create(ctx context.Context) error {
	if f.o.AgeIdentity != "" {
		f.key = fileKey{kind: ownKey}
		return f.unlock(ctx)
	}
	passphrase, err := newPassphrase(ctx, f.o)
	if err != nil {
		return err
	}
	return f.createUnder(passphrase)
}

func (f *files) createUnder(passphrase string) error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	wrapped, err := wrapIdentity(identity, passphrase, f.work)
	if err != nil {
		return err
	}
	f.key = fileKey{passphraseKey, identity.Recipient().String(), digest(wrapped)}
	f.identities, f.wrapped = []age.Identity{identity}, wrapped
	return nil
}

// wrapIdentity encrypts an identity under a passphrase.
func wrapIdentity(identity *age.X25519Identity, passphrase string, work int) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(work)
	text := []byte("# the key of awsmfa's stored seeds\n# public key: " +
		identity.Recipient().String() + "\n" + identity.String() + "\n")
	defer clear(text)
	return encrypt(text, recipient)
}

// begin writes what create has made.
func (f *files) begin() error {
	if f.wrapped == nil {
		return nil
	}
	if err := privatefile.Write(f.identityPath(), f.wrapped); err != nil {
		return f.failure(f.identityPath(), "writing", err)
	}
	f.wrapped = nil
	f.keep()
	return nil
}

func (f *files) save(ctx context.Context, s slot, record []byte) (string, error) {
	to, err := f.recipient(ctx)
	if err != nil {
		return "", err
	}
	sealed, err := encrypt(record, to)
	if err != nil {
		return "", f.failure(f.path(s), "encrypting", err)
	}
	if err := privatefile.Write(f.path(s), sealed); err != nil {
		return "", f.failure(f.path(s), "writing", err)
	}
	return digest(sealed), nil
}

// recipient needs no unlocking where the store has a key of its own.
func (f *files) recipient(ctx context.Context) (age.Recipient, error) {
	if f.key.kind == passphraseKey {
		r, err := age.ParseX25519Recipient(f.key.recipient)
		if err != nil {
			return nil, damaged("it names a key that is none")
		}
		return r, nil
	}
	if err := f.unlock(ctx); err != nil {
		return nil, err
	}
	switch first := f.identities[0].(type) {
	case *age.X25519Identity:
		return first.Recipient(), nil
	case *age.HybridIdentity:
		return first.Recipient(), nil
	}
	return nil, &StoreError{Store: fileStore, Path: f.o.AgeIdentity, Trouble: BadInput, Why: "its first key is of an unknown kind"}
}

func (f *files) load(ctx context.Context, s slot) ([]byte, error) {
	sealed, err := f.sealed(s)
	if err != nil {
		return nil, err
	}
	if err := f.unlock(ctx); err != nil {
		return nil, err
	}
	record, err := decrypt(sealed, f.identities...)
	var none *age.NoIdentityMatchError
	switch {
	case err == nil:
		return record, nil
	case errors.As(err, &none) && f.key.kind == ownKey:
		return nil, &StoreError{Store: fileStore, Path: f.o.AgeIdentity, Trouble: BadInput,
			Why: "none of its keys opens the stored seed", Hints: []string{"AWSMFA_AGE_IDENTITY must name the identity file that the seeds were stored for"}}
	}
	return nil, f.damage(f.path(s), "it does not open with its key")
}

// sealed reads the file of a seed and checks what can be checked without a key.
func (f *files) sealed(s slot) ([]byte, error) {
	path := f.path(s)
	sealed, err := privatefile.Read(path, maxAgeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &StoreError{Store: fileStore, Path: path, Trouble: Missing, Why: "the file is not there", Hints: []string{damagedHint}}
	}
	if err != nil {
		return nil, f.failure(path, "reading", err)
	}
	if digest(sealed) != s.sum {
		return nil, f.damage(path, "the file is not as it was written")
	}
	return sealed, f.checkHeader(path, sealed)
}

func (f *files) remove(_ context.Context, s slot) error {
	if err := privatefile.Remove(f.path(s)); err != nil {
		return f.failure(f.path(s), "removing", err)
	}
	return nil
}

// ready looks for what load will want, and asks nobody.
func (f *files) ready(s slot) error {
	if _, err := f.sealed(s); err != nil {
		return err
	}
	if f.key.kind == ownKey {
		return f.unlock(context.Background()) // it only reads a file
	}
	if f.unlocked() {
		return nil
	}
	if _, err := f.locked(); err != nil {
		return err
	}
	if f.o.PassphraseFile != "" {
		_, err := readPassphraseFile(f.o.PassphraseFile)
		return err
	}
	return askable(f.o)
}

// unlock gets hold of the identity: from this run, the kernel, the user's own
// file, or by the passphrase.
func (f *files) unlock(ctx context.Context) error {
	if f.key.kind == ownKey && len(f.identities) == 0 {
		ids, err := readIdentities(f.o.AgeIdentity)
		f.identities = ids
		return err
	}
	if f.unlocked() {
		return nil
	}
	wrapped, err := f.locked()
	if err != nil {
		return err
	}
	return enterPassphrase(ctx, f.o, f.identityPath(), func(passphrase string) (bool, error) {
		return f.open(wrapped, passphrase)
	})
}

// unlocked looks for the identity where it needs no passphrase. The kernel's
// copy counts only if it is the one that the index names.
func (f *files) unlocked() bool {
	if len(f.identities) > 0 {
		return true
	}
	text := keptIdentity(keptName(f.dir, f.key.recipient))
	defer clear(text)
	identity, err := age.ParseX25519Identity(string(text))
	if err != nil || identity.Recipient().String() != f.key.recipient {
		return false
	}
	f.identities = []age.Identity{identity}
	if _, err := f.locked(); err != nil {
		f.o.warn("the seeds are unlocked, but will not be again: " + err.Error() + " (awsmfa totp migrate moves them while they are)")
	}
	return true
}

// keep leaves the identity with the kernel, if it takes it.
func (f *files) keep() {
	identity, ok := f.identities[0].(*age.X25519Identity)
	if !ok || f.o.UnlockTTL <= 0 {
		return
	}
	text := []byte(identity.String())
	defer clear(text)
	keepIdentity(keptName(f.dir, f.key.recipient), text, f.o.UnlockTTL)
}

// locked reads the identity file and refuses what is not worth a passphrase.
func (f *files) locked() ([]byte, error) {
	path := f.identityPath()
	wrapped, err := privatefile.Read(path, maxAgeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &StoreError{Store: fileStore, Path: path, Trouble: Absent, Why: "the key of the stored seeds", Hints: []string{noKeyHint}}
	}
	if err != nil {
		return nil, f.failure(path, "reading", err)
	}
	if digest(wrapped) != f.key.sum {
		return nil, f.damage(path, "the file is not as it was written")
	}
	if err := f.checkHeader(path, wrapped); err != nil {
		return nil, err
	}
	return wrapped, f.checkWork(path, wrapped)
}

// open tries a passphrase; false is a wrong one.
func (f *files) open(wrapped []byte, passphrase string) (bool, error) {
	by, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return false, nil // an empty one
	}
	by.SetMaxWorkFactor(maxWork)
	text, err := decrypt(wrapped, by)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return false, nil
	}
	defer clear(text)
	if err != nil {
		return false, f.damage(f.identityPath(), "it does not open")
	}
	ids, err := parseIdentities(text)
	if err != nil || len(ids) != 1 {
		return false, f.damage(f.identityPath(), "it holds something else than a key")
	}
	identity, ok := ids[0].(*age.X25519Identity)
	if !ok || identity.Recipient().String() != f.key.recipient {
		return false, f.damage(f.identityPath(), "it holds another key than the seeds are stored for")
	}
	f.identities = []age.Identity{identity}
	f.keep()
	return true, nil
}

const ageHeader = "age-encryption.org/"

// checkHeader tells a newer version of age from damage.
func (f *files) checkHeader(path string, data []byte) error {
	line, _, _ := strings.Cut(string(data[:min(len(data), 64)]), "\n")
	version, found := strings.CutPrefix(line, ageHeader)
	switch {
	case found && version == "v1":
		return nil
	case found && strings.HasPrefix(version, "v"):
		return &StoreError{Store: fileStore, Path: path, Trouble: Newer, Hints: []string{newerHint}}
	}
	return f.damage(path, "it is no age file")
}

// checkWork reads the cost that the file asks for, which is the only part of it
// that does anything before it is authenticated.
func (f *files) checkWork(path string, data []byte) error {
	lines := strings.SplitN(string(data), "\n", 3)
	if len(lines) < 3 {
		return f.damage(path, "it is no age file")
	}
	fields := strings.Split(lines[1], " ")
	if len(fields) != 4 || fields[0] != "->" || fields[1] != "scrypt" {
		return f.damage(path, "it is not encrypted under a passphrase")
	}
	work, err := strconv.Atoi(fields[3])
	if err != nil || work < 1 || work > maxWork {
		return f.damage(path, "it asks for more work than this program ever does, or for none")
	}
	return nil
}

func (f *files) damage(path, why string) error {
	e := damaged(why)
	e.Store, e.Path = fileStore, path
	if path == f.identityPath() {
		e.Hints = []string{noKeyHint}
	}
	return e
}

func (f *files) failure(path, action string, err error) error {
	e := fileError(path, action, err)
	if store := (*StoreError)(nil); errors.As(e, &store) {
		store.Store = fileStore
	}
	return e
}

func encrypt(text []byte, to age.Recipient) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // writes the last piece
		return nil, err
	}
	return sealed.Bytes(), nil
}

// decrypt returns all of the text or none: age hands it out in pieces, the last
// of which may turn out to be missing.
func decrypt(sealed []byte, by ...age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), by...)
	if err != nil {
		return nil, err
	}
	text := make([]byte, 0, len(sealed)) // never grows, so that no copy stays behind
	for {
		n, err := r.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err == io.EOF {
			return text, nil
		}
		if err != nil || len(text) == cap(text) {
			clear(text)
			return nil, errors.Join(err, io.ErrUnexpectedEOF)
		}
	}
}

// readIdentities reads the user's own age identity file.
func readIdentities(path string) ([]age.Identity, error) {
	if path == "" {
		return nil, &StoreError{Store: fileStore, Trouble: Absent, Why: "the seeds are stored for an age identity of your own, and AWSMFA_AGE_IDENTITY is not set",
			Hints: []string{"set AWSMFA_AGE_IDENTITY to the path of that identity file"}}
	}
	text, err := readProtected(path, 64<<10)
	defer clear(text)
	if err != nil {
		return nil, badInput(path, "", err)
	}
	if why := notIdentities(text); why != "" {
		return nil, badInput(path, why, nil)
	}
	ids, err := parseIdentities(text)
	if err != nil {
		return nil, badInput(path, "it is no age identity file, or a line of it is damaged", nil)
	}
	return ids, nil
}

func badInput(path, why string, err error) error {
	e := &StoreError{Path: path, Trouble: BadInput, Why: why, Err: privatefile.Bare(err)}
	if errors.Is(err, privatefile.ErrMode) {
		e.Hints = []string{"close it to others: chmod go= " + strconv.Quote(path)}
	}
	return e
}

// notIdentities names what people have besides plain identities.
func notIdentities(text []byte) string {
	s := string(bytes.TrimSpace(text))
	switch {
	case s == "":
		return "it is empty"
	case strings.HasPrefix(s, ageHeader), strings.HasPrefix(s, "-----BEGIN AGE ENCRYPTED FILE-----"):
		return "it is encrypted itself: name a plain identity file, or leave it out and let awsmfa keep a key under a passphrase"
	case strings.Contains(s, "AGE-PLUGIN-"):
		return "it holds an identity of a plugin, and awsmfa runs no age plugins"
	case strings.HasPrefix(s, "-----BEGIN "):
		return "it is an SSH or another PEM key, not an age identity (age-keygen makes one)"
	case strings.HasPrefix(s, "age1"):
		return "it holds public keys, which open nothing"
	}
	return ""
}

// parseIdentities keeps age's own errors to itself.
func parseIdentities(text []byte) ([]age.Identity, error) {
	ids, err := age.ParseIdentities(bytes.NewReader(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
	if err != nil {
		return nil, fs.ErrInvalid
	}
	return ids, nil
}

// readProtected reads a file that the user names: it may be reached by a link
// and belong to root, as files do that a service manager provides, but nobody
// else may have had a hand in it or read it.
func readProtected(path string, limit int64) ([]byte, error) {
	if !filename.IsAbs(path) {
		return nil, privatefile.ErrNotAbsolute
	}
	file, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, privatefile.ErrNotRegular
	}
	if err := protected(info); err != nil {
		return nil, err
	}
	text := make([]byte, limit+1)
	n, err := io.ReadFull(file, text)
	if err == nil {
		clear(text)
		return nil, privatefile.ErrTooLarge
	}
	if err != io.EOF && err != io.ErrUnexpectedEOF {
		clear(text)
		return nil, err
	}
	return text[:n], nil
}
