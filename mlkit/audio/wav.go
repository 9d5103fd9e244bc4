package audio

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// Sound is a recording.
type Sound struct {
	Rate     int // samples per second, of each channel
	Channels int
	// Samples are in [−1, 1], unless the file holds floats beyond that range.
	// The channels are interleaved.
	Samples []float32
}

// Seconds is the duration of the sound.
func (s *Sound) Seconds() float64 {
	return float64(len(s.Samples)/s.Channels) / float64(s.Rate)
}

// Mono returns the mean of the channels; for one channel, Samples itself.
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

// LoadWAV reads the sound in a WAV file (see ReadWAV). Errors name the file.
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

// ReadWAV reads a RIFF/WAVE file (IBM and Microsoft 1991) or its 64-bit form
// RF64 (EBU Tech 3306): linear PCM of 8, 16, 24 or 32 bits or floats of 32 or
// 64 bits, also as WAVE_FORMAT_EXTENSIBLE. If the writer could not go back to
// fill in the size of the sound (a pipe, a recorder that was killed), the sound
// extends to the end of the file. Other chunks are skipped.
//
// It is an error if the file is truncated, inconsistent or compressed, or if it
// holds NaN, a second recording or more than a gigabyte of sound. Whatever the
// headers announce, no more memory is used than the file warrants.
func ReadWAV(r io.Reader) (*Sound, error) {
	w := wavReader{r: bufio.NewReader(r)}
	s, err := w.read()
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file is truncated: copy or record it again")
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

// tagNames are formats that are not read.
var tagNames = map[uint16]string{2: "Microsoft ADPCM", 6: "A-law", 7: "µ-law", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x50: "MPEG", 0x55: "MP3", 0xff: "AAC"}

// subFormats are how the extensible form's identifier goes on behind the plain
// tag: for all that have one, and for ambisonic sound.
var subFormats = []string{"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", "\x00\x00\x21\x07\xd3\x11\x86\x44\xc8\xc1\xca\x00\x00\x00"}

var le = binary.LittleEndian

// wavReader goes through the chunks of a file.
type wavReader struct {
	r      *bufio.Reader
	at     int64 // bytes read
	riff   int64 // where the file says that it ends
	large  int64 // size of the sound in the 64-bit form, −1 if it has none
	format *wavFormat
}

// fill reads len(b) bytes.
func (w *wavReader) fill(b []byte) error {
	n, err := io.ReadFull(w.r, b)
	w.at += int64(n)
	return err
}

func (w *wavReader) read() (*Sound, error) {
	var head [12]byte
	if err := w.fill(head[:]); err != nil {
		return nil, err
	}
	form := string(head[:4])
	switch {
	case string(head[8:]) != "WAVE" || form != "RIFF" && form != "RF64" && form != "BW64" && form != "RIFX":
		return nil, fmt.Errorf("it begins with %q, not with RIFF and WAVE: convert it to WAV with linear PCM of 16 bits", head[:])
	case form == "RIFX":
		return nil, errors.New("it begins with \"RIFX\", which is big-endian: convert it to WAV with linear PCM of 16 bits")
	}
	w.riff, w.large = int64(le.Uint32(head[4:]))+8, -1
	var sound *Sound
	for {
		var chunk [8]byte
		switch err := w.fill(chunk[:]); {
		case sound != nil && err != nil:
			return sound, nil // what is no chunk behind the sound is not WAV's
		case err == io.EOF:
			return nil, errors.New("there is no sound in it (no chunk \"data\")")
		case err != nil:
			return nil, err
		}
		name, size := string(chunk[:4]), int64(le.Uint32(chunk[4:]))
		var err error
		switch {
		case sound != nil && (name == "data" || name == "RIFF"):
			return nil, fmt.Errorf("a second recording (%q) follows: split the file", name)
		case name == "ds64" && form != "RIFF":
			err = w.ds64(size)
		case name == "fmt " && sound == nil:
			err = w.readFormat(size)
		case name == "data":
			sound, err = w.data(size)
		default:
			err = w.skip(size)
			if sound != nil && err != nil {
				return sound, nil
			}
		}
		if err != nil {
			return nil, err
		}
		if size%2 == 1 {
			w.pad()
		}
	}
}

// pad skips the byte that makes a chunk even. Some writers leave it out: then
// the name of the next chunk stands there.
func (w *wavReader) pad() {
	next, _ := w.r.Peek(4)
	if len(next) == 4 && next[0] != 0 && !strings.ContainsFunc(string(next),
		func(c rune) bool { return c < ' ' || c > '~' }) {
		return
	}
	n, _ := w.r.Discard(1)
	w.at += int64(n)
}

func (w *wavReader) skip(size int64) error {
	n, err := io.CopyN(io.Discard, w.r, size)
	w.at += n
	return err
}

// ds64 reads the sizes of the 64-bit form.
func (w *wavReader) ds64(size int64) error {
	if size < 28 {
		return fmt.Errorf("its chunk \"ds64\" has %d bytes, 28 are needed", size)
	}
	var b [16]byte
	if err := w.fill(b[:]); err != nil {
		return err
	}
	riff, large := le.Uint64(b[:]), le.Uint64(b[8:])
	if w.large = math.MaxInt64; large < math.MaxInt64 {
		w.large = int64(large)
	}
	if riff < math.MaxInt64-8 {
		w.riff = int64(riff) + 8
	}
	return w.skip(size - 16)
}

func (w *wavReader) readFormat(size int64) error {
	if w.format != nil {
		return errors.New("it has two formats (chunks \"fmt \")")
	}
	if size < 16 || size > 1<<16 {
		return fmt.Errorf("its chunk \"fmt \" has %d bytes", size)
	}
	b := make([]byte, size)
	if err := w.fill(b); err != nil {
		return err
	}
	f := &wavFormat{tag: le.Uint16(b), channels: le.Uint16(b[2:]), rate: le.Uint32(b[4:]),
		align: le.Uint16(b[12:]), bits: le.Uint16(b[14:])}
	if f.tag == tagExtensible {
		if size < 40 {
			return fmt.Errorf("its extensible chunk \"fmt \" has %d bytes, 40 are needed", size)
		}
		if valid := le.Uint16(b[18:]); valid > f.bits {
			return fmt.Errorf("%d valid bits in samples of %d", valid, f.bits)
		}
		if !slices.Contains(subFormats, string(b[26:40])) {
			return fmt.Errorf("extensible format %x: convert it to linear PCM of 16 bits", b[24:40])
		}
		f.tag = le.Uint16(b[24:]) // the sub-format begins with the plain tag
	}
	switch {
	case f.channels == 0 || f.channels > maxChannels:
		return fmt.Errorf("%d channels, want 1 to %d", f.channels, maxChannels)
	case f.rate == 0 || f.rate > maxRate:
		return fmt.Errorf("%d samples per second, want 1 to %d", f.rate, maxRate)
	case f.tag == tagPCM && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32):
	case f.tag == tagFloat && (f.bits == 32 || f.bits == 64):
	case tagNames[f.tag] != "":
		return fmt.Errorf("compressed as %s: convert it to linear PCM of 16 bits", tagNames[f.tag])
	default:
		return fmt.Errorf("format %d with %d bits a sample: convert it to linear PCM of 16 bits", f.tag, f.bits)
	}
	if want := int(f.channels) * int(f.bits/8); int(f.align) != want {
		return fmt.Errorf("a frame of %d channels of %d bits has %d bytes, the file says %d", f.channels, f.bits, want, f.align)
	}
	w.format = f
	return nil
}

