package audio_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/audio"
	"descent/mlkit/internal/fuzztest"
)

func le(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		if s, ok := v.(string); ok {
			v = []byte(s)
		}
		binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

func chunk(name string, body []byte) []byte {
	b := append(le(name, uint32(len(body))), body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func wav(chunks ...[]byte) []byte {
	body := slices.Concat(chunks...)
	return append(le("RIFF", uint32(4+len(body)), "WAVE"), body...)
}

func format(tag, channels, rate, bits int) []byte {
	return chunk("fmt ", le(uint16(tag), uint16(channels), uint32(rate), uint32(rate*channels*bits/8), uint16(channels*bits/8), uint16(bits)))
}

var pcm16 = format(1, 1, 8000, 16)

func TestReadWAV(t *testing.T) {
	extensible := le(uint16(0xfffe), uint16(1), uint32(8000), uint32(16000), uint16(2), uint16(16), uint16(22), uint16(16), uint32(4),
		uint16(1), "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71")
	for name, c := range map[string]struct {
		file     []byte
		channels int
		want     []float32
	}{
		"8 bits":     {wav(format(1, 1, 8000, 8), chunk("data", []byte{0, 128, 255})), 1, []float32{-1, 0, 127. / 128}},
		"16 bits":    {wav(pcm16, chunk("data", le(int16(-32768), int16(1)))), 1, []float32{-1, 1. / 32768}},
		"24 bits":    {wav(format(1, 1, 8000, 24), chunk("data", []byte{0, 0, 0x80, 0, 0, 0x40})), 1, []float32{-1, 0.5}},
		"32 bits":    {wav(format(1, 1, 8000, 32), chunk("data", le(int32(-1<<31), int32(1<<29)))), 1, []float32{-1, 0.25}},
		"floats":     {wav(format(3, 2, 8000, 32), chunk("data", le(float32(-2), float32(0.5)))), 2, []float32{-2, 0.5}},
		"doubles":    {wav(format(3, 1, 8000, 64), chunk("data", le(0.1))), 1, []float32{0.1}},
		"extensible": {wav(chunk("fmt ", extensible), chunk("data", le(int16(16384)))), 1, []float32{0.5}},
		"more":       {wav(chunk("LIST", []byte("odd")), pcm16, chunk("fact", le(uint32(1))), chunk("data", le(int16(16384))), []byte("rest")), 1, []float32{0.5}},
		"streamed":   {wav(pcm16, le("data", uint32(math.MaxUint32), int16(16384))), 1, []float32{0.5}},
		"silence":    {wav(pcm16, chunk("data", nil)), 1, []float32{}},
	} {
		s, err := audio.ReadWAV(bytes.NewReader(c.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if s.Rate != 8000 || s.Channels != c.channels || !slices.Equal(s.Samples, c.want) {
			t.Errorf("%s: %+v, want %v", name, s, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "two.wav")
	if err := os.WriteFile(path, wav(format(3, 2, 8000, 32), chunk("data", le(float32(-2), float32(0.5), float32(1), float32(0))), nil), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := audio.LoadWAV(path)
	if err != nil || !slices.Equal(s.Mono(), []float32{-0.75, 0.5}) || s.Seconds() != 2./8000 {
		t.Errorf("%+v, %v", s, err)
	}
}

// testdata/sndfile.py wrote the files.
func TestWAVFromSndfile(t *testing.T) {
	want := []float32{0.5, -0.5, 0.25, -1, 0, 0.75, -0.125, 0.0625}
	for _, name := range []string{"pcm8", "pcm16", "pcm24", "pcm32", "float32", "float64", "extensible24", "extensible-float", "rf64"} {
		s, err := audio.LoadWAV("testdata/" + name + ".wav")
		if err != nil {
			t.Error(err)
		} else if s.Rate != 8000 || s.Channels != 2 || !slices.Equal(s.Samples, want) {
			t.Errorf("%s: %+v, want %v", name, s, want)
		}
	}
	if _, err := audio.LoadWAV("testdata/ulaw.wav"); err == nil || !strings.Contains(err.Error(), "ulaw.wav: audio: WAV: compressed as µ-law: convert it to linear PCM") {
		t.Error(err)
	}
}

// Sizes that a writer could not know. libsndfile 1.2.2 and SciPy 1.17 read
// these as well; where they drop half a frame, read a file that is cut off, or
// nothing from one that was never closed, there is an error here, or the sound.
func TestStreamedWAV(t *testing.T) {
	body := le(int16(1), int16(2), int16(3))
	raw := func(riff, size uint32, body []byte) []byte {
		return slices.Concat(le("RIFF", riff, "WAVE"), pcm16, le("data", size), body)
	}
	for _, size := range []uint32{math.MaxUint32, math.MaxUint32 - 36, math.MaxInt32, math.MaxInt32 - 36, 0x7ffff000, 0x7fffff00} {
		s, err := audio.ReadWAV(bytes.NewReader(raw(size+36, size, body)))
		if err != nil || len(s.Samples) != 3 {
			t.Errorf("%#x: %+v %v", size, s, err)
		}
		if s, err := audio.ReadWAV(bytes.NewReader(raw(size, size, nil))); err != nil || len(s.Samples) != 0 {
			t.Errorf("%#x, no sound: %+v %v", size, s, err)
		}
		if _, err := audio.ReadWAV(bytes.NewReader(raw(size, size, body[:5]))); err == nil || !strings.Contains(err.Error(), "not whole frames") {
			t.Errorf("%#x, half a frame: %v", size, err)
		}
	}
	for _, riff := range []uint32{0, 36, math.MaxUint32, 0x7fffffff} { // never closed
		if s, err := audio.ReadWAV(bytes.NewReader(raw(riff, 0, body))); err != nil || len(s.Samples) != 3 {
			t.Errorf("not closed, %#x: %+v %v", riff, s, err)
		}
	}
	for name, b := range map[string][]byte{
		"a chunk behind no sound": wav(pcm16, chunk("data", nil), chunk("LIST", []byte("text"))),
		"no sound":                wav(pcm16, chunk("data", nil)),
	} {
		if s, err := audio.ReadWAV(bytes.NewReader(b)); err != nil || len(s.Samples) != 0 {
			t.Errorf("%s: %+v %v", name, s, err)
		}
	}
	for _, size := range []uint32{7, 1 << 20, 1 << 30, 0x7fffe000, 1 << 31, 0xffff0000} { // a size that could be true
		if s, err := audio.ReadWAV(bytes.NewReader(raw(size+36, size, body))); err == nil || !strings.Contains(err.Error(), "6 of") {
			t.Errorf("%#x: %+v %v", size, s, err)
		}
	}
}

// Chunks of odd sizes, with the byte that makes them even or without.
func TestOddChunks(t *testing.T) {
	list := le("LIST", uint32(3), "odd")
	sound := chunk("data", le(int16(16384)))
	for name, b := range map[string][]byte{
		"padded":               wav(append(list, 0), pcm16, sound),
		"padded by something":  wav(append(list, 7), pcm16, sound),
		"not padded":           wav(list, pcm16, sound),
		"not padded, in front": wav(pcm16, list, sound),
		"many":                 wav(append(list, 0), le("JUNK", uint32(0)), pcm16, le("bext", uint32(1), "x\x00"), le("fact", uint32(4), uint32(1)), sound, list, []byte{0}, list),
		"text behind":          wav(pcm16, sound, []byte("TAG and so on")),
	} {
		if s, err := audio.ReadWAV(bytes.NewReader(b)); err != nil || !slices.Equal(s.Samples, []float32{0.5}) {
			t.Errorf("%s: %+v %v", name, s, err)
		}
	}
	eight := format(1, 1, 8000, 8)
	if s, err := audio.ReadWAV(bytes.NewReader(wav(eight, chunk("data", []byte{0, 128, 255})))); err != nil || len(s.Samples) != 3 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestHostileWAV(t *testing.T) {
	good := wav(pcm16, chunk("data", le(int16(1), int16(2))))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":              {nil, "truncated"},
		"not one":            {[]byte("RIFX0000WAVE0000"), "begins with"},
		"cut off":            {good[:len(good)-1], "3 of 4 bytes"},
		"cut header":         {good[:20], "truncated"},
		"announces too much": {wav(pcm16, le("data", uint32(1<<31), int16(1))), "2 of 2147483648"},
		"endless chunk":      {wav(le("LIST", uint32(math.MaxUint32), "x")), "truncated"},
		"no format":          {wav(chunk("data", le(int16(1)))), "before its format"},
		"no sound":           {wav(pcm16), "no sound"},
		"half a sample":      {wav(pcm16, chunk("data", []byte{1})), "whole frames"},
		"no channels":        {wav(format(1, 0, 8000, 16)), "0 channels"},
		"no rate":            {wav(format(1, 1, 0, 16)), "0 samples per second"},
		"µ-law":              {wav(format(7, 1, 8000, 8)), "linear PCM"},
		"12 bits":            {wav(format(1, 1, 8000, 12)), "linear PCM"},
		"wrong frames":       {wav(chunk("fmt ", le(uint16(1), uint16(1), uint32(8000), uint32(8000), uint16(1), uint16(16)))), "the file says 1"},
		"huge format":        {wav(le("fmt ", uint32(1<<30))), "bytes"},
		"short extensible":   {wav(format(0xfffe, 1, 8000, 16)), "extensible"},
		"NaN":                {wav(format(3, 1, 8000, 32), chunk("data", le(float32(math.NaN())))), "NaN"},
		"two sounds":         {wav(pcm16, chunk("data", le(int16(1))), chunk("data", le(int16(1)))), "second recording"},
		"two files":          {append(slices.Clone(good), good...), "second recording"},
		"two formats":        {wav(pcm16, pcm16, chunk("data", nil)), "two formats"},
		"big-endian":         {append([]byte("RIFX"), good[4:]...), "big-endian"},
		"foreign extensible": {wav(chunk("fmt ", slices.Concat(le(uint16(0xfffe)), pcm16[10:], le(uint16(22), uint16(16), uint32(4), uint16(1), "0123456789abcd"))), chunk("data", nil)), "extensible format 0100303132"},
		"17 bits of 16":      {wav(chunk("fmt ", slices.Concat(le(uint16(0xfffe)), pcm16[10:], le(uint16(22), uint16(17), uint32(4), uint16(1), "0123456789abcd"))), chunk("data", nil)), "17 valid bits"},
		"short ds64":         {append([]byte("RF64\xff\xff\xff\xffWAVE"), chunk("ds64", make([]byte, 8))...), "ds64"},
		"huge ds64":          {slices.Concat([]byte("RF64\xff\xff\xff\xffWAVE"), chunk("ds64", bytes.Repeat([]byte{0xff}, 28)), pcm16, le("data", uint32(math.MaxUint32), "ab")), "2 of 9223372036854775807"},
		"A-law":              {wav(format(6, 1, 8000, 8)), "compressed as A-law"},
		"a FLAC file":        {[]byte("fLaC00000000"), "convert it to WAV"},
		"infinite":           {wav(format(3, 1, 8000, 64), chunk("data", le(1e300))), "1e+300"},
	} {
		s, err := audio.ReadWAV(bytes.NewReader(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want %q", name, s, err, c.want)
		}
	}
	if _, err := audio.LoadWAV(filepath.Join(t.TempDir(), "none.wav")); err == nil || !strings.Contains(err.Error(), "none.wav") {
		t.Error(err)
	}
}

// The corpus, testdata/fuzz, was written by testdata/seeds.py.
func FuzzReadWAV(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) { checkWAV(t, b) }) }

// A few thousand damaged files, the same at every run.
func TestMutations(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 500
	}
	fuzztest.Run(t, fuzztest.Corpus(t, "FuzzReadWAV"), n, fuzztest.Bound{Fixed: 1 << 18, PerByte: 32}, checkWAV)
}

func checkWAV(t testing.TB, b []byte) {
	s, err := audio.ReadWAV(bytes.NewReader(b))
	if err != nil {
		return
	}
	if s.Rate < 1 || s.Channels < 1 || len(s.Samples)%s.Channels != 0 || len(s.Samples) > len(b) {
		t.Fatalf("%d samples of %d channels at %d from %d bytes", len(s.Samples), s.Channels, s.Rate, len(b))
	}
	for _, v := range s.Mono() {
		if v != v {
			t.Fatal("NaN")
		}
	}
}
