package seed

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing/common/reedsolomon"
)

// What the squares of a code say, by ISO/IEC 18004. A version is a size, 1 to 40.

// For each level of protection, in the order of their numbers in a code (M, L,
// H, Q), and each version: the check bytes of a block, and the blocks.
var (
	checks = [4][40]byte{
		{10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28},
		{7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
		{17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28, 30, 24, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
		{13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30, 28, 30, 30, 30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
	}
	parts = [4][40]byte{
		{1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49},
		{1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25},
		{1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25, 25, 34, 30, 32, 35, 37, 40, 42, 45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81},
		{1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20, 23, 23, 25, 27, 29, 34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68},
	}
)

func side(version int) int { return 17 + 4*version }

func newSquares(side int) [][]bool {
	s := make([][]bool, side)
	for y := range s {
		s[y] = make([]bool, side)
	}
	return s
}

// readSquares reads a code; squares[y][x] says whether that one is dark.
func readSquares(squares [][]bool) (string, bool) {
	version := (len(squares) - 17) / 4
	level, mask, ok := format(squares)
	if !ok {
		return "", false
	}
	data, ok := corrected(sequence(squares, version, mask), int(parts[level][version-1]), int(checks[level][version-1]))
	if !ok {
		return "", false
	}
	return spelled(data, version)
}

// format reads the level and the mask. They stand in a code twice, in numbers
// that differ in at least seven bits: the one nearest to either is meant.
func format(squares [][]bool) (level, mask int, ok bool) {
	last := len(squares) - 1
	one, two := 0, 0
	for i := range 15 { // the lowest bit first
		// Down the column beside the first corner and back along the row
		// below it, over the lines where dark and light take turns.
		x, y := 8, i
		switch {
		case i > 8:
			x, y = 14-i, 8
		case i == 8:
			x, y = 7, 8
		case i > 5:
			y = i + 1
		}
		one |= bit(squares[y][x]) << i
		x, y = last-i, 8
		if i > 7 {
			x, y = 8, last-14+i
		}
		two |= bit(squares[y][x]) << i
	}
	best := 4 // bits wrong
	for kind := range 32 {
		want := uint(formatBits(kind))
		if wrong := min(bits.OnesCount(want^uint(one)), bits.OnesCount(want^uint(two))); wrong < best {
			best, level, mask = wrong, kind>>3, kind&7
		}
	}
	return level, mask, best < 4
}

func bit(dark bool) int {
	if dark {
		return 1
	}
	return 0
}

// formatBits is the number of 15 bits in which five are written.
func formatBits(kind int) int {
	rest := kind << 10
	for at := 14; at >= 10; at-- {
		if rest>>at&1 == 1 {
			rest ^= 0x537 << (at - 10)
		}
	}
	return (kind<<10 | rest) ^ 0x5412
}

// sequence are the bytes of a code: two columns at a time from the right, up
// and down in turn.
func sequence(squares [][]bool, version, mask int) []byte {
	var all []byte
	now, n, last := 0, 0, len(squares)-1
	for right, up := last, true; right > 0; right, up = right-2, !up {
		if right == 6 { // a column where dark and light take turns
			right--
		}
		for i := range squares {
			y := i
			if up {
				y = last - i
			}
			for _, x := range [2]int{right, right - 1} {
				if reserved(x, y, version) {
					continue
				}
				now = now<<1 | bit(squares[y][x] != masked(x, y, mask))
				if n++; n%8 == 0 {
					all = append(all, byte(now))
				}
			}
		}
	}
	return all
}

// reserved says whether a square serves to find the code, and its size, rather
// than to say something.
func reserved(x, y, version int) bool {
	end := side(version)
	switch {
	case x == 6 || y == 6:
		return true
	case x < 9 && y < 9, x < 9 && y >= end-8, x >= end-8 && y < 9:
		return true
	case version >= 7 && (x < 6 && y >= end-11 || y < 6 && x >= end-11):
		return true
	}
	i, j, n := markAt(x, version), markAt(y, version), marks(version)
	corner := i+j == 0 || i == 0 && j == n-1 || i == n-1 && j == 0
	return i >= 0 && j >= 0 && !corner
}

// marks is how many rows and columns of small marks there are.
func marks(version int) int {
	if version == 1 {
		return 0
	}
	return version/7 + 2
}

// markAt is which row or column of marks covers that of squares, or -1. They are
// evenly spaced from the end, save for the first.
func markAt(at, version int) int {
	n := marks(version)
	if n == 0 {
		return -1
	}
	step := (4*version + 2*n + 1) / (2*n - 2) * 2
	if version == 32 {
		step = 26 // the one exception in the standard
	}
	for i := range n {
		middle := side(version) - 7 - (n-1-i)*step
		if i == 0 {
			middle = 6
		}
		if at >= middle-2 && at <= middle+2 {
			return i
		}
	}
	return -1
}

// masked says whether a mask turns a square over.
func masked(x, y, mask int) bool {
	switch mask {
	case 0:
		return (x+y)%2 == 0
	case 1:
		return y%2 == 0
	case 2:
		return x%3 == 0
	case 3:
		return (x+y)%3 == 0
	case 4:
		return (x/3+y/2)%2 == 0
	case 5:
		return x*y%2+x*y%3 == 0
	case 6:
		return (x*y%2+x*y%3)%2 == 0
	default:
		return ((x+y)%2+x*y%3)%2 == 0
	}
}

// corrected are the data of a code. Its bytes belong to the blocks in turn, data
// before check bytes; the later blocks may have one byte of data more.
func corrected(all []byte, blocks, checks int) ([]byte, bool) {
	short, long := len(all)/blocks-checks, len(all)%blocks
	block := make([][]int, blocks)
	for i, b := range all {
		at := i % blocks
		if over := i - blocks*short; over >= 0 && over < long {
			at = blocks - long + over
		} else if over >= long {
			at = (over - long) % blocks
		}
		block[at] = append(block[at], int(b))
	}
	var data []byte
	decoder := reedsolomon.NewReedSolomonDecoder(reedsolomon.GenericGF_QR_CODE_FIELD_256)
	for _, b := range block {
		if decoder.Decode(b, checks) != nil {
			return nil, false
		}
		for _, v := range b[:len(b)-checks] {
			data = append(data, byte(v))
		}
	}
	return data, true
}

// bitstream hands out the bits of data; bad is set when they do not
// suffice, or say what cannot be.
type bitstream struct {
	data []byte
	at   int
	bad  bool
}

func (s *bitstream) left() int { return 8*len(s.data) - s.at }

func (s *bitstream) take(n int) int {
	if n > s.left() {
		s.at, s.bad = 8*len(s.data), true
		return 0
	}
	v := 0
	for range n {
		v = v<<1 | int(s.data[s.at/8])>>(7-s.at%8)&1
		s.at++
	}
	return v
}

// The kinds of segments.
const (
	kindEnd      = 0
	kindDigits   = 1
	kindUpper    = 2 // digits, upper case and nine signs
	kindSeries   = 3 // the code is one of several
	kindBytes    = 4
	kindFNC1     = 5
	kindCharset  = 7
	kindKanji    = 8
	kindFNC1Also = 9
)

// spelled is the text in the data of a code.
func spelled(data []byte, version int) (string, bool) {
	s := &bitstream{data: data}
	var text strings.Builder
	for s.left() >= 4 && !s.bad {
		switch kind := s.take(4); kind {
		case kindEnd:
			return text.String(), true
		case kindDigits, kindUpper, kindBytes, kindKanji:
			s.segment(&text, kind, s.take(countBits(kind, version)))
		case kindSeries:
			s.take(16)
		case kindFNC1:
		case kindFNC1Also:
			s.take(8)
		case kindCharset: // UTF-8 tells itself; the number is as long as its first bits say
			for more := s.take(8); more >= 0x80; more = more << 1 & 0xff {
				s.take(8)
			}
		default:
			return "", false
		}
	}
	return text.String(), !s.bad
}

// countBits is how long the length of a segment is.
func countBits(kind, version int) int {
	size := 0
	if version > 26 {
		size = 2
	} else if version > 9 {
		size = 1
	}
	switch kind {
	case kindDigits:
		return 10 + 2*size
	case kindUpper:
		return 9 + 2*size
	case kindBytes:
		return 8 * min(size+1, 2)
	default:
		return 8 + 2*size
	}
}

const upper = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// segment adds the text of a segment of n characters.
func (s *bitstream) segment(text *strings.Builder, kind, n int) {
	switch kind {
	case kindDigits:
		for ; n > 0 && !s.bad; n -= 3 {
			s.digits(text, min(n, 3))
		}
	case kindUpper:
		for ; n > 1 && !s.bad; n -= 2 {
			pair := s.take(11)
			s.letter(text, pair/45)
			s.letter(text, pair%45)
		}
		if n == 1 {
			s.letter(text, s.take(6))
		}
	case kindBytes:
		text.WriteString(s.bytes(n))
	case kindKanji: // no URI needs them; that they were there is kept
		for ; n > 0 && !s.bad; n-- {
			s.take(13)
			text.WriteRune(utf8.RuneError)
		}
	}
}

// digits adds n digits, which are one number.
func (s *bitstream) digits(text *strings.Builder, n int) {
	number := s.take(1 + 3*n)
	for _, unit := range []int{100, 10, 1}[3-n:] {
		if number/unit > 9 {
			s.bad = true // no such number
		}
		text.WriteByte(byte('0' + number/unit%10))
		number %= unit
	}
}

func (s *bitstream) letter(text *strings.Builder, at int) {
	if at >= len(upper) {
		s.bad = true
		return
	}
	text.WriteByte(upper[at])
}

// bytes are n of them as text: UTF-8, and what is not is Latin-1.
func (s *bitstream) bytes(n int) string {
	if 8*n > s.left() {
		s.bad = true
		return ""
	}
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(s.take(8))
	}
	if utf8.Valid(raw) {
		return string(raw)
	}
	latin := make([]rune, n)
	for i, b := range raw {
		latin[i] = rune(b)
	}
	return string(latin)
}
