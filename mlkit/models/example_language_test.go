package models_test

import (
	"fmt"
	"log"

	"descent/mlkit/datasets"
	"descent/mlkit/models"
	"descent/mlkit/nn"
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

// A chat writes its answer token by token. (It is compiled, not run: the
// weights are 98 MB.)
func ExampleOpenLlama() {
	path, err := datasets.SmolLM2()
	if err != nil {
		log.Fatal(err)
	}
	m, err := models.OpenLlama(path)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	prompt, err := m.Tokens.EncodeSpecial("<|im_start|>user\nWhat is gravity?<|im_end|>\n<|im_start|>assistant\n")
	if err != nil {
		log.Fatal(err)
	}
	next, read := m.Next(), len(prompt)
	_, err = nn.Sampling{Max: 200, End: m.End, Temperature: 0.7, TopP: 0.9, Seed: 1}.Generate([][]int32{prompt}, func(so [][]int32) ([][]float32, error) {
		for ; read < len(so[0]); read++ { // what has been drawn since
			fmt.Print(m.Tokens.Text(so[0][read]))
		}
		return next(so)
	})
	if err != nil {
		log.Fatal(err)
	}
}
