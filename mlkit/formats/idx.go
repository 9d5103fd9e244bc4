package formats

import (
	"bufio"
	"compress/gzip"
	"descent/mlkit/data"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxIDX bounds what an idx file may claim to hold, so that a bad header or a
// decompression bomb cannot exhaust the memory.
const maxIDX = 1 << 30

// ReadIDX reads an array of unsigned bytes in the idx format of the MNIST
// files: 0, 0, the type (8), the number of axes, each axis as a big-endian
// uint32, then the bytes.
func ReadIDX(r io.Reader) (dims []int, bytes []byte, err error) { return readIDX(r, 0, 0) }

// readIDX believes a header that claims at most trusted bytes: their memory is
// taken at once, without the copies of a buffer that grows. Of the first axis it
// reads only the first entries, unless first is 0.
func readIDX(r io.Reader, trusted int64, first int) (dims []int, bytes []byte, err error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, nil, fmt.Errorf("idx header: %w", cutShort(err))
	}
	if magic[0] != 0 || magic[1] != 0 {
		return nil, nil, fmt.Errorf("not an idx file: it begins with %x, not with 0000", magic[:2])
	}
	if magic[2] != 8 {
		return nil, nil, fmt.Errorf("idx element type 0x%02x: only unsigned bytes (0x08) can be read", magic[2])
	}
	size := 1
	for axis := range int(magic[3]) {
		var word [4]byte
		if _, err := io.ReadFull(r, word[:]); err != nil {
			return nil, nil, fmt.Errorf("idx header, axis %d of %d: %w", axis, magic[3], cutShort(err))
		}
		d := binary.BigEndian.Uint32(word[:])
		if d > maxIDX || size > 0 && int(d) > maxIDX/size {
			return nil, nil, fmt.Errorf("idx header claims %d × %d elements by axis %d: more than %d bytes", size, d, axis, maxIDX)
		}
		size *= int(d)
		dims = append(dims, int(d))
	}
	if first > 0 && len(dims) > 0 && dims[0] > first {
		size = size / dims[0] * first
		dims[0] = first
		r = io.LimitReader(r, int64(size))
	}
	// One byte more than wanted shows whether the file ends where it should.
	// ReadAll grows with what arrives, not with what the header claims.
	if int64(size) <= trusted {
		// A gzip stream that ends early says so after the last byte only.
		buf := make([]byte, size+1)
		n, readErr := 0, error(nil)
		for n < len(buf) && readErr == nil {
			var k int
			k, readErr = r.Read(buf[n:])
			n += k
		}
		if bytes = buf[:n]; readErr != io.EOF {
			err = readErr
		}
	} else {
		bytes, err = io.ReadAll(io.LimitReader(r, int64(size)+1))
	}
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("idx data after %d of %d bytes: %w", len(bytes), size, cutShort(err))
	case len(bytes) < size:
		return nil, nil, fmt.Errorf("idx data end after %d of %d bytes: the file is truncated", len(bytes), size)
	case len(bytes) > size:
		return nil, nil, fmt.Errorf("the idx header says %v, %d bytes, but more follow", dims, size)
	}
	return dims, bytes, nil
}

// LoadIDX reads an idx file, gzipped or not. Errors name the file.
func LoadIDX(path string) (dims []int, bytes []byte, err error) { return loadIDX(path, 0) }

func loadIDX(path string, first int) (dims []int, bytes []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("formats: %w", err)
	}
	defer f.Close()
	defer func() {
		if err != nil {
			err = fmt.Errorf("formats: %s: %w", path, err)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	b := bufio.NewReader(f)
	if head, _ := b.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, err
		}
		const most = 1032 // bytes that deflate can make of one
		return readIDX(z, min(info.Size(), maxIDX/most)*most, first)
	}
	return readIDX(b, info.Size(), first)
}

// LoadIDXImages reads a pair of idx files, images [n, height, width] and labels
// [n], as images of one channel.
func LoadIDXImages(images, labels string) (*data.Images, error) {
	return LoadFirstIDXImages(images, labels, 0)
}

// LoadFirstIDXImages is LoadIDXImages of the first n only (0: all); the rest of
// the files is not read.
func LoadFirstIDXImages(images, labels string, n int) (*data.Images, error) {
	dims, pixels, err := loadIDX(images, n)
	if err != nil {
		return nil, err
	}
	ldims, bytes, err := loadIDX(labels, n)
	if err != nil {
		return nil, err
	}
	if len(dims) != 3 {
		return nil, fmt.Errorf("formats: %s: images need the axes number, height, width; the file has %v", images, dims)
	}
	if len(ldims) != 1 || ldims[0] != dims[0] {
		return nil, fmt.Errorf("formats: %s: labels of %v for %d images", labels, ldims, dims[0])
	}
	m := &data.Images{Pixels: pixels, Dims: []int{1, dims[1], dims[2]}, Labels: make([]int32, len(bytes))}
	for i, b := range bytes {
		m.Labels[i] = int32(b)
	}
	return m, nil
}

// cutShort says in plain words that a file ended too early.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is truncated")
	}
	return err
}
