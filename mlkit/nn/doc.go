// Package nn holds layers, losses and initialisers, and the walk that finds
// the parameters of a model.
//
// A model is any struct; what has one input and one output is a [Layer] and
// composes in a [Sequential]:
//
//	rng := nn.NewRand(1)
//	model := nn.Sequential{
//		nn.NewLinear(rng, 784, 128), nn.ReLU{}, nn.Dropout{P: 0.2},
//		nn.NewLinear(rng, 128, 10),
//	}
//	logits := model.Forward(tape.Input(images, n, 784))
//	loss := nn.CrossEntropy(logits, labels)
//
// # How layers are made
//
// A layer with parameters is made by its constructor, which takes a random
// generator first and then sizes, or a struct of settings where there are many:
// NewLinear(rng, in, out), NewConv2D(rng, Conv{In: 3, Out: 16, Kernel: 3,
// Padding: Same}). What has a default is a field whose zero value is that
// default, and the result's exported fields can be changed afterwards: Bias =
// nil for none, another initialiser on Weight, another Eps. A layer without
// parameters is a struct written down: MaxPool2D{Kernel: 2}, LeakyReLU{Slope:
// 0.1}, Dropout{P: 0.5}. Settings that make no sense panic in the constructor,
// an input of the wrong shape panics with a [*tensor.ShapeError].
//
// Layers read [tensor.Tape.Training]: dropout drops and batch normalisation
// uses the batch in training only.
//
// # Sequences
//
// Batches of sequences are [batch, time, features]. As a [Layer], an LSTM, a
// GRU or an RNN gives its outputs at every step; its method Run also takes
// lengths and initial states and gives the final ones, and Last gives what a
// classifier needs. A [MultiHeadAttention] and the transformers take a [Mask];
// the layer's Attend gives the attention weights, too, for drawing. Without
// dropout, a transformer's layers are few operations each, in which a block of
// rows goes all the way while it is in the cache.
//
// # Names
//
// [Params] walks the exported fields of a model by reflection, as encoding/json
// does. Names, layouts and default initialisations are PyTorch's, so that the
// state_dict of the same model in PyTorch loads unchanged, and the reverse.
//
// # Names elsewhere
//
//	mlkit               Keras                    PyTorch                Keras differs
//	Linear              Dense                    Linear                 weight [in, out]; Glorot uniform, zero bias
//	Conv1D, Conv2D      Conv1D, Conv2D           Conv1d, Conv2d         channels last; weight [kh, kw, in, out]
//	Conv2D with Groups  DepthwiseConv2D          Conv2d(groups=)
//	ConvTranspose1D     Conv1DTranspose          ConvTranspose1d        weight [k, out, in]; padding "valid"/"same"
//	ConvTranspose2D     Conv2DTranspose          ConvTranspose2d        weight [kh, kw, out, in]; padding "valid"/"same"
//	MaxPool1D, MaxPool2D MaxPooling1D, …2D       MaxPool1d, 2d
//	AvgPool1D, AvgPool2D AveragePooling1D, …2D   AvgPool1d, 2d          ExcludePad always
//	AdaptiveAvgPool2D   AdaptiveAveragePooling2D AdaptiveAvgPool2d
//	AdaptiveMaxPool2D   AdaptiveMaxPooling2D     AdaptiveMaxPool2d
//	MaxPool2D.Indices   –                        …(return_indices=True) with tensor's MaxUnpool2D: MaxUnpool2d
//	Conv's Padding Same padding="same"           padding="same"         at strides above 1 Keras pads by the image's size
//	GlobalAvgPool       GlobalAveragePooling2D   AdaptiveAvgPool2d(1)
//	GlobalMaxPool       GlobalMaxPooling2D       AdaptiveMaxPool2d(1)
//	Upsample            UpSampling2D             Upsample
//	Flatten             Flatten                  Flatten                channels last: another order of features
//	BatchNorm           BatchNormalization       BatchNorm1d, 2d        momentum is 1 − ours, 0.99; eps 1e-3; running variance biased
//	LayerNorm           LayerNormalization       LayerNorm              eps 1e-3
//	GroupNorm           GroupNormalization       GroupNorm              eps 1e-3
//	NewInstanceNorm     GroupNormalization(-1)   InstanceNorm1d, 2d     eps 1e-3; with weight and bias
//	RMSNorm             RMSNormalization         RMSNorm                eps 1e-6
//	LocalResponseNorm   -                        LocalResponseNorm
//	Dropout             Dropout                  Dropout
//	SpatialDropout      SpatialDropout1D, 2D     Dropout1d, Dropout2d
//	DropPath            –                        torchvision.ops.StochasticDepth
//	GaussianNoise       GaussianNoise            –
//	Sequential          Sequential               Sequential
//	Func                Lambda                   –
//	AddLoRA             enable_lora              -                      Hugging Face: PEFT's LoraConfig; Keras: rank in place of r, alpha
//	AddWeightNorm       -                        weight_norm
//	AddSpectralNorm     SpectralNormalization    spectral_norm          Keras: one step of power iteration from a random start
//	Freeze, FreezeNamed trainable = False        requires_grad_(False)
//	GEGLU, SwiGLU       -                        -
//	Residual            add                      -
//	Embedding           Embedding                Embedding              uniform ±0.05; mask_zero, not a padding id
//	EmbeddingBag        -                        EmbeddingBag           lengths for offsets; mode mean or sum
//	LearnedPositions    PositionEmbedding¹       -                      Glorot uniform
//	SinusoidalPositions SinePositionEncoding¹    -
//	RNN                 SimpleRNN                RNN                    one layer, one bias; Glorot, orthogonal, zero bias
//	LSTM                LSTM                     LSTM                   likewise; weights [in, 4h]; the forget gate's bias starts at 1
//	GRU                 GRU                      GRU                    likewise; weights [in, 3h], gates z, r, n
//	…with ResetBefore   reset_after=False        –                      ONNX: linear_before_reset=0, its default
//	…with InputDropout  dropout                  -                      one mask per sequence
//	…RecurrentDropout   recurrent_dropout        -                      likewise
//	Bidirectional: true Bidirectional            bidirectional=True     a wrapper
//	Sequences.Lengths   a mask                   pack_padded_sequence   outputs beyond the end repeat the last one
//	MultiHeadAttention  MultiHeadAttention       MultiheadAttention     projections apart; PyTorch: NaN where no key may be seen
//	…with KVHeads       GroupQueryAttention      …attention(enable_gqa=) projections apart
//	Mask.Bias           attention_mask           attn_mask              Keras has a mask of booleans only
//	RotaryPositions     RotaryEmbedding¹         -                      Hugging Face: LlamaRotaryEmbedding
//	ALiBi               AlibiBias¹               –
//	RelativePositions   T5's, inside¹            –                      Hugging Face: T5's relative_attention_bias
//	TransformerEncoder, TransformerEncoderLayer
//	                    TransformerEncoder¹      the same names         PyTorch: a pre-norm stack gets its last norm only if told
//	TransformerDecoder… TransformerDecoder¹      TransformerDecoder…    likewise
//	Beam Sampling       samplers¹                –                      Hugging Face: generate with num_beams, or temperature, top_k, top_p
//	KVCache             –                        –                      Hugging Face: past_key_values
//	RBM                 –                        –                      scikit-learn: BernoulliRBM
//	DBN                 –                        –
//	ReLU, SELU          ReLU, activation "selu"  ReLU, SELU
//	Sigmoid, Tanh       activation "sigmoid", …  Sigmoid, Tanh
//	LeakyReLU           LeakyReLU                LeakyReLU              slope 0.3
//	PReLU               PReLU                    PReLU                  a slope for every element; starts at 0
//	ELU                 ELU                      ELU
//	GELU                activation "gelu"        GELU
//	SiLU                activation "silu"        SiLU
//	Mish, Softplus      activation               Mish, Softplus         Softplus without beta
//	Softmax, LogSoftmax Softmax, log_softmax     Softmax, LogSoftmax
//	GlorotUniform, …    GlorotUniform, …         xavier_uniform_, …
//	HeNormal, …         HeNormal, …              kaiming_normal_, …     HeNormal and LeCunNormal are truncated
//	Orthogonal          Orthogonal               orthogonal_
//
// ¹ of KerasHub
//
// # Losses
//
// A loss is a struct whose fields are its settings and whose method Loss is
// what training calls; the zero value has PyTorch's defaults. Common ones have
// a plain function, too:
//
//	train.Supervised(model, nn.CrossEntropy)
//	train.Supervised(model, nn.CrossEntropyLoss{LabelSmoothing: 0.1}.Loss)
//	train.Supervised(model, nn.CrossEntropyLoss{}.Soft) // targets are distributions
//
// Losses of classes and of bits take logits, not probabilities: computed from
// them, a loss neither overflows nor loses its digits. All average
// ([ReduceMean]) unless told otherwise. Prediction and target must have the
// same shape, or one label a row.
//
//	here                 Keras                           PyTorch              differences
//	MSE, MSELoss         MeanSquaredError                MSELoss              none
//	MAE, L1Loss          MeanAbsoluteError               L1Loss               none
//	Huber, HuberLoss     Huber                           HuberLoss            none
//	SmoothL1Loss         –                               SmoothL1Loss         Beta 0 means 1, L1Loss is the limit
//	PseudoHuberLoss      –                               –                    scipy.special.pseudo_huber
//	LogCosh, LogCoshLoss LogCosh                         –                    none
//	GaussianNLLLoss      –                               GaussianNLLLoss      the variance has the shape of the mean
//	PoissonNLL           Poisson                         PoissonNLLLoss       Rate is log_input=False; Keras expects rates
//	CrossEntropy         SparseCategoricalCrossentropy   CrossEntropyLoss     Keras expects probabilities unless from_logits; classes last
//	CrossEntropyLoss.Soft CategoricalCrossentropy        CrossEntropyLoss     Ignore is a list; −100 is always in it
//	CrossEntropyLoss.Linear –                            linear_cross_entropy of a dense layer's logits, which are never whole in memory
//	BinaryCrossEntropy   BinaryCrossentropy              BCEWithLogitsLoss    Keras expects probabilities unless from_logits
//	BCELoss              BinaryCrossentropy              BCELoss              Keras clips p to [1e-7, 1−1e-7]; logarithms here reach −100
//	FocalLoss            CategoricalFocalCrossentropy    –                    Keras multiplies by alpha 0.25; here Weight
//	BinaryFocalLoss      BinaryFocalCrossentropy         sigmoid_focal_loss   torchvision's; Keras applies alpha only if asked
//	NLLLoss              –                               NLLLoss              classes last
//	KLDivLoss            KLDivergence                    KLDivLoss            Keras expects probabilities on both sides, and sums rows
//	HingeLoss            Hinge, SquaredHinge             –                    Keras turns targets 0 into −1
//	MultiMarginLoss      CategoricalHinge                MultiMarginLoss      Keras takes the largest violation only
//	CosineLoss           CosineSimilarity                –                    Keras has −cos instead of 1 − cos
//	CosineEmbeddingLoss  –                               CosineEmbeddingLoss  none
//	HingeEmbeddingLoss   –                               HingeEmbeddingLoss   none
//	TripletMarginLoss    –                               TripletMarginLoss    P is 1 or 2
//	GIoULoss            –                               –                    torchvision's generalized_box_iou_loss
//	HeatmapFocalLoss, CenterLoss –                      –                    detectors without anchors, see data.Centers
//	CTC, CTCLoss         CTC                             CTCLoss              batch first, logits; Keras: class 0 is the blank and pads, no division by lengths
package nn
