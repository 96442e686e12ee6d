package stsclient

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// moto starts moto's server, another stand-in for AWS, of other people's
// making: it checks neither signatures nor codes, but has its own forms of the
// answers. It takes seconds to start, so it is for the long run.
func moto(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	required := strings.FieldsFunc(os.Getenv("AWSMFA_REQUIRE_SHELLS"), func(r rune) bool { return r == ',' || r == ' ' })
	if err != nil && slices.Contains(required, "moto") {
		t.Fatal("moto is missing, and AWSMFA_REQUIRE_SHELLS lists it")
	}
	if err != nil || os.Getenv("AWSMFA_LONG") != "1" {
		t.Skip("moto is missing, or this is not the long run (AWSMFA_LONG=1)")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)
	server := exec.Command(program, "-H", "127.0.0.1", "-p", port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return "http://" + addr
		}
		if time.Now().After(end) {
			t.Fatal("moto does not answer")
		}
	}
}

func TestMoto(t *testing.T) {
	c, _ := client(t, Config{IAMEndpoint: moto(t), Now: time.Now, Budget: time.Minute})
	keys := longTerm(t)
	if err := c.change(t.Context(), c.iamRequest("CreateUser", keys, "UserName", "dev")); err != nil {
		t.Fatal(err)
	}
	made, err := c.CreateVirtualMFADevice(t.Context(), keys, "laptop")
	if err != nil || !strings.HasSuffix(made.Serial, ":mfa/laptop") || len(made.Seed.Bytes()) != 64 {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := c.CreateVirtualMFADevice(t.Context(), keys, "laptop"); KindOf(err) != AlreadyExists {
		t.Errorf("again: %v", err)
	}
	orphans, err := c.ListVirtualMFADevices(t.Context(), keys, Unassigned)
	if err != nil || len(orphans) != 1 || orphans[0] != (VirtualDevice{Serial: made.Serial}) {
		t.Errorf("orphans %+v, %v", orphans, err)
	}
	if err := c.EnableMFADevice(t.Context(), keys, "dev", made.Serial, Codes{First: "123456", Second: "654321"}); err != nil {
		t.Errorf("enable: %v", err)
	}
	assigned, err := c.ListVirtualMFADevices(t.Context(), keys, Assigned)
	if err != nil || len(assigned) != 1 || !strings.HasSuffix(assigned[0].UserARN, ":user/dev") {
		t.Errorf("assigned %+v, %v", assigned, err)
	}
	if err := c.DeactivateMFADevice(t.Context(), keys, "dev", made.Serial); err != nil {
		t.Errorf("deactivate: %v", err)
	}
	if err := c.DeactivateMFADevice(t.Context(), keys, "dev", made.Serial); KindOf(err) != NoSuchEntity {
		t.Errorf("deactivate again: %v", err)
	}
	if err := c.DeleteVirtualMFADevice(t.Context(), keys, made.Serial); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := c.DeleteVirtualMFADevice(t.Context(), keys, made.Serial); KindOf(err) != NoSuchEntity {
		t.Errorf("delete again: %v", err)
	}
}
