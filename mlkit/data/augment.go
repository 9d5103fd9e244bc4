package data

import (
	"descent/mlkit/tensor"
	"fmt"
	"math"
	"math/rand/v2"
)

// An Augmentation changes one image at random, in place.
type Augmentation func(rng *rand.Rand, m *Image)

// Image is one sample [channels, height, width] of a batch.
type Image struct {
	X                       []float32
	Channels, Height, Width int

	spare  []float32 // as large as X, for what cannot be done in place
	kernel []float32 // of a blur
}

// Augment applies augmentations, one after the other, to every sample of a set
// of images. What it draws is a function of seed, the epoch and the sample's
// index alone, so it differs from epoch to epoch, and does not depend on
// batches or workers. For the training part only.
func Augment(set Dataset, seed uint64, augmentations ...Augmentation) Dataset {
	return Map(set, func(b *Batch) error {
		if len(b.XDims) != 4 {
			return fmt.Errorf("data: Augment of %v: wanted are images [n, channels, height, width]", b.XDims)
		}
		size := tensor.SizeOf(b.XDims[1:])
		d := b.drawings()
		d.spare = resize(d.spare, size)
		m := &d.image
		*m = Image{Channels: b.XDims[1], Height: b.XDims[2], Width: b.XDims[3], spare: d.spare, kernel: m.kernel}
		for k, i := range b.Index {
			m.X = b.X[k*size : (k+1)*size]
			rng := d.seeded(seed, b.Epoch, i)
			for _, a := range augmentations {
				a(rng, m)
			}
		}
		return nil
	})
}

// draw is the random generator of a batch under way.
type drawing struct {
	pcg   rand.PCG
	rng   *rand.Rand
	image Image
	spare []float32
	// objects are those of the picture at work.
	objects []Object

	// The batch's own memory for what a mixture turns into something else.
	y                 []float32
	yDims, labelsDims []int
	labels            []int32
}

func (b *Batch) drawings() *drawing {
	if b.draw == nil {
		b.draw = &drawing{}
		b.draw.rng = rand.New(&b.draw.pcg)
	}
	return b.draw
}

func (d *drawing) seeded(seed uint64, epoch, index int) *rand.Rand {
	d.pcg.Seed(seed^uint64(epoch)*0x9e3779b97f4a7c15, uint64(index)*0xbf58476d1ce4e5b9+1)
	return d.rng
}

// FlipHorizontal mirrors left and right with probability p.
func FlipHorizontal(p float64) Augmentation {
	return func(rng *rand.Rand, m *Image) {
		if rng.Float64() >= p {
			return
		}
		for row := 0; row < len(m.X); row += m.Width {
			for i, j := row, row+m.Width-1; i < j; i, j = i+1, j-1 {
				m.X[i], m.X[j] = m.X[j], m.X[i]
			}
		}
	}
}

// FlipVertical mirrors top and bottom with probability p.
func FlipVertical(p float64) Augmentation {
	return func(rng *rand.Rand, m *Image) {
		if rng.Float64() >= p {
			return
		}
		for c := range m.Channels {
			for i, j := 0, m.Height-1; i < j; i, j = i+1, j-1 {
				a, b := (c*m.Height+i)*m.Width, (c*m.Height+j)*m.Width
				for k := range m.Width {
					m.X[a+k], m.X[b+k] = m.X[b+k], m.X[a+k]
				}
			}
		}
	}
}

// Shift moves the image by whole pixels, up to the given fraction of its
// height and width in each direction; what comes into view is fill.
func Shift(fraction float64, fill float32) Augmentation {
	return func(rng *rand.Rand, m *Image) {
		dy := within(rng, int(fraction*float64(m.Height)))
		dx := within(rng, int(fraction*float64(m.Width)))
		m.shift(dy, dx, fill)
	}
}

