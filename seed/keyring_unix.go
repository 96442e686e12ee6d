//go:build linux || freebsd || netbsd || openbsd

package seed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"awsmfa/internal/text"

	"github.com/godbus/dbus/v5"
)

// Names of the Secret Service, as its specification 0.2 has them.
const (
	secretsName = "org.freedesktop.secrets"
	secretsRoot = dbus.ObjectPath("/org/freedesktop/secrets")
	noObject    = dbus.ObjectPath("/")

	secretService    = "org.freedesktop.Secret.Service"
	secretCollection = "org.freedesktop.Secret.Collection"
	secretItem       = "org.freedesktop.Secret.Item"
	secretPrompt     = "org.freedesktop.Secret.Prompt"

	busName = "org.freedesktop.DBus"
)

// hasScreen reports whether a window that asks for a password would be seen.
func hasScreen(getenv func(string) string) bool {
	return getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
}

// secrets is a connection to the Secret Service. It ends with the visit.
type secrets struct {
	*visit
	conn *dbus.Conn
}

func (v *visit) check() error {
	s, err := v.open()
	if err != nil {
		return err
	}
	defer s.conn.Close()
	collection, err := s.defaultCollection()
	if err != nil {
		return err
	}
	locked, err := s.locked(collection, secretCollection)
	if err == nil && locked && !v.asks() {
		return keyringLocked()
	}
	return err
}

// find says whether read can succeed, without asking.
func (v *visit) find(place slot) error {
	s, err := v.open()
	if err != nil {
		return err
	}
	defer s.conn.Close()
	unlocked, locked, err := s.search(place)
	switch {
	case err != nil || len(unlocked) > 0:
		return err
	case len(locked) > 0 && !v.asks():
		return keyringLocked()
	case len(locked) > 0:
		return nil
	}
	collection, err := s.defaultCollection()
	if err != nil {
		return err
	}
	// Some keyrings (KeePassXC) do not say what they hold while locked.
	shut, err := s.locked(collection, secretCollection)
	switch {
	case err != nil:
		return err
	case shut && !v.asks():
		return keyringLocked()
	case shut:
		return nil
	}
	return keyringMissing(place)
}

func (v *visit) read(place slot) ([]byte, error) {
	s, err := v.open()
	if err != nil {
		return nil, err
	}
	defer s.conn.Close()
	items, err := s.items(place)
	if err != nil {
		return nil, err
	}
	session, err := s.openSession()
	if err != nil {
		return nil, err
	}
	var sealed secret
	v.patiently() // KeePassXC may ask whether we may
	defer v.hurry()
	if err := s.call(items[0], secretItem+".GetSecret", session.path).Store(&sealed); err != nil {
		return nil, s.failed("reading a seed", err)
	}
	value, err := session.open(sealed)
	if err != nil {
		return nil, keyringError(Unusable, "reading a seed", err, hintFile)
	}
	return value, nil
}

func (v *visit) write(place slot, value []byte) error {
	s, err := v.open()
	if err != nil {
		return err
	}
	defer s.conn.Close()
	collection, err := s.defaultCollection()
	if err != nil {
		return err
	}
	if err := s.unlock(collection, secretCollection); err != nil {
		return err
	}
	session, err := s.openSession()
	if err != nil {
		return err
	}
	sealed, err := session.seal(value)
	if err != nil {
		return keyringError(Unusable, "storing a seed", err)
	}
	properties := map[string]dbus.Variant{
		secretItem + ".Label":      dbus.MakeVariant(keyringLabel(place)),
		secretItem + ".Attributes": dbus.MakeVariant(attributes(place)),
	}
	var item, prompt dbus.ObjectPath
	v.patiently()
	defer v.hurry()
	err = s.call(collection, secretCollection+".CreateItem", properties, sealed, true).Store(&item, &prompt)
	if err != nil {
		return s.failed("storing a seed", err)
	}
	return s.answer(prompt)
}

func (v *visit) erase(place slot) error {
	s, err := v.open()
	if err != nil {
		return err
	}
	defer s.conn.Close()
	items, err := s.items(place)
	if err != nil {
		return err
	}
	v.patiently()
	defer v.hurry()
	for _, item := range items {
		var prompt dbus.ObjectPath
		if err := s.call(item, secretItem+".Delete").Store(&prompt); err != nil {
			return s.failed("removing a seed", err)
		}
		if err := s.answer(prompt); err != nil {
			return err
		}
	}
	return nil
}

// keyringLabel is what managers of keyrings list an item as.
func keyringLabel(s slot) string { return "awsmfa: TOTP seed of " + s.serial }

// attributes are what items are found by. The first two are those that other
// programs use as well, so that secret-tool finds a seed by its serial.
func attributes(place slot) map[string]string {
	return map[string]string{"service": keyringService, "username": place.serial, "place": place.id}
}

