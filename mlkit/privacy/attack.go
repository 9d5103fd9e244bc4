package privacy

import (
	"fmt"
	"math"
	"slices"
)

// Margin is the attackers' view of one prediction: log(p/(1−p)) for the
// probability p of the true class, of a softmax over scores (logits). It is
// computed as the label's score less the logarithm of the sum of the others'
// exponentials, which loses no digits where p is near 1. Members of the
// training set tend to have larger ones; over trainings it is about normal
// (Carlini et al. 2022).
func Margin(scores []float32, label int) float64 {
	top := math.Inf(-1)
	for k, s := range scores {
		if k != label {
			top = max(top, float64(s))
		}
	}
	sum := 0.0
	for k, s := range scores {
		if k != label {
			sum += math.Exp(float64(s) - top)
		}
	}
	return float64(scores[label]) - top - math.Log(sum)
}

// Margins are those of rows of scores, [len(labels), classes].
func Margins(scores []float32, labels []int32) []float64 {
	m := make([]float64, len(labels))
	classes := len(scores) / max(len(labels), 1)
	for i, y := range labels {
		m[i] = Margin(scores[i*classes:][:classes], int(y))
	}
	return m
}

// A Shadow is a model that an attacker has trained as the attacked one was, on
// samples of which some may be in its training set, too.
type Shadow struct {
	In      []bool    // by sample: was it trained on?
	Margins []float64 // by sample: what it thinks of it
}

// sharedVariance is up to how many shadows of a kind have one variance for all
// samples together: of a few numbers each its own would be noise (Carlini et
// al. 2022, section VI-A).
const sharedVariance = 32

// LiRA is the likelihood-ratio attack of Carlini et al. 2022 (online, algorithm
// 1): for each sample the shadows that were trained on it and those that were
// not give two normal distributions of its margin, and the score is the
// logarithm of the ratio of their densities at the attacked model's margin. A
// higher score means a member. It is an error where a sample has fewer than two
// shadows of either kind.
func LiRA(margins []float64, shadows []Shadow) ([]float64, error) {
	n := len(margins)
	var mean, variance [2][]float64
	var pooled [2]float64
	var least [2]int
	for in := range 2 {
		mean[in], variance[in] = make([]float64, n), make([]float64, n)
		least[in] = len(shadows)
		total := 0.0
		for i := range n {
			var sum, squares, count float64
			for _, s := range shadows {
				if len(s.In) != n || len(s.Margins) != n {
					return nil, fmt.Errorf("privacy: a shadow of %d and %d samples beside %d margins", len(s.In), len(s.Margins), n)
				}
				if s.In[i] == (in == 1) {
					sum += s.Margins[i]
					count++
				}
			}
			if count < 2 {
				return nil, fmt.Errorf("privacy: sample %d is in the training set of %v shadows and out of that of the others: LiRA needs two of each", i, count)
			}
			mean[in][i] = sum / count
			for _, s := range shadows {
				if s.In[i] == (in == 1) {
					squares += (s.Margins[i] - mean[in][i]) * (s.Margins[i] - mean[in][i])
				}
			}
			variance[in][i] = squares / (count - 1)
			pooled[in] += squares
			total += count - 1
			least[in] = min(least[in], int(count))
		}
		pooled[in] /= total
	}
	scores := make([]float64, n)
	for i, m := range margins {
		for in, sign := range []float64{-1, 1} {
			v := variance[in][i]
			if least[in] < sharedVariance {
				v = pooled[in]
			}
			v = max(v, 1e-12)
			d := m - mean[in][i]
			scores[i] -= sign * (d*d/v + math.Log(v)) / 2
		}
	}
	return scores, nil
}

// TruePositives is the share of members that an attack finds when it calls all
// samples above a threshold members, the lowest threshold at which at most that
// share of the others is called so, too: the figure that counts, at a share of
// 0.001 say, where an average over all samples would hide that some are exposed
// (Carlini et al. 2022).
func TruePositives(scores []float64, member []bool, falsePositives float64) float64 {
	var others []float64
	members := 0
	for i, s := range scores {
		if member[i] {
			members++
		} else {
			others = append(others, s)
		}
	}
	slices.Sort(others)
	slices.Reverse(others)
	threshold := math.Inf(-1)
	if k := int(falsePositives * float64(len(others))); k < len(others) {
		threshold = others[k]
	}
	found := 0
	for i, s := range scores {
		if member[i] && s > threshold {
			found++
		}
	}
	return float64(found) / float64(max(members, 1))
}
