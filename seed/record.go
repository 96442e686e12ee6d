package seed

import (
	"crypto/subtle"
	"strconv"
	"strings"
)

const (
	recordHeader  = "awsmfa-seed "
	recordVersion = 1
	// maxSerial is what AWS allows a serial number (bytes, all of them ASCII).
	maxSerial = 256
	// maxRecord bounds a record, in bytes: header, serial, seed, last line.
	maxRecord = maxStored + maxSerial + 64
	// sumLength is how many hex digits of a digest end a record. They stand
	// beside the seed, so they give nothing away; 64 bits find any damage.
	sumLength = 16
)

// record is what a store keeps for a seed. The serial is in it so that two
// places that changed their contents do not give one device's codes for
// another's:
//
//	awsmfa-seed 1
//	serial arn:aws:iam::123456789012:mfa/jane
//	otpauth://totp/…
//	end <16 hex digits>
func record(serial string, s Seed) []byte {
	body := recordHeader + strconv.Itoa(recordVersion) + "\nserial " + serial + "\n" + s.stored() + "\n"
	return []byte(body + "end " + digest([]byte(body))[:sumLength] + "\n")
}

// readRecord is the way back. An error is a *StoreError, and holds nothing of
// what was read.
func readRecord(data []byte, serial string) (Seed, error) {
	text := string(data)
	if len(data) > maxRecord {
		return Seed{}, damaged("the stored seed is too long")
	}
	at := strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n") + 1
	if subtle.ConstantTimeCompare(data[at:], []byte("end "+digest(data[:at])[:sumLength]+"\n")) != 1 {
		return Seed{}, damaged("the stored seed is not as it was written")
	}
	lines := strings.Split(text[:at], "\n")
	version, err := strconv.Atoi(strings.TrimPrefix(lines[0], recordHeader))
	if err == nil && version > recordVersion {
		return Seed{}, &StoreError{Trouble: Newer, Hints: []string{newerHint}}
	}
	if err != nil || version != recordVersion || len(lines) != 4 {
		return Seed{}, damaged("the stored seed is not as it was written")
	}
	if lines[1] != "serial "+serial {
		return Seed{}, damaged("the stored seed belongs to another device")
	}
	s, err := fromStored([]byte(lines[2]))
	if err != nil {
		return Seed{}, damaged("the stored seed is not as it was written")
	}
	return s, nil
}
