package cpu

// Workspace is the scratch memory of one part of a job, kept from call to call
// so that calls allocate nothing. Its three buffers may be in use at the same
// time.
type Workspace struct{ A, B, C []float32 } // grown by Floats

var workspaces FreeList[Workspace]

// GetWorkspace returns a workspace that nobody else has.
func GetWorkspace() *Workspace { return workspaces.Get() }

// Release gives w back. Nothing may use its memory any more.
func (w *Workspace) Release() { workspaces.Put(w) }

// Floats returns n floats of scratch memory with any contents, that stay in
// buf.
func Floats(buf *[]float32, n int) []float32 {
	if cap(*buf) < n {
		*buf = make([]float32, n+n/4)
	}
	return (*buf)[:n]
}
