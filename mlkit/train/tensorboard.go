package train

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"descent/mlkit/nn"
)

// TensorBoard writes event files that TensorBoard shows: the epochs' loss,
// learning rate and metrics at the number of steps done, and with everySteps >
// 0 the loss of every everySteps-th step as "step_loss". At the end of every
// epoch each of more is called, for anything else to be logged: [Histograms],
// or a function that draws. A folder is one run; a resumed run adds a file.
func TensorBoard(dir string, everySteps int, more ...func(r *Run, log *EventLog) error) Callback {
	log := &EventLog{}
	return func(e Event, r *Run) (err error) {
		defer func() {
			if err != nil {
				err = fmt.Errorf("train: TensorBoard: %w", err)
			}
		}()
		if r.Rank() != 0 {
			return nil
		}
		log.step = r.Step
		switch e {
		case Begin:
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
			// The name tells TensorBoard what the file is, and is new.
			name := fmt.Sprintf("events.out.tfevents.%010d.mlkit.%d", time.Now().Unix(), rand.Uint64())
			if log.f, err = os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL,
				0o666); err != nil {
				return err
			}
			log.step = 0
			return log.write(appendBytes(nil, 3, []byte("brain.Event:2"))) // must come first
		case StepEnd:
			if everySteps > 0 && r.Step%everySteps == 0 {
				return log.Scalar("step_loss", r.Loss)
			}
		case EpochEnd:
			last := r.History.Last()
			if err := log.Scalar("loss", last.Loss); err != nil {
				return err
			}
			if err := log.Scalar("learning_rate", last.LearningRate); err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(last.Metrics)) {
				if err := log.Scalar(name, last.Metrics[name]); err != nil {
					return err
				}
			}
			for _, f := range more {
				if err := f(r, log); err != nil {
					return err
				}
			}
		case End:
			if log.f != nil {
				return log.f.Close()
			}
		}
		return nil
	}
}

// Histograms is an argument of [TensorBoard]: the distribution of each
// parameter's elements, under the parameter's name.
func Histograms(r *Run, log *EventLog) error {
	for _, p := range nn.Params(r.Model) {
		if err := log.Histogram(p.Name, p.Data); err != nil {
			return err
		}
	}
	return nil
}

// An EventLog writes to the file of a [TensorBoard], at the step that the run
// has come to. What has one tag makes one picture over the steps.
type EventLog struct {
	f    *os.File
	step int
}

// Scalar adds a point to a curve.
func (l *EventLog) Scalar(tag string, v float64) error {
	return l.summary(tag, binary.LittleEndian.AppendUint32([]byte{2<<3 | 5}, math.Float32bits(float32(v))))
}

// histogramBuckets is how many intervals of equal width a histogram has.
const histogramBuckets = 64

// Histogram adds the distribution of values, which must be finite, in 64
// intervals of equal width.
func (l *EventLog) Histogram(tag string, values []float32) error {
	low, high, sum, squares := math.Inf(1), math.Inf(-1), 0.0, 0.0
	for i, v := range values {
		x := float64(v)
		if x-x != 0 {
			return fmt.Errorf("histogram %q: element %d is %v", tag, i, v)
		}
		low, high, sum, squares = min(low, x), max(high, x), sum+x, squares+x*x
	}
	if len(values) == 0 {
		low, high = 0, 0
	}
	// A bucket ends before its limit; the first, empty, says where they begin.
	buckets, width := histogramBuckets, (high-low)/histogramBuckets
	if width == 0 {
		buckets, width = 1, math.Nextafter(high, math.Inf(1))-high
	}
	limits, counts := []float64{low}, make([]float64, buckets+1)
	for k := range buckets {
		limits = append(limits, low+float64(k+1)*width)
	}
	for _, v := range values {
		counts[1+min(int((float64(v)-low)/width), buckets-1)]++
	}
	var h []byte
	for k, v := range []float64{low, high, float64(len(values)), sum, squares} {
		h = binary.LittleEndian.AppendUint64(append(h, byte(k+1)<<3|1), math.Float64bits(v))
	}
	for k, list := range [][]float64{limits, counts} {
		var packed []byte
		for _, v := range list {
			packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(v))
		}
		h = appendBytes(h, byte(k+6), packed)
	}
	return l.summary(tag, appendBytes(nil, 5, h))
}

// Image adds a picture.
func (l *EventLog) Image(tag string, picture image.Image) error {
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		return fmt.Errorf("image %q: %w", tag, err)
	}
	size := picture.Bounds().Size()
	i := binary.AppendUvarint([]byte{1 << 3}, uint64(size.Y))
	i = binary.AppendUvarint(append(i, 2<<3), uint64(size.X))
	i = append(i, 3<<3, 4) // the colours: red, green, blue, alpha
	return l.summary(tag, appendBytes(nil, 4, appendBytes(i, 4, file.Bytes())))
}

// summary writes a Summary of one value: values = 1 with tag = 1 and one of
// simple_value = 2 (float), image = 4, histo = 5.
func (l *EventLog) summary(tag string, value []byte) error {
	return l.write(appendBytes(nil, 5, appendBytes(nil, 1, append(appendBytes(nil, 1, []byte(tag)), value...))))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is TFRecord's checksum: CRC-32C, turned and shifted so that a
// checksum of data that hold checksums stays good.
func maskedCRC(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// write writes one TFRecord with an Event, given what it holds. The Event
// message of TensorFlow's event.proto has wall_time = 1 (double), step = 2,
// file_version = 3, summary = 5.
func (l *EventLog) write(what []byte) error {
	event := binary.LittleEndian.AppendUint64([]byte{1<<3 | 1}, math.Float64bits(float64(time.Now().UnixNano())/1e9))
	if l.step > 0 {
		event = binary.AppendUvarint(append(event, 2<<3), uint64(l.step))
	}
	event = append(event, what...)
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b))
	b = append(b, event...)
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(event))
	_, err := l.f.Write(b)
	return err
}

// appendBytes appends a length-delimited protobuf field.
func appendBytes(b []byte, field byte, content []byte) []byte {
	b = binary.AppendUvarint(append(b, field<<3|2), uint64(len(content)))
	return append(b, content...)
}
