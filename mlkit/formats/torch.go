package formats

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"slices"
	"strings"
)

// Torch is an open file of torch.save: a state_dict, or a checkpoint that holds
// some. Both of PyTorch's formats are read, the zip archive (since 1.6) and the
// older row of pickles.
//
// Such a file is a program, which in PyTorch can do anything. Here it can build
// tensors and plain values and nothing else: whatever else it names ends the
// reading, with that name in the error. Tensors are called by the path to them,
// joined by dots: "layers.0.weight" of a state_dict, "model.layers.0.weight" of
// a checkpoint that has it under "model". Their data stay in the file until
// they are read; views that are not row-major come out row-major.
//
// Sparse and quantized tensors, complex numbers and tensors that were saved
// whole with their class are not read.
type Torch struct {
	// Values are what the file holds beside tensors, by the same paths: int64,
	// float64, bool, string, *big.Int, or nil for None.
	Values map[string]any
	Tensors
}

// OpenTorch opens a file, which the caller must close. Errors name the file and
// say what is wrong with it. The checksums of an archive are compared, so
// opening it reads it once; a file saved without them
// (torch.serialization.set_crc32_options) is refused.
func OpenTorch(path string) (*Torch, error) { return open(path, NewTorch) }

// NewTorch reads what a file of size bytes says about its tensors from r, which
// it keeps for reading them.
func NewTorch(r io.ReaderAt, size int64) (*Torch, error) {
	l := &torchLoader{Torch: Torch{Values: map[string]any{}, Tensors: Tensors{r: r, infos: map[string]*TensorInfo{}}},
		places: map[string]torchPlace{}}
	head := make([]byte, min(4, size))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	var root any
	var err error
	switch {
	case string(head) == "PK\x03\x04":
		root, err = l.archive(size)
	case len(head) == 4 && head[0] == 0x80:
		root, err = l.legacy(size)
	default:
		err = errors.New("not a file of torch.save: neither a zip archive nor a pickle")
	}
	if err != nil {
		return nil, err
	}
	if err := l.flatten("", root, 0); err != nil {
		return nil, err
	}
	if len(l.names) == 0 {
		return nil, errors.New("the file holds no tensor")
	}
	return &l.Torch, nil
}

// torchLoader puts a Torch together.
type torchLoader struct {
	Torch
	places map[string]torchPlace // of storages, by key
	budget int                   // of values that may be reached
	text   int                   // bytes that their names may have
	pairs  int                   // that calls may put into dictionaries
}

// torchPlace is where the bytes of a storage are.
type torchPlace struct{ begin, size int64 }

// torchStorage is a storage that a tensor looks at, torchTensor a tensor.
type (
	torchStorage struct {
		key, dtype string
		count      int64
		offset     int64 // of a view of another storage, in elements
	}
	torchTensor struct {
		storage       torchStorage
		offset        int64
		dims, strides []int
	}
)

// torchTypes are safetensors' names of PyTorch's types.
var torchTypes = map[string]string{
	"FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64", "IntStorage": "I32",
	"ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL", "UntypedStorage": "U8",

	"float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
	"uint8": "U8", "bool": "BOOL", "uint16": "U16", "uint32": "U32", "uint64": "U64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
	"float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0",
}

func knownToTorch(n pickleName) bool {
	switch n.module {
	case "torch", "torch.storage":
		return torchTypes[n.name] != "" || n == pickleName{"torch", "Size"}
	case "collections":
		return n.name == "OrderedDict"
	case "torch._utils":
		return n.name == "_rebuild_tensor_v2" || n.name == "_rebuild_tensor_v3" || n.name == "_rebuild_parameter"
	}
	return false
}

func (l *torchLoader) pickle(b []byte) *pickle {
	l.pairs = len(b)
	return &pickle{in: bytes.NewReader(b), known: knownToTorch, call: l.rebuild, persistent: l.storage}
}

