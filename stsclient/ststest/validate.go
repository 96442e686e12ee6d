package ststest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// violations collects every broken constraint of a request, since AWS names
// them all in one message.
type violations struct {
	form      url.Values
	list      []string
	malformed bool // a number that is none
}

func (v *violations) add(value, member, constraint string) {
	v.list = append(v.list, "Value "+value+" at '"+member+"' failed to satisfy constraint: "+constraint)
}

// refusal is the error to answer, or nil.
func (v *violations) refusal() *refusal {
	switch n := len(v.list); {
	case v.malformed:
		return refuse(http.StatusBadRequest, "MalformedInput", "")
	case n == 0:
		return nil
	case n == 1:
		return invalid("1 validation error detected: " + v.list[0])
	default:
		return invalid(fmt.Sprintf("%d validation errors detected: %s", n, strings.Join(v.list, "; ")))
	}
}

// class is a set of characters with the text of its regular expression.
type class struct {
	pattern string
	has     func(rune) bool
}

func isWord(r rune) bool {
	return r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func wordsAnd(pattern, more string) class {
	return class{pattern, func(r rune) bool { return isWord(r) || strings.ContainsRune(more, r) }}
}

// The classes of the API reference.
func nameClass() class     { return wordsAnd(`[\w+=,.@-]*`, "+=,.@-") }
func externalClass() class { return wordsAnd(`[\w+=,.@:\/-]*`, "+=,.@:/-") }
func serialClass() class   { return wordsAnd(`[\w+=/:,.@-]*`, "+=/:,.@-") }
func digitClass() class {
	return class{`[\d]*`, func(r rune) bool { return '0' <= r && r <= '9' }}
}
func userNameClass() class { return wordsAnd(`[\w+=,.@-]+`, "+=,.@-") }
func deviceClass() class   { return wordsAnd(`[\w+=/:,.@-]+`, "+=/:,.@-") }
func codeClass() class     { return class{`[\d]+`, digitClass().has} }
func pathClass() class {
	return class{pathPattern, func(r rune) bool { return '!' <= r && r <= '~' }}
}

const pathPattern = `(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`

// path checks what its class cannot say: a slash at both ends.
func (v *violations) path(name, member string) {
	value := v.form.Get(name)
	if value != "" && (value == "//" || !strings.HasPrefix(value, "/") || !strings.HasSuffix(value, "/")) {
		v.add("'"+value+"'", member, "Member must satisfy regular expression pattern: "+pathPattern)
	}
}

func tagClass(pattern string) class {
	return class{pattern, func(r rune) bool {
		return unicode.In(r, unicode.L, unicode.Z, unicode.N) || strings.ContainsRune("_.:/=+-@", r)
	}}
}
func arnClass() class {
	return class{`[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`, func(r rune) bool {
		return r == '\t' || r == '\n' || r == '\r' || r == 0x85 || ' ' <= r && r <= '~' || r >= 0xa0 && r != utf8.RuneError
	}}
}

// text checks a value that was sent; a missing one is for required.
func (v *violations) text(value, member string, least, most int, c class) {
	n := utf8.RuneCountInString(value)
	quoted := "'" + value + "'"
	if strings.ContainsFunc(value, func(r rune) bool { return !c.has(r) }) {
		v.add(quoted, member, "Member must satisfy regular expression pattern: "+c.pattern)
	}
	if n < least {
		v.add(quoted, member, "Member must have length greater than or equal to "+strconv.Itoa(least))
	}
	if most > 0 && n > most {
		v.add(quoted, member, "Member must have length less than or equal to "+strconv.Itoa(most))
	}
}

func (v *violations) optional(name, member string, least, most int, c class) {
	if v.form.Has(name) {
		v.text(v.form.Get(name), member, least, most, c)
	}
}

func (v *violations) required(name, member string, least, most int, c class) {
	if !v.form.Has(name) {
		v.add("null", member, "Member must not be null")
		return
	}
	v.optional(name, member, least, most, c)
}

// duration reads DurationSeconds; every action starts at 900.
func (v *violations) duration(otherwise, most int) time.Duration {
	if !v.form.Has("DurationSeconds") {
		return time.Duration(otherwise) * time.Second
	}
	text := v.form.Get("DurationSeconds")
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		v.malformed = true
	}
	if n < 900 {
		v.add("'"+text+"'", "durationSeconds", "Member must have value greater than or equal to 900")
	}
	if n > int64(most) {
		v.add("'"+text+"'", "durationSeconds", "Member must have value less than or equal to "+strconv.Itoa(most))
	}
	return time.Duration(n) * time.Second
}

func (v *violations) mfa() {
	v.optional("SerialNumber", "serialNumber", 9, 256, serialClass())
	v.optional("TokenCode", "tokenCode", 6, 6, digitClass())
}

