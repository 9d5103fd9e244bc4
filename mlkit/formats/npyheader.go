package formats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// npyParser reads a header from left to right.
type npyParser struct {
	rest string
	long bool // integers may end in L, as Python 2 wrote them
}

// token gives the next part of the Python literal, "" at the end: a string with
// its quotes, a name, an integer or a mark.
func (p *npyParser) token() (string, error) {
	const letters, digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_", "0123456789"
	p.rest = strings.TrimLeft(p.rest, " \t\r\n\f")
	if p.rest == "" {
		return "", nil
	}
	span := func(from int, set string) int { // the end of what is in a set of characters
		return len(p.rest) - len(strings.TrimLeft(p.rest[from:], set))
	}
	n := 0
	switch c := p.rest[0]; {
	case c == '\'' || c == '"':
		if end := strings.IndexAny(p.rest[1:], string(c)+"\\\n"); end >= 0 && p.rest[1+end] == c {
			n = end + 2
		}
	case strings.IndexByte(letters, c) >= 0:
		n = span(0, letters)
	case strings.IndexByte("{}()[],:", c) >= 0:
		n = 1
	case c == '-' || strings.IndexByte(digits, c) >= 0:
		if n = span(1, digits); n < len(p.rest) && p.rest[n] == 'L' {
			n++
		}
	}
	if n == 0 {
		return "", fmt.Errorf("%.20q is not understood", p.rest)
	}
	token := p.rest[:n]
	p.rest = p.rest[n:]
	return token, nil
}

func (p *npyParser) want(token string) error {
	got, err := p.token()
	if err == nil && got != token {
		err = fmt.Errorf("found %q, expected %q", got, token)
	}
	return err
}

// parseNPYHeader reads a dictionary with exactly the keys descr, fortran_order
// and shape, in any order and in quotes of either kind, as NumPy does.
func parseNPYHeader(text string, version byte) (h npyHeader, err error) {
	p := &npyParser{text, version < 3}
	if err := p.want("{"); err != nil {
		return h, err
	}
	seen := map[string]bool{}
	for {
		key, err := p.token()
		if err != nil {
			return h, err
		}
		if key == "}" {
			break
		}
		key, quoted := unquoted(key)
		if !quoted || seen[key] {
			return h, fmt.Errorf("found %q, expected each of the keys descr, fortran_order and shape once", key)
		}
		seen[key] = true
		if err := p.want(":"); err != nil {
			return h, err
		}
		switch key {
		case "descr":
			err = p.descr(&h)
		case "fortran_order":
			var word string
			if word, err = p.token(); err == nil && word != "True" && word != "False" {
				err = fmt.Errorf("fortran_order is %q, neither True nor False", word)
			}
			h.fortran = word == "True"
		case "shape":
			err = p.shape(&h)
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return h, err
		}
		switch next, err := p.token(); {
		case err != nil:
			return h, err
		case next == "}":
			return h, p.end(seen)
		case next != ",":
			return h, fmt.Errorf("found %q, expected a comma", next)
		}
	}
	return h, p.end(seen)
}

func (p *npyParser) end(seen map[string]bool) error {
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return fmt.Errorf("%s is missing", key)
		}
	}
	return p.want("")
}

func unquoted(token string) (string, bool) {
	if token == "" || token[0] != '\'' && token[0] != '"' {
		return token, false
	}
	return token[1 : len(token)-1], true
}

var npyType = regexp.MustCompile(`^([<>=|]?)([a-zA-Z])([0-9]*)(?:\[[^\]]*\])?$`)

// npyAdvice says, for types that are not read, how to save what they hold.
var npyAdvice = map[string]string{
	"O": "Python objects are never read: save numbers",
	"U": "strings are not supported: save numbers, and the strings in a text file",
	"S": "strings are not supported: save numbers, and the strings in a text file",
	"c": "complex numbers are not supported: save a.real and a.imag",
	"f": "only floats of 16, 32 and 64 bits are supported: save a.astype(np.float64)",
	"M": "times are not supported: save a.astype(np.int64)",
	"m": "times are not supported: save a.astype(np.int64)",
	"V": "raw bytes, as which bfloat16 is saved, are not supported: save a.astype(np.float32)",
}

func (p *npyParser) descr(h *npyHeader) error {
	token, err := p.token()
	if err != nil {
		return err
	}
	text, quoted := unquoted(token)
	if !quoted {
		return errors.New("structured arrays are not supported: save each field as an array of its own, for example with np.savez")
	}
	m := npyType.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("unknown element type %q", text)
	}
	h.order = binary.LittleEndian
	if m[1] == ">" {
		h.order = binary.BigEndian
	}
	name := m[2] + m[3]
	h.kind = findKind(func(k *kind) bool { return k.npy == name })
	if h.kind == nil && name != "f2" {
		advice := npyAdvice[m[2]]
		if advice == "" {
			advice = "only floats, integers and bools are supported"
		}
		return fmt.Errorf("element type %q: %s", name, advice)
	}
	return nil
}

// shape reads a tuple: (), (2,), (2, 3), (2, 3,), but not (2), which is a
// number.
func (p *npyParser) shape(h *npyHeader) error {
	if err := p.want("("); err != nil {
		return fmt.Errorf("shape: %w", err)
	}
	h.dims, h.count = []int{}, 1
	for {
		token, err := p.token()
		if err != nil {
			return err
		}
		if token == ")" {
			return nil
		}
		digits := token
		if p.long {
			digits = strings.TrimSuffix(token, "L")
		}
		d, err := strconv.Atoi(digits)
		if err != nil || d < 0 || digits != strconv.Itoa(d) {
			return fmt.Errorf("shape: %q is not a dimension", token)
		}
		if d > 0 && h.count > math.MaxInt32/d {
			return fmt.Errorf("shape of %v × %d: an array may have at most 2³¹−1 elements; save it in parts", h.dims, d)
		}
		if h.dims, h.count = append(h.dims, d), h.count*d; len(h.dims) > maxAxes {
			return fmt.Errorf("shape of more than %d axes, NumPy's limit: the file is damaged", maxAxes)
		}
		switch token, err := p.token(); {
		case err != nil:
			return err
		case token == ")" && len(h.dims) > 1:
			return nil
		case token != ",":
			return fmt.Errorf("shape: found %q, expected a comma", token)
		}
	}
}
