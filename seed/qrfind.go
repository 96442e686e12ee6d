package seed

import (
	"cmp"
	"image"
	"math"
	"slices"

	"github.com/makiuchi-d/gozxing"
)

const (
	// maxCorners is how many spots that resemble the corner of a code are looked
	// at: all are compared with all, three at a time. Screens were seen to have a
	// dozen.
	maxCorners = 300
	// maxTrios is how many sets of three corners are tried, the likeliest first.
	maxTrios = 300
	// maxGuesses is how many sizes and views of a set are.
	maxGuesses = 6
)

// plane is a picture in two shades. What lies beyond its edges is light.
type plane struct {
	bits *gozxing.BitMatrix
	w, h int
}

// planeOf tells dark from light by what surrounds each part of the picture. It
// is false for pictures that have but one shade.
func planeOf(gray *image.Gray) (plane, bool) {
	w, h := gray.Rect.Dx(), gray.Rect.Dy()
	source, err := gozxing.NewPlanarYUVLuminanceSource(gray.Pix, w, h, 0, 0, w, h, false)
	if err != nil {
		return plane{}, false
	}
	bits, err := gozxing.NewHybridBinarizer(source).GetBlackMatrix()
	return plane{bits, w, h}, err == nil
}

func (p plane) dark(x, y int) bool {
	return x >= 0 && y >= 0 && x < p.w && y < p.h && p.bits.Get(x, y)
}

// point is a place in a picture; whole numbers are the edges of pixels.
type point struct{ x, y float64 }

func (p plane) darkAt(at point) bool {
	return p.dark(int(math.Floor(at.x)), int(math.Floor(at.y)))
}

func (a point) plus(b point, times float64) point { return point{a.x + times*b.x, a.y + times*b.y} }
func (a point) minus(b point) point               { return a.plus(b, -1) }
func (a point) length() float64                   { return math.Hypot(a.x, a.y) }

// corner is what resembles one of the three squares that mark a code: any line
// through its middle crosses dark, light, dark, light and dark as 1:1:3:1:1.
type corner struct {
	point
	module float64 // how wide one square of the code is: a seventh of the mark
	rows   int     // that crossed it
}

// corners finds them row by row.
func (p plane) corners() ([]corner, error) {
	var found []corner
	for y := range p.h {
		var runs [5]int // the newest is the last
		was := false
		for x := range p.w + 1 {
			is := p.dark(x, y)
			if is != was {
				if was && alike(runs, 2) {
					found = p.addCorner(found, x, y, runs)
				}
				copy(runs[:], runs[1:])
				runs[4], was = 0, is
			}
			runs[4]++
		}
		if len(found) > maxCorners {
			return nil, errTooConfused
		}
	}
	return slices.DeleteFunc(found, func(c corner) bool { return c.rows < 2 }), nil
}

// alike says whether runs are as 1:1:3:1:1, with an error of a module by strict.
func alike(runs [5]int, strict float64) bool {
	module := float64(sum(runs)) / 7
	for i, n := range runs {
		want := 1.0
		if i == 2 {
			want = 3
		}
		if n == 0 || math.Abs(float64(n)-want*module) >= want*module/strict {
			return false
		}
	}
	return true
}

func sum(runs [5]int) int { return runs[0] + runs[1] + runs[2] + runs[3] + runs[4] }

// addCorner adds the corner whose runs end before x, if it is one in the other
// directions too, to those found; the same one again makes its place surer.
func (p plane) addCorner(found []corner, end, y int, runs [5]int) []corner {
	size := sum(runs)
	x := end - runs[4] - runs[3] - (runs[2]+1)/2
	down, off, ok := p.across(x, y, 0, 1, size)
	if !ok {
		return found
	}
	c := corner{point: point{0, float64(y) + off}, rows: 1}
	along, off, ok := p.across(x, int(c.y), 1, 0, size)
	if !ok {
		return found
	}
	c.x = float64(x) + off
	if _, _, ok = p.across(int(c.x), int(c.y), 1, 1, size); !ok {
		return found
	}
	c.module = float64(sum(down)+sum(along)) / 14
	for i, f := range found {
		if math.Abs(f.x-c.x) <= c.module && math.Abs(f.y-c.y) <= c.module && math.Abs(f.module-c.module) <= max(1, f.module/2) {
			n := float64(f.rows)
			f.x, f.y, f.module = (n*f.x+c.x)/(n+1), (n*f.y+c.y)/(n+1), (n*f.module+c.module)/(n+1)
			f.rows++
			found[i] = f
			return found
		}
	}
	return append(found, c)
}

