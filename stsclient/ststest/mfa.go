package ststest

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// mostDevices is how many MFA devices a user may have (IAM and STS quotas).
const mostDevices = 8

// How far from the server's clock, in steps, two codes in a row may lie. AWS
// documents neither: enabling takes codes that are a little old and leaves the
// device out of step then, and resynchronising is for clocks that are far off.
const (
	enableWindow = 10
	resyncWindow = 120
)

func conflict(code, message string) *refusal { return refuse(http.StatusConflict, code, message) }

func noDevice(serial string) *refusal {
	return refuse(http.StatusNotFound, "NoSuchEntity", "VirtualMFADevice with serial number "+serial+" does not exist.")
}

func notOfUser() *refusal {
	return refuse(http.StatusNotFound, "NoSuchEntity", "MFA Device invalid for user.")
}

// createVirtualMFADevice makes a device that belongs to nobody and shows its
// seed, this once.
func (s *Server) createVirtualMFADevice(c *call, who *caller) (string, *refusal) {
	v := &violations{form: c.form}
	v.optional("Path", "path", 1, 512, pathClass())
	v.path("Path", "path")
	v.required("VirtualMFADeviceName", "virtualMFADeviceName", 1, 226, userNameClass())
	if no := v.refusal(); no != nil {
		return "", no
	}
	serial := who.deviceARN(or(c.form.Get("Path"), "/") + c.form.Get("VirtualMFADeviceName"))
	if no := who.permit("iam:CreateVirtualMFADevice", serial); no != nil {
		return "", no
	}
	if len(serial) > 256 {
		return "", refuse(http.StatusBadRequest, "InvalidInput", "ARN "+serial+" is not valid.")
	}
	if s.devices[serial] != nil {
		return "", conflict("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.")
	}
	d := s.addDevice(nil, Device{Serial: serial, Seed: newSeed(), server: s})
	picture, err := qrPNG(d.uri())
	if err != nil {
		return "", refuse(http.StatusInternalServerError, "ServiceFailure", "")
	}
	wrapped := base64.StdEncoding.EncodeToString([]byte(d.Seed))
	return wrap("VirtualMFADevice", el("SerialNumber", serial)+el("Base32StringSeed", wrapped)+el("QRCodePNG", base64.StdEncoding.EncodeToString(picture))), nil
}

// deviceARN is the ARN of a virtual device in the caller's account.
func (who *caller) deviceARN(pathAndName string) string {
	return "arn:" + who.partition + ":iam::" + who.account + ":mfa" + pathAndName
}

// uri is what an authenticator app reads from the picture.
func (d *device) uri() string {
	a, _ := parseARN(d.Serial) // made here
	name := a.resource[strings.LastIndexByte(a.resource, '/')+1:]
	issuer := "Amazon%20Web%20Services"
	return "otpauth://totp/" + issuer + ":" + url.PathEscape(name) + "@" + a.account + "?secret=" + d.Seed + "&issuer=" + issuer
}

func qrPNG(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	margin := code.Bounds().Dx()
	if code, err = barcode.Scale(code, 4*margin, 4*margin); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = png.Encode(&out, framed{code})
	return out.Bytes(), err
}

// withCodes reads what enabling and resynchronising share.
func (s *Server) withCodes(c *call, who *caller, action string) (*user, *device, *refusal) {
	v := &violations{form: c.form}
	v.required("UserName", "userName", 1, 128, userNameClass())
	v.required("SerialNumber", "serialNumber", 9, 256, deviceClass())
	v.required("AuthenticationCode1", "authenticationCode1", 6, 6, codeClass())
	v.required("AuthenticationCode2", "authenticationCode2", 6, 6, codeClass())
	if no := v.refusal(); no != nil {
		return nil, nil, no
	}
	target, no := s.iamTarget(c, who, action)
	if no != nil {
		return nil, nil, no
	}
	d := s.devices[c.form.Get("SerialNumber")]
	if d == nil || d.account() != who.account {
		return nil, nil, noDevice(c.form.Get("SerialNumber"))
	}
	return target, d, nil
}

