package tensor

// Remembered is the number of parameters that a tape knows of.
func (t *Tape) Remembered() int { return len(t.used) }

// Used is the number of bytes handed out since Reset.
func (t *Tape) Used() int { return 4*(t.floats.used+t.ints.used) + 8*t.doubles.used }
