// Package compress makes trained models smaller: pruning, sparse layers, low
// rank, int8 and int4 arithmetic, shared weights, small files, distillation.
//
//	weights := optim.Filter(optim.Matrices)
//	p := &compress.Pruning{Filter: weights, Sparsity: compress.Gradual(0, 0.9, 0, 2000), Every: 100}
//	cfg.Optimizer = p.Around(optim.Adam(1e-3)) // prunes while it trains
//
//	masks, err := compress.Magnitude(nn.Params(model), 0.9, compress.Global) // or at once
//	cfg.Optimizer = masks.Around(optim.Adam(1e-4))                           // and trains on what is left
//	quick, err := compress.Sparsify(model, 0.8)                              // layers that skip their zeros
//
//	q, err := compress.QuantizeStatic(model, samples, compress.MinMax) // int8 arithmetic
//	y, _, err := train.NewPredictor(q).Predict(x, n, 1, 28, 28)
//
// # What becomes faster
//
// A weight of zero costs as much as any other: masks ([Masks], [Pruning]) make
// a file smaller, once it is compressed, and say which weights matter, but no
// step quicker. What removes rows and columns does: [Narrow] takes neurons and
// channels out of a network, with all that belongs to them in the layers
// behind, and [LowRank] replaces one large product by two small ones.
//
// [Sparse] layers leave single zeros out, wherever they are, and need many of
// them: a dense product does sixteen multiplications an instruction and reads
// every operand in order. Times as fast as the dense layer 1024 → 1024, AVX-512
// and AVX2 (AMD EPYC; one thread or two):
//
//	zeros        60 %   70 %   80 %   90 %   95 %   98 %
//	batch 128    0.8    1.2    1.8    3.4    5.7    9.5   AVX-512
//	             1.1    1.6    2.4    4.5    7.1   10.7   AVX2
//	batch 16     0.4    0.6    1.0    2.1    4.2   10.3   AVX-512
//	batch 1      0.3    0.4    0.7    1.2    2.4    4.1   AVX-512
//
// [Int8] networks multiply bytes, a quarter of the memory. Times as fast as
// float32, of processor time on one thread (AMD EPYC, AVX-512 VNNI and AVX2;
// [QuantizeStatic], networks of cmd/bench):
//
//	                       mlp         cnn         transformer
//	AVX-512 VNNI, batch 1  2.8         4.0         2.3
//	batch 128              3.7         2.8         1.6
//	AVX2, batch 1          1.9         2.0         1.5
//	batch 128              1.6         1.1         1.2
//
// An LSTM of 128 units over 28 steps becomes 1.6 times as fast for one sequence
// and 1.4 for 128 (VNNI; AVX2 1.4 and 1.1): gates and cells stay in float32.
// Of a transformer, attention's scores, softmax and norms stay in float32 and
// set the limit. With AVX2 the cnn's float32 is Winograd's, which multiplies a
// quarter as often. [QuantizeDynamic] suits Linear layers (3.3 for the mlp at
// batch 128); between convolutions it goes back to floats with the channels
// first each time, and the cnn is slower than in float32.
//
// What it costs in accuracy: points on MNIST's 10,000 test images, mean and
// worst of five seeds, networks as in cmd/bench (the transformer of width 64)
// after a short training on 20,000 images. After training, against float32;
// [QuantizationAware], an epoch more, against its own float32:
//
//	                    mlp            cnn            transformer
//	float32             94.85          95.38          89.21
//	after training      −0.01, −0.07   −0.01, −0.05   +0.01, −0.05
//	aware, its float32  95.44          96.32          92.42
//	aware               −0.01, −0.03   +0.01, −0.04   +0.03, −0.02
//	int4                −0.04, −0.15   −0.05, −0.29   −0.31, −0.89
//
// # What becomes smaller
//
// [QuantizeInt4] keeps the weights of Linear layers and LSTMs in 5 bits each,
// with their scales, in memory and in a file, and computes in float32.
//
// [Encode] writes a model as a small file that [Decode] restores bit for bit.
// Pruned weights cost about as little as the entropy of where they are, and
// [Share] leaves a layer with so few different values that each costs some bits
// instead of 32 (Han, Mao & Dally, Deep compression, 2016).
//
// # Which weights go
//
//	Magnitude   |w|                       Han et al. 2015
//	Sensitivity |w·∂L/∂w|                 Lee, Ajanthan & Torr 2019 (SNIP)
//	Movement    −Σ η·w·∂L/∂w              Sanh, Wolf & Rush 2020
//	Wanda       |w|·‖x‖                   Sun, Liu, Bair & Kolter 2023
//	SparseGPT   w²/[H⁻¹]², and corrects   Frantar & Alistarh 2023
//	Strongest   norms of whole filters    Li et al. 2017
//
// # Names elsewhere
//
//	here               PyTorch                                       differences
//	Magnitude, Global  prune.global_unstructured(L1Unstructured)     at equal magnitude the first go
//	Magnitude, Each    prune.l1_unstructured                         likewise
//	Masks.Around       the forward pre-hook of torch.nn.utils.prune  weights are zero in the model itself; nothing to remove
//	QuantizeDynamic    ao.quantization.quantize_dynamic              scales per output; convolutions, too
//	QuantizeStatic     prepare, calibrate, convert (eager)           MinMax for MinMaxObserver; bytes of 8 bits on every processor, no reduce_range
//	QuantizationAware  prepare_qat                                   BatchNorm is folded afterwards, which changes no byte of a weight
//	Distillation       –                                             Hinton, Vinyals & Dean 2015, with the factor T²
package compress
