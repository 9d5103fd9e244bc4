// Package fuzztest tries readers on damaged files in an ordinary test: the
// corpus of a fuzz target, damaged in the same way at every run.
package fuzztest

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Bound is the memory that reading an input may take in all, freed or not: so
// many bytes, and so many for each byte of the input. As long as memory has to
// be written, it bounds the time, too.
type Bound struct{ Fixed, PerByte uint64 }

// Run calls check with every seed and with n damaged ones. A panic fails the
// test and shows the input in the form of the corpus, as does a check that
// takes more memory than its bound or reports an error.
func Run(t *testing.T, seeds [][]byte, n int, bound Bound, check func(t testing.TB, input []byte)) {
	t.Helper()
	try := func(input []byte) {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("panic: %v", p)
			}
			if t.Failed() {
				t.Fatalf("the input is\n%s", Entry(input))
			}
		}()
		most := bound.Fixed + bound.PerByte*uint64(len(input))
		before := allocated()
		check(t, slices.Clone(input))
		if allocated()-before <= most {
			return
		}
		// That may have counted what was allocated before: look again, closely.
		var first, last runtime.MemStats
		runtime.ReadMemStats(&first)
		check(t, slices.Clone(input))
		runtime.ReadMemStats(&last)
		if used := last.TotalAlloc - first.TotalAlloc; used > most {
			t.Errorf("%d bytes were allocated for an input of %d, %d are allowed", used, len(input), most)
		}
	}
	for _, s := range seeds {
		try(s)
	}
	for input := range Mutations(seeds, n) {
		try(input)
	}
}

// allocated is about how many bytes have ever been allocated, told quickly.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

const version = "go test fuzz v1\n"

// Corpus reads the inputs in testdata/fuzz/target, where `go test -fuzz` looks
// for its corpus and leaves what it finds, in the order of their names. A fuzz
// target may take several arguments; the first is the input, a []byte or a
// string.
func Corpus(t testing.TB, target string) [][]byte {
	t.Helper()
	dir := filepath.Join("testdata", "fuzz", target)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var inputs [][]byte
	for _, f := range files {
		path := filepath.Join(dir, f.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text, ok := strings.CutPrefix(string(b), version)
		text, _, _ = strings.Cut(text, "\n")
		quoted := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(text, "[]byte("), "string("), ")")
		input, err := strconv.Unquote(quoted)
		if !ok || err != nil {
			t.Fatalf("%s: not an input that begins with a []byte or a string", path)
		}
		inputs = append(inputs, []byte(input))
	}
	if len(inputs) == 0 {
		t.Fatalf("%s: no inputs", dir)
	}
	return inputs
}

// Entry is an input as a file of the corpus.
func Entry(input []byte) string { return fmt.Sprintf("%s[]byte(%q)\n", version, input) }

// Mutations are n damaged inputs, each made of one or two of the seeds: the
// same ones for the same seeds.
func Mutations(seeds [][]byte, n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			b := slices.Clone(seeds[i%len(seeds)])
			for range 1 + rng.IntN(3) {
				b = mutate(rng, b, seeds)
			}
			if !yield(b) {
				return
			}
		}
	}
}

// numbers are those that readers multiply, add to or allocate without a look.
var numbers = []uint64{0, 1, 2, 3, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 1 << 20,
	1 << 24, 1<<30 - 1, 1 << 30,
	1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}

func mutate(rng *rand.Rand, b []byte, seeds [][]byte) []byte {
	if len(b) == 0 {
		return slices.Clone(seeds[rng.IntN(len(seeds))])
	}
	at := rng.IntN(len(b))
	end := at + 1 + rng.IntN(min(len(b)-at, 1<<rng.IntN(8)))
	switch rng.IntN(10) {
	case 0, 1: // bits
		for range 1 + rng.IntN(4) {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
	case 2: // a byte
		b[at] = byte(rng.Uint32())
	case 3, 4: // a number
		var word [8]byte
		v, size := numbers[rng.IntN(len(numbers))], 1<<rng.IntN(4)
		if rng.IntN(2) == 0 {
			binary.LittleEndian.PutUint64(word[:], v)
			copy(b[at:], word[:size])
		} else {
			binary.BigEndian.PutUint64(word[:], v)
			copy(b[at:], word[8-size:])
		}
	case 5: // a number in a text
		digits := func(i int) bool { return i < len(b) && '0' <= b[i] && b[i] <= '9' }
		for at < len(b) && !digits(at) {
			at++
		}
		for end = at; digits(end); end++ {
		}
		if at < end {
			b = slices.Replace(b, at, end, []byte(strconv.FormatUint(numbers[rng.IntN(len(numbers))], 10))...)
		}
	case 6: // cut off
		b = b[:at]
	case 7: // left out
		b = slices.Delete(b, at, end)
	case 8: // there twice, or often
		part := slices.Clone(b[at:end])
		for range 1 << rng.IntN(6) {
			b = slices.Insert(b, at, part...)
		}
	case 9: // another's end
		other := seeds[rng.IntN(len(seeds))]
		b = append(b[:at], other[min(at, len(other)):]...)
	}
	return b
}
