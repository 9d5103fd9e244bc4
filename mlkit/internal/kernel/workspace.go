package kernel

import "sync"

// workspace is the scratch memory of one part of a job, and the jobs
// themselves, kept from call to call so that calls allocate nothing.
type workspace struct {
	a, b, c []float32 // grown by floats
	gemm    gemmJob
	conv    convJob
	pool    poolJob
	win     winJob
	batch   batchJob
	next    *workspace
}

// spaces is the list of idle workspaces. (A sync.Pool would lose them to the
// garbage collector, and a training step would allocate again.)
var spaces struct {
	sync.Mutex
	free *workspace
}

func getWorkspace() *workspace {
	spaces.Lock()
	w := spaces.free
	if w != nil {
		spaces.free = w.next
	}
	spaces.Unlock()
	if w == nil {
		w = new(workspace)
	}
	return w
}

// release gives w back. Nothing may use its memory any more.
func (w *workspace) release() {
	spaces.Lock()
	w.next = spaces.free
	spaces.free = w
	spaces.Unlock()
}

// floats returns n floats of scratch memory with any contents, that stay in buf.
func floats(buf *[]float32, n int) []float32 {
	if cap(*buf) < n {
		*buf = make([]float32, n+n/4)
	}
	return (*buf)[:n]
}
