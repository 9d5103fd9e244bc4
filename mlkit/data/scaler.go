package data

import (
	"errors"
	"fmt"
	"math"

	"descent/mlkit/internal/strictjson"
	"descent/mlkit/tensor"
)

// A Scaler brings features to a common scale, column by column: x ← (x −
// Center)/Scale. Fit it on the training part, and apply it to all parts: a
// scaler that has seen the test part lets it leak into the training. It scales
// every feature: of a table with categories, let tabular.Encoding scale the
// numbers alone. It is saved and loaded as JSON, {"center": […], "scale": […]}.
type Scaler struct{ Center, Scale []float64 }

// scalerJSON is the form in which a Scaler is saved.
type scalerJSON struct {
	Center []float64 `json:"center"`
	Scale  []float64 `json:"scale"`
}

func (s scalerJSON) check() error {
	if len(s.Center) == 0 {
		return errors.New("data: a scaler of no features: it has not been fitted")
	}
	if len(s.Center) != len(s.Scale) {
		return fmt.Errorf("data: a scaler with %d centers and %d scales", len(s.Center), len(s.Scale))
	}
	for j, c := range s.Center {
		if math.IsNaN(c-c) || math.IsNaN(s.Scale[j]-s.Scale[j]) || s.Scale[j] == 0 {
			return fmt.Errorf("data: feature %d of a scaler has center %v and scale %v: both must be finite, and the scale not 0", j, c, s.Scale[j])
		}
	}
	return nil
}

// MarshalJSON writes the scaler. One that is not fitted, or not finite, is an
// error.
func (s Scaler) MarshalJSON() ([]byte, error) {
	j := scalerJSON(s)
	if err := j.check(); err != nil {
		return nil, err
	}
	return strictjson.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote; s is unchanged after an error.
func (s *Scaler) UnmarshalJSON(b []byte) error {
	var j scalerJSON
	if err := strictjson.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("data: scaler: %w", err)
	}
	if err := j.check(); err != nil {
		return err
	}
	*s = Scaler(j)
	return nil
}

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

// Apply scales rows in place. It panics when x is not whole rows.
func (s *Scaler) Apply(x []float32) {
	s.checkRows(x)
	for i := range x {
		j := i % len(s.Center)
		x[i] = float32((float64(x[i]) - s.Center[j]) / s.Scale[j])
	}
}

func (s *Scaler) checkRows(x []float32) {
	if w := len(s.Center); w == 0 || len(x)%w != 0 {
		panic(fmt.Sprintf("data: a scaler of %d features on %d numbers, which are not whole rows", w, len(x)))
	}
}

// Invert undoes Apply.
func (s *Scaler) Invert(x []float32) {
	s.checkRows(x)
	for i := range x {
		j := i % len(s.Center)
		x[i] = float32(float64(x[i])*s.Scale[j] + s.Center[j])
	}
}

// Of is the set with its features scaled. A feature that is then NaN or beyond
// float32 is an error.
func (s *Scaler) Of(set Dataset) Dataset {
	return Map(set, func(b *Batch) error {
		if b.IDs != nil {
			return fmt.Errorf("data: a scaler scales features; these samples are token ids")
		}
		if w := tensor.SizeOf(b.XDims[1:]); w != len(s.Center) {
			return fmt.Errorf("data: a scaler of %d features on samples of %d", len(s.Center), w)
		}
		s.Apply(b.X)
		for i, v := range b.X {
			if v-v != 0 {
				w := len(s.Center)
				return fmt.Errorf("data: feature %d of sample %d is %v after scaling by %v and %v", i%w, b.Index[i/w], v, s.Center[i%w], s.Scale[i%w])
			}
		}
		return nil
	})
}
