package stsclient

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"awsmfa/credentials"
	"awsmfa/stsclient/ststest"
)

const iamNS = "https://iam.amazonaws.com/doc/2010-05-08/"

func devicesXML(members, more string) string {
	return `<ListMFADevicesResponse xmlns="` + iamNS + `"><ListMFADevicesResult><MFADevices>` + members + `</MFADevices>` + more +
		`</ListMFADevicesResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListMFADevicesResponse>`
}

func memberXML(serial, user, date string) string {
	return "<member><UserName>" + user + "</UserName><SerialNumber>" + serial + "</SerialNumber><EnableDate>" + date + "</EnableDate></member>"
}

const enabled = "2025-01-02T03:04:05Z"

func TestParseDevices(t *testing.T) {
	good := memberXML(testSerial, "dev", enabled)
	for name, row := range map[string]struct {
		body string
		n    int
		next string
		err  error
	}{
		"none":             {devicesXML("", "<IsTruncated>false</IsTruncated>"), 0, "", nil},
		"one":              {devicesXML(good, "<IsTruncated>false</IsTruncated>"), 1, "", nil},
		"unsaid":           {devicesXML(good, ""), 1, "", nil},
		"more":             {devicesXML(good, "<IsTruncated>true</IsTruncated><Marker>abc</Marker>"), 1, "abc", nil},
		"marker unasked":   {devicesXML(good, "<IsTruncated>false</IsTruncated><Marker>abc</Marker>"), 1, "", nil},
		"no marker":        {devicesXML(good, "<IsTruncated>true</IsTruncated>"), 0, "", errBadMarker},
		"long marker":      {devicesXML(good, "<IsTruncated>true</IsTruncated><Marker>"+strings.Repeat("a", 3000)+"</Marker>"), 0, "", errBadMarker},
		"serial with ESC":  {devicesXML(memberXML("arn:aws:iam::1:mfa/&#9;", "dev", enabled), ""), 0, "", errBadDevice},
		"short serial":     {devicesXML(memberXML("GAHT", "dev", enabled), ""), 0, "", errBadDevice},
		"no user":          {devicesXML(memberXML(testSerial, "", enabled), ""), 0, "", errBadDevice},
		"user with blanks": {devicesXML(memberXML(testSerial, "a b", enabled), ""), 0, "", errBadDevice},
		"bad date":         {devicesXML(memberXML(testSerial, "dev", "yesterday"), ""), 0, "", errBadDevice},
		"no list":          {strings.ReplaceAll(devicesXML("", ""), "MFADevices>", "Other>"), 0, "", errNoDevices},
		"not xml":          {"<", 0, "", errBadDevices},
	} {
		devices, next, err := parseDevices([]byte(row.body))
		if len(devices) != row.n || next != row.next || err != row.err {
			t.Errorf("%s: %+v, %q, %v", name, devices, next, err)
		}
	}
}

func TestDevicesEndSomewhere(t *testing.T) {
	more := "<IsTruncated>true</IsTruncated><Marker>again</Marker>"
	for name, row := range map[string]struct {
		body  string
		tries int
	}{
		"pages without end":  {devicesXML("", more), maxPages},
		"devices by dozens":  {devicesXML(strings.Repeat(memberXML(testSerial, "dev", enabled), 9), ""), 1},
		"devices over pages": {devicesXML(strings.Repeat(memberXML(testSerial, "dev", enabled), 3), more), 3},
	} {
		s := serve(t, reply(200, row.body))
		c, _ := client(t, Config{IAMEndpoint: s.URL})
		_, err := c.ListMFADevices(t.Context(), longTerm(t))
		if e := asError(t, err); e.Kind != BadAnswer || e.Operation != "iam:ListMFADevices" || s.count() != row.tries {
			t.Errorf("%s: %v after %d requests", name, err, s.count())
		}
	}
}

