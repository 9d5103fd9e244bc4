package nn_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// A layerCase is one line of the conformance test that every layer goes
// through (an idea of Keras). The name is also that of its golden in
// testdata/layers.json.
type layerCase struct {
	name string
	make func(rng *rand.Rand) nn.Layer
	in   []int // the input's shape; the batch is the first axis
	out  []int
	// state is the names of parameters and buffers, with spaces between.
	state string
	// modes says that training and evaluation differ.
	modes bool
	// wrong is an input of a wrong shape, op the operation that refuses it.
	wrong []int
	op    string

	spaced   bool // the gradient check needs inputs whose order no step changes
	kinks    bool // no gradient check: there are kinks inside; the golden stands for it
	noGolden bool // no row in layers.json: random numbers, or tested elsewhere
}

func fixed(l nn.Layer) func(*rand.Rand) nn.Layer { return func(*rand.Rand) nn.Layer { return l } }

// layerCases is the table. Every layer has a line.
var layerCases = []layerCase{
	{name: "Linear", make: func(r *rand.Rand) nn.Layer { return nn.NewLinear(r, 3, 4) },
		in: []int{2, 5, 3}, out: []int{2, 5, 4}, state: "weight bias", wrong: []int{2, 4}, op: "Linear"},
	{name: "Linear with weight norm", make: func(r *rand.Rand) nn.Layer { l := nn.NewLinear(r, 3, 4); nn.AddWeightNorm(l); return l },
		in: []int{2, 5, 3}, out: []int{2, 5, 4}, state: "weight weight.gain bias", noGolden: true, wrong: []int{2, 4}, op: "Linear"},
	{name: "Conv2D with spectral norm", make: func(r *rand.Rand) nn.Layer {
		l := nn.NewConv2D(r, nn.Conv{In: 2, Out: 3, Kernel: 3})
		nn.AddSpectralNorm(r, l)
		l.Weight.Norm.(*tensor.SpectralNorm).Iterate(l.Weight, 300) // where the vectors stand still the gradient is exact
		return l
	}, in: []int{2, 2, 5, 4}, out: []int{2, 3, 3, 2}, state: "weight weight.u weight.v bias", noGolden: true, wrong: []int{2, 3, 5, 4}, op: "Conv2D"},
	{name: "Conv2D", make: func(r *rand.Rand) nn.Layer { return nn.NewConv2D(r, nn.Conv{In: 2, Out: 3, Kernel: 3}) },
		in: []int{2, 2, 5, 4}, out: []int{2, 3, 3, 2}, state: "weight bias", wrong: []int{2, 3, 5, 4}, op: "Conv2D"},
	{name: "Conv2D strided", make: func(r *rand.Rand) nn.Layer {
		return nn.NewConv2D(r, nn.Conv{In: 4, Out: 6, Kernel: 3, KernelW: 2, Stride: 2, StrideW: 1, Padding: 1, PaddingW: nn.NoPadding, Groups: 2, NoBias: true})
	}, in: []int{2, 4, 5, 4}, out: []int{2, 6, 3, 3}, state: "weight", wrong: []int{2, 4, 5, 1}, op: "Conv2D"},
	{name: "Conv2D same dilated", make: func(r *rand.Rand) nn.Layer {
		return nn.NewConv2D(r, nn.Conv{In: 2, Out: 2, Kernel: 3, Padding: nn.Same, Dilation: 2})
	}, in: []int{1, 2, 5, 5}, out: []int{1, 2, 5, 5}, state: "weight bias", wrong: []int{2, 5, 5}, op: "Conv2D"},
	{name: "Conv2D same even", make: func(r *rand.Rand) nn.Layer {
		return nn.NewConv2D(r, nn.Conv{In: 2, Out: 2, Kernel: 2, KernelW: 4, Padding: nn.Same, DilationW: 3})
	}, in: []int{1, 2, 5, 4}, out: []int{1, 2, 5, 4}, state: "weight bias", wrong: []int{2, 5, 5}, op: "Conv2D"},
	{name: "Conv1D same even", make: func(r *rand.Rand) nn.Layer {
		return nn.NewConv1D(r, nn.Conv{In: 2, Out: 3, Kernel: 4, Padding: nn.Same})
	}, in: []int{2, 2, 7}, out: []int{2, 3, 7}, state: "weight bias", wrong: []int{2, 2, 7, 1}, op: "Conv1D"},
	{name: "Conv1D", make: func(r *rand.Rand) nn.Layer {
		return nn.NewConv1D(r, nn.Conv{In: 2, Out: 3, Kernel: 3, Stride: 2, Padding: 1})
	}, in: []int{2, 2, 7}, out: []int{2, 3, 4}, state: "weight bias", wrong: []int{2, 2, 7, 1}, op: "Conv1D"},
	{name: "ConvTranspose1D", make: func(r *rand.Rand) nn.Layer {
		return nn.NewConvTranspose1D(r, nn.Conv{In: 2, Out: 3, Kernel: 3, Stride: 2, Padding: 1, OutputPadding: 1})
	}, in: []int{2, 2, 3}, out: []int{2, 3, 6}, state: "weight bias", wrong: []int{2, 3, 3}, op: "ConvTranspose1D"},
	{name: "ConvTranspose2D", make: func(r *rand.Rand) nn.Layer {
		return nn.NewConvTranspose2D(r, nn.Conv{In: 2, Out: 3, Kernel: 3, Stride: 2, Padding: 1, OutputPadding: 1})
	}, in: []int{2, 2, 3, 2}, out: []int{2, 3, 6, 4}, state: "weight bias", wrong: []int{2, 3, 3, 2}, op: "ConvTranspose2D"},
	{name: "MaxPool2D", make: fixed(nn.MaxPool2D{Kernel: 2}), in: []int{2, 2, 4, 5}, out: []int{2, 2, 2, 2}, spaced: true, wrong: []int{2, 2, 1, 1}, op: "MaxPool2D"},
	{name: "MaxPool2D overlapping", make: fixed(nn.MaxPool2D{Kernel: 3, Stride: 2, Padding: 1}),
		in: []int{1, 2, 5, 5}, out: []int{1, 2, 3, 3}, spaced: true, wrong: []int{2, 2, 4}, op: "MaxPool2D"},
	{name: "AvgPool2D", make: fixed(nn.AvgPool2D{Kernel: 3, Stride: 2, Padding: 1}), in: []int{2, 2, 5, 5}, out: []int{2, 2, 3, 3}, wrong: []int{2, 4}, op: "AvgPool2D"},
	{name: "MaxPool1D", make: fixed(nn.MaxPool1D{Kernel: 2}), in: []int{2, 2, 5}, out: []int{2, 2, 2}, spaced: true, wrong: []int{2, 2, 1}, op: "MaxPool1D"},
	{name: "AvgPool1D", make: fixed(nn.AvgPool1D{Kernel: 2}), in: []int{2, 2, 5}, out: []int{2, 2, 2}, wrong: []int{2, 5}, op: "AvgPool1D"},
	{name: "AdaptiveAvgPool2D", make: fixed(nn.AdaptiveAvgPool2D{H: 2, W: 3}), in: []int{2, 2, 5, 4}, out: []int{2, 2, 2, 3}, wrong: []int{2, 5}, op: "AdaptiveAvgPool2D"},
	{name: "AdaptiveMaxPool2D", make: fixed(nn.AdaptiveMaxPool2D{H: 2, W: 3}), in: []int{2, 2, 5, 4}, out: []int{2, 2, 2, 3}, spaced: true, wrong: []int{2, 5}, op: "AdaptiveMaxPool2D"},
	{name: "MaxPool2D and back", make: fixed(nn.Func(func(x T) T {
		y, ids := nn.MaxPool2D{Kernel: 2}.Indices(x)
		return y.MaxUnpool2D(ids, x.Dim(2), x.Dim(3))
	})), in: []int{2, 2, 4, 4}, out: []int{2, 2, 4, 4}, spaced: true, noGolden: true, wrong: []int{2, 5}, op: "MaxPool2DIndices"},
	{name: "GlobalAvgPool", make: fixed(nn.GlobalAvgPool{}), in: []int{2, 3, 4, 4}, out: []int{2, 3}, wrong: []int{2, 3}, op: "GlobalAvgPool"},
	{name: "GlobalMaxPool", make: fixed(nn.GlobalMaxPool{}), in: []int{2, 3, 4, 4}, out: []int{2, 3}, spaced: true, wrong: []int{2, 3}, op: "GlobalMaxPool"},
	{name: "Upsample", make: fixed(nn.Upsample{}), in: []int{2, 2, 2, 3}, out: []int{2, 2, 4, 6}, wrong: []int{2, 3}, op: "Upsample"},
	{name: "Upsample bilinear", make: fixed(nn.Upsample{Scale: 3, Bilinear: true}), in: []int{2, 2, 2, 3}, out: []int{2, 2, 6, 9}, wrong: []int{2, 3, 4}, op: "Upsample"},
	{name: "Flatten", make: fixed(nn.Flatten{}), in: []int{2, 3, 2, 2}, out: []int{2, 12}, wrong: []int{}, op: "Flatten"},
	{name: "BatchNorm", make: func(*rand.Rand) nn.Layer { return nn.NewBatchNorm(3) },
		in: []int{4, 3, 2, 2}, out: []int{4, 3, 2, 2}, state: "weight bias running_mean running_var", modes: true, wrong: []int{4, 2}, op: "BatchNorm"},
	{name: "BatchNorm rows", make: func(*rand.Rand) nn.Layer { return nn.NewBatchNorm(3) },
		in: []int{6, 3}, out: []int{6, 3}, state: "weight bias running_mean running_var", modes: true, wrong: []int{1, 3}, op: "BatchNorm"},
	{name: "LayerNorm", make: func(*rand.Rand) nn.Layer { return nn.NewLayerNorm(5) },
		in: []int{2, 3, 5}, out: []int{2, 3, 5}, state: "weight bias", wrong: []int{2, 4}, op: "LayerNorm"},
	{name: "LayerNorm two axes", make: func(*rand.Rand) nn.Layer { return nn.NewLayerNorm(3, 5) },
		in: []int{2, 3, 5}, out: []int{2, 3, 5}, state: "weight bias", wrong: []int{2, 4, 5}, op: "LayerNorm"},
	{name: "GroupNorm", make: func(*rand.Rand) nn.Layer { return nn.NewGroupNorm(2, 4) },
		in: []int{2, 4, 3}, out: []int{2, 4, 3}, state: "weight bias", wrong: []int{2, 6, 3}, op: "GroupNorm"},
	{name: "InstanceNorm", make: func(*rand.Rand) nn.Layer { return nn.NewInstanceNorm(3) },
		in: []int{2, 3, 2, 2}, out: []int{2, 3, 2, 2}, wrong: []int{2, 4, 2, 2}, op: "GroupNorm"},
	{name: "BatchNorm frozen", make: func(*rand.Rand) nn.Layer { b := nn.NewBatchNorm(3); b.Frozen = true; return b },
		in: []int{4, 3, 2}, out: []int{4, 3, 2}, state: "weight bias running_mean running_var", noGolden: true, wrong: []int{4, 2}, op: "BatchNorm"},
	{name: "RMSNorm", make: func(*rand.Rand) nn.Layer { return nn.NewRMSNorm(5) },
		in: []int{2, 3, 5}, out: []int{2, 3, 5}, state: "weight", wrong: []int{2, 4}, op: "RMSNorm"},
	{name: "LocalResponseNorm", make: fixed(nn.LocalResponseNorm{Size: 3}), in: []int{2, 5, 2, 2}, out: []int{2, 5, 2, 2}, wrong: []int{5}, op: "LocalResponseNorm"},
	{name: "Dropout", make: fixed(nn.Dropout{P: 0.4}), in: []int{5, 8}, out: []int{5, 8}, modes: true, noGolden: true},
	{name: "DropPath", make: fixed(nn.DropPath{P: 0.5}), in: []int{8, 2, 2}, out: []int{8, 2, 2}, modes: true, noGolden: true, wrong: []int{}, op: "DropPath"},
	{name: "GaussianNoise", make: fixed(nn.GaussianNoise{Std: 0.1}), in: []int{3, 2}, out: []int{3, 2}, modes: true, noGolden: true},
	{name: "SpatialDropout", make: fixed(nn.SpatialDropout{P: 0.4}), in: []int{4, 5, 2, 2}, out: []int{4, 5, 2, 2}, modes: true, noGolden: true, wrong: []int{3}, op: "SpatialDropout"},
	{name: "Sequential", make: func(r *rand.Rand) nn.Layer {
		return nn.Sequential{nn.NewConv2D(r, nn.Conv{In: 1, Out: 2, Kernel: 3}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2}, nn.Flatten{},
			nn.NewLinear(r, 8, 4), nn.ReLU{}, nn.NewLinear(r, 4, 3)}
	}, in: []int{2, 1, 6, 6}, out: []int{2, 3}, state: "0.weight 0.bias 4.weight 4.bias 6.weight 6.bias", kinks: true, wrong: []int{2, 1, 8, 8}, op: "LinearReLU"},
	{name: "GEGLU", make: func(r *rand.Rand) nn.Layer { return nn.NewGEGLU(r, 4, 5) },
		in: []int{3, 4}, out: []int{3, 5}, state: "gate.weight gate.bias value.weight value.bias", wrong: []int{3, 5}, op: "LinearGELU"},
	{name: "SwiGLU", make: func(r *rand.Rand) nn.Layer { return nn.NewSwiGLU(r, 4, 5) },
		in: []int{3, 4}, out: []int{3, 5}, state: "gate.weight gate.bias value.weight value.bias", wrong: []int{3, 5}, op: "Linear"},
	{name: "Residual", make: func(r *rand.Rand) nn.Layer {
		return nn.Residual{Body: nn.Sequential{nn.NewLinear(r, 4, 4), nn.Tanh{}}}
	}, in: []int{3, 4}, out: []int{3, 4}, state: "body.0.weight body.0.bias", wrong: []int{3, 5}, op: "Linear"},
	{name: "Residual with a shortcut", make: func(r *rand.Rand) nn.Layer {
		return nn.Residual{Body: nn.NewLinear(r, 4, 3), Shortcut: nn.NewLinear(r, 4, 3)}
	}, in: []int{3, 4}, out: []int{3, 3}, state: "body.weight body.bias shortcut.weight shortcut.bias", noGolden: true, wrong: []int{3, 5}, op: "Linear"},
	{name: "ReLU", make: fixed(nn.ReLU{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "LeakyReLU", make: fixed(nn.LeakyReLU{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "PReLU", make: func(*rand.Rand) nn.Layer { return nn.NewPReLU(1) }, in: []int{3, 4}, out: []int{3, 4}, state: "weight"},
	{name: "PReLU channels", make: func(*rand.Rand) nn.Layer { return nn.NewPReLU(3) }, in: []int{2, 3, 4}, out: []int{2, 3, 4}, state: "weight", wrong: []int{2, 4}, op: "PReLU"},
	{name: "ELU", make: fixed(nn.ELU{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "SELU", make: fixed(nn.SELU{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "GELU", make: fixed(nn.GELU{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "GELU tanh", make: fixed(nn.GELU{Tanh: true}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "SiLU", make: fixed(nn.SiLU{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "Mish", make: fixed(nn.Mish{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "Softplus", make: fixed(nn.Softplus{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "Tanh", make: fixed(nn.Tanh{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "Sigmoid", make: fixed(nn.Sigmoid{}), in: []int{3, 4}, out: []int{3, 4}},
	{name: "Softmax", make: fixed(nn.Softmax{}), in: []int{3, 4}, out: []int{3, 4}, wrong: []int{}, op: "Softmax"},
	{name: "LogSoftmax", make: fixed(nn.LogSoftmax{}), in: []int{3, 4}, out: []int{3, 4}, wrong: []int{}, op: "LogSoftmax"},
	{name: "RNN", make: func(r *rand.Rand) nn.Layer { return nn.NewRNN(r, nn.Recurrent{In: 3, Hidden: 2}) },
		in: []int{2, 4, 3}, out: []int{2, 4, 2}, state: "weight_ih_l0 weight_hh_l0 bias_ih_l0 bias_hh_l0", noGolden: true, wrong: []int{2, 4, 2}, op: "RNN"},
	{name: "LSTM", make: func(r *rand.Rand) nn.Layer {
		return nn.NewLSTM(r, nn.Recurrent{In: 3, Hidden: 2, Bidirectional: true, NoBias: true, Layers: 2, Dropout: 0.2})
	}, in: []int{2, 4, 3}, out: []int{2, 4, 4}, state: "weight_ih_l0 weight_hh_l0 weight_ih_l0_reverse weight_hh_l0_reverse weight_ih_l1 weight_hh_l1 weight_ih_l1_reverse weight_hh_l1_reverse",
		modes: true, noGolden: true, wrong: []int{2, 3}, op: "TimeMajor"},
	{name: "GRU with dropout", make: func(r *rand.Rand) nn.Layer {
		return nn.NewGRU(r, nn.Recurrent{In: 3, Hidden: 4, InputDropout: 0.3, RecurrentDropout: 0.3})
	}, in: []int{2, 4, 3}, out: []int{2, 4, 4}, state: "weight_ih_l0 weight_hh_l0 bias_ih_l0 bias_hh_l0", modes: true, noGolden: true, wrong: []int{2, 4, 4}, op: "GRU"},
	{name: "GRU with the reset before", make: func(r *rand.Rand) nn.Layer {
		return nn.NewGRU(r, nn.Recurrent{In: 3, Hidden: 2, ResetBefore: true})
	}, in: []int{2, 4, 3}, out: []int{2, 4, 2}, state: "weight_ih_l0 weight_hh_l0 bias_ih_l0 bias_hh_l0", noGolden: true, wrong: []int{2, 4, 4}, op: "GRUResetBefore"},
	{name: "GRU", make: func(r *rand.Rand) nn.Layer { return nn.NewGRU(r, nn.Recurrent{In: 3, Hidden: 2}) },
		in: []int{2, 4, 3}, out: []int{2, 4, 2}, state: "weight_ih_l0 weight_hh_l0 bias_ih_l0 bias_hh_l0", noGolden: true, wrong: []int{2, 4, 4}, op: "GRU"},
	{name: "LSTM last state", make: func(r *rand.Rand) nn.Layer {
		return lastState{nn.NewLSTM(r, nn.Recurrent{In: 3, Hidden: 2, Bidirectional: true})}
	},
		in: []int{2, 4, 3}, out: []int{2, 4}, noGolden: true, wrong: []int{2, 4, 4}, op: "LSTM",
		state: "lstm.weight_ih_l0 lstm.weight_hh_l0 lstm.bias_ih_l0 lstm.bias_hh_l0 lstm.weight_ih_l0_reverse lstm.weight_hh_l0_reverse lstm.bias_ih_l0_reverse lstm.bias_hh_l0_reverse"},
	{name: "MultiHeadAttention grouped", make: func(r *rand.Rand) nn.Layer {
		return nn.NewAttention(r, nn.Attention{Width: 8, Heads: 4, KVHeads: 2})
	}, in: []int{2, 3, 8}, out: []int{2, 3, 8}, state: "in_proj_weight in_proj_bias out_proj.weight out_proj.bias", noGolden: true, wrong: []int{2, 3, 5}, op: "SelfAttentionLayer"},
	{name: "MultiHeadAttention rotary", make: func(r *rand.Rand) nn.Layer {
		return nn.NewAttention(r, nn.Attention{Width: 8, Heads: 2, KVHeads: 1, Rotary: &nn.RotaryPositions{Base: 3}})
	}, in: []int{2, 3, 8}, out: []int{2, 3, 8}, state: "in_proj_weight in_proj_bias out_proj.weight out_proj.bias", noGolden: true, wrong: []int{2, 3, 5}, op: "Linear"},
	{name: "TransformerEncoder with positions", make: func(r *rand.Rand) nn.Layer {
		e := nn.NewTransformerEncoder(r, 1, nn.Transformer{Width: 4, Heads: 2, KVHeads: 1, Hidden: 3, PreNorm: true, GELU: true})
		e.Positions = nn.NewRelativePositions(r, 2, false)
		return e
	}, in: []int{2, 3, 4}, out: []int{2, 3, 4}, noGolden: true, wrong: []int{2, 3, 5}, op: "LayerNorm",
		state: encoderState + " norm.weight norm.bias positions.weight"},
	{name: "TransformerEncoder with ALiBi", make: func(r *rand.Rand) nn.Layer {
		e := nn.NewTransformerEncoder(r, 1, nn.Transformer{Width: 6, Heads: 3, Hidden: 3, PreNorm: true, GELU: true})
		e.Positions = nn.ALiBi{Heads: 3}
		return nn.Sequential{e}
	}, in: []int{2, 3, 6}, out: []int{2, 3, 6}, state: strings.ReplaceAll("0."+encoderState+" norm.weight norm.bias", " ", " 0."), noGolden: true, wrong: []int{2, 3, 5}, op: "LayerNorm"},
	{name: "MultiHeadAttention", make: func(r *rand.Rand) nn.Layer { return nn.NewMultiHeadAttention(r, 4, 2) },
		in: []int{2, 3, 4}, out: []int{2, 3, 4}, state: "in_proj_weight in_proj_bias out_proj.weight out_proj.bias", noGolden: true, wrong: []int{2, 3, 5}, op: "SelfAttentionLayer"},
	{name: "TransformerEncoder", make: func(r *rand.Rand) nn.Layer {
		return nn.NewTransformerEncoder(r, 1, nn.Transformer{Width: 4, Heads: 2, Hidden: 6, PreNorm: true, GELU: true, Dropout: 0.2})
	}, in: []int{2, 3, 4}, out: []int{2, 3, 4}, state: encoderState + " norm.weight norm.bias", modes: true, noGolden: true, wrong: []int{2, 3, 5}, op: "LayerNorm"},
	{name: "TransformerDecoder", make: func(r *rand.Rand) nn.Layer {
		return decoding{nn.NewTransformerDecoder(r, 1, nn.Transformer{Width: 4, Heads: 2, Hidden: 6, GELU: true})}
	}, in: []int{2, 3, 4}, out: []int{2, 3, 4}, state: decoderState, noGolden: true, wrong: []int{2, 3, 5}, op: "SelfAttentionLayer"},
	{name: "Embedding", make: func(r *rand.Rand) nn.Layer { return embedding{nn.NewPaddedEmbedding(r, 5, 4, 1)} },
		in: []int{2, 3, 4}, out: []int{2, 3, 4}, state: "embedding.weight", noGolden: true, wrong: []int{2, 3, 5}, op: "Add"},
	{name: "EmbeddingBag", make: func(r *rand.Rand) nn.Layer { return bagged{nn.NewEmbeddingBag(r, 5, 4)} },
		in: []int{2, 3, 4}, out: []int{2, 3, 4}, state: "bag.weight", noGolden: true, wrong: []int{2, 3, 5}, op: "Add"},
	{name: "LearnedPositions", make: func(r *rand.Rand) nn.Layer { return nn.NewLearnedPositions(r, 5, 4) },
		in: []int{2, 3, 4}, out: []int{2, 3, 4}, state: "weight", noGolden: true, wrong: []int{2, 6, 4}, op: "LearnedPositions"},
	{name: "SinusoidalPositions", make: fixed(nn.NewSinusoidalPositions(5, 4)),
		in: []int{2, 3, 4}, out: []int{2, 3, 4}, noGolden: true, wrong: []int{2, 6, 4}, op: "SinusoidalPositions"},
}

const (
	encoderState = "layers.0.self_attn.in_proj_weight layers.0.self_attn.in_proj_bias layers.0.self_attn.out_proj.weight layers.0.self_attn.out_proj.bias " +
		"layers.0.linear1.weight layers.0.linear1.bias layers.0.linear2.weight layers.0.linear2.bias " +
		"layers.0.norm1.weight layers.0.norm1.bias layers.0.norm2.weight layers.0.norm2.bias"
	decoderState = "decoder.layers.0.self_attn.in_proj_weight decoder.layers.0.self_attn.in_proj_bias decoder.layers.0.self_attn.out_proj.weight decoder.layers.0.self_attn.out_proj.bias " +
		"decoder.layers.0.multihead_attn.in_proj_weight decoder.layers.0.multihead_attn.in_proj_bias decoder.layers.0.multihead_attn.out_proj.weight decoder.layers.0.multihead_attn.out_proj.bias " +
		"decoder.layers.0.linear1.weight decoder.layers.0.linear1.bias decoder.layers.0.linear2.weight decoder.layers.0.linear2.bias " +
		"decoder.layers.0.norm1.weight decoder.layers.0.norm1.bias decoder.layers.0.norm2.weight decoder.layers.0.norm2.bias " +
		"decoder.layers.0.norm3.weight decoder.layers.0.norm3.bias"
)

// What has a Forward of its own goes through the table in one of these.
type (
	lastState struct{ LSTM *nn.LSTM }
	decoding  struct{ Decoder *nn.TransformerDecoder }
	embedding struct{ Embedding *nn.Embedding }
	bagged    struct{ Bag *nn.EmbeddingBag }
)

func (l lastState) Forward(x T) T { return l.LSTM.Last(x, nn.Sequences{}) }

func (d decoding) Forward(x T) T { return d.Decoder.Run(x, x, nn.Mask{Causal: true}, nn.Mask{}) }

func (e embedding) Forward(x T) T {
	ids := x.Tape().ScratchInts(x.Dim(0) * x.Dim(1))
	for i := range ids {
		ids[i] = int32(i%x.Dim(1)*2) % 5
		if ids[i] == 1 { // the padding gets no gradient
			ids[i] = 3
		}
	}
	return e.Embedding.ForwardTokens(x.Tape(), tensor.NewInts(ids, x.Dim(0), x.Dim(1))).Add(x)
}

func (e bagged) Forward(x T) T { // a bag of three ids for each step
	ids := x.Tape().ScratchInts(x.Dim(0) * x.Dim(1) * 3)
	for i := range ids {
		k := i % (x.Dim(1) * 3)
		ids[i] = int32(k*k) % 5
	}
	return e.Bag.ForwardTokens(x.Tape(), tensor.NewInts(ids, x.Dim(0), x.Dim(1), 3)).Add(x)
}

// A gate of one output must not be broadcast over the values.
func TestGEGLURefusesAGateOfAnotherSize(t *testing.T) {
	l := nn.NewGEGLU(nn.NewRand(1), 4, 5)
	l.Gate = nn.NewLinear(nn.NewRand(2), 4, 1)
	defer func() {
		if e, ok := recover().(*tensor.ShapeError); !ok || e.Op != "GEGLU" {
			t.Errorf("%v, want a *ShapeError of GEGLU", e)
		}
	}()
	l.Forward(tensor.NewEvalTape().Input(fill(0, 3, 4), 3, 4))
}

// layerGolden is one layer's training step in PyTorch, from layers.py (GEGLU's
// is float64 without PyTorch, from float64.py).
type layerGolden struct {
	In, Dims []int
	Names    []string
	Y        []float32
	Grads    [][]float32 // of the input, then of the parameters
	Buffers  [][]float32 // after the step
}

func TestLayersConform(t *testing.T) {
	goldens := map[string]layerGolden{}
	b, err := os.ReadFile("testdata/layers.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &goldens); err != nil {
		t.Fatal(err)
	}
	for i := range layerCases {
		c := &layerCases[i]
		t.Run(c.name, func(t *testing.T) {
			c.checkShapes(t)
			c.checkState(t)
			c.checkGradients(t)
			c.checkModes(t)
			c.checkDeterminism(t)
			c.checkAllocations(t)
			c.checkWrongShape(t)
			if g, ok := goldens[c.name]; ok != c.noGolden {
				if ok {
					c.checkGolden(t, g)
				}
			} else {
				t.Errorf("golden present: %v, not wanted: %v", ok, c.noGolden)
			}
		})
		delete(goldens, c.name)
	}
	for name := range goldens {
		t.Errorf("golden %q has no case", name)
	}
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// batch is the case's input shape with another batch.
func (c *layerCase) batch(n int) []int {
	d := slices.Clone(c.in)
	d[0] = n
	return d
}

func fill(k int, dims ...int) []float32 {
	x := make([]float32, size(dims))
	for i := range x {
		x[i] = float32((i*37+k*11)%101-50) / 32
	}
	return x
}

// Any batch gives its shape; what a row gives in evaluation does not depend on
// the rows beside it.
func (c *layerCase) checkShapes(t *testing.T) {
	layer := c.make(nn.NewRand(1))
	tape := tensor.NewEvalTape()
	x := fill(0, c.in...)
	all := layer.Forward(tape.Input(x, c.in...))
	if !slices.Equal(all.Dims(), c.out) {
		t.Fatalf("shape %v, want %v", all.Dims(), c.out)
	}
	if len(c.in) == 0 {
		return
	}
	row := size(c.in) / c.in[0]
	for i := range c.in[0] {
		one := layer.Forward(tape.Input(x[i*row:(i+1)*row], c.batch(1)...))
		if one.Dim(0) != 1 || one.Size()*c.in[0] != all.Size() {
			t.Fatalf("a batch of one gives %v", one.Dims())
		}
		compare(t, "a row on its own", one.Data(), all.Data()[i*one.Size():(i+1)*one.Size()])
	}
	if empty := layer.Forward(tape.Input(nil, c.batch(0)...)); empty.Dim(0) != 0 || empty.Rank() != len(c.out) {
		t.Errorf("an empty batch gives %v", empty.Dims())
	}
}

func (c *layerCase) checkState(t *testing.T) {
	var names []string
	for _, n := range nn.State(c.make(nn.NewRand(1))) {
		names = append(names, n.Name)
	}
	if got := strings.Join(names, " "); got != c.state {
		t.Errorf("state %q, want %q", got, c.state)
	}
	a, b := nn.Params(c.make(nn.NewRand(7))), nn.Params(c.make(nn.NewRand(7)))
	for k := range a {
		if !slices.Equal(a[k].Data, b[k].Data) {
			t.Errorf("%s: the same seed gives other weights", a[k].Name)
		}
	}
}

func (c *layerCase) checkGradients(t *testing.T) {
	if c.kinks {
		return
	}
	layer := c.make(nn.NewRand(1))
	in := gradcheck.Random(1, c.in...).AwayFrom(0.1, 0)
	if c.spaced {
		for i := range in.Data {
			in.Data[i] = float32(i*37%101)/10 - 5
		}
	}
	f := func(_ *tensor.Tape, x []T) T { return layer.Forward(x[0]) }
	if err := gradcheck.CheckParams(gradcheck.Tolerance, f, nn.Params(layer), in); err != nil {
		t.Error(err)
	}
	// The same in evaluation, where batch normalisation is another function.
	eval := func(tape *tensor.Tape, x []T) T { tape.SetTraining(false); return layer.Forward(x[0]) }
	if err := gradcheck.CheckParams(gradcheck.Tolerance, eval, nn.Params(layer), in); err != nil {
		t.Errorf("in evaluation: %v", err)
	}
}

func (c *layerCase) checkModes(t *testing.T) {
	layer := c.make(nn.NewRand(1))
	tape := tensor.NewTape(3)
	x := tape.Input(fill(0, c.in...), c.in...)
	training := layer.Forward(x).Data()
	tape.SetTraining(false)
	if evaluation := layer.Forward(x).Data(); slices.Equal(training, evaluation) == c.modes {
		t.Errorf("training and evaluation differ: %v, want %v", !c.modes, c.modes)
	}
}

// step is a training step: the result, the input's gradient, the parameters'.
func step(tape *tensor.Tape, layer nn.Layer, params []*tensor.Param, x, weight []float32, dims []int) (y T, dx T, g tensor.Grads) {
	tape.Reset()
	tape.Seed(1, 0)
	dx = tape.Variable(x, dims...)
	y = layer.Forward(dx)
	g = y.BackwardFrom(weight)
	return y, dx, g
}

// The same bits at any GOMAXPROCS, with a batch that is worth sharing out.
func (c *layerCase) checkDeterminism(t *testing.T) {
	dims := c.batch(max(1, 1<<15/max(1, size(c.in)/c.in[0])))
	layer := c.make(nn.NewRand(1))
	params := nn.Params(layer)
	x := fill(0, dims...)
	weight := fill(99, dims[0]*size(c.out)/c.out[0])
	var want [][]float32
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(procs)
		y, dx, g := step(tensor.NewTape(1), layer, params, x, weight, dims)
		got := [][]float32{y.Data(), g.Wrt(dx)}
		for _, p := range params {
			got = append(got, g.Of(p))
		}
		if want == nil {
			want = got
			continue
		}
		for k := range got {
			if !sameBits(got[k], want[k]) {
				t.Errorf("GOMAXPROCS %d: array %d has other bits", procs, k)
			}
		}
	}
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func (c *layerCase) checkAllocations(t *testing.T) {
	layer := c.make(nn.NewRand(1))
	params := nn.Params(layer)
	tape := tensor.NewTape(1)
	x, weight := fill(0, c.in...), fill(99, c.out...)
	run := func() {
		_, _, g := step(tape, layer, params, x, weight, c.in)
		g.Commit()
	}
	run()
	// The collections empty what only a sync.Pool holds on to.
	if n := testing.AllocsPerRun(3, func() { runtime.GC(); runtime.GC(); run() }); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}

func (c *layerCase) checkWrongShape(t *testing.T) {
	if c.op == "" {
		return
	}
	defer func() {
		var e *tensor.ShapeError
		if err, ok := recover().(error); !ok || !errors.As(err, &e) {
			t.Errorf("input %v: no ShapeError", c.wrong)
		} else if e.Op != c.op || e.Why == "" || len(e.Shapes) == 0 {
			t.Errorf("input %v: %v; want one of %s with shapes and a reason", c.wrong, e, c.op)
		}
	}()
	c.make(nn.NewRand(1)).Forward(tensor.NewTape(1).Input(fill(0, c.wrong...), c.wrong...))
}

func (c *layerCase) checkGolden(t *testing.T, g layerGolden) {
	layer := c.make(nn.NewRand(1))
	params := nn.Params(layer)
	for k, p := range params {
		copy(p.Data, fill(10+k, p.Dims()...))
	}
	y, dx, grads := step(tensor.NewTape(1), layer, params, fill(0, g.In...), fill(99, g.Dims...), g.In)
	grads.Commit()
	compare(t, "result", y.Data(), g.Y)
	compare(t, "input's gradient", grads.Wrt(dx), g.Grads[0])
	for k, p := range params {
		compare(t, p.Name+"'s gradient", grads.Of(p), g.Grads[1+k])
	}
	names := slices.DeleteFunc(g.Names, func(s string) bool { return strings.HasSuffix(s, "num_batches_tracked") })
	buffers := g.Buffers
	for k, n := range nn.State(layer) {
		if n.Name != names[k] {
			t.Errorf("state %d is %q, PyTorch's is %q", k, n.Name, names[k])
		}
		if n.Buffer != nil {
			compare(t, n.Name, n.Buffer.Data, buffers[0])
			buffers = buffers[1:]
		}
	}
}

// compare allows 1e-5 of the largest element, for sums in another order.
func compare(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", what, len(got), len(want))
		return
	}
	largest := 1.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i, v := range want {
		if d := math.Abs(float64(got[i] - v)); !(d <= 1e-5*largest) {
			t.Errorf("%s, element %d: %v, want %v", what, i, got[i], v)
			return
		}
	}
}

func TestResidualOfAnotherShape(t *testing.T) {
	defer func() {
		if e, ok := recover().(*tensor.ShapeError); !ok || e.Op != "Residual" {
			t.Errorf("%v", e)
		}
	}()
	nn.Residual{Body: nn.NewLinear(nn.NewRand(1), 4, 3)}.Forward(tensor.NewTape(1).Full(1, 2, 4))
}

// A pooling that Sequential computes with the convolution before it gives the
// same bits as on its own, and the same gradients but for the bias's last bits.
func TestSequentialFusesMaxPool(t *testing.T) {
	rng := nn.NewRand(1)
	relu, pool := nn.Func(T.ReLU), nn.Func(nn.MaxPool2D{Kernel: 2}.Forward)
	for name, c := range map[string]struct {
		conv          nn.Conv
		fused, parted nn.Sequential
		nodes         int // on the tape: x, w, b, the result
	}{
		"ReLU before":  {nn.Conv{In: 3, Out: 4, Kernel: 3, Padding: nn.Same}, nn.Sequential{nn.ReLU{}, nn.MaxPool2D{Kernel: 2}}, nn.Sequential{relu, pool}, 4},
		"ReLU after":   {nn.Conv{In: 16, Out: 20, Kernel: 3}, nn.Sequential{nn.MaxPool2D{Kernel: 2, Stride: 2}, nn.ReLU{}}, nn.Sequential{pool, relu}, 4},
		"no ReLU":      {nn.Conv{In: 2, Out: 5, Kernel: 5, Stride: 2}, nn.Sequential{nn.MaxPool2D{Kernel: 2}}, nn.Sequential{pool}, 4},
		"ReLU twice":   {nn.Conv{In: 2, Out: 5, Kernel: 3}, nn.Sequential{nn.ReLU{}, nn.MaxPool2D{Kernel: 2}, nn.ReLU{}}, nn.Sequential{relu, pool, relu}, 5},
		"overlapping":  {nn.Conv{In: 2, Out: 5, Kernel: 3}, nn.Sequential{nn.MaxPool2D{Kernel: 2, Stride: 1}}, nn.Sequential{nn.Func(nn.MaxPool2D{Kernel: 2, Stride: 1}.Forward)}, 5},
		"depthwise":    {nn.Conv{In: 4, Out: 4, Kernel: 3, Groups: 4}, nn.Sequential{nn.MaxPool2D{Kernel: 2}}, nn.Sequential{pool}, 5},
		"without bias": {nn.Conv{In: 2, Out: 5, Kernel: 3, NoBias: true}, nn.Sequential{nn.ReLU{}, nn.MaxPool2D{Kernel: 2}}, nn.Sequential{relu, pool}, 3},
	} {
		conv := nn.NewConv2D(rng, c.conv)
		dims := []int{4, c.conv.In, 17, 14}
		x := fill(0, dims...)
		var want [][]float32
		for _, rest := range []nn.Sequential{c.parted, c.fused} {
			tape := tensor.NewTape(1)
			dx := tape.Variable(x, dims...)
			y := append(nn.Sequential{conv}, rest...).Forward(dx)
			nodes := tape.Len()
			g := y.BackwardFrom(fill(99, y.Dims()...))
			got := [][]float32{y.Data(), g.Wrt(dx), g.Of(conv.Weight)}
			if conv.Bias != nil {
				got = append(got, g.Of(conv.Bias))
			}
			if want == nil {
				want = got
				continue
			}
			if nodes != c.nodes {
				t.Errorf("%s: %d nodes on the tape, want %d", name, nodes, c.nodes)
			}
			for k := range got {
				for i, v := range got[k] {
					if d := math.Abs(float64(v - want[k][i])); k == 0 && d != 0 || d > 1e-4 || d != d {
						t.Fatalf("%s: result %d is %g at %d, want %g", name, k, v, i, want[k][i])
					}
				}
			}
		}
	}
}

// A ReLU that Sequential computes with the layer before it gives the same bits
// as on its own.
func TestSequentialFusesReLU(t *testing.T) {
	rng := nn.NewRand(1)
	frozen := nn.NewBatchNorm(5)
	frozen.Frozen = true
	for name, c := range map[string]struct {
		layer nn.Layer
		dims  []int
	}{
		"Linear":           {nn.NewLinear(rng, 5, 7), []int{33, 5}},
		"Conv2D":           {nn.NewConv2D(rng, nn.Conv{In: 3, Out: 4, Kernel: 3, Padding: nn.Same}), []int{4, 3, 9, 7}},
		"BatchNorm":        {nn.NewBatchNorm(5), []int{4, 5, 9, 7}},
		"BatchNorm rows":   {nn.NewBatchNorm(5), []int{40, 5}},
		"BatchNorm frozen": {frozen, []int{4, 5, 9, 7}},
	} {
		params := nn.Params(c.layer)
		x := fill(0, c.dims...)
		var want [][]float32
		for _, model := range []nn.Layer{nn.Sequential{c.layer, nn.Func(T.ReLU)}, nn.Sequential{c.layer, nn.ReLU{}}} {
			tape := tensor.NewTape(1)
			dx := tape.Variable(x, c.dims...)
			y := model.Forward(dx)
			g := y.BackwardFrom(fill(99, y.Dims()...))
			got := [][]float32{y.Data(), g.Wrt(dx), g.Of(params[0]), g.Of(params[1])}
			if want == nil {
				want = got
			} else if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: results differ", name)
			}
		}
	}
}

// A BatchNorm that Sequential computes with the convolution before it, in
// evaluation, gives the same bits as on its own, also after the weights and the
// statistics have changed.
func TestSequentialFusesBatchNorm(t *testing.T) {
	rng := nn.NewRand(1)
	for name, c := range map[string]struct {
		layer nn.Layer
		dims  []int
	}{
		"Conv2D":    {nn.NewConv2D(rng, nn.Conv{In: 16, Out: 18, Kernel: 3, Padding: nn.Same}), []int{4, 16, 19, 17}},
		"pointwise": {nn.NewConv2D(rng, nn.Conv{In: 3, Out: 18, Kernel: 1, NoBias: true}), []int{4, 3, 9, 7}},
		"depthwise": {nn.NewConv2D(rng, nn.Conv{In: 18, Out: 18, Kernel: 5, Stride: 2, Groups: 18}), []int{4, 18, 19, 17}},
		"Conv1D":    {nn.NewConv1D(rng, nn.Conv{In: 3, Out: 18, Kernel: 3, Dilation: 4}), []int{4, 3, 90}},
	} {
		norm := nn.NewBatchNorm(18)
		x := fill(0, c.dims...)
		for round := range 2 {
			for i := range 18 {
				norm.Weight.Data[i], norm.Bias.Data[i] = rng.Float32()+0.5, rng.Float32()-0.5
				norm.RunningMean.Data[i], norm.RunningVar.Data[i] = rng.Float32()-0.5, rng.Float32()+0.1
			}
			nn.Params(c.layer)[0].Data[0] += 0.5
			for _, rest := range []nn.Sequential{{nn.ReLU{}}, {nn.Sigmoid{}}, {}} {
				var want []float32
				for _, model := range []nn.Sequential{{nn.Sequential{c.layer}, norm}, {c.layer, norm}} {
					tape := tensor.NewEvalTape()
					y := append(model, rest...).Forward(tape.Input(x, c.dims...))
					if want == nil {
						want = y.Data()
					} else if !slices.Equal(y.Data(), want) {
						t.Errorf("%s, round %d, %T behind: results differ", name, round, rest)
					}
				}
			}
		}
	}
}

// TestForwardsSayTheirShapes reads the sources: the comment of every Forward
// says what shape gives what shape.
func TestForwardsSayTheirShapes(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			m, ok := d.(*ast.FuncDecl)
			if !ok || m.Recv == nil || m.Name.Name != "Forward" {
				continue
			}
			found++
			text := m.Doc.Text()
			says := strings.Contains(text, "→") || strings.Contains(text, "shapes are those of") || strings.Contains(text, "It panics")
			if !says {
				t.Errorf("%s: %q does not say “[shape] → [shape]”", name, text)
			}
		}
	}
	if found < 30 {
		t.Errorf("%d Forwards found: the test shows nothing", found)
	}
}
