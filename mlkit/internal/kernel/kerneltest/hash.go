package kerneltest

import (
	"encoding/binary"
	"hash/fnv"
	"math"
)

// bitsHash is a hash of all numbers.
func Hash(xs ...[]float32) uint64 {
	f := fnv.New64a()
	for _, x := range xs {
		for _, v := range x {
			f.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	return f.Sum64()
}
