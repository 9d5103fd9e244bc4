package metrics

// EditDistance is the smallest number of substitutions, deletions and
// insertions that turn a into b (Levenshtein 1966).
func EditDistance[T comparable](a, b []T) int {
	row := make([]int, len(b)+1) // distances of the read part of a to b[:j]
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			d := diagonal
			if x != y {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

// TokenErrorRate counts errors in sequences: of words it is the word error rate
// (WER), of phonemes the phoneme error rate. The zero value is ready.
type TokenErrorRate struct {
	Errors, Length   int // edits, and labels there are
	Wrong, Sequences int // sequences with an error, and all
}

// Add counts one sequence: its distance to what it should be, and the length of
// that.
func (e *TokenErrorRate) Add(distance, length int) {
	e.Errors, e.Length, e.Sequences = e.Errors+distance, e.Length+length, e.Sequences+1
	if distance > 0 {
		e.Wrong++
	}
}

// Rate is errors per label, which insertions can bring above 1; NaN before any
// label.
func (e TokenErrorRate) Rate() float64 { return float64(e.Errors) / float64(e.Length) }

// SequenceRate is the share of sequences with an error.
func (e TokenErrorRate) SequenceRate() float64 { return float64(e.Wrong) / float64(e.Sequences) }
