package seed

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

// awsSecret has the form of AWS's own: 64 characters.
const awsSecret = "QWERTYUIOPASDFGHJKLZXCVBNM234567QWERTYUIOPASDFGHJKLZXCVBNM234567"

func TestParseTakesASeedAsPeopleHaveIt(t *testing.T) {
	t.Parallel()
	const plain = "JBSWY3DPEHPK3PXPJBSWY3DPEE"
	for _, written := range []string{
		plain,
		"jbswy3dpehpk3pxpjbswy3dpee",
		"JBSW Y3DP EHPK 3PXP JBSW Y3DP EE",
		"jbsw-y3dp-ehpk-3pxp-jbsw-y3dp-ee",
		"JBSWY3DPEHPK3PXPJBSWY3DPEE======",
		"JBSWY3DPEHPK3PXP JBSWY3DPEE ======",
		"JBSW Y3DP\tEHPK\u00a03PXP\u2013JBSW\u2011Y3DP\u2003EE",
		"  \tJBSWY3DPEHPK3PXPJBSWY3DPEE \t",
		"\r\n\nJBSWY3DPEHPK3PXPJBSWY3DPEE\r\n\r\n",
		"\ufeffJBSWY3DPEHPK3PXPJBSWY3DPEE\n",
	} {
		s := parsed(t, written)
		if s.secret() != plain || s.Issuer() != "" || s.Label() != "" || s.IsZero() || s.ForAnotherService() {
			t.Errorf("%q was read as %q of %q, %q", written, s.secret(), s.Issuer(), s.Label())
		}
	}
	if got := parsed(t, awsSecret).secret(); got != awsSecret {
		t.Errorf("the secret of AWS became %q", got)
	}
}

func TestParseTakesAURI(t *testing.T) {
	t.Parallel()
	const q = "?secret=" + awsSecret
	for _, c := range []struct {
		uri, issuer, label string
		other              bool
	}{
		{"otpauth://totp/" + q, "", "", false},
		{"otpauth://totp" + q, "", "", false},
		{"OTPAUTH://TOTP/dev" + q, "", "dev", false},
		{"otpauth://totp/alice@example-alias" + q, "", "alice@example-alias", false},
		{"otpauth://totp/Amazon%20Web%20Services:alice@123456789012" + q + "&issuer=Amazon%20Web%20Services", "Amazon Web Services", "alice@123456789012", false},
		{"otpauth://totp/Amazon Web Services:alice@123456789012" + q + "&issuer=Amazon+Web+Services", "Amazon Web Services", "alice@123456789012", false},
		{"otpauth://totp/amazon%20web%20services%3Aalice" + q, "amazon web services", "alice", false},
		{"otpauth://totp/AWS:%20alice" + q, "AWS", "alice", false},
		{"otpauth://totp/aws:alice" + q + "&issuer=AWS", "AWS", "alice", false},
		{"otpauth://totp/Example:alice" + q, "Example", "alice", true},
		{"otpauth://totp/alice" + q + "&issuer=Example", "Example", "alice", true},
		{"otpauth://totp/Example:alice" + q + "&issuer=Other", "Other", "Example:alice", true},
		{"otpauth://totp/Example:alice" + q + "&issuer=", "Example", "alice", true},
		{"otpauth://totp/:alice:dev" + q, "", "alice:dev", false},
		{"otpauth://totp/a%2Bb%2Fc%3Fd%23e%26f%25g" + q, "", "a+b/c?d#e&f%g", false},
		{"otpauth://totp/M%C3%BCller%20GmbH:%E6%9D%B1" + q + "&issuer=M%C3%BCller%20GmbH", "Müller GmbH", "東", true},
		{"otpauth://totp/x" + q + "&algorithm=SHA1&digits=6&period=30", "", "x", false},
		{"otpauth://totp/x" + q + "&algorithm=hmac-sha1&Digits=6&PERIOD=30&image=https%3A%2F%2Fexample.com%2Fa.png", "", "x", false},
		{"\notpauth://totp/x?issuer=AWS&secret=" + strings.ToLower(awsSecret) + "\r\n", "AWS", "x", false},
		{"otpauth://totp/x?secret=" + strings.ReplaceAll(awsSecret, "4567", "4567%20-") + "%3D", "", "x", false},
	} {
		s, err := Parse([]byte(c.uri))
		if err != nil {
			t.Errorf("%s: %v", c.uri, err)
			continue
		}
		if s.secret() != awsSecret || s.Issuer() != c.issuer || s.Label() != c.label || s.ForAnotherService() != c.other {
			t.Errorf("%s\nwas read as %q of %q, %q (another service's: %t)", c.uri, s.secret(), s.Issuer(), s.Label(), s.ForAnotherService())
		}
		backAgain(t, s)
	}
}

