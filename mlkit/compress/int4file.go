package compress

import (
	"fmt"
	"slices"

	"descent/mlkit/formats"
	kernel "descent/mlkit/internal/kernel/int8"
	"descent/mlkit/nn"
)

// int4Key is what a file's metadata have where those of an [Int8] say how
// activations become bytes.
const int4Key = "float32, weights of 4 bits"

// Save writes the network as a safetensors file, under the layers' paths in the
// model:
//
//	weight_int4, U8 [out, groups, 16], input i of a group in the low half of
//	byte i, input 16+i in the high half, 8 steps above its value
//	weight_scale, F32 [out, groups], and bias, F32 [out]
//
// and what is computed in float32 under its usual names; convolutions with the
// normalisations behind them. The file is complete or not there.
func (q *Int4) Save(path string) error {
	var arrays []formats.Array
	for _, l := range q.linear {
		n, g := l.w.N, l.w.Groups()
		arrays = append(arrays,
			formats.Array{Name: below(l.path, "weight_int4"), Dims: []int{n, g, kernel.Group / 2}, Data: l.w.Packed},
			formats.Array{Name: below(l.path, "weight_scale"), Dims: []int{n, g}, Data: l.w.Scales},
			formats.Array{Name: below(l.path, "bias"), Dims: []int{n}, Data: l.bias})
	}
	return saved(path, q.layers, arrays, int4Key)
}

// LoadInt4 reads a network that [Int4.Save] has written. The model says which
// layers it has; its own weights do not matter, and stay. What is missing from
// the file, has another shape or belongs to no layer is an error that names it.
func LoadInt4(path string, model nn.Layer) (*Int4, error) {
	return load("LoadInt4", path, model, int4Of, func(q *Int4) stage { return q.layers })
}

func int4Of(t *taking, s stage, r *reading) (*Int4, error) {
	if how := r.file.Metadata[activationsKey]; how != int4Key {
		return nil, fmt.Errorf("its metadata have %q for %s, not %q: it was not written by Int4.Save", how, activationsKey, int4Key)
	}
	stored := map[string]nibbles{}
	for _, u := range t.units {
		if u.conv != nil {
			continue // in float32
		}
		q := nibbles{w: kernel.Nibbles{N: u.dims[0], K: u.dims[1]}}
		n, g := q.w.N, q.w.Groups()
		q.w.Packed, _ = r.array(u, "weight_int4", []int{n, g, kernel.Group / 2}).([]uint8)
		q.w.Scales, _ = r.array(u, "weight_scale", []int{n, g}).([]float32)
		q.bias, _ = r.array(u, "bias", []int{n}).([]float32)
		for what, xs := range map[string][]float32{"scale": q.w.Scales, "bias": q.bias} {
			if i := slices.IndexFunc(xs, notFinite); i >= 0 {
				r.fail("%s has a %s of %v", u, what, xs[i])
			}
		}
		stored[u.path] = q
	}
	if r.err != nil {
		return nil, r.err
	}
	return t.int4(s, stored)
}
