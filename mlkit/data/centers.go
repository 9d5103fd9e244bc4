package data

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Centers is the language of a detector without anchors that lays a grid over
// the picture and looks for the objects' centres (Zhou, Wang & Krähenbühl,
// Objects as Points, 2019, with the box targets of Liu et al., Training-Time-
// Friendly Network, 2020). For a cell, of Stride×Stride pixels, the network
// gives a logit for each class, of there being the centre of an object, and the
// logarithms of the distances from the cell's middle to the left, upper, right
// and lower side of its box, in strides: [classes+4, height/Stride,
// width/Stride]. Targets writes such maps down for known objects,
// [nn.CenterLoss] compares, and Decode reads detections from them.
type Centers struct {
	Classes int
	Stride  int // pixels a cell; 0 means 4
	// Spread is the size of the bump around each centre, against that of the
	// object: the bump is a Gaussian with a sixth of it as standard deviation.
	// 0 means 0.54, as in the paper.
	Spread float64
	// Mirror and Turn let Targets mirror pictures, horizontally and vertically,
	// each with probability ½; for objects that look as likely either way.
	Mirror, Turn bool
	// Zoom above 0 lets Targets scale pictures by a factor of 1−Zoom to 1+Zoom
	// and shift them by up to the same fraction of their size.
	Zoom float64
	Seed uint64
}

func (c Centers) stride() int {
	if c.Stride == 0 {
		return 4
	}
	return c.Stride
}

// Targets is a training set for a detector: X [n, channels, height, width], and
// Y [n, classes+5, height/stride, width/stride]. The planes of Y are the bumps
// of each class, 1 at a centre; the four distances of the box, in strides; and
// the weight that the cell has for the box, of sum 1 for an object. Where
// objects compete for a cell, the smaller has it. What is drawn at random
// depends on Seed, the epoch and the picture alone.
func (c Centers) Targets(m *ObjectImages) Dataset { return &centerTargets{c, m} }

type centerTargets struct {
	Centers
	m *ObjectImages
}

func (c *centerTargets) Len() int { return c.m.Len() }

func (c *centerTargets) Batch(index []int, b *Batch) error {
	s := c.stride()
	if len(c.m.Dims) != 3 || s < 1 || c.m.Dims[1]%s != 0 || c.m.Dims[2]%s != 0 {
		return fmt.Errorf("data: Centers: a grid of stride %d does not fit pictures of %v: height and width must be multiples of it", s, c.m.Dims)
	}
	channels, height, width := c.m.Dims[0], c.m.Dims[1], c.m.Dims[2]
	gh, gw := height/s, width/s
	b.Reset(index, c.m.Dims, []int{c.Classes + 5, gh, gw}, false)
	if err := c.m.fill(index, b); err != nil {
		return err
	}
	d, x, y := b.drawings(), channels*height*width, (c.Classes+5)*gh*gw
	d.spare = resize(d.spare, x)
	for k, i := range index {
		m := &d.image
		*m = Image{X: b.X[k*x : (k+1)*x], Channels: channels, Height: height, Width: width, spare: d.spare}
		d.objects = append(d.objects[:0], c.m.Objects[i]...)
		c.augment(d.seeded(c.Seed, b.Epoch, i), m, d.objects)
		if err := c.draw(d.objects, b.Y[k*y:(k+1)*y], gh, gw); err != nil {
			return fmt.Errorf("data: picture %d: %w", i, err)
		}
	}
	return nil
}

// augment changes picture and boxes alike.
func (c *centerTargets) augment(rng *rand.Rand, m *Image, objects []Object) {
	w, h := float32(m.Width), float32(m.Height)
	if c.Mirror && rng.IntN(2) == 1 {
		FlipHorizontal(1)(rng, m)
		for i, o := range objects {
			objects[i].X0, objects[i].X1 = w-o.X1, w-o.X0
		}
	}
	if c.Turn && rng.IntN(2) == 1 {
		FlipVertical(1)(rng, m)
		for i, o := range objects {
			objects[i].Y0, objects[i].Y1 = h-o.Y1, h-o.Y0
		}
	}
	if c.Zoom <= 0 {
		return
	}
	draw := func() float64 { return c.Zoom * (2*rng.Float64() - 1) }
	f, dx, dy := 1+draw(), draw()*float64(m.Width), draw()*float64(m.Height)
	cx, cy := float64(m.Width)/2, float64(m.Height)/2
	// x ↦ c + f·(x − c) + d; pixel p has its middle at p + ½. What comes into
	// view repeats the border: mirrored, it would show objects that no box
	// tells of.
	within := func(v float64, n int) float64 { return min(max(v, 0), float64(n-1)) }
	m.remap(func(y, x int) (float64, float64) {
		return within((float64(y)+0.5-dy-cy)/f+cy-0.5, m.Height), within((float64(x)+0.5-dx-cx)/f+cx-0.5, m.Width)
	}, 0)
	for i := range objects {
		o := &objects[i]
		whole := o.Area() * float32(f*f)
		o.X0, o.X1 = float32(cx+f*(float64(o.X0)-cx)+dx), float32(cx+f*(float64(o.X1)-cx)+dx)
		o.Y0, o.Y1 = float32(cy+f*(float64(o.Y0)-cy)+dy), float32(cy+f*(float64(o.Y1)-cy)+dy)
		o.Box = o.Intersect(Box{0, 0, w, h})
		if o.Area() < 0.3*whole { // too little is left to be recognised
			o.Box = Box{}
		}
	}
}

