package tensor

// A Mean tells what a mean was taken over, so that means over parts can be put
// together to the mean over the whole.
type Mean struct {
	// Weight is the sum of the weights of what was averaged: the number of
	// elements or rows that count, or the sum of their class weights.
	Weight float64
	// Divisor is what the sum was divided by: Weight itself, unless the loss
	// guards against division by zero.
	Divisor float64
}

// RecordMean notes beside the tape that a mean was taken. Losses call it: the
// mean of a batch in pieces is Σ Divisor·mean / Σ Weight, whatever the pieces
// are (ignored labels, class weights, padding). A mean that is not noted counts
// as one over samples.
func (t *Tape) RecordMean(m Mean) { t.means = append(t.means, m) }

// Means are the means noted since Reset, in their order. The slice belongs to
// the tape.
func (t *Tape) Means() []Mean { return t.means }

// MeanOfNothing reports whether means were noted and all are over nothing: 0/0,
// as the loss of a batch of padding is.
func (t *Tape) MeanOfNothing() bool {
	for _, m := range t.means {
		if m.Divisor != 0 {
			return false
		}
	}
	return len(t.means) > 0
}
