package seed

import "context"

// The stores by the names that AWSMFA_SEED_STORE and the index use.
const (
	autoStore    = "auto"
	fileStore    = "file"
	keyringStore = "keyring"
)

// slot is the place of one seed in a store. A place is written once: another
// seed for the same device, and the same seed after a move, get a new one, so
// that the line of the index which names the place decides alone which seed
// there is.
type slot struct {
	serial string // the device, for people who look into the store
	id     string // 32 hex digits, by chance: the name of the place
	sum    string // what save returned when the seed was put there
}

// keeper keeps records: short texts (at most maxRecord bytes of UTF-8, no NUL)
// that hold a seed and the serial it belongs to. What is wrong with the store
// is a *StoreError.
type keeper interface {
	// load returns the record; a place with nothing in it is Missing. It may
	// ask for what unlocks the store. The caller wipes the record.
	load(ctx context.Context, s slot) (record []byte, err error)
	// save puts a record into a new place. The sum is kept in the index, in
	// plain text, for load to tell damage by; "" for none. Where the store keeps
	// what it is given as it is, a sum would give the seed away.
	save(ctx context.Context, s slot, record []byte) (sum string, err error)
	// remove empties a place. It is no error that nothing is there.
	remove(ctx context.Context, s slot) error
}

// prober tells, without asking anybody anything, whether a store can be used.
type prober interface {
	// probe returns nil when the store can take seeds: auto then picks it.
	probe(ctx context.Context) error
	// ready returns nil when load can succeed, if need be by asking somebody
	// who can be asked.
	ready(s slot) error
}

// backend is a store of seeds: the age files, or the OS keyring.
type backend interface {
	keeper
	prober
}
