package formats

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The header is JSON, read here by hand: encoding/json takes invalid UTF-8 and
// half surrogate pairs for U+FFFD, matches names regardless of case, takes the
// last of two fields and skips null, where the reference implementation
// refuses.

// header is what a header says.
type header struct {
	metadata map[string]string
	tensors  []headerEntry // as their data lie
	byName   map[string]*TensorInfo
}

type headerEntry struct {
	name string
	*TensorInfo
}

// parseHeader reads a header. It refuses whatever the reference implementation
// (safetensors 0.8.0) refuses, and five things that implementation accepts
// although the specification of the format excludes them, or Go's int does: a
// tensor name or metadata key that appears twice, white space before the first
// {, a tensor given as a list of its fields, a dtype given as an object, and a
// dimension beyond 2⁶³−1.
func parseHeader(text []byte) (header, error) {
	if text[0] != '{' {
		return header{}, errors.New("the header does not begin with {: not a safetensors file, or damaged")
	}
	if !utf8.Valid(text) {
		return header{}, errors.New("the header is not UTF-8: damaged, or not a safetensors file")
	}
	r, h := headerReader{text: text}, header{byName: map[string]*TensorInfo{}}
	described := false
	err := r.object(func(key []byte) error {
		name := string(key)
		if name == metadataKey {
			if described {
				return fmt.Errorf("%s appears twice", metadataKey)
			}
			described = true
			var err error
			if h.metadata, err = r.metadata(); err != nil {
				return fmt.Errorf("%s: %w", metadataKey, err)
			}
			return nil
		}
		if h.byName[name] != nil {
			return fmt.Errorf("tensor %q appears twice", name)
		}
		info, err := r.tensor()
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		h.byName[name] = info
		h.tensors = append(h.tensors, headerEntry{name, info})
		return nil
	})
	if err == nil && len(bytes.TrimRight(text[r.at:], " \t\r\n")) > 0 {
		err = errors.New("unexpected data after its end")
	}
	if err != nil {
		return header{}, fmt.Errorf("header: %w", err)
	}
	return h, nil
}

// headerReader reads JSON from left to right.
type headerReader struct {
	text  []byte
	at    int
	depth int
}

// maxDepth is how deep objects and lists may stand in each other.
const maxDepth = 127

func (r *headerReader) metadata() (map[string]string, error) {
	if r.next() == 'n' {
		return nil, r.word("null")
	}
	texts := map[string]string{}
	return texts, r.object(func(key []byte) error {
		k := string(key)
		if _, twice := texts[k]; twice {
			return fmt.Errorf("key %q appears twice", k)
		}
		v, err := r.str()
		if err != nil {
			return fmt.Errorf("the value of %q must be a string: %w", k, err)
		}
		texts[k] = string(v)
		return nil
	})
}

