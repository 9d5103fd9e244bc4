package nn_test

import (
	"fmt"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Whatever the extents, zeros among them, a loss or a layer works, forward and
// backward, or refuses with a ShapeError: never with an index out of range.
func TestEmptyExtents(t *testing.T) {
	rng, tape := nn.NewRand(1), tensor.NewTape(1)
	v := func(d ...int) T {
		n := 1
		for _, k := range d {
			n *= k
		}
		return tape.Variable(make([]float32, n), d...)
	}
	ints := func(n int, value int32, d ...int) tensor.Ints {
		x := make([]int32, n)
		for i := range x {
			x[i] = value
		}
		return tensor.NewInts(x, d...)
	}
	worked := 0
	try := func(name string, f func() T) {
		t.Helper()
		defer func() {
			switch p := recover().(type) {
			case nil, *tensor.ShapeError:
			default:
				t.Errorf("%s: %v", name, p)
			}
		}()
		tape.Reset()
		if y := f(); y.Size() == 1 {
			y.Backward()
		} else {
			y.Sum().Backward()
		}
		worked++
	}
	for _, r := range []nn.Reduction{nn.ReduceMean, nn.ReduceSum, nn.ReduceNone, nn.ReduceBatchMean} {
		for _, d := range [][]int{{}, {0}, {0, 3}, {3, 0}, {0, 0}, {2, 3}, {1}, {2, 0, 3}} {
			rows := 0
			if len(d) > 0 {
				rows = 1
				for _, k := range d[:len(d)-1] {
					rows *= k
				}
			}
			for name, loss := range map[string]func(x, y T) T{
				"smooth": nn.SmoothL1Loss{Reduction: r}.Loss, "MSE": nn.MSELoss{Reduction: r}.Loss, "MAE": nn.L1Loss{Reduction: r}.Loss, "Huber": nn.HuberLoss{Reduction: r}.Loss,
				"pseudo-Huber": nn.PseudoHuberLoss{Reduction: r}.Loss, "log-cosh": nn.LogCoshLoss{Reduction: r}.Loss, "Poisson": nn.PoissonNLLLoss{Reduction: r, Full: true}.Loss,
				"BCE": nn.BCEWithLogitsLoss{Reduction: r}.Loss, "BCE weighted": nn.BCEWithLogitsLoss{Reduction: r, PosWeight: []float32{2}, Weight: []float32{1, 2, 3}}.Loss,
				"binary focal": nn.BinaryFocalLoss{Reduction: r}.Loss, "hinge": nn.HingeLoss{Reduction: r}.Loss, "KL": nn.KLDivLoss{Reduction: r}.Loss,
				"soft": nn.CrossEntropyLoss{Reduction: r, LabelSmoothing: 0.1}.Soft, "cosine": nn.CosineLoss, "heat": nn.HeatmapFocalLoss, "GIoU": nn.GIoULoss{Reduction: r}.Loss,
				"BCE of probabilities": nn.BCELoss{Reduction: r, Weight: []float32{1, 2, 3}}.Loss, "hinge of pairs": nn.HingeEmbeddingLoss{Reduction: r}.Loss,
				"cosine, pairs": func(x, y T) T { return nn.CosineEmbeddingLoss{Reduction: r}.Loss(x, y, nn.CosineSimilarity(x, y)) },
				"Gaussian":      func(x, y T) T { return nn.GaussianNLLLoss{Reduction: r}.Loss(x, y, x.Square()) },
				"triplet":       func(x, y T) T { return nn.TripletMarginLoss{Reduction: r}.Loss(x, y, x.Square()) },
			} {
				try(fmt.Sprint(name, " of ", d), func() T { return loss(v(d...), v(d...)) })
			}
			for name, loss := range map[string]func(x T, y tensor.Ints) T{
				"cross-entropy": nn.CrossEntropyLoss{Reduction: r}.Loss, "smoothed": nn.CrossEntropyLoss{Reduction: r, LabelSmoothing: 0.1}.Loss,
				"linear": func(x T, y tensor.Ints) T {
					return nn.CrossEntropyLoss{Reduction: r}.Linear(x, v(3, x.Dim(-1)), T{}, y)
				},
				"NLL": nn.NLLLoss{Reduction: r}.Loss, "focal": nn.FocalLoss{Reduction: r, Weight: make([]float32, 3)}.Loss,
				"multi-margin": nn.MultiMarginLoss{Reduction: r, P: 2, Weight: make([]float32, 3)}.Loss,
			} {
				for _, label := range []int32{0, -1, -100, 3} {
					try(fmt.Sprint(name, " of ", d, ", label ", label), func() T { return loss(v(d...), ints(rows, label)) })
				}
			}
		}
		try("CTC of no sequences", func() T { return nn.CTCLoss{Reduction: r}.Loss(v(0, 2, 3), nn.Spelling{Labels: ints(0, 0, 0, 2)}) })
		try("CTC of no steps", func() T { return nn.CTCLoss{Reduction: r}.Loss(v(2, 0, 3), nn.Spelling{Labels: ints(0, 0, 2, 0)}) })
	}
	try("centers of no images", func() T { return nn.CenterLoss{}.Loss(v(0, 6, 1, 1), v(0, 7, 1, 1)) })
	try("centers of no pixels", func() T { return nn.CenterLoss{}.Loss(v(1, 6, 0, 1), v(1, 7, 0, 1)) })
	for _, d := range [][]int{{}, {0}, {0, 4}, {4, 0}, {0, 3, 4}, {2, 0, 4}, {2, 3, 0}, {0, 4, 5, 5}, {2, 4, 0, 5}, {2, 0, 5, 5}, {2, 4, 1, 1}} {
		for name, l := range map[string]nn.Layer{
			"Linear": nn.NewLinear(rng, 4, 3), "Conv2D": nn.NewConv2D(rng, nn.Conv{In: 4, Out: 2, Kernel: 3}), "Conv1D": nn.NewConv1D(rng, nn.Conv{In: 4, Out: 2, Kernel: 3}),
			"LSTM": nn.NewLSTM(rng, nn.Recurrent{In: 4, Hidden: 3, Layers: 2, Bidirectional: true}), "GRU": nn.NewGRU(rng, nn.Recurrent{In: 4, Hidden: 3}),
			"MultiHeadAttention": nn.NewMultiHeadAttention(rng, 4, 2), "TransformerEncoderLayer": nn.NewTransformerEncoderLayer(rng, nn.Transformer{Width: 4, Heads: 2}),
			"BatchNorm": nn.NewBatchNorm(4), "LayerNorm": nn.NewLayerNorm(4), "GroupNorm": &nn.GroupNorm{Groups: 2, Eps: 1}, "RMSNorm": nn.NewRMSNorm(4),
			"LocalResponseNorm": nn.LocalResponseNorm{Size: 3}, "PReLU": nn.NewPReLU(4), "Flatten": nn.Flatten{}, "Upsample": nn.Upsample{},
			"LearnedPositions": nn.NewLearnedPositions(rng, 5, 4), "SinusoidalPositions": nn.NewSinusoidalPositions(5, 4),
			"GlobalAvgPool": nn.GlobalAvgPool{}, "GlobalMaxPool": nn.GlobalMaxPool{}, "AdaptiveAvgPool2D": nn.AdaptiveAvgPool2D{H: 2},
			"MaxPool2D": nn.MaxPool2D{Kernel: 2}, "AvgPool2D": nn.AvgPool2D{Kernel: 2}, "MaxPool1D": nn.MaxPool1D{Kernel: 2}, "AvgPool1D": nn.AvgPool1D{Kernel: 2},
			"Sequential": nn.Sequential{nn.NewConv2D(rng, nn.Conv{In: 4, Out: 2, Kernel: 3, Padding: 1}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2}},
		} {
			try(fmt.Sprint(name, " of ", d), func() T { return l.Forward(v(d...)) })
		}
		try(fmt.Sprint("MeanOverTime of ", d), func() T { return nn.MeanOverTime(v(d...), ints(2, 0)) })
		for _, lengths := range []tensor.Ints{{}, ints(2, 1), ints(2, 9)} {
			try(fmt.Sprint("CTCGreedy of ", d), func() T { nn.CTCGreedy(nil, v(d...), lengths, 0); return v(1) })
		}
	}
	if worked < 300 {
		t.Errorf("%d cases worked: the test shows nothing", worked)
	}
}
