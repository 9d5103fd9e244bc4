package compress

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Narrow removes neurons or channels from a network: of layer number at, a
// Linear or a Conv, only the outputs in keep stay. The layers behind it lose
// what belonged to the others, up to the next one that mixes them: BatchNorm
// and PReLU their channels, a depthwise convolution its filters, the next
// Linear or Conv its inputs, also through Flatten. The network is then smaller
// and quicker, with parameters of other sizes: make its optimizer anew. It
// computes what it did with the removed outputs at zero, if the layers between
// turn zero into zero. What a Sigmoid, a Softplus or a normalisation makes of
// zero is missing afterwards.
//
// keep lists outputs in rising order, as [Strongest] does. A layer that cannot
// be narrowed (one whose outputs are the network's, one before a Residual or a
// LayerNorm) is an error that names the layer in the way, and so is a parameter
// that the network uses twice; nothing has changed then.
func Narrow(model nn.Sequential, at int, keep []int) error {
	if at < 0 || at >= len(model) {
		return fmt.Errorf("compress: Narrow: layer %d of a network of %d layers", at, len(model))
	}
	weight, bias, groups := filters(model[at])
	if weight == nil || groups != 1 {
		return fmt.Errorf("compress: Narrow: layer %d is a %T: only a Linear or a convolution without groups has outputs to remove", at, model[at])
	}
	n := (*weight).Dims()[0]
	for k, c := range keep {
		if c < 0 || c >= n || k > 0 && c <= keep[k-1] {
			return fmt.Errorf("compress: Narrow: keep has %d at place %d: it lists outputs of layer %d, from 0 to %d, in rising order", c, k, at, n-1)
		}
	}
	if len(keep) == 0 {
		return fmt.Errorf("compress: Narrow: nothing of layer %d would stay", at)
	}
	tied := map[*tensor.Param]string{}
	first := map[string]*tensor.Param{}
	for _, s := range nn.State(model) {
		first[s.Name] = s.Param
	}
	for alias, name := range nn.Aliases(model) {
		if p := first[name]; p != nil {
			tied[p] = alias
		}
	}
	c := cut{tied: tied}
	c.param(weight, 0, keep)
	c.param(bias, 0, keep)
	flat := false
	for i := at + 1; i < len(model); i++ {
		done, err := c.behind(model[i], n, keep, &flat)
		if err != nil {
			return fmt.Errorf("compress: Narrow: layer %d (%T) behind layer %d %w", i, model[i], at, err)
		}
		if c.err != nil {
			return c.err
		}
		if done {
			for _, f := range c.changes {
				f()
			}
			return nil
		}
	}
	return fmt.Errorf("compress: Narrow: the outputs of layer %d are the network's own", at)
}

// filters are a layer's weight and bias, [out, ...], and its groups; nil for a
// layer of another kind.
func filters(l nn.Layer) (weight, bias **tensor.Param, groups int) {
	switch l := l.(type) {
	case *nn.Linear:
		return &l.Weight, &l.Bias, 1
	case *nn.Conv1D:
		return &l.Weight, &l.Bias, max(l.Options.Groups, 1)
	case *nn.Conv2D:
		return &l.Weight, &l.Bias, max(l.Options.Groups, 1)
	}
	return nil, nil, 0
}

func groupsOf(l nn.Layer) *int {
	if l, ok := l.(*nn.Conv1D); ok {
		return &l.Options.Groups
	}
	return &l.(*nn.Conv2D).Options.Groups
}

// cut is what Narrow will change, once all of it is known to be possible.
type cut struct {
	changes []func()
	tied    map[*tensor.Param]string // parameters that are used twice → a second name
	err     error
}

// param keeps the given indices of an axis.
func (c *cut) param(p **tensor.Param, axis int, keep []int) {
	if *p == nil {
		return
	}
	if second, ok := c.tied[*p]; ok {
		c.err = fmt.Errorf("compress: Narrow: %s and %s are the same parameter: it cannot become smaller in one place", (*p).Name, second)
		return
	}
	dims := slices.Clone((*p).Dims())
	q := tensor.ParamOf(along((*p).Data, dims, axis, keep), resized(dims, axis, len(keep))...)
	q.Frozen = (*p).Frozen
	c.changes = append(c.changes, func() { *p = q })
}