// draw writes the targets of one picture: y [classes+5, gh, gw].
func (c *centerTargets) draw(objects []Object, y []float32, gh, gw int) error {
	clear(y)
	cells, s := gh*gw, float32(c.stride())
	spread := c.Spread
	if spread == 0 {
		spread = 0.54
	}
	// The smallest last, so that it has the cells it shares.
	slices.SortStableFunc(objects, func(a, b Object) int { return cmp.Compare(b.Area(), a.Area()) })
	box := y[c.Classes*cells:]
	weight := box[4*cells : 5*cells]
	for _, o := range objects {
		if o.Class < 0 || o.Class >= c.Classes {
			return fmt.Errorf("class %d: Centers has %d", o.Class, c.Classes)
		}
		if !(o.Area() > 0) || o.Difficult {
			continue
		}
		mx, my := min(max(int((o.X0+o.X1)/2/s), 0), gw-1), min(max(int((o.Y0+o.Y1)/2/s), 0), gh-1)
		w, h := float64((o.X1-o.X0)/s), float64((o.Y1-o.Y0)/s)
		sx, sy := max(spread*w/6, 0.1), max(spread*h/6, 0.1)
		rx, ry := int(spread*w/2), int(spread*h/2)
		bump := func(cx, cy int) float64 {
			u, v := float64(cx-mx)/sx, float64(cy-my)/sy
			return math.Exp(-(u*u + v*v) / 2)
		}
		each := func(f func(at, cx, cy int)) {
			for cy := max(my-ry, 0); cy <= min(my+ry, gh-1); cy++ {
				for cx := max(mx-rx, 0); cx <= min(mx+rx, gw-1); cx++ {
					f(cy*gw+cx, cx, cy)
				}
			}
		}
		var sum float64
		each(func(_, cx, cy int) { sum += bump(cx, cy) })
		heat := y[o.Class*cells : (o.Class+1)*cells]
		each(func(at, cx, cy int) {
			g := bump(cx, cy)
			heat[at] = max(heat[at], float32(g))
			x, y := (float32(cx)+0.5)*s, (float32(cy)+0.5)*s
			for side, distance := range [4]float32{x - o.X0, y - o.Y0, o.X1 - x, o.Y1 - y} {
				box[side*cells+at] = max(distance/s, 0.01)
			}
			weight[at] = float32(g / sum)
		})
	}
	return nil
}

// Decode reads the detections from a network's output for one picture,
// [classes+4, gh, gw] (see Centers): those with a score, the sigmoid of the
// logit, of at least threshold, with boxes cut to the picture. Neighbouring
// cells see the same object, so [NMS] is to follow. It panics when the length
// does not fit.
func (c Centers) Decode(output []float32, gh, gw int, threshold float32) []Detection {
	cells, s := gh*gw, float32(c.stride())
	if len(output) != (c.Classes+4)*cells {
		panic(fmt.Sprintf("data: Decode of %d numbers: a grid of %d×%d with %d classes has %d", len(output), gh, gw, c.Classes, (c.Classes+4)*cells))
	}
	border := Box{0, 0, float32(gw) * s, float32(gh) * s}
	side := output[c.Classes*cells:]
	reach := func(k, at int) float32 { return s * float32(math.Exp(float64(min(side[k*cells+at], 10)))) }
	var found []Detection
	for class := range c.Classes {
		for at, logit := range output[class*cells : (class+1)*cells] {
			score := float32(1 / (1 + math.Exp(-float64(logit))))
			if !(score >= threshold) {
				continue
			}
			x, y := (float32(at%gw)+0.5)*s, (float32(at/gw)+0.5)*s
			b := Box{x - reach(0, at), y - reach(1, at), x + reach(2, at), y + reach(3, at)}
			found = append(found, Detection{b.Intersect(border), class, score})
		}
	}
	return found
}
