package formats

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// A pickle is a program for a small stack machine of Python's (PEP 307, 574),
// which can name any function of any package and call it. This machine knows no
// function: the names that the caller lists stand for themselves, and a call of
// one goes to the caller. Every other name ends it.
type pickle struct {
	in    *bytes.Reader
	stack []any
	marks []int
	memo  map[int]any
	// persistent turns what a file refers to outside of itself into a value.
	persistent func(id any) (any, error)
	// call is a call of a known name.
	call  func(f pickleName, args []any) (any, error)
	known func(f pickleName) bool
}

// pickleName is a name in a package: a function or a class.
type pickleName struct{ module, name string }

func (n pickleName) String() string { return n.module + "." + n.name }

// pickleDict is a dictionary in its order. Keys are strings or int64.
type pickleDict struct {
	keys   []any
	values map[any]any
}

func (d *pickleDict) set(k, v any) error {
	switch k.(type) {
	case string, int64, bool, nil, float64:
	default:
		return fmt.Errorf("a dictionary with a key of type %T", k)
	}
	if _, ok := d.values[k]; !ok {
		d.keys = append(d.keys, k)
	}
	d.values[k] = v
	return nil
}

type (
	pickleTuple []any
	pickleList  struct{ items []any }
)

func newDict() *pickleDict { return &pickleDict{values: map[any]any{}} }

// run executes one pickle, up to its end, and returns its value.
func (p *pickle) run() (any, error) {
	p.stack, p.marks, p.memo = nil, nil, map[int]any{}
	for {
		op, err := p.in.ReadByte()
		if err != nil {
			return nil, errors.New("the pickle is truncated")
		}
		at := p.in.Size() - int64(p.in.Len()) - 1
		if op == '.' {
			return p.pop()
		}
		if err := p.step(op); err != nil {
			return nil, fmt.Errorf("pickle, byte %d: %w", at, err)
		}
	}
}

func (p *pickle) push(v any) error {
	p.stack = append(p.stack, v)
	return nil
}

var errUnderflow = errors.New("its stack is empty: the file is damaged")

func (p *pickle) pop() (any, error) {
	low := 0
	if n := len(p.marks); n > 0 {
		low = p.marks[n-1]
	}
	if len(p.stack) <= low {
		return nil, errUnderflow
	}
	v := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	return v, nil
}

// top is the uppermost value, which stays.
func (p *pickle) top() (any, error) {
	v, err := p.pop()
	if err == nil {
		p.push(v)
	}
	return v, err
}

// marked pops what lies above the last mark.
func (p *pickle) marked() ([]any, error) {
	n := len(p.marks)
	if n == 0 {
		return nil, errors.New("a mark is missing: the file is damaged")
	}
	from := p.marks[n-1]
	items := append([]any(nil), p.stack[from:]...)
	p.stack, p.marks = p.stack[:from], p.marks[:n-1]
	return items, nil
}

func (p *pickle) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		v, err := p.uint(1)
		if err == nil && v > 5 {
			err = fmt.Errorf("protocol %d is not known", v)
		}
		return err
	case 0x95: // FRAME
		_, err := p.uint(8)
		return err
	case '(':
		p.marks = append(p.marks, len(p.stack))
		return nil
	case '0':
		_, err := p.pop()
		return err
	case '1':
		_, err := p.marked()
		return err
	case '2':
		v, err := p.top()
		if err != nil {
			return err
		}
		return p.push(v)
	case 'N':
		return p.push(nil)
	case 0x88:
		return p.push(true)
	case 0x89:
		return p.push(false)
	case '}':
		return p.push(newDict())
	case ']':
		return p.push(&pickleList{})
	case ')':
		return p.push(pickleTuple{})
	case 'K', 'M', 'J':
		return p.integer(map[byte]int{'K': 1, 'M': 2, 'J': 4}[op])
	case 0x8a, 0x8b: // LONG1, LONG4
		return p.long(map[byte]int{0x8a: 1, 0x8b: 4}[op])
	case 'I', 'L', 'F':
		return p.number(op)
	case 'G':
		b, err := p.bytes(8)
		if err != nil {
			return err
		}
		return p.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case 'X', 0x8c, 0x8d, 'T', 'U', 'B', 'C', 0x8e: // texts and bytes of a length before them
		n, err := p.uint(map[byte]int{'X': 4, 0x8c: 1, 0x8d: 8, 'T': 4, 'U': 1, 'B': 4, 'C': 1, 0x8e: 8}[op])
		if err != nil {
			return err
		}
		b, err := p.bytes(n)
		if err != nil {
			return err
		}
		return p.push(string(b))
	case 'V':
		s, err := p.line()
		if err != nil {
			return err
		}
		return p.push(s)
	case 'q', 'r', 'p', 0x94:
		return p.put(op)
	case 'h', 'j', 'g':
		k, err := p.index(map[byte]byte{'h': 'q', 'j': 'r', 'g': 'p'}[op])
		if err != nil {
			return err
		}
		v, ok := p.memo[k]
		if !ok {
			return fmt.Errorf("value %d has not been stored: the file is damaged", k)
		}
		return p.push(v)
	case 't', 'l', 'd', 'a', 'e', 's', 'u', 0x85, 0x86, 0x87:
		return p.container(op)
	case 'c', 0x93, 'R', 0x81, 'b', 'Q':
		return p.object(op)
	}
	return fmt.Errorf("operation %#x is not one of those that hold weights", op)
}

