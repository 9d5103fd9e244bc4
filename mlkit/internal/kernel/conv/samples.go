package conv

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// samplesJob makes the weights' gradient of each sample of a batch, a few
// images one after the other, apart from the others.
type samplesJob struct {
	convJob
	squares []float64
	each    []float32 // nil: only squares are wanted
	ghost   bool
}

var samplesJobs cpu.FreeList[samplesJob]

// WeightSquares adds to each of squares the squared norm of the gradient with
// respect to the weights of one sample of a batch, which is the next
// N/len(squares) images. each, unless nil, gets these gradients, one after the
// other, in an order of elements that SumWeights knows. With arg, dy is the
// gradient of the pooled output (see ForwardPool).
//
// Where only the norm is wanted it is made of the pixels' products with one
// another if that is less work (Bu, Mao & Xu, Scalable and Efficient Training
// of Large Convolutional Neural Networks with Differential Privacy, 2022).
func (c Conv) WeightSquares(squares []float64, each, dy []float32, arg []int32, x []float32) {
	j := samplesJobs.Get()
	weights := c.OutC * (c.C / max(c.Groups, 1)) * c.KH * c.KW
	if arg != nil {
		c = c.checkedPool(len(dy), len(x), weights)
		j.convJob = convJob{part: convBackwardWeightPool, arg: c.argBytes(arg)}
	} else {
		c = c.checked(len(dy), len(x), weights)
		j.convJob = convJob{part: convBackwardWeight}
	}
	samples := len(squares)
	if samples == 0 || c.N%samples != 0 {
		panic(fmt.Sprintf("kernel: Conv: %d images are not those of %d samples", c.N, samples))
	}
	if each != nil {
		cpu.NeedSize("Conv: gradients of samples", len(each), samples, weights)
	}
	j.Conv, j.y, j.x = c, dy, x
	j.cutPlanes(convParts)
	if arg != nil {
		j.rows = (j.rows + 1) &^ 1
	}
	j.squares, j.each = squares, each
	per := c.OutC / c.Groups
	j.ghost = each == nil && c.N == samples && !c.thin() && c.pixels()*(c.taps()+per) < c.taps()*per
	cpu.Parallel(samples, j)
	*j = samplesJob{}
	samplesJobs.Put(j)
}

// Part implements cpu.Task: one sample.
func (j *samplesJob) Part(i int) {
	s, memory, one := cpu.GetWorkspace(), cpu.GetWorkspace(), convJobs.Get()
	*one = j.convJob
	samples := len(j.squares)
	one.N = j.N / samples
	one.y, one.x = piece(j.y, i, samples), piece(j.x, i, samples)
	if j.arg != nil {
		one.arg = piece(j.arg, i, samples)
	}
	if j.ghost {
		for g := range j.Groups {
			j.squares[i] += one.ghostSquare(s, memory, g)
		}
	} else {
		n := j.OutC * j.taps()
		one.runs = 1
		if one.sums = piece(j.each, i, samples); j.each == nil {
			one.sums = cpu.Floats(&memory.A, n)
		}
		if j.thin() {
			one.BackwardWeight(one.sums, one.y, one.x, false)
		} else {
			for g := range j.Groups {
				one.part(one, s, 0, g, 0)
			}
		}
		j.squares[i] += float64(rowwise.SumSquares(one.sums[:n]))
	}
	*one = convJob{}
	convJobs.Put(one)
	memory.Release()
	s.Release()
}

// piece is the i-th of n equal pieces of x.
func piece[T any](x []T, i, n int) []T { return x[i*(len(x)/n):][:len(x)/n] }

// ghostSquare is the squared norm of the gradient of an image and a group:
// Σ (xᵢ·xⱼ)(dyᵢ·dyⱼ) over pairs of output pixels, where xᵢ is what the window
// sees at pixel i.
func (j *convJob) ghostSquare(s, memory *cpu.Workspace, group int) float64 {
	per, pixels := j.OutC/j.Groups, j.pixels()
	col, ld := j.columns(s, j.image(0, group), 0, j.C/j.Groups, 0, j.OutH())
	var dy []float32
	if j.arg != nil {
		dy = j.expand(s, 0)
	} else {
		dy = j.outputs(0, group)
	}
	both := cpu.Floats(&memory.A, 2*pixels*pixels)
	xx, dd := both[:pixels*pixels], both[pixels*pixels:]
	gemm.Gemm{M: pixels, N: pixels, K: j.taps(), TransA: true, LDA: ld, LDB: ld}.Run(xx, col, col)
	gemm.Gemm{M: pixels, N: pixels, K: per, TransA: true, LDA: pixels, LDB: pixels}.Run(dd, dy, dy)
	return float64(rowwise.Dot(xx, dd))
}

// SumWeights makes dw of the samples' gradients that WeightSquares has made,
// each times its factor; with accumulate it adds it to what dw holds.
func (c Conv) SumWeights(dw, each, factors []float32, accumulate bool) {
	c.Groups = max(c.Groups, 1)
	n := c.OutC * c.taps()
	cpu.NeedSize("Conv: w", len(dw), n)
	cpu.NeedSize("Conv: gradients of samples", len(each), len(factors), n)
	g := gemm.Gemm{M: 1, N: n, K: len(factors), Accumulate: accumulate}
	if c.thin() { // their order is that of dw
		g.Run(dw, factors, each)
		return
	}
	s := cpu.GetWorkspace()
	g.Accumulate = false
	j := convJob{Conv: c, part: convSumRuns, w: dw, accumulate: accumulate, runs: 1, sums: cpu.Floats(&s.A, n)}
	g.Run(j.sums, factors, each)
	j.cutPlanes(1)
	j.run(c.Groups * j.cuts)
	s.Release()
}
