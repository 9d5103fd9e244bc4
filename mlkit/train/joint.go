package train

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// joint adds up what the shards of a batch have in common before their passes
// go on: the statistics of Config.SyncBatchNorm. Every shard of this rank is
// computed on a goroutine of its own and waits here for the others; the last
// one adds up, in the tree of the shards, and exchanges the sums with the other
// ranks, which do the same.
type joint struct {
	crew *crew
	mu   sync.Mutex
	cond sync.Cond
	sum  []func(x []float64) // of each shard, for its tape

	parts     [][]float64
	here      int // shards that wait
	gone      int // shards that are through, or have failed
	round     int
	recv      []float64
	err       error // why no sum will come any more
	computing sync.WaitGroup
}

// errLeft ends the pass of a shard because of another one's failure.
var errLeft = errors.New("train: another part of the batch has failed")

func newJoint(crew *crew, shards int) *joint {
	j := &joint{crew: crew, parts: make([][]float64, shards)}
	j.cond.L = &j.mu
	for k := range shards {
		j.sum = append(j.sum, func(x []float64) { j.add(k, x) })
	}
	return j
}

// begin is the beginning of a batch.
func (j *joint) begin() { j.here, j.gone, j.err = 0, 0, nil }

// add makes x the sum over all shards of all ranks.
func (j *joint) add(k int, x []float64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.parts[k] = x
	j.here++
	for round := j.round; j.round == round && j.err == nil; {
		switch {
		case j.here == len(j.parts):
			j.exchange()
		case j.here+j.gone == len(j.parts):
			j.fail(errUneven)
		default:
			j.cond.Wait()
		}
	}
	if j.err != nil {
		panic(left{j.err})
	}
}

// left is the panic of a pass that gets no sum.
type left struct{ error }

var errUneven = errors.New("train: SyncBatchNorm: some parts of a batch come to other batch normalisations than the others do")

// leave says that a shard is through, or has failed.
func (j *joint) leave(failed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.gone++
	switch {
	case failed:
		j.fail(errLeft)
	case j.here > 0 && j.here+j.gone == len(j.parts):
		j.fail(errUneven)
	}
}

func (j *joint) fail(err error) {
	if j.err == nil {
		j.err = err
	}
	j.cond.Broadcast()
}

// exchange adds up what all shards have brought.
func (j *joint) exchange() {
	sum := j.parts[0]
	n := len(sum)
	for _, x := range j.parts {
		if len(x) != n {
			j.fail(errUneven)
			return
		}
	}
	for step := 1; step < len(j.parts); step *= 2 {
		for k := 0; k+step < len(j.parts); k += 2 * step {
			addTo(j.parts[k], j.parts[k+step])
		}
	}
	if ranks := j.crew.Ranks(); ranks > 1 {
		if cap(j.recv) < ranks*n {
			j.recv = make([]float64, ranks*n)
		}
		all := j.recv[:ranks*n]
		if err := j.crew.AllGather(halves(all), halves(sum)).Wait(); err != nil {
			j.fail(err)
			return
		}
		for step := 1; step < ranks; step *= 2 {
			for r := 0; r+step < ranks; r += 2 * step {
				addTo(all[r*n:(r+1)*n], all[(r+step)*n:])
			}
		}
		sum = all[:n]
	}
	for _, x := range j.parts {
		copy(x, sum)
	}
	j.here = 0
	j.round++
	j.cond.Broadcast()
}

func addTo(sum, x []float64) {
	for i := range sum {
		sum[i] += x[i]
	}
}

// halves is the memory of numbers of double length as a Group carries it.
func halves(x []float64) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), 2*len(x))
}

// tooSmall is the error of a batch that has no sample for some shard.
func tooSmall(shards int) error {
	return fmt.Errorf("train: SyncBatchNorm: a batch has fewer samples than the %d parts it is cut into (Config.Shards), and each needs one: set Loader.DropLast, or make batches larger", shards)
}
