// Package nn holds layers, losses and initialisers, and the walk that finds
// the parameters of a model.
//
// A model is any struct; what has one input and one output is a [Layer] and
// composes in a [Sequential]:
//
//	rng := nn.NewRand(1)
//	model := nn.Sequential{
//		nn.NewLinear(rng, 784, 128), nn.Func(tensor.Tensor.ReLU),
//		nn.NewLinear(rng, 128, 10),
//	}
//	logits := model.Forward(tape.Input(images, n, 784))
//	loss := nn.CrossEntropy(logits, labels)
//
// # Names
//
// [Params] walks the exported fields of a model by reflection, as encoding/json
// does. Names, layouts and default initialisations are PyTorch's, so that the
// state_dict of the same model in PyTorch loads unchanged, and the reverse.
package nn
