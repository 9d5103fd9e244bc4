package metrics_test

import (
	"context"
	"math"
	"reflect"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// The expected figures are scikit-learn's (sklearn.metrics: accuracy_score,
// top_k_accuracy_score, precision_score, recall_score, f1_score with
// zero_division=0, roc_auc_score(multi_class="ovr"), average_precision_score
// per class, exp(log_loss), roc_curve(drop_intermediate=False)).
var (
	logits = []float32{3.6, 1.9, .2, -3.7, .4, -.7, -.2, -1.3, -.1, 0, -2.6, 1.8, 2.8, 3.4, .1, -.8, -1.1, -3.1, 2, -1.2, -2.4, .6, 3, .5,
		-1, -1.4, 1.3, -.3, -.5, -.5, 1.5, 4, -1.5, -1.3, -1.6, -4.8, -1.8, -2, 3.2, -.3, -2.2, 1.3, -.7, -3.5, -1.2, -.2, -1.7, .1,
		-4.5, .5, 2, 1.7, 2.2, 3.2, 3, -2.2, 2.7, -3.7, -1.2, -3.8, 3.1, 2.7, -.4, 3.5, -.3, .3, .3, -2.1, .9, 3.9, -2, 2.8,
		.7, 3.5, 1, 1.4, 2.3, .5, -2.8, 2.8, -2.7, .5, 2.2, -1.7, 1.3, 2.3, 0, -1.8, -5.8, -.9, -1.2, -1, -1.9, .8, -.1, -.2}
	labels = []int32{1, 0, 1, 0, 3, 1, 0, 0, 0, 2, 0, 1, 1, 1, 0, 0, 0, 3, 0, 0, 2, 0, 1, 2}

	scores   = []float32{1, -.9, .5, -.8, .5, .7, 1.3, -.8, -.4, -.8, 1, -.2, -1.2, -.5, .7, -.5, -1.8, -.2, 0, 0, -.1, -.1, .3, .3}
	positive = []int32{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0}

	targets   = []float32{-.04, -.8, -.74, -.09, .07, -.8, -.1, -2.87, 1.82, 1.26, 1.4, -1.5, -.49, -.75, -.45, .39, -.72, -.78, -.05, 0, -.04, -.48, .49, -.92}
	forecasts = []float32{.14, -.12, -1.18, .69, .03, -1.09, .54, -3.72, 1.64, 1.02, 1.11, -1.11, -.16, -.82, -.8, .17, -.43, .1, -.29, .06, .37, -.99, .41, -1.08}
)

// identity is a model whose predictions are its inputs.
type identity struct{}

func (identity) Forward(x tensor.Tensor) tensor.Tensor { return x.Scale(1) }

func evaluate[Y tensor.Tensor | tensor.Ints](t *testing.T, set data.Dataset, loss func(tensor.Tensor, Y) tensor.Tensor, want map[string]float64, ms ...metrics.Metric) {
	t.Helper()
	for _, batch := range []int{0, 7} { // the split into batches does not matter
		got, err := train.Evaluate(context.Background(), train.Supervised(identity{}, loss), &data.Loader{Dataset: set, BatchSize: batch}, ms...)
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range want {
			if math.Abs(got[name]-w) > 1e-6*math.Abs(w) {
				t.Errorf("batches of %d: %s = %.12g, want %.12g", batch, name, got[name], w)
			}
		}
		if len(got) != len(ms)+1 {
			t.Errorf("%v", got)
		}
	}
}

func TestMetricsOfClasses(t *testing.T) {
	set := data.FromLabels(logits, []int{4}, labels)
	ce := func(x tensor.Tensor, y tensor.Ints) tensor.Tensor { return x.SoftmaxCrossEntropy(y).Mean() }
	evaluate(t, set, ce, map[string]float64{"accuracy": .25, "top2": .7083333333333334, "perplexity": 5.306974510685789, "loss": math.Log(5.306974510685789),
		"precision": .3, "recall": .27976190476190477, "f1": .23660130718954248, "roc_auc": .6593919764875648, "pr_auc": .4426523221698199},
		metrics.Accuracy(), metrics.TopK(2), metrics.Perplexity(), metrics.Precision(metrics.Macro), metrics.Recall(metrics.Macro), metrics.F1(metrics.Macro), metrics.ROCAUC(), metrics.PRAUC())
	evaluate(t, set, ce, map[string]float64{"precision": .43333333333333335, "recall": .25, "f1": .2575163398692811},
		metrics.Precision(metrics.Weighted), metrics.Recall(metrics.Weighted), metrics.F1(metrics.Weighted))
	// roc_auc_score(average="weighted"), roc_auc_score(multi_class="ovo")
	evaluate(t, set, ce, map[string]float64{"roc_auc_weighted": .6797306043629573, "roc_auc_ovo": .6701388888888888}, metrics.ROCAUCWeighted(), metrics.ROCAUCOneVsOne())
	var c metrics.Confusion
	evaluate(t, set, ce, map[string]float64{"accuracy": .25, "f1": .25}, metrics.ConfusionInto(&c), metrics.F1(metrics.Micro))
	if want := [][]int{{2, 6, 1, 3}, {1, 2, 2, 2}, {0, 1, 2, 0}, {0, 1, 1, 0}}; !reflect.DeepEqual(c.Counts, want) {
		t.Errorf("%v, want %v", c.Counts, want)
	}
	// precision_recall_fscore_support
	want := []metrics.ClassFigures{{12, 3, 2. / 3, 1. / 6, 4. / 15}, {7, 10, .2, 2. / 7, 4. / 17}, {3, 6, 1. / 3, 2. / 3, 4. / 9}, {2, 5, 0, 0, 0}}
	for k, f := range c.PerClass() {
		if w := want[k]; f.Samples != w.Samples || f.Predicted != w.Predicted || math.Abs(f.Precision-w.Precision)+math.Abs(f.Recall-w.Recall)+math.Abs(f.F1-w.F1) > 1e-12 {
			t.Errorf("class %d: %+v, want %+v", k, f, w)
		}
	}
	c.Undefined = 1
	if f := c.PerClass()[0]; !math.IsNaN(f.Precision) || !math.IsNaN(f.Recall) || !math.IsNaN(f.F1) || f.Samples != 12 {
		t.Errorf("with a sample that has no prediction: %+v", f)
	}
}

func TestMetricsOfTwoClasses(t *testing.T) {
	want := map[string]float64{"accuracy": .6666666666666666, "precision": .6666666666666666, "recall": .5454545454545454, "f1": .6,
		"roc_auc": .7727272727272727, "pr_auc": .7439179507361325}
	ms := []metrics.Metric{metrics.Accuracy(), metrics.Precision(metrics.Positive), metrics.Recall(metrics.Positive), metrics.F1(metrics.Positive), metrics.ROCAUC(), metrics.PRAUC()}
	loss := func(x tensor.Tensor, _ tensor.Ints) tensor.Tensor { return x.Mean() }
	evaluate(t, data.FromLabels(scores, []int{1}, positive), loss, want, ms...)
	two := make([]float32, 2*len(scores)) // the same as two logits
	for i, s := range scores {
		two[2*i], two[2*i+1] = 1-s/2, 1+s/2
	}
	evaluate(t, data.FromLabels(two, []int{2}, positive), loss, want, ms...)

	s, p := make([]float64, len(scores)), make([]bool, len(scores))
	for i := range s {
		s[i], p[i] = float64(scores[i]), positive[i] == 1
	}
	curve := metrics.Curve(s, p)
	if len(curve) != 15 || curve[4].FalsePositiveRate != 2./13 || curve[4].TruePositiveRate != 5./11 || curve[4].Precision != 5./7 ||
		!math.IsInf(curve[0].Threshold, 1) || curve[14].TruePositiveRate != 1 {
		t.Errorf("%+v", curve)
	}
	if a := metrics.AreaUnderROC([]float64{1, 2}, []bool{true, true}); !math.IsNaN(a) {
		t.Errorf("one class only: %v", a)
	}
}

func TestMetricsOfRegression(t *testing.T) {
	evaluate(t, data.FromSlices(forecasts, []int{1}, targets, []int{1}), nn.MSE, map[string]float64{"mae": .35833333333333334, "rmse": .43327243161779866, "r2": .7875572490438273},
		metrics.MAE(), metrics.RMSE(), metrics.R2())
}

func TestMetricsRefuse(t *testing.T) {
	loss := func(x tensor.Tensor, _ tensor.Ints) tensor.Tensor { return x.Mean() }
	run := func(set data.Dataset, m metrics.Metric) error {
		_, err := train.Evaluate(context.Background(), train.Supervised(identity{}, loss), &data.Loader{Dataset: set}, m)
		return err
	}
	for why, err := range map[string]error{
		"label 4 of sample 0":                            run(data.FromLabels([]float32{1, 2}, []int{2}, []int32{4}), metrics.Accuracy()),
		"predictions of [1 2 3] for 1 labels":            run(data.FromLabels(make([]float32, 6), []int{2, 3}, []int32{0}), metrics.Accuracy()),
		"predictions of [1 2], 2 numbers, for 0 targets": run(data.FromLabels(make([]float32, 2), []int{2}, []int32{0}), metrics.MAE()),
	} {
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	// Ignored labels count nowhere.
	got, err := train.Evaluate(context.Background(), train.Supervised(identity{}, loss),
		&data.Loader{Dataset: data.FromLabels([]float32{1, 2, 2, 1}, []int{2}, []int32{-1, 0})}, metrics.Accuracy())
	if err != nil || got["accuracy"] != 1 {
		t.Errorf("%v %v", got, err)
	}
}
