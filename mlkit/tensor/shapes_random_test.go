package tensor_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"descent/mlkit/tensor"
)

// randomDims makes a shape of up to four short axes, many of length 1.
func randomDims(rng *rand.Rand) []int {
	dims := make([]int, rng.IntN(5))
	for k := range dims {
		dims[k] = max(1, rng.IntN(5))
	}
	return dims
}

func count(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// each visits the indices of a shape in row-major order.
func each(dims []int, f func(at []int)) {
	at := make([]int, len(dims))
	for range count(dims) {
		f(at)
		for k := len(dims) - 1; k >= 0; k-- {
			if at[k]++; at[k] < dims[k] {
				break
			}
			at[k] = 0
		}
	}
}

// offset is the place of an index in an array that broadcasts to its shape.
func offset(dims, at []int) int {
	o := 0
	for k, d := range dims {
		i := at[len(at)-len(dims)+k]
		if d == 1 {
			i = 0
		}
		o = o*d + i
	}
	return o
}

// Broadcasting, reductions, permutations, slices and flips of random shapes,
// against plain loops over indices: values and gradients.
func TestRandomShapes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tape := tensor.NewTape(1)
	for range 400 {
		tape.Reset()
		dims := randomDims(rng)
		x := fill(1, false, dims...)

		// y[at] = x[at]·s[at], s of a shape that broadcasts.
		small := slices.Clone(dims[rng.IntN(len(dims)+1):])
		for k := range small {
			if rng.IntN(2) == 0 {
				small[k] = 1
			}
		}
		s := fill(2, false, small...)
		tx, ts := tape.Variable(x, dims...), tape.Variable(s, small...)
		y := tx.Mul(ts)
		if rng.IntN(2) == 0 {
			y = ts.Mul(tx)
		}
		w := fill(3, false, dims...)
		want, dx, ds := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(s))
		i := 0
		each(dims, func(at []int) {
			o := offset(small, at)
			want[i] = x[i] * s[o]
			dx[i] = w[i] * s[o]
			ds[o] += w[i] * x[i]
			i++
		})
		g := y.BackwardFrom(w)
		closeTo(t, "product", y.Data(), want)
		closeTo(t, "gradient of the larger", g.Wrt(tx), dx)
		closeTo(t, "gradient of the smaller", g.Wrt(ts), ds)

		// The sum over random axes.
		tape.Reset()
		var axes []int
		kept := slices.Clone(dims)
		var out []int
		for k, d := range dims {
			if rng.IntN(2) == 0 {
				axes = append(axes, k)
				kept[k] = 1
			} else {
				out = append(out, d)
			}
		}
		if axes == nil {
			continue // none would mean all
		}
		tx = tape.Variable(x, dims...)
		y = tx.Sum(axes...)
		w = fill(4, false, out...)
		want, dx = make([]float32, count(out)), make([]float32, len(x))
		i = 0
		each(dims, func(at []int) {
			want[offset(kept, at)] += x[i]
			dx[i] = w[offset(kept, at)]
			i++
		})
		g = y.BackwardFrom(w)
		if !slices.Equal(y.Dims(), out) {
			t.Fatalf("%v summed over %v has shape %v", dims, axes, y.Dims())
		}
		closeTo(t, "sum", y.Data(), want)
		closeTo(t, "sum's gradient", g.Wrt(tx), dx)

		// A permuted, stepped and flipped part.
		tape.Reset()
		perm := rng.Perm(len(dims))
		axis := rng.IntN(len(dims))
		d := dims[perm[axis]]
		start, step := rng.IntN(d), 1+rng.IntN(3)
		tx = tape.Variable(x, dims...)
		y = tx.Permute(perm...).SliceStep(axis, start, tensor.End, step).Flip(axis)
		w = fill(5, false, y.Dims()...)
		want, dx = make([]float32, y.Size()), make([]float32, len(x))
		i = 0
		each(y.Dims(), func(at []int) {
			from := make([]int, len(dims))
			for k, v := range at {
				if k == axis {
					v = start + (y.Dim(axis)-1-v)*step
				}
				from[perm[k]] = v
			}
			o := 0
			for k, v := range from {
				o = o*dims[k] + v
			}
			want[i] = x[o]
			dx[o] += w[i]
			i++
		})
		g = y.BackwardFrom(w)
		closeTo(t, "part", y.Data(), want)
		closeTo(t, "part's gradient", g.Wrt(tx), dx)
	}
}
