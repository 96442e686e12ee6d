package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"awsmfa/internal/digest"
	"awsmfa/internal/filename"
	"awsmfa/internal/privatefile"
)

const (
	// pollEvery is how often a waiter looks again. A blocked flock(2) could not
	// be given up; at this pace a killed leader is succeeded within 0.1 s.
	pollEvery = 25 * time.Millisecond
	// sayAfter spares the common case, a leader that answers at once, a message.
	sayAfter = 300 * time.Millisecond
)

// Failure is what a process that failed tells those who waited for it.
type Failure struct {
	Exit    int // never 0
	Meaning Refusal
	Message string
	Hints   []string
	TTY     string // only waiters on this terminal share it; "" for all
}

// SharedError is a failure of another process that held the lock while this
// one waited. It means what it meant there.
type SharedError struct{ Failure }

func (e *SharedError) Error() string { return e.Message }

// Refusal implements Refused.
func (e *SharedError) Refusal() Refusal { return e.Meaning }

// held is a lock, or the lack of one where the file system has none to give.
type held struct {
	lock *privatefile.Lock
	path string
}

func (h held) unlock() {
	if h.lock != nil {
		h.lock.Unlock()
	}
}

// tell leaves a failure for those who wait at this moment: each compares the
// mark it saw before it began to wait.
func (h held) tell(f Failure) {
	if h.lock == nil {
		return
	}
	_, before := failure(h.path)
	n, _ := strconv.Atoi(before) // 0 when there was none: the lock is ours, so nobody else counts
	lines := append([]string{
		strconv.Itoa(n + 1), strconv.Itoa(f.Exit), strconv.Itoa(int(f.Meaning)), f.TTY, f.Message,
	}, f.Hints...)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "\n", " ")
	}
	privatefile.Write(failurePath(h.path), []byte(strings.Join(lines, "\n")+"\n"))
}

func failurePath(lock string) string { return strings.TrimSuffix(lock, ".lock") + ".failure" }

// failure returns the last one left beside a lock, and its mark: "" when there
// is none that can be read.
func failure(lock string) (f Failure, mark string) {
	text, err := privatefile.Read(failurePath(lock), 16<<10)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if err != nil || len(lines) < 5 {
		return Failure{}, ""
	}
	exit, err1 := strconv.Atoi(lines[1])
	meaning, err2 := strconv.Atoi(lines[2])
	if err1 != nil || err2 != nil || exit <= 0 {
		return Failure{}, ""
	}
	return Failure{Exit: exit, Meaning: Refusal(meaning), TTY: lines[3], Message: lines[4], Hints: lines[5:]}, lines[0]
}

// waiter is one wait for one lock.
type waiter struct {
	*run
	path  string
	mark  string // of the failure that was there before
	since time.Time
	said  string
	ready func() (Entry, bool) // looks whether waiting is over for another reason
}

// acquire waits for the lock called name. It ends early with an entry when
// ready finds one, and with a *SharedError when the one who was waited for failed.
func (r *run) acquire(ctx context.Context, name string, ready func() (Entry, bool)) (held, Entry, bool, error) {
	path := filename.Join(r.Locks, name+".lock")
	w := waiter{run: r, path: path, since: time.Now(), ready: ready}
	if err := privatefile.EnsureDir(r.Locks); err != nil {
		return w.lockless(err)
	}
	_, w.mark = failure(path)
	defer func() { r.waited += time.Since(w.since) }()
	return w.wait(ctx)
}

// lockless goes on where there are no locks: two processes may then do the
// same work, which is better than none doing it.
func (w *waiter) lockless(err error) (held, Entry, bool, error) {
	w.warn("working without locks: " + err.Error())
	e, ok := w.ready()
	return held{}, e, ok, nil
}