// archive reads the zip format.
func (l *torchLoader) archive(size int64) (any, error) {
	z, err := zip.NewReader(l.r, size)
	if err != nil {
		return nil, fmt.Errorf("the archive is truncated or damaged: %w", err)
	}
	var program []byte
	left := uint64(size)
	for _, f := range z.File {
		_, name, _ := strings.Cut(f.Name, "/")
		key, isData := strings.CutPrefix(name, "data/")
		if !isData && name != "data.pkl" && name != "byteorder" {
			continue
		}
		if f.Method != zip.Store {
			return nil, fmt.Errorf("%s is compressed, which PyTorch does not do", f.Name)
		}
		if f.UncompressedSize64 > left { // or every entry could be the whole file
			return nil, fmt.Errorf("%s: the parts of the archive are larger than the file: it is truncated or damaged", f.Name)
		}
		left -= f.UncompressedSize64
		at, err := f.DataOffset()
		if err != nil {
			return nil, err
		}
		section, sum := io.NewSectionReader(l.r, at, int64(f.UncompressedSize64)), crc32.NewIEEE()
		if n, err := io.Copy(sum, section); err != nil || uint64(n) != f.UncompressedSize64 {
			return nil, fmt.Errorf("%s: the file is truncated", f.Name)
		}
		if sum.Sum32() != f.CRC32 {
			return nil, fmt.Errorf("the checksum of %s is wrong: the file is damaged", f.Name)
		}
		if isData {
			l.places[key] = torchPlace{at, section.Size()}
			continue
		}
		text := make([]byte, section.Size())
		if _, err := section.ReadAt(text, 0); err != nil && err != io.EOF {
			return nil, err
		}
		switch {
		case name == "data.pkl":
			program = text
		case string(text) != "little":
			return nil, fmt.Errorf("the numbers are %q endian; save the file again on another machine", text)
		}
	}
	if program == nil {
		return nil, errors.New("an archive without data.pkl: not a file of torch.save")
	}
	l.limit(len(program))
	return l.pickle(program).run()
}

// limit sets how much a program of n bytes may unfold to. It can refer to a
// value or a long key many times in few bytes.
func (l *torchLoader) limit(n int) { l.budget, l.text = 1000+4*n, 1<<20+64*n }

// legacy reads the format before the archive: pickles of a magic number, a
// version and facts about the machine; that of the object; the keys of its
// storages; and these, each with its number of elements before it.
func (l *torchLoader) legacy(size int64) (any, error) {
	// The pickles come first, but their length is nowhere: the program is read
	// whole.
	b := make([]byte, size)
	if _, err := l.r.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	p := l.pickle(b)
	magic, _ := new(big.Int).SetString("1950a86a20f9469cfc6c", 16)
	if v, err := p.run(); err != nil {
		return nil, err
	} else if n, ok := v.(*big.Int); !ok || n.Cmp(magic) != 0 {
		return nil, errors.New("a pickle, but not one of torch.save; of the format before PyTorch 0.2 save it again")
	}
	if v, err := p.run(); err != nil {
		return nil, err
	} else if version, _ := v.(int64); version != 1001 { // printing anything else may take for ever
		return nil, fmt.Errorf("version %d (%T) of the format is not known", version, v)
	}
	if v, err := p.run(); err != nil {
		return nil, err
	} else if facts, ok := v.(*pickleDict); ok && facts.values["little_endian"] == false {
		return nil, errors.New("the numbers are big endian; save the file again on another machine")
	}
	// The size of an element is known once the object has been read, where it
	// lies after that: its tensors look at storages by key.
	sizes := map[string]int64{}
	p.persistent = func(id any) (any, error) {
		v, err := l.storage(id)
		if s, ok := v.(torchStorage); ok && err == nil {
			sizes[s.key] = int64(dtypes[dtypeRank(s.dtype)].bits / 8)
		}
		return v, err
	}
	root, err := p.run()
	if err != nil {
		return nil, err
	}
	v, err := p.run()
	if err != nil {
		return nil, err
	}
	keys, ok := v.(*pickleList)
	if !ok {
		return nil, errors.New("the list of storages is missing: the file is damaged")
	}
	at := size - int64(p.in.Len())
	l.limit(int(at))
	for _, k := range keys.items {
		key, _ := k.(string)
		if sizes[key] == 0 || size-at < 8 {
			return nil, fmt.Errorf("storage %q (%T) has no tensor, or the file is truncated", key, k)
		}
		n := int64(le.Uint64(b[at:]))
		if at += 8; n < 0 || n > (size-at)/sizes[key] {
			return nil, fmt.Errorf("storage %s has %d elements, more than the rest of the file: it is truncated or damaged", key, n)
		}
		l.places[key] = torchPlace{at, n * sizes[key]}
		at += n * sizes[key]
	}
	if at != size {
		return nil, fmt.Errorf("%d bytes follow after the last storage: the file is damaged", size-at)
	}
	return root, nil
}

