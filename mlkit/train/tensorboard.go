package train

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// TensorBoard writes event files that TensorBoard shows: the epochs' loss,
// learning rate and metrics at the number of steps done, and with everySteps >
// 0 the loss of every everySteps-th step as "step_loss". A folder is one run; a
// resumed run adds a file.
func TensorBoard(dir string, everySteps int) Callback {
	var f *os.File
	put := func(r *Run, tag string, v float64) error {
		return writeEvent(f, time.Now(), int64(r.Step), tag, float32(v))
	}
	return func(e Event, r *Run) (err error) {
		defer func() {
			if err != nil {
				err = fmt.Errorf("train: TensorBoard: %w", err)
			}
		}()
		switch e {
		case Begin:
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
			// The name tells TensorBoard what the file is, and is new.
			name := fmt.Sprintf("events.out.tfevents.%010d.mlkit.%d", time.Now().Unix(), rand.Uint64())
			if f, err = os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
				return err
			}
			return writeEvent(f, time.Now(), 0, "", 0)
		case StepEnd:
			if everySteps > 0 && r.Step%everySteps == 0 {
				return put(r, "step_loss", r.Loss)
			}
		case EpochEnd:
			last := r.History.Last()
			if err := put(r, "loss", last.Loss); err != nil {
				return err
			}
			if err := put(r, "learning_rate", last.LearningRate); err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(last.Metrics)) {
				if err := put(r, name, last.Metrics[name]); err != nil {
					return err
				}
			}
		case End:
			if f != nil {
				return f.Close()
			}
		}
		return nil
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is TFRecord's checksum: CRC-32C, turned and shifted so that a
// checksum of data that hold checksums stays good.
func maskedCRC(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// writeEvent writes one TFRecord with one scalar, or, with an empty tag, the
// record that must come first. The Event message of TensorFlow's event.proto
// has wall_time = 1 (double), step = 2, file_version = 3, summary = 5; a
// Summary has values = 1 with tag = 1 and simple_value = 2 (float).
func writeEvent(f *os.File, at time.Time, step int64, tag string, v float32) error {
	event := []byte{1<<3 | 1}
	event = binary.LittleEndian.AppendUint64(event, math.Float64bits(float64(at.UnixNano())/1e9))
	if tag == "" {
		event = appendBytes(event, 3, []byte("brain.Event:2"))
	} else {
		event = binary.AppendUvarint(append(event, 2<<3), uint64(step))
		value := appendBytes(nil, 1, []byte(tag))
		value = binary.LittleEndian.AppendUint32(append(value, 2<<3|5), math.Float32bits(v))
		event = appendBytes(event, 5, appendBytes(nil, 1, value))
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b))
	b = append(b, event...)
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(event))
	_, err := f.Write(b)
	return err
}

// appendBytes appends a length-delimited protobuf field.
func appendBytes(b []byte, field byte, content []byte) []byte {
	b = binary.AppendUvarint(append(b, field<<3|2), uint64(len(content)))
	return append(b, content...)
}
