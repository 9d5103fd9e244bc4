package tensor

// Remembered is the number of parameters that a tape knows of.
func (t *Tape) Remembered() int { return len(t.used) }