// backAgain holds a seed to its written forms.
func backAgain(t *testing.T, s Seed) {
	t.Helper()
	kept := s.stored()
	again, err := fromStored([]byte(kept))
	if err != nil || !again.same(s) || again.Issuer() != s.Issuer() || again.Label() != s.Label() {
		t.Errorf("%q of %q, %q was stored as %q, and came back as %q of %q, %q: %v",
			s.secret(), s.Issuer(), s.Label(), kept, again.secret(), again.Issuer(), again.Label(), err)
	}
	if len(kept) > maxStored {
		t.Errorf("%d bytes to store are too many", len(kept))
	}
}

// refused lists what Parse says to what it does not take.
func refused() []struct {
	input string
	want  *ParseError
} {
	const q = "?secret=" + awsSecret
	return []struct {
		input string
		want  *ParseError
	}{
		{"", errEmpty},
		{" \r\n\t", errEmpty},
		{"----", errEmpty},
		{"====", errEmpty},
		{"123456", errCode},
		{"123 456", errCode},
		{"12345678", errCode},
		{"JBSWY3DPEHPK3PX0", errNotBase32},
		{"JBSWY3DPEHPK3PX1", errNotBase32},
		{"JBSWY3DP=EHPK3PXP", errNotBase32},
		{"JBSWY3DPEHPK3PX\x00P", errNotBase32},
		{"JBSWY3DPEHPK3PX\xff", errNotBase32},
		{"JBSWY3DPEHPK3PX\u017f", errNotBase32}, // upper case of it is S
		{"ＪＢＳＷＹ３ＤＰＥＨＰＫ３ＰＸＰ", errNotBase32},
		{"hello, my seed is on a note", errNotBase32},
		{base64.StdEncoding.EncodeToString([]byte(awsSecret)), errNotBase32},
		{"JBSWY3DPEHPK3PX", errShort},
		{"A", errShort},
		{strings.Repeat("A", 257), errLong},
		{strings.Repeat("A", 4097), errLongInput},
		{"JBSWY3DPEHPK3PXPA", errCut},   // 1 over
		{"JBSWY3DPEHPK3PXPAAA", errCut}, // 3 over
		{"JBSWY3DPEHPK3PXPAAAAAA", errCut},
		{"JBSWY3DPEHPK3PXPAB", errCut}, // bits left over
		{"JBSWY3DPEHPK3PXPAAAAAAB", errCut},
		{awsSecret + "\n" + awsSecret, errLines},
		{"JBSWY3DP\nEHPK3PXP", errLines},
		{"otpauth://totp/x" + q + "\nnext", errLines},
		{"https://example.com/?secret=" + awsSecret, errOtherURI},
		{"arn:aws:iam::123456789012:mfa/alice", errOtherURI},
		{"otpauth-migration://offline?data=" + awsSecret, errMigration},
		{"otpauth://hotp/x" + q + "&counter=1", errHOTP},
		{"otpauth://steam/x" + q, errType},
		{"otpauth:///x" + q, errType},
		{"otpauth:totp/x" + q, errType},
		{"otpauth://totp:80/x" + q, errType},
		{"otpauth://me@totp/x" + q, errType},
		{"otpauth://totp/x" + q + "&digits=8", errDigits},
		{"otpauth://totp/x" + q + "&DIGITS=8", errDigits},
		{"otpauth://totp/x" + q + "&digits=", errDigits},
		{"otpauth://totp/x" + q + "&period=60", errPeriod},
		{"otpauth://totp/x" + q + "&algorithm=SHA256", errAlgorithm},
		{"otpauth://totp/x" + q + "&algorithm=SHA512", errAlgorithm},
		{"otpauth://totp/x", errNoSecret},
		{"otpauth://totp/x?secret=", errNoSecret},
		{"otpauth://totp/x?issuer=AWS&secret", errNoSecret},
		{"otpauth://totp/x?secret=%20", errNoSecret},
		{"otpauth://totp/x" + q + "&secret=" + awsSecret, errTwoSecrets},
		{"otpauth://totp/x" + q + "&Secret=JBSWY3DPEHPK3PXP", errTwoSecrets},
		{"otpauth://totp/x" + q + "&digits=6&digits=8", errTwice},
		{"otpauth://totp/x" + q + "&issuer=AWS&ISSUER=Example", errTwice},
		{"otpauth://totp/x?secret=JBSWY3DPEHPK3PX", errShort},
		{"otpauth://totp/x?secret=JBSWY3DPEHPK3PX1", errNotBase32},
		{"otpauth://totp/x?secret=JBSWY3DP%0AEHPK3PXP", errNotBase32},
		{"otpauth://totp/x?secret=JBSWY3DPEHPK3PXPA", errCut},
		{"otpauth://totp/a%0Ab" + q, errControl},
		{"otpauth://totp/a%0D%0Ab" + q, errControl},
		{"otpauth://totp/a%0A" + q, errControl},
		{"otpauth://totp/a%1B[2Jb" + q, errControl},
		{"otpauth://totp/a%00b" + q, errControl},
		{"otpauth://totp/a%E2%80%AEb" + q, errControl}, // right to left
		{"otpauth://totp/a%C2%9Bb" + q, errControl},
		{"otpauth://totp/a%FFb" + q, errControl},
		{"otpauth://totp/a" + q + "&issuer=AWS%0A", errControl},
		{"otpauth://totp/" + strings.Repeat("x", 321) + q, errLongName},
		{"otpauth://totp/x" + q + "&issuer=" + strings.Repeat("x", 129), errLongName},
		{"otpauth://totp/a%zzb" + q, errBadURI},
		{"otpauth://totp/a" + q + "&issuer=%zz", errBadURI},
		{"otpauth://totp/a" + q + ";digits=8", errBadURI},
		{"otpauth://totp/a\x1bb" + q, errBadURI},
		{"otpauth://to tp/a" + q, errBadURI},
		{"otpauth://totp/a" + q + "&issuer=#1&digits=8", errFragment},
		{"otpauth://totp/dev#1" + q, errFragment},
	}
}

