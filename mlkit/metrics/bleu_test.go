package metrics_test

import (
	"descent/mlkit/metrics"
	"math"
	"strings"
	"testing"
)

// The answers are those of sacreBLEU 2.6.0, of texts divided by its tokenizer
// 13a as below:
//
//	print(sacrebleu.corpus_bleu(hypotheses, references).score)
func TestBLEU(t *testing.T) {
	hypotheses := []string{"The cat sat on the mat .", "It is a guide to action which ensures that the military always obeys the commands of the party .", "Hello", "completely different words here"}
	first := []string{"The cat is on the mat .", "It is a guide to action that ensures that the military will forever heed Party commands .", "Hello world", "nothing in common at all"}
	second := []string{"There is a cat on the mat .", "It is the guiding principle which guarantees the military forces always being under the command of the Party .", "Hi", "other text"}
	check := func(what string, want float64, h []string, references ...[]string) {
		t.Helper()
		var b metrics.BLEU
		for i := range h {
			var rs [][]string
			for _, r := range references {
				rs = append(rs, strings.Fields(r[i]))
			}
			b.Add(strings.Fields(h[i]), rs...)
		}
		if got := b.Score(); !(math.Abs(got-want) < 1e-9) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("a corpus", 38.34508554388506, hypotheses, first)
	check("of two references", 40.156434830930735, hypotheses, first, second)
	for i, want := range []float64{48.892302243490086, 39.67088290836578, 0, 0} {
		check(hypotheses[i], want, hypotheses[i:i+1], first[i:i+1])
	}
	check("smoothed", 10.126442477235686, []string{"a b c d e"}, []string{"a x b y c z d"})
	check("no run of four", 0, []string{"a b c"}, []string{"a b c"})
	check("too short", 60.653065971263366, []string{"a b c d"}, []string{"a b c d e f"})
	check("empty", 0, []string{""}, []string{"a b c"})
	check("nothing", 0, nil)
}
