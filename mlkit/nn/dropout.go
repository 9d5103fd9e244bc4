package nn

import "descent/mlkit/tensor"

// Dropout sets elements to 0 with probability P in training, and scales the
// others by 1/(1−P) (see [tensor.Tensor.Dropout]).
type Dropout struct{ P float32 }

// Forward drops elements in training: [...] → the same shape.
func (d Dropout) Forward(x tensor.Tensor) tensor.Tensor { return x.Dropout(d.P) }

// SpatialDropout drops whole channels of [n, c, ...] with probability P in
// training.
type SpatialDropout struct{ P float32 }

// Forward drops channels in training: [n, c, ...] → the same shape.
func (d SpatialDropout) Forward(x tensor.Tensor) tensor.Tensor { return x.SpatialDropout(d.P) }
