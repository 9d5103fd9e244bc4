// Command beliefnet makes beliefnet.json, the recorded curve of section 10.1 of
// notebook 10-references: the deep belief net of Hinton, Osindero & Teh (2006)
// on MNIST, 784-500-500 and 2,000 units on top with the label.
//
//	go run ./notebooks/internal/recorded/references/beliefnet
//
// Every stage keeps a checkpoint in -work, and goes on from it when it is run
// again. The last 5,000 training images are for validation; the test images are
// looked at once for each way of tuning, at its end.
package main

import (
	"context"
	"flag"
	"log"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/nn"
	"descent/mlkit/train"
	"descent/notebooks/internal/recorded"
)

func main() {
	p := published
	file := flag.String("o", "notebooks/internal/recorded/references/beliefnet/beliefnet.json", "file to write")
	work := flag.String("work", filepath.Join(os.TempDir(), "beliefnet"), "folder for checkpoints")
	picture := flag.String("picture", "notebooks/images/belief-net-digits.png", "picture of generated digits to write")
	flag.IntVar(&p.updown, "updown", p.updown, "epochs of the up–down algorithm")
	flag.IntVar(&p.first, "first", p.first, "epochs of the first machine")
	flag.IntVar(&p.second, "second", p.second, "epochs of the second machine")
	flag.IntVar(&p.top, "top", p.top, "epochs of the top machine")
	flag.IntVar(&p.backprop, "backprop", p.backprop, "epochs of backpropagation, for comparison; 0: none")
	flag.Float64Var(&p.tuneRate, "rate", p.tuneRate, "learning rate of the up–down algorithm")
	flag.IntVar(&p.train, "train", p.train, "training images")
	flag.IntVar(&p.all, "all", p.all, "epochs of the up–down algorithm on all images, after that")
	flag.IntVar(&p.long, "long", p.long, "epochs of the up–down algorithm in its longer schedule")
	part := flag.String("part", "", "updown, all, dream, long, backprop or test alone, after greedy, or piece; everything if empty")
	flag.Parse()
	r := newRun(*file, *work, p)
	r.picture = *picture
	if *part == "" || *part == "piece" {
		r.piece()
	}
	if *part == "piece" {
		return
	}
	net := r.greedy()
	start := filepath.Join(*work, "greedy.safetensors")
	r.try(train.SaveWeights(start, net, nil))
	parts := map[string]func(*nn.DBN){"updown": r.upDown, "all": r.onAll, "dream": r.dream, "long": r.onLong, "backprop": r.backprop, "test": r.look}
	if *part != "" && parts[*part] == nil {
		log.Fatalf("beliefnet: -part %q: it is updown, all, dream, long, backprop, test or piece", *part)
	}
	for _, name := range []string{"updown", "all", "dream", "long", "backprop", "test"} {
		if *part == "" || *part == name {
			r.try(train.LoadWeights(start, net))
			loader := r.loader
			parts[name](net)
			r.loader = loader
		}
	}
}

// look is the only look at the test images.
func (r *run) look(net *nn.DBN) {
	for _, way := range []string{"greedy", "updown", "all", "dream", "long", "backprop"} {
		r.try(train.LoadWeights(filepath.Join(r.work, way+".safetensors"), net))
		r.add("test, "+way, 0, r.wrong(net, r.test, 0, r.test.Len()))
	}
}

// Row is a figure that was measured, after so many epochs of a stage.
type Row struct {
	Name  string  `json:"name"`
	Epoch int     `json:"epoch"`
	Value float64 `json:"value"`
}

type run struct {
	plan
	file, work     string
	picture        string
	training, test *data.Images
	loader         *data.Loader
	start          time.Time
	rows           []Row
	atStep         func(step int) // after every step of a stage
	short          bool           // stages stop after pieceSteps
}

func newRun(file, work string, p plan) *run {
	r := &run{plan: p, file: file, work: work, start: time.Now()}
	training, test, err := datasets.MNIST()
	r.try(err)
	r.try(os.MkdirAll(work, 0o755))
	r.training, r.test = training.Flat(), test.Flat()
	index := make([]int, p.train)
	for i := range index {
		index[i] = i
	}
	r.loader = &data.Loader{Dataset: data.Subset(r.training, index), BatchSize: 100, Shuffle: true, Seed: p.seed}
	return r
}

// add notes a figure in place of an earlier one of the same name and epoch, and
// writes all of them.
func (r *run) add(name string, epoch int, value float64) {
	log.Printf("%6.0f s: %s, %d: %.4g", time.Since(r.start).Seconds(), name, epoch, value)
	r.rows = recorded.Read[Row](r.file) // of a run that goes on
	same := func(row Row) bool { return row.Name == name && row.Epoch == epoch }
	if i := slices.IndexFunc(r.rows, same); i >= 0 {
		r.rows[i].Value = value
	} else {
		r.rows = append(r.rows, Row{name, epoch, value})
	}
	recorded.Write(r.file, " ", r.rows)
}

// best says whether no earlier epoch of that name has a lower value.
func (r *run) best(name string, epoch int) bool {
	value := math.Inf(1)
	for _, row := range r.rows {
		if row.Name == name && row.Epoch == epoch {
			value = row.Value
		}
	}
	return !slices.ContainsFunc(r.rows, func(row Row) bool {
		return row.Name == name && row.Epoch < epoch && row.Value < value
	})
}

// wrong is the error in % on the images from lo to hi of a set.
func (r *run) wrong(net nn.Layer, set *data.Images, lo, hi int) float64 {
	index := make([]int, hi-lo)
	for i := range index {
		index[i] = lo + i
	}
	y, _, err := train.NewPredictor(net).All(context.Background(), &data.Loader{Dataset: data.Subset(set, index), BatchSize: 250})
	r.try(err)
	n := 0
	for i := range index {
		best := 0
		for k := range 10 {
			if y[10*i+k] > y[10*i+best] {
				best = k
			}
		}
		if best != int(set.Labels[lo+i]) {
			n++
		}
	}
	return 100 * float64(n) / float64(hi-lo)
}

func (r *run) validation(net nn.Layer) float64 {
	return r.wrong(net, r.training, 55000, 60000)
}

func (r *run) try(err error) {
	if err != nil {
		log.Fatal("beliefnet: ", err)
	}
}
