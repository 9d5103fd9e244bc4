package train

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"descent/mlkit/formats"
	"descent/mlkit/nn"
)

// Parts are what a model needs beside its weights to be of use: the encoder of
// a table (tabular.Preprocessor), a scaler, a vocabulary, the names of the
// classes, settings; each under a name, in its JSON form.
type Parts map[string]any

// partPrefix begins the keys of parts in a file's metadata.
const partPrefix = "mlkit.part."

// SaveModel writes a model and its parts as one file: all that a service needs.
// It is a safetensors file, whose weights LoadWeights and PyTorch read, too;
// the parts are in its metadata, with a checksum of the whole. A part that
// would not come back as it is, for instance a struct with unexported fields
// and without MarshalJSON, is an error.
func SaveModel(path string, model any, parts Parts) error {
	metadata := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		text, err := encodePart(parts[name])
		if err != nil {
			return fmt.Errorf("train: model: part %q: %w", name, err)
		}
		metadata[partPrefix+name] = string(text)
	}
	if err := writeSealed(path, weights(nn.State(model)), metadata); err != nil {
		return fmt.Errorf("train: model: %w", err)
	}
	return nil
}

// LoadModel reads a file of SaveModel: first the parts, each into the value
// that parts has a pointer to; then build makes the model, whose layers may
// depend on them (as many inputs as the encoder makes features); then its
// weights. The names must be those that were saved, all of them: a service that
// forgets the scaler would give wrong answers. What does not fit is an error,
// for the weights a [*MismatchError].
func LoadModel(path string, parts Parts, build func() (model any)) error {
	s, err := openSealed(path)
	if err != nil {
		return fmt.Errorf("train: model: %w", err)
	}
	defer s.Close()
	if err := loadModel(s, parts, build); err != nil {
		return fmt.Errorf("train: model of %s: %w", path, err)
	}
	return nil
}

func loadModel(s *formats.Safetensors, parts Parts, build func() any) error {
	var there []string
	for key := range s.Metadata {
		if name, ok := strings.CutPrefix(key, partPrefix); ok {
			there = append(there, name)
		}
	}
	slices.Sort(there)
	if asked := slices.Sorted(maps.Keys(parts)); !slices.Equal(asked, there) {
		return fmt.Errorf("the parts in the file are %q, those asked for %q", there, asked)
	}
	for _, name := range there {
		if err := decodePart(s.Metadata[partPrefix+name], parts[name]); err != nil {
			return fmt.Errorf("part %q: %w", name, err)
		}
	}
	return LoadTensors(s, build(), LoadOptions{})
}

func encodePart(v any) ([]byte, error) {
	if v == nil {
		return nil, errors.New("it is nil")
	}
	if err := lossless(reflect.TypeOf(v), map[reflect.Type]bool{}); err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	if err == nil && string(text) == "null" {
		err = errors.New("it is nil")
	}
	return text, err
}

func decodePart(text string, into any) error {
	if v := reflect.ValueOf(into); v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("Parts must hold a pointer to read it into, not a %T", into)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if rest, _ := io.ReadAll(d.Buffered()); len(bytes.TrimSpace(rest)) > 0 {
		return fmt.Errorf("there is more after it: %.20q", rest)
	}
	return nil
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// lossless returns an error for a type of which JSON would leave fields out
// without a word.
func lossless(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	for _, m := range []reflect.Type{jsonMarshaler, textMarshaler} {
		if t.Implements(m) || t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(m) {
			return nil
		}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return lossless(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct) {
				return fmt.Errorf("%v has the unexported field %q, which JSON would leave out: give it MarshalJSON and UnmarshalJSON", t, f.Name)
			}
			if err := lossless(f.Type, seen); err != nil {
				return err
			}
		}
	}
	return nil
}
