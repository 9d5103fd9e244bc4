package data

import "fmt"

// Sequences are samples of different lengths: utterances, measurements over
// time, sentences. A batch is padded at the end to the length of its longest,
// and its Lengths tell how long each is. A [Loader] with a Bucket puts samples
// of like length together.
type Sequences struct {
	// X holds the samples, each [length, Width] row by row.
	X     [][]float32
	Width int
	// Tokens, instead of X and Width, are samples of token ids.
	Tokens [][]int32
	// Labels has one label for each sample, or LabelSequences a sequence of
	// labels.
	Labels         []int32
	LabelSequences [][]int32
	// Classes are the names of the labels, for pictures and tables.
	Classes []string
}

// Len is the number of samples.
func (s *Sequences) Len() int { return max(len(s.X), len(s.Tokens)) }

// Length is how many steps or tokens sample i has.
func (s *Sequences) Length(i int) int {
	if s.Tokens != nil {
		return len(s.Tokens[i])
	}
	return len(s.X[i]) / s.Width
}

// Batch fills b with X [n, longest, Width], zeros beyond the end, or IDs [n,
// longest], padded with 0; with Lengths [n]; and with Labels [n] or, of
// LabelSequences, Labels [n, longest] padded with −1 and LabelLengths [n].
func (s *Sequences) Batch(index []int, b *Batch) error {
	if s.X != nil && s.Tokens != nil {
		return fmt.Errorf("data: Sequences with both X and Tokens: set one of them")
	}
	if s.Labels != nil && s.LabelSequences != nil {
		return fmt.Errorf("data: Sequences with both Labels and LabelSequences: set one of them")
	}
	if n := max(len(s.Labels), len(s.LabelSequences)); n > s.Len() {
		return fmt.Errorf("data: %d labels for %d sequences: one of them is off", n, s.Len())
	}
	longest, longestLabels := 0, 0
	for _, i := range index {
		if err := checkIndex(i, s.Len()); err != nil {
			return err
		}
		if s.Tokens == nil && (s.Width < 1 || len(s.X[i])%s.Width != 0) {
			return fmt.Errorf("data: sequence %d has %d numbers, which are not whole steps of %d", i, len(s.X[i]), s.Width)
		}
		if s.LabelSequences == nil && i >= len(s.Labels) || s.LabelSequences != nil && i >= len(s.LabelSequences) {
			return fmt.Errorf("data: sequence %d has no label", i)
		}
		longest = max(longest, s.Length(i))
		if s.LabelSequences != nil {
			longestLabels = max(longestLabels, len(s.LabelSequences[i]))
		}
	}
	lengths, labelLengths := b.Lengths, b.LabelLengths
	if s.Tokens != nil {
		b.ResetTokens(index, longest)
	} else {
		b.Reset(index, []int{longest, s.Width}, nil, true)
	}
	b.Lengths = resize(lengths, len(index))
	if s.LabelSequences != nil {
		b.LabelLengths = resize(labelLengths, len(index))
		b.Labels = resize(b.Labels, len(index)*longestLabels)
		b.LabelsDims = append(b.LabelsDims, longestLabels)
	}
	for k, i := range index {
		if s.Tokens != nil {
			pad(b.IDs[k*longest:(k+1)*longest], s.Tokens[i], 0)
		} else {
			pad(b.X[k*longest*s.Width:(k+1)*longest*s.Width], s.X[i], 0)
		}
		b.Lengths[k] = int32(s.Length(i))
		if s.LabelSequences == nil {
			b.Labels[k] = s.Labels[i]
			continue
		}
		pad(b.Labels[k*longestLabels:(k+1)*longestLabels], s.LabelSequences[i], -1)
		b.LabelLengths[k] = int32(len(s.LabelSequences[i]))
	}
	return nil
}

// pad copies src to dst and fills the rest with fill.
func pad[T int32 | float32](dst, src []T, fill T) {
	for j := copy(dst, src); j < len(dst); j++ {
		dst[j] = fill
	}
}