// RandomCrop pads the image with fill by pad pixels on each side and cuts an
// image of the old size out of it: a Shift by up to pad pixels.
func RandomCrop(pad int, fill float32) Augmentation {
	return func(rng *rand.Rand, m *Image) { m.shift(within(rng, pad), within(rng, pad), fill) }
}

// within draws from −n to n.
func within(rng *rand.Rand, n int) int { return rng.IntN(2*n+1) - n }

func (m *Image) shift(dy, dx int, fill float32) {
	m.remap(func(y, x int) (float64, float64) { return float64(y - dy), float64(x - dx) }, fill)
}

// Rotate turns the image about its middle by up to that many degrees either
// way, with bilinear interpolation; what comes into view is fill.
func Rotate(degrees float64, fill float32) Augmentation {
	return func(rng *rand.Rand, m *Image) {
		sin, cos := math.Sincos((2*rng.Float64() - 1) * degrees * math.Pi / 180)
		cy, cx := float64(m.Height-1)/2, float64(m.Width-1)/2
		m.remap(func(y, x int) (float64, float64) {
			v, u := float64(y)-cy, float64(x)-cx
			return cy + sin*u + cos*v, cx + cos*u - sin*v
		}, fill)
	}
}

// Zoom enlarges the image about its middle by a factor drawn from [low, high],
// below 1 to shrink it; what comes into view is fill.
func Zoom(low, high float64, fill float32) Augmentation {
	if !(low > 0 && low <= high) {
		panic(fmt.Sprintf("data: Zoom(%v, %v): want 0 < low ≤ high", low, high))
	}
	return func(rng *rand.Rand, m *Image) {
		s := low + (high-low)*rng.Float64()
		cy, cx := float64(m.Height-1)/2, float64(m.Width-1)/2
		m.remap(func(y, x int) (float64, float64) { return cy + (float64(y)-cy)/s, cx + (float64(x)-cx)/s }, fill)
	}
}

// Shear slants the image about its middle, by angles along its rows and its
// columns each drawn from up to that many degrees either way, fewer than 45;
// what comes into view is fill.
func Shear(degrees float64, fill float32) Augmentation {
	if !(degrees >= 0 && degrees < 45) {
		panic(fmt.Sprintf("data: Shear(%v): want 0 to 45 degrees", degrees))
	}
	return func(rng *rand.Rand, m *Image) {
		tx := math.Tan((2*rng.Float64() - 1) * degrees * math.Pi / 180)
		ty := math.Tan((2*rng.Float64() - 1) * degrees * math.Pi / 180)
		cy, cx := float64(m.Height-1)/2, float64(m.Width-1)/2
		m.remap(func(y, x int) (float64, float64) {
			v, u := float64(y)-cy, float64(x)-cx
			return cy + v + ty*u, cx + u + tx*v
		}, fill)
	}
}

// RandomResizedCrop cuts out a part whose area is drawn from [low, high] of the
// image's and whose ratio of width to height from [3/4, 4/3], and enlarges it
// to the old size, bilinearly (Szegedy et al., Going Deeper with Convolutions,
// 2015; torchvision's, which takes low 0.08 and high 1). Where ten draws do not
// fit, the largest part of an allowed ratio is taken from the middle.
func RandomResizedCrop(low, high float64) Augmentation {
	if !(low > 0 && low <= high && high <= 1) {
		panic(fmt.Sprintf("data: RandomResizedCrop(%v, %v): want 0 < low ≤ high ≤ 1", low, high))
	}
	return func(rng *rand.Rand, m *Image) {
		y0, x0, h, w := m.part(rng, low, high)
		sy, sx := float64(h)/float64(m.Height), float64(w)/float64(m.Width)
		inside := func(i int, scale float64, n int) float64 { // pixels are squares; beyond the part its border goes on
			return min(max((float64(i)+0.5)*scale-0.5, 0), float64(n-1))
		}
		m.remap(func(y, x int) (float64, float64) {
			return float64(y0) + inside(y, sy, h), float64(x0) + inside(x, sx, w)
		}, 0)
	}
}

