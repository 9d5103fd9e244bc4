// Package train runs the training loop and what belongs around it.
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
//	task                                  here                          Keras                   PyTorch
//	train                                 Fit                           model.fit               a loop
//	measure                               Evaluate, Validate            model.evaluate          a loop
//	predict, from many goroutines         Predictor                     model.predict           model.eval()
//	stop in time, keep the best weights   EarlyStop                     EarlyStopping           –
//	save and go on                        Checkpoint, Config.Resume     BackupAndRestore        torch.save
//	weights alone                         SaveWeights, LoadWeights      save_weights            state_dict + safetensors
//	logs                                  CSVLog, TensorBoard, Progress CSVLogger, TensorBoard  –
//	train once, in a notebook             Cached                        –                       –
//
// What is measured beside the loss is a metric of package metrics. [LRRangeTest]
// finds a first learning rate; package search looks for hyper-parameters.
//
// The same seeds give the same bits: on one processor or many, stopped and
// resumed or in one go. Files are complete or not there, and a damaged one is
// an error, never a panic. A step allocates nothing once the first ones are
// done.
package train
