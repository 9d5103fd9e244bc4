package nn

import (
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"descent/mlkit/tensor"
)

// Named is a parameter or a buffer under its name in the model: one of the two
// is nil.
type Named struct {
	Name   string
	Param  *tensor.Param
	Buffer *tensor.Buffer
}

// A Namer computes the names of its parameters itself, where field names
// cannot serve ("weight_ih_l1_reverse").
type Namer interface {
	NamedParams() []Named
}

// Params lists the parameters of a model in the order of its fields, each
// once, and sets their names. See [State] for the rules.
func Params(model any) []*tensor.Param {
	var ps []*tensor.Param
	for _, n := range State(model) {
		if n.Param != nil {
			ps = append(ps, n.Param)
		}
	}
	return ps
}

// State lists parameters and buffers of a model by walking its exported fields
// in order: structs, pointers, interfaces, slices, arrays, and maps by sorted
// key. A name is the path: fields in snake_case (or `nn:"name"`), elements
// numbered, embedded structs flattened, joined by dots. `nn:"-"` leaves a field
// out. What is reached twice (tied weights) is listed once, under its first
// name. The factors of a low-rank change ([AddLoRA]) and what a normalisation
// adds ([AddWeightNorm], [AddSpectralNorm]) follow their parameter. A
// parameter in an unexported field panics: it would never be trained or
// saved.
func State(model any) []Named {
	w := walker{seen: map[any]bool{}}
	w.walk("", reflect.ValueOf(model), true)
	for _, n := range w.found {
		if n.Param != nil && n.Param.Name != n.Name {
			n.Param.Name = n.Name
		}
		if n.Buffer != nil && n.Buffer.Name != n.Name {
			n.Buffer.Name = n.Name
		}
	}
	return w.found
}

// Aliases gives the further names of what a model reaches by more than one path
// (tied weights): alias → the name in [State].
func Aliases(model any) map[string]string {
	w := walker{seen: map[any]bool{}, first: map[any]string{}, aliases: map[string]string{}}
	w.walk("", reflect.ValueOf(model), true)
	return w.aliases
}

// EachStruct calls f with the address of every struct that [State] walks
// through, each once: the model, its layers, and what they consist of. What a
// struct with a method NamedParams holds is its own affair, and a struct that
// the model holds by value in an interface has no address.
func EachStruct(model any, f func(layer any)) { eachStruct(model, f) }

func eachStruct(model any, f func(layer any)) walker {
	w := walker{seen: map[any]bool{}, visit: f}
	w.walk("", reflect.ValueOf(model), true)
	return w
}

type walker struct {
	found []Named
	seen  map[any]bool

	// Only where aliases are asked for: the first names, and seen then holds
	// pointers only while the walk is below them.
	first   map[any]string
	aliases map[string]string

	// Only for summaries: the types of the structs, by path.
	types map[string]string

	// Only for EachStruct: sees the address of every struct.
	visit func(layer any)
}

var (
	paramType  = reflect.TypeFor[*tensor.Param]()
	bufferType = reflect.TypeFor[*tensor.Buffer]()
)

func (w *walker) walk(path string, v reflect.Value, exported bool) {
	if !v.IsValid() {
		return
	}
	switch v.Type() {
	case paramType, bufferType:
		if v.IsNil() {
			return
		}
		if !exported {
			panic(fmt.Sprintf("nn: %q is a parameter or buffer in an unexported field: export the field, or tag it `nn:\"-\"`", path))
		}
		n := Named{Name: path}
		if p, ok := v.Interface().(*tensor.Param); ok {
			n.Param = p
		} else {
			n.Buffer = v.Interface().(*tensor.Buffer)
		}
		w.add(n)
		return
	}
	if s := reflect.Indirect(v); w.types != nil && s.Kind() == reflect.Struct && w.types[path] == "" { // an embedded struct has the same path
		w.types[path] = s.Type().Name()
	}
	if exported && v.CanInterface() && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		if namer, ok := v.Interface().(Namer); ok {
			for _, n := range namer.NamedParams() {
				n.Name = join(path, n.Name)
				w.add(n)
			}
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		key := any(v.Pointer())
		if w.seen[key] && v.Elem().Kind() == reflect.Struct && v.Elem().NumField() > 0 {
			return
		}
		w.seen[key] = true
		w.walk(path, v.Elem(), exported)
		if w.aliases != nil {
			delete(w.seen, key)
		}
	case reflect.Interface:
		w.walk(path, v.Elem(), exported)
	case reflect.Slice, reflect.Array:
		if !mayHold(v.Type().Elem()) {
			return
		}
		for i := range v.Len() {
			w.walk(join(path, strconv.Itoa(i)), v.Index(i), exported)
		}
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String || !mayHold(v.Type().Elem()) {
			return
		}
		keys := v.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
		for _, k := range keys {
			w.walk(join(path, k.String()), v.MapIndex(k), exported)
		}
	case reflect.Struct:
		if w.visit != nil && v.CanAddr() && v.Addr().CanInterface() {
			w.visit(v.Addr().Interface())
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			tag, _, _ := strings.Cut(f.Tag.Get("nn"), ",")
			if tag == "-" || !mayHold(f.Type) {
				continue
			}
			name := path
			switch {
			case tag != "":
				name = join(path, tag)
			case !f.Anonymous:
				name = join(path, snake(f.Name))
			}
			w.walk(name, v.Field(i), exported && (f.IsExported() || f.Anonymous))
		}
	}
}

func (w *walker) add(n Named) {
	var key any = n.Param
	if n.Param == nil {
		key = n.Buffer
	}
	if w.aliases != nil {
		if first, ok := w.first[key]; !ok {
			w.first[key] = n.Name
		} else if first != n.Name {
			w.aliases[n.Name] = first
		}
		w.factors(n)
		return
	}
	if !w.seen[key] {
		w.seen[key] = true
		w.found = append(w.found, n)
		w.factors(n)
	}
}

// factors adds what a change of a parameter brings with it.
func (w *walker) factors(n Named) {
	if n.Param != nil {
		switch c := n.Param.Norm.(type) {
		case *tensor.WeightNorm:
			w.add(Named{Name: n.Name + gainName, Param: c.Gain})
		case *tensor.SpectralNorm:
			w.add(Named{Name: n.Name + uName, Buffer: c.U})
			w.add(Named{Name: n.Name + vName, Buffer: c.V})
		}
	}
	if n.Param != nil && n.Param.LowRank != nil {
		w.add(Named{Name: n.Name + loraA, Param: n.Param.LowRank.A})
		w.add(Named{Name: n.Name + loraB, Param: n.Param.LowRank.B})
	}
}

// mayHold is false of numbers, strings and functions, whose insides need no
// walk.
func mayHold(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return mayHold(t.Elem())
	case reflect.Struct, reflect.Interface, reflect.Map:
		return true
	}
	return false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// snake turns InProjWeight into in_proj_weight, FC1 into fc1, QKVBias into
// qkv_bias.
func snake(s string) string {
	var b strings.Builder
	r := []rune(s)
	for i, c := range r {
		if i > 0 && unicode.IsUpper(c) &&
			(!unicode.IsUpper(r[i-1]) || (i+1 < len(r) && unicode.IsLower(r[i+1]))) && r[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
