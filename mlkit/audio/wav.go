package audio

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Sound is recorded samples.
type Sound struct {
	Rate     int // samples per second, of each channel
	Channels int
	// Samples are in [−1, 1] unless the file holds floats beyond; the channels'
	// alternate.
	Samples []float32
}

// Seconds is how long the sound lasts.
func (s *Sound) Seconds() float64 {
	return float64(len(s.Samples)/s.Channels) / float64(s.Rate)
}

// Mono is the mean of the channels. For one channel it is Samples itself.
func (s *Sound) Mono() []float32 {
	if s.Channels == 1 {
		return s.Samples
	}
	out := make([]float32, len(s.Samples)/s.Channels)
	for i := range out {
		var sum float64
		for _, v := range s.Samples[i*s.Channels:][:s.Channels] {
			sum += float64(v)
		}
		out[i] = float32(sum / float64(s.Channels))
	}
	return out
}

const (
	maxChannels = 256
	maxRate     = 10_000_000
	maxWAV      = 1 << 30 // bytes of sound
)

// LoadWAV reads the sound in a file. Errors name the file, too.
func LoadWAV(path string) (*Sound, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := ReadWAV(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// ReadWAV reads a RIFF/WAVE file (IBM and Microsoft 1991): linear PCM of 8, 16,
// 24 or 32 bits, or floats of 32 or 64 bits, also in the extensible form. Other
// chunks are passed over. A file that is cut off, that contradicts itself, that
// is compressed, that holds NaN or more than a gigabyte of sound is an error;
// what is read is never more than what is there, whatever its headers announce.
func ReadWAV(r io.Reader) (*Sound, error) {
	s, err := readWAV(bufio.NewReader(r))
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file is cut off")
		}
		return nil, fmt.Errorf("audio: WAV: %w", err)
	}
	return s, nil
}

// wavFormat is what the chunk "fmt " says.
type wavFormat struct {
	tag, channels uint16
	rate          uint32
	align, bits   uint16
}

const (
	tagPCM        = 1
	tagFloat      = 3
	tagExtensible = 0xfffe
)

func readWAV(r *bufio.Reader) (*Sound, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return nil, fmt.Errorf("it begins with %q, not with RIFF and WAVE", head[:])
	}
	var format *wavFormat
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			if err == io.EOF {
				return nil, errors.New("there is no sound in it (no chunk \"data\")")
			}
			return nil, err
		}
		name, size := string(chunk[:4]), binary.LittleEndian.Uint32(chunk[4:])
		switch name {
		case "fmt ":
			f, err := readFormat(r, size)
			if err != nil {
				return nil, err
			}
			format = f
		case "data":
			if format == nil {
				return nil, errors.New("the sound comes before its format (chunk \"fmt \")")
			}
			return format.read(r, size)
		default:
			if _, err := io.CopyN(io.Discard, r, int64(size)+int64(size&1)); err != nil {
				return nil, err
			}
		}
	}
}

func readFormat(r io.Reader, size uint32) (*wavFormat, error) {
	if size < 16 || size > 1<<16 {
		return nil, fmt.Errorf("its format has %d bytes", size)
	}
	b := make([]byte, size+size&1)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
	f := &wavFormat{tag: u16(0), channels: u16(2), rate: binary.LittleEndian.Uint32(b[4:]), align: u16(12), bits: u16(14)}
	if f.tag == tagExtensible {
		if size < 40 {
			return nil, fmt.Errorf("its extensible format has %d bytes, 40 are needed", size)
		}
		f.tag = u16(24) // the sub-format begins with the plain tag
	}
	switch {
	case f.channels == 0 || f.channels > maxChannels:
		return nil, fmt.Errorf("%d channels, want 1 to %d", f.channels, maxChannels)
	case f.rate == 0 || f.rate > maxRate:
		return nil, fmt.Errorf("%d samples per second, want 1 to %d", f.rate, maxRate)
	case f.tag == tagPCM && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32):
	case f.tag == tagFloat && (f.bits == 32 || f.bits == 64):
	default:
		return nil, fmt.Errorf("format %d with %d bits a sample: convert it to linear PCM of 16 bits", f.tag, f.bits)
	}
	if want := int(f.channels) * int(f.bits/8); int(f.align) != want {
		return nil, fmt.Errorf("a frame of %d channels of %d bits has %d bytes, it says %d", f.channels, f.bits, want, f.align)
	}
	return f, nil
}

func (f *wavFormat) read(r io.Reader, size uint32) (*Sound, error) {
	limit := int64(size)
	streamed := size == math.MaxUint32 // by a writer that could not go back to say how much
	if streamed {
		limit = maxWAV + 1
	}
	b, err := io.ReadAll(io.LimitReader(r, min(limit, maxWAV+1)))
	if err != nil {
		return nil, err
	}
	if len(b) > maxWAV {
		return nil, fmt.Errorf("more than %d bytes of sound", maxWAV)
	}
	if !streamed && len(b) < int(size) {
		return nil, fmt.Errorf("it ends after %d of %d bytes of sound", len(b), size)
	}
	if len(b)%int(f.align) != 0 {
		return nil, fmt.Errorf("%d bytes of sound are not whole frames of %d", len(b), f.align)
	}
	width := int(f.bits / 8)
	s := &Sound{Rate: int(f.rate), Channels: int(f.channels), Samples: make([]float32, len(b)/width)}
	for i := range s.Samples {
		v := f.sample(b[i*width:])
		if math.IsNaN(v) || math.Abs(v) > math.MaxFloat32 {
			return nil, fmt.Errorf("sample %d is %v", i, v)
		}
		s.Samples[i] = float32(v)
	}
	return s, nil
}

func (f *wavFormat) sample(b []byte) float64 {
	le := binary.LittleEndian
	switch {
	case f.tag == tagFloat && f.bits == 32:
		return float64(math.Float32frombits(le.Uint32(b)))
	case f.tag == tagFloat:
		return math.Float64frombits(le.Uint64(b))
	case f.bits == 8: // the only width without a sign
		return (float64(b[0]) - 128) / 128
	case f.bits == 16:
		return float64(int16(le.Uint16(b))) / (1 << 15)
	case f.bits == 24:
		return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
	}
	return float64(int32(le.Uint32(b))) / (1 << 31)
}
