package cpu

import (
	"fmt"
	"os"
	"slices"
)

// Level is a set of instructions that kernels are written for.
type Level uint8

const (
	Portable Level = iota // what Go compiles to
	AVX2                  // AVX2 and FMA, on amd64
	AVX512                // AVX-512 F, BW, DQ and VL, on amd64
	NEON                  // on arm64
	NumLevels
)

var levelNames = [NumLevels]string{"portable", "avx2", "avx512", "neon"}

func (l Level) String() string { return levelNames[l] }

// Levels are those that this machine and this build can run, the best last.
var Levels = detect()

// Current is the level in use. It changes only in tests, through SetLevel.
var Current = choose(os.Getenv("MLKIT_CPU"))

// choose returns the best level up to the one that name, the value of
// MLKIT_CPU, asks for: a lower one is for a comparison, or to rule out a fault
// in the assembly.
func choose(name string) Level {
	if name == "" {
		return Levels[len(Levels)-1]
	}
	want := slices.Index(levelNames[:], name)
	if want < 0 {
		panic(fmt.Sprintf("kernel: MLKIT_CPU is %q, want one of %v, or nothing for the best", name, Levels))
	}
	best := Portable
	for _, l := range Levels {
		if l <= Level(want) {
			best = l
		}
	}
	return best
}

// SetLevel switches the kernels to level l, one of Levels, and returns the
// level before. Tests and benchmarks only: no kernel may be running.
func SetLevel(l Level) (before Level) {
	if !slices.Contains(Levels, l) {
		panic(fmt.Sprintf("kernel: level %v does not run here; there are %v", l, Levels))
	}
	before, Current = Current, l
	return before
}
