// # Features beside other libraries
//
// What people who come from PyTorch 2.15, Keras 3.15 or GoMLX (August 2026)
// look for, and what it is called there. "–" is: not there, as far as we know;
// a name in brackets is a package of others. What mlkit has is the name of what
// to read first, and features_test.go looks each of them up; that it computes
// the right thing is what the tests beside it show.
//
//	feature                              here                        PyTorch                     Keras                      GoMLX
//	gradients of any composition         tensor.Tensor.Backward      backward                    the backend's              graph.Gradient
//	gradients of gradients               tensor.Tensor.Gradients     create_graph=True           the backend's              graph.Gradient, twice
//	Hessian–vector products              tensor.Tensor.HessianVector func.jvp of func.grad       –                          –
//	norms of each sample's gradient      tensor.Tensor.SampleNorms   func.vmap of func.grad      –                          –
//	an operation of one's own            tensor.NewOp                autograd.Function           custom_gradient            graph's custom gradients
//	solve, Cholesky, QR                  tensor.Tensor.Solve         linalg                      ops.linalg                 –
//	half precision in computing          –                           yes                         yes                        yes
//	GPUs and TPUs                        –                           yes                         yes                        yes, by XLA
//	a compiler of whole models           –                           compile                     jit_compile=True           XLA
//	convolutions, groups, dilation       nn.Conv2D                   nn.Conv2d                   layers.Conv2D              layers.Convolution
//	transposed convolutions              nn.ConvTranspose2D          nn.ConvTranspose2d          layers.Conv2DTranspose     –
//	batch, layer, group, RMS norm        nn.BatchNorm                nn.BatchNorm2d              layers.BatchNormalization  norm, without groups
//	batch norm of all ranks' batch       train.Config.SyncBatchNorm  nn.SyncBatchNorm            synchronized=True          –
//	LSTM                                 nn.LSTM                     nn.LSTM                     layers.LSTM                lstm
//	GRU, with either reset               nn.GRU                      nn.GRU, one of them         layers.GRU                 –
//	one mask of dropout a sequence       nn.Recurrent                –                           recurrent_dropout          –
//	true lengths of padded sequences     nn.Sequences                pack_padded_sequence        a mask                     Ragged
//	attention, grouped queries, bias     nn.MultiHeadAttention       scaled_dot_product_attention GroupQueryAttention       attention.Core
//	rotary positions                     nn.RotaryPositions          –                           (KerasHub)                 pos
//	ALiBi, T5's relative positions       nn.ALiBi                    –                           (KerasHub)                 –
//	Transformer encoder and decoder      nn.TransformerEncoder       nn.TransformerEncoder       (KerasHub)                 zoo/transformer
//	key–value cache                      nn.KVCache                  (transformers)              (KerasHub)                 kvcache
//	top-k, top-p, temperature            nn.Sampling                 (transformers)              (KerasHub)                 generate/sample
//	beam search                          nn.Beam                     (transformers)              (KerasHub)                 generate/sample
//	LoRA                                 nn.AddLoRA                  (PEFT)                      enable_lora                –
//	weight and spectral norm             nn.AddWeightNorm            nn.utils.parametrizations   SpectralNormalization      –
//	Boltzmann machines                   nn.RBM                      –                           –                          –
//	deep belief nets                     nn.DBN                      –                           –                          –
//	CTC                                  nn.CTCLoss                  nn.CTCLoss                  losses.CTC                 –
//	losses of boxes and heat maps        nn.GIoULoss                 (torchvision)               (KerasHub)                 –
//	AdamW                                optim.AdamW                 optim.AdamW                 optimizers.AdamW           Adam with WeightDecay
//	Muon                                 optim.Muon                  optim.Muon                  optimizers.Muon            –
//	Adafactor, Lion                      optim.Adafactor             Adafactor alone             both                       –
//	schedule-free training               optim.ScheduleFreeAdamW     (schedulefree)              –                          –
//	L-BFGS                               optim.LBFGS                 optim.LBFGS                 –                          –
//	sharpness-aware minimisation         optim.SAM                   –                           –                          –
//	average of the weights               optim.NewEMA                swa_utils                   use_ema=True               –
//	gradients of looked-up rows alone    optim.LazyAdam              sparse=True                 –                          –
//	a rule and a rate by group           optim.Groups                parameter groups            –                          –
//	rates by depth                       optim.ByDepth               by hand                     –                          –
//	a training loop                      train.Fit                   (Lightning)                 Model.fit                  train.Loop
//	the same bits at any thread count    train.Fit                   –                           –                          –
//	resuming to the same bits            train.Checkpoint            by hand                     BackupAndRestore           checkpoint
//	several ranks, the same bits         train.Config.Group          –                           –                          –
//	several processes and machines       mpi.World                   DistributedDataParallel     distribution               distributed execution
//	early stopping, best weights         train.EarlyStop             (Lightning)                 EarlyStopping              –
//	learning-rate range test             train.LRRangeTest           (Lightning)                 –                          –
//	TensorBoard                          train.TensorBoard           utils.tensorboard           callbacks.TensorBoard      –
//	hyper-parameter search               search.RandomSearch         (Optuna)                    (KerasTuner)               –
//	buckets of like length               data.Loader                 by hand                     by hand                    –
//	augmentation of images               data.Augment                (torchvision)               layers.RandAugment         –
//	tables with gaps and categories      tabular.Encoder             (scikit-learn)              FeatureSpace               –
//	Parquet                              parquet.Load                (pyarrow)                   (pyarrow)                  –
//	log-mel spectra, cepstra             audio.Mel                   (torchaudio)                layers.MelSpectrogram      –
//	safetensors                          formats.OpenSafetensors     (safetensors)               –                          (go-huggingface)
//	PyTorch's files, no code run         formats.OpenTorch           load(weights_only=True)     –                          –
//	GGUF                                 formats.OpenGGUF            (gguf)                      –                          ggml
//	ONNX                                 –                           onnx                        Model.export               onnx
//	WordPiece, byte-level BPE            text.ReadWordPiece          (tokenizers)                (KerasHub)                 (go-huggingface)
//	pretrained networks                  models.OpenSentences        (torchvision, transformers) applications               zoo
//	pruning                              compress.Magnitude          nn.utils.prune              –                          –
//	layers that skip zeros               compress.Sparse             sparse                      –                          –
//	networks of 8-bit numbers            compress.QuantizeStatic     (torchao)                   quantize("int8")           nn.QuantizedDense
//	quantization-aware training          compress.QuantizationAware  (torchao)                   –                          –
//	distillation                         compress.Distillation       by hand                     Distiller                  –
//	private training                     train.Config.Private        (Opacus)                    –                          –
//	accountants of privacy               privacy.Accountant          (Opacus)                    –                          –
//	explanations                         explain.IntegratedGradients (Captum)                    –                          –
//	influence of training samples        explain.Influence           (Captum)                    –                          –
//	calibration error                    metrics.CalibrationError    (torchmetrics)              –                          –
//	detection's average precision        metrics.MeanAP              (torchmetrics)              (KerasHub)                 –
package mlkit