// part draws the rectangle of a RandomResizedCrop.
func (m *Image) part(rng *rand.Rand, low, high float64) (y, x, h, w int) {
	ratio := math.Log(4. / 3)
	for range 10 {
		area := float64(m.Height*m.Width) * (low + (high-low)*rng.Float64())
		r := math.Exp(ratio * (2*rng.Float64() - 1))
		h, w = int(math.Round(math.Sqrt(area/r))), int(math.Round(math.Sqrt(area*r)))
		if 0 < h && h <= m.Height && 0 < w && w <= m.Width {
			return rng.IntN(m.Height - h + 1), rng.IntN(m.Width - w + 1), h, w
		}
	}
	h, w = m.Height, m.Width
	if most := 4. / 3; float64(w) > most*float64(h) {
		w = int(math.Round(most * float64(h)))
	} else if float64(h) > most*float64(w) {
		h = int(math.Round(most * float64(w)))
	}
	return (m.Height - h) / 2, (m.Width - w) / 2, h, w
}

// remap fills each pixel from where the function says it comes from.
func (m *Image) remap(source func(y, x int) (float64, float64), fill float32) {
	h, w := m.Height, m.Width
	at := func(plane []float32, y, x int) float32 {
		if y < 0 || y >= h || x < 0 || x >= w {
			return fill
		}
		return plane[y*w+x]
	}
	for y := range h {
		for x := range w {
			sy, sx := source(y, x)
			fy, fx := math.Floor(sy), math.Floor(sx)
			ty, tx, iy, ix := float32(sy-fy), float32(sx-fx), int(fy), int(fx)
			for c := range m.Channels {
				plane := m.X[c*h*w : (c+1)*h*w]
				v := at(plane, iy, ix)
				if ty != 0 || tx != 0 {
					top := v + tx*(at(plane, iy, ix+1)-v)
					low := at(plane, iy+1, ix)
					low += tx * (at(plane, iy+1, ix+1) - low)
					v = top + ty*(low-top)
				}
				m.spare[(c*h+y)*w+x] = v
			}
		}
	}
	copy(m.X, m.spare)
}

// Noise adds normal noise of standard deviation std to every pixel.
func Noise(std float64) Augmentation {
	return func(rng *rand.Rand, m *Image) {
		for i := range m.X {
			m.X[i] += float32(std * rng.NormFloat64())
		}
	}
}

// Cutout sets a square of size×size pixels, whose middle is anywhere in the
// image, to fill (DeVries & Taylor 2017).
func Cutout(size int, fill float32) Augmentation {
	return func(rng *rand.Rand, m *Image) {
		y, x := rng.IntN(m.Height)-size/2, rng.IntN(m.Width)-size/2
		m.rectangle(y, x, y+size, x+size, func(i int) { m.X[i] = fill })
	}
}

// rectangle calls f for every element of a rectangle cut to the image.
func (m *Image) rectangle(y0, x0, y1, x1 int, f func(i int)) {
	for c := range m.Channels {
		for y := max(y0, 0); y < min(y1, m.Height); y++ {
			for x := max(x0, 0); x < min(x1, m.Width); x++ {
				f((c*m.Height+y)*m.Width + x)
			}
		}
	}
}

// Mixup replaces each sample by λ·itself + (1−λ)·another sample of the set, and
// its label by the same mixture of one-hot rows: targets [classes], for a loss
// of soft targets. λ ~ Beta(alpha, alpha), alpha usually 0.2 (Zhang et al.,
// mixup, 2018). What is drawn depends on seed, epoch and index alone.
func Mixup(set Dataset, classes int, alpha float64, seed uint64) Dataset {
	return &mix{Dataset: set, classes: classes, alpha: alpha, seed: seed,
		blend: func(_ *rand.Rand, x, other []float32, _ []int, l float32) float32 {
			for i := range x {
				x[i] = l*x[i] + (1-l)*other[i]
			}
			return l
		}}
}

