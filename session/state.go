package session

import (
	"strconv"
	"strings"
	"time"

	"awsmfa/internal/digest"
	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

// Clock remembers how far the clock of an endpoint is from ours: AWS's own,
// whose servers agree, or one that is configured, which may be anybody's.
type Clock struct {
	Dir      string
	Endpoint string // "" for AWS's own
}

func (c Clock) path() string {
	if c.Endpoint == "" {
		return filename.Join(c.Dir, "clock")
	}
	sum := digest.Sum256([]byte(c.Endpoint))
	return filename.Join(c.Dir, "clock-"+digest.Hex(sum[:8]))
}

const (
	// clockNoise: a Date header has whole seconds and travels a while, so less
	// than this says nothing.
	clockNoise = 2 * time.Second
	// clockAge is how long a measured offset is believed: clocks get set.
	clockAge = 24 * time.Hour
)

// Load returns the remembered offset (server minus ours), 0 when none is believed.
func (c Clock) Load(now time.Time) time.Duration {
	text, err := privatefile.Read(c.path(), 256)
	if err != nil {
		return 0
	}
	ms, at, found := strings.Cut(strings.TrimSpace(string(text)), " ")
	offset, err1 := strconv.ParseInt(ms, 10, 44) // 278 years at most: a Duration holds 292
	measured, err2 := strconv.ParseInt(at, 10, 64)
	age := now.Sub(time.Unix(measured, 0))
	if !found || err1 != nil || err2 != nil || age > clockAge || age < -time.Minute {
		return 0
	}
	return time.Duration(offset) * time.Millisecond
}

// Store remembers a measured offset, or that there is none worth it.
func (c Clock) Store(offset time.Duration, now time.Time) error {
	if offset.Abs() < clockNoise {
		if c.Load(now) == 0 {
			return nil
		}
		offset = 0
	}
	if err := privatefile.EnsureDir(c.Dir); err != nil {
		return err
	}
	text := strconv.FormatInt(offset.Milliseconds(), 10) + " " + strconv.FormatInt(now.Unix(), 10) + "\n"
	return privatefile.Write(c.path(), []byte(text))
}

// Devices remembers which MFA device belongs to an access key, where the
// profiles do not say and IAM or the user did.
type Devices struct{ Dir string }

func (d Devices) path(accessKeyID string) string {
	return filename.Join(d.Dir, "device-"+accessKeyID)
}

// Load returns the serial remembered for an access key id, or "".
func (d Devices) Load(accessKeyID string) string {
	text, err := privatefile.Read(d.path(accessKeyID), 512)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Origin names the file, for messages that say where a serial comes from.
func (d Devices) Origin(accessKeyID string) string { return d.path(accessKeyID) }

// Store remembers a device.
func (d Devices) Store(accessKeyID, serial string) error {
	if err := privatefile.EnsureDir(d.Dir); err != nil {
		return err
	}
	return privatefile.Write(d.path(accessKeyID), []byte(serial+"\n"))
}

// Forget drops what is remembered for an access key id.
func (d Devices) Forget(accessKeyID string) error { return privatefile.Remove(d.path(accessKeyID)) }
