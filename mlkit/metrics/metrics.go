package metrics

// An Answer is what a model said about some samples, beside what is true of
// them. The slices are the caller's and are not kept.
type Answer struct {
	// Outputs are the model's, [n, ...]: logits, forecasts. Dims are their
	// dimensions.
	Outputs []float32
	Dims    []int

	Labels  []int32   // one for each row of logits; below 0: left out
	Targets []float32 // as many as outputs, in regression
}

// A Metric is a figure about answers. New begins a measurement, so one Metric
// may serve several at a time.
type Metric struct {
	Name string
	New  func() Meter
}

// A Meter takes in answers batch by batch.
type Meter interface {
	Add(a Answer) error
	// Value is the figure over all batches, NaN when it is not defined.
	Value() float64
}

type meter struct {
	add   func(a Answer) error
	value func() float64
}

func (m meter) Add(a Answer) error { return m.add(a) }
func (m meter) Value() float64     { return m.value() }

// Measure is the figure of one answer: of all samples at once, outside of a
// training.
func Measure(m Metric, a Answer) (float64, error) {
	meter := m.New()
	if err := meter.Add(a); err != nil {
		return 0, err
	}
	return meter.Value(), nil
}