func TestDevicesErrors(t *testing.T) {
	for name, row := range map[string]struct {
		step http.HandlerFunc
		want Kind
	}{
		"denied":          {reply(403, errorXML("AccessDenied", "User: arn:aws:iam::1:user/x is not authorized to perform: iam:ListMFADevices")), NotAuthorized},
		"key":             {reply(403, errorXML("InvalidClientTokenId", "The security token included in the request is invalid.")), InvalidKey},
		"answer of STS":   {reply(200, identityXML("arn:aws:iam::123456789012:user/dev", "123456789012", "AIDA")), BadAnswer},
		"namespace":       {reply(200, strings.Replace(devicesXML("", ""), iamNS, stsNS, 1)), BadAnswer},
		"captive portal":  {reply(200, "<html><body>hello</body></html>"), NotAWS},
		"bad device":      {reply(200, devicesXML(memberXML("x", "dev", enabled), "")), BadAnswer},
		"redirect":        {reply(301, ""), Redirect},
		"throttled a lot": {reply(400, errorXML("Throttling", "Rate exceeded")), Throttled},
	} {
		s := serve(t, row.step)
		c, _ := client(t, Config{IAMEndpoint: s.URL})
		_, err := c.ListMFADevices(t.Context(), longTerm(t))
		if KindOf(err) != row.want || !strings.HasPrefix(err.Error(), "calling iam:ListMFADevices") {
			t.Errorf("%s: %v (%v)", name, err, KindOf(err))
		}
	}
}

func TestDevicesOfTheStrictServer(t *testing.T) {
	s, u, keys := strict(t)
	c, _ := client(t, Config{IAMEndpoint: s.URL(), Now: s.Clock().Now})
	for n := 2; n <= maxDevices; n++ {
		extra, err := u.AddDevice(fmt.Sprintf("extra-%d", n))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.ListMFADevices(t.Context(), keys)
		if err != nil || len(got) != n || got[n-1].Serial != extra.Serial {
			t.Fatalf("%d devices: %+v, %v", n, got, err)
		}
	}
	none, err := s.NewUserWith(ststest.UserOptions{Name: "bare", NoDevice: true})
	if err != nil {
		t.Fatal(err)
	}
	bare, _ := credentials.New(none.AccessKeyID, none.SecretAccessKey, "", noon)
	if got, err := c.ListMFADevices(t.Context(), bare); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzParseDevices(f *testing.F) {
	f.Add(devicesXML(memberXML(testSerial, "dev", enabled), ""))
	f.Add(devicesXML(memberXML("GAHT12345678", "dev", enabled), "<IsTruncated>true</IsTruncated><Marker>abc</Marker>"))
	f.Add(devicesXML("", ""))
	f.Add(`<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>`)
	f.Add("<a><b></a>")
	f.Fuzz(func(t *testing.T, body string) {
		devices, next, err := parseDevices([]byte(body))
		if err != nil && (devices != nil || next != "") {
			t.Errorf("an error with %+v, %q", devices, next)
		}
		for _, d := range devices {
			if !isSerial(d.Serial) || !isUserName(d.UserName) {
				t.Errorf("let through %+q", d)
			}
		}
	})
}

// Whatever a server sends, judging it ends in the whole body of the right
// answer or in one clean line.
func FuzzJudge(f *testing.F) {
	for _, body := range []string{
		sessionXML(inTwelve), errorXML("AccessDenied", "no"), errorXML("", ""), "<html>", "", "\xef\xbb\xbf<a/>", `<?xml version="1.0" encoding="x"?><a/>`,
		`<ErrorResponse><Error><Code>&#27;[31m</Code></Error></ErrorResponse>`, "<!DOCTYPE a>", strings.Repeat("<a>", 50),
	} {
		f.Add(200, body)
		f.Add(403, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		r := request{at: endpoint{service: "sts"}, action: "GetSessionToken", code: testCode}
		got, e := judge(r, answer{status: status, header: http.Header{}, body: []byte(body)})
		if e == nil {
			if string(got) != body || status/100 != 2 || !strings.Contains(body, "GetSessionTokenResponse") {
				t.Errorf("took %d %q", status, body)
			}
			return
		}
		if text := e.Error(); text == "" || strings.ContainsAny(text, "\n\r\x1b") || strings.Contains(text, testCode) || len([]rune(text)) > 800 {
			t.Errorf("text %q", text)
		}
	})
}
