package data

import (
	"descent/mlkit/tensor"
	"fmt"
	"slices"
)

// Subset is the samples of set at index, in that order: sample i of the subset
// is sample index[i] of the set. Their Batch.Index are those of the set, so a
// sample is augmented alike in every subset.
func Subset(set Dataset, index []int) Dataset { return &subset{set, index} }

type subset struct {
	set   Dataset
	index []int
}

func (s *subset) Len() int { return len(s.index) }

func (s *subset) Batch(index []int, b *Batch) error {
	// index may be b.Index itself, of a subset of this subset: each element is
	// read before it is written.
	b.Index = resize(b.Index, len(index))
	for k, i := range index {
		if err := checkIndex(i, len(s.index)); err != nil {
			return err
		}
		b.Index[k] = s.index[i]
	}
	return s.set.Batch(b.Index, b)
}

// Concat is several sets of equal dimensions one after the other; sequences
// may have different lengths.
func Concat(sets ...Dataset) Dataset {
	c := &concat{sets: sets}
	for _, s := range sets {
		c.ends = append(c.ends, c.Len()+s.Len())
	}
	return c
}

type concat struct {
	sets []Dataset
	ends []int
}

func (c *concat) Len() int {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1]
}

// find is the set of sample i, and its number there.
func (c *concat) find(i int) (set, local int) {
	begin := 0
	for i >= c.ends[set] {
		begin = c.ends[set]
		set++
	}
	return set, i - begin
}

// Batch asks for each sample by itself, since neighbours may come from
// different sets.
func (c *concat) Batch(index []int, b *Batch) error {
	one := b.second()
	for k, i := range index {
		if err := c.sample(i, one); err != nil {
			return err
		}
		if one.IDs != nil || one.Lengths != nil || one.LabelLengths != nil {
			return c.sequences(index, b)
		}
		if k == 0 {
			var y []int
			if one.Y != nil {
				y = one.YDims[1:]
			}
			b.Reset(index, one.XDims[1:], y, one.Labels != nil)
		}
		if len(one.X)*len(index) != len(b.X) || len(one.Y)*len(index) != len(b.Y) ||
			len(one.Labels)*len(index) != len(b.Labels) {
			set, _ := c.find(i)
			return fmt.Errorf("data: sample %d, of set %d, has other dimensions than sample %d: %v, targets %v, %d labels",
				i, set, index[0], one.XDims, one.YDims, len(one.Labels))
		}
		copy(b.X[k*len(one.X):], one.X)
		copy(b.Y[k*len(one.Y):], one.Y)
		copy(b.Labels[k*len(one.Labels):], one.Labels)
	}
	return nil
}

// sequences is Batch for tokens and padded sequences: it goes through the
// samples once for the longest, and once more to copy them.
func (c *concat) sequences(index []int, b *Batch) error {
	one := b.second()
	var first struct {
		width               []int
		tokens, labels      bool
		lengths, labelRows  bool
		longest, longestRow int
	}
	for k, i := range index {
		if err := c.sample(i, one); err != nil {
			return err
		}
		tokens, rows := one.IDs != nil, len(one.LabelsDims) == 2
		if one.Y != nil || !tokens && len(one.XDims) < 2 || len(one.LabelsDims) > 2 {
			return fmt.Errorf("data: Concat of sequences: sample %d has features %v, labels %v, targets %v: sequences with labels can be joined", i, one.XDims, one.LabelsDims, one.YDims)
		}
		var width []int
		if !tokens {
			width = one.XDims[2:]
		}
		if k == 0 {
			first.tokens, first.labels, first.labelRows = tokens, one.Labels != nil, rows
			first.width = slices.Clone(width)
		}
		if tokens != first.tokens || rows != first.labelRows || (one.Labels != nil) != first.labels ||
			!slices.Equal(width, first.width) {
			return fmt.Errorf("data: Concat of sequences: sample %d is of another kind than sample %d (features %v, ids %v, labels %v)",
				i, index[0], one.XDims, one.IDsDims, one.LabelsDims)
		}
		first.lengths = first.lengths || one.Lengths != nil
		first.longest = max(first.longest, one.steps())
		if rows {
			first.longestRow = max(first.longestRow, one.LabelsDims[1])
		}
	}
	lengths, labelLengths := b.Lengths, b.LabelLengths
	if first.tokens {
		b.ResetTokens(index, first.longest)
	} else {
		b.Reset(index, append([]int{first.longest}, first.width...), nil, first.labels)
	}
	if first.lengths {
		b.Lengths = resize(lengths, len(index))
	}
	if first.labelRows {
		b.Labels = resize(b.Labels, len(index)*first.longestRow)
		b.LabelsDims = append(b.LabelsDims, first.longestRow)
		b.LabelLengths = resize(labelLengths, len(index))
	}
	for k, i := range index {
		if err := c.sample(i, one); err != nil {
			return err
		}
		if first.tokens {
			pad(b.IDs[k*first.longest:(k+1)*first.longest], one.IDs, 0)
		} else {
			size := first.longest * tensor.SizeOf(first.width)
			pad(b.X[k*size:(k+1)*size], one.X, 0)
		}
		if first.lengths {
			b.Lengths[k] = int32(one.steps())
		}
		switch {
		case first.labelRows:
			pad(b.Labels[k*first.longestRow:(k+1)*first.longestRow], one.Labels, -1)
			b.LabelLengths[k] = int32(len(one.Labels))
		case first.labels:
			b.Labels[k] = one.Labels[0]
		}
	}
	return nil
}

// sample fills one with sample i alone.
func (c *concat) sample(i int, one *Batch) error {
	if err := checkIndex(i, c.Len()); err != nil {
		return err
	}
	var set int
	set, one.local[0] = c.find(i)
	return c.sets[set].Batch(one.local[:], one)
}

// steps is the length of the only sequence in a batch.
func (b *Batch) steps() int {
	if b.IDs != nil {
		return b.IDsDims[1]
	}
	return b.XDims[1]
}

// Length is the length of sequence i, for Loader.Bucket.
func (c *concat) Length(i int) int {
	set, local := c.find(i)
	return lengthOf(c.sets[set], local)
}

func (s *subset) Length(i int) int { return lengthOf(s.set, s.index[i]) }

// Map is set with every batch changed by f after it is filled. f may be called
// by several goroutines at once and must not keep the batch.
func Map(set Dataset, f func(b *Batch) error) Dataset { return &mapped{set, f} }

type mapped struct {
	Dataset
	f func(*Batch) error
}

func (m *mapped) Batch(index []int, b *Batch) error {
	if err := m.Dataset.Batch(index, b); err != nil {
		return err
	}
	return m.f(b)
}

func (m *mapped) Length(i int) int { return lengthOf(m.Dataset, i) }

// lengthOf is the length of sample i of a set of sequences, −1 of another set.
func lengthOf(set Dataset, i int) int {
	if s, ok := set.(interface{ Length(i int) int }); ok {
		return s.Length(i)
	}
	return -1
}