func (p *pickle) bytes(n int) ([]byte, error) {
	if n < 0 || n > p.in.Len() {
		return nil, fmt.Errorf("%d bytes are to follow, there are %d: the file is truncated or damaged", n, p.in.Len())
	}
	b := make([]byte, n)
	_, err := io.ReadFull(p.in, b)
	return b, err
}

func (p *pickle) uint(size int) (int, error) {
	b, err := p.bytes(size)
	if err != nil {
		return 0, err
	}
	v := le.Uint64(append(b, make([]byte, 8-size)...))
	if v > math.MaxInt32 && size == 8 && v > uint64(p.in.Size()) {
		return 0, fmt.Errorf("a length of %d in a file of %d bytes: it is damaged", v, p.in.Size())
	}
	return int(v), nil
}

// integer is a number of that many bytes; only that of four has a sign.
func (p *pickle) integer(size int) error {
	v, err := p.uint(size)
	if err != nil {
		return err
	}
	if size == 4 {
		return p.push(int64(int32(v)))
	}
	return p.push(int64(v))
}

// long is a number in two's complement, its length before it. One that int64
// does not hold becomes a *big.Int.
func (p *pickle) long(size int) error {
	n, err := p.uint(size)
	if err != nil {
		return err
	}
	b, err := p.bytes(n)
	if err != nil {
		return err
	}
	negative := n > 0 && b[n-1]&0x80 != 0
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	v := new(big.Int).SetBytes(b)
	if negative {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	if v.IsInt64() {
		return p.push(v.Int64())
	}
	return p.push(v)
}

// number is one written as a line of text.
func (p *pickle) number(op byte) error {
	s, err := p.line()
	if err != nil {
		return err
	}
	switch {
	case op == 'F':
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return err
		}
		return p.push(v)
	case op == 'I' && (s == "00" || s == "01"):
		return p.push(s == "01")
	}
	v, err := strconv.ParseInt(strings.TrimSuffix(s, "L"), 10, 64)
	if err != nil {
		return err
	}
	return p.push(v)
}

func (p *pickle) line() (string, error) {
	var b []byte
	for {
		c, err := p.in.ReadByte()
		if err != nil {
			return "", errors.New("the pickle is truncated")
		}
		if c == '\n' {
			return string(b), nil
		}
		b = append(b, c)
	}
}

func (p *pickle) index(op byte) (int, error) {
	switch op {
	case 'q':
		return p.uint(1)
	case 'r':
		return p.uint(4)
	}
	s, err := p.line()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(s)
}

func (p *pickle) put(op byte) error {
	k := len(p.memo)
	if op != 0x94 {
		var err error
		if k, err = p.index(op); err != nil {
			return err
		}
	}
	v, err := p.top()
	p.memo[k] = v
	return err
}

// container makes and fills tuples, lists and dictionaries.
func (p *pickle) container(op byte) error {
	var items []any
	var err error
	switch op {
	case 0x85, 0x86, 0x87, 'a', 's':
		for range map[byte]int{0x85: 1, 0x86: 2, 0x87: 3, 'a': 1, 's': 2}[op] {
			v, err := p.pop()
			if err != nil {
				return err
			}
			items = append([]any{v}, items...)
		}
	default:
		if items, err = p.marked(); err != nil {
			return err
		}
	}
	switch op {
	case 't', 0x85, 0x86, 0x87:
		return p.push(pickleTuple(items))
	case 'l':
		return p.push(&pickleList{items})
	case 'a', 'e':
		v, err := p.top()
		if err != nil {
			return err
		}
		l, ok := v.(*pickleList)
		if !ok {
			return fmt.Errorf("items for a %T, which is no list", v)
		}
		l.items = append(l.items, items...)
		return nil
	case 'd':
		p.push(newDict())
	}
	v, err := p.top()
	if err != nil {
		return err
	}
	d, ok := v.(*pickleDict)
	if !ok || len(items)%2 != 0 {
		return fmt.Errorf("%d keys and values for a %T", len(items), v)
	}
	for i := 0; i < len(items); i += 2 {
		if err := d.set(items[i], items[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// object names something, calls it, or gives it a state.
func (p *pickle) object(op byte) error {
	switch op {
	case 'c', 0x93:
		var n pickleName
		var err error
		if op == 'c' {
			if n.module, err = p.line(); err == nil {
				n.name, err = p.line()
			}
		} else {
			var a, b any
			if b, err = p.pop(); err == nil {
				a, err = p.pop()
			}
			n.module, _ = a.(string)
			n.name, _ = b.(string)
		}
		if err != nil {
			return err
		}
		if !p.known(n) {
			return fmt.Errorf("it asks for %s, which weights do not need: refused. Only tensors and plain values are read; save model.state_dict(), or as safetensors", n)
		}
		return p.push(n)
	case 'Q':
		id, err := p.pop()
		if err != nil {
			return err
		}
		v, err := p.persistent(id)
		if err != nil {
			return err
		}
		return p.push(v)
	case 'b': // the state of an object: an OrderedDict's is no weight, others have none
		state, err := p.pop()
		if err != nil {
			return err
		}
		v, err := p.top()
		if err != nil {
			return err
		}
		if _, ok := v.(*pickleDict); !ok {
			return fmt.Errorf("a state %T for a %T", state, v)
		}
		return nil
	}
	args, err := p.pop()
	if err != nil {
		return err
	}
	f, err := p.pop()
	if err != nil {
		return err
	}
	name, ok := f.(pickleName)
	list, tuple := args.(pickleTuple)
	if !ok || !tuple {
		return fmt.Errorf("a call of a %T with a %T", f, args)
	}
	v, err := p.call(name, list)
	if err != nil {
		return err
	}
	return p.push(v)
}