func (s *Server) enableMFADevice(c *call, who *caller) (string, *refusal) {
	target, d, no := s.withCodes(c, who, "EnableMFADevice")
	switch {
	case no != nil:
		return "", no
	case d.owner != nil:
		return "", conflict("EntityAlreadyExists", "MFA Device is already in use.")
	case len(target.devices) >= mostDevices:
		return "", conflict("LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: "+strconv.Itoa(mostDevices))
	case !d.sync(c.form.Get("AuthenticationCode1"), c.form.Get("AuthenticationCode2"), s.clock.Now(), enableWindow):
		return "", wrongCodes()
	}
	s.assign(d, target)
	return "", nil
}

func wrongCodes() *refusal {
	return refuse(http.StatusForbidden, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
}

func (s *Server) resyncMFADevice(c *call, who *caller) (string, *refusal) {
	target, d, no := s.withCodes(c, who, "ResyncMFADevice")
	switch {
	case no != nil:
		return "", no
	case d.owner != target || d.Seed == "":
		return "", notOfUser()
	case !d.sync(c.form.Get("AuthenticationCode1"), c.form.Get("AuthenticationCode2"), s.clock.Now(), resyncWindow):
		return "", wrongCodes()
	}
	return "", nil
}

func (s *Server) deactivateMFADevice(c *call, who *caller) (string, *refusal) {
	v := &violations{form: c.form}
	v.optional("UserName", "userName", 1, 128, userNameClass())
	v.required("SerialNumber", "serialNumber", 9, 256, deviceClass())
	if no := v.refusal(); no != nil {
		return "", no
	}
	target, no := s.iamTarget(c, who, "DeactivateMFADevice")
	if no != nil {
		return "", no
	}
	d := s.devices[c.form.Get("SerialNumber")]
	switch {
	case d == nil || d.account() != who.account:
		return "", noDevice(c.form.Get("SerialNumber"))
	case d.owner != target:
		return "", notOfUser()
	}
	s.release(d)
	return "", nil
}

func (s *Server) deleteVirtualMFADevice(c *call, who *caller) (string, *refusal) {
	v := &violations{form: c.form}
	v.required("SerialNumber", "serialNumber", 9, 256, deviceClass())
	if no := v.refusal(); no != nil {
		return "", no
	}
	serial := c.form.Get("SerialNumber")
	if no := who.permit("iam:DeleteVirtualMFADevice", serial); no != nil {
		return "", no
	}
	d := s.devices[serial]
	switch {
	case d == nil || !d.virtual() || d.account() != who.account:
		return "", noDevice(serial)
	case d.owner != nil:
		return "", conflict("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
	}
	delete(s.devices, serial)
	return "", nil
}

// listVirtualMFADevices pages through the account's virtual devices, whoever
// they belong to. It shows no seeds.
func (s *Server) listVirtualMFADevices(c *call, who *caller) (string, *refusal) {
	which := or(c.form.Get("AssignmentStatus"), "Any")
	v := &violations{form: c.form}
	if !slices.Contains([]string{"Assigned", "Unassigned", "Any"}, which) {
		v.add("'"+which+"'", "assignmentStatus", "Member must satisfy enum value set: [Unassigned, Any, Assigned]")
	}
	if no := v.refusal(); no != nil {
		return "", no
	}
	if no := who.permit("iam:ListVirtualMFADevices", who.deviceARN("/")); no != nil {
		return "", no
	}
	var found []*device
	for _, serial := range slices.Sorted(maps.Keys(s.devices)) {
		d := s.devices[serial]
		if d.virtual() && d.account() == who.account && (which == "Any" || (d.owner != nil) == (which == "Assigned")) {
			found = append(found, d)
		}
	}
	from, most, no := page(c, len(found))
	if no != nil {
		return "", no
	}
	to := min(from+most, len(found))
	var members string
	for _, d := range found[from:to] {
		members += wrap("member", d.virtualXML())
	}
	return paged("VirtualMFADevices", members, to, len(found)), nil
}

func (d *device) virtualXML() string {
	out := el("SerialNumber", d.Serial)
	if d.owner != nil {
		out += el("EnableDate", d.enabled.UTC().Format(xmlTime)) + wrap("User", d.owner.xml())
	}
	return out
}