// across looks along a line through a dark pixel: the runs, the way from the
// pixel's edge to the middle of them, and whether they mark a corner of about
// that size.
func (p plane) across(x, y, dx, dy, size int) (runs [5]int, off float64, ok bool) {
	var inner [2]int
	for side, way := range [2]int{-1, 1} {
		at := way * side // the pixel itself belongs to one side
		for ring := range 3 {
			n := 0
			for n <= size && p.dark(x+at*dx, y+at*dy) == (ring != 1) {
				at += way
				n++
			}
			runs[2+way*ring] += n
			if ring == 0 {
				inner[side] = n
			}
		}
	}
	strict := 2.0
	if dx == dy {
		strict = 4.0 / 3
	}
	near := 5*max(sum(runs)-size, size-sum(runs)) < 2*size
	return runs, 1 + float64(inner[1]-inner[0])/2, (near || dx == dy) && alike(runs, strict)
}

// trio are three corners that may be those of one code.
type trio struct {
	corner, right, below corner  // the middle one, and clockwise
	odd                  float64 // how far it is from a square that one looks straight at
}

// texts reads the codes of a picture, each text once.
func (p plane) texts() (texts []string, err error) {
	corners, err := p.corners()
	if err != nil {
		return nil, err
	}
	var used []corner // by a code that was read
	for _, t := range trios(corners) {
		if slices.Contains(used, t.corner) || slices.Contains(used, t.right) || slices.Contains(used, t.below) {
			continue
		}
		if text, ok := p.read(t); ok {
			used = append(used, t.corner, t.right, t.below)
			texts = insert(texts, text)
		}
	}
	return texts, nil
}

// trios are the likeliest sets of three, best first.
func trios(corners []corner) []trio {
	slices.SortFunc(corners, func(a, b corner) int { return cmp.Compare(a.module, b.module) })
	var all []trio
	limit := 0.9
	best := func() {
		slices.SortFunc(all, func(a, b trio) int { return cmp.Compare(a.odd, b.odd) })
		if len(all) >= maxTrios {
			all = all[:maxTrios]
			limit = all[maxTrios-1].odd
		}
	}
	for i, a := range corners {
		for j := i + 1; j < len(corners); j++ {
			for _, c := range corners[j+1:] {
				if c.module > 2*a.module+1 {
					break
				}
				if t, ok := trioOf(a, corners[j], c); ok && t.odd < limit {
					if all = append(all, t); len(all) >= 4*maxTrios {
						best()
					}
				}
			}
		}
	}
	best()
	return all
}

// trioOf sets three corners in order: the one between the others lies across
// from the longest side.
func trioOf(a, b, c corner) (trio, bool) {
	ab, bc, ca := a.minus(b.point).length(), b.minus(c.point).length(), c.minus(a.point).length()
	if ab >= bc && ab >= ca {
		a, c, ab, bc = c, a, bc, ab
	} else if ca >= bc {
		a, b, bc, ca = b, a, ca, bc
	}
	// Now a is the one between, and bc the longest side.
	right, below := b.minus(a.point), c.minus(a.point)
	if right.x*below.y-right.y*below.x < 0 {
		b, c = c, b
	}
	small, large := min(a.module, b.module, c.module), max(a.module, b.module, c.module)
	module := (a.module + b.module + c.module) / 3
	long, short := max(ab, ca), min(ab, ca)
	if short < 9*module || long > 180*module {
		return trio{}, false
	}
	odd := (long-short)/long + math.Abs(1-(ab*ab+ca*ca)/(bc*bc)) + (large-small)/large/2
	return trio{a, b, c, odd}, true
}

// read reads the code that has these corners.
func (p plane) read(t trio) (string, bool) {
	for _, guess := range p.guesses(t) {
		for _, g := range []grid{p.marked(guess), guess} {
			squares := p.squares(g)
			if text, ok := readSquares(squares); ok {
				return text, true
			}
			if text, ok := readSquares(mirrored(squares)); ok {
				return text, true
			}
		}
	}
	return "", false
}

func mirrored(squares [][]bool) [][]bool {
	m := newSquares(len(squares))
	for y, row := range squares {
		for x, dark := range row {
			m[x][y] = dark
		}
	}
	return m
}

// guesses are how a code may lie between three corners, the likeliest first: of
// a size about as their marks tell, seen straight or as one sees it that is
// farther away where its marks are smaller.
func (p plane) guesses(t trio) []grid {
	modules := [4]float64{
		p.moduleTo(t.corner, t.right), p.moduleTo(t.right, t.corner),
		p.moduleTo(t.corner, t.below), p.moduleTo(t.below, t.corner),
	}
	straight := grid{trio: t, nearRight: 1, nearBelow: 1}
	tilted := grid{trio: t, nearRight: math.Sqrt(modules[0] / modules[1]), nearBelow: math.Sqrt(modules[2] / modules[3])}
	wide := t.right.minus(t.corner.point).length() * 2 / (modules[0] + modules[1])
	high := t.below.minus(t.corner.point).length() * 2 / (modules[2] + modules[3])
	about := int(math.Round(((wide+high)/2 + 7 - 17) / 4))
	var likely []grid
	wrong := map[grid]float64{}
	for version := max(1, about-3); version <= min(40, about+3); version++ {
		for _, g := range []grid{straight, tilted} {
			g.version = version
			if wrong[g] = p.untimed(g); wrong[g] <= 0.3 {
				likely = append(likely, g)
			}
		}
	}
	slices.SortStableFunc(likely, func(a, b grid) int { return cmp.Compare(wrong[a], wrong[b]) })
	return likely[:min(len(likely), maxGuesses)]
}

