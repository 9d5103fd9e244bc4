package metrics

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// BLEU compares translations with those of people by the runs of one to four
// tokens that they share (Papineni et al., BLEU: a Method for Automatic
// Evaluation of Machine Translation, 2002). It is a figure of a whole corpus.
// The zero value is ready.
//
// Figures can be compared only when the texts were divided alike: with
// text.Words13a it is what sacreBLEU prints by default (Post, A Call for
// Clarity in Reporting BLEU Scores, 2018).
type BLEU struct {
	// Matches are the runs of n+1 tokens that a reference has, too, of Runs.
	Matches, Runs [4]int
	// Length is the number of tokens in the translations, Reference that in the
	// references of the nearest length.
	Length, Reference int
}

// Add counts one translation and the references it may agree with. It panics
// without any: a translation that nothing can be said about would raise the
// score by being left out.
func (b *BLEU) Add(translation []string, references ...[]string) {
	if len(references) == 0 {
		panic("metrics: BLEU.Add: a translation without a reference")
	}
	nearest := slices.MinFunc(references, func(x, y []string) int {
		return cmp.Or(cmp.Compare(abs(len(x)-len(translation)), abs(len(y)-len(translation))),
			cmp.Compare(len(x), len(y)))
	})
	b.Length += len(translation)
	b.Reference += len(nearest)
	for n := range b.Runs {
		allowed := map[string]int{}
		for _, r := range references {
			for run, k := range runs(r, n+1) {
				allowed[run] = max(allowed[run], k)
			}
		}
		for run, k := range runs(translation, n+1) {
			b.Runs[n] += k
			b.Matches[n] += min(k, allowed[run])
		}
	}
}

// runs counts the runs of n tokens.
func runs(tokens []string, n int) map[string]int {
	counts := map[string]int{}
	for i := n; i <= len(tokens); i++ {
		counts[strings.Join(tokens[i-n:i], "\x00")]++
	}
	return counts
}

func abs(x int) int { return max(x, -x) }

// Score is from 0 to 100: the geometric mean of the shares of runs that match,
// less where the translations are shorter than the references. Where no run of
// some length matches, its share counts as half a match, the next such as a
// quarter, and so on (the exponential smoothing of mteval and sacreBLEU);
// without any match, or any run of four tokens, the score is 0.
func (b BLEU) Score() float64 {
	if b.Matches[0] == 0 || b.Runs[3] == 0 {
		return 0
	}
	sum, part := 0.0, 1.0
	for n, total := range b.Runs {
		share := float64(b.Matches[n]) / float64(total)
		if b.Matches[n] == 0 {
			part /= 2
			share = part / float64(total)
		}
		sum += math.Log(share)
	}
	brevity := min(0, 1-float64(b.Reference)/float64(b.Length))
	return 100 * math.Exp(brevity+sum/4)
}
