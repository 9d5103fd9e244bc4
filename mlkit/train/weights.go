package train

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"descent/mlkit/formats"
	"descent/mlkit/nn"
)

// statePrefix begins the names of tensors in a checkpoint that are not the
// model's. No name of a parameter holds a slash.
const statePrefix = "train/"

// SaveWeights writes the parameters and buffers of a model as a safetensors
// file, under the names of nn.State, which are PyTorch's: there,
// safetensors.torch.load_model(model, path) reads it. Tied parameters are
// written once. metadata, texts of any kind, may be nil. The file is complete
// or not there (see formats.WriteFile).
func SaveWeights(path string, model any, metadata map[string]string) error {
	arrays := weights(nn.State(model))
	if err := formats.WriteFile(path,
		func(w io.Writer) error { return formats.WriteSafetensors(w, arrays, metadata) }); err != nil {
		return fmt.Errorf("train: weights: %w", err)
	}
	return nil
}

func weights(state []nn.Named) []formats.Array {
	var arrays []formats.Array
	for _, n := range state {
		if n.Param != nil {
			arrays = append(arrays, formats.Array{Name: n.Name, Dims: n.Param.Dims(), Data: n.Param.Data})
			continue
		}
		arrays = append(arrays, formats.Array{Name: n.Name, Dims: n.Buffer.Dims(), Data: n.Buffer.Data})
		if counter := counterName(n); counter != "" {
			arrays = append(arrays, formats.Array{Name: counter, Data: []int64{n.Buffer.Count}})
		}
	}
	return arrays
}

// counterName is PyTorch's name for the commits to a buffer, kept once for
// each batch normalisation, with its running mean.
func counterName(n nn.Named) string {
	if before, ok := strings.CutSuffix(n.Name, "running_mean"); ok && n.Buffer != nil {
		return before + "num_batches_tracked"
	}
	return ""
}

// LoadOptions say how LoadTensors fits a file to a model. The zero value wants
// them to agree in every name and shape.
type LoadOptions struct {
	// Rename, if not nil, turns a name in the file into the model's, "" to
	// leave the tensor out. Two names must not become one.
	Rename func(name string) string
	// Partial loads what the file and the model have in common by name; a
	// wrong shape is still an error.
	Partial bool
}

// Tensors are the named tensors of an open file: a [*formats.Safetensors] or a
// [*formats.Torch].
type Tensors interface {
	Names() []string
	Info(name string) (formats.TensorInfo, bool)
	Floats(name string) ([]float32, error)
	ReadFloats(name string, dst []float32) error
	Ints(name string) ([]int64, error)
	Close() error
}

// LoadWeights reads the weights of a file written by SaveWeights, by a
// checkpoint or by PyTorch, as safetensors or by
// torch.save(model.state_dict()), into a model. When anything does not fit it
// returns a [*MismatchError] and leaves the model as it was. The file may hold
// what the model ties together under several names, if their values agree. For
// a state_dict inside of something larger see [formats.OpenTorch] and
// [LoadTensors].
func LoadWeights(path string, model any) error {
	s, err := openWeights(path)
	if err != nil {
		return fmt.Errorf("train: weights: %w", err)
	}
	defer s.Close()
	if err := LoadTensors(s, model, LoadOptions{}); err != nil {
		return fmt.Errorf("train: weights of %s: %w", path, err)
	}
	return nil
}

// openWeights opens a file of either kind, by its first bytes.
func openWeights(path string) (Tensors, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var head [9]byte // safetensors has 8 of the length of its header, which begins with {
	_, err = io.ReadFull(f, head[:])
	f.Close()
	if err == nil && head[8] != '{' && (string(head[:4]) == "PK\x03\x04" || head[0] == 0x80) {
		return formats.OpenTorch(path)
	}
	return openSealed(path)
}

