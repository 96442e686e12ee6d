// Package digest is SHA-256 (FIPS 180-4) for names and checksums: Sum256
// and Hex.
//
// It is there for the warm path. crypto/sha256 is faster, but comes with Go's FIPS
// module, some twenty packages that are then initialised before whatever
// imports it (docs/decisions/0016). The test compares the two.
package digest

import "math/bits"

// Size is the length of a digest in bytes.
const Size = 32

// Sum256 is the SHA-256 digest of data.
func Sum256(data []byte) (sum [Size]byte) {
	h := [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
	length := 8 * uint64(len(data)) // in bits
	for len(data) >= 64 {
		mix(&h, (*[64]byte)(data))
		data = data[64:]
	}
	var last [64]byte
	n := copy(last[:], data)
	last[n] = 0x80
	if n >= 56 { // no room for the length
		mix(&h, &last)
		last = [64]byte{}
	}
	for i := range 8 {
		last[56+i] = byte(length >> (56 - 8*i))
	}
	mix(&h, &last)
	for i := range sum {
		sum[i] = byte(h[i/4] >> (24 - 8*(i%4)))
	}
	return sum
}

const hexDigits = "0123456789abcdef"

// Hex is encoding/hex by hand, which comes late in the order of
// initialisation too.
func Hex(b []byte) string {
	return string(AppendHex(make([]byte, 0, 2*Size), b)) // a size that the compiler knows takes no memory of its own
}

// AppendHex is Hex where there is room already.
func AppendHex(text, b []byte) []byte {
	for _, c := range b {
		text = append(text, hexDigits[c>>4], hexDigits[c&15])
	}
	return text
}

// mix takes one block into h.
func mix(h *[8]uint32, block *[64]byte) {
	var w [64]uint32
	for i := range 16 {
		w[i] = uint32(block[4*i])<<24 | uint32(block[4*i+1])<<16 | uint32(block[4*i+2])<<8 | uint32(block[4*i+3])
	}
	for i := 16; i < 64; i++ {
		x, y := w[i-15], w[i-2]
		w[i] = w[i-16] + (turn(x, 7) ^ turn(x, 18) ^ x>>3) + w[i-7] + (turn(y, 17) ^ turn(y, 19) ^ y>>10)
	}
	a, b, c, d, e, f, g, i := h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
	for n := range w {
		t := i + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (e&f ^ ^e&g) + rounds[n] + w[n]
		u := (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (a&b ^ a&c ^ b&c)
		a, b, c, d, e, f, g, i = t+u, a, b, c, d+t, e, f, g
	}
	for n, v := range [8]uint32{a, b, c, d, e, f, g, i} {
		h[n] += v
	}
}

// turn rotates to the right.
func turn(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }

// rounds are the first 32 bits of the fractions of the cube roots of the
// first 64 primes.
var rounds = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}
