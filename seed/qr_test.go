package seed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// onScreen is a URI like those that the console shows.
const onScreen = "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret=" + awsSecret + "&issuer=Amazon%20Web%20Services"

// codeOf draws a code, black on white, with that many pixels a side.
func codeOf(t testing.TB, content string, side int) *image.Gray {
	t.Helper()
	code, err := qr.Encode(content, qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	modules := code.Bounds().Dx()
	if code, err = barcode.Scale(code, side/modules*modules, side/modules*modules); err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, side, side))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	margin := side % modules / 2
	draw.Draw(img, code.Bounds().Add(image.Pt(margin, margin)), code, image.Point{}, draw.Src)
	return img
}

// shrunk is a code as a browser shows it when its page is made smaller: no
// square has its own pixels.
func shrunk(t testing.TB, side int) *image.Gray {
	t.Helper()
	large := codeOf(t, onScreen, 640)
	n := large.Rect.Dx()
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		from := image.Rect(i%side*n/side, i/side*n/side, (i%side+1)*n/side, (i/side+1)*n/side)
		sum := 0
		for y := from.Min.Y; y < from.Max.Y; y++ {
			for x := from.Min.X; x < from.Max.X; x++ {
				sum += int(large.GrayAt(x, y).Y)
			}
		}
		img.Pix[i] = byte(sum / (from.Dx() * from.Dy()))
	}
	return img
}

// screen is a screenshot full of windows and text-like noise, with codes on
// white cards.
func screen(t testing.TB, w, h int, codes ...image.Image) *image.RGBA {
	t.Helper()
	random := rand.New(rand.NewPCG(1, uint64(w)))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{240, 240, 245, 255}), image.Point{}, draw.Src)
	for range w * h / 400 {
		x, y, c := random.IntN(w), random.IntN(h), uint8(random.Uint32())
		bar := image.Rect(x, y, x+1+random.IntN(20), y+1+random.IntN(4))
		draw.Draw(img, bar, image.NewUniform(color.RGBA{c, uint8(random.Uint32()), c / 2, 255}), image.Point{}, draw.Src)
	}
	for i, code := range codes {
		size := code.Bounds().Size()
		at := image.Pt(w/8+i*(size.X+80), h/4)
		draw.Draw(img, image.Rectangle{at, at.Add(size)}.Inset(-24), image.White, image.Point{}, draw.Src)
		draw.Draw(img, image.Rectangle{at, at.Add(size)}, code, code.Bounds().Min, draw.Src)
	}
	return img
}

// framed is a code alone in a margin.
func framed(code image.Image, margin int) *image.Gray {
	size := code.Bounds().Size()
	img := image.NewGray(image.Rect(0, 0, size.X+2*margin, size.Y+2*margin))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(img, code.Bounds().Add(image.Pt(margin, margin)), code, code.Bounds().Min, draw.Src)
	return img
}

