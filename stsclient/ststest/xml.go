package ststest

import (
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// xmlTime is how both services write instants: whole seconds and a Z.
const xmlTime = "2006-01-02T15:04:05Z"

// el writes one element with text in it.
func el(name, text string) string {
	var b strings.Builder
	b.WriteString("<" + name + ">")
	xml.EscapeText(&b, []byte(text))
	b.WriteString("</" + name + ">\n")
	return b.String()
}

// wrap writes one element around others.
func wrap(name, inside string) string { return "<" + name + ">\n" + inside + "</" + name + ">\n" }

func (i issued) xml() string {
	return wrap("Credentials", el("AccessKeyId", i.keyID)+el("SecretAccessKey", i.secret)+el("SessionToken", i.token)+el("Expiration", i.expires.UTC().Format(xmlTime)))
}

// success frames a result as its action's response.
func (c *call) success(result string) answer {
	name := c.log.Action
	id := requestID()
	if result != "" { // what only does something has no result
		result = wrap(name+"Result", result)
	}
	body := "<" + name + `Response xmlns="` + c.namespace + "\">\n" + result +
		wrap("ResponseMetadata", el("RequestId", id)) + "</" + name + "Response>\n"
	return xmlAnswer(http.StatusOK, id, body)
}

// failure frames an error. Faults of the server are "Receiver" there.
func (c *call) failure(no *refusal) answer {
	kind, id := "Sender", requestID()
	if no.status >= 500 {
		kind = "Receiver"
	}
	body := `<ErrorResponse xmlns="` + c.namespace + "\">\n" +
		wrap("Error", el("Type", kind)+el("Code", no.code)+el("Message", no.message)) + el("RequestId", id) + "</ErrorResponse>\n"
	a := xmlAnswer(no.status, id, body)
	a.code, a.text = no.code, no.message
	return a
}

func xmlAnswer(status int, id, body string) answer {
	h := http.Header{}
	h.Set("Content-Type", "text/xml")
	h.Set("X-Amzn-Requestid", id)
	return answer{status: status, header: h, body: []byte(body)}
}

// requestID is a random UUID.
func requestID() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// dateHeader is the form of HTTP's Date (RFC 9110, section 5.6.7).
func dateHeader(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
