//go:build !noasm

package cpu

import cpuid "golang.org/x/sys/cpu"

func detect() Level {
	f := cpuid.X86
	switch {
	case f.HasAVX512F && f.HasAVX512BW && f.HasAVX512DQ && f.HasAVX512VL && f.HasAVX2 && f.HasFMA:
		return AVX512
	case f.HasAVX2 && f.HasFMA:
		return AVX2
	}
	return Portable
}
