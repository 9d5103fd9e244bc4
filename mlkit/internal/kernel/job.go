package kernel

import "sync"

// job carries the arguments of a kernel to the workers. One type serves them all, so that a pool of
// them makes splitting free of allocation.
type job struct {
	run       func(j *job, lo, hi int)
	n, grain  int
	op        elemOp
	dst, a, b []float32
	s, t      float32
}

var jobs = sync.Pool{New: func() any { return new(job) }}

func getJob(run func(j *job, lo, hi int)) *job {
	j := jobs.Get().(*job)
	j.run = run
	return j
}

// parallel runs j over [0, n) in equal parts of at most grain, and gives j back. The parts follow
// from n and grain alone.
func (j *job) parallel(n, grain int) {
	parts := (n + grain - 1) / grain
	j.n, j.grain = n, (n+parts-1)/parts
	Parallel(parts, j)
	j.release()
}

func (j *job) release() {
	*j = job{} // keeps nothing alive
	jobs.Put(j)
}

// Part implements Task.
func (j *job) Part(i int) {
	lo := i * j.grain
	if hi := min(lo+j.grain, j.n); lo < hi {
		j.run(j, lo, hi)
	}
}

// part returns x[lo:hi], or nil if the kernel has no use for x.
func part(x []float32, lo, hi int) []float32 {
	if x == nil {
		return nil
	}
	return x[lo:hi]
}
