package compress

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"descent/mlkit/nn"
)

// A coded file is, after its first line, one flate stream of
//
//	the number of parameters and buffers
//	for each: its name, its dimensions, a buffer's counter,
//	          the number of weights that are not zero,
//	          the number of different values among these (0: not listed),
//	          the values, 4 bytes each,
//	          the gaps, a byte each: so many zeros before the next weight; 255: as many, and no weight yet,
//	          which of the values each weight has, one or two bytes each, or the weights themselves,
//	          byte by byte: all lowest bytes first
//	the CRC-32 of all before it
//
// Numbers are varints. Gaps, places and bytes of weights begin blocks of their
// own, whose Huffman codes suit them.
const codedHeader = "mlkit coded weights 1\n"

const (
	maxListed = 1 << 16 // values that are listed
	longGap   = 255
)

// Encode writes the parameters and buffers of a model as a small file: of a
// pruned parameter only what is not zero and the gaps between (Han, Mao &
// Dally, Deep compression, 2016), of one that takes few values ([Share]) only
// which value each weight has, and all of it Huffman coded (compress/flate).
// Nothing is lost: [Decode] restores every bit, of dense parameters and of NaN,
// too. A model whose names collide, that is empty, or that holds an int8 or
// int4 network is an error.
func Encode(w io.Writer, model any) error {
	state := nn.State(model)
	if len(state) == 0 {
		return errors.New("compress: Encode: the model has no parameters")
	}
	if quantized(model) {
		return errors.New("compress: Encode: the model holds an int8 network, whose weights are no parameters and would be lost: write that part by Int8.Save, or encode the model before it is quantized")
	}
	if _, err := io.WriteString(w, codedHeader); err != nil {
		return err
	}
	f, err := flate.NewWriter(w, flate.BestCompression)
	if err != nil {
		return err
	}
	e := &encoder{f: f}
	e.number(len(state))
	for _, n := range state {
		dims, x, count := stored(n)
		e.number(len(n.Name))
		e.bytes([]byte(n.Name))
		e.number(len(dims))
		for _, d := range dims {
			e.number(d)
		}
		e.number(int(count))
		e.weights(x)
	}
	e.bytes(binary.LittleEndian.AppendUint32(nil, e.sum))
	if e.err == nil {
		e.err = f.Close()
	}
	return e.err
}

// stored is what a file has of a parameter or a buffer.
func stored(n nn.Named) (dims []int, x []float32, count int64) {
	if n.Param != nil {
		return n.Param.Dims(), n.Param.Data, 0
	}
	return n.Buffer.Dims(), n.Buffer.Data, n.Buffer.Count
}

type encoder struct {
	f   *flate.Writer
	sum uint32
	err error
}

func (e *encoder) bytes(b []byte) {
	if e.err == nil {
		e.sum = crc32.Update(e.sum, crc32.IEEETable, b)
		_, e.err = e.f.Write(b)
	}
}

func (e *encoder) number(n int) { e.bytes(binary.AppendUvarint(nil, uint64(n))) }

// block writes bytes of one kind.
func (e *encoder) block(b []byte) {
	if e.err == nil && len(b) > 0 {
		e.err = e.f.Flush()
	}
	e.bytes(b)
}

func (e *encoder) weights(x []float32) {
	var gaps []byte
	var bits []uint32
	gap := 0
	for _, v := range x {
		b := math.Float32bits(v)
		if b == 0 {
			if gap++; gap == longGap {
				gaps, gap = append(gaps, longGap), 0
			}
			continue
		}
		gaps, bits, gap = append(gaps, byte(gap)), append(bits, b), 0
	}
	e.number(len(bits))
	values := slices.Compact(slices.Sorted(slices.Values(bits)))
	// A list of values pays where each is used several times.
	listed := len(values) <= maxListed && 4*len(values) <= len(bits)
	if !listed {
		values = nil
	}
	e.number(len(values))
	for _, v := range values {
		e.bytes(binary.LittleEndian.AppendUint32(nil, v))
	}
	if len(bits) == 0 {
		return
	}
	e.block(gaps)
	width := 4
	if listed {
		width = placeBytes(len(values))
		for k, b := range bits {
			place, _ := slices.BinarySearch(values, b)
			bits[k] = uint32(place)
		}
	}
	for k := range width {
		plane := make([]byte, len(bits))
		for i, b := range bits {
			plane[i] = byte(b >> (8 * k))
		}
		e.block(plane)
	}
}

// placeBytes is how many bytes say which of n values it is.
func placeBytes(n int) int {
	if n <= 1<<8 {
		return 1
	}
	return 2
}