// LoadTensors is LoadWeights for an open file, with options. Floats of 16 and
// 64 bits become float32.
func LoadTensors(s Tensors, model any, o LoadOptions) error {
	state, aliases := nn.State(model), nn.Aliases(model)
	byName := map[string]nn.Named{}
	counters := map[string]string{} // counter → its buffer's prefix
	for _, n := range state {
		byName[n.Name] = n
		if c := counterName(n); c != "" {
			counters[c] = strings.TrimSuffix(n.Name, "running_mean")
		}
	}
	from := map[string]string{}    // the model's name → the file's
	renamed := map[string]string{} // the name after Rename → the file's
	var copies [][2]string         // names in the file of what the model ties together
	bad := &MismatchError{}
	for _, name := range s.Names() {
		if strings.HasPrefix(name, statePrefix) {
			continue
		}
		own := name
		if o.Rename != nil {
			own = o.Rename(name)
		}
		if first, there := renamed[own]; there && own != "" {
			bad.Duplicates = append(bad.Duplicates, fmt.Sprintf("%s and %s, both renamed to %s", first, name, own))
			continue
		}
		renamed[own] = name
		own = firstName(own, aliases)
		_, isCounter := counters[own]
		n, known := byName[own]
		switch {
		case own == "" || !known && !isCounter && o.Partial:
		case !known && !isCounter:
			bad.Unexpected = append(bad.Unexpected, name)
		default:
			info, _ := s.Info(name)
			want, types := dims(n), "F32 F64 F16 BF16"
			if isCounter {
				want, types = nil, "I64 I32"
			}
			if !slices.Equal(info.Dims, want) {
				bad.Shapes = append(bad.Shapes, fmt.Sprintf("%s: file %v, model %v", name, info.Dims, append([]int{}, want...)))
			} else if !slices.Contains(strings.Fields(types), info.DType) {
				bad.Shapes = append(bad.Shapes, fmt.Sprintf("%s: file %s, model one of %s", name, info.DType, types))
			} else if first, there := from[own]; there {
				copies = append(copies, [2]string{first, name})
				continue
			}
			from[own] = name
		}
	}
	if !o.Partial {
		for _, n := range state {
			if _, ok := from[n.Name]; !ok {
				bad.Missing = append(bad.Missing, n.Name)
			}
		}
	}
	if len(bad.Missing)+len(bad.Unexpected)+len(bad.Shapes)+len(bad.Duplicates) > 0 {
		return bad
	}
	for _, c := range copies {
		same, err := sameTensors(s, c[0], c[1])
		if err != nil {
			return err
		}
		if !same {
			bad.Duplicates = append(bad.Duplicates, fmt.Sprintf("%s and %s, which hold different values", c[0], c[1]))
		}
	}
	if len(bad.Duplicates) > 0 {
		return bad
	}
	for own, name := range from {
		if prefix, ok := counters[own]; ok {
			v, err := s.Ints(name)
			if err != nil {
				return err
			}
			for _, n := range state {
				if rest, ok := strings.CutPrefix(n.Name, prefix); ok && n.Buffer != nil && !strings.Contains(rest, ".") {
					n.Buffer.Count = v[0]
				}
			}
			continue
		}
		if err := s.ReadFloats(name, values(byName[own])); err != nil {
			return err
		}
	}
	return nil
}

// firstName is the name in nn.State of what an alias means, of the counters of
// batch normalisations too.
func firstName(name string, aliases map[string]string) string {
	if first, ok := aliases[name]; ok {
		return first
	}
	if before, ok := strings.CutSuffix(name, "num_batches_tracked"); ok {
		if first, ok := aliases[before+"running_mean"]; ok {
			return strings.TrimSuffix(first, "running_mean") + "num_batches_tracked"
		}
	}
	return name
}

// sameTensors reports whether two tensors of a file hold the same values.
func sameTensors(s Tensors, a, b string) (bool, error) {
	if info, _ := s.Info(a); info.DType[0] == 'I' {
		x, err := s.Ints(a)
		if err != nil {
			return false, err
		}
		y, err := s.Ints(b)
		return slices.Equal(x, y), err
	}
	x, err := s.Floats(a)
	if err != nil {
		return false, err
	}
	y, err := s.Floats(b)
	return slices.EqualFunc(x, y, func(v, w float32) bool { return v == w || v != v && w != w }), err
}

func dims(n nn.Named) []int {
	switch {
	case n.Param != nil:
		return n.Param.Dims()
	case n.Buffer != nil:
		return n.Buffer.Dims()
	}
	return nil
}

func values(n nn.Named) []float32 {
	if n.Param != nil {
		return n.Param.Data
	}
	return n.Buffer.Data
}

// MismatchError names everything in which a file and a model differ.
type MismatchError struct {
	Missing    []string // in the model, not in the file
	Unexpected []string // in the file, not in the model
	Shapes     []string // in both, with another shape or type
	// Duplicates are two different tensors in the file for one in the model,
	// whose weights are tied, or to which Rename gives one name.
	Duplicates []string
}

func (e *MismatchError) Error() string {
	var parts []string
	part := func(what string, names []string) {
		if len(names) > 0 {
			names = slices.Sorted(slices.Values(names))
			parts = append(parts, fmt.Sprintf("%s (%d): %s", what, len(names), strings.Join(names, ", ")))
		}
	}
	part("wrong shape or type", e.Shapes)
	part("missing in the file", e.Missing)
	part("not in the model", e.Unexpected)
	part("two for one tensor of the model", e.Duplicates)
	return "the file does not fit the model: " + strings.Join(parts, "; ")
}
