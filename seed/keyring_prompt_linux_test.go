package seed

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// standIn is a Secret Service with what gnome-keyring does not show without a
// screen: prompts, and transfers that are not encrypted. Like KeePassXC it says
// nothing of its items while it is locked.
type standIn struct {
	conn *dbus.Conn

	mu       sync.Mutex
	locked   bool
	items    map[dbus.ObjectPath]secret
	asked    []string // Prompt and Dismiss, as they came
	onPrompt func(*standIn)
}

const (
	standInPrompt     = dbus.ObjectPath("/org/freedesktop/secrets/prompt/p1")
	standInCollection = dbus.ObjectPath("/org/freedesktop/secrets/collection/default")
	standInItem       = dbus.ObjectPath("/org/freedesktop/secrets/collection/default/1")
)

func newStandIn(s *session) *standIn {
	s.t.Helper()
	f := &standIn{conn: s.connect(), items: map[dbus.ObjectPath]secret{}}
	all := func(name string, methods map[string]any, paths ...dbus.ObjectPath) {
		for _, path := range paths {
			if err := f.conn.ExportMethodTable(methods, path, name); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	all(secretService, map[string]any{"OpenSession": f.openSession, "ReadAlias": f.readAlias,
		"SearchItems": f.searchItems, "Unlock": f.unlock}, secretsRoot)
	all(secretCollection, map[string]any{"CreateItem": f.createItem}, standInCollection)
	all(secretItem, map[string]any{"GetSecret": f.getSecret, "Delete": f.delete}, standInItem)
	all(secretPrompt, map[string]any{"Prompt": f.prompt, "Dismiss": f.dismiss}, standInPrompt)
	all("org.freedesktop.DBus.Properties", map[string]any{"Get": f.get}, standInCollection, standInItem)
	if reply, err := f.conn.RequestName(secretsName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		s.t.Fatalf("request name: %v, %v", reply, err)
	}
	return f
}

func (f *standIn) openSession(algorithm string, _ dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	if algorithm != "plain" {
		return dbus.MakeVariant(""), noObject, dbus.NewError("org.freedesktop.DBus.Error.NotSupported", nil)
	}
	return dbus.MakeVariant(""), "/org/freedesktop/secrets/session/s1", nil
}

func (f *standIn) readAlias(string) (dbus.ObjectPath, *dbus.Error) { return standInCollection, nil }

func (f *standIn) searchItems(map[string]string) (unlocked, locked []dbus.ObjectPath, _ *dbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	unlocked, locked = []dbus.ObjectPath{}, []dbus.ObjectPath{}
	if len(f.items) > 0 && !f.locked {
		unlocked = append(unlocked, standInItem)
	}
	return unlocked, locked, nil
}

func (f *standIn) unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	return []dbus.ObjectPath{}, standInPrompt, nil
}

func (f *standIn) createItem(_ map[string]dbus.Variant, s secret, _ bool) (dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.items[standInItem] = s
	return standInItem, noObject, nil
}

func (f *standIn) getSecret(dbus.ObjectPath) (secret, *dbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.items[standInItem], nil
}

func (f *standIn) delete() (dbus.ObjectPath, *dbus.Error) { return standInPrompt, nil }

func (f *standIn) get(_, _ string) (dbus.Variant, *dbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return dbus.MakeVariant(f.locked), nil
}

func (f *standIn) prompt(string) *dbus.Error {
	f.mu.Lock()
	f.asked = append(f.asked, "Prompt")
	then := f.onPrompt
	f.mu.Unlock()
	if then != nil {
		then(f)
	}
	return nil
}

func (f *standIn) dismiss() *dbus.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, "Dismiss")
	return nil
}

// lock locks it, and says what happens when the prompt is shown.
func (f *standIn) lock(onPrompt func(*standIn)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locked, f.onPrompt = true, onPrompt
}

func (f *standIn) complete(dismissed, lockedAfter bool) {
	f.mu.Lock()
	f.locked = lockedAfter
	f.mu.Unlock()
	_ = f.conn.Emit(standInPrompt, secretPrompt+".Completed", dismissed, dbus.MakeVariant(""))
}

func (f *standIn) was() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// atScreen is the backend of somebody who sees prompts.
func (s *session) atScreen() keyring {
	k := s.keyring()
	k.asks = func() bool { return true }
	return k
}

