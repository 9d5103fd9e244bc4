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
//   - [descent/mlkit/show]: figures for notebooks
package mlkit
