package explain

import (
	"fmt"
	"slices"
	"sync"

	"descent/mlkit/tensor"
)

// Scores is a model: inputs [n, dims...] → scores [n, outputs] (or [n] of a
// single one). A layer's Forward is one.
type Scores func(x tensor.Tensor) tensor.Tensor

// of is f(x), and an error where that is no input of the model's.
func (f Scores) of(op string, x tensor.Tensor) (y tensor.Tensor, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *tensor.ShapeError:
			hint := ""
			if e.Op == "Embedding" {
				hint = ". Ids cannot change a little: explain their vectors, by a function from [n, tokens, width], with a group for each token"
			}
			err = fmt.Errorf("explain: %s: the model refuses its input: %w%s", op, e, hint)
		default:
			panic(e)
		}
	}()
	return f(x), nil
}

// Input is what is to be explained: one output for one input.
type Input struct {
	X      []float32
	Dims   []int // of X; nil for a vector
	Target int   // the output, from 0
	// Baseline stands for an input that says nothing, of the size of X; nil for
	// zeros.
	Baseline []float32
	// Groups gives each element the number of its group, from 0, for methods
	// that take away groups: a patch of pixels, the columns of one category.
	// nil: each element is its own.
	Groups []int
}

// checked fills in what has a default, and says what makes no sense.
func (in Input) checked(op string) (Input, error) {
	if in.Dims == nil {
		in.Dims = []int{len(in.X)}
	}
	size := 1
	for _, d := range in.Dims {
		size *= max(d, 0)
	}
	switch {
	case len(in.X) == 0 || size != len(in.X):
		return in, fmt.Errorf("explain: %s: an input of %d numbers with shape %v", op, len(in.X), in.Dims)
	case in.Baseline != nil && len(in.Baseline) != len(in.X):
		return in, fmt.Errorf("explain: %s: a baseline of %d numbers for an input of %d", op, len(in.Baseline), len(in.X))
	case in.Groups != nil && len(in.Groups) != len(in.X):
		return in, fmt.Errorf("explain: %s: groups for %d elements of an input of %d", op, len(in.Groups), len(in.X))
	}
	if in.Baseline == nil {
		in.Baseline = make([]float32, len(in.X))
	}
	for _, x := range [][]float32{in.X, in.Baseline} {
		for k, v := range x {
			if v-v != 0 { // NaN or infinite
				return in, fmt.Errorf("explain: %s: element %d of the input or its baseline is %v", op, k, v)
			}
		}
	}
	return in, nil
}

// groups is the number of groups. Each from 0 on must have an element.
func (in Input) groups(op string) (int, error) {
	n := 0
	for k, g := range in.Groups {
		if g >= len(in.X) {
			return 0, fmt.Errorf("explain: %s: element %d of %d has group %d: number them without gaps", op, k, len(in.X), g)
		}
		n = max(n, g+1)
	}
	has := make([]bool, n)
	for k, g := range in.Groups {
		if g < 0 {
			return 0, fmt.Errorf("explain: %s: element %d has group %d: they count from 0", op, k, g)
		}
		has[g] = true
	}
	if g := slices.Index(has, false); g >= 0 {
		return 0, fmt.Errorf("explain: %s: group %d of %d has no element: number them without gaps", op, g, n)
	}
	return n, nil
}

// spread gives each element its group's number.
func (in Input) spread(values []float64) []float32 {
	out := make([]float32, len(in.X))
	for k, g := range in.Groups {
		out[k] = float32(values[g])
	}
	return out
}

// atOnce is how many inputs run through the model together: enough for its
// products, and few enough for what it computes to stay in the cache.
const atOnce = 32

// tapes are those that no call uses, with their memory.
var tapes = sync.Pool{New: func() any { return tensor.NewTape(0) }}

// evaluate computes the target's score for n inputs, which fill writes; where
// grad is not nil, it gets the gradient of each.
func evaluate(op string, f Scores, in Input, n int, fill func(i int, x []float32),
	grad func(i int, g []float32)) ([]float64, error) {
	tape := tapes.Get().(*tensor.Tape)
	tape.Seed(1, 0)
	tape.SetTraining(false)
	tape.SetRecordGrad(grad != nil)
	tape.FreezeParams(true)
	size := len(in.X)
	xs := make([]float32, min(n, atOnce)*size)
	var scores []float64
	for lo := 0; lo < n; lo += atOnce {
		hi := min(lo+atOnce, n)
		for i := lo; i < hi; i++ {
			fill(i, xs[(i-lo)*size:(i-lo+1)*size])
		}
		tape.Reset()
		x := tape.Variable(xs[:(hi-lo)*size], append([]int{hi - lo}, in.Dims...)...)
		y, err := f.of(op, x)
		if err != nil {
			return nil, err
		}
		if d := y.Dims(); len(d) == 1 {
			y = y.Reshape(d[0], 1)
		}
		if d := y.Dims(); len(d) != 2 || d[0] != hi-lo {
			return nil, fmt.Errorf("explain: %s: the model gives scores of shape %v for %d inputs, not [%d, outputs]", op, d, hi-lo, hi-lo)
		} else if in.Target < 0 || in.Target >= d[1] {
			return nil, fmt.Errorf("explain: %s: Target is %d, the model has %d outputs", op, in.Target, d[1])
		}
		s := y.Select(1, in.Target)
		for i, v := range s.Data() {
			if v != v {
				return nil, fmt.Errorf("explain: %s: the score of input %d is NaN", op, lo+i)
			}
			scores = append(scores, float64(v))
		}
		if grad == nil {
			continue
		}
		// A score that does not depend on x has no way back to it but this one.
		g := s.Sum().Add(x.Sum().Scale(0)).Backward().Wrt(x)
		for i := lo; i < hi; i++ {
			grad(i, g[(i-lo)*size:(i-lo+1)*size])
		}
	}
	tape.Reset()
	tapes.Put(tape)
	return scores, nil
}

// Score is the target's score for the input and for the baseline: what
// attributions that are complete share out.
func Score(f Scores, in Input) (input, baseline float64, err error) {
	if in, err = in.checked("Score"); err != nil {
		return 0, 0, err
	}
	s, err := evaluate("Score", f, in, 2, func(i int, x []float32) { copy(x, [][]float32{in.X, in.Baseline}[i]) }, nil)
	if err != nil {
		return 0, 0, err
	}
	return s[0], s[1], nil
}