// CutMix is Mixup that replaces a rectangle of 1−λ of the image by that of
// another sample, and mixes labels by the area that stayed; alpha is usually 1
// (Yun et al., CutMix, 2019).
func CutMix(set Dataset, classes int, alpha float64, seed uint64) Dataset {
	return &mix{Dataset: set, classes: classes, alpha: alpha, seed: seed, images: true,
		blend: func(rng *rand.Rand, x, other []float32, dims []int, l float32) float32 {
			m := &Image{X: x, Channels: dims[1], Height: dims[2], Width: dims[3]}
			side := math.Sqrt(float64(1 - l))
			h, w := int(side*float64(m.Height)), int(side*float64(m.Width))
			y, x0 := rng.IntN(m.Height)-h/2, rng.IntN(m.Width)-w/2
			cut := 0
			m.rectangle(y, x0, y+h, x0+w, func(i int) { x[i] = other[i]; cut++ })
			return 1 - float32(cut)/float32(len(x))
		}}
}

type mix struct {
	Dataset
	classes int
	alpha   float64
	seed    uint64
	images  bool
	// blend mixes other into x and gives the share of x's label.
	blend func(rng *rand.Rand, x, other []float32, dims []int, l float32) float32
}

func (m *mix) Batch(index []int, b *Batch) error {
	d := b.drawings()
	b.Labels, b.LabelsDims = d.labels, d.labelsDims
	if err := m.Dataset.Batch(index, b); err != nil {
		return err
	}
	if b.IDs != nil || b.Labels == nil || len(b.Labels) != b.Len() {
		return fmt.Errorf("data: Mixup and CutMix need a set with features and one label a sample")
	}
	if m.images && len(b.XDims) != 4 {
		return fmt.Errorf("data: CutMix of %v: wanted are images [n, channels, height, width]", b.XDims)
	}
	n, size := b.Len(), len(b.X)/max(b.Len(), 1)
	d.y, d.yDims = resize(d.y, n*m.classes), append(d.yDims[:0], n, m.classes)
	b.Y, b.YDims = d.y, d.yDims
	clear(b.Y)
	o := b.second()
	for k, i := range b.Index {
		rng := d.seeded(^m.seed, b.Epoch, i) // not the numbers of an Augment with the same seed
		o.local[0] = rng.IntN(m.Len())
		l := beta(rng, m.alpha)
		if err := m.Dataset.Batch(o.local[:], o); err != nil {
			return err
		}
		for _, label := range []int32{b.Labels[k], o.Labels[0]} {
			if label < 0 || int(label) >= m.classes {
				return fmt.Errorf("data: label %d with %d classes", label, m.classes)
			}
		}
		share := m.blend(rng, b.X[k*size:(k+1)*size], o.X, b.XDims, float32(l))
		y := b.Y[k*m.classes : (k+1)*m.classes]
		y[b.Labels[k]] += share
		y[o.Labels[0]] += 1 - share
	}
	d.labels, d.labelsDims = b.Labels, b.LabelsDims
	b.Labels, b.LabelsDims = nil, nil
	return nil
}

// beta draws from Beta(a, a) as X/(X+Y) of two gammas. (gonum's distuv.Beta
// allocates a generator for every number.)
func beta(rng *rand.Rand, a float64) float64 {
	x, y := gamma(rng, a), gamma(rng, a)
	if x+y == 0 { // a is so small that all mass is at the ends
		return float64(rng.IntN(2))
	}
	return x / (x + y)
}

// gamma draws from Gamma(a, 1) by the method of Marsaglia & Tsang (2000).
func gamma(rng *rand.Rand, a float64) float64 {
	if a < 1 {
		return gamma(rng, a+1) * math.Pow(rng.Float64(), 1/a)
	}
	d := a - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rng.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v *= v * v
		if math.Log(rng.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