func (c *cut) buffer(b **tensor.Buffer, keep []int) {
	if *b == nil {
		return
	}
	q := tensor.NewBuffer(0, len(keep))
	q.Data, q.Count = along((*b).Data, (*b).Dims(), 0, keep), (*b).Count
	c.changes = append(c.changes, func() { *b = q })
}

func resized(dims []int, axis, n int) []int {
	dims = slices.Clone(dims)
	dims[axis] = n
	return dims
}

// along copies what is kept of an axis.
func along(x []float32, dims []int, axis int, keep []int) []float32 {
	inner := 1
	for _, d := range dims[axis+1:] {
		inner *= d
	}
	var out []float32
	for start := 0; start < len(x); start += dims[axis] * inner {
		for _, k := range keep {
			out = append(out, x[start+k*inner:start+(k+1)*inner]...)
		}
	}
	return out
}

// behind cuts a layer whose inputs are n channels of which some are kept, and
// says whether it mixes them, so that nothing behind it needs to change. flat
// is set once the channels are runs of features.
func (c *cut) behind(l nn.Layer, n int, keep []int, flat *bool) (done bool, err error) {
	// wide are the kept ones among size features.
	wide := func(size int) ([]int, error) {
		if size != n && !(*flat && size%n == 0) {
			return nil, fmt.Errorf("has %d inputs, which are not the %d outputs", size, n)
		}
		run := size / n
		var all []int
		for _, k := range keep {
			for j := range run {
				all = append(all, k*run+j)
			}
		}
		return all, nil
	}
	switch l := l.(type) {
	case nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Tanh, nn.Sigmoid,
		nn.Dropout, nn.SpatialDropout, nn.GaussianNoise, nn.MaxPool1D, nn.MaxPool2D, nn.AvgPool1D, nn.AvgPool2D,
		nn.AdaptiveAvgPool2D, nn.GlobalAvgPool, nn.GlobalMaxPool, nn.Upsample:
		return false, nil
	case nn.Flatten:
		*flat = true
		return false, nil
	case *nn.PReLU:
		if l.Weight.Size() == 1 {
			return false, nil
		}
		all, err := wide(l.Weight.Size())
		if err == nil {
			c.param(&l.Weight, 0, all)
		}
		return false, err
	case *nn.BatchNorm:
		size := n
		switch {
		case l.Weight != nil:
			size = l.Weight.Size()
		case l.RunningMean != nil:
			size = len(l.RunningMean.Data)
		}
		all, err := wide(size)
		if err == nil {
			c.param(&l.Weight, 0, all)
			c.param(&l.Bias, 0, all)
			c.buffer(&l.RunningMean, all)
			c.buffer(&l.RunningVar, all)
		}
		return false, err
	}
	weight, bias, groups := filters(l)
	if weight == nil {
		return false, fmt.Errorf("needs all of its outputs")
	}
	out, in := (*weight).Dims()[0], (*weight).Dims()[1]
	if groups == 1 {
		all, err := wide(in)
		if err == nil {
			c.param(weight, 1, all)
		}
		return true, err
	}
	if groups != n || out != n || in != 1 {
		return false, fmt.Errorf("has %d groups: only a depthwise convolution, with one filter a channel, can lose channels", groups)
	}
	c.param(weight, 0, keep)
	c.param(bias, 0, keep)
	c.changes = append(c.changes, func() { *groupsOf(l) = len(keep) })
	return false, nil
}

// Strongest are the n outputs of a Linear or a convolution whose weights have
// the largest sum of magnitudes, in rising order (Li et al., Pruning filters
// for efficient ConvNets, 2017). Among equals the first are taken. A layer of
// another kind, or an n that it does not have, panics.
func Strongest(l nn.Layer, n int) []int {
	weight, _, _ := filters(l)
	if weight == nil {
		panic(fmt.Sprintf("compress: Strongest: a %T has no filters: give a Linear or a convolution", l))
	}
	out := (*weight).Dims()[0]
	if n < 0 || n > out {
		panic(fmt.Sprintf("compress: Strongest: %d of %d outputs", n, out))
	}
	norms := make([]float64, out)
	each := (*weight).Size() / out
	for k, w := range (*weight).Data {
		norms[k/each] += math.Abs(float64(w))
	}
	order := make([]int, out)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(norms[b], norms[a]) })
	order = order[:n]
	slices.Sort(order)
	return order
}
