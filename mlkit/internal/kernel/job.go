package kernel

import (
	"sync"
	"sync/atomic"
)

// job carries the arguments of a kernel to the workers. One type serves them all, so that a pool of
// them makes splitting free of allocation.
type job struct {
	run      func(j *job, lo, hi int)
	n, grain int

	op     elemOp
	x      [9][]float32
	s, t   float32
	f      [5]float32
	cols   int
	size   int
	labels []int32
	bytes  []byte
	key    key
	limit  int32
	offset uint64
	blocks func(j *job, dst []float32, first uint64)

	overRows func(a, b, c []float32, cols int)

	// Kept between jobs:
	part  []float32             // one result a part
	block *[philoxBlock]float32 // see scratch
}

// spare is a free list, not a sync.Pool: nothing may be allocated after a garbage collection either.
// Its first element has a place of its own, for one goroutine that trains.
var spare struct {
	first atomic.Pointer[job]
	sync.Mutex
	more []*job
}

func getJob(run func(j *job, lo, hi int)) *job {
	j := spare.first.Swap(nil)
	if j == nil {
		j = moreJobs()
	}
	j.run = run
	return j
}

func moreJobs() *job {
	spare.Lock()
	defer spare.Unlock()
	n := len(spare.more)
	if n == 0 {
		return new(job)
	}
	j := spare.more[n-1]
	spare.more = spare.more[:n-1]
	return j
}

// parallel runs j over [0, n) in equal parts of at most grain, and gives j back. The parts follow
// from n and grain alone. Where grain is whole lines of the cache (of 16 numbers), so are the parts.
func (j *job) parallel(n, grain int) {
	j.split(n, grain)
	j.release()
}

func (j *job) split(n, grain int) {
	parts := (n + grain - 1) / grain
	j.n, j.grain = n, (n+parts-1)/max(1, parts)
	if grain%16 == 0 {
		j.grain = (j.grain + 15) &^ 15
	}
	Parallel(parts, j)
}

func (j *job) release() {
	*j = job{part: j.part[:0], block: j.block} // keeps nothing of the caller's alive
	if spare.first.CompareAndSwap(nil, j) {
		return
	}
	spare.Lock()
	spare.more = append(spare.more, j)
	spare.Unlock()
}

// scratch returns memory that no other job has.
func (j *job) scratch() *[philoxBlock]float32 {
	if j.block == nil {
		j.block = new([philoxBlock]float32)
	}
	return j.block
}

// Part implements Task.
func (j *job) Part(i int) {
	lo := i * j.grain
	if hi := min(lo+j.grain, j.n); lo < hi {
		j.run(j, lo, hi)
	}
}

// reduce runs j like split, and returns the sum of what its parts have put into j.part by partDone,
// from the first to the last.
func (j *job) reduce(n, grain int) float32 {
	parts := (n + grain - 1) / grain
	if cap(j.part) < parts {
		j.part = make([]float32, parts)
	}
	j.part = j.part[:parts]
	clear(j.part)
	j.split(n, grain)
	var s float64
	for _, v := range j.part {
		s += float64(v)
	}
	j.release()
	return float32(s)
}

func (j *job) partDone(lo int, v float32) { j.part[lo/j.grain] = v }

// at returns elements lo to hi of argument i, or nil if it is not given.
func (j *job) at(i, lo, hi int) []float32 {
	if j.x[i] == nil {
		return nil
	}
	return j.x[i][lo:hi]
}

// rows returns rows lo to hi of argument i.
func (j *job) rows(i, lo, hi int) []float32 { return j.at(i, lo*j.cols, hi*j.cols) }

// rowGrain is the number of elements below which a kernel over rows stays with the caller, when
// its work on an element costs about that of an exponential: some microseconds, which a worker is worth.
const rowGrain = 1 << 14

// rowsAtATime returns how many rows of cols elements make a part of about grain elements.
func rowsAtATime(grain, cols int) int { return max(1, grain/cols) }
