package ststest

import (
	"encoding/base64"
	"net/http"
	"strconv"
)

// iamTarget is what IAM's actions on a user share: the user is the named one
// or the caller, whose policies must allow the action.
func (s *Server) iamTarget(c *call, who *caller, action string) (*user, *refusal) {
	v := &violations{form: c.form}
	v.optional("UserName", "userName", 1, 128, userNameClass())
	if no := v.refusal(); no != nil {
		return nil, no
	}
	name := c.form.Get("UserName")
	if name == "" && who.user == nil {
		return nil, invalid("Must specify userName when calling with non-User credentials")
	}
	target := who.user
	if name != "" {
		target = s.findUser(who.account, name)
	}
	if who.user != nil {
		if no := who.permit("iam:"+action, "user "+or(name, who.user.Name)); no != nil {
			return nil, no
		}
	}
	if target == nil {
		return nil, refuse(http.StatusNotFound, "NoSuchEntity", "The user with name "+name+" cannot be found.")
	}
	return target, nil
}

// listMFADevices pages through a user's devices, a hundred at a time unless told.
func (s *Server) listMFADevices(c *call, who *caller) (string, *refusal) {
	target, no := s.iamTarget(c, who, "ListMFADevices")
	if no != nil {
		return "", no
	}
	from, most, no := page(c, len(target.devices))
	if no != nil {
		return "", no
	}
	to := min(from+most, len(target.devices))
	var members string
	for _, d := range target.devices[from:to] {
		members += wrap("member", el("UserName", target.Name)+el("SerialNumber", d.Serial)+el("EnableDate", d.enabled.UTC().Format(xmlTime)))
	}
	return paged("MFADevices", members, to, len(target.devices)), nil
}

// paged frames a list and says where it goes on.
func paged(name, members string, to, total int) string {
	out := el("IsTruncated", strconv.FormatBool(to < total)) + wrap(name, members)
	if to < total {
		out += el("Marker", marker(to))
	}
	return out
}

// page reads MaxItems and Marker.
func page(c *call, total int) (from, most int, no *refusal) {
	most = 100
	if text := c.form.Get("MaxItems"); text != "" {
		v := &violations{form: c.form}
		n, err := strconv.ParseInt(text, 10, 32)
		v.malformed = err != nil
		if n < 1 {
			v.add("'"+text+"'", "maxItems", "Member must have value greater than or equal to 1")
		}
		if n > 1000 {
			v.add("'"+text+"'", "maxItems", "Member must have value less than or equal to 1000")
		}
		if no := v.refusal(); no != nil {
			return 0, 0, no
		}
		most = int(n)
	}
	if !c.form.Has("Marker") {
		return 0, most, nil
	}
	for from = 1; from < total; from++ {
		if marker(from) == c.form.Get("Marker") {
			return from, most, nil
		}
	}
	return 0, 0, invalid("Invalid Marker.")
}

// marker is opaque to clients, as AWS's are.
func marker(n int) string {
	return base64.StdEncoding.EncodeToString([]byte("devices:" + strconv.Itoa(n)))
}

// getUser describes the caller or a user of the same account.
func (s *Server) getUser(c *call, who *caller) (string, *refusal) {
	u, no := s.iamTarget(c, who, "GetUser")
	if no != nil {
		return "", no
	}
	return wrap("User", u.xml()), nil
}

// xml describes the user; root has neither path nor name.
func (u *user) xml() string {
	out := el("UserId", u.id) + el("Arn", u.ARN) + el("CreateDate", u.created.UTC().Format(xmlTime))
	if u.root {
		return out
	}
	return el("Path", "/") + el("UserName", u.Name) + out
}