func TestPromptOfTheKeyring(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		onPrompt func(*standIn)
		trouble  Trouble
		part     string
	}{
		{"unlocked", func(f *standIn) { f.complete(false, false) }, -1, ""},
		{"dismissed", func(f *standIn) { f.complete(true, true) }, Locked, "was dismissed"},
		{"said yes and stayed locked", func(f *standIn) { f.complete(false, true) }, Locked, "is locked"},
		{"no sense", func(f *standIn) { _ = f.conn.Emit(standInPrompt, secretPrompt+".Completed") }, Locked, "was dismissed"},
		{"ended", func(f *standIn) { f.conn.Close() }, Unusable, ""},
		{"gave its name away", func(f *standIn) { _, _ = f.conn.ReleaseName(secretsName) }, Unusable, "ended while it was asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSession(t)
			f := newStandIn(s)
			k := s.atScreen()
			mustSave(t, k, keyringPlace, []byte("kept"))
			f.lock(c.onPrompt)
			if err := k.probe(t.Context()); err != nil {
				t.Errorf("probe: %v", err)
			}
			if err := k.ready(keyringPlace); err != nil {
				t.Errorf("ready: %v", err)
			}
			if asked := f.was(); len(asked) != 0 {
				t.Fatalf("%q before anything was loaded", asked)
			}
			got, err := k.load(t.Context(), keyringPlace)
			if c.trouble < 0 {
				if string(got) != "kept" || err != nil {
					t.Errorf("load: %q, %v", got, err)
				}
				return
			}
			wantTrouble(t, err, c.trouble, c.part)
			if asked := f.was(); !slices.Equal(asked, []string{"Prompt"}) {
				t.Errorf("the keyring was told %q", asked)
			}
		})
	}
}

func TestPromptThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	f := newStandIn(s)
	f.lock(func(*standIn) {})
	k := s.atScreen()
	k.patient = 300 * time.Millisecond
	_, err := k.load(t.Context(), keyringPlace)
	wantTrouble(t, err, Locked, "not answered in 300ms")
}

// TestNoPromptWithoutAScreen: nothing may appear where nobody looks.
func TestNoPromptWithoutAScreen(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	f := newStandIn(s)
	k := s.keyring()
	mustSave(t, k, keyringPlace, []byte("kept"))
	wantTrouble(t, k.remove(t.Context(), keyringPlace), Locked, "is locked") // it asks before it removes
	s.until("the end of the prompt", func() bool { return slices.Equal(f.was(), []string{"Dismiss"}) })
	f.lock(func(*standIn) { t.Error("a prompt was shown") })
	_, err := k.load(t.Context(), keyringPlace)
	wantTrouble(t, err, Locked, "is locked")
	wantTrouble(t, k.ready(keyringPlace), Locked, "is locked")
}

func TestKeyringWithoutEncryption(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	newStandIn(s)
	k, heard := s.proxied(s.keyring())
	text := keyringRecord(t)
	mustSave(t, k, keyringPlace, text)
	wantLoad(t, k, keyringPlace, text)
	if !strings.Contains(heard(), keyringSecret) {
		t.Error("the listener would not hear a seed that is not encrypted")
	}
}

// TestServiceThatNeverAnswers owns the name and swallows every call.
func TestServiceThatNeverAnswers(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	f := newStandIn(s)
	f.conn.Eavesdrop(make(chan *dbus.Message, 100))
	k := s.atScreen()
	k.quick = 200 * time.Millisecond
	_, err := k.load(t.Context(), keyringPlace)
	wantTrouble(t, err, Unusable, "did not answer in 200ms")
}

func TestKeysAreAgreedOn(t *testing.T) {
	a, publicA, err := dhKey()
	if err != nil {
		t.Fatal(err)
	}
	b, publicB, err := dhKey()
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := dhShared(a, publicB)
	two, err2 := dhShared(b, publicA)
	if err1 != nil || err2 != nil || len(one) != 16 || !slices.Equal(one, two) {
		t.Errorf("no common key: %v, %v", err1, err2)
	}
	prime := dhPrime().Bytes()
	oneLess := slices.Clone(prime)
	oneLess[len(oneLess)-1]--
	for _, bad := range [][]byte{nil, {0}, {1}, prime, oneLess, append(prime, 0)} {
		if _, err := dhShared(a, bad); err == nil {
			t.Errorf("a half of %d bytes was taken", len(bad))
		}
	}
	good := transfer{"/s", one}
	sealed, err := good.seal([]byte("0123456789abcdef"))
	if err != nil || len(sealed.Value) != 32 {
		t.Fatalf("seal: %d bytes, %v", len(sealed.Value), err)
	}
	for _, bad := range []secret{{}, {Value: sealed.Value}, {Parameters: sealed.Parameters, Value: sealed.Value[:15]},
		{Parameters: sealed.Parameters, Value: sealed.Value[:16]}} {
		if _, err := good.open(bad); err == nil {
			t.Error("a damaged transfer was opened")
		}
	}
}
