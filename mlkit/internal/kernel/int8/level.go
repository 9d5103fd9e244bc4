package int8

import "descent/mlkit/internal/kernel/cpu"

// Path names the instructions that products take now.
func Path() string {
	switch {
	case cpu.Current == cpu.AVX512 && vnni:
		return "avx512 vnni"
	case cpu.Current == cpu.AVX512:
		return cpu.AVX2.String()
	}
	return cpu.Current.String()
}

// widens says whether products want activations of 16 bits.
func widens() bool { return cpu.Current == cpu.AVX2 || cpu.Current == cpu.AVX512 && !vnni }