// Decode reads a file of [Encode] into a model of the same parameters and
// buffers. A file that does not fit the model, or is damaged, is an error that
// names the parameter, and the model stays as it was.
func Decode(r io.Reader, model any) error {
	header := make([]byte, len(codedHeader))
	if _, err := io.ReadFull(r, header); err != nil || string(header) != codedHeader {
		return errors.New("compress: Decode: not a file of Encode")
	}
	state := nn.State(model)
	d := &decoder{r: bufio.NewReader(flate.NewReader(r))}
	values := make([][]float32, len(state))
	counts := make([]int64, len(state))
	if n := d.number(math.MaxInt32); d.err == nil && n != len(state) {
		return fmt.Errorf("compress: Decode: the file has %d parameters and buffers, the model %d", n, len(state))
	}
	for i, n := range state {
		dims, x, _ := stored(n)
		name := d.bytes(min(d.number(math.MaxInt32), 1<<16))
		rank := d.number(64)
		var shape []int
		for range rank {
			shape = append(shape, d.number(math.MaxInt))
		}
		if d.err == nil && (string(name) != n.Name || !slices.Equal(shape, dims)) {
			return fmt.Errorf("compress: Decode: the file has %s %v where the model has %s %v", name, shape, n.Name, dims)
		}
		counts[i] = int64(d.number(math.MaxInt))
		values[i] = d.weights(len(x))
		if d.err != nil {
			return fmt.Errorf("compress: Decode: %s: %w", n.Name, d.failure())
		}
	}
	want := d.sum
	if sum := d.bytes(4); d.err != nil || binary.LittleEndian.Uint32(sum) != want {
		return fmt.Errorf("compress: Decode: damaged: the checksum does not agree")
	}
	if _, err := d.r.ReadByte(); err != io.EOF {
		return errors.New("compress: Decode: damaged: there is more after the weights")
	}
	for i, n := range state {
		_, x, _ := stored(n)
		copy(x, values[i])
		if n.Buffer != nil {
			n.Buffer.Count = counts[i]
		}
	}
	return nil
}

type decoder struct {
	r   *bufio.Reader
	sum uint32
	err error
}

// failure says what has gone wrong.
func (d *decoder) failure() error {
	if errors.Is(d.err, io.EOF) || errors.Is(d.err, io.ErrUnexpectedEOF) {
		return errors.New("the file ends too early")
	}
	return d.err
}

// bytes reads n of them; as far as there are.
func (d *decoder) bytes(n int) []byte {
	if d.err != nil {
		return nil
	}
	var b bytes.Buffer // grows as bytes come: n may be damaged
	if _, err := io.CopyN(&b, d.r, int64(n)); err != nil {
		d.err = err
	}
	d.sum = crc32.Update(d.sum, crc32.IEEETable, b.Bytes())
	return b.Bytes()
}

func (d *decoder) number(most int) int {
	var v uint64
	for shift := 0; d.err == nil; shift += 7 {
		b := d.bytes(1)
		if d.err != nil {
			break
		}
		if shift > 56 {
			d.err = errors.New("damaged: a number of too many digits")
			break
		}
		v |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			break
		}
	}
	if d.err == nil && v > uint64(most) {
		d.err = fmt.Errorf("damaged: %d where at most %d can be", v, most)
	}
	if d.err != nil {
		return 0
	}
	return int(v)
}

func (d *decoder) weights(size int) []float32 {
	count := d.number(size)
	listed := d.number(min(maxListed, count))
	table := d.bytes(4 * listed)
	x := make([]float32, size)
	var at []int // of what is not zero
	for i := 0; len(at) < count && d.err == nil; {
		gap := d.bytes(1)
		if d.err != nil {
			return nil
		}
		i += int(gap[0])
		if gap[0] == longGap {
			continue
		}
		if i >= size {
			d.err = errors.New("damaged: a weight beyond the end")
			return nil
		}
		at = append(at, i)
		i++
	}
	if d.err == nil && count > 0 {
		// The gaps after the last weight, if they are long.
		last := at[count-1]
		d.bytes((size - 1 - last) / longGap)
	} else if d.err == nil && count == 0 {
		return x
	}
	width := 4
	if listed > 0 {
		width = placeBytes(listed)
	}
	bits := make([]uint32, count)
	for k := range width {
		for i, b := range d.bytes(count) {
			bits[i] |= uint32(b) << (8 * k)
		}
	}
	if d.err != nil {
		return nil
	}
	for i, b := range bits {
		if listed > 0 {
			if int(b) >= listed {
				d.err = fmt.Errorf("damaged: value %d of %d", b, listed)
				return nil
			}
			b = binary.LittleEndian.Uint32(table[4*b:])
		}
		x[at[i]] = math.Float32frombits(b)
	}
	return x
}

// quantized reports whether a model holds an Int8 or an Int4.
func quantized(model any) (found bool) {
	nn.EachStruct(model, func(layer any) {
		switch layer.(type) {
		case *Int8, *Int4:
			found = true
		}
	})
	return found
}

// EncodedSize is how many bytes [Encode] writes for a model.
func EncodedSize(model any) (int, error) {
	var n counter
	err := Encode(&n, model)
	return int(n), err
}

type counter int

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }
