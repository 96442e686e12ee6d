package command

import (
	"bytes"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"awsmfa/profile"
	"awsmfa/seed"
	"awsmfa/session"
)

func totpListVerb() *verb {
	return &verb{
		name: "totp list", summary: "show the devices whose seeds are stored, and where",
		examples: []string{"awsmfa totp list", "awsmfa totp list --json"},
		flags:    append([]cli.Flag{jsonFlag()}, talkFlags()...),
		run:      runTotpList,
	}
}

type seedRow struct {
	Serial   string   `json:"mfa_serial"`
	Issuer   string   `json:"issuer,omitempty"`
	Label    string   `json:"label,omitempty"`
	Added    string   `json:"added"`
	Profiles []string `json:"profiles"`
}

func runTotpList(_ context.Context, r *run, c *cli.Context, _ arrangement) error {
	f := &flagReader{r: r, c: c}
	f.talk()
	json := f.bool("json")
	if f.err != nil {
		return f.err
	}
	v, err := r.vaultOf(options{NoInput: true})
	if err != nil {
		return err
	}
	items, err := v.List()
	if err != nil {
		return err
	}
	store, why, err := v.Where()
	if err != nil {
		return err
	}
	rows := r.seedRows(items)
	if json {
		return r.writeJSON(map[string]any{"store": store, "reason": why, "seeds": rows})
	}
	var page bytes.Buffer
	if len(rows) > 0 {
		table(&page, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, "DEVICE\tLABEL\tADDED\tPROFILES")
			for _, row := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", shown(row.Serial), dash(row.name()), row.Added[:len("2006-01-02")], dash(someOf(row.Profiles)))
			}
		})
	}
	if len(rows) == 0 {
		r.note("no seed is stored; awsmfa totp add PROFILE stores one")
	}
	r.note("store: %s (%s)", orElse(store, "none yet"), why)
	return r.print(&page)
}

func (row seedRow) name() string {
	if row.Issuer != "" && row.Label != "" {
		return shown(row.Issuer + ": " + row.Label)
	}
	return shown(row.Issuer + row.Label)
}

// someOf keeps a column narrow.
func someOf(names []string) string {
	var b bytes.Buffer
	for i, name := range names {
		switch {
		case i == 3:
			fmt.Fprintf(&b, " and %d more", len(names)-3)
			return b.String()
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(shown(name))
	}
	return b.String()
}

func orElse(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

func (r *run) seedRows(items []seed.Item) []seedRow {
	users := r.profilesByDevice()
	rows := []seedRow{}
	for _, item := range items {
		rows = append(rows, seedRow{item.Serial, item.Issuer, item.Label, item.Added.UTC().Format(time.RFC3339), append([]string{}, users[item.Serial]...)})
	}
	return rows
}

// profilesByDevice is who uses which device, as far as the files can be read.
func (r *run) profilesByDevice() map[string][]string {
	files, err := profile.Load(profile.Locate(r.getenv, session.Home(r.getenv)))
	if err != nil {
		return nil
	}
	users := map[string][]string{}
	for _, p := range files.Profiles() {
		if s, _ := r.subjectOf(files, p.Name); s != nil && s.resolved != nil && s.resolved.MFASerial.IsSet() {
			users[s.resolved.MFASerial.Text] = append(users[s.resolved.MFASerial.Text], p.Name)
		}
	}
	return users
}

func totpRemoveVerb() *verb {
	return &verb{
		name: "totp remove", args: deviceArgument, takesProfile: true,
		summary:  "forget a device's seed; the device itself stays as it is",
		examples: []string{"awsmfa totp remove dev"},
		flags:    seedFlags(yesFlag()),
		run:      runTotpRemove,
	}
}

func runTotpRemove(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readSeedOptions(r, c, a)
	if err != nil {
		return err
	}
	serial, v, err := r.storedSeed(ctx, o)
	if err != nil {
		return err
	}
	if err := r.confirm(ctx, o, c.Bool("yes"), "forget the seed of "+shownUpTo(serial, 80)+"? without a phone that has it, nothing makes its codes"); err != nil {
		return err
	}
	if err := v.Remove(ctx, serial); err != nil {
		return seedError(serial, err)
	}
	r.note("%s: seed forgotten", shown(serial))
	return nil
}

func totpExportVerb() *verb {
	return &verb{
		name: "totp export", args: deviceArgument, takesProfile: true,
		summary:  "print a seed as otpauth URI or QR code, for a phone or another machine",
		examples: []string{"awsmfa totp export dev --as-qr"},
		flags:    seedFlags(&cli.BoolFlag{Name: "as-qr", Usage: "as a QR code for the terminal"}, yesFlag()),
		run:      runTotpExport,
	}
}

func runTotpExport(ctx context.Context, r *run, c *cli.Context, a arrangement) error {
	o, err := readSeedOptions(r, c, a)
	if err != nil {
		return err
	}
	serial, v, err := r.storedSeed(ctx, o)
	if err != nil {
		return err
	}
	// The question comes before the passphrase: none for what is not to be done.
	if err := r.confirm(ctx, o, c.Bool("yes"), "show the seed in plain text? whoever sees it can make its codes"); err != nil {
		return err
	}
	s, err := v.Load(ctx, serial)
	if err != nil {
		return seedError(serial, err)
	}
	uri := s.URI(orElse(s.Issuer(), awsIssuer), orElse(s.Label(), serial))
	if c.Bool("as-qr") {
		if uri, err = seed.QR(uri); err != nil {
			return err
		}
		return r.write([]byte(uri))
	}
	return r.write([]byte(uri + "\n"))
}

func totpMigrateVerb() *verb {
	return &verb{
		name: "totp migrate", summary: "move all seeds to the other store",
		examples: []string{"awsmfa totp migrate --to file", "awsmfa totp migrate --to keyring"},
		flags: append([]cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "the `STORE`: keyring or file"},
			&cli.BoolFlag{Name: "no-input", Usage: "never ask for anything"},
		}, talkFlags()...),
		run: runTotpMigrate,
	}
}

