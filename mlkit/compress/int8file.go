package compress

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"descent/mlkit/formats"
	"descent/mlkit/nn"
)

// activationsKey names, in a file's metadata, how activations become bytes.
const activationsKey = "activations"

// Save writes the network as a safetensors file, under the layers' paths in the
// model:
//
//	weight, I8, and weight_scale, F32, one for each output
//	bias, F32, normalisations included
//	input_scale, F32, and input_zero_point, U8, where ranges are fixed
//
// and what is computed in float32 under its usual names. The file is complete
// or not there.
func (q *Int8) Save(path string) error {
	var arrays []formats.Array
	for _, c := range q.chains {
		for _, s := range c.steps {
			p := s.product
			if p == nil {
				continue
			}
			add := func(name string, dims []int, data any) {
				arrays = append(arrays, formats.Array{Name: below(p.path, name), Dims: dims, Data: data})
			}
			add("weight", p.dims, p.unpacked())
			add("weight_scale", p.dims[:1], p.scales[:p.w.N])
			add("bias", p.dims[:1], p.bias[:p.w.N])
			if q.static {
				add("input_scale", nil, []float32{p.rng.scale})
				add("input_zero_point", nil, []uint8{p.rng.zero})
			}
		}
	}
	for _, e := range q.tables {
		arrays = append(arrays, formats.Array{Name: below(e.path, "weight"), Dims: e.dims, Data: e.q},
			formats.Array{Name: below(e.path, "weight_scale"), Dims: e.dims[:1], Data: e.scales})
	}
	how := "dynamic"
	if q.static {
		how = "static"
	}
	return saved(path, q.layers, arrays, how)
}

// saved writes arrays, and what of the layers stayed in float32.
func saved(path string, layers stage, arrays []formats.Array, how string) error {
	for _, n := range keptIn(layers) {
		if n.Param != nil {
			arrays = append(arrays, formats.Array{Name: n.Name, Dims: n.Param.Dims(), Data: n.Param.Data})
		} else {
			arrays = append(arrays, formats.Array{Name: n.Name, Dims: n.Buffer.Dims(), Data: n.Buffer.Data})
		}
	}
	err := formats.WriteFile(path, func(w io.Writer) error {
		return formats.WriteSafetensors(w, arrays, map[string]string{activationsKey: how})
	})
	if err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	return nil
}

// unpacked are the weights in the order of the model.
func (p *product) unpacked() []int8 {
	q := p.w.Unpack()
	n := p.dims[0]
	size, channels := 1, p.dims[1]
	switch {
	case p.conv != nil:
		size = len(q) / n / channels
	case p.flat > 0:
		size, channels = p.dims[1]/p.flat, p.flat
	default:
		return q
	}
	return channelsLast(q, n, size, channels) // the way back
}

// LoadInt8 reads a network that [Int8.Save] has written. The model says which
// layers it has; its own weights do not matter, and stay. What is missing from
// the file, has another shape or belongs to no layer is an error that names it.
func LoadInt8(path string, model nn.Layer) (*Int8, error) {
	return load("LoadInt8", path, model, int8Of, func(q *Int8) stage { return q.layers })
}

