package session

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"awsmfa/internal/digest"
	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

// Memory remembers what a profile resolved to, so that a warm run need not
// read the AWS files: two stats and two small reads, whatever their size. Any
// doubt, and it answers nothing.
type Memory struct {
	Dir     string
	Devices Devices
}

// Remembered is what a resolved request comes down to.
type Remembered struct {
	Key      Key    // of the entry that is printed
	Region   string // as the files have it
	Endpoint string // whose clock counts, "" for AWS's own
	// Device is the access key id whose remembered MFA device, or the lack of
	// one, was part of it; "" when the files name the device.
	Device string
}

// settled is how long ago a file must have been written for its state to be
// believed: a second write within one tick of its times would not show.
const settled = 2 * time.Second

// maxMemory bounds a file, in bytes.
const maxMemory = 16 << 10

const memoryHeader = "awsmfa request 2"

// Recorder passes an environment on and notes what was asked for: whatever is
// asked while resolving may change the answer, if only by being set.
type Recorder struct {
	getenv func(string) string
	asked  []string
}

// NewRecorder records what is asked of getenv.
func NewRecorder(getenv func(string) string) *Recorder { return &Recorder{getenv: getenv} }

// Getenv is getenv, recorded.
func (r *Recorder) Getenv(name string) string {
	r.note(name)
	return r.getenv(name)
}

func (r *Recorder) note(name string) {
	for _, n := range r.asked {
		if n == name {
			return
		}
	}
	r.asked = append(r.asked, name)
}

// digestOf is over the names in their order and the values that they have.
func digestOf(names []string, getenv func(string) string) string {
	f := make(fields, 0, plainFields)
	for _, n := range names {
		f.add(n, getenv(n))
	}
	sum := digest.Sum256(f)
	return digest.Hex(sum[:])
}

// State tells one version of a file from the next; that it is missing is a
// state too. It is "" when the file was written too recently to be told from
// its next version, or cannot be looked at.
func State(path string, now time.Time) string {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return "absent"
	}
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	state, changed := fileState(info)
	if state == "" || now.Sub(info.ModTime()) < settled || now.Sub(changed) < settled {
		return ""
	}
	return state
}

// path names the file of a request: the profile, and which files it stands in.
func (m Memory) path(profile string, files []string) string {
	f := make(fields, 0, plainFields)
	f.add("request", profile)
	f.list(files)
	return filename.Join(m.Dir, f.key().String())
}

// nameOf is what stands in the file as well: another request's text in its
// place is none.
func nameOf(path string) string { return path[len(path)-2*len(Key{}):] }

// Store remembers what profile resolved to while its files, and behind them
// that of r.Device if there is one, were in the given states. It does nothing
// when a state is in doubt.
func (m Memory) Store(profile string, files, states []string, env *Recorder, r Remembered) error {
	for _, s := range states {
		if s == "" {
			return nil
		}
	}
	path := m.path(profile, files)
	lines := []string{memoryHeader, nameOf(path), r.Key.String(), r.Region, r.Endpoint, r.Device, strconv.Itoa(len(states))}
	lines = append(lines, states...)
	lines = append(lines, strings.Join(env.asked, " "), digestOf(env.asked, env.getenv))
	text := strings.Join(lines, "\n") + "\n"
	sum := checksum([]byte(text))
	text += string(sum[:]) + "\n"
	if strings.Count(text, "\n") != len(lines)+1 || len(text) > maxMemory {
		return nil // something in it holds a line end: not worth remembering
	}
	if err := privatefile.EnsureDir(m.Dir); err != nil {
		return err
	}
	return privatefile.WriteHint(path, []byte(text))
}

// plainLines is more than a file has: they then take no memory of their own.
const plainLines = 16

func appendLines(lines []string, text string) []string {
	for found := true; found; {
		var line string
		line, text, found = strings.Cut(text, "\n")
		lines = append(lines, line)
	}
	return lines
}

// Load returns what was remembered for profile, if nothing that it rests on
// has changed since.
func (m Memory) Load(profile string, files []string, now time.Time, getenv func(string) string) (Remembered, bool) {
	path := m.path(profile, files)
	text, err := privatefile.Read(path, maxMemory)
	if err != nil || !bytes.HasSuffix(text, []byte("\n")) {
		return Remembered{}, false
	}
	var room [plainLines]string
	lines := appendLines(room[:0], string(text[:len(text)-1]))
	n := len(lines) - 1
	sum := checksum(text[:len(text)-1-len(lines[n])])
	if n < 9 || lines[n] != string(sum[:]) || lines[0] != memoryHeader || lines[1] != nameOf(path) {
		return Remembered{}, false
	}
	states := lines[7 : n-2]
	if lines[5] != "" {
		files = append(files[:len(files):len(files)], m.Devices.path(lines[5]))
	}
	if len(states) != len(files) || lines[6] != strconv.Itoa(len(files)) || lines[5] != "" && m.Devices.Dir == "" {
		return Remembered{}, false
	}
	for i, path := range files {
		if s := State(path, now); s == "" || s != states[i] {
			return Remembered{}, false
		}
	}
	if digestOf(strings.Fields(lines[n-2]), getenv) != lines[n-1] {
		return Remembered{}, false
	}
	r := Remembered{Region: lines[3], Endpoint: lines[4], Device: lines[5]}
	return r, parseKey(&r.Key, lines[2]) == nil
}
