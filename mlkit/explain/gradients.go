package explain

import (
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/tensor"

	"gonum.org/v1/gonum/integrate/quad"
)

// gradient is the gradient of the target's score at the input.
func gradient(op string, f Scores, in Input) (Input, []float32, error) {
	in, err := in.checked(op)
	if err != nil {
		return in, nil, err
	}
	out := make([]float32, len(in.X))
	_, err = evaluate(op, f, in, 1, func(_ int, x []float32) { copy(x, in.X) },
		func(_ int, g []float32) { copy(out, g) })
	return in, out, err
}

// Saliency is |∂score/∂x| (Simonyan, Vedaldi & Zisserman, Deep inside
// convolutional networks, 2014).
func Saliency(f Scores, in Input) ([]float32, error) {
	_, g, err := gradient("Saliency", f, in)
	for k, v := range g {
		g[k] = float32(math.Abs(float64(v)))
	}
	return g, err
}

// GradientTimesInput is x·∂score/∂x (Shrikumar et al., Not just a black box,
// 2016).
func GradientTimesInput(f Scores, in Input) ([]float32, error) {
	in, g, err := gradient("GradientTimesInput", f, in)
	for k := range g {
		g[k] *= in.X[k]
	}
	return g, err
}

// IntegratedGradients is (x − baseline)·∫₀¹ ∂score(baseline + t·(x −
// baseline))/∂x dt (Sundararajan, Taly & Yan, Axiomatic attribution for deep
// networks, 2017, equation 1), by the Gauss–Legendre rule of that many points.
// The sum of all elements is the score of the input less that of the baseline,
// up to the error of the rule: compare it with [Score].
func IntegratedGradients(f Scores, in Input, steps int) ([]float32, error) {
	in, err := in.checked("IntegratedGradients")
	if err == nil && steps < 1 {
		err = fmt.Errorf("explain: IntegratedGradients: %d steps: at least 1, usually 50", steps)
	}
	if err != nil {
		return nil, err
	}
	at, weight := make([]float64, steps), make([]float64, steps)
	quad.Legendre{}.FixedLocations(at, weight, 0, 1)
	sum := make([]float64, len(in.X))
	_, err = evaluate("IntegratedGradients", f, in, steps, func(i int, x []float32) {
		for k, v := range in.X {
			x[k] = in.Baseline[k] + float32(at[i])*(v-in.Baseline[k])
		}
	}, func(i int, g []float32) {
		for k, v := range g {
			sum[k] += weight[i] * float64(v)
		}
	})
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(in.X))
	for k, v := range in.X {
		out[k] = float32(sum[k] * float64(v-in.Baseline[k]))
	}
	return out, nil
}

// SmoothGrad is the gradient averaged over n inputs with Gaussian noise of the
// given standard deviation, in the units of the input (Smilkov et al.,
// SmoothGrad, 2017). The same seed gives the same noise.
func SmoothGrad(f Scores, in Input, std float64, n int, seed uint64) ([]float32, error) {
	in, err := in.checked("SmoothGrad")
	if err == nil && (!(std >= 0) || n < 1) {
		err = fmt.Errorf("explain: SmoothGrad: %d inputs with noise of %v: at least one, and none negative", n, std)
	}
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]float32, len(in.X))
	_, err = evaluate("SmoothGrad", f, in, n, func(_ int, x []float32) {
		for k, v := range in.X {
			x[k] = v + float32(std*rng.NormFloat64())
		}
	}, func(_ int, g []float32) {
		for k, v := range g {
			out[k] += v / float32(n)
		}
	})
	return out, err
}

// GradCAM shows which places of a layer speak for the output (Selvaraju et al.,
// Grad-CAM, 2017, equations 1 and 2): trunk computes the layer's maps [n,
// channels, h, w] of the input and head the scores of the maps. The map [h, w]
// is the positive part of the channels' sum, each weighted by the mean of its
// gradient.
func GradCAM(trunk, head Scores, in Input) (values []float32, h, w int, err error) {
	if in, err = in.checked("GradCAM"); err != nil {
		return nil, 0, 0, err
	}
	eval := tensor.NewEvalTape()
	a, err := trunk.of("GradCAM", eval.Input(in.X, append([]int{1}, in.Dims...)...))
	if err != nil {
		return nil, 0, 0, err
	}
	d := a.Dims()
	if len(d) != 4 {
		return nil, 0, 0, fmt.Errorf("explain: GradCAM: the trunk gives maps of shape %v, not [n, channels, height, width]", d)
	}
	maps := Input{X: append([]float32(nil), a.Data()...), Dims: append([]int(nil), d[1:]...), Target: in.Target}
	maps, g, err := gradient("GradCAM", head, maps)
	if err != nil {
		return nil, 0, 0, err
	}
	h, w = maps.Dims[1], maps.Dims[2]
	values = make([]float32, h*w)
	for lo := 0; lo < len(g); lo += h * w {
		mean := float32(0)
		for _, v := range g[lo : lo+h*w] {
			mean += v / float32(h*w)
		}
		for k, v := range maps.X[lo : lo+h*w] {
			values[k] += mean * v
		}
	}
	for k, v := range values {
		values[k] = max(v, 0)
	}
	return values, h, w, nil
}
