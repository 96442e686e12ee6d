package command

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestKilledAtEachStep kills a run before each of its calls that touch a file;
// in a short run before those that change a session.
func TestKilledAtEachStep(t *testing.T) {
	binary := buildRelease(t)
	for _, k := range killCases() {
		t.Run(k.args, func(t *testing.T) {
			for n, s := range traceSteps(t, binary, k) {
				if !long() && !s.changesSession() {
					continue
				}
				c := prepared(t, binary, k)
				before := c.sessions()
				tr := c.trace(k, func(i int, _ step) fate { return fate{kill: i == n} })
				if o := tr.run(t); o.code == 128+int(syscall.SIGKILL) { // else it made fewer steps this time
					c.afterKill(k, before, o.stdout, "before "+tr.steps[n].String())
				}
			}
		})
	}
}

func (s step) changesSession() bool {
	return strings.Contains(s.path, "/sessions/") && slices.Contains([]string{"write", "rename", "unlink", "sync"}, s.name)
}

func prepared(t *testing.T, binary string, k killCase) *crowd {
	t.Helper()
	c := newKillCrowd(t, binary)
	if k.before != "" {
		c.must(k.before)
	}
	return c
}

func (c *crowd) trace(k killCase, decide func(int, step) fate) *tracer {
	return &tracer{cmd: c.command(c.words(k.args)...), home: c.home, decide: decide}
}

func traceSteps(t *testing.T, binary string, k killCase) []step {
	t.Helper()
	c := prepared(t, binary, k)
	tr := c.trace(k, func(int, step) fate { return fate{} })
	if o := tr.run(t); o.code != 0 {
		t.Fatalf("%s: exit %d\n%s", k.args, o.code, o.stderr)
	}
	if len(tr.steps) < 5 {
		t.Fatalf("too few steps: %v", tr.steps)
	}
	return tr.steps
}

// diskErrors are what a step may meet.
func diskErrors(s step) []syscall.Errno {
	list := []syscall.Errno{syscall.EIO, syscall.EACCES}
	switch s.name {
	case "open":
		list = append(list, syscall.EMFILE, syscall.ENOSPC, syscall.EROFS)
	case "mkdir", "rename", "write", "unlink", "chmod", "truncate":
		list = append(list, syscall.ENOSPC, syscall.EROFS)
	case "lock":
		list = append(list, syscall.ENOLCK, syscall.EINTR)
	}
	return list
}

// TestDiskFailsAtEachStep has each call that touches a file fail: what a code
// was spent on is printed all the same, and what could not be kept is told.
func TestDiskFailsAtEachStep(t *testing.T) {
	binary := buildRelease(t)
	count := 0
	for _, k := range []killCase{
		{"", "env dev -t CODE"},
		{"login dev -t CODE", "env admin"},
		{"env admin -t CODE", "process admin"},
		{"env admin -t CODE", "logout admin"},
	} {
		t.Run(k.args, func(t *testing.T) {
			for n, s := range traceSteps(t, binary, k) {
				for i, errno := range diskErrors(s) {
					if !long() && (n+i)%24 != 0 {
						continue
					}
					count++
					c := prepared(t, binary, k)
					tr := c.trace(k, func(i int, _ step) fate {
						if i == n {
							return fate{err: errno}
						}
						return fate{}
					})
					o := tr.run(t)
					if n < len(tr.steps) {
						c.afterFailure(k, o, fmt.Sprintf("%s at %s", errno.Error(), tr.steps[n]))
					}
				}
			}
		})
	}
	t.Logf("%d failures", count)
}

func (c *crowd) afterFailure(k killCase, o outcome, what string) {
	c.t.Helper()
	bought := false
	for _, r := range c.server.Requests() {
		bought = bought || r.Issued != "" && r.HasCode
	}
	prints := !strings.HasPrefix(k.args, "logout")
	if bought && k.before == "" && o.code != 0 {
		c.t.Errorf("%s: exit %d, and the code is spent\n%s", what, o.code, o.stderr)
	}
	if o.code == 0 && prints && !completeStatements(o.stdout) && !strings.HasPrefix(o.stdout, `{"Version":1,`) {
		c.t.Errorf("%s: printed %q", what, o.stdout)
	}
	if o.code != 0 && o.stdout != "false;\n" && o.stdout != "" {
		c.t.Errorf("%s: exit %d, and printed %q", what, o.code, o.stdout)
	}
	if o.code != 0 && !strings.Contains(o.stderr, "awsmfa: error: ") {
		c.t.Errorf("%s: exit %d without a word: %q", what, o.code, o.stderr)
	}
	if strings.Contains(o.stderr, "goroutine ") || strings.Contains(o.stderr, c.user.SecretAccessKey) {
		c.t.Errorf("%s: %s", what, o.stderr)
	}
	got := c.sessions()
	if o.code == 0 && prints && !strings.Contains(o.stderr, "warning: ") {
		id := behind(strings.ReplaceAll(o.stdout, `"AccessKeyId":"`, "AWS_ACCESS_KEY_ID='"), "AWS_ACCESS_KEY_ID='")
		if len(id) < 20 || !holds(got, id[:20]) {
			c.t.Errorf("%s: not cached, and no word of it\n%s", what, o.stderr)
		}
	}
	c.worksAgain(got)
}