// moduleTo measures a module on the line from one corner to another, or takes
// what its rows said where a spot of dirt is in the way.
func (p plane) moduleTo(from, to corner) float64 {
	way := to.minus(from.point)
	far := way.length()
	size := 0.0
	for _, toward := range []float64{-1, 1} {
		ring, k := 0, 0.0
		for ; ring < 3 && k < far; k += 0.25 {
			if p.darkAt(from.plus(way, toward*k/far)) == (ring == 1) {
				ring++
			}
		}
		size += k
	}
	if module := size / 7; module > from.module/2 && module < from.module*3/2 {
		return module
	}
	return from.module
}

// grid lays the squares of a code on a picture. Seen from anywhere, a plane is
// what three of its points are, each with its nearness to the eye; that of the
// first is 1.
type grid struct {
	trio
	version              int
	nearRight, nearBelow float64
}

// at is where a place in the code is seen; its squares are 1 wide.
func (g grid) at(x, y float64) point {
	size := float64(side(g.version)) - 7 // the middles of the marks are 3.5 from the edges
	right, below := (x-3.5)/size, (y-3.5)/size
	rest := 1 - right - below
	right, below = right*g.nearRight, below*g.nearBelow
	sum := point{}.plus(g.corner.point, rest).plus(g.right.point, right).plus(g.below.point, below)
	return point{}.plus(sum, 1/(rest+right+below))
}

// through is the grid with the nearness that it has if the place (at, at) of the
// code is seen there.
func (g grid) through(at float64, seen point) (grid, bool) {
	part := (at - 3.5) / (float64(side(g.version)) - 7)
	// rest*corner + part*nearRight*right + part*nearBelow*below = 0, seen from there
	c := point{}.plus(g.corner.minus(seen), 2*part-1)
	r, b := point{}.plus(g.right.minus(seen), part), point{}.plus(g.below.minus(seen), part)
	all := r.x*b.y - r.y*b.x
	if all == 0 {
		return g, false
	}
	g.nearRight, g.nearBelow = (c.x*b.y-c.y*b.x)/all, (r.x*c.y-r.y*c.x)/all
	return g, g.nearRight > 0.2 && g.nearRight < 5 && g.nearBelow > 0.2 && g.nearBelow < 5
}

// untimed is the share of the squares between the corners that are not dark
// and light in turn.
func (p plane) untimed(g grid) float64 {
	first, last, wrong := 8, side(g.version)-9, 0
	for i := first; i <= last; i++ {
		for _, at := range []point{g.at(float64(i)+0.5, 6.5), g.at(6.5, float64(i)+0.5)} {
			if p.darkAt(at) != (i%2 == 0) {
				wrong++
			}
		}
	}
	return float64(wrong) / float64(2*(last-first+1))
}

// marked is the grid as the small mark near the fourth corner tells, if one is
// seen: a dark square in a light and a dark ring.
func (p plane) marked(g grid) grid {
	const reach, parts = 4, 4 // squares each way, steps a square
	about := float64(side(g.version)) - 6.5
	best, seen, n := 3, point{}, 0.0
	for j := -reach * parts; j <= reach*parts; j++ {
		for i := -reach * parts; i <= reach*parts; i++ {
			at := point{float64(i) / parts, float64(j) / parts}
			wrong := p.unlikeMark(g, at.plus(point{about, about}, 1), best)
			middle := point{}.plus(seen, 1/max(n, 1))
			switch beside := at.minus(middle).length() < 1; {
			case wrong > best:
			case wrong < best, n == 0, !beside && at.length()+1 < middle.length():
				best, seen, n = wrong, at, 1
			case beside:
				seen, n = seen.plus(at, 1), n+1
			}
		}
	}
	if g.version == 1 || n == 0 {
		return g
	}
	if better, ok := g.through(about, g.at(about+seen.x/n, about+seen.y/n)); ok {
		return better
	}
	return g
}

// unlikeMark counts the squares around a place, of 25, that are not as in the
// mark; there it stops counting beyond most.
func (p plane) unlikeMark(g grid, at point, most int) int {
	wrong := 0
	for y := -2; y <= 2; y++ {
		for x := -2; x <= 2 && wrong <= most; x++ {
			if p.darkAt(g.at(at.x+float64(x), at.y+float64(y))) != (max(x, -x, y, -y) != 1) {
				wrong++
			}
		}
	}
	return wrong
}

// squares looks at the middle of every square of a grid.
func (p plane) squares(g grid) [][]bool {
	s := newSquares(side(g.version))
	for y, row := range s {
		for x := range row {
			row[x] = p.darkAt(g.at(float64(x)+0.5, float64(y)+0.5))
		}
	}
	return s
}
