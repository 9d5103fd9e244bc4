//go:build !noasm

package int8

import features "golang.org/x/sys/cpu"

// vnni says whether this processor has AVX-512 VNNI. It changes only in tests.
var vnni = features.X86.HasAVX512VNNI
