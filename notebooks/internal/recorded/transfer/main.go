// Command transfer makes transfer.json, the figures of notebook 08-transfer
// that take too long for it: how well rated sentences of film reviews are
// judged by a Transformer from scratch (that of 06-text), by logistic
// regression on the vectors of MiniLM, and by MiniLM of which the two upper
// layers, all layers, or a change of rank 8 of all layers learn, too.
//
//	go run ./notebooks/internal/recorded/transfer -way scratch -labels 500
//	go run ./notebooks/internal/recorded/transfer -way frozen -labels 500
//	go run ./notebooks/internal/recorded/transfer -way tuned -labels 500
//	go run ./notebooks/internal/recorded/transfer -way full -labels 500
//	go run ./notebooks/internal/recorded/transfer -way lora -labels 500
//	go run ./notebooks/internal/recorded/transfer -way frozen -labels 0
//	go run ./notebooks/internal/recorded/transfer -way tuned -labels 0
//
// No labels mean all of the training part. A run replaces what the file holds
// of its way and its labels. Tuning two layers with all labels takes about
// three minutes of a processor for each seed, all layers with 500 one, with all
// labels six; the others less. The weights of MiniLM are downloaded if they are
// not at hand.
package main

import (
	"flag"
	"fmt"
	"log"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/nn"
	"descent/notebooks/internal/recorded"
)

func main() {
	way := flag.String("way", "", "scratch, frozen, tuned, full or lora")
	labels := flag.Int("labels", 500, "sentences to learn from; 0: all")
	seeds := flag.Uint64("seeds", 3, "number of seeds")
	file := flag.String("o", "notebooks/internal/recorded/transfer/transfer.json", "file to write")
	flag.Parse()
	run := map[string]func(s *sentences, seed uint64) float64{
		"scratch": scratch, "frozen": frozen, "tuned": tuned, "full": full, "lora": adapted}[*way]
	if run == nil {
		log.Fatalf("transfer: -way %q: it is scratch, frozen, tuned, full or lora", *way)
	}
	texts, ratings := read()
	var accuracies []float64
	for seed := range *seeds {
		s := divide(texts, ratings, *labels, seed+1)
		accuracies = append(accuracies, run(s, seed+1))
		log.Printf("%s, %d labels, seed %d: %.2f %%", *way, len(s.training), seed+1, accuracies[seed])
		recorded.Put(*file, fmt.Sprintf("%s %d", *way, *labels), accuracies)
	}
}

// read gives the sentences whose mean rating has a sign, each text once, and 1
// for those rated above zero.
func read() (texts []string, labels []int32) {
	snippets, err := datasets.MovieReviews()
	if err != nil {
		log.Fatal("transfer: ", err)
	}
	seen := map[string]bool{}
	for _, s := range snippets {
		if s.Rating == 0 || seen[s.Text] {
			continue
		}
		seen[s.Text] = true
		label := int32(0)
		if s.Rating > 0 {
			label = 1
		}
		texts, labels = append(texts, s.Text), append(labels, label)
	}
	return texts, labels
}

// sentences are all of them, divided as in 06-text: 80 % to train on, of which
// some are drawn, and 10 % each to choose by and to test on.
type sentences struct {
	texts                  []string
	labels                 []int32
	training, tuning, test []int
}

func divide(texts []string, labels []int32, n int, seed uint64) *sentences {
	s := &sentences{texts: texts, labels: labels}
	outer := data.StratifiedSplit(labels, 0.2, seed)
	half := data.Split(len(outer.Test), 0.5, seed)
	for _, i := range half.Train {
		s.tuning = append(s.tuning, outer.Test[i])
	}
	for _, i := range half.Test {
		s.test = append(s.test, outer.Test[i])
	}
	s.training = outer.Train
	nn.NewRand(seed+100).Shuffle(len(s.training), func(i, j int) {
		s.training[i], s.training[j] = s.training[j], s.training[i]
	})
	if n > 0 {
		s.training = s.training[:n]
	}
	return s
}

// labelsOf gives the labels of some sentences.
func (s *sentences) labelsOf(index []int) (labels []int32) {
	for _, i := range index {
		labels = append(labels, s.labels[i])
	}
	return labels
}