// assumeRole checks every parameter of AssumeRole and returns the duration.
func (v *violations) assumeRole() time.Duration {
	v.required("RoleArn", "roleArn", 20, 2048, arnClass())
	v.required("RoleSessionName", "roleSessionName", 2, 64, nameClass())
	duration := v.duration(3600, 43200)
	v.optional("ExternalId", "externalId", 2, 1224, externalClass())
	v.optional("SourceIdentity", "sourceIdentity", 2, 64, nameClass())
	if strings.HasPrefix(v.form.Get("SourceIdentity"), "aws:") {
		v.add("'"+v.form.Get("SourceIdentity")+"'", "sourceIdentity", "Member must satisfy regular expression pattern: "+nameClass().pattern)
	}
	v.mfa()
	v.policies()
	v.tags()
	return duration
}

func (v *violations) policies() {
	arns := list(v.form, "PolicyArns", "arn")
	if len(arns) > 10 {
		v.add("'["+strings.Join(arns, ", ")+"]'", "policyArns", "Member must have length less than or equal to 10")
	}
	for i, a := range arns {
		v.text(a, fmt.Sprintf("policyArns.%d.member.arn", i+1), 20, 2048, arnClass())
	}
	if v.form.Has("Policy") {
		v.text(v.form.Get("Policy"), "policy", 1, 2048, class{`[\u0009\u000A\u000D\u0020-\u00FF]+`, func(r rune) bool {
			return r == '\t' || r == '\n' || r == '\r' || ' ' <= r && r <= 0xff
		}})
	}
}

func (v *violations) tags() {
	keys, values := list(v.form, "Tags", "Key"), list(v.form, "Tags", "Value")
	if len(keys) > 50 {
		v.add("'["+strings.Join(keys, ", ")+"]'", "tags", "Member must have length less than or equal to 50")
	}
	for i, k := range keys {
		v.text(k, fmt.Sprintf("tags.%d.member.key", i+1), 1, 128, tagClass(`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`))
	}
	for i, text := range values {
		v.text(text, fmt.Sprintf("tags.%d.member.value", i+1), 0, 256, tagClass(`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`))
	}
	transitive := list(v.form, "TransitiveTagKeys", "")
	if len(transitive) > 50 {
		v.add("'["+strings.Join(transitive, ", ")+"]'", "transitiveTagKeys", "Member must have length less than or equal to 50")
	}
	for i, k := range transitive {
		v.text(k, fmt.Sprintf("transitiveTagKeys.%d.member", i+1), 1, 128, tagClass(`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`))
	}
}

// list reads Name.member.1.Field, Name.member.2.Field, … until one is missing.
func list(form url.Values, name, field string) []string {
	var out []string
	for i := 1; ; i++ {
		key := name + ".member." + strconv.Itoa(i)
		if field != "" {
			key += "." + field
		}
		if !form.Has(key) {
			return out
		}
		out = append(out, form.Get(key))
	}
}

// checkPolicies looks at policies no further than that they can be ones.
func checkPolicies(form url.Values) *refusal {
	if policy := form.Get("Policy"); policy != "" {
		var document map[string]any
		if json.Unmarshal([]byte(policy), &document) != nil {
			return refuse(http.StatusBadRequest, "MalformedPolicyDocument", "This policy contains invalid Json")
		}
		if document["Statement"] == nil {
			return refuse(http.StatusBadRequest, "MalformedPolicyDocument", "Syntax errors in policy.")
		}
	}
	for _, text := range list(form, "PolicyArns", "arn") {
		if a, ok := parseARN(text); !ok || a.service != "iam" || !strings.HasPrefix(a.resource, "policy/") {
			return invalid("ARN " + text + " is not valid.")
		}
	}
	if size := packedSize(form); size > 100 {
		return refuse(http.StatusBadRequest, "PackedPolicyTooLarge", fmt.Sprintf("Packed size of session tags consumes %d%% of allotted space.", size))
	}
	return nil
}

// packedSize estimates the share, in percent, of the space that AWS gives
// policies and tags in packed form; its packing is not public.
func packedSize(form url.Values) int {
	n := len(form.Get("Policy"))
	for _, values := range [][]string{list(form, "PolicyArns", "arn"), list(form, "Tags", "Key"), list(form, "Tags", "Value")} {
		for _, text := range values {
			n += len(text)
		}
	}
	return (n*100 + 4095) / 4096
}

// checkTags holds the rules between tags: unique whatever their case, the
// transitive ones present, and none that the calling session passes on already.
func checkTags(form url.Values, who *caller) *refusal {
	seen := map[string]bool{}
	for _, k := range list(form, "Tags", "Key") {
		k = strings.ToLower(k)
		if strings.HasPrefix(k, "aws:") {
			return refuse(http.StatusBadRequest, "InvalidParameterValue", "Tag keys beginning with 'aws:' are reserved.")
		}
		if seen[k] {
			return refuse(http.StatusBadRequest, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[k] = true
	}
	if who.session != nil {
		for _, k := range who.session.Transitive {
			if seen[strings.ToLower(k)] {
				return refuse(http.StatusBadRequest, "InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
			}
		}
	}
	for _, k := range list(form, "TransitiveTagKeys", "") {
		if !seen[strings.ToLower(k)] {
			return refuse(http.StatusBadRequest, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
		}
	}
	return nil
}
