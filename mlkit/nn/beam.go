package nn

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Beam searches for the sequence that a model of the next token gives the
// highest probability: it keeps the Width best beginnings and goes on with all
// of them (Graves 2012; Sutskever, Vinyals & Le 2014). A width of 1 is greedy.
type Beam struct {
	Width      int // 0 means 1
	Max        int // tokens at most, the end included
	Start, End int32
	// Penalty divides a finished sequence's log-probability by its length to
	// this power, since every further token can only lower it: 0 does not, 1 is
	// the mean over its tokens.
	Penalty float64
}

// Candidate is a sequence without Start and End, and its score: the logarithm
// of its probability, divided as Beam.Penalty says.
type Candidate struct {
	Tokens []int32
	Score  float64
}

// Search gives the best finished sequences, at most Width, the best first; what
// is not finished after Max tokens counts as it is. next fills the
// log-probabilities of every next token, one row for each beginning; beginnings
// all have the same length and begin with Start. Equal scores go by order, so
// results repeat.
func (c Beam) Search(next func(beginnings [][]int32) ([][]float32, error)) ([]Candidate, error) {
	c.Width = max(c.Width, 1)
	if c.Max < 1 {
		return nil, fmt.Errorf("nn: a beam search for at most %d tokens", c.Max)
	}
	alive := []Candidate{{Tokens: []int32{c.Start}}}
	var done []Candidate
	for step := 0; step < c.Max && len(alive) > 0; step++ {
		beginnings := make([][]int32, len(alive))
		for i, a := range alive {
			beginnings[i] = a.Tokens
		}
		rows, err := next(beginnings)
		if err != nil {
			return nil, err
		}
		if len(rows) != len(alive) {
			return nil, fmt.Errorf("nn: %d rows of log-probabilities for %d beginnings", len(rows), len(alive))
		}
		alive = c.extend(alive, rows)
		// What has ended leaves the beam, and its place with it.
		kept := alive[:0]
		for _, a := range alive {
			if last := len(a.Tokens) - 1; a.Tokens[last] == c.End {
				done = append(done, Candidate{a.Tokens[1:last], a.Score / c.lengthFactor(last)})
			} else {
				kept = append(kept, a)
			}
		}
		alive = kept
		if len(done) >= c.Width {
			break
		}
	}
	if len(done) == 0 {
		for _, a := range alive {
			done = append(done, Candidate{a.Tokens[1:], a.Score / c.lengthFactor(len(a.Tokens)-1)})
		}
	}
	slices.SortStableFunc(done, func(a, b Candidate) int { return cmp.Compare(b.Score, a.Score) })
	return done[:min(len(done), c.Width)], nil
}

func (c Beam) lengthFactor(n int) float64 { return math.Pow(float64(n), c.Penalty) }

// extend gives the Width best sequences of one token more.
func (c Beam) extend(alive []Candidate, rows [][]float32) []Candidate {
	type step struct {
		from  int
		token int32
		score float64
	}
	var best []step
	for i, row := range rows {
		for token, p := range row {
			s := step{i, int32(token), alive[i].Score + float64(p)}
			if math.IsNaN(s.score) || len(best) == c.Width && !(s.score > best[len(best)-1].score) {
				continue
			}
			at := len(best)
			for at > 0 && best[at-1].score < s.score {
				at--
			}
			best = slices.Insert(best, at, s)
			best = best[:min(len(best), c.Width)]
		}
	}
	out := make([]Candidate, len(best))
	for k, s := range best {
		out[k] = Candidate{append(slices.Clone(alive[s.from].Tokens), s.token), s.score}
	}
	return out
}
