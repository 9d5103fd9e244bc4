//go:build !noasm

package kernel

import cpuid "golang.org/x/sys/cpu"

func detect() level {
	f := cpuid.X86
	switch {
	case f.HasAVX512F && f.HasAVX512BW && f.HasAVX512DQ && f.HasAVX512VL && f.HasAVX2 && f.HasFMA:
		return avx512
	case f.HasAVX2 && f.HasFMA:
		return avx2
	}
	return portable
}
