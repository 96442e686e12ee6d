package seed

import (
	"fmt"
	"image"
	"math"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// levels are the encoder's names for those that a code numbers.
var levels = [4]qr.ErrorCorrectionLevel{qr.M, qr.L, qr.H, qr.Q}

// room is how many bytes of text a code has room for.
func room(version, level int) int {
	squares := 0
	for y := range side(version) {
		for x := range side(version) {
			squares += bit(!reserved(x, y, version))
		}
	}
	data := squares/8 - int(parts[level][version-1])*int(checks[level][version-1])
	return (8*data - 4 - countBits(kindBytes, version)) / 8
}

func squaresOf(t testing.TB, code barcode.Barcode) [][]bool {
	t.Helper()
	s := newSquares(code.Bounds().Dx())
	for y, row := range s {
		for x := range row {
			r, _, _, _ := code.At(x, y).RGBA()
			row[x] = r == 0
		}
	}
	return s
}

// TestEverySizeAndLevel: what another's encoder makes is read, full to the last
// byte, so that the tables of both agree, and with as many bytes wrong as can be
// made good.
func TestEverySizeAndLevel(t *testing.T) {
	t.Parallel()
	masks := make(map[int]bool)
	for version := 1; version <= 40; version++ {
		for level, name := range levels {
			if version > 10 && (version%10 != 0 && version != 32 || level != version/5%4) && os.Getenv("AWSMFA_LONG") == "" {
				continue // the large ones take the encoder long
			}
			text := strings.Repeat("Seed, ", 500)[:room(version, level)]
			code, err := qr.Encode(text, name, qr.Unicode)
			if err != nil {
				t.Fatal(err)
			}
			s := squaresOf(t, code)
			if len(s) != side(version) {
				t.Fatalf("%d bytes at level %d: a code of %d squares, want version %d", len(text), level, len(s), version)
			}
			if got, ok := readSquares(s); !ok || got != text {
				t.Fatalf("version %d, level %d: read as %t %.40q", version, level, ok, got)
			}
			_, mask, _ := format(s)
			masks[mask] = true
			blocks, check := int(parts[level][version-1]), int(checks[level][version-1])
			all := sequence(s, version, mask)
			for i := range blocks * (check / 2) {
				all[i] ^= byte(i%255 + 1)
			}
			data, ok := corrected(all, blocks, check)
			if got, fine := spelled(data, version); !ok || !fine || got != text {
				t.Errorf("version %d, level %d: damaged: %t %t %.40q", version, level, ok, fine, got)
			}
		}
	}
	if len(masks) != 8 {
		t.Errorf("only the masks %v were met", masks)
	}
}

// TestFormatIsReadWithErrors: three wrong bits in one copy, the other lost.
func TestFormatIsReadWithErrors(t *testing.T) {
	t.Parallel()
	for kind := range 32 {
		for shown := range 2 {
			s := newSquares(side(2))
			bits := formatBits(kind) ^ 1<<(kind%15) ^ 1<<((kind+4)%15) ^ 1<<((kind+11)%15)
			last := len(s) - 1
			for i := range 15 {
				x, y := last-i, 8
				if i > 7 {
					x, y = 8, last-14+i
				}
				if shown == 1 { // the other copy: over the lines of turns
					x, y = 8, i+i/6
					switch {
					case i > 8:
						x, y = 14-i, 8
					case i == 8:
						x, y = 7, 8
					}
				}
				s[y][x] = bits>>i&1 == 1
			}
			level, mask, ok := format(s)
			if !ok || level<<3|mask != kind {
				t.Errorf("copy %d of %d: %t, level %d, mask %d", shown, kind, ok, level, mask)
			}
		}
	}
}

// TestKindsOfText: each kind of segment in codes of each length of lengths.
func TestKindsOfText(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 4, 40, 600, 2000} {
		for _, c := range []struct {
			letters string
			kind    qr.Encoding
		}{{"0123456789", qr.Numeric}, {upper, qr.AlphaNumeric}, {"söme ünï çøde €", qr.Unicode}} {
			text := strings.Repeat(c.letters, n/len(c.letters)+1)
			if c.kind != qr.Unicode {
				text = text[:n]
			}
			code, err := qr.Encode(text, qr.L, c.kind)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := readSquares(squaresOf(t, code)); !ok || got != text {
				t.Errorf("%d of %q: %t %q", n, c.letters, ok, got)
			}
		}
	}
}

// stream packs numbers, each after its bits, into bytes.
func stream(pairs ...int) []byte {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "%0*b", pairs[i], pairs[i+1])
	}
	data := make([]byte, (b.Len()+7)/8)
	for i, c := range b.String() {
		data[i/8] |= byte(c-'0') << (7 - i%8)
	}
	return data
}

