package data

import "fmt"

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

// Concat is several sets of equal dimensions one after the other.
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

// Batch asks for each sample by itself, since neighbours may come from
// different sets.
func (c *concat) Batch(index []int, b *Batch) error {
	one := b.second()
	for k, i := range index {
		if err := checkIndex(i, c.Len()); err != nil {
			return err
		}
		set, begin := 0, 0
		for i >= c.ends[set] {
			begin = c.ends[set]
			set++
		}
		one.local[0] = i - begin
		if err := c.sets[set].Batch(one.local[:], one); err != nil {
			return err
		}
		if k == 0 {
			var y []int
			if one.Y != nil {
				y = one.YDims[1:]
			}
			b.Reset(index, one.XDims[1:], y, one.Labels != nil)
		}
		if len(one.X)*len(index) != len(b.X) || len(one.Y)*len(index) != len(b.Y) || len(one.Labels)*len(index) != len(b.Labels) {
			return fmt.Errorf("data: sample %d, of set %d, has other dimensions than sample %d: %v, targets %v, %d labels",
				i, set, index[0], one.XDims, one.YDims, len(one.Labels))
		}
		copy(b.X[k*len(one.X):], one.X)
		copy(b.Y[k*len(one.Y):], one.Y)
		copy(b.Labels[k*len(one.Labels):], one.Labels)
	}
	return nil
}

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
