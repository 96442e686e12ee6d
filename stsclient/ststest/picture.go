package ststest

import (
	"image"
	"image/color"
)

// quiet zone around a QR code, in pixels: four modules of four pixels.
const quietZone = 16

// framed puts the white border around a QR code that readers need.
type framed struct{ image.Image }

func (f framed) Bounds() image.Rectangle { return f.Image.Bounds().Inset(-quietZone) }

func (f framed) At(x, y int) color.Color {
	if !(image.Point{x, y}).In(f.Image.Bounds()) {
		return color.White
	}
	return f.Image.At(x, y)
}