// storage is what ('storage', type, key, device, elements) means; the older
// format adds None, or (key, offset, elements) of a view.
func (l *torchLoader) storage(id any) (any, error) {
	t, _ := id.(pickleTuple)
	if len(t) != 5 && len(t) != 6 || t[0] != "storage" {
		return nil, errors.New("a reference to something that is no storage: the file is damaged")
	}
	name, _ := t[1].(pickleName)
	key, isText := t[2].(string)
	count, isInt := t[4].(int64)
	if torchTypes[name.name] == "" || !isText || !isInt || count < 0 {
		return nil, errors.New("a storage whose type, key or size cannot be read: the file is damaged")
	}
	s := torchStorage{key: key, dtype: torchTypes[name.name], count: count}
	if len(t) == 6 && t[5] != nil {
		view, _ := t[5].(pickleTuple)
		if len(view) != 3 {
			return nil, errors.New("a view of a storage that cannot be read: the file is damaged")
		}
		offset, ok := view[1].(int64)
		if s.count, isInt = view[2].(int64); !ok || !isInt || offset < 0 || s.count < 0 {
			return nil, errors.New("a view of a storage that cannot be read: the file is damaged")
		}
		s.offset = offset
	}
	return s, nil
}

// rebuild is what the known functions return.
func (l *torchLoader) rebuild(f pickleName, args []any) (any, error) {
	switch f.name {
	case "OrderedDict":
		d := newDict()
		if len(args) == 0 {
			return d, nil
		}
		pairs, ok := args[0].(*pickleList)
		if !ok {
			return nil, fmt.Errorf("an OrderedDict of a %T", args[0])
		}
		if l.pairs -= len(pairs.items); l.pairs < 0 {
			return nil, errors.New("the file calls for too much from few bytes: refused")
		}
		for _, item := range pairs.items {
			var k, v any
			switch pair := item.(type) {
			case pickleTuple:
				if len(pair) == 2 {
					k, v = pair[0], pair[1]
				}
			case *pickleList:
				if len(pair.items) == 2 {
					k, v = pair.items[0], pair.items[1]
				}
			}
			if k == nil {
				return nil, fmt.Errorf("an OrderedDict of %T", item)
			}
			if err := d.set(k, v); err != nil {
				return nil, err
			}
		}
		return d, nil
	case "Size":
		if len(args) == 1 {
			return args[0], nil
		}
	case "_rebuild_parameter": // (tensor, requires_grad, hooks)
		if len(args) >= 1 {
			if t, ok := args[0].(torchTensor); ok {
				return t, nil
			}
		}
	case "_rebuild_tensor_v2", "_rebuild_tensor_v3": // (storage, offset, size, stride, …)
		if len(args) < 6 {
			break
		}
		t, isStorage := torchTensor{}, false
		t.storage, isStorage = args[0].(torchStorage)
		offset, isInt := args[1].(int64)
		dims, err := ints(args[2])
		strides, err2 := ints(args[3])
		if !isStorage || !isInt || offset < 0 || err != nil || err2 != nil || len(dims) != len(strides) {
			break
		}
		t.offset, t.dims, t.strides = offset, dims, strides
		if f.name == "_rebuild_tensor_v3" {
			if len(args) < 7 {
				break
			}
			dtype, _ := args[6].(pickleName)
			if t.storage.dtype = torchTypes[dtype.name]; t.storage.dtype == "" {
				break
			}
		}
		return t, nil
	}
	return nil, fmt.Errorf("a call of %s with arguments that it does not take: the file is damaged", f)
}

