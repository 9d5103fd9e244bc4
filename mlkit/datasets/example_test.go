package datasets_test

import (
	"fmt"

	"descent/mlkit/datasets"
)

// The points of NumPy's seed 42.
func ExampleNoisyLine() {
	p := datasets.NoisyLine(100, 42)
	fmt.Printf("%.8f %.8f\n", p.X[:3], p.Y[:3])
	// Output: [0.37454012 0.95071431 0.73199394] [1.83612731 2.60242126 2.55574866]
}

func ExampleNumPyRand() {
	r := datasets.NewNumPyRand(0) // np.random.seed(0)
	fmt.Printf("%.8f %.8f\n", r.Rand(), r.Randn())
	// Output: 0.54881350 0.74159174
}