func TestSegments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		data []byte
		want string
		bad  bool
	}{
		{"nothing", nil, "", false},
		{"an end alone", stream(4, kindEnd), "", false},
		{"bytes, no room for an end", stream(4, kindBytes, 8, 1, 8, 'a'), "a", false},
		{"two segments", stream(4, kindBytes, 8, 1, 8, 'a', 4, kindDigits, 10, 1, 4, 7, 4, 0), "a7", false},
		{"a character set", stream(4, kindCharset, 8, 26, 4, kindBytes, 8, 2, 8, 0xc3, 8, 0xa9, 4, 0), "é", false},
		{"a character set of two bytes", stream(4, kindCharset, 16, 0x8000|899, 4, kindBytes, 8, 1, 8, 'a', 4, 0), "a", false},
		{"a character set of three bytes", stream(4, kindCharset, 24, 0xc00000|99999, 4, kindBytes, 8, 1, 8, 'a', 4, 0), "a", false},
		{"Latin-1", stream(4, kindBytes, 8, 2, 8, 0xe9, 8, 'a', 4, 0), "éa", false},
		{"goods", stream(4, kindFNC1, 4, kindBytes, 8, 1, 8, 'a', 4, kindFNC1Also, 8, 3, 4, kindBytes, 8, 1, 8, 'b', 4, 0), "ab", false},
		{"one of several", stream(4, kindSeries, 16, 0x1234, 4, kindBytes, 8, 1, 8, 'a', 4, 0), "a", false},
		{"kanji", stream(4, kindKanji, 8, 2, 13, 5, 13, 6, 4, kindBytes, 8, 1, 8, 'a', 4, 0), "\ufffd\ufffda", false},
		{"an unknown kind", stream(4, 15, 16, 0), "", true},
		{"bytes cut off", stream(4, kindBytes, 8, 9, 8, 'a'), "", true},
		{"digits cut off", stream(4, kindDigits, 10, 1000, 10, 123), "", true},
		{"letters cut off", stream(4, kindUpper, 9, 500, 11, 0), "", true},
		{"kanji cut off", stream(4, kindKanji, 8, 200, 13, 0), "", true},
		{"a length cut off", stream(4, kindUpper, 4, 0), "", true},
		{"no three digits", stream(4, kindDigits, 10, 3, 10, 1000, 4, 0), "", true},
		{"no two digits", stream(4, kindDigits, 10, 2, 7, 100, 4, 0), "", true},
		{"no digit", stream(4, kindDigits, 10, 1, 4, 10, 4, 0), "", true},
		{"no two letters", stream(4, kindUpper, 9, 2, 11, 45*45, 4, 0), "", true},
		{"no letter", stream(4, kindUpper, 9, 1, 6, 45, 4, 0), "", true},
	} {
		if got, ok := spelled(c.data, 1); ok == c.bad || ok && got != c.want {
			t.Errorf("%s: %q, %t", c.name, got, ok)
		}
	}
}

func FuzzSpelled(f *testing.F) {
	f.Add(stream(4, kindDigits, 10, 5, 10, 123, 7, 45), byte(1))
	f.Add(stream(4, kindCharset, 8, 26, 4, kindUpper, 11, 3, 11, 77, 6, 9), byte(20))
	f.Add(stream(4, kindKanji, 12, 2, 13, 5, 13, 6, 4, kindBytes, 16, 1, 8, 'a'), byte(40))
	f.Fuzz(func(t *testing.T, data []byte, version byte) {
		if text, ok := spelled(data, int(version%40)+1); ok && (!utf8.ValidString(text) || len(text) > 4*8*len(data)) {
			t.Errorf("%q", text)
		}
	})
}

// TestPicturesOfEverySize: a code is found whatever its size is.
func TestPicturesOfEverySize(t *testing.T) {
	t.Parallel()
	for version := 1; version <= 40; version++ {
		if version > 2 && version != 7 && version%20 != 0 && os.Getenv("AWSMFA_LONG") == "" {
			continue
		}
		text := strings.Repeat("Seed, ", 500)[:room(version, 0)]
		img := framed(codeOf(t, text, 3*side(version)), 12)
		for _, shown := range []image.Image{img, rotated(img), seen(img, 0.5, 0.1)} {
			if found, err := codes(grayOf(shown)); err != nil || len(found) != 1 || found[0] != text {
				t.Errorf("version %d, %v: %.40q, %v", version, shown.Bounds(), found, err)
			}
		}
	}
}

// seen is a picture twice as large, turned by an angle, and tilted: one side is
// nearer to the eye than the other by that share.
func seen(code *image.Gray, turn, tilt float64) *image.Gray {
	n, size := code.Rect.Dx(), 3*code.Rect.Dx()
	img := image.NewGray(image.Rect(0, 0, size, size))
	sin, cos := math.Sincos(turn)
	for i := range img.Pix {
		x, y := float64(i%size-size/2), float64(i/size-size/2)
		z := 2 * (1 + tilt*x/float64(size/2))
		x, y = (cos*x+sin*y)/z+float64(n)/2, (cos*y-sin*x)/z+float64(n)/2
		img.Pix[i] = 230
		if x >= 0 && y >= 0 && x < float64(n) && y < float64(n) {
			img.Pix[i] = 20 + code.GrayAt(int(x), int(y)).Y/255*210
		}
	}
	return img
}

// TestManyCornersEnd: as many corners as are looked at, evenly spaced, so that
// all sets of three are as good as any.
func TestManyCornersEnd(t *testing.T) {
	t.Parallel()
	side := 7
	if os.Getenv("AWSMFA_LONG") != "" {
		side = 17
	}
	img := finders(side*18+8, side*18+8)
	p, _ := planeOf(img)
	if found, err := p.corners(); err != nil || len(found) != side*side {
		t.Fatalf("%d corners: %v", len(found), err)
	}
	if text, err := look(img); err != errNoCode {
		t.Errorf("%q, %v", text, err)
	}
}