func rotated(img image.Image) image.Image {
	b := img.Bounds()
	turned := image.NewRGBA(image.Rect(0, 0, b.Dy(), b.Dx()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			turned.Set(b.Dy()-1-y, x, img.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return turned
}

func inMirror(img image.Image) image.Image {
	b := img.Bounds()
	turned := image.NewRGBA(b)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			turned.Set(b.Max.X-1-x+b.Min.X, y, img.At(x, y))
		}
	}
	return turned
}

// noisy makes every pixel lighter or darker by less than so much.
func noisy(img *image.Gray, much int) *image.Gray {
	random := rand.New(rand.NewPCG(1, 2))
	for i, v := range img.Pix {
		img.Pix[i] = byte(min(max(int(v)+random.IntN(2*much)-much, 0), 255))
	}
	return img
}

func negative(img image.Image) image.Image {
	b := img.Bounds()
	dark := image.NewRGBA(b)
	draw.Draw(dark, b, img, b.Min, draw.Src)
	for i := range dark.Pix {
		if i%4 != 3 {
			dark.Pix[i] = 255 - dark.Pix[i]
		}
	}
	return dark
}

// seenThrough is a code whose white is nothing.
func seenThrough(code *image.Gray) image.Image {
	img := image.NewNRGBA(code.Rect)
	for y := range code.Rect.Dy() {
		for x := range code.Rect.Dx() {
			if code.GrayAt(x, y).Y == 0 {
				img.Set(x, y, color.Black)
			}
		}
	}
	return img
}

func asPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParseQR(t *testing.T) {
	t.Parallel()
	code, small := codeOf(t, onScreen, 200), codeOf(t, onScreen, 137)
	w, h, w4, h4 := 640, 360, 960, 720 // the names below speak of the full sizes
	if os.Getenv("AWSMFA_LONG") != "" {
		w, h, w4, h4 = 1920, 1080, 3840, 2160
	}
	for _, c := range []struct {
		name string
		file func() []byte
	}{
		{"a cropped code", func() []byte { return asPNG(t, framed(code, 20)) }},
		{"a code without a margin", func() []byte { return asPNG(t, codeOf(t, onScreen, 265)) }},
		{"1080p", func() []byte { return asPNG(t, screen(t, w, h, code)) }},
		{"1080p, JPEG of quality 40", func() []byte { return asJPEG(t, screen(t, w, h, code), 40) }},
		{"4K", func() []byte { return asPNG(t, screen(t, w4, h4, code)) }},
		{"4K, large code", func() []byte { return asPNG(t, screen(t, w4, h4, codeOf(t, onScreen, 500))) }},
		{"inverted", func() []byte { return asPNG(t, negative(framed(code, 20))) }},
		{"inverted 1080p", func() []byte { return asPNG(t, negative(screen(t, w, h, code))) }},
		{"small", func() []byte { return asPNG(t, framed(small, 8)) }},
		{"small in a high picture", func() []byte { return asPNG(t, screen(t, 300, 1080, small)) }},
		{"small and inverted", func() []byte { return asPNG(t, negative(framed(small, 8))) }},
		{"shrunk", func() []byte { return asPNG(t, framed(shrunk(t, 118), 8)) }},
		{"shrunk further", func() []byte { return asPNG(t, framed(shrunk(t, 79), 8)) }},
		{"shrunk and inverted", func() []byte { return asPNG(t, negative(framed(shrunk(t, 118), 8))) }},
		{"shrunk in a screen", func() []byte { return asPNG(t, screen(t, 400, 225, shrunk(t, 118))) }},
		{"turned by 90", func() []byte { return asPNG(t, rotated(screen(t, w, h, code))) }},
		{"turned by 180", func() []byte { return asPNG(t, rotated(rotated(framed(code, 20)))) }},
		{"turned a little", func() []byte { return asPNG(t, seen(framed(code, 20), 0.2, 0)) }},
		{"turned half way", func() []byte { return asPNG(t, seen(framed(code, 20), 2.3, 0)) }},
		{"seen from the side", func() []byte { return asPNG(t, seen(framed(code, 20), 0.1, 0.3)) }},
		{"seen from the side, JPEG of quality 30", func() []byte { return asJPEG(t, seen(framed(code, 20), -3, -0.2), 30) }},
		{"in a mirror", func() []byte { return asPNG(t, inMirror(framed(code, 20))) }},
		{"noisy", func() []byte { return asPNG(t, noisy(framed(code, 20), 60)) }},
		{"transparent", func() []byte { return asPNG(t, framedAs(seenThrough(code))) }},
		{"the same code twice", func() []byte { return asPNG(t, screen(t, w, h, code, code)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := ParseQR(bytes.NewReader(c.file()))
			if err != nil {
				t.Fatal(err)
			}
			if s.secret() != awsSecret || s.Issuer() != "Amazon Web Services" || s.Label() != "alice@123456789012" {
				t.Errorf("read as %q of %q, %q", s.secret(), s.Issuer(), s.Label())
			}
		})
	}
}

// framedAs gives a margin that one sees through too.
func framedAs(img image.Image) image.Image {
	b := img.Bounds()
	wide := image.NewNRGBA(b.Inset(-20))
	draw.Draw(wide, b, img, b.Min, draw.Src)
	return wide
}

func TestParseQRRefusesWithAReason(t *testing.T) {
	t.Parallel()
	code := codeOf(t, onScreen, 200)
	whole := asPNG(t, framed(code, 20))
	var animated bytes.Buffer
	if err := gif.Encode(&animated, framed(code, 20), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		file []byte
		want *ParseError
	}{
		{"nothing", nil, errNoPicture},
		{"text", []byte(onScreen), errNotPicture},
		{"GIF", animated.Bytes(), errNotPicture},
		{"too many bytes", append(bytes.Clone(whole), make([]byte, maxPicture)...), errBigPicture},
		{"the head of a PNG", whole[:20], errBadPicture},
		{"half a PNG", whole[:len(whole)/2], errBadPicture},
		{"the head of a JPEG", []byte("\xff\xd8\xff\xe0"), errBadPicture},
		{"half a JPEG", asJPEG(t, code, 90)[:2000], errBadPicture},
		{"white", asPNG(t, framed(image.NewGray(image.Rect(0, 0, 1, 1)), 100)), errNoCode},
		{"one pixel", asPNG(t, image.NewGray(image.Rect(0, 0, 1, 1))), errNoCode},
		{"a screen without a code", asPNG(t, screen(t, 320, 180)), errNoCode},
		{"half a code", asPNG(t, framed(code.SubImage(image.Rect(0, 0, 200, 100)), 20)), errNoCode},
		{"two codes", asPNG(t, screen(t, 800, 450, code, codeOf(t, strings.Replace(onScreen, "alice", "bob", 1), 200))), errCodes},
		{"a web address", asPNG(t, framed(codeOf(t, "https://example.com/?secret="+awsSecret, 200), 20)), errOtherCode},
		{"a bare secret", asPNG(t, framed(codeOf(t, awsSecret, 200), 20)), errOtherCode},
		{"hotp", asPNG(t, framed(codeOf(t, strings.Replace(onScreen, "totp", "hotp", 1), 200), 20)), errHOTP},
		{"8 digits", asPNG(t, framed(codeOf(t, onScreen+"&digits=8", 200), 20)), errDigits},
		{"migration", asPNG(t, framed(codeOf(t, "otpauth-migration://offline?data=abc", 200), 20)), errMigration},
		{"finders without end", asPNG(t, finders(400, 360)), errTooConfused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := ParseQR(bytes.NewReader(c.file))
			var bad *ParseError
			if !errors.As(err, &bad) || bad != c.want || !s.IsZero() {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	_, err := ParseQR(iotest.ErrReader(io.ErrClosedPipe))
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a failing reader: %v", err)
	}
}

// finders is a picture full of the squares that mark a code's corners.
func finders(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	for y := 4; y+20 < h; y += 18 {
		for x := 4; x+20 < w; x += 18 {
			square := image.Rect(x, y, x+14, y+14)
			draw.Draw(img, square, image.Black, image.Point{}, draw.Src)
			draw.Draw(img, square.Inset(2), image.White, image.Point{}, draw.Src)
			draw.Draw(img, square.Inset(4), image.Black, image.Point{}, draw.Src)
		}
	}
	return img
}

// TestHugePicturesAreNotDecoded: the size in the head decides. With no more
// than a head in the file, decoding would say that it is damaged.
func TestHugePicturesAreNotDecoded(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]uint32{{1 << 20, 1 << 20}, {1<<31 - 1, 1}, {1, 1<<31 - 1}, {1<<31 - 1, 1<<31 - 1}, {5200, 5001}, {65500, 65500}} {
		if _, err := ParseQR(bytes.NewReader(pngHead(size[0], size[1]))); err != errBigPicture && err != errBadPicture {
			t.Errorf("PNG of %d: %v", size, err)
		}
		if size[0] <= 65535 && size[1] <= 65535 {
			if _, err := ParseQR(bytes.NewReader(jpegHead(uint16(size[0]), uint16(size[1])))); err != errBigPicture {
				t.Errorf("JPEG of %d: %v", size, err)
			}
			if _, err := ParseQR(bytes.NewReader(pngHead(size[0], size[1]))); err != errBigPicture {
				t.Errorf("PNG of %d: %v", size, err)
			}
		}
	}
	for _, head := range [][]byte{pngHead(5200, 4999), jpegHead(5200, 4999), pngHead(0, 0)} {
		if _, err := ParseQR(bytes.NewReader(head)); err != errBadPicture {
			t.Errorf("a head alone: %v", err)
		}
	}
}

func pngHead(w, h uint32) []byte {
	chunk := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	chunk = append(chunk, 8, 6, 0, 0, 0) // 8 bits, colour and transparency
	file := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(file, chunk...), crc32.ChecksumIEEE(chunk))
}

func jpegHead(w, h uint16) []byte {
	frame := []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc0\x00\x0b\x08")
	frame = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(frame, h), w)
	return append(frame, 1, 1, 0x11, 0)
}

func TestQRIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, label := range []string{"a", "alice@123456789012", strings.Repeat("x", 226) + "@example-alias"} {
		want := parsed(t, awsSecret).URI("Amazon Web Services", label)
		text, err := QR(want)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseQR(bytes.NewReader(asPNG(t, onTerminal(t, text))))
		if err != nil || s.stored() != want {
			t.Errorf("%q: drawn and read again: %v", label, err)
		}
	}
}

