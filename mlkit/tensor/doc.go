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
// operands. [Tensor.Backward] walks the record once, backwards. All memory of a
// step, values, gradients and what an operation saves for its backward pass,
// comes from the tape's arena, which [Tape.Reset] rewinds: after the first step
// no memory is allocated, and memory grows with the batch, not with the number
// of steps. A deep network that only predicts needs no more than one block's
// memory: see [Tape.Scope].
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
// # Operations
//
// All but a few are methods of [Tensor]. Element-wise ones of two operands
// broadcast as in NumPy. Reductions take any axes, none meaning all, and drop
// them; Unsqueeze with the same axes keeps them at length 1. Axes and places
// may be negative, counting from the end; what is out of range panics.
//
//	here                     keras.ops                PyTorch                note
//	Add Sub Mul Div Neg      add subtract …           + - * /                AddScalar and Scale take a number
//	Pow, PowScalar           power                    pow
//	Maximum Minimum          maximum minimum          maximum minimum        equal elements share the gradient
//	Exp Log Sqrt Sin Erf …   exp log sqrt sin erf     exp log sqrt sin erf
//	Abs Sign Floor Round     absolute sign floor …    abs sign floor round   only Abs has a gradient
//	Clamp                    clip                     clamp
//	Less Equal …             less equal               < ==                   masks of 0 and 1, tensors themselves
//	Where, MaskedFill        where                    where masked_fill
//	Sum Mean Max Min         sum mean max min         sum mean amax amin     equal maxima share the gradient
//	Var                      var                      var                    Var(1) is PyTorch's default, Var(0) Keras's
//	LogSumExp Norm           logsumexp norm           logsumexp norm         Norm is Euclidean
//	ArgMax ArgMin            argmax argmin            argmax argmin          gives Ints
//	Any All                  any all                  any all                masks
//	CumSum CumProd Prod      cumsum cumprod prod      cumsum cumprod prod    right at zeros, too
//	Sort ArgSort TopK        sort argsort top_k       sort argsort topk      Sort and TopK give the places as well
//	SearchSorted Unique      searchsorted –           searchsorted unique    of and to plain slices
//	Einsum                   einsum                   einsum                 no "..."
//	MatMul, MatMulT          matmul                   matmul                 matrices only, no vectors
//	Solve Cholesky QR        linalg.solve cholesky qr linalg.solve …         in float64 inside; QR is the reduced one
//	Linear                   dense layer              linear                 LinearReLU in one pass
//	Softmax LogSoftmax       softmax log_softmax      softmax log_softmax
//	SoftmaxCrossEntropy      sparse_categorical_…     cross_entropy          one label a row
//	LinearCrossEntropy       –                        linear_cross_entropy   without the logits in memory
//	SigmoidCrossEntropy      binary_crossentropy      …cross_entropy_with_…  binary, from logits
//	Reshape Flatten          reshape                  reshape flatten        no copy
//	Squeeze Unsqueeze        squeeze expand_dims      squeeze unsqueeze      no copy
//	Transpose Permute        swapaxes transpose       transpose permute      a copy: tensors are contiguous
//	Slice SliceStep Select   slice                    x[a:b:c] x[i]
//	Expand Flip Pad          broadcast_to flip pad    expand flip pad        Pad's pairs begin at the last axis, as in PyTorch
//	PadWith Roll Tile        pad roll tile            pad roll tile          reflect, replicate, circular
//	Unfold Fold              extract_patches –        unfold fold            images only
//	PixelShuffle …           –                        pixel_shuffle …        channels first
//	Concat Stack Split Chunk concatenate stack split  cat stack split chunk
//	IndexSelect              take                     index_select           gradients add up in the order of the ids
//	Rows Embed               take                     embedding              IndexSelect along the first axis; Embed has a row that is not trained
//	EmbedBag                 –                        embedding_bag          lengths for offsets; no max, no weights
//	Gather ScatterAdd        take_along_axis –        gather scatter_add
//	ScatterSet ScatterMax    scatter –                scatter scatter_reduce
//	Tape.OneHot, Tril Triu   one_hot tril triu        one_hot tril triu
//	ReLU GELU SiLU …         relu gelu silu           relu gelu silu
//	Conv1D Conv2D …          conv conv_transpose      conv1d conv2d          [n, c, h, w]; Keras has the channels last
//	Conv2DBatchNorm …        –                        fuse_conv_bn_eval      the weights stay as they are
//	MaxPool2D AvgPool2D …    max_pool average_pool    max_pool2d avg_pool2d
//	MaxPool2DIndices         –                        …return_indices=True   places in a plane
//	AdaptiveMaxPool2D        adaptive_max_pool        adaptive_max_pool2d    with the places
//	MaxUnpool2D              –                        max_unpool2d
//	Upsample…, Resize        image.resize             interpolate            Resize: bicubic, antialiasing
//	BatchNorm LayerNorm …    batch_normalization      batch_norm layer_norm
//	Dropout SpatialDropout   random.dropout           dropout dropout2d      in training only
//	Tape.Normal Uniform      random.normal uniform    randn rand             from the tape's seed
//	LSTM GRU …               layers                   layers                 whole sequences as one operation
//	Rotary                   -                        -                      Hugging Face: apply_rotary_pos_emb
//	Attention SelfAttention … dot_product_attention   scaled_dot_product_…   several heads in one tensor; masks, biases, grouped queries: Attend
//
// Beside them, [Tensor.Gradients] and [Tensor.HessianVector] are PyTorch's
// autograd.grad with create_graph and autograd.functional.hvp, and
// [Tensor.SampleNorms] has the norms of what vmap(grad) gives, and
// [Tensor.BackwardSamples] their sum, each clipped by itself.
//
// # Adding an operation
//
// Inside this package an operation is one function that computes its value and
// pushes a node, and beside it a static backward function. What it keeps for
// the backward pass is a struct with named fields, which the tape lends it
// until Reset (kept.go). It gets a row in TestGradients, in the goldens and in
// TestAnyShapeWorksOrIsRefused, which notices when one is missing, and either a
// rule in gradientrules.go or its place among those that have no second
// derivative. Outside, [NewOp] gives the same two halves to anyone.
//
// Layers that are one operation (recurrent ones, attention, feed-forward
// blocks) stand here, each in a file of its own, and not in a package beside:
// they write pieces of gradients into buffers of operands, hand buffers on and
// give working memory back in the middle of a pass. NewOp leaves that out on
// purpose, because a slip there is a wrong number without a message; a second
// package would need it exported.
package tensor
