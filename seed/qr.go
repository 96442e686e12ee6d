package seed

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
)

const (
	maxPicture = 32 << 20 // bytes
	// maxPixels lets three 4K screens side by side pass. A picture may cost 12
	// bytes of memory a pixel (progressive JPEG), whatever its file's size.
	maxPixels = 26_000_000
	// maxEnlarged keeps the enlarged copy of a picture as small as the largest
	// one that is read.
	maxEnlarged = maxPixels / 4
)

const hintPicture = "take a screenshot of the whole code with some white around it, or give the secret as text"

var (
	errNoPicture   = &ParseError{"there is no picture: the input is empty", "give a PNG or JPEG picture of the QR code"}
	errNotPicture  = &ParseError{"the picture is neither PNG nor JPEG", "save the screenshot as PNG"}
	errBadPicture  = &ParseError{"the picture is damaged", "take the screenshot again and save it as PNG"}
	errBigPicture  = &ParseError{"the picture is too large", "crop it to the QR code"}
	errNoCode      = &ParseError{"no QR code was found in the picture", hintPicture}
	errCodes       = &ParseError{"the picture holds more than one QR code", "crop it to the one code"}
	errOtherCode   = &ParseError{"the QR code in the picture is no otpauth URI, so no seed", "use the code that AWS shows where an MFA device is assigned"}
	errTooConfused = &ParseError{"the picture has too many shapes that resemble a QR code", "crop it to the one code"}
)

// ParseQR reads the seed from a picture of the QR code that AWS shows: a PNG or
// JPEG, such as a screenshot. What it says of the picture, and of the URI in
// it, is a *ParseError; other errors are those of reading.
func ParseQR(picture io.Reader) (Seed, error) {
	file, err := io.ReadAll(io.LimitReader(picture, maxPicture+1))
	if err != nil {
		return Seed{}, fmt.Errorf("reading the picture: %w", err)
	}
	defer clear(file)
	gray, err := decode(file)
	if err != nil {
		return Seed{}, err
	}
	found, err := look(gray)
	if err != nil {
		return Seed{}, err
	}
	if !scheme(found, "otpauth") && !scheme(found, "otpauth-migration") {
		return Seed{}, errOtherCode
	}
	return Parse([]byte(found))
}

// decode makes a picture of what is in the file, after its head has told that
// it is of a bearable size: a small file may hold a huge picture.
func decode(file []byte) (*image.Gray, error) {
	head, body := png.DecodeConfig, png.Decode
	switch {
	case len(file) == 0:
		return nil, errNoPicture
	case len(file) > maxPicture:
		return nil, errBigPicture
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
		head, body = jpeg.DecodeConfig, jpeg.Decode
	default:
		return nil, errNotPicture
	}
	size, err := head(bytes.NewReader(file))
	switch {
	case err != nil || size.Width <= 0 || size.Height <= 0:
		return nil, errBadPicture
	case size.Width > maxPixels || size.Height > maxPixels/size.Width:
		return nil, errBigPicture
	}
	picture, err := body(bytes.NewReader(file))
	if err != nil {
		return nil, errBadPicture
	}
	return grayOf(picture), nil
}

// grayOf takes the colours off a picture, laid on white where one sees through
// it. Row by row: the standard library is quick at that, and slow at single
// pixels.
func grayOf(picture image.Image) *image.Gray {
	b := picture.Bounds()
	gray := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	row := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	for y := range b.Dy() {
		draw.Draw(row, row.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(row, row.Rect, picture, image.Pt(b.Min.X, b.Min.Y+y), draw.Over)
		to := gray.Pix[y*gray.Stride:]
		for x := range b.Dx() {
			r, g, b := row.Pix[4*x], row.Pix[4*x+1], row.Pix[4*x+2]
			to[x] = byte((int(r) + 2*int(g) + int(b)) / 4)
		}
	}
	return gray
}

// look finds the one code in a picture. The decoder does not see light codes on
// dark, nor such whose squares are a pixel or two wide and blurred: where it
// sees nothing it is shown the picture in other ways.
func look(gray *image.Gray) (string, error) {
	for size := 1; size <= 4 && gray != nil; size *= 2 {
		for _, shown := range []*image.Gray{gray, inverted(gray)} {
			found, err := codes(shown)
			switch {
			case err != nil:
				return "", err
			case len(found) == 1:
				return found[0], nil
			case len(found) > 1:
				return "", errCodes
			}
		}
		gray = enlarged(gray)
	}
	return "", errNoCode
}

func inverted(g *image.Gray) *image.Gray {
	dark := image.NewGray(g.Rect)
	for i, v := range g.Pix {
		dark.Pix[i] = 255 - v
	}
	return dark
}

// enlarged is twice as wide and high, and as smooth as lines between the
// pixels make it: repeated pixels would tell the decoder nothing new. It is nil
// when that is too much.
func enlarged(g *image.Gray) *image.Gray {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	if w*h > maxEnlarged {
		return nil
	}
	big := image.NewGray(image.Rect(0, 0, 2*w, 2*h))
	for y := range 2 * h {
		near, far := g.Pix[y/2*g.Stride:], g.Pix[beside(y, h)*g.Stride:]
		to := big.Pix[y*big.Stride:]
		for x := range 2 * w {
			a, b := x/2, beside(x, w)
			to[x] = byte((9*int(near[a]) + 3*int(near[b]) + 3*int(far[a]) + int(far[b]) + 8) / 16)
		}
	}
	return big
}

// beside is the pixel that half a pixel leans to: the one before or after.
func beside(half, size int) int {
	return min(max(half/2-1+half%2*2, 0), size-1)
}

// codes returns the texts of the codes in a picture, each once. Pictures may be
// hostile: a panic, ours or the library's, means that nothing was found.
func codes(gray *image.Gray) (texts []string, err error) {
	defer func() { _ = recover() }()
	p, ok := planeOf(gray)
	if !ok {
		return nil, nil
	}
	return p.texts()
}

func insert(texts []string, text string) []string {
	for _, t := range texts {
		if t == text {
			return texts
		}
	}
	return append(texts, text)
}
