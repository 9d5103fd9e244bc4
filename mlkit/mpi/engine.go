//go:build (linux || darwin) && (amd64 || arm64)

package mpi

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"descent/mlkit/train"
)

// engine makes the calls. One is made at a time, from whatever thread where the
// library allows that (MPI_THREAD_SERIALIZED), else all from the thread that
// has called MPI_Init_thread, which a goroutine holds from Start to Close.
type engine struct {
	*library
	main   chan func()
	funnel bool // all calls on the main thread
	mu     sync.Mutex
	args   [8]uintptr // of the call under way
	test   uintptr
	parent int

	beat beat
}

// call makes one call of the library. What arguments point to stays where it is
// until the call returns.
//
//go:uintptrescapes
func (e *engine) call(fn uintptr, args ...uintptr) int {
	if !e.funnel {
		e.mu.Lock()
		code, _, _ := purego.SyscallN(fn, args...)
		e.mu.Unlock()
		return int(int32(code))
	}
	var code uintptr
	own := append([]uintptr(nil), args...)
	e.onMain(func() { code, _, _ = purego.SyscallN(fn, own...) })
	return int(int32(code))
}

// fast is call for arguments that point to the heap alone, to what the caller
// keeps alive. It allocates nothing.
func (e *engine) fast(fn uintptr, n int, args [8]uintptr) int {
	if e.funnel {
		return e.call(fn, append([]uintptr(nil), args[:n]...)...)
	}
	e.mu.Lock()
	e.args = args
	code, _, _ := purego.SyscallN(fn, e.args[:n]...)
	e.mu.Unlock()
	return int(int32(code))
}

func (e *engine) onMain(f func()) {
	over := make(chan struct{})
	e.main <- func() { defer close(over); f() }
	<-over
}

// err makes a Go error of a code.
func (e *engine) err(name string, code int) error {
	if code == 0 {
		return nil
	}
	var text [8192]byte
	n := int32(0)
	e.call(e.fn["MPI_Error_string"], uintptr(code), uintptr(unsafe.Pointer(&text[0])), uintptr(unsafe.Pointer(&n)))
	return &Error{name, code, string(text[:max(0, min(int(n), len(text)))])}
}

//go:uintptrescapes
func (e *engine) do(name string, args ...uintptr) error {
	return e.err(name, e.call(e.fn[name], args...))
}

// join loads the library and initialises it.
func (w *World) join() error {
	l, err := load()
	if err != nil {
		return err
	}
	e := &engine{library: l, test: l.fn["MPI_Test"], main: make(chan func()), parent: os.Getppid()}
	go func() {
		runtime.LockOSThread()
		for f := range e.main {
			f()
		}
	}()
	provided := int32(0)
	code := 0
	e.onMain(func() {
		c, _, _ := purego.SyscallN(e.fn["MPI_Init_thread"], 0, 0, uintptr(e.serialized), uintptr(unsafe.Pointer(&provided)))
		code = int(int32(c))
	})
	if code != 0 {
		return fmt.Errorf("mpi: MPI_Init_thread of %s fails with error %d: does the launcher belong to this library?", e.path, code)
	}
	e.funnel = provided < e.serialized
	if err := e.do("MPI_Comm_set_errhandler", e.world, e.errorsReturn); err != nil {
		return err
	}
	var rank, ranks, n int32
	if err := e.do("MPI_Comm_rank", e.world, uintptr(unsafe.Pointer(&rank))); err != nil {
		return err
	}
	if err := e.do("MPI_Comm_size", e.world, uintptr(unsafe.Pointer(&ranks))); err != nil {
		return err
	}
	var text [8192]byte
	if err := e.do("MPI_Get_library_version", uintptr(unsafe.Pointer(&text[0])), uintptr(unsafe.Pointer(&n))); err != nil {
		return err
	}
	w.about = strings.TrimSpace(strings.Split(strings.TrimRight(string(text[:min(max(n, 0), int32(len(text)))]),
		"\x00"), "\n")[0])
	w.engine, w.rank, w.ranks = e, int(rank), int(ranks)
	if size := launchedRanks(); size > 1 && w.ranks == 1 {
		return fmt.Errorf("mpi: the launcher has started %d processes, but to %s (%s) each is alone: the launcher belongs to another library; start the program with the mpiexec of this one, or name the launcher's library in MLKIT_MPI", size, w.about, e.path)
	}
	if w.ranks > 1 {
		return w.startBeat()
	}
	return nil
}

