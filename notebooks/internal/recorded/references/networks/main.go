// Command networks makes the recorded figures of section 10.3, each
// part a file NAME.json beside this program:
//
//	go run ./notebooks/internal/recorded/references/networks -part dropout -seeds 1
//
// A part replaces what its file holds of the seeds that it ran.
package main

import (
	"encoding/json"
	"errors"
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

// Row is a figure that was measured: of a seed, under a name, at a place of its
// curve.
type Row struct {
	Seed  uint64  `json:"seed"`
	Name  string  `json:"name"`
	At    float64 `json:"at"`
	Value float64 `json:"value"`
}

// recorder writes the figures of one seed.
type recorder struct {
	file string
	work string // folder for checkpoints
	seed uint64
	rows []Row
}

// add notes a figure, and writes all of this seed to the file, in place of what
// was there of it.
func (r *recorder) add(name string, at, value float64) {
	log.Printf("seed %d: %s at %.4g: %.5g", r.seed, name, at, value)
	r.rows = append(r.rows, Row{r.seed, name, at, value})
	var all []Row
	text, err := os.ReadFile(r.file)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Fatal("networks: ", err)
	}
	all = slices.DeleteFunc(all, func(row Row) bool { return row.Seed == r.seed })
	all = append(all, r.rows...)
	slices.SortStableFunc(all, func(a, b Row) int { return int(a.Seed) - int(b.Seed) })
	lines := make([]string, len(all))
	for i, row := range all {
		line, err := json.Marshal(row)
		if err != nil {
			log.Fatal("networks: ", err)
		}
		lines[i] = " " + string(line)
	}
	if err := os.WriteFile(r.file, []byte("[\n"+strings.Join(lines, ",\n")+"\n]\n"), 0o644); err != nil {
		log.Fatal("networks: ", err)
	}
}

func mnist() (training, test *data.Images) {
	training, test, err := datasets.MNIST()
	if err != nil {
		log.Fatal("networks: ", err)
	}
	return training, test
}
