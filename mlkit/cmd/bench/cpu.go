package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"descent/mlkit/internal/kernel/cpu"
)

// A machine is what figures were measured on.
type machine struct {
	CPU    string   `json:"cpu"`
	Cores  int      `json:"cores"`
	Flags  []string `json:"flags"` // those that matter for arithmetic
	Level  string   `json:"level"` // the instructions that our kernels use
	Limits []string `json:"limits,omitempty"`
}

// telling are the flags of /proc/cpuinfo that say how fast arithmetic can be.
var telling = []string{"sse4_2", "avx", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd", "asimddp", "sve"}

func thisMachine() machine {
	m := machine{CPU: runtime.GOARCH, Cores: runtime.NumCPU(), Level: cpu.Current.String(), Limits: limits()}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil { // not Linux
		return m
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		key, value, _ := strings.Cut(s.Text(), ":")
		switch strings.TrimSpace(key) {
		case "model name":
			m.CPU = strings.TrimSpace(value)
		case "flags", "Features":
			m.Flags = slices.DeleteFunc(strings.Fields(value),
				func(f string) bool { return !slices.Contains(telling, f) })
		}
	}
	return m
}

func (m machine) String() string {
	s := fmt.Sprintf("%s, %d cores; flags: %s; kernels: %s", m.CPU, m.Cores, strings.Join(m.Flags, " "), m.Level)
	if len(m.Limits) > 0 {
		s += "; peers limited by " + strings.Join(m.Limits, " ") + " (but for ONNX Runtime, which has no such switch)"
	}
	return s
}

// limits are the variables that keep the peers to the instructions to which
// MLKIT_CPU keeps us on a machine that has more.
func limits() []string {
	if cpu.Current == cpu.Levels[len(cpu.Levels)-1] {
		return nil
	}
	if cpu.Current == cpu.AVX2 {
		return []string{"MKL_ENABLE_INSTRUCTIONS=AVX2", "ONEDNN_MAX_CPU_ISA=AVX2", "OPENBLAS_CORETYPE=Haswell", "ATEN_CPU_CAPABILITY=avx2",
			"XLA_FLAGS=--xla_cpu_max_isa=AVX2"}
	}
	fmt.Fprintf(os.Stderr, "MLKIT_CPU=%v keeps only mlkit from better instructions: there is no such switch for the peers\n", cpu.Current)
	return nil
}
