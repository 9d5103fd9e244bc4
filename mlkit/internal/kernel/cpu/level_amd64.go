//go:build !noasm

package cpu

import features "golang.org/x/sys/cpu"

func detect() []Level {
	f, levels := features.X86, []Level{Portable}
	if f.HasAVX2 && f.HasFMA {
		levels = append(levels, AVX2)
		if f.HasAVX512F && f.HasAVX512BW && f.HasAVX512DQ && f.HasAVX512VL {
			levels = append(levels, AVX512)
		}
	}
	return levels
}
