// Command networks makes the recorded figures of section 10.3, each
// part a file NAME.json beside this program:
//
//	go run ./notebooks/internal/recorded/references/networks -part dropout -seeds 1
//
// A part replaces what its file holds of the seeds that it ran.
package main

import (
	"flag"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/notebooks/internal/recorded"
)

// parts are the experiments, by name: each runs one seed.
var parts = map[string]func(r *recorder, seed uint64){
	"no-dropout":          dropoutSeed(0),
	"dropout":             dropoutSeed(1),
	"max-norm":            dropoutSeed(2),
	"max-norm-momentum":   dropoutSeed(3),
	"no-dropout-logistic": dropoutSeed(4),
	"pilot":               dropoutPilot(pilotTrials),
	"pilot-logistic":      dropoutPilot(logisticTrials),
	"recurrent-none":      recurrentSeed(galNone, 0),
	"recurrent-sequence":  recurrentSeed(galSequence, 0.3),
	"recurrent-step":      recurrentSeed(galStep, 0.3),
	"recurrent-inputs":    recurrentSeed(galNoState, 0.3),
}

func main() {
	part := flag.String("part", "", "one of "+strings.Join(slices.Sorted(maps.Keys(parts)), ", "))
	first := flag.Uint64("first", 1, "first seed")
	seeds := flag.Uint64("seeds", 1, "number of seeds")
	dir := flag.String("o", "notebooks/internal/recorded/references/networks", "folder of the files to write")
	work := flag.String("work", filepath.Join(os.TempDir(), "networks"), "folder for checkpoints, from which a run goes on")
	flag.Parse()
	run := parts[*part]
	if run == nil {
		log.Fatalf("networks: -part %q: it is one of %s", *part, strings.Join(slices.Sorted(maps.Keys(parts)), ", "))
	}
	if err := os.MkdirAll(*work, 0o755); err != nil {
		log.Fatal("networks: ", err)
	}
	for seed := *first; seed < *first+*seeds; seed++ {
		start := time.Now()
		r := &recorder{file: filepath.Join(*dir, *part+".json"), work: *work, seed: seed}
		run(r, seed)
		log.Printf("seed %d took %v", seed, time.Since(start).Round(time.Second))
	}
}

// recorder writes the figures of one seed.
type recorder struct {
	file string
	work string // folder for checkpoints
	seed uint64
	rows []recorded.Row
}

// add notes a figure, and writes all of this seed to the file, in place of what
// was there of it.
func (r *recorder) add(name string, at, value float64) {
	log.Printf("seed %d: %s at %.4g: %.5g", r.seed, name, at, value)
	r.rows = append(r.rows, recorded.Row{Seed: r.seed, Name: name, At: at, Value: value})
	all := slices.DeleteFunc(recorded.Read[recorded.Row](r.file),
		func(row recorded.Row) bool { return row.Seed == r.seed })
	all = append(all, r.rows...)
	slices.SortStableFunc(all, func(a, b recorded.Row) int { return int(a.Seed) - int(b.Seed) })
	recorded.Write(r.file, " ", all)
}

func mnist() (training, test *data.Images) {
	training, test, err := datasets.MNIST()
	if err != nil {
		log.Fatal("networks: ", err)
	}
	return training, test
}