func TestParseRefusesWithAReason(t *testing.T) {
	t.Parallel()
	for _, c := range refused() {
		s, err := Parse([]byte(c.input))
		var bad *ParseError
		if !errors.As(err, &bad) || bad != c.want || !s.IsZero() {
			t.Errorf("%q: %v, want %v", c.input, err, c.want)
		}
	}
}

// TestReasonsAreFitToShow: a reason is never made of the input, so that it
// cannot hold any of it; each says what to do next.
func TestReasonsAreFitToShow(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range refused() {
		why, hint := c.want.Error(), c.want.Hint
		if why == "" || hint == "" || strings.HasSuffix(why, ".") || strings.HasSuffix(hint, ".") {
			t.Errorf("%q, %q: not the form of an error and its hint", why, hint)
		}
		seen[why] = true
	}
	if len(seen) < 20 {
		t.Errorf("only %d reasons", len(seen))
	}
}

func TestParseAWS(t *testing.T) {
	t.Parallel()
	wrapped := base64.StdEncoding.EncodeToString([]byte(awsSecret))
	for _, answer := range []string{awsSecret, awsSecret + "\n", wrapped, " " + wrapped + "\n"} {
		s, err := ParseAWS([]byte(answer))
		if err != nil || s.secret() != awsSecret {
			t.Errorf("%q was read as %q: %v", answer, s.secret(), err)
		}
	}
	for _, answer := range []string{"", "AAAA", "not base32 at all", wrapped[:60], strings.Repeat("A", 5000),
		base64.StdEncoding.EncodeToString([]byte(wrapped)), "otpauth://totp/x?secret=" + awsSecret} {
		if s, err := ParseAWS([]byte(answer)); err != errNotAWSBytes || !s.IsZero() {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestFromStoredTakesNothingElse(t *testing.T) {
	t.Parallel()
	kept := parsed(t, "otpauth://totp/AWS:alice?secret="+awsSecret+"&issuer=AWS").stored()
	for _, other := range []string{kept + "\n", " " + kept, strings.ToLower(kept), kept + "&digits=6", awsSecret,
		strings.Replace(kept, "alice", "%61lice", 1), kept[:len(kept)-1] + "%53"} {
		if _, err := fromStored([]byte(other)); err == nil {
			t.Errorf("%q passes for %q", other, kept)
		}
	}
	for i := range kept { // what is cut off is never another seed
		if _, err := fromStored([]byte(kept[:i])); err == nil && !strings.HasPrefix(kept[i:], "&") {
			t.Errorf("%q passes", kept[:i])
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range refused() {
		f.Add([]byte(c.input))
	}
	f.Add([]byte(awsSecret))
	f.Add([]byte("otpauth://totp/M%C3%BC:%E6%9D%B1?secret=jbsw%20y3dp-ehpk3pxp&issuer=M%C3%BC&period=30"))
	f.Fuzz(func(t *testing.T, input []byte) {
		s, err := Parse(input)
		var bad *ParseError
		switch {
		case err != nil:
			// Only what was written before any input was seen is said of it.
			if !errors.As(err, &bad) || !s.IsZero() || bad.Why == "" || !known(bad) {
				t.Fatalf("%q: %v", input, err)
			}
		case len(s.secret()) < minSecret:
			t.Fatalf("%q: a seed of %d characters", input, len(s.secret()))
		default:
			backAgain(t, s)
			if code, _ := s.Code(time.Unix(1<<30, 0)); len(code) != 6 {
				t.Fatalf("%q has the code %q", input, code)
			}
		}
	})
}

// known says whether an error is one of those that are written down.
func known(bad *ParseError) bool {
	for _, c := range refused() {
		if bad == c.want {
			return true
		}
	}
	for _, e := range []*ParseError{errNoPicture, errNotPicture, errBadPicture, errBigPicture, errNoCode, errCodes, errOtherCode, errTooConfused} {
		if bad == e {
			return true
		}
	}
	return false
}
