package int8

import "descent/mlkit/internal/kernel/cpu"

// Path names the instructions that products take now.
func Path() string {
	if cpu.Current == cpu.AVX512 {
		if vnni {
			return "avx512 vnni"
		}
		return "avx2"
	}
	return cpu.Current.String()
}
