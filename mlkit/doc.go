// Package mlkit is the root of a library for training small and middle-sized
// models on a CPU. It holds no code itself; start with these packages:
//
//   - [descent/mlkit/tensor]: tensors, the tape, gradients
//   - [descent/mlkit/nn]: layers, losses, initialisers
//   - [descent/mlkit/optim]: optimizers as chains of gradient transformations
//   - [descent/mlkit/data]: data sets, loaders, splits
//   - [descent/mlkit/tabular]: tables, CSV files, encoders of their columns
//   - [descent/mlkit/formats]: files: safetensors, npy, idx, folders of images, Pascal VOC
//   - [descent/mlkit/datasets]: MNIST and other real data
//   - [descent/mlkit/train]: Fit, callbacks, checkpoints
//   - [descent/mlkit/metrics]: figures of merit from outputs and labels
//   - [descent/mlkit/search]: hyper-parameter search
//   - [descent/mlkit/compress]: pruning, low rank, distillation
//   - [descent/mlkit/show]: figures for notebooks
//
// Which package may import which is a table in imports_test.go.
//
// The zero value of a setting is its default, which its comment names. To set a
// number to zero, write [descent/mlkit/tensor.Zero]; a count, such as a
// Patience, is none when it is negative.
//
// # Features beside other libraries
//
// Names begin with the package: PyTorch's under torch, Keras's under keras. A dash
// means that the library itself has nothing of the kind; others built on it may.
// What is an argument stands under what takes it. What differs between things of one name is in the tables of the packages.
//
//	feature                       PyTorch                           Keras                                GoMLX                              mlkit
//	gradients by a tape           autograd.backward                 –                                    graph.Gradient                     tensor.Tensor.Backward
//	gradients of gradients        autograd.grad                     –                                    graph.Gradient                     tensor.Tensor.Gradients
//	Hessian–vector products       autograd.functional.hvp           –                                    –                                  tensor.Tensor.HessianVector
//	gradients of each sample      func.vmap                         –                                    –                                  train.PerSample
//	their norms in one pass       –                                 –                                    –                                  tensor.Tensor.SampleNorms
//	an operation of one's own     autograd.Function                 ops.custom_gradient                  graph.IdentityWithCustomGradient   tensor.NewOp
//	check of gradients            autograd.gradcheck                –                                    –                                  gradcheck.Check
//	sums by Einstein's notation   einsum                            ops.einsum                           graph.Einsum                       tensor.Einsum
//	dense layer                   nn.Linear                         layers.Dense                         layers.Dense                       nn.Linear
//	convolution                   nn.Conv2d                         layers.Conv2D                        layers.Convolution                 nn.Conv2D
//	transposed convolution        nn.ConvTranspose2d                layers.Conv2DTranspose               –                                  nn.ConvTranspose2D
//	batch normalisation           nn.BatchNorm2d                    layers.BatchNormalization            batchnorm.New                      nn.BatchNorm
//	layer normalisation           nn.LayerNorm                      layers.LayerNormalization            layers.LayerNormalization          nn.LayerNorm
//	dropout                       nn.Dropout                        layers.Dropout                       layers.Dropout                     nn.Dropout
//	stochastic depth              –                                 –                                    layers.DropPath                    nn.DropPath
//	embedding                     nn.Embedding                      layers.Embedding                     layers.Embedding                   nn.Embedding
//	bag of embeddings             nn.EmbeddingBag                   –                                    –                                  nn.EmbeddingBag
//	LSTM                          nn.LSTM                           layers.LSTM                          lstm.New                           nn.LSTM
//	GRU                           nn.GRU                            layers.GRU                           –                                  nn.GRU
//	attention with several heads  nn.MultiheadAttention             layers.MultiHeadAttention            layers.MultiHeadAttention          nn.MultiHeadAttention
//	transformer                   nn.TransformerEncoder             –                                    –                                  nn.TransformerEncoder
//	cache of keys and values      –                                 –                                    –                                  nn.KVCache
//	sampling by top-k and top-p   –                                 –                                    –                                  nn.Sampling
//	beam search                   –                                 –                                    –                                  nn.Beam
//	CTC                           nn.CTCLoss                        losses.CTC                           –                                  nn.CTC
//	focal loss                    –                                 losses.CategoricalFocalCrossentropy  –                                  nn.FocalLoss
//	summary of a model            –                                 Model.summary                        –                                  nn.Summary
//	frozen parameters             nn.Parameter.requires_grad_       Layer.trainable                      context.Variable.SetTrainable      tensor.Param.Frozen
//	Adam, decoupled decay         optim.AdamW                       optimizers.AdamW                     optimizers.Adam                    optim.AdamW
//	Muon                          optim.Muon                        optimizers.Muon                      –                                  optim.Muon
//	L-BFGS                        optim.LBFGS                       –                                    –                                  optim.LBFGS
//	sharpness-aware steps         –                                 –                                    –                                  optim.SAM
//	rates by groups               optim.Optimizer.add_param_group   –                                    –                                  optim.Groups
//	clipping by norm              nn.utils.clip_grad_norm_          optimizers.Optimizer                 –                                  optim.ClipByGlobalNorm
//	mean of the weights           optim.swa_utils.AveragedModel     optimizers.Optimizer                 –                                  optim.EMA
//	loop of training              –                                 Model.fit                            train.Loop                         train.Fit
//	accumulated batches           Tensor.backward                   optimizers.Optimizer                 train.Trainer.AccumulateGradients  train.Config.Accumulate
//	early stopping                –                                 callbacks.EarlyStopping              –                                  train.EarlyStop
//	resumed training              save                              callbacks.BackupAndRestore           checkpoints.Handler                train.Checkpoint
//	one file for a service        export.save                       Model.save                           –                                  train.SaveModel
//	TensorBoard                   utils.tensorboard.SummaryWriter   callbacks.TensorBoard                –                                  train.TensorBoard
//	augmented images              –                                 layers.RandomRotation                –                                  data.Augment
//	weighted sampling             utils.data.WeightedRandomSampler  Model.fit                            –                                  data.Loader.Weights
//	tables, encoded columns       –                                 utils.FeatureSpace                   –                                  tabular.Encoder
//	hyper-parameter search        –                                 –                                    –                                  search.RandomSearch
//
// # How to add something
//
// Each kind of addition has one place and one table of tests, and a test that
// notices when the row in the table is missing.
//
//	what                      where                                              rows and checks
//	an operation on tensors   a file of its family in tensor: value and          TestGradients (finite differences), testdata/ops.py (golden
//	                          backward function side by side                     from PyTorch), TestAnyShapeWorksOrIsRefused; the table of names in doc.go
//	an operation of yours     your package, with tensor.NewOp                    gradcheck.Check
//	a layer                   a file in nn: a struct with exported parameters,   layerCases in conformance_test.go (shapes, gradient, state, training
//	                          a constructor, Forward                             and evaluation), testdata/layers.py (a Module of its own when PyTorch
//	                                                                             lacks the layer); the table of names in doc.go
//	a loss                    loss_….go in nn: a struct with Loss, for a common  the tables in loss_test.go (golden, gradient, extreme logits),
//	                          one a plain function as well                       loss_extreme_test.go (accuracy) and empty_test.go; testdata/losses.py;
//	                                                                             the table of names in doc.go
//	an optimizer              a file in optim: a link of the chain, a short      solvers in optim_test.go, goldenRules in golden_test.go with
//	                          name                                               testdata/goldens.py
//	a kernel                  its family under internal/kernel: the reference    the family's table in its test: the reference against float64, and
//	                          in portable.go, an exported function, an entry     the assembly against it; go generate, run in the folder of the
//	                          in the family's list in gen                        family, writes assembly and dispatch
//	a metric                  a file in metrics                                  metrics_test.go, against scikit-learn
//	a file format             a file in formats                                  round trip, a file of the reference program, damaged files, a fuzz target
//	a data set                a file in datasets: source, licence, checksum      its shape and first samples; skipped with the reason where it is not at hand
//	a notebook                notebooks/NN-name.ipynb, by notebooks/STYLE.md,    go run ./notebooks check runs it, lints it and compares its outputs;
//	                          a row in the map of 00-start-here                  go test ./notebooks/internal/book -run TestReadingTimes -update
//	a flow chart              notebooks/images/charts/NAME.mmd, in Mermaid       go test ./notebooks/internal/chart -update draws the picture that
//	                                                                             the notebook shows; the test holds the two together
//
// Every golden stands beside the program that made it; run that program again,
// with the versions that its first lines name, to add a row. Where PyTorch
// cannot be installed, compute the row in float64, as nn/testdata/float64.py
// does. While you work,
//
//	go test -short ./mlkit/...                 # a minute on two cores
//	go test -short -tags noasm ./mlkit/tensor  # the same without assembly
//	go run ./mlkit/cmd/bench -task mlp         # nothing may get slower
package mlkit