// open connects to the bus and sees that somebody keeps secrets there.
func (v *visit) open() (*secrets, error) {
	conn, err := v.connect()
	if err != nil {
		return nil, err
	}
	s := &secrets{v, conn}
	if err := s.offered(); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// offered tells the absence of a secret service from one that is only not
// started yet, which the bus does at the first call.
func (s *secrets) offered() error {
	var owned bool
	err := s.bus("NameHasOwner", secretsName).Store(&owned)
	if err != nil || owned {
		return s.failed("asking the bus for a secret service", err)
	}
	var names []string
	if err := s.bus("ListActivatableNames").Store(&names); err != nil {
		return s.failed("asking the bus for a secret service", err)
	}
	if !slices.Contains(names, secretsName) {
		return noService()
	}
	return nil
}

func keyringLocked() error {
	return keyringError(Locked, "", nil, hintUnlock, hintFile)
}

func noService() error {
	return keyringError(Absent, "no program keeps secrets in this session", nil, hintInstall, hintFile)
}

func (s *secrets) bus(method string, args ...any) *dbus.Call {
	return s.conn.BusObject().CallWithContext(s.ctx, busName+"."+method, 0, args...)
}

func (s *secrets) call(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return s.conn.Object(secretsName, path).CallWithContext(s.ctx, method, 0, args...)
}

// defaultCollection is where new secrets go: the login keyring, as a rule.
func (s *secrets) defaultCollection() (dbus.ObjectPath, error) {
	var path dbus.ObjectPath
	if err := s.call(secretsRoot, secretService+".ReadAlias", "default").Store(&path); err != nil {
		return "", s.failed("looking for the default keyring", err)
	}
	if path == noObject || !path.IsValid() {
		return "", keyringError(Absent, "it has no default keyring", nil,
			"log in at the desktop once, or make a default keyring in its password manager", hintFile)
	}
	return path, nil
}

func (s *secrets) locked(path dbus.ObjectPath, kind string) (bool, error) {
	var value dbus.Variant
	err := s.call(path, "org.freedesktop.DBus.Properties.Get", kind, "Locked").Store(&value)
	if err != nil {
		return false, s.failed("looking whether the keyring is locked", err)
	}
	locked, ok := value.Value().(bool)
	return locked || !ok, nil
}

func (s *secrets) search(place slot) (unlocked, locked []dbus.ObjectPath, err error) {
	err = s.call(secretsRoot, secretService+".SearchItems", attributes(place)).Store(&unlocked, &locked)
	return unlocked, locked, s.failed("looking for a seed", err)
}

// items are those of a place, at least one, unlocked.
func (s *secrets) items(place slot) ([]dbus.ObjectPath, error) {
	unlocked, locked, err := s.search(place)
	if err != nil || len(unlocked) > 0 {
		return unlocked, err
	}
	if len(locked) > 0 {
		return locked, s.unlock(locked[0], secretItem)
	}
	collection, err := s.defaultCollection()
	if err != nil {
		return nil, err
	}
	if err := s.unlock(collection, secretCollection); err != nil {
		return nil, err
	}
	// What was locked may have held it without saying so.
	unlocked, _, err = s.search(place)
	if err == nil && len(unlocked) == 0 {
		err = keyringMissing(place)
	}
	return unlocked, err
}

// unlock has the keyring ask for its password where that is necessary and
// somebody is there.
func (s *secrets) unlock(path dbus.ObjectPath, kind string) error {
	locked, err := s.locked(path, kind)
	if err != nil || !locked {
		return err
	}
	if !s.asks() {
		return keyringLocked()
	}
	var done []dbus.ObjectPath
	var prompt dbus.ObjectPath
	s.patiently()
	defer s.hurry()
	if err := s.call(secretsRoot, secretService+".Unlock", []dbus.ObjectPath{path}).Store(&done, &prompt); err != nil {
		return s.failed("unlocking the keyring", err)
	}
	if err := s.answer(prompt); err != nil {
		return err
	}
	if locked, err = s.locked(path, kind); err == nil && locked {
		return keyringLocked()
	}
	return err
}

// answer shows a prompt of the keyring and waits for its end, or for the end of
// the keyring.
func (s *secrets) answer(prompt dbus.ObjectPath) error {
	if prompt == noObject {
		return nil
	}
	if !s.asks() {
		s.call(prompt, secretPrompt+".Dismiss")
		return keyringLocked()
	}
	signals := make(chan *dbus.Signal, 8)
	s.conn.Signal(signals)
	defer s.conn.RemoveSignal(signals)
	if err := s.watch(prompt); err != nil {
		return err
	}
	if err := s.call(prompt, secretPrompt+".Prompt", "").Err; err != nil {
		return s.failed("asking to unlock the keyring", err)
	}
	for {
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case signal, open := <-signals:
			if !open || signal.Name == busName+".NameOwnerChanged" {
				return keyringError(Unusable, "it ended while it was asked", nil, "run this again", hintFile)
			}
			if signal.Path == prompt && signal.Name == secretPrompt+".Completed" {
				return completed(signal)
			}
		}
	}
}

func (s *secrets) watch(prompt dbus.ObjectPath) error {
	err := s.conn.AddMatchSignalContext(s.ctx,
		dbus.WithMatchSender(secretsName), dbus.WithMatchObjectPath(prompt), dbus.WithMatchInterface(secretPrompt))
	if err == nil {
		err = s.conn.AddMatchSignalContext(s.ctx, dbus.WithMatchSender(busName),
			dbus.WithMatchInterface(busName), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, secretsName))
	}
	return s.failed("asking to unlock the keyring", err)
}

func completed(signal *dbus.Signal) error {
	if len(signal.Body) > 0 && signal.Body[0] == false {
		return nil
	}
	return keyringError(Locked, "its prompt was dismissed", nil, hintUnlock, hintFile)
}

// failed gives an error of the bus the words of ours; nil stays nil.
func (s *secrets) failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	var answer dbus.Error
	if !errors.As(err, &answer) {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		return keyringError(Unusable, doing+": the connection to it broke off", nil, "run this again", hintFile)
	}
	switch {
	case answer.Name == "org.freedesktop.Secret.Error.IsLocked":
		return keyringLocked()
	case answer.Name == "org.freedesktop.DBus.Error.ServiceUnknown",
		answer.Name == "org.freedesktop.DBus.Error.NameHasNoOwner",
		strings.HasPrefix(answer.Name, "org.freedesktop.DBus.Error.Spawn."):
		return noService()
	}
	said := text.Clean(fmt.Sprintf("%s (%s)", answer.Error(), answer.Name), 200)
	return keyringError(Unusable, doing, errors.New(said), "run this again", hintFile)
}
