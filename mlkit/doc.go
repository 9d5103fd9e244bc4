// Package mlkit is the root of a library for training small and middle-sized
// models on a CPU. It holds no code itself; start with these packages:
//
//   - [descent/mlkit/tensor]: tensors, the tape, gradients
//   - [descent/mlkit/nn]: layers, losses, initialisers
//   - [descent/mlkit/optim]: optimizers as chains of gradient transformations
//   - [descent/mlkit/data]: data sets, loaders, splits
//   - [descent/mlkit/tabular]: tables, CSV files, encoders of their columns
//   - [descent/mlkit/tabular/parquet]: tables from Parquet files
//   - [descent/mlkit/formats]: files: safetensors, npy, idx, folders of images, Pascal VOC
//   - [descent/mlkit/datasets]: MNIST and other real data
//   - [descent/mlkit/train]: Fit, callbacks, checkpoints
//   - [descent/mlkit/metrics]: figures of merit from outputs and labels
//   - [descent/mlkit/search]: hyper-parameter search
//   - [descent/mlkit/models]: published networks, for their trained weights
//   - [descent/mlkit/compress]: pruning, sparse layers, int8 and int4, low rank, small files, distillation
//   - [descent/mlkit/explain]: what a model's score depends on
//   - [descent/mlkit/privacy]: private training, and what attacks learn without it
//   - [descent/mlkit/mpi]: training on several processes and machines
//   - [descent/mlkit/show]: figures for notebooks
//
// Which package may import which is a table in imports_test.go.
//
// The zero value of a setting is its default, which its comment names. To set a
// number to zero, write [descent/mlkit/tensor.Zero]; a count, such as a
// Patience, is none when it is negative.
//
// # How to add something
//
// Each kind of addition has one place and one table of tests, and a test that
// notices when the row in the table is missing.
//
//	what                      where                                              rows and checks
//	an operation on tensors   a file of its family in tensor: value and          TestGradients (finite differences), testdata/ops.py and the table in
//	                          backward function side by side, and its second     ops_golden_test.go (golden from PyTorch),
//	                          derivative in gradientrules.go                     TestAnyShapeWorksOrIsRefused; the table of names in doc.go
//	an operation of yours     your package, with tensor.NewOp                    gradcheck.Check
//	a layer                   a file in nn: a struct with exported parameters,   layerCases in conformance_test.go (shapes, gradient, state, training
//	                          a constructor, Forward                             and evaluation), testdata/layers.py (a Module of its own when PyTorch
//	                                                                             lacks the layer); the table of names in doc.go; complete_test.go
//	                                                                             notices what is missing
//	a loss                    loss_….go in nn: a struct with Loss, for a common  the tables in loss_test.go (golden, gradient), empty_test.go and, for
//	                          one a plain function as well; of operations of     a setting that may be 0, zero_test.go; testdata/losses.py, by case and
//	                          tensor, or pointwise (pointwiseWith a setting)     reduce; the table of names in doc.go; complete_test.go notices what is
//	                          of the value and its derivatives in float64        missing but not that loss_extreme_test.go (accuracy) wants a row
//	                                                                             of each loss with powers, exponentials or logarithms
//	an optimizer              a file in optim: a link of the chain, a short      solvers in optim_test.go, goldenRules in golden_test.go with
//	                          name                                               testdata/goldens.py
//	a kernel                  its family under internal/kernel: the reference    the family's table in its test: the reference against float64, and
//	                          in portable.go, an exported function, an entry     the assembly against it; go generate, run in the folder of the
//	                          in the family's list in gen, whose machine.go      family, writes assembly and dispatch
//	                          has what a body may use
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