// onTerminal draws the text of a code as a dark terminal shows it.
func onTerminal(t *testing.T, text string) *image.Gray {
	t.Helper()
	const cell = 6 // pixels wide, and half as many as high
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	img := image.NewGray(image.Rect(0, 0, 120*cell, (2*len(lines)+8)*cell))
	for y, line := range lines {
		line, begun := strings.CutPrefix(line, "\x1b[38;5;16;48;5;231m")
		line, ended := strings.CutSuffix(line, "\x1b[0m")
		if !begun || !ended || strings.Contains(line, "\x1b") {
			t.Fatalf("line %d does not set its colours: %q", y, line)
		}
		for x, r := range []rune(line) {
			upper, lower := color.Gray{255}, color.Gray{255}
			if r == '▀' || r == '█' {
				upper = color.Gray{}
			}
			if r == '▄' || r == '█' {
				lower = color.Gray{}
			}
			at := image.Rect(0, 0, cell, cell).Add(image.Pt((x+2)*cell, (2*y+4)*cell))
			draw.Draw(img, at, image.NewUniform(upper), image.Point{}, draw.Src)
			draw.Draw(img, at.Add(image.Pt(0, cell)), image.NewUniform(lower), image.Point{}, draw.Src)
		}
	}
	return img
}

func FuzzParseQR(f *testing.F) {
	code := framed(codeOf(f, onScreen, 150), 10)
	f.Add(asPNG(f, code))
	f.Add(asPNG(f, negative(code)))
	f.Add(asJPEG(f, code, 30))
	f.Add(asPNG(f, finders(60, 60)))
	f.Add(pngHead(100, 100))
	f.Add(jpegHead(100, 100))
	f.Fuzz(func(t *testing.T, file []byte) {
		// Small pictures, so that many are tried.
		if size, err := png.DecodeConfig(bytes.NewReader(file)); err == nil && size.Width*size.Height > 1<<17 {
			t.Skip()
		}
		if size, err := jpeg.DecodeConfig(bytes.NewReader(file)); err == nil && size.Width*size.Height > 1<<17 {
			t.Skip()
		}
		s, err := ParseQR(bytes.NewReader(file))
		var bad *ParseError
		if err != nil && (!errors.As(err, &bad) || !known(bad) || !s.IsZero()) {
			t.Fatal(err)
		}
	})
}

