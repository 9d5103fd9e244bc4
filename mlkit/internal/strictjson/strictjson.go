// Package strictjson reads and writes what was fitted (encoders, scalers,
// vocabularies) so that it comes back whole or not at all. encoding/json alone
// skips a field it does not know or finds in another case, leaves one that is
// missing or null at zero, takes the last of two, and puts U+FFFD where bytes
// are not UTF-8: each would be a model that answers wrongly without a word.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Marshal is the JSON of v. A text that is not UTF-8 is an error.
func Marshal(v any) ([]byte, error) {
	if err := checkTexts(reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func checkTexts(v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return fmt.Errorf("%q is not UTF-8 and cannot be saved as JSON", v.String())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := checkTexts(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := checkTexts(v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return checkTexts(v.Elem())
		}
	}
	return nil
}

// Unmarshal reads b into v, a pointer. Of structs every field must have a json
// tag and be there exactly once, in that case and not null; a field whose tag
// has ",omitempty" may be absent. Whatever else is there is an error. A type
// with an UnmarshalJSON of its own reads itself.
func Unmarshal(b []byte, v any) error {
	if !utf8.Valid(b) {
		return errors.New("not UTF-8: damaged")
	}
	return decode(b, reflect.ValueOf(v).Elem())
}

func decode(b []byte, v reflect.Value) error {
	b = bytes.TrimSpace(b)
	if string(b) == "null" {
		return errors.New("null instead of a value")
	}
	if u, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		return u.UnmarshalJSON(b)
	}
	switch v.Kind() {
	case reflect.Struct:
		return object(b, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decode(b, v.Elem())
	case reflect.Slice, reflect.Array:
		var parts []json.RawMessage
		if err := json.Unmarshal(b, &parts); err != nil {
			return err
		}
		if v.Kind() == reflect.Slice {
			v.Set(reflect.MakeSlice(v.Type(), len(parts), len(parts)))
		} else if v.Len() != len(parts) {
			return fmt.Errorf("%d elements, want %d", len(parts), v.Len())
		}
		for i, p := range parts {
			if err := decode(p, v.Index(i)); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		return nil
	}
	if err := json.Unmarshal(b, v.Addr().Interface()); err != nil {
		return err
	}
	if v.Kind() == reflect.String && strings.ContainsRune(v.String(), utf8.RuneError) &&
		!bytes.ContainsRune(b, utf8.RuneError) && !bytes.Contains(bytes.ToLower(b), []byte(`\ufffd`)) {
		return fmt.Errorf("%s holds half a surrogate pair: damaged", b)
	}
	return nil
}

func object(b []byte, v reflect.Value) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return errors.New("not an object")
	}
	fields, optional := map[string]int{}, map[string]bool{}
	for i := range v.NumField() {
		name, rest, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		fields[name], optional[name] = i, rest == "omitempty"
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name := key.(string)
		i, known := fields[name]
		if !known {
			return fmt.Errorf("unknown field %q", name)
		}
		if seen[name] {
			return fmt.Errorf("field %q is there twice", name)
		}
		seen[name] = true
		var part json.RawMessage
		if err := d.Decode(&part); err != nil {
			return err
		}
		if err := decode(part, v.Field(i)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if !seen[name] && !optional[name] {
			return fmt.Errorf("field %q is missing", name)
		}
	}
	return nil
}
