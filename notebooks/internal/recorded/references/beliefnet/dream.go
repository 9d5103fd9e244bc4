package main

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// dream trains the top machine on by persistent chains (Tieleman 2008), and
// writes a picture of ten digits for each label that the net then generates.
func (r *run) dream(net *nn.DBN) {
	r.try(train.LoadWeights(filepath.Join(r.work, "all.safetensors"), net))
	const rows, epochs = 100, 3
	top, width := net.Top, net.Top.VisibleBias.Size()
	chains, started := make([]float32, rows*width), false
	o := train.Objective[data.Batch]{Model: top, Size: data.Batch.Len, Loss: func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		x := b.Input(t)
		for _, l := range net.Recognition {
			x = (&nn.RBM{Weight: l.Weight, HiddenBias: l.Bias}).SampleHidden(x)
		}
		v := top.Labelled(x, b.Ints())
		if !started {
			copy(chains, v.Data())
			started = true
		}
		loss := top.FreeEnergy(v).Mean()
		end := top.Gibbs(t.Input(chains, rows, width), 3)
		copy(chains, end.Data())
		return loss.Sub(top.FreeEnergy(end).Mean())
	}}
	_, err := train.Fit(context.Background(), o, r.loader, train.Config{Epochs: epochs, Seed: r.seed,
		Optimizer: optim.Momentum(0.01, 0, optim.WeightDecay(1e-4, optim.Matrices)),
		Schedule:  optim.Linear(1, 0, epochs*r.loader.Len())})
	r.try(err)
	r.try(train.SaveWeights(filepath.Join(r.work, "dream.safetensors"), net, nil))
	r.draw(net)
}

// draw writes the picture: row y holds ten digits for the label y.
func (r *run) draw(net *nn.DBN) {
	const scale, cell = 2, 60
	labels := make([]int32, 100)
	for i := range labels {
		labels[i] = int32(i / 10)
	}
	pixels := net.Generate(labels, 1000, r.seed)
	m := image.NewGray(image.Rect(0, 0, 10*cell, 10*cell))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	for i := range labels {
		for y := range 28 * scale {
			for x := range 28 * scale {
				v := pixels[784*i+28*(y/scale)+x/scale]
				m.SetGray(i%10*cell+x+2, i/10*cell+y+2, color.Gray{uint8(255*v + 0.5)})
			}
		}
	}
	var b bytes.Buffer
	r.try(png.Encode(&b, m))
	r.try(os.WriteFile(r.picture, b.Bytes(), 0o644))
}
