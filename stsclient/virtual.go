package stsclient

import (
	"context"
	"encoding/xml"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"awsmfa/credentials"
)

// An account lists all its virtual devices: many users have eight each. What
// goes beyond these bounds is no answer of AWS's.
const (
	virtualPerPage  = 1000
	maxVirtualPages = 50
)

// NewDevice is a virtual device as it is born: it belongs to nobody yet, and
// its seed is never shown again.
type NewDevice struct {
	Serial string
	Seed   SeedText
}

// User is the IAM user of a key. Root has no Name.
type User struct{ Name, ARN, Account string }

// VirtualDevice is a virtual MFA device of the account.
type VirtualDevice struct {
	Serial  string
	UserARN string    // "" while it is assigned to nobody
	Enabled time.Time // zero while it is assigned to nobody
}

// Assignment chooses among an account's virtual devices.
type Assignment string

// The assignments that ListVirtualMFADevices knows.
const (
	Assigned   Assignment = "Assigned"
	Unassigned Assignment = "Unassigned"
	Any        Assignment = "Any"
)

// CreateVirtualMFADevice makes a virtual device of that name, assigned to
// nobody. It is sent again only where AWS cannot have done it: when
// Error.MayBeDone, a device may exist whose seed nobody has.
func (c *Client) CreateVirtualMFADevice(ctx context.Context, from credentials.Credentials, name string) (NewDevice, error) {
	r := c.iamRequest("CreateVirtualMFADevice", from, "VirtualMFADeviceName", name)
	r.effect = once
	return call(ctx, c, r, parseCreated)
}

// Codes are those of two time steps in a row.
type Codes struct {
	First, Second string
	// Until is the instant after which they must not leave any more; the call
	// then fails with Stale, and AWS has seen nothing. Zero is no limit.
	Until time.Time
}

// EnableMFADevice assigns a virtual device to a user, who proves with the codes
// of two steps in a row that its seed is known. The codes are sent once.
func (c *Client) EnableMFADevice(ctx context.Context, from credentials.Credentials, userName, serial string, codes Codes) error {
	return c.withCodes(ctx, "EnableMFADevice", from, userName, serial, codes)
}

// ResyncMFADevice tells AWS by the codes of two steps in a row how far the
// device's clock is off. The codes are sent once.
func (c *Client) ResyncMFADevice(ctx context.Context, from credentials.Credentials, userName, serial string, codes Codes) error {
	return c.withCodes(ctx, "ResyncMFADevice", from, userName, serial, codes)
}

func (c *Client) withCodes(ctx context.Context, action string, from credentials.Credentials, userName, serial string, codes Codes) error {
	r := c.iamRequest(action, from, "UserName", userName, "SerialNumber", serial, "AuthenticationCode1", codes.First, "AuthenticationCode2", codes.Second)
	r.code, r.code2, r.until, r.effect = codes.First, codes.Second, codes.Until, once
	return c.change(ctx, r)
}

// DeactivateMFADevice takes a device away from its user. It may be sent again:
// when a repetition finds nothing left to do, the first sending did it.
func (c *Client) DeactivateMFADevice(ctx context.Context, from credentials.Credentials, userName, serial string) error {
	r := c.iamRequest("DeactivateMFADevice", from, "UserName", userName, "SerialNumber", serial)
	r.effect = removal
	return c.change(ctx, r)
}

// DeleteVirtualMFADevice deletes a virtual device that is assigned to nobody.
// It may be sent again, as DeactivateMFADevice.
func (c *Client) DeleteVirtualMFADevice(ctx context.Context, from credentials.Credentials, serial string) error {
	r := c.iamRequest("DeleteVirtualMFADevice", from, "SerialNumber", serial)
	r.effect = removal
	return c.change(ctx, r)
}

// GetUser says which IAM user a key belongs to.
func (c *Client) GetUser(ctx context.Context, from credentials.Credentials) (User, error) {
	return call(ctx, c, c.iamRequest("GetUser", from), parseUser)
}

// ListVirtualMFADevices lists the account's virtual devices, those of other
// users too, as far as the caller may see them.
func (c *Client) ListVirtualMFADevices(ctx context.Context, from credentials.Credentials, which Assignment) ([]VirtualDevice, error) {
	var all []VirtualDevice
	marker := ""
	for page := 1; page <= maxVirtualPages; page++ {
		r := c.iamRequest("ListVirtualMFADevices", from, "AssignmentStatus", string(which), "MaxItems", strconv.Itoa(virtualPerPage), "Marker", marker)
		got, err := call(ctx, c, r, parseVirtual)
		if err != nil {
			return nil, err
		}
		if all = append(all, got.devices...); got.next == "" {
			return all, nil
		}
		marker = got.next
	}
	r := request{at: c.iam, action: "ListVirtualMFADevices"}
	return nil, c.complete(&Error{Kind: BadAnswer, Sent: true, Err: errTooMany}, r)
}

