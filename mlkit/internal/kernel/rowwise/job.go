package rowwise

import "descent/mlkit/internal/kernel/cpu"

type (
	rowJob  = cpu.Job[rowMore]
	rowMore struct {
		labels   []int32
		lists    Lists
		overRows func(a, b, c []float32, cols int)
		wide     []float64 // sums of parts of a batch

		relu, ofBatch, wanted bool // see Norm
	}
)

var rowJobs cpu.FreeList[rowJob]

func newRowJob(run func(j *rowJob, lo, hi int)) *rowJob { return cpu.NewJob(&rowJobs, run) }

// rowGrain is the number of elements below which a kernel over rows stays with
// the caller, when its work on an element costs about that of an exponential:
// some microseconds, which a worker is worth.
const rowGrain = 1 << 14

// rowsAtATime returns how many rows of cols elements make a part of about grain
// elements.
func rowsAtATime(grain, cols int) int { return max(1, grain/cols) }
