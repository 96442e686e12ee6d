package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestVectors are those of FIPS 180-4.
func TestVectors(t *testing.T) {
	for text, want := range map[string]string{
		"":    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	} {
		if sum := Sum256([]byte(text)); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%q: %x", text, sum)
		}
	}
}

// TestEveryLength: one, two and more blocks, with and without room for the
// length in the last.
func TestEveryLength(t *testing.T) {
	data := make([]byte, 1000)
	for i := range data {
		data[i] = byte(i*i + i>>3)
	}
	for n := range data {
		if got, want := Sum256(data[:n]), sha256.Sum256(data[:n]); got != want {
			t.Fatalf("%d bytes: %x, want %x", n, got, want)
		}
		if got, want := Hex(data[:n]), hex.EncodeToString(data[:n]); got != want {
			t.Fatalf("%d bytes: %s, want %s", n, got, want)
		}
	}
}

func FuzzSum256(f *testing.F) {
	f.Add([]byte("abc"))
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, want := Sum256(data), sha256.Sum256(data); got != want {
			t.Errorf("%x: %x, want %x", data, got, want)
		}
	})
}

func BenchmarkSum256(b *testing.B) {
	data := make([]byte, 1024)
	for b.Loop() {
		Sum256(data)
	}
}
