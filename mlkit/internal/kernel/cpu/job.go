package cpu

// Job carries the arguments of a kernel to the workers, which run it over
// ranges of its elements, rows or blocks. E holds the arguments that only one
// family of kernels has.
type Job[E any] struct {
	run      func(j *Job[E], lo, hi int)
	list     *FreeList[Job[E]]
	n, grain int
	part     []float32 // one result a part; kept between jobs

	X    [9][]float32
	S, T float32
	F    [5]float32
	Cols int // of a row of X, see Rows
	Size int
	More E
}

// Grain is the number of elements that one worker takes at a time, and the
// length up to which the caller does the work alone, where an element costs
// little more than to read and write it. It depends on nothing, so the
// partition depends on the length only.
const Grain = 1 << 15

// NewJob returns a job from list that runs run over ranges [lo, hi). Its
// arguments are zero.
func NewJob[E any](list *FreeList[Job[E]], run func(j *Job[E], lo, hi int)) *Job[E] {
	j := list.Get()
	j.run, j.list = run, list
	return j
}

// Parallel runs j over [0, n) in equal parts of at most grain, and gives j
// back. The parts follow from n and grain alone. Where grain is whole lines of
// the cache (of 16 numbers), so are the parts.
func (j *Job[E]) Parallel(n, grain int) {
	j.split(n, grain)
	j.release()
}

func (j *Job[E]) split(n, grain int) {
	parts := (n + grain - 1) / grain
	j.n, j.grain = n, (n+parts-1)/max(1, parts)
	if grain%16 == 0 {
		j.grain = (j.grain + 15) &^ 15
	}
	Parallel(parts, j)
}

func (j *Job[E]) release() {
	list := j.list
	*j = Job[E]{part: j.part[:0]} // keeps nothing of the caller's alive
	list.Put(j)
}

// Part implements Task.
func (j *Job[E]) Part(i int) {
	lo := i * j.grain
	if hi := min(lo+j.grain, j.n); lo < hi {
		j.run(j, lo, hi)
	}
}

// Reduce runs j like Parallel, and returns the sum of what its parts have
// passed to PartDone, from the first to the last.
func (j *Job[E]) Reduce(n, grain int) float32 {
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

// PartDone keeps the result v of the part that starts at lo.
func (j *Job[E]) PartDone(lo int, v float32) { j.part[lo/j.grain] = v }

// At returns elements lo to hi of argument i, or nil if it is not given.
func (j *Job[E]) At(i, lo, hi int) []float32 {
	if j.X[i] == nil {
		return nil
	}
	return j.X[i][lo:hi]
}

// Rows returns rows lo to hi of argument i.
func (j *Job[E]) Rows(i, lo, hi int) []float32 { return j.At(i, lo*j.Cols, hi*j.Cols) }
