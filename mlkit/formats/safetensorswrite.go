package formats

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// WriteSafetensors writes arrays and metadata in the order and layout of the
// reference implementation: the same content gives the same bytes.
func WriteSafetensors(w io.Writer, arrays []Array, metadata map[string]string) error {
	sorted := slices.Clone(arrays)
	names := map[string]bool{}
	for _, a := range sorted {
		if err := a.check(); err != nil {
			return fmt.Errorf("formats: %w", err)
		}
		if names[a.Name] {
			return fmt.Errorf("formats: two tensors named %q", a.Name)
		}
		if a.Name == metadataKey || !utf8.ValidString(a.Name) {
			return fmt.Errorf("formats: a tensor cannot be named %q: names are UTF-8 and not %s", a.Name, metadataKey)
		}
		names[a.Name] = true
	}
	rank := func(a Array) int { return dtypeRank(kindOf(a.Data).safetensors) }
	slices.SortStableFunc(sorted, func(a, b Array) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.Name, b.Name))
	})
	header, err := safetensorsHeader(sorted, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, a := range sorted {
		if err := kindOf(a.Data).write(w, a.Data); err != nil {
			return err
		}
	}
	return nil
}

func safetensorsHeader(sorted []Array, metadata map[string]string) ([]byte, error) {
	b := []byte{'{'}
	comma := func() {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
	}
	if len(metadata) > 0 {
		b = append(appendQuoted(b, metadataKey), ":{"...)
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(key) || !utf8.ValidString(metadata[key]) {
				return nil, fmt.Errorf("formats: metadata %q: %q: metadata must be UTF-8", key, metadata[key])
			}
			comma()
			b = appendQuoted(append(appendQuoted(b, key), ':'), metadata[key])
		}
		b = append(b, '}')
	}
	at := 0
	for _, a := range sorted {
		k := kindOf(a.Data)
		comma()
		b = append(appendQuoted(b, a.Name), `:{"dtype":"`+k.safetensors+`","shape":[`...)
		for i, d := range a.Dims {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(d), 10)
		}
		end := at + a.Len()*k.size
		b = fmt.Appendf(b, `],"data_offsets":[%d,%d]}`, at, end)
		at = end
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b) > maxHeader {
		return nil, fmt.Errorf("formats: a safetensors header of %d bytes: at most %d are allowed", len(b), maxHeader)
	}
	return b, nil
}

// appendQuoted appends a text as JSON in the spelling of the reference
// implementation. (encoding/json escapes U+2028 and U+2029, too.)
func appendQuoted(b []byte, text string) []byte {
	b = append(b, '"')
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < 0x20:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
