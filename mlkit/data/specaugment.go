package data

import (
	"fmt"
	"math/rand/v2"
)

// SpecAugment masks parts of spectrograms [n, time, bands] at random (Park et
// al., SpecAugment: A Simple Data Augmentation Method for Automatic Speech
// Recognition, 2019, without time warping): it sets TimeMasks runs of up to
// MaxTime steps, and FrequencyMasks runs of up to MaxFrequency bands, to Fill.
// The length of a run is drawn from 0 to its largest, its place from where it
// fits in the sequence; padding stays as it is.
type SpecAugment struct {
	TimeMasks, MaxTime           int
	FrequencyMasks, MaxFrequency int
	// Fill should be the mean of the features: 0 for standardised ones.
	Fill float32
}

// Of applies the masks to every sample of a set. What is drawn is a function of
// seed, the epoch and the sample's index alone. For the training part only.
func (c SpecAugment) Of(set Dataset, seed uint64) Dataset {
	if c.TimeMasks < 0 || c.MaxTime < 0 || c.FrequencyMasks < 0 || c.MaxFrequency < 0 {
		panic(fmt.Sprintf("data: %+v: want numbers of at least 0", c))
	}
	return Map(set, func(b *Batch) error {
		if len(b.XDims) != 3 {
			return fmt.Errorf("data: SpecAugment of %v: wanted are spectrograms [n, time, bands]", b.XDims)
		}
		steps, bands := b.XDims[1], b.XDims[2]
		d := b.drawings()
		for k, i := range b.Index {
			length := steps
			if b.Lengths != nil {
				length = int(b.Lengths[k])
			}
			c.mask(d.seeded(seed, b.Epoch, i), b.X[k*steps*bands:][:length*bands], length, bands)
		}
		return nil
	})
}

func (c SpecAugment) mask(rng *rand.Rand, x []float32, length, bands int) {
	run := func(largest, n int) (begin, end int) {
		size := rng.IntN(min(largest, n) + 1)
		begin = rng.IntN(n - size + 1)
		return begin, begin + size
	}
	for range c.TimeMasks {
		begin, end := run(c.MaxTime, length)
		for i := begin * bands; i < end*bands; i++ {
			x[i] = c.Fill
		}
	}
	for range c.FrequencyMasks {
		begin, end := run(c.MaxFrequency, bands)
		for t := range length {
			for i := begin; i < end; i++ {
				x[t*bands+i] = c.Fill
			}
		}
	}
}
