// Package train runs the training loop: [Fit] with its History, callbacks and
// the checks that a long run wants.
//
//	history, err := train.Fit(ctx, train.Supervised(model, nn.MSE), loader, train.Config{
//		Epochs:    100,
//		Optimizer: optim.SGD(0.01),
//	})
//
// Whatever has a loss trains with the same Fit: an [Objective] is a model and
// a function from a tape and a batch, of any type, to the loss.
package train
