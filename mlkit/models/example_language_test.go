package models_test

import (
	"fmt"
	"log"

	"descent/mlkit/datasets"
	"descent/mlkit/models"
)

// It prints 0.53 for the two about music, and −0.08 for either and the market.
// (It is compiled, not run: the weights are 90 MB.)
func ExampleSentences() {
	weights, words, err := datasets.MiniLM()
	if err != nil {
		log.Fatal(err)
	}
	s, err := models.OpenSentences(weights, words, models.MiniLM6)
	if err != nil {
		log.Fatal(err)
	}
	v := s.Vectors("A man is playing a guitar.", "Someone makes music.", "The stock market fell.")
	for i := range v {
		for j := range v[:i] {
			product := 0.0
			for k := range v[i] {
				product += float64(v[i][k] * v[j][k])
			}
			fmt.Printf("%d and %d: %.2f\n", j, i, product)
		}
	}
}