// FuzzModules shows the decoder codes whose squares are wrong, which no
// change of a file's bytes comes to.
func FuzzModules(f *testing.F) {
	f.Add([]byte("otpauth://totp/?secret=JBSWY3DPEHPK3PXP"), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, content, flip []byte) {
		if len(content) == 0 || len(content) > 40 || len(flip) > 200 { // small codes, so that many are tried
			t.Skip()
		}
		modules, err := modulesOf(string(content))
		if err != nil {
			t.Skip()
		}
		for i, v := range flip {
			at := (i*251 + int(v)) % (len(modules) * len(modules))
			modules[at/len(modules)][at%len(modules)] = v&1 == 0
		}
		img := image.NewGray(image.Rect(0, 0, 2*len(modules), 2*len(modules)))
		for i := range img.Pix {
			x, y := i%img.Stride/2, i/img.Stride/2
			if !modules[y][x] {
				img.Pix[i] = 255
			}
		}
		if found, err := codes(img); err != nil || len(flip) == 0 && (len(found) != 1 || found[0] != string(content)) && isPlain(content) {
			t.Fatalf("%q: found %q: %v", content, found, err)
		}
	})
}

// isPlain says whether a text has nothing that a code may spell otherwise.
func isPlain(content []byte) bool {
	for _, c := range content {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
