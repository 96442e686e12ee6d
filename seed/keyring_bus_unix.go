//go:build linux || freebsd || netbsd || openbsd

package seed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

const platform = "unix"

// connect opens a connection of our own to the session bus, by way of a socket
// and of nothing else: what libraries do when they find no bus is to run
// dbus-launch, and an address can name a program to run, or another machine.
func (v *visit) connect() (*dbus.Conn, error) {
	sockets, err := busSockets(v.getenv, os.Getuid())
	if err != nil {
		return nil, err
	}
	socket, err := dialFirst(v.ctx, sockets)
	if err != nil {
		return nil, noBus("nothing answers at the D-Bus session bus", bareSocketError(err))
	}
	if err := checkPeer(socket); err != nil {
		socket.Close()
		return nil, noBus("the D-Bus session bus is not to be trusted", err)
	}
	conn, err := dbus.NewConn(socket, dbus.WithContext(v.ctx))
	if err != nil {
		socket.Close()
		return nil, noBus("the D-Bus session bus cannot be used", err)
	}
	if err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, noBus("the D-Bus session bus does not let us in", nil)
	}
	return conn, nil
}

func noBus(why string, err error) error {
	return keyringError(Absent, why, err, "log in at a desktop, or set DBUS_SESSION_BUS_ADDRESS to the bus of one", hintFile)
}

func dialFirst(ctx context.Context, sockets []string) (conn *net.UnixConn, err error) {
	for _, socket := range sockets {
		var c net.Conn
		if c, err = new(net.Dialer).DialContext(ctx, "unix", socket); err == nil {
			return c.(*net.UnixConn), nil
		}
	}
	return nil, err
}

// bareSocketError leaves the cause and the socket of what package net says.
func bareSocketError(err error) error {
	var op *net.OpError
	var call *os.SyscallError
	if errors.As(err, &op) && errors.As(err, &call) {
		return fmt.Errorf("%q: %w", op.Addr.String(), call.Err)
	}
	return err
}

// busSockets lists the sockets at which the session bus may be listening: those
// of DBUS_SESSION_BUS_ADDRESS, or else, where there is one, the bus of the
// user's runtime directory.
func busSockets(getenv func(string) string, uid int) ([]string, error) {
	address := getenv("DBUS_SESSION_BUS_ADDRESS")
	runtime := getenv("XDG_RUNTIME_DIR")
	if address != "" && !strings.HasPrefix(address, "autolaunch:") {
		sockets := socketsOf(address, runtime)
		if len(sockets) == 0 {
			return nil, noBus("DBUS_SESSION_BUS_ADDRESS names no socket of this machine", nil)
		}
		return sockets, nil
	}
	if !filepath.IsAbs(runtime) {
		runtime = filepath.Join("/run/user", strconv.Itoa(uid))
	}
	socket := filepath.Join(runtime, "bus")
	if info, err := os.Stat(socket); err != nil || info.Mode().Type() != os.ModeSocket {
		return nil, noBus("there is no D-Bus session bus", nil)
	}
	return []string{socket}, nil
}

// socketsOf reads a D-Bus address: "unix:path=/run/user/1000/bus,guid=…;…", its
// values with %hh escapes (D-Bus specification, "Server Addresses").
func socketsOf(address, runtime string) (sockets []string) {
	for one := range strings.SplitSeq(address, ";") {
		keys, ok := strings.CutPrefix(one, "unix:")
		if !ok {
			continue
		}
		for pair := range strings.SplitSeq(keys, ",") {
			key, value, _ := strings.Cut(pair, "=")
			value, err := url.PathUnescape(value)
			switch {
			case err != nil || value == "":
			case key == "path" && filepath.IsAbs(value):
				sockets = append(sockets, value)
			case key == "abstract":
				sockets = append(sockets, "@"+value)
			case key == "runtime" && value == "yes" && filepath.IsAbs(runtime):
				sockets = append(sockets, filepath.Join(runtime, "bus"))
			}
		}
	}
	return sockets
}