func (w *waiter) wait(ctx context.Context) (held, Entry, bool, error) {
	for {
		lock, got, err := tryLock(w.Locks, w.path)
		if err != nil {
			return w.lockless(err)
		}
		h := held{lock, w.path}
		if e, ok := w.ready(); ok {
			h.unlock()
			return held{}, e, true, nil
		}
		if err := w.shared(); err != nil {
			h.unlock()
			return held{}, Entry{}, false, err
		}
		if got {
			lock.SetHolder("pid=" + strconv.Itoa(w.PID) + " tty=" + w.TTY)
			return h, Entry{}, false, nil
		}
		if err := w.pause(ctx); err != nil {
			return held{}, Entry{}, false, err
		}
	}
}

// tryLock makes the directory anew where it is gone: somebody may clear the
// whole cache while we wait.
func tryLock(dir, path string) (*privatefile.Lock, bool, error) {
	lock, got, err := privatefile.TryLock(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return lock, got, err
	}
	if err := privatefile.EnsureDir(dir); err != nil {
		return nil, false, err
	}
	return privatefile.TryLock(path)
}

// shared returns the failure that was left while we waited, if it is ours to share.
func (w *waiter) shared() error {
	f, mark := failure(w.path)
	if mark == "" || mark == w.mark {
		return nil
	}
	w.mark = mark
	if f.TTY != "" && f.TTY != w.TTY {
		return nil
	}
	return &SharedError{f}
}

func (w *waiter) pause(ctx context.Context) error {
	waited := time.Since(w.since)
	if w.waited+waited > w.Patience { // in all: a chain of roles has a lock for each
		return fmt.Errorf("%w for %s after %s", ErrWaited, describeHolder(privatefile.Holder(w.path)), Short(w.Patience))
	}
	if waited > sayAfter {
		w.say(privatefile.Holder(w.path))
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pollEvery):
		return nil
	}
}

// say tells once who is waited for; not when that is the very terminal in
// front of the user, where the message would only tear the prompt apart.
func (w *waiter) say(holder string) {
	if holder == "" || holder == w.said {
		return
	}
	w.said = holder
	if _, tty := parseHolder(holder); w.OnTerminal && tty != "" && tty == w.TTY {
		return
	}
	w.Notify("waiting for " + describeHolder(holder))
}

func parseHolder(line string) (pid, tty string) {
	pid, tty, _ = strings.Cut(line, " tty=")
	return strings.TrimPrefix(pid, "pid="), tty
}

func describeHolder(line string) string {
	pid, tty := parseHolder(line)
	switch {
	case pid == "":
		return "another awsmfa"
	case tty == "":
		return "another awsmfa (pid " + pid + ")"
	}
	return "another awsmfa (pid " + pid + " on " + tty + ")"
}

// deviceLock names the lock of a device. Serials hold slashes and colons.
func deviceLock(serial string) string {
	sum := digest.Sum256([]byte(serial))
	return "device-" + digest.Hex(sum[:16])
}

var errNoEntry = func() (Entry, bool) { return Entry{}, false }

// Exclusive runs f while holding the lock called name, as the renewal would:
// for work beside it that must happen once among processes.
func (r *Renewer) Exclusive(ctx context.Context, name string, f func() error) error {
	one := &run{Renewer: r, began: r.Now()}
	h, _, _, err := one.acquire(ctx, name, errNoEntry)
	if err != nil {
		return err
	}
	defer h.unlock()
	err = f()
	one.share(h, err)
	return err
}

// share tells the waiters of h about err where Share finds that it concerns them.
func (r *run) share(h held, err error) {
	var theirs *SharedError
	if err == nil {
		return
	}
	if errors.As(err, &theirs) {
		h.tell(theirs.Failure)
		return
	}
	if f, ok := r.Share(err); ok {
		f.Meaning = refusal(err)
		h.tell(f)
	}
}

// WithDevice runs f while holding a device's lock, as what sends a code must.
func (r *Renewer) WithDevice(ctx context.Context, serial string, f func() error) error {
	return r.Exclusive(ctx, deviceLock(serial), f)
}
