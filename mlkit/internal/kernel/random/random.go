package random

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
)

// The random numbers are counter-based: Philox-4x32-10 (Salmon et al., Parallel
// Random Numbers: As Easy as 1, 2, 3, 2011). A number depends on its key and
// its index alone, so it does not matter who draws it, in which order or in how
// many pieces.
//
// Elements are numbered in blocks of 64: element 64b + 16w + l is word w of the
// counter 16b + l. So vector code runs 16 counters side by side and stores
// whole words.

const philoxBlock = 64

// key names a stream: the two words of Philox's key and the upper three of its
// counter.
type key struct{ k0, k1, c1, c2, c3 uint32 }

func newKey(seed, step, op uint64) key {
	// Philox takes 64 bits of key and 128 of counter; 32 count the elements.
	// The upper half of op finds no room beside it and is mixed into the key.
	seed += (op >> 32) * 0x9e3779b97f4a7c15
	return key{uint32(seed), uint32(seed >> 32), uint32(op), uint32(step), uint32(step >> 32)}
}

func (k *key) words(c0 uint32) (a, b, c, d uint32) {
	const m0, m1, w0, w1 = 0xd2511f53, 0xcd9e8d57, 0x9e3779b9, 0xbb67ae85
	a, b, c, d = c0, k.c1, k.c2, k.c3
	k0, k1 := k.k0, k.k1
	for range 10 {
		p, q := uint64(a)*m0, uint64(c)*m1
		a, b, c, d = uint32(q>>32)^b^k0, uint32(q), uint32(p>>32)^d^k1, uint32(p)
		k0, k1 = k0+w0, k1+w1
	}
	return
}

// bits fills out with the 24 upper bits of the elements of the block whose
// first counter is counter.
func (k *key) bits(out *[philoxBlock]int32, counter int) {
	for l := range 16 {
		w0, w1, w2, w3 := k.words(uint32(counter) + uint32(l))
		out[l], out[16+l], out[32+l], out[48+l] = int32(w0>>8), int32(w1>>8), int32(w2>>8), int32(w3>>8)
	}
}

// counter returns the number of the first counter of block b.
func counter(b uint64) int { return int(uint32(b) * 16) }

type (
	randJob  = cpu.Job[randMore]
	randMore struct {
		key    key
		limit  int32
		offset uint64
		blocks func(j *randJob, dst []float32, first uint64)
	}
)

var randJobs cpu.FreeList[randJob]

func newRandJob(run func(j *randJob, lo, hi int)) *randJob { return cpu.NewJob(&randJobs, run) }

// scratch holds blocks of which only a part is wanted.
var scratch cpu.FreeList[[philoxBlock]float32]

// randomGrain is the number of blocks a worker takes at a time.
const randomGrain = 1 << 8

// Uniform fills dst with numbers from [0, 1), multiples of 2^-24: dst[i] is
// element offset+i of the stream (seed, stream). A stream has 2^34 elements.
func Uniform(dst []float32, seed, stream, offset uint64) {
	fill(uniformBlocks, dst, newKey(seed, 0, stream), offset, 0)
}

// Normal fills dst with normally distributed numbers, mean 0 and variance 1
// (Box & Muller, 1958): dst[i] is element offset+i of the stream (seed,
// stream), which has 2^34 elements. The largest possible number is 5.77.
func Normal(dst []float32, seed, stream, offset uint64) {
	// A step that dropout never reaches keeps it apart from Uniform's numbers
	// of the same stream.
	fill(normalBlocks, dst, newKey(seed, 1<<63, stream), offset, 0)
}

// fill lets blocks write all numbers of the blocks that dst takes a part of.
func fill(blocks func(j *randJob, dst []float32, first uint64), dst []float32, k key, offset uint64, keep float32) {
	if len(dst) == 0 {
		return
	}
	first := offset / philoxBlock
	last := (offset + uint64(len(dst)) - 1) / philoxBlock
	j := newRandJob(fillPart)
	j.X[0], j.More.key, j.More.offset, j.More.blocks = dst, k, offset, blocks
	j.More.limit, j.S = int32(keep*(1<<24)), 1/keep
	j.Parallel(int(last-first+1), randomGrain)
}

