//go:build !noasm

package blocks

import features "golang.org/x/sys/cpu"

// vnni says whether this processor has AVX-512 VNNI.
var vnni = features.X86.HasAVX512VNNI
