package stsclient

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"awsmfa/internal/text"
)

// maxDepth is far above the five levels of any answer that is read here.
const maxDepth = 32

// How an answer's form can be wrong.
var (
	errNotXML = errors.New("the answer is a page of something other than AWS")
	errEmpty  = errors.New("the answer is empty")
	errBadXML = errors.New("the answer is damaged XML")
)

// rootOf checks that a body is one whole, plain XML document and returns the
// name of its root. A document type is refused: AWS sends none, and entity
// expansion needs one.
func rootOf(body []byte) (xml.Name, error) {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(trimmed) == 0 {
		return xml.Name{}, errEmpty
	}
	if trimmed[0] != '<' || isHTML(trimmed) {
		return xml.Name{}, errNotXML
	}
	return walk(xml.NewDecoder(bytes.NewReader(trimmed)))
}

func isHTML(body []byte) bool {
	head := strings.ToLower(string(body[:min(len(body), 32)]))
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html")
}

func walk(d *xml.Decoder) (root xml.Name, err error) {
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if err == io.EOF && roots == 1 {
			return root, nil
		}
		if err != nil {
			return root, errBadXML
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				root, roots = t.Name, roots+1
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.Directive:
			return root, errBadXML
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(t)) > 0 {
				return root, errBadXML
			}
		}
		if depth > maxDepth || roots > 1 {
			return root, errBadXML
		}
	}
}

// judge turns an answer into the body of a success, or into what its error
// means. Offset and Host are the caller's to add.
func judge(r request, ans answer) ([]byte, *Error) {
	e := &Error{Status: ans.status, Sent: true, RequestID: r.clean(ans.header.Get("X-Amzn-Requestid"), maxWord)}
	e.retryAfter = retryAfter(ans.header)
	if early(e, ans) {
		return nil, e
	}
	root, err := rootOf(ans.body)
	// What has another root than AWS's, whole or not, is a page of somebody
	// else's: portals write HTML in many ways.
	if foreign := root.Local != "" && !strings.HasSuffix(root.Local, "Response"); foreign || saysHTML(ans.header) {
		err = errNotXML
	}
	switch {
	case err != nil:
		badForm(e, err)
	case root.Local == "ErrorResponse":
		refusalOf(e, r, ans)
	case ans.status/100 != 2:
		e.Kind, e.detail = BadAnswer, fmt.Sprintf("HTTP status %d without an error of AWS's form", ans.status)
	case root.Local != r.action+"Response" || root.Space != r.namespace():
		e.Kind, e.detail = BadAnswer, "the answer is not one to this call"
	default:
		return ans.body, nil
	}
	return nil, e
}

func saysHTML(h http.Header) bool {
	return strings.Contains(strings.ToLower(h.Get("Content-Type")), "html")
}

// early knows the answers whose body does not matter.
func early(e *Error, ans answer) bool {
	encoding := strings.ToLower(ans.header.Get("Content-Encoding"))
	switch {
	case ans.status/100 == 3:
		e.Kind, e.detail = Redirect, fmt.Sprintf("the server redirects (HTTP status %d), which is never followed", ans.status)
	case ans.status == http.StatusProxyAuthRequired:
		e.Kind, e.detail = Proxy, "a proxy wants a user name and password (407)"
	case encoding != "" && encoding != "identity":
		e.Kind, e.detail = BadAnswer, "the answer is compressed, which was not asked for"
	default:
		return false
	}
	return true
}

func badForm(e *Error, err error) {
	e.Err, e.Kind = err, BadAnswer
	switch {
	case e.Status == http.StatusTooManyRequests, err == errEmpty && e.Status >= 500:
		e.Kind = statusKind(e.Status)
	case err == errNotXML, err == errEmpty && e.Status/100 != 2:
		e.Kind = NotAWS
	}
	e.detail = fmt.Sprintf("HTTP status %d", e.Status)
}

// refusalOf reads an ErrorResponse. A status of 200 makes it no success.
func refusalOf(e *Error, r request, ans answer) {
	var doc struct {
		Error struct {
			Code    string `xml:"Code"`
			Message string `xml:"Message"`
		} `xml:"Error"`
		RequestID string `xml:"RequestId"`
	}
	if err := xml.Unmarshal(ans.body, &doc); err != nil || strings.TrimSpace(doc.Error.Code) == "" {
		e.Kind, e.detail = BadAnswer, fmt.Sprintf("HTTP status %d: the error has no code", ans.status)
		return
	}
	e.Code = r.clean(doc.Error.Code, maxWord)
	e.Message = r.clean(doc.Error.Message, maxMessage)
	if id := r.clean(doc.RequestID, maxWord); id != "" {
		e.RequestID = id
	}
	e.Kind = kindOf(e.Code, e.Message, ans.status)
}

// clean makes a server's words fit to show. A validation error repeats the
// value that it refuses, so the codes and the session token are taken out.
func (r request) clean(s string, max int) string {
	for _, secret := range []string{r.code, r.code2, r.from.SessionToken(), r.from.SecretAccessKey()} {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return text.Clean(strings.TrimSpace(s), max)
}

// retryAfter reads the header in its two forms, RFC 9110 section 10.2.3.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	at, err := http.ParseTime(value)
	now, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil || at.Before(now) {
		return 0
	}
	return at.Sub(now)
}