func fillPart(j *randJob, lo, hi int) {
	dst, first, skip := j.X[0], j.More.offset/philoxBlock, int(j.More.offset%philoxBlock)
	// Block first+b begins at dst[b*philoxBlock-skip].
	for b := lo; b < hi; {
		at := b*philoxBlock - skip
		if full := min(hi-b, (len(dst)-at)/philoxBlock); at >= 0 && full > 0 {
			j.More.blocks(j, dst[at:at+full*philoxBlock], first+uint64(b))
			b += full
			continue
		}
		block := scratch.Get()
		j.More.blocks(j, block[:], first+uint64(b))
		from := max(0, -at)
		copy(dst[at+from:], block[from:])
		scratch.Put(block)
		b++
	}
}

func uniformBlocks(j *randJob, dst []float32, first uint64) {
	uniform(dst, &j.More.key, counter(first))
}

func normalBlocks(j *randJob, dst []float32, first uint64) {
	normal(dst, &j.More.key, counter(first))
}

// Dropout keeps each element of x with probability keep (a multiple of 2^-24, 0
// < keep <= 1) and divides it by keep, or else writes 0. Whether element i is
// kept depends on (seed, step, op, i) only. mask, unless nil, gets 1/keep or 0.
// dst may be x.
func Dropout(dst, mask, x []float32, keep float32, seed, step, op uint64) {
	cpu.CheckLen("Dropout", "x", len(dst), len(x))
	if mask != nil {
		cpu.CheckLen("Dropout", "mask", len(dst), len(mask))
	}
	dropoutJob("Dropout", dropoutPart, dst, mask, x, keep, newKey(seed, step, op))
}

// DropoutGrad adds dy/keep to dx where Dropout with the same arguments kept the
// element: the mask is drawn again instead of kept.
func DropoutGrad(dx, dy []float32, keep float32, seed, step, op uint64) {
	cpu.CheckLen("DropoutGrad", "dy", len(dx), len(dy))
	dropoutJob("DropoutGrad", dropoutGradPart, dx, nil, dy, keep, newKey(seed, step, op))
}

// DropoutMask writes what Dropout multiplies elements offset …
// offset+len(dst)-1 of its stream with: 1/keep or 0.
func DropoutMask(dst []float32, keep float32, seed, step, op, offset uint64) {
	checkKeep("DropoutMask", keep)
	fill(maskBlocks, dst, newKey(seed, step, op), offset, keep)
}

func maskBlocks(j *randJob, dst []float32, first uint64) {
	for i := range dst {
		dst[i] = 1
	}
	dropout(dst, nil, dst, &j.More.key, counter(first), j.More.limit, j.S)
}

func checkKeep(op string, keep float32) {
	if !(keep > 0 && keep <= 1) {
		panic(fmt.Sprintf("kernel: %s: keep is %g, want a number in (0, 1]", op, keep))
	}
}

func dropoutJob(op string, run func(j *randJob, lo, hi int), dst, mask, x []float32, keep float32, k key) {
	checkKeep(op, keep)
	if len(dst) == 0 {
		return
	}
	j := newRandJob(run)
	j.X[0], j.X[1], j.X[2], j.More.key, j.More.limit, j.S = dst, mask, x, k, int32(keep*(1<<24)), 1/keep
	j.Parallel((len(dst)+philoxBlock-1)/philoxBlock, randomGrain)
}

func dropoutPart(j *randJob, lo, hi int) {
	dst, mask, x := j.X[0], j.X[1], j.X[2]
	part := func(from, to int, dropout func(dst, mask, x []float32, k *key, counter int, limit int32, scale float32)) {
		if from < to {
			var m []float32
			if mask != nil {
				m = mask[from:to]
			}
			dropout(dst[from:to], m, x[from:to], &j.More.key, counter(uint64(from/philoxBlock)), j.More.limit, j.S)
		}
	}
	from, to := lo*philoxBlock, min(hi*philoxBlock, len(dst))
	whole := to &^ (philoxBlock - 1)
	part(from, whole, dropout)
	part(max(from, whole), to, dropoutGo)
}

func dropoutGradPart(j *randJob, lo, hi int) {
	dx, dy := j.X[0], j.X[2]
	part := func(from, to int, dropoutGrad func(dx, dy []float32, k *key, counter int, limit int32, scale float32)) {
		if from < to {
			dropoutGrad(dx[from:to], dy[from:to], &j.More.key, counter(uint64(from/philoxBlock)), j.More.limit, j.S)
		}
	}
	from, to := lo*philoxBlock, min(hi*philoxBlock, len(dx))
	whole := to &^ (philoxBlock - 1)
	part(from, whole, dropoutGrad)
	part(max(from, whole), to, dropoutGradGo)
}
