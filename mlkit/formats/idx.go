package formats

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"descent/mlkit/data"
)

// maxIDX bounds what an idx file may claim to hold, in bytes, so that a bad
// header or a decompression bomb cannot exhaust the memory.
const maxIDX = 1 << 30

// ReadIDX reads an array of unsigned bytes in the idx format of the MNIST
// files: two zero bytes, the element type, the number of axes, each axis as a
// big-endian uint32, then the elements. Data after the array are an error. For
// arrays of other types, use ReadIDXArray.
func ReadIDX(r io.Reader) (dims []int, bytes []byte, err error) {
	a, err := readIDX(r, 0, maxIDX, 0)
	return bytesOf(a, err)
}

// ReadIDXArray reads an array of any type of the idx format. Data becomes a
// []uint8 (element type 0x08), []int8 (0x09), []int16 (0x0b), []int32 (0x0c),
// []float32 (0x0d) or []float64 (0x0e).
func ReadIDXArray(r io.Reader) (Array, error) { return readIDX(r, 0, maxIDX, 0) }

// bytesOf takes apart an array of unsigned bytes.
func bytesOf(a Array, err error) ([]int, []byte, error) {
	if err != nil {
		return nil, nil, err
	}
	b, ok := a.Data.([]byte)
	if !ok {
		return nil, nil, fmt.Errorf("idx element type 0x%02x, %s, is not unsigned bytes: use ReadIDXArray or LoadIDXArray", kindOf(a.Data).idx, kindOf(a.Data).slice.Elem())
	}
	return a.Dims, b, nil
}

// readIDX believes a header that claims at most trusted bytes: their memory is
// taken at once, without the copies of a buffer that grows. It refuses one that
// claims more than most. Of the first axis it reads only the first entries,
// unless first is 0.
func readIDX(r io.Reader, trusted, most int64, first int) (Array, error) {
	k, dims, err := readIDXHeader(r, int(most))
	if err != nil {
		return Array{}, err
	}
	part := first > 0 && len(dims) > 0 && dims[0] > first
	if part {
		dims[0] = first
	}
	a, n := Array{Dims: dims}, product(dims)
	if k.idx == 8 && int64(n) <= trusted {
		b := make([]byte, n)
		n, e := io.ReadFull(r, b)
		a.Data, err = b[:n], e
	} else {
		a.Data, err = k.read(r, n, binary.BigEndian)
	}
	if err != nil {
		return Array{}, fmt.Errorf("idx data after %d of %d elements: %w", a.Len(), n, cutShort(err))
	}
	if part {
		return a, nil
	}
	// A gzip stream that is damaged says so after the last byte only.
	switch more, err := io.ReadFull(r, make([]byte, 1)); {
	case more > 0:
		return Array{}, fmt.Errorf("the idx header says %v, %d elements of %d bytes, but more data follow: the file is damaged, or two files were joined", dims, n, k.size)
	case !errors.Is(err, io.EOF):
		return Array{}, fmt.Errorf("idx data after %d elements: %w", n, cutShort(err))
	}
	return a, nil
}

func readIDXHeader(r io.Reader, most int) (k *kind, dims []int, err error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, nil, fmt.Errorf("idx header: %w", cutShort(err))
	}
	if magic[0] != 0 || magic[1] != 0 {
		return nil, nil, fmt.Errorf("not an idx file: it begins with %x, not with 0000", magic[:2])
	}
	if k = findKind(func(k *kind) bool { return k.idx == magic[2] && magic[2] != 0 }); k == nil {
		return nil, nil, fmt.Errorf("idx element type 0x%02x is not one of 08, 09, 0b, 0c, 0d, 0e: not an idx file, or damaged", magic[2])
	}
	size := k.size
	for axis := range int(magic[3]) {
		var word [4]byte
		if _, err := io.ReadFull(r, word[:]); err != nil {
			return nil, nil, fmt.Errorf("idx header, axis %d of %d: %w", axis, magic[3], cutShort(err))
		}
		d := binary.BigEndian.Uint32(word[:])
		if d > maxIDX || size > 0 && int(d) > most/size {
			return nil, nil, fmt.Errorf("idx header claims %d × %d bytes by axis %d: more than %d, which such a file may hold", size, d, axis, most)
		}
		size *= int(d)
		dims = append(dims, int(d))
	}
	return k, dims, nil
}

// LoadIDX reads an idx file of unsigned bytes, which may be gzipped. Errors
// name the file.
func LoadIDX(path string) (dims []int, bytes []byte, err error) {
	a, err := loadIDX(path, 0)
	dims, bytes, err = bytesOf(a, err)
	return dims, bytes, inFile(path, err)
}

// LoadIDXArray reads an idx file of any element type, which may be gzipped.
// Errors name the file.
func LoadIDXArray(path string) (Array, error) {
	a, err := loadIDX(path, 0)
	return a, inFile(path, err)
}

// unpacked bounds what a compressed file of size bytes may hold. Blank data
// shrink to a thousandth, and are read up to a size that every machine has.
func unpacked(size int64) int64 { return 1<<28 + 128*min(size, 1<<40) }

func inFile(path string, err error) error {
	if err != nil {
		return fmt.Errorf("formats: %s: %w", path, err)
	}
	return nil
}

func loadIDX(path string, first int) (Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return Array{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Array{}, err
	}
	b := bufio.NewReader(f)
	if head, _ := b.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return readIDX(b, info.Size(), maxIDX, first)
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return Array{}, err
	}
	const usual = 16 // bytes that a byte becomes; 1032 are the most, of blank images
	return readIDX(z, min(info.Size(), maxIDX/usual)*usual, min(unpacked(info.Size()), maxIDX), first)
}

// LoadIDXImages reads a pair of idx files: images of unsigned bytes, [n,
// height, width], and labels of any integer type, [n]. The images have one
// channel.
func LoadIDXImages(images, labels string) (*data.Images, error) {
	return LoadFirstIDXImages(images, labels, 0)
}

// LoadFirstIDXImages is like LoadIDXImages but reads only the first n images
// and labels, or all if n is 0.
func LoadFirstIDXImages(images, labels string, n int) (*data.Images, error) {
	a, err := loadIDX(images, n)
	dims, pixels, err := bytesOf(a, err)
	if err == nil && len(dims) != 3 {
		err = fmt.Errorf("images have the axes [n, height, width], the file has %v", dims)
	}
	if err != nil {
		return nil, inFile(images, err)
	}
	m := &data.Images{Pixels: pixels, Dims: []int{1, dims[1], dims[2]}}
	if m.Labels, err = idxLabels(labels, dims[0], n); err != nil {
		return nil, inFile(labels, err)
	}
	return m, nil
}

// idxLabels reads the labels of n images.
func idxLabels(path string, n, first int) ([]int32, error) {
	a, err := loadIDX(path, first)
	if err != nil {
		return nil, err
	}
	ints, err := a.Ints()
	if err != nil {
		return nil, fmt.Errorf("labels of type 0x%02x, %s: expected integers", kindOf(a.Data).idx, kindOf(a.Data).slice.Elem())
	}
	if len(a.Dims) != 1 || a.Dims[0] != n {
		return nil, fmt.Errorf("labels of %v for %d images", a.Dims, n)
	}
	labels := make([]int32, len(ints))
	for i, v := range ints {
		if v < 0 {
			return nil, fmt.Errorf("label %d is %d: classes are numbered from 0", i, v)
		}
		labels[i] = int32(v) // idx has no larger integers
	}
	return labels, nil
}

// cutShort says in plain words that a file ended too early.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is truncated")
	}
	return err
}
