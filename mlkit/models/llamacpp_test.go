package models

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"

	"descent/mlkit/tensor"
)

// The angles' cosines and sines are glibc's, all 131,072 of them: see
// testdata/sincos.py.
func TestSinCos(t *testing.T) {
	s := LlamaSize{Width: 576, Heads: 9, RopeBase: 100000}
	turns := s.turns(tensor.NewEvalTape(), 0, 2048)
	var bytes []byte
	for _, v := range turns {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
	}
	if sum := crc32.ChecksumIEEE(bytes); sum != 3686138915 {
		t.Errorf("the sum is %d", sum)
	}
	for _, x := range []float32{0, 1e-20, 0.5, 1, 3, 100, 5000, -2} {
		sin, cos := sinCos(x)
		if d := math.Abs(float64(sin) - math.Sin(float64(x))); !(d < 1e-7) {
			t.Errorf("sin %v is %v", x, sin)
		}
		if d := math.Abs(float64(cos) - math.Cos(float64(x))); !(d < 1e-7) {
			t.Errorf("cos %v is %v", x, cos)
		}
	}
}
