package seed

import (
	"context"
	"testing"
)

// The vault on a real keyring: picked, moved away, and back.
func TestVaultOnGnomeKeyring(t *testing.T) {
	ctx := context.Background()
	s := newSession(t)
	s.gnomeKeyring(true)
	w := newWorld(t)
	real := func(types ...string) *Vault {
		v := w.vault(types...)
		v.keyring = s.keyring()
		return v
	}
	w.add(real(), jane, secretA)
	w.add(real(), john, secretB)
	if store, _, err := real().Where(); store != "keyring" || err != nil {
		t.Fatalf("%q, %v", store, err)
	}
	w.holds(real(), jane, secretA)
	if err := real().Ready(john); err != nil {
		t.Error(err)
	}
	if n, err := real("right", "right").Migrate(ctx, "file"); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	w.tidy(2, 0)
	w.holds(w.vault("right"), john, secretB)
	if n, err := real("right").Migrate(ctx, "keyring"); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	w.tidy(0, 0)
	w.holds(real(), jane, secretA)
	if err := real().Remove(ctx, jane); err != nil {
		t.Error(err)
	}
	if len(w.warned) > 0 {
		t.Errorf("warned: %q", w.warned)
	}
}
