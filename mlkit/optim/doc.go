// Package optim holds optimizers, built as chains of small transformations of
// the gradient (the idea of optax; Babuschkin et al., The DeepMind JAX
// Ecosystem, 2020).
//
//	opt := optim.New(nn.Params(model), optim.SGD(0.01))
//	...
//	opt.Step(loss.Backward())
//
// The short names (SGD, Adam, …) are chains that are ready to use;
// [Chain] makes others:
//
//	optim.Chain(optim.ClipByGlobalNorm(1), optim.ScaleByAdam(), optim.ScaleByLearningRate(1e-3))
//
// Each link changes the updates in place; at the end of the chain they are
// added to the parameters, so a link that descends, as ScaleByLearningRate,
// multiplies by a negative number.
package optim
