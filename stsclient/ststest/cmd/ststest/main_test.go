package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"awsmfa/stsclient/ststest"
)

func TestRunUntilEOF(t *testing.T) {
	stdin, parent := io.Pipe()
	stdout, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		o := options{address: "127.0.0.1:0", untilEOF: true, users: names{"a"}, bare: names{"b"}, roles: names{"arn:aws:iam::111122223333:role/r"}, mfaRoles: names{"arn:aws:iam::111122223333:role/s"}}
		ended <- run(context.Background(), o, stdin, printed)
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var info ststest.Info
	if err := json.Unmarshal([]byte(line), &info); err != nil {
		t.Fatal(err)
	}
	if len(info.Users) != 2 || info.Users[0].MFASerial == "" || info.Users[1].MFASerial != "" || len(info.Roles) != 2 || info.Roles[0].RequireMFA || !info.Roles[1].RequireMFA {
		t.Errorf("info: %+v", info.Roles)
	}
	response, err := http.Get(info.Admin + "info")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	parent.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(info.Admin); err == nil {
		t.Error("still there")
	}
}

func TestRunRefuses(t *testing.T) {
	for _, o := range []options{{address: "0.0.0.0:0"}, {address: "127.0.0.1:0", roles: names{"x"}}, {address: "127.0.0.1:0", users: names{"a"}, mfaRoles: names{"x"}}} {
		if err := run(context.Background(), o, nil, io.Discard); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
