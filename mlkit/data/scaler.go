package data

import (
	"fmt"
	"math"
)

// A Scaler brings features to a common scale, column by column: x ← (x −
// Center)/Scale. Fit it on the training part, and apply it to all parts: a
// scaler that has seen the test part lets it leak into the training.
type Scaler struct{ Center, Scale []float64 }

// FitStandard makes a scaler to mean 0 and standard deviation 1 (the biased
// one, as scikit-learn's StandardScaler). A constant column is only centred.
func FitStandard(train Dataset) (*Scaler, error) {
	var n float64
	var s Scaler
	err := eachRow(train, func(row []float32) {
		if s.Center == nil {
			s.Center, s.Scale = make([]float64, len(row)), make([]float64, len(row))
		}
		n++
		for j, v := range row { // Welford 1962
			d := float64(v) - s.Center[j]
			s.Center[j] += d / n
			s.Scale[j] += d * (float64(v) - s.Center[j])
		}
	})
	if err != nil {
		return nil, err
	}
	for j := range s.Scale {
		if s.Scale[j] = math.Sqrt(s.Scale[j] / n); s.Scale[j] == 0 {
			s.Scale[j] = 1
		}
	}
	return &s, nil
}

// FitMinMax makes a scaler that maps the smallest value of each column to 0
// and the largest to 1. A constant column is only centred.
func FitMinMax(train Dataset) (*Scaler, error) {
	var s Scaler // Scale holds the largest until the end
	err := eachRow(train, func(row []float32) {
		for j, v := range row {
			if len(s.Center) <= j {
				s.Center, s.Scale = append(s.Center, float64(v)), append(s.Scale, float64(v))
			}
			s.Center[j], s.Scale[j] = min(s.Center[j], float64(v)), max(s.Scale[j], float64(v))
		}
	})
	if err != nil {
		return nil, err
	}
	for j := range s.Scale {
		if s.Scale[j] -= s.Center[j]; s.Scale[j] == 0 {
			s.Scale[j] = 1
		}
	}
	return &s, nil
}

// eachRow calls f with the features of every sample.
func eachRow(set Dataset, f func(row []float32)) error {
	if set.Len() == 0 {
		return fmt.Errorf("data: a scaler cannot be fitted to an empty set")
	}
	for b, err := range (&Loader{Dataset: set, BatchSize: 256}).Epoch(0) {
		if err != nil {
			return err
		}
		if b.IDs != nil {
			return fmt.Errorf("data: a scaler scales features; these samples are token ids")
		}
		w := len(b.X) / b.Len()
		for k, i := range b.Index {
			row := b.X[k*w : (k+1)*w]
			for j, v := range row {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					return fmt.Errorf("data: feature %d of sample %d is %v: fill or leave out what is missing before fitting a scaler", j, i, v)
				}
			}
			f(row)
		}
	}
	return nil
}

// Apply scales rows in place.
func (s *Scaler) Apply(x []float32) {
	for i := range x {
		j := i % len(s.Center)
		x[i] = float32((float64(x[i]) - s.Center[j]) / s.Scale[j])
	}
}

// Invert undoes Apply.
func (s *Scaler) Invert(x []float32) {
	for i := range x {
		j := i % len(s.Center)
		x[i] = float32(float64(x[i])*s.Scale[j] + s.Center[j])
	}
}

// Of is the set with its features scaled.
func (s *Scaler) Of(set Dataset) Dataset {
	return Map(set, func(b *Batch) error {
		if b.IDs != nil {
			return fmt.Errorf("data: a scaler scales features; these samples are token ids")
		}
		if w := product(b.XDims[1:]); w != len(s.Center) {
			return fmt.Errorf("data: a scaler of %d features on samples of %d", len(s.Center), w)
		}
		s.Apply(b.X)
		return nil
	})
}
