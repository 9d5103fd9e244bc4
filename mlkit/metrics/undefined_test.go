package metrics_test

import (
	"math"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/metrics"
)

func measure(t *testing.T, m metrics.Metric, a metrics.Answer) float64 {
	t.Helper()
	v, err := metrics.Measure(m, a)
	if err != nil {
		t.Fatalf("%s: %v", m.Name, err)
	}
	return v
}

// An output that is NaN makes every figure NaN, wherever it stands: it is
// neither right nor wrong.
func TestNaNOutputsMakeNaNFigures(t *testing.T) {
	nan := float32(math.NaN())
	var c metrics.Confusion
	classes := []metrics.Metric{metrics.Accuracy(), metrics.TopK(2), metrics.Perplexity(), metrics.Precision(metrics.Macro), metrics.Recall(metrics.Weighted),
		metrics.F1(metrics.Macro), metrics.F1(metrics.Micro), metrics.ROCAUC(), metrics.PRAUC(), metrics.ConfusionInto(&c),
		metrics.ROCAUCWeighted(), metrics.ROCAUCOneVsOne(), metrics.CalibrationError(10)}
	for at := range 12 {
		for width, ms := range map[int][]metrics.Metric{1: append(classes, metrics.F1(metrics.Positive)), 2: append(classes, metrics.Precision(metrics.Positive)), 3: classes} {
			x := []float32{2, -1, 0.5, -2, 3, 1, 0, 1, -3, 2, -1, 4}
			x[at] = nan
			labels := make([]int32, 12/width)
			for i := range labels {
				labels[i] = int32(i % max(width, 2))
			}
			for _, m := range ms {
				if v := measure(t, m, metrics.Answer{Outputs: x, Dims: []int{12 / width, width}, Labels: labels}); !math.IsNaN(v) {
					t.Errorf("%s of %d outputs a sample, the one at %d NaN: %v", m.Name, width, at, v)
				}
			}
			if c.Undefined != 1 || !math.IsNaN(c.F1(metrics.Macro)) {
				t.Errorf("%+v", c)
			}
			labels[at/width] = -1 // where it is not judged it does not matter
			if v := measure(t, metrics.Accuracy(), metrics.Answer{Outputs: x, Dims: []int{12 / width, width}, Labels: labels}); math.IsNaN(v) {
				t.Error("a sample that is not judged makes the accuracy NaN")
			}
		}
	}
	for _, m := range []metrics.Metric{metrics.MAE(), metrics.RMSE(), metrics.R2()} {
		for at := range 3 {
			for _, constant := range []bool{true, false} {
				x, y := []float32{2, 2, 2}, []float32{2, 2, 2}
				if !constant {
					y[1] = 5
				}
				x[at] = nan
				if v := measure(t, m, metrics.Answer{Outputs: x, Dims: []int{3}, Targets: y}); !math.IsNaN(v) {
					t.Errorf("%s: %v", m.Name, v)
				}
			}
		}
	}
	for at := range 4 {
		scores := []float64{0.9, 0.5, 0.1, 0.4}
		scores[at] = math.NaN()
		positive := []bool{true, true, false, false}
		c := metrics.Curve(scores, positive)
		if roc, ap := metrics.AreaUnderROC(scores, positive), metrics.AveragePrecision(scores, positive); !math.IsNaN(roc) || !math.IsNaN(ap) || !math.IsNaN(c[0].Precision) || len(c) != 1 {
			t.Errorf("%v %v %v", roc, ap, c)
		}
	}
	box := data.Box{X1: 10, Y1: 10}
	bad := data.Box{X1: 10, Y1: nan}
	for why, f := range map[string][2][]data.Box{"a detection": {{box}, {bad}}, "an object": {{bad}, {box}}} {
		_, err := metrics.MeanAP{}.Compute([][]data.Object{{{Box: f[0][0]}}}, [][]data.Detection{{{Box: f[1][0], Score: 1}}}, 1)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s with a NaN side: %v", why, err)
		}
	}
	for _, c := range []metrics.MeanAP{{IoU: nan}, {IoU: 1.5}, {PerImage: -1}} {
		if _, err := c.Compute(nil, nil, 1); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

// scikit-learn 1.x:
//
//	y, p = [0,0,3,3,3,5], [0,1,3,3,1,1]  # classes 2 and 4 are in neither
//	precision_score(y, p, average=a, zero_division=0), recall_score(…), f1_score(…)
//	r2_score([2,2,2], [2,2,2]), r2_score([2,2,2], [2,2,3]), r2_score([2], [2])
//	average_precision_score([1,1,1,0], [.9,.8,.7,.1])
//	roc_auc_score([1,1,1,0,0], s), average_precision_score([1,1,1,0,0], s)  # s = [.9,.8,.7,.1,.7]
func TestFiguresOfScikitLearn(t *testing.T) {
	y, p := []int32{0, 0, 3, 3, 3, 5}, []int{0, 1, 3, 3, 1, 1}
	x := make([]float32, 6*6)
	for i, k := range p {
		x[6*i+k] = 1
	}
	for average, want := range map[metrics.Average][3]float64{metrics.Macro: {0.5, 0.29166666666666663, 0.3666666666666667},
		metrics.Weighted: {0.8333333333333334, 0.5, 0.6222222222222222}, metrics.Micro: {0.5, 0.5, 0.5}} {
		for k, m := range []metrics.Metric{metrics.Precision(average), metrics.Recall(average), metrics.F1(average)} {
			if v := measure(t, m, metrics.Answer{Outputs: x, Dims: []int{6, 6}, Labels: y}); math.Abs(v-want[k]) > 1e-15 {
				t.Errorf("%s, average %d: %v, want %v", m.Name, average, v, want[k])
			}
		}
	}
	_, err := metrics.Measure(metrics.F1(metrics.Positive), metrics.Answer{Outputs: x, Dims: []int{6, 6}, Labels: y})
	if err == nil || !strings.Contains(err.Error(), "class 1 of two") {
		t.Errorf("the figure of class 1 alone, of six: %v", err)
	}
	for _, c := range []struct {
		x, y []float32
		want float64
	}{{[]float32{2, 2, 2}, []float32{2, 2, 2}, 1}, {[]float32{2, 2, 3}, []float32{2, 2, 2}, 0}, {[]float32{2}, []float32{2}, math.NaN()}, {[]float32{0.1, 0.1}, []float32{0.1, 0.1}, 1}} {
		if v := measure(t, metrics.R2(), metrics.Answer{Outputs: c.x, Dims: []int{len(c.x)}, Targets: c.y}); v != c.want && !(math.IsNaN(v) && math.IsNaN(c.want)) {
			t.Errorf("R² of %v for %v: %v, want %v", c.x, c.y, v, c.want)
		}
	}
	for _, c := range []struct {
		scores   []float64
		positive []bool
		roc, ap  float64
	}{{[]float64{.9, .8, .7, .1}, []bool{true, true, true, false}, 1, 1}, {[]float64{.9, .8, .7, .1, .7}, []bool{true, true, true, false, false}, 0.9166666666666666, 0.9166666666666665}} {
		roc, ap := metrics.AreaUnderROC(c.scores, c.positive), metrics.AveragePrecision(c.scores, c.positive)
		if math.Abs(roc-c.roc) > 1e-15 || math.Abs(ap-c.ap) > 1e-15 || roc > 1 || ap > 1 {
			t.Errorf("%v: %v %v, want %v %v", c.scores, roc, ap, c.roc, c.ap)
		}
	}
}

// Perfect answers have figures of exactly 1, however many there are.
func TestPerfectIsOne(t *testing.T) {
	for n := 1; n <= 300; n++ {
		scores, positive := make([]float64, 2*n), make([]bool, 2*n)
		var objects [][]data.Object
		var found [][]data.Detection
		for i := range scores {
			scores[i], positive[i] = float64(-i), i < n
		}
		for i := range n {
			box := data.Box{X0: float32(i), X1: float32(i) + 10, Y1: 10}
			objects = append(objects, []data.Object{{Box: box, Class: i % 3}})
			found = append(found, []data.Detection{{Box: box, Class: i % 3, Score: 1 / float32(i+1)}})
		}
		if roc, ap := metrics.AreaUnderROC(scores, positive), metrics.AveragePrecision(scores, positive); roc != 1 || ap != 1 {
			t.Fatalf("%d positives: %v %v", n, roc, ap)
		}
		for _, all := range []bool{false, true} {
			if r, err := (metrics.MeanAP{AllPoints: all}).Compute(objects, found, 3); err != nil || r.Mean != 1 {
				t.Fatalf("%d objects, all points %v: %v %v", n, all, r.Mean, err)
			}
		}
	}
}