// operation is one under way.
type operation struct {
	w        *World
	kind     int
	request  uintptr
	flag     int32
	over     bool
	err      error
	dst, src []float32 // kept alive for the library
}

func address(x []float32) uintptr {
	if len(x) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&x[0]))
}

func (w *World) begin(kind int, dst, src []float32, root int) train.Pending {
	if len(dst) > math.MaxInt32 || len(src) > math.MaxInt32 {
		panic(fmt.Sprintf("mpi: %s of %d numbers: at most %d at once", calls[kind], max(len(dst), len(src)), math.MaxInt32))
	}
	var op *operation
	if n := len(w.spare); n > 0 {
		op, w.spare = w.spare[n-1], w.spare[:n-1]
	} else {
		op = new(operation)
	}
	*op = operation{w: w, kind: kind, dst: dst, src: src}
	e := w.engine
	const inPlace = 1
	fn := e.fn[calls[kind]]
	d, s, n, req := address(dst), address(src), uintptr(len(src)), uintptr(unsafe.Pointer(&op.request))
	code := 0
	switch kind {
	case allReduce:
		code = e.fast(fn, 7, [8]uintptr{inPlace, d, n, e.float, e.sum, e.world, req})
	case allToAll:
		n /= uintptr(w.ranks)
		code = e.fast(fn, 8, [8]uintptr{s, n, e.float, d, n, e.float, e.world, req})
	case allGather:
		code = e.fast(fn, 8, [8]uintptr{s, n, e.float, d, n, e.float, e.world, req})
	case reduceScatter:
		code = e.fast(fn, 7, [8]uintptr{s, d, uintptr(len(dst)), e.float, e.sum, e.world, req})
	case broadcast:
		code = e.fast(fn, 6, [8]uintptr{d, n, e.float, uintptr(root), e.world, req})
	case barrier:
		code = e.fast(fn, 2, [8]uintptr{e.world, req})
	}
	if code != 0 {
		op.over, op.err = true, e.err(calls[kind], code)
	}
	return op
}

// Done implements train.Pending.
func (op *operation) Done() bool {
	if op.over {
		return true
	}
	e := op.w.engine
	op.flag = 0
	if code := e.fast(e.test, 3, [8]uintptr{uintptr(unsafe.Pointer(&op.request)),
		uintptr(unsafe.Pointer(&op.flag))}); code != 0 {
		op.over, op.err = true, e.err(calls[op.kind], code)
	} else if op.flag != 0 {
		op.over = true
	}
	return op.over
}

// Wait implements train.Pending.
func (op *operation) Wait() error {
	w := op.w
	var p patience
	for !op.Done() {
		if p.pause(); w.limit > 0 && p.waited() > w.limit {
			w.end(fmt.Sprintf("rank %d of %d: has waited %v in %s for another rank, which hangs (MLKIT_MPI_WAIT)", w.rank, w.ranks, w.limit, calls[op.kind]))
		}
	}
	err := op.err
	op.dst, op.src, op.err = nil, nil, nil
	w.spare = append(w.spare, op)
	return err
}

// abort ends the processes of all ranks.
func (w *World) abort() {
	if w.engine != nil {
		w.engine.call(w.engine.fn["MPI_Abort"], w.engine.world, 1)
	}
}

// leave ends the beat and the library.
func (w *World) leave() error {
	e := w.engine
	if w.ranks > 1 {
		if err := w.Barrier(); err != nil {
			return err
		}
		if err := w.stopBeat(); err != nil {
			return err
		}
	}
	code := 0
	e.onMain(func() {
		c, _, _ := purego.SyscallN(e.fn["MPI_Finalize"])
		code = int(int32(c))
		// MPICH takes its leave of the launcher in an exit handler of C, and a
		// process that ends without takes the others with it. No program in
		// Go runs such handlers, so they are run here.
		if handlers, err := purego.Dlsym(e.handle, "__cxa_finalize"); err == nil && strings.Contains(w.about, "MPICH") {
			purego.SyscallN(handlers, 0)
		}
	})
	close(e.main)
	if code != 0 {
		return &Error{"MPI_Finalize", code, "the library does not say why"}
	}
	return nil
}
