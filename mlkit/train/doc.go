// Package train runs the training loop and what surrounds it: evaluation,
// checkpoints, logs.
//
//	history, err := train.Fit(ctx, train.Supervised(model, nn.MSE), loader, train.Config{
//		Epochs:    100,
//		Optimizer: optim.SGD(0.01),
//	})
//
// Whatever has a loss trains with the same [Fit]: an [Objective] is a model and
// a function from a tape and a batch, of any type, to the loss; [Supervised]
// makes the usual one. Fit can accumulate gradients, compute batches in pieces,
// take sharpness-aware steps, and measure a [Validation] after every epoch; a
// [Callback] sees the run and can end it.
//
//	task                                    here                           Keras                    PyTorch
//	train                                   Fit                            model.fit                a loop
//	a loss for any model and batch          Supervised, SupervisedBy,      model.compile            a loop
//	                                        Objective
//	Boltzmann machines, belief nets         Contrastive, UpDown            –                        –
//	larger batches than memory holds        Config.Accumulate, MicroBatch  –                        a loop
//	several processes or machines           Config.Group, package mpi      –                        DistributedDataParallel
//	flat minima                             Config.SAM                     –                        –
//	differential privacy (DP-SGD)           Config.Private                 –                        Opacus' PrivacyEngine
//	measure                                 Evaluate, Validate             model.evaluate           a loop
//	predict, also probabilities,            NewPredictor                   model.predict            model.eval()
//	from many goroutines
//	stop in time, keep the best weights     EarlyStop                      EarlyStopping            –
//	lower the rate when nothing improves    ReduceOnPlateau                ReduceLROnPlateau        ReduceLROnPlateau
//	find a first learning rate              LRRangeTest                    –                        –
//	save and go on                          Checkpoint, Config.Resume      BackupAndRestore         torch.save
//	weights alone                           SaveWeights, LoadWeights,      save_weights             state_dict + safetensors
//	                                        LoadTensors
//	weights and preprocessing, for          SaveModel, LoadModel           model.save               –
//	a service
//	logs                                    CSVLog, TensorBoard            CSVLogger, TensorBoard   SummaryWriter
//	progress display                        Progress, Report               a progress bar           –
//	your own code at a step or an epoch     Callback, OnStep, OnEpoch      Callback                 a loop
//	train once, in a notebook               Cached                         –                        –
//
// What is measured beside the loss is a metric of package metrics; package
// search looks for hyper-parameters.
//
// A loss is a mean over what counts in a batch (samples, tokens that are not
// padding, weights), and means are put together by what they are means over: a
// step of several batches or pieces, an epoch and an evaluation have the loss
// of one batch that holds all their samples. A batch in which nothing counts
// makes no step.
//
// The same seeds give the same bits: on one processor or many, stopped and
// resumed or in one go. Files are complete or not there, and a damaged one is
// an error, never a panic. A step allocates nothing once the first ones are
// done.
package train
