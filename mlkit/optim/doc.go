// Package optim holds optimizers, built as chains of small transformations of
// the gradient (the idea of optax; Babuschkin et al., The DeepMind JAX
// Ecosystem, 2020), and the schedules of their learning rates.
//
//	opt := optim.New(nn.Params(model), optim.AdamW(1e-3))
//	opt.Schedule = optim.WarmUp(100, optim.Cosine(10_000, 0))
//	...
//	opt.Step(loss.Backward())
//
// # Rules
//
// A [Rule] is a recipe without state; [New] gives it memory for a list of
// parameters. The short names ([SGD], [Momentum], [Adam], [AdamW], [Lion], …)
// are whole rules: learning rate first, then options ([Betas], [Eps],
// [WeightDecay], …) for what differs from PyTorch's defaults. An option that a
// rule does not take panics; nothing is ignored. [Chain] puts links before
// them, or builds rules from the public pieces:
//
//	optim.Chain(optim.ClipByGlobalNorm(1), optim.L2(1e-4, optim.Matrices), optim.Momentum(0.1, 0.9))
//	optim.Chain(optim.ScaleByAdam(), optim.AddDecayedWeights(0.01), optim.ScaleByTrustRatio(), optim.ScaleByLearningRate(1e-3))
//
// Each link changes the updates, at first the gradients, in place; at the end
// they are added to the parameters, so a descending chain multiplies them by a
// negative number. [Groups] gives parameters rules or rates of their own;
// [Lookahead], [EMA], [MaxNorm] and [SkipNonFinite] wrap a rule. Methods that
// evaluate the loss more than once per step are not rules: [SAM] is a step of
// its own, [LBFGS] a minimiser. A parameter that is frozen or has no gradient
// in a step is left alone, and so is its state.
//
// Gradients of several batches add up in a tensor.GradSum, whose Grads go to
// [Optimizer.Step]; train.Fit does it by itself.
//
// # Embeddings
//
// A parameter that a step only looks up ([tensor.Tensor.Embed] and its kin) has
// a gradient in the rows looked up alone. [SGD] and [AdaGrad] without weight
// decay then change those rows only, with the very bits of the update of all
// rows; clipping, penalties and decay on other parameters, [Groups] and the
// wrappers leave it at that. (A norm for clipping is rounded elsewhere, and a
// step clipped at NaN makes only these rows NaN.) [LazyAdam] is an Adam that
// does so, which is another optimizer. All other rules get the gradient in
// full, as they would from PyTorch without sparse=True.
//
// # Penalties and weight decay
//
// [L1], [L2] and [ElasticNet] add the gradient of a penalty to the gradient.
// They go first in a chain and serve every rule. [WeightDecay], an option of
// every short name, is different: it shrinks the parameters by lr·lambda in
// each step, in addition to the rule's update. For [SGD] the two are the same.
// An adaptive rule divides the gradient, penalty included, by the size of past
// gradients, so with L2 it hardly shrinks a parameter whose gradients are
// large, and the best lambda moves with the learning rate; decoupled decay
// shrinks all alike, and generalises better with Adam (Loshchilov & Hutter,
// Decoupled Weight Decay Regularization, 2019). [Penalty.Value] is the penalty
// itself, for reports.
//
// # NaN
//
// A NaN in a gradient turns its parameter and that parameter's state into NaN,
// as in PyTorch; train.Fit then ends at the next loss with an error.
// [ClipByGlobalNorm] makes all updates NaN, because no direction is left.
// [SkipNonFinite] skips such steps.
//
// # Names elsewhere
//
// Formulas and defaults are PyTorch's where it has the optimizer, else
// optax's. State has PyTorch's names (exp_avg, momentum_buffer, step, …).
//
//	here                  Keras                       PyTorch                        differences
//	SGD                   SGD                         SGD                            none
//	Momentum, Nesterov    SGD(momentum, nesterov)     SGD(momentum, nesterov)        Keras puts lr into the velocity: a change of lr acts later
//	AdaGrad               Adagrad                     Adagrad                        Keras starts sums at 0.1, has eps 1e-7 inside the root; here 0 and 1e-10
//	RMSProp               RMSprop                     RMSprop                        Keras has rho 0.9 and eps 1e-7 inside the root; here 0.99, 1e-8 outside
//	Adafactor             Adafactor                   Adafactor                      Keras has eps 1e-30 inside the mean square, lr 0.001
//	AdaDelta              Adadelta                    Adadelta                       Keras has lr 0.001, rho 0.95, eps 1e-7; here 0.9, 1e-6
//	Adam, AMSGrad         Adam(amsgrad)               Adam(amsgrad)                  Keras has eps 1e-7, added before the bias of v is corrected
//	LazyAdam              –                           SparseAdam                     PyTorch adds eps before the bias of v is corrected
//	AdaMax                Adamax                      Adamax                         Keras has eps 1e-7, beside the maximum instead of inside
//	NAdam                 Nadam                       NAdam                          Keras has eps 1e-7 and MomentumDecay 1; here 1e-8 and 4e-3
//	RAdam                 –                           RAdam                          none
//	AdamW                 AdamW                       AdamW                          Keras decays by 0.004, PyTorch and here by 0.01
//	LAMB                  Lamb                        – (optax.lamb)                 Keras has eps 1e-7; here 1e-6, as optax
//	Lion                  Lion                        – (optax.lion)                 optax decays by 0.001, here 0
//	Muon                  Muon                        Muon                           orthogonalised in float32, PyTorch in bfloat16; Keras decays by 0.004
//	ScheduleFreeSGD       –                           – (schedulefree)               the authors' package; warm-up is a Schedule
//	ScheduleFreeAdamW     –                           – (schedulefree)               likewise
//	Lookahead             –                           – (optax.lookahead)            none
//	MaxNorm               MaxNorm(axis=0)             –                              Keras adds 1e-7 to the norm, and sets it for each layer
//	EMA                   use_ema=True                swa_utils.AveragedModel        none
//	SAM                   –                           – (optax.contrib.sam)          first order
//	LBFGS                 –                           LBFGS(strong_wolfe)            a minimiser, not a step
//	L2(a)                 kernel_regularizer L2(a/2)  weight_decay=a (not AdamW)     Keras has no half in the penalty
//	L1(a)                 kernel_regularizer L1(a)    –                              none
//	WeightDecay           weight_decay                AdamW's weight_decay           here for every rule
//	Groups                –                           param_groups                   by predicate
//	ClipByValue           clipvalue                   clip_grad_value_               none
//	ClipByNorm            clipnorm                    –                              none
//	ClipByGlobalNorm      global_clipnorm             clip_grad_norm_                none
//	GradSum (tensor)      gradient_accumulation_steps repeated backward              none
//
//	StepDecay             ExponentialDecay(staircase) StepLR                         schedules here count optimizer steps;
//	MultiStep             PiecewiseConstantDecay      MultiStepLR                    PerEpoch counts epochs
//	Exponential           ExponentialDecay            ExponentialLR                  Keras has a decay per decay_steps
//	Linear                –                           LinearLR                       none
//	Polynomial            PolynomialDecay             PolynomialLR                   end is a factor
//	Cosine                CosineDecay                 CosineAnnealingLR              stays at its end
//	CosineRestarts        CosineDecayRestarts         CosineAnnealingWarmRestarts    Keras can lower each peak
//	OneCycle, …ThreePhase –                           OneCycleLR                     the momentum's cycle apart: Opposite
//	Cyclic, CyclicDecay   –                           CyclicLR                       likewise
//	MomentumSchedule      –                           cycle_momentum                 Momentum, Nesterov, Adam, AdamW
//	WarmUp, Sequence      warmup_steps                SequentialLR                   none
//	Product               –                           ChainedScheduler               none
//	InverseSqrt           –                           –                              none
//	train.ReduceOnPlateau ReduceLROnPlateau           ReduceLROnPlateau              none
package optim
