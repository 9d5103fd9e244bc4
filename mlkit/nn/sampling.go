package nn

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling generates sequences by drawing one token after another from a
// model's distribution of the next token. [Beam] looks for the likeliest
// sequence instead.
type Sampling struct {
	Max int // tokens to write at most, the end included
	// End ends a sequence; negative for none. It is not part of the result.
	End int32
	// Temperature divides the logits: below 1 likely tokens become likelier.
	// 0 means 1.
	Temperature float64
	// TopK draws from the likeliest tokens only (Fan et al. 2018); 1 is greedy,
	// 0 means all. Of equally likely ones the first counts as likelier.
	TopK int
	// TopP draws from the fewest likeliest tokens that together have at least
	// this probability (nucleus sampling; Holtzman et al. 2020), after
	// Temperature and TopK. 0 means 1.
	TopP float64
	// Seed is that of the random numbers. Sequence i has a stream of its own,
	// so what it becomes does not depend on the others.
	Seed uint64
}

// Generate continues prompts and returns the tokens that it has added, without
// the prompts. next fills the logits (or log-probabilities) of every next
// token, one row for each beginning; beginnings all have the same length, and
// there is one for each prompt, in order, whether it has ended or not. So a
// [KVCache] serves. A shorter prompt is already being continued while a longer
// one is still being read.
func (s Sampling) Generate(prompts [][]int32, next func(beginnings [][]int32) ([][]float32, error)) ([][]int32, error) {
	if s.Max < 1 || !(s.Temperature >= 0) || s.TopK < 0 || !(s.TopP >= 0 && s.TopP <= 1) {
		return nil, fmt.Errorf("nn: sampling of at most %d tokens, with temperature %v, top-k %d and top-p %v: want 1 token at least, nothing negative, and top-p up to 1", s.Max, s.Temperature, s.TopK, s.TopP)
	}
	if len(prompts) == 0 {
		return nil, nil
	}
	length := len(prompts[0])
	for i, p := range prompts {
		if len(p) == 0 {
			return nil, fmt.Errorf("nn: prompt %d is empty: begin with a token for the start", i)
		}
		length = min(length, len(p))
	}
	all, rngs := make([][]int32, len(prompts)), make([]*rand.Rand, len(prompts))
	ended := make([]bool, len(prompts))
	for i, p := range prompts {
		all[i], rngs[i] = slices.Clone(p[:length]), rand.New(rand.NewPCG(s.Seed, uint64(i)))
	}
	written := make([][]int32, len(prompts))
	var chances []chance
	for open := len(prompts); open > 0; length++ {
		rows, err := next(all)
		if err != nil {
			return nil, err
		}
		if len(rows) != len(all) {
			return nil, fmt.Errorf("nn: %d rows of logits for %d beginnings", len(rows), len(all))
		}
		for i, p := range prompts {
			token := max(s.End, 0) // after its end a sequence only keeps its place
			switch {
			case length < len(p):
				token = p[length]
			case !ended[i]:
				if token, err = s.draw(rows[i], rngs[i], &chances); err != nil {
					return nil, fmt.Errorf("nn: sequence %d, token %d: %w", i, length, err)
				}
				ended[i] = token == s.End
				if !ended[i] {
					written[i] = append(written[i], token)
				}
				ended[i] = ended[i] || length-len(p)+1 >= s.Max
				if ended[i] {
					open--
				}
			}
			all[i] = append(all[i], token)
		}
	}
	return written, nil
}

// chance is a token with its logit, and later with its probability.
type chance struct {
	id int32
	p  float64
}

// fewTokens is the largest TopK for which the likeliest are kept in order while
// the logits are read; for more, all are sorted.
const fewTokens = 100

// draw picks one token from logits. It works in buf.
func (s Sampling) draw(logits []float32, rng *rand.Rand, buf *[]chance) (int32, error) {
	few := s.TopK > 0 && s.TopK <= fewTokens
	if need := len(logits); cap(*buf) < need && !few {
		*buf = make([]chance, need)
	}
	tokens := (*buf)[:0]
	for id, x := range logits {
		if x != x || math.IsInf(float64(x), 1) {
			return 0, fmt.Errorf("the logit of token %d is %v", id, x)
		}
		if math.IsInf(float64(x), -1) {
			continue
		}
		i := len(tokens)
		for few && i > 0 && tokens[i-1].p < float64(x) {
			i--
		}
		if few && i == s.TopK {
			continue
		}
		if few && len(tokens) == s.TopK {
			tokens = tokens[:s.TopK-1]
		}
		tokens = slices.Insert(tokens, i, chance{int32(id), float64(x)})
	}
	*buf = tokens
	if len(tokens) == 0 {
		return 0, fmt.Errorf("no token has a probability above 0 (%d logits)", len(logits))
	}
	if !few && (s.TopK > 0 || s.TopP > 0) {
		slices.SortStableFunc(tokens, func(a, b chance) int { return cmp.Compare(b.p, a.p) })
	}
	if s.TopK > 0 {
		tokens = tokens[:min(s.TopK, len(tokens))]
	}
	most, temperature := math.Inf(-1), s.Temperature
	if temperature == 0 {
		temperature = 1
	}
	for _, t := range tokens {
		most = max(most, t.p)
	}
	sum := 0.0
	for i, t := range tokens {
		tokens[i].p = math.Exp((t.p - most) / temperature)
		sum += tokens[i].p
	}
	if s.TopP > 0 {
		part := 0.0
		for i, t := range tokens {
			if part += t.p; part >= s.TopP*sum {
				tokens, sum = tokens[:i+1], part
				break
			}
		}
	}
	u := rng.Float64() * sum
	for _, t := range tokens {
		if u -= t.p; u < 0 {
			return t.id, nil
		}
	}
	return tokens[len(tokens)-1].id, nil
}
