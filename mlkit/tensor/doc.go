// Package tensor holds the tensors of mlkit, the tape that records what is
// done to them, and the gradients that come back.
//
// # A training step
//
//	tape := tensor.NewTape(1)                   // one per goroutine, seed 1
//	for range steps {
//		x, y := tape.Input(xs, n, 3), tape.Input(ys, n, 1)
//		loss := x.Linear(tape.Use(w), tape.Use(b)).Sub(y).Square().Mean()
//		grads := loss.Backward()            // d loss / d every parameter used
//		optimizer.Step(grads)
//		tape.Reset()                        // every tensor of the step ends here
//	}
//
// Operations run at once (eagerly) and are recorded on the tape of their
// operands. [Tensor.Backward] walks the record once, backwards. All memory of
// a step, values, gradients and what an operation saves for its backward
// pass, comes from the tape's arena, which [Tape.Reset] rewinds: after the
// first step no memory is allocated, and memory grows with the batch, not
// with the number of steps.
//
// # Rules
//
//   - A [Tensor] is a small value that points into its tape. After Reset it is
//     stale, and using it panics; [Tensor.Clone] copies what is to outlive the
//     step.
//   - Data are float32, row-major and contiguous; the last axis is the fastest.
//     Ids, labels and lengths travel as [Ints], which have no gradient.
//   - A wrong shape is a bug of the caller: it panics with a [*ShapeError] that
//     names the operation and the shapes.
//   - Parameters enter a tape through [Tape.Use] only. One used twice in a step
//     is one node, so its gradient is the sum of both uses.
//   - A forward pass writes neither parameters nor buffers: many goroutines,
//     each with a tape of its own, can run one model at the same time.
//   - Results do not depend on GOMAXPROCS: work is divided by shapes alone, and
//     random numbers come from (seed, step, operation, element) counters.
//
// # Adding an operation
//
// Inside this package an operation is one function that computes its value and
// pushes a node, and beside it a static backward function. Outside, [NewOp]
// gives the same two halves to anyone.
package tensor