func (r *headerReader) tensor() (*TensorInfo, error) {
	var dtype string
	var shape, offsets []uint64
	var seen [3]bool
	fields := [3]string{"dtype", "shape", "data_offsets"}
	err := r.object(func(key []byte) (err error) {
		i := slices.Index(fields[:], string(key))
		if i < 0 {
			return r.skip()
		}
		if seen[i] {
			return fmt.Errorf("%s appears twice", fields[i])
		}
		seen[i] = true
		switch i {
		case 0:
			var b []byte
			b, err = r.str()
			if rank := dtypeRank(string(b)); rank >= 0 {
				dtype = dtypes[rank].name // not a new string for each tensor
			} else {
				dtype = string(b)
			}
		case 1:
			shape, err = r.counts()
		case 2:
			offsets, err = r.counts()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", fields[i], err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if i := slices.Index(seen[:], false); i >= 0 {
		return nil, fmt.Errorf("%s is missing", fields[i])
	}
	return tensorInfo(dtype, shape, offsets)
}

func tensorInfo(dtype string, shape, offsets []uint64) (*TensorInfo, error) {
	rank := dtypeRank(dtype)
	if rank < 0 {
		return nil, fmt.Errorf("unknown dtype %q", dtype)
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] || offsets[1] > math.MaxInt64 {
		return nil, fmt.Errorf("data_offsets %v are not a begin and an end", offsets)
	}
	info := &TensorInfo{DType: dtypes[rank].name, Dims: make([]int, len(shape)), begin: int64(offsets[0]),
		end: int64(offsets[1])}
	count := uint64(1)
	for i, d := range shape {
		hi, lo := bits.Mul64(count, d)
		if hi != 0 || d > math.MaxInt {
			return nil, fmt.Errorf("shape %v overflows", shape)
		}
		count, info.Dims[i] = lo, int(d)
	}
	hi, size := bits.Mul64(count, uint64(dtypes[rank].bits))
	if hi != 0 {
		return nil, fmt.Errorf("shape %v overflows", shape)
	}
	if size%8 != 0 {
		return nil, fmt.Errorf("%s of shape %v takes %d bits, not a whole number of bytes", dtype, shape, size)
	}
	if size /= 8; size != offsets[1]-offsets[0] {
		return nil, fmt.Errorf("%s of shape %v takes %d bytes, its data_offsets span %d", dtype, shape, size, offsets[1]-offsets[0])
	}
	return info, nil
}

// next skips blanks and gives the character behind them, 0 at the end.
func (r *headerReader) next() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// wrong says what stands where something else is wanted.
func (r *headerReader) wrong(want string) error {
	if r.next() == 0 && r.at == len(r.text) {
		return fmt.Errorf("it ends where %s is expected: the file is truncated or damaged", want)
	}
	rest := r.text[r.at:]
	if end := bytes.IndexAny(rest[1:], " ,:[]{}\t\r\n"); end >= 0 {
		rest = rest[:end+1]
	}
	return fmt.Errorf("found %s at byte %d, expected %s", briefly(rest), r.at, want)
}

// briefly is the beginning of a text in a message.
func briefly(b []byte) string {
	if len(b) > 40 {
		return string(bytes.ToValidUTF8(b[:40], nil)) + "…"
	}
	return string(b)
}

func (r *headerReader) eat(c byte, want string) error {
	if r.next() != c || r.at == len(r.text) {
		return r.wrong(want)
	}
	r.at++
	return nil
}

// list calls item before each element between open and end.
func (r *headerReader) list(open, end byte, want string, item func() error) error {
	if err := r.eat(open, want); err != nil {
		return err
	}
	if r.depth++; r.depth > maxDepth {
		return fmt.Errorf("objects and lists are nested more than %d deep", maxDepth)
	}
	defer func() { r.depth-- }()
	if r.next() == end {
		r.at++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if r.next() == end {
			r.at++
			return nil
		}
		if err := r.eat(',', "a comma or "+string(end)); err != nil {
			return err
		}
	}
}

func (r *headerReader) object(value func(key []byte) error) error {
	return r.list('{', '}', "an object", func() error {
		key, err := r.str()
		if err != nil {
			return err
		}
		if err := r.eat(':', "a colon"); err != nil {
			return err
		}
		return value(key)
	})
}

func (r *headerReader) counts() ([]uint64, error) {
	out := make([]uint64, 0, 4)
	return out, r.list('[', ']', "a list", func() error {
		r.next()
		b, err := r.number()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(b), 10, 64)
		if err != nil {
			return fmt.Errorf("%s is not an integer from 0 to 2⁶⁴−1", briefly(b))
		}
		out = append(out, n)
		return nil
	})
}

// str reads a string. The bytes are those of the header where nothing is
// escaped.
func (r *headerReader) str() ([]byte, error) {
	if err := r.eat('"', "a string"); err != nil {
		return nil, err
	}
	begin := r.at
	var out []byte // with what was escaped
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			if out == nil {
				return r.text[begin : r.at-1], nil
			}
			return out, nil
		case c < 0x20:
			return nil, fmt.Errorf("control character %#02x in a string at byte %d", c, r.at)
		case c == '\\':
			if out == nil {
				out = append(make([]byte, 0, r.at-begin+8), r.text[begin:r.at]...)
			}
			char, err := r.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, char)
		default:
			if r.at++; out != nil {
				out = append(out, c)
			}
		}
	}
	return nil, r.wrong(`"`)
}

func (r *headerReader) escape() (rune, error) {
	begin := r.at
	if r.at += 2; r.at <= len(r.text) {
		switch c := r.text[r.at-1]; c {
		case '"', '\\', '/':
			return rune(c), nil
		case 'b':
			return '\b', nil
		case 'f':
			return '\f', nil
		case 'n':
			return '\n', nil
		case 'r':
			return '\r', nil
		case 't':
			return '\t', nil
		case 'u':
			first, ok := r.hex()
			if ok && !utf16.IsSurrogate(first) {
				return first, nil
			}
			if ok && bytes.HasPrefix(r.text[r.at:], []byte(`\u`)) {
				r.at += 2
				second, ok := r.hex()
				if char := utf16.DecodeRune(first, second); ok && char != utf8.RuneError {
					return char, nil
				}
			}
		}
	}
	return 0, fmt.Errorf("%s at byte %d is not a valid escape sequence", r.text[begin:min(r.at, len(r.text))], begin)
}

func (r *headerReader) hex() (rune, bool) {
	if len(r.text)-r.at < 4 {
		return 0, false
	}
	n := rune(0)
	for range 4 {
		c := r.text[r.at]
		r.at++
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// number reads what JSON takes for one.
func (r *headerReader) number() ([]byte, error) {
	begin := r.at
	digits := func() bool {
		from := r.at
		for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
			r.at++
		}
		return r.at > from
	}
	is := func(set string) bool {
		if r.at < len(r.text) && bytes.IndexByte([]byte(set), r.text[r.at]) >= 0 {
			r.at++
			return true
		}
		return false
	}
	is("-")
	first := r.at
	ok := digits() && (r.text[first] != '0' || r.at == first+1)
	if ok && is(".") {
		ok = digits()
	}
	if ok && is("eE") {
		is("+-")
		ok = digits()
	}
	if !ok {
		r.at = begin
		return nil, r.wrong("a number")
	}
	return r.text[begin:r.at], nil
}

func (r *headerReader) word(word string) error {
	if !bytes.HasPrefix(r.text[r.at:], []byte(word)) {
		return r.wrong("a value")
	}
	r.at += len(word)
	return nil
}

// skip reads a value of any kind.
func (r *headerReader) skip() error {
	switch c := r.next(); c {
	case '{':
		return r.object(func([]byte) error { return r.skip() })
	case '[':
		return r.list('[', ']', "a list", r.skip)
	case '"':
		_, err := r.str()
		return err
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case 'n':
		return r.word("null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			return r.wrong("a value")
		}
		b, err := r.number()
		if err != nil {
			return err
		}
		if _, err := strconv.ParseFloat(string(b), 64); err != nil {
			return fmt.Errorf("the number %s is too large", briefly(b))
		}
		return nil
	}
}