// iamRequest writes a call to IAM; parameters without a value are left out.
func (c *Client) iamRequest(action string, from credentials.Credentials, pairs ...string) request {
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return request{at: c.iam, action: action, from: from, form: []byte(form.Encode())}
}

// change makes a call whose answer says nothing but that it was done.
func (c *Client) change(ctx context.Context, r request) error {
	if _, e := c.send(ctx, r); e != nil {
		return e
	}
	return nil
}

// call makes a call and reads its answer. An answer that cannot be read was
// still an answer: what was asked for may have been done.
func call[T any](ctx context.Context, c *Client, r request, parse func([]byte) (T, error)) (T, error) {
	var none T
	body, e := c.send(ctx, r)
	if e != nil {
		return none, e
	}
	got, err := parse(body)
	if err != nil {
		return none, c.complete(&Error{Kind: BadAnswer, Sent: true, Err: err}, r)
	}
	return got, nil
}

// What IAM's answers can have wrong. None of the texts holds any of the answer.
var (
	errNoNewDevice = errors.New("the answer lacks the new device")
	errBadSeed     = errors.New("the answer's seed is not base64 of a base32 text")
	errBadUser     = errors.New("the user in the answer is not of AWS's form")
)

func parseCreated(body []byte) (NewDevice, error) {
	var doc struct {
		Device *struct {
			SerialNumber     string
			Base32StringSeed string
		} `xml:"CreateVirtualMFADeviceResult>VirtualMFADevice"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil || doc.Device == nil {
		return NewDevice{}, errNoNewDevice
	}
	if !isVirtualSerial(doc.Device.SerialNumber) {
		return NewDevice{}, errBadDevice
	}
	seed, err := decodeSeed(doc.Device.Base32StringSeed)
	if err != nil {
		return NewDevice{}, err
	}
	return NewDevice{Serial: doc.Device.SerialNumber, Seed: seed}, nil
}

func parseUser(body []byte) (User, error) {
	var doc struct {
		User *struct {
			UserName, Arn string
		} `xml:"GetUserResult>User"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil || doc.User == nil {
		return User{}, errBadUser
	}
	u := User{Name: doc.User.UserName, ARN: doc.User.Arn, Account: accountOf(doc.User.Arn)}
	root := strings.HasSuffix(u.ARN, ":root")
	if !isAccount(u.Account) || !isPrincipal(u.ARN, u.Account) || !root && !isUserName(u.Name) || root && u.Name != "" && !isUserName(u.Name) {
		return User{}, errBadUser
	}
	if root {
		u.Name = ""
	}
	return u, nil
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

// virtualPage is one page of the account's devices; next is "" on the last.
type virtualPage struct {
	devices []VirtualDevice
	next    string
}

func parseVirtual(body []byte) (virtualPage, error) {
	var doc struct {
		Result *struct {
			Devices *struct {
				Members []virtualMember `xml:"member"`
			} `xml:"VirtualMFADevices"`
			IsTruncated string
			Marker      string
		} `xml:"ListVirtualMFADevicesResult"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil {
		return virtualPage{}, errBadDevices
	}
	if doc.Result == nil || doc.Result.Devices == nil {
		return virtualPage{}, errNoDevices
	}
	var page virtualPage
	for _, m := range doc.Result.Devices.Members {
		d, err := m.device()
		if err != nil {
			return virtualPage{}, err
		}
		page.devices = append(page.devices, d)
	}
	if strings.TrimSpace(doc.Result.IsTruncated) != "true" {
		return page, nil
	}
	if !isShown(doc.Result.Marker, maxMarker) {
		return virtualPage{}, errBadMarker
	}
	page.next = doc.Result.Marker
	return page, nil
}

type virtualMember struct {
	SerialNumber string
	EnableDate   string
	UserARN      string `xml:"User>Arn"`
}

func (m virtualMember) device() (VirtualDevice, error) {
	d := VirtualDevice{Serial: m.SerialNumber, UserARN: m.UserARN}
	if !isVirtualSerial(d.Serial) || d.UserARN != "" && !isPrincipal(d.UserARN, accountOf(d.Serial)) {
		return VirtualDevice{}, errBadDevice
	}
	if text := strings.TrimSpace(m.EnableDate); text != "" {
		enabled, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return VirtualDevice{}, errBadDevice
		}
		d.Enabled = enabled.UTC()
	}
	return d, nil
}

// isVirtualSerial takes the ARNs of virtual devices: arn:aws:iam::ACCOUNT:mfa/NAME.
func isVirtualSerial(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	if !isSerial(s) || len(parts) != 6 {
		return false
	}
	name, isMFA := strings.CutPrefix(parts[5], "mfa/")
	return parts[0] == "arn" && isRegion(parts[1]) && parts[2] == "iam" && parts[3] == "" && isAccount(parts[4]) && isMFA && name != ""
}
