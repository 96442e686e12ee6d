package stsclient

import (
	"context"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"
	"time"

	"awsmfa/credentials"
)

// A user has at most eight devices (IAM and STS quotas): more pages or devices
// than that are no answer of AWS's.
const (
	maxDevices = 8
	maxPages   = 5
	maxMarker  = 2048
)

// Device is an MFA device of an IAM user.
type Device struct {
	Serial, UserName string
	Enabled          time.Time
}

// ListMFADevices lists the devices of the user whose key it is.
func (c *Client) ListMFADevices(ctx context.Context, from credentials.Credentials) ([]Device, error) {
	var all []Device
	marker := ""
	for page := 1; page <= maxPages; page++ {
		r := request{at: c.iam, action: "ListMFADevices", from: from, form: devicesForm(marker)}
		body, e := c.send(ctx, r)
		if e != nil {
			return nil, e
		}
		devices, next, err := parseDevices(body)
		if err != nil {
			return nil, c.complete(&Error{Kind: BadAnswer, Sent: true, Err: err}, r)
		}
		if all = append(all, devices...); len(all) > maxDevices {
			return nil, c.complete(&Error{Kind: BadAnswer, Sent: true, Err: errTooMany}, r)
		}
		if next == "" {
			return all, nil
		}
		marker = next
	}
	r := request{at: c.iam, action: "ListMFADevices"}
	return nil, c.complete(&Error{Kind: BadAnswer, Sent: true, Err: errTooMany}, r)
}

func devicesForm(marker string) []byte {
	form := url.Values{"Action": {"ListMFADevices"}, "Version": {"2010-05-08"}}
	if marker != "" {
		form.Set("Marker", marker)
	}
	return []byte(form.Encode())
}

// What an answer with devices can have wrong.
var (
	errTooMany    = errors.New("the answer lists more devices than a user can have")
	errBadDevice  = errors.New("the answer holds a device that is not of AWS's form")
	errBadMarker  = errors.New("the answer goes on without saying where")
	errNoDevices  = errors.New("the answer lacks the list of devices")
	errBadDevices = errors.New("the answer with the devices cannot be read")
)

// parseDevices reads one page; next is "" on the last.
func parseDevices(body []byte) (devices []Device, next string, err error) {
	var doc struct {
		Result *struct {
			Devices *struct {
				Members []struct {
					UserName     string
					SerialNumber string
					EnableDate   string
				} `xml:"member"`
			} `xml:"MFADevices"`
			IsTruncated string
			Marker      string
		} `xml:"ListMFADevicesResult"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil {
		return nil, "", errBadDevices
	}
	if doc.Result == nil || doc.Result.Devices == nil {
		return nil, "", errNoDevices
	}
	for _, m := range doc.Result.Devices.Members {
		enabled, err := time.Parse(time.RFC3339, strings.TrimSpace(m.EnableDate))
		if err != nil || !isSerial(m.SerialNumber) || !isUserName(m.UserName) {
			return nil, "", errBadDevice
		}
		devices = append(devices, Device{Serial: m.SerialNumber, UserName: m.UserName, Enabled: enabled.UTC()})
	}
	if strings.TrimSpace(doc.Result.IsTruncated) != "true" {
		return devices, "", nil
	}
	if !isShown(doc.Result.Marker, maxMarker) {
		return nil, "", errBadMarker
	}
	return devices, doc.Result.Marker, nil
}

// isSerial is the class of the STS model: 9 to 256 of [\w+=/:,.@-].
func isSerial(s string) bool {
	return len(s) >= 9 && len(s) <= 256 && allOf(s, "+=/:,.@-_")
}

// isUserName is the class of the IAM model: up to 128 of [\w+=,.@-].
func isUserName(s string) bool {
	return s != "" && len(s) <= 128 && allOf(s, "+=,.@-_")
}

func allOf(s, more string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(more, c) >= 0) {
			return false
		}
	}
	return true
}
