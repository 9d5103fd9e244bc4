package explain

// LIMEFit is the fit of LIME for coalitions that were not drawn at random.
func LIMEFit(f Scores, in Input, sets []uint64, width, ridge float64) ([]float32, error) {
	in, n, err := grouped("LIME", in, 64)
	if err != nil {
		return nil, err
	}
	score, err := coalitions("LIME", f, in, sets)
	if err != nil {
		return nil, err
	}
	return limeFit(in, n, sets, score, width, ridge)
}