func runTotpMigrate(ctx context.Context, r *run, c *cli.Context, _ arrangement) error {
	o, err := storeOptions(r, c)
	if err != nil {
		return err
	}
	to := c.String("to")
	if to != "keyring" && to != "file" {
		return usagef("--to must be keyring or file, not %q", shown(to))
	}
	v, err := r.vaultOf(o)
	if err != nil {
		return err
	}
	moved, err := v.Migrate(ctx, to)
	if err != nil {
		return fmt.Errorf("moving the seeds: %w", err)
	}
	r.note("%s moved; the store is %s now", count(moved, "seed"), to)
	return nil
}

// storeOptions are those of verbs about the store itself.
func storeOptions(r *run, c *cli.Context) (options, error) {
	f := &flagReader{r: r, c: c}
	f.talk()
	o := options{NoInput: f.bool("no-input")}
	return o, f.err
}

func totpPassphraseVerb() *verb {
	return &verb{
		name: "totp passphrase", summary: "change the passphrase of the file store",
		examples: []string{"awsmfa totp passphrase"},
		flags:    talkFlags(),
		run: func(ctx context.Context, r *run, c *cli.Context, _ arrangement) error {
			o, err := storeOptions(r, c)
			if err != nil {
				return err
			}
			v, err := r.vaultOf(o)
			if err != nil {
				return err
			}
			if err := v.ChangePassphrase(ctx); err != nil {
				return fmt.Errorf("changing the passphrase: %w", err)
			}
			r.note("the passphrase is changed")
			return nil
		},
	}
}

func totpLockVerb() *verb {
	return &verb{
		name: "totp lock", summary: "forget the passphrase that was typed: the next code asks for it",
		examples: []string{"awsmfa totp lock"},
		flags:    talkFlags(),
		run: func(_ context.Context, r *run, c *cli.Context, _ arrangement) error {
			if _, err := storeOptions(r, c); err != nil {
				return err
			}
			if err := r.lockSeeds(); err != nil {
				return fmt.Errorf("locking the seeds: %w", err)
			}
			r.note("locked")
			return nil
		},
	}
}
