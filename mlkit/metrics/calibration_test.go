package metrics_test

import (
	"math"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/metrics"
	"descent/mlkit/tensor"
)

// The expected errors are NumPy's, with conf the probability of the predicted
// class (scipy.special.softmax, expit) and right whether it is the label:
//
//	def ece(conf, right, bins):
//	    e = 0
//	    for i in range(bins):
//	        m = (conf > i/bins) & (conf <= (i+1)/bins)
//	        if m.any(): e += m.mean() * abs(right[m].mean() - conf[m].mean())
//	    return e
func TestCalibrationError(t *testing.T) {
	loss := func(x tensor.Tensor, _ tensor.Ints) tensor.Tensor { return x.Mean() }
	evaluate(t, data.FromLabels(logits, []int{4}, labels), loss, map[string]float64{"calibration_error": .42968917062455464}, metrics.CalibrationError(10))
	r := metrics.NewReliability(5)
	for range 2 { // filled afresh
		evaluate(t, data.FromLabels(scores, []int{1}, positive), loss, map[string]float64{"calibration_error": .10064530860947134}, metrics.ReliabilityInto(r))
	}
	n := 0
	for i, b := range r.Bins {
		n += b.Samples
		if b.Samples > 0 && (b.Confidence <= float64(i)/5 || b.Confidence > float64(i+1)/5) {
			t.Errorf("bin %d: %+v", i, b)
		}
	}
	if n != len(scores) || !math.IsNaN(r.Bins[0].Accuracy) {
		t.Errorf("%d samples of %d: %+v", n, len(scores), r.Bins)
	}
}

func TestReliability(t *testing.T) {
	r := metrics.NewReliability(2)
	if !math.IsNaN(r.Error()) {
		t.Error("an error without samples")
	}
	for _, c := range []float64{0, .5, 1} { // 0 belongs to the first interval, a bound to the one below
		r.Add(c, true)
	}
	if r.Bins[0].Samples != 2 || r.Bins[1].Samples != 1 || math.Abs(r.Error()-(2*.75+0)/3) > 1e-15 {
		t.Errorf("%+v: %v", r.Bins, r.Error())
	}
	for what, f := range map[string]func(){
		"no bins":          func() { metrics.CalibrationError(0) },
		"NaN":              func() { r.Add(math.NaN(), true) },
		"not probability":  func() { r.Add(1.5, true) },
		"a zero diagram's": func() { metrics.ReliabilityInto(&metrics.Reliability{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			f()
		}()
	}
}