// unknown tells whether a size is what writers put who cannot go back to say
// how much came: the most that 32 bits hold, with a sign or without (FFmpeg,
// LAME), or a little less (SoX, eSpeak, ALSA). None can be true below maxWAV.
func unknown(size int64) bool {
	return 0x7ffff000 <= size && size <= math.MaxInt32 || 0xfffff000 <= size && size <= math.MaxUint32
}

func (w *wavReader) data(size int64) (*Sound, error) {
	if w.format == nil {
		return nil, errors.New("the sound comes before its format (chunk \"fmt \")")
	}
	streamed := unknown(size)
	switch {
	case size == math.MaxUint32 && w.large >= 0:
		size, streamed = w.large, false
	case size == 0: // no sound, or a writer that did not come to say how much
		streamed = w.at >= w.riff || w.riff == 8 || unknown(w.riff-8)
	}
	limit := size
	if streamed {
		limit = maxWAV + 1
	}
	b, err := io.ReadAll(io.LimitReader(w.r, min(limit, maxWAV+1)))
	w.at += int64(len(b))
	if err != nil {
		return nil, err
	}
	if len(b) > maxWAV {
		return nil, fmt.Errorf("more than %d bytes of sound: split the file", maxWAV)
	}
	if !streamed && int64(len(b)) < size {
		return nil, fmt.Errorf("it ends after %d of %d bytes of sound: the file is truncated; copy or record it again", len(b), size)
	}
	return w.format.sound(b)
}

func (f *wavFormat) sound(b []byte) (*Sound, error) {
	if len(b)%int(f.align) != 0 {
		return nil, fmt.Errorf("%d bytes of sound are not whole frames of %d: the file is truncated; copy or record it again", len(b), f.align)
	}
	width := int(f.bits / 8)
	s := &Sound{Rate: int(f.rate), Channels: int(f.channels), Samples: make([]float32, len(b)/width)}
	for i := range s.Samples {
		v := f.sample(b[i*width:])
		if math.IsNaN(v) || math.Abs(v) > math.MaxFloat32 {
			return nil, fmt.Errorf("sample %d is %v: the file is damaged, or not in the format that it states", i, v)
		}
		s.Samples[i] = float32(v)
	}
	return s, nil
}

func (f *wavFormat) sample(b []byte) float64 {
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
