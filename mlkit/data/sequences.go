package data

import "fmt"

// Sequences are samples of different lengths: utterances, sentences of vectors,
// measurements over time. A batch is padded with zeros to the length of its
// longest, and its Lengths tell how long each is.
type Sequences struct {
	// X holds the samples, each [length, Width] row by row.
	X     [][]float32
	Width int
	// Labels has one label for each sample, or LabelSequences a sequence of labels.
	Labels         []int32
	LabelSequences [][]int32
	// Classes are the names of the labels, for pictures and tables.
	Classes []string
}

// Len is the number of samples.
func (s *Sequences) Len() int { return len(s.X) }

// Length is how many steps sample i has.
func (s *Sequences) Length(i int) int { return len(s.X[i]) / s.Width }

// Batch fills b with X [n, longest, Width], Lengths [n], and Labels [n], or, of
// LabelSequences, Labels [n, longest] padded with −1 and LabelLengths [n].
func (s *Sequences) Batch(index []int, b *Batch) error {
	longest, spelling := 0, 0
	for _, i := range index {
		if err := checkIndex(i, len(s.X)); err != nil {
			return err
		}
		if s.Width < 1 || len(s.X[i])%s.Width != 0 {
			return fmt.Errorf("data: sequence %d has %d numbers, which are not whole steps of %d", i, len(s.X[i]), s.Width)
		}
		if s.LabelSequences == nil && i >= len(s.Labels) || s.LabelSequences != nil && i >= len(s.LabelSequences) {
			return fmt.Errorf("data: sequence %d has no label", i)
		}
		longest = max(longest, s.Length(i))
		if s.LabelSequences != nil {
			spelling = max(spelling, len(s.LabelSequences[i]))
		}
	}
	lengths, labelLengths := b.Lengths, b.LabelLengths
	b.Reset(index, []int{longest, s.Width}, nil, true)
	b.Lengths = resize(lengths, len(index))
	if s.LabelSequences != nil {
		b.LabelLengths = resize(labelLengths, len(index))
		b.Labels = resize(b.Labels, len(index)*spelling)
		b.LabelsDims = append(b.LabelsDims, spelling)
	}
	for k, i := range index {
		row := b.X[k*longest*s.Width : (k+1)*longest*s.Width]
		clear(row[copy(row, s.X[i]):])
		b.Lengths[k] = int32(s.Length(i))
		if s.LabelSequences == nil {
			b.Labels[k] = s.Labels[i]
			continue
		}
		labels := b.Labels[k*spelling : (k+1)*spelling]
		n := copy(labels, s.LabelSequences[i])
		b.LabelLengths[k] = int32(n)
		for j := n; j < spelling; j++ {
			labels[j] = -1
		}
	}
	return nil
}