// load reads the file of a quantized network. build makes the network of what
// the file holds for the layers of the model.
func load[Q any](op, path string, model nn.Layer, build func(*taking, stage, *reading) (*Q, error),
	layers func(*Q) stage) (q *Q, err error) {
	defer func() {
		if err != nil {
			q, err = nil, fmt.Errorf("compress: %s: %s: %w", op, path, err)
		}
	}()
	t := &taking{op: op}
	s, err := t.start(model)
	if err != nil {
		return nil, err
	}
	file, err := formats.OpenSafetensors(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := &reading{file: file, read: map[string]bool{}}
	if q, err = build(t, s, r); err != nil {
		return nil, err
	}
	return q, r.rest(layers(q))
}

func int8Of(t *taking, s stage, r *reading) (*Int8, error) {
	how := r.file.Metadata[activationsKey]
	if how != "static" && how != "dynamic" {
		return nil, fmt.Errorf("its metadata have %q for %s, not static or dynamic: it was not written by Int8.Save", how, activationsKey)
	}
	stored := map[string]weights{}
	for _, u := range t.units {
		n := u.dims[:1]
		var w weights
		w.q, _ = r.array(u, "weight", u.dims).([]int8)
		w.scales, _ = r.array(u, "weight_scale", n).([]float32)
		w.bias, _ = r.array(u, "bias", n).([]float32)
		if how == "static" {
			scale, _ := r.array(u, "input_scale", nil).([]float32)
			zero, _ := r.array(u, "input_zero_point", nil).([]uint8)
			if len(scale) == 1 && len(zero) == 1 {
				u.rng = affine{scale[0], zero[0]}
				w.check(r, u, scale)
			}
		}
		w.check(r, u, nil)
		stored[u.path] = w
	}
	for _, e := range t.tables {
		u := &unit{form: form{path: e.path, kind: "*nn.Embedding"}}
		var w weights
		w.q, _ = r.array(u, "weight", e.weight.Dims()).([]int8)
		w.scales, _ = r.array(u, "weight_scale", e.weight.Dims()[:1]).([]float32)
		w.check(r, u, nil)
		stored[e.path] = w
	}
	if r.err != nil {
		return nil, r.err
	}
	return t.finish(s, how == "static", stored)
}

// rest reads what stays in float32; nothing else may be left.
func (r *reading) rest(layers stage) error {
	for _, n := range keptIn(layers) {
		dst, dims := []float32(nil), []int(nil)
		if n.Param != nil {
			dst, dims = n.Param.Data, n.Param.Dims()
		} else {
			dst, dims = n.Buffer.Data, n.Buffer.Dims()
		}
		x, ok := r.named(n.Name, dims).([]float32)
		if !ok && r.err == nil {
			r.err = fmt.Errorf("%s is not of float32", n.Name)
		}
		copy(dst, x)
	}
	if r.err != nil {
		return r.err
	}
	for _, name := range r.file.Names() {
		if !r.read[name] {
			return fmt.Errorf("%s belongs to no layer of the model", name)
		}
	}
	return nil
}

// reading takes arrays from a file, and keeps the first error.
type reading struct {
	file *formats.Safetensors
	read map[string]bool
	err  error
}

func (r *reading) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// array reads one of a unit's.
func (r *reading) array(u *unit, name string, dims []int) any {
	if _, ok := r.file.Info(below(u.path, name)); !ok {
		r.fail("%s has no %s in the file", u, name)
		return nil
	}
	x := r.named(below(u.path, name), dims)
	want := any([]float32(nil))
	switch name {
	case "weight":
		want = []int8(nil)
	case "input_zero_point", "weight_int4":
		want = []uint8(nil)
	}
	if r.err == nil && fmt.Sprintf("%T", x) != fmt.Sprintf("%T", want) {
		r.fail("%s: its %s is a %T, not a %T", u, name, x, want)
	}
	return x
}

func (r *reading) named(name string, dims []int) any {
	info, ok := r.file.Info(name)
	if !ok {
		r.fail("%s is not in the file", name)
		return nil
	}
	if !slices.Equal(info.Dims, dims) {
		r.fail("%s has the shape %v in the file and %v in the model", name, info.Dims, dims)
		return nil
	}
	r.read[name] = true
	a, err := r.file.Read(name)
	if err != nil {
		r.fail("%w", err)
	}
	return a.Data
}

var errScale = errors.New("a scale must be positive and finite")

// check refuses what no Save has written.
func (w *weights) check(r *reading, u *unit, more []float32) {
	for _, s := range append(slices.Clone(w.scales), more...) {
		if !(s > 0) || notFinite(s) {
			r.fail("%s has a scale of %v: %w", u, s, errScale)
		}
	}
	if i := slices.IndexFunc(w.bias, notFinite); i >= 0 {
		r.fail("%s has a bias of %v", u, w.bias[i])
	}
	if slices.Contains(w.q, -128) {
		r.fail("%s has a weight of -128: they go from -127 to 127", u)
	}
}