func ints(v any) ([]int, error) {
	t, ok := v.(pickleTuple)
	if len(t) > 64 {
		return nil, errors.New("more axes than 64, as PyTorch allows")
	}
	out := []int{}
	for _, v := range t {
		n, isInt := v.(int64)
		ok = ok && isInt && n >= 0
		out = append(out, int(n))
	}
	if !ok {
		return nil, errors.New("not a tuple of sizes")
	}
	return out, nil
}

// flatten names tensors and values by their paths.
func (l *torchLoader) flatten(path string, v any, depth int) error {
	if l.text -= len(path); l.text < 0 {
		return errors.New("the names of its values are far longer than the file: refused")
	}
	if l.budget--; l.budget < 0 || depth > 100 {
		return errors.New("the file refers to its parts over and over: refused")
	}
	value := func(v any) error {
		if _, there := l.Values[path]; there {
			return fmt.Errorf("two values are called %q", path)
		}
		l.Values[path] = v
		return nil
	}
	below := func(k, v any) error {
		name := fmt.Sprint(k)
		if path != "" {
			name = path + "." + name
		}
		return l.flatten(name, v, depth+1)
	}
	switch v := v.(type) {
	case *pickleDict:
		for _, k := range v.keys {
			if err := below(k, v.values[k]); err != nil {
				return err
			}
		}
	case *pickleList:
		for i, item := range v.items {
			if err := below(i, item); err != nil {
				return err
			}
		}
	case pickleTuple:
		for i, item := range v {
			if err := below(i, item); err != nil {
				return err
			}
		}
	case torchTensor:
		return l.tensor(path, v)
	case torchStorage:
		return fmt.Errorf("%s is a storage without a tensor: save tensors", path)
	case pickleName:
		return value(v.String())
	default:
		return value(v)
	}
	return nil
}

// tensor finds a tensor's bytes.
func (l *torchLoader) tensor(name string, t torchTensor) error {
	if _, there := l.infos[name]; there {
		return fmt.Errorf("two tensors are called %q", name)
	}
	place, ok := l.places[t.storage.key]
	if !ok {
		return fmt.Errorf("tensor %q: its storage %s is not in the file: it is truncated or damaged", name, t.storage.key)
	}
	size := int64(dtypes[dtypeRank(t.storage.dtype)].bits / 8)
	count, last, dense := int64(1), int64(0), int64(1)
	rowMajor := true
	if slices.Contains(t.dims, 0) {
		count = 0
	}
	for axis := len(t.dims) - 1; axis >= 0 && count > 0; axis-- {
		d, s := int64(t.dims[axis]), int64(t.strides[axis])
		rowMajor = rowMajor && (s == dense || d == 1)
		if count > place.size/d || d > 1 && s > place.size/(d-1) {
			last = place.size // too far in any case; and no product overflows
			break
		}
		count, dense = count*d, dense*d
		if d > 1 {
			last += (d - 1) * s
		}
	}
	first := t.storage.offset + t.offset
	elements := place.size / size
	if count > 0 && (count > elements || first < 0 || last >= elements || first > elements-1-last) {
		return fmt.Errorf("tensor %q of shape %v does not lie within its storage of %d elements: it is an expanded view, or the file is damaged", name, t.dims, elements)
	}
	info := &TensorInfo{DType: t.storage.dtype, Dims: t.dims, begin: place.begin, end: place.begin}
	if count > 0 {
		info.begin += first * size
		info.end = info.begin + (last+1)*size
		if !rowMajor {
			info.strides = slices.Clone(t.strides)
		}
	}
	l.names, l.infos[name] = append(l.names, name), info
	return nil
}
