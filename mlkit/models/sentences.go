package models

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/text"
	"descent/mlkit/train"
)

// Sentences turns sentences into vectors whose product says how alike they are
// in meaning: the mean of a BERT's vectors of all tokens, of length 1 (Reimers
// & Gurevych, Sentence-BERT, 2019).
type Sentences struct {
	Model *BERT
	Words *text.WordPiece
	// MaxTokens is where longer sentences are cut, "[CLS]" and "[SEP]"
	// included; 0 means 256, as all-MiniLM-L6-v2 has it.
	MaxTokens int
}

// OpenSentences reads the weights (safetensors or a state_dict) and the
// vocab.txt of a model of the given size, see datasets.MiniLM.
func OpenSentences(weights, vocabulary string, size BERTSize) (*Sentences, error) {
	f, err := os.Open(vocabulary)
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	defer f.Close()
	words, err := text.ReadWordPiece(f)
	if err != nil {
		return nil, fmt.Errorf("models: %s: %w", vocabulary, err)
	}
	if len(words.Tokens) != size.Vocabulary {
		return nil, fmt.Errorf("models: %s has %d tokens, but the model %d", vocabulary, len(words.Tokens), size.Vocabulary)
	}
	file, err := formats.OpenSafetensors(weights)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m := NewBERT(nn.NewRand(1), size)
	err = train.LoadTensors(file, m, train.LoadOptions{Rename: func(name string) string {
		if name == "embeddings.position_ids" { // 0, 1, 2, …: no weight
			return ""
		}
		return name
	}})
	if err != nil {
		return nil, fmt.Errorf("models: %s: %w", weights, err)
	}
	return &Sentences{Model: m, Words: words}, nil
}

// encode gives the ids of a sentence, cut to MaxTokens.
func (s *Sentences) encode(sentence string) []int32 {
	ids := s.Words.Encode(sentence)
	if most := max(cmp.Or(s.MaxTokens, 256), 2); len(ids) > most {
		ids[most-1] = ids[len(ids)-1]
		ids = ids[:most]
	}
	return ids
}

// batchTokens is how many tokens go through the network at a time.
const batchTokens = 2048

// Vectors gives a vector of length 1 for each sentence. Sentences of about the
// same length are read together.
func (s *Sentences) Vectors(sentences ...string) [][]float32 {
	ids, order := make([][]int32, len(sentences)), make([]int, len(sentences))
	for i, sentence := range sentences {
		ids[i], order[i] = s.encode(sentence), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(ids[a]) - len(ids[b]) })
	vectors := make([][]float32, len(sentences))
	tape := tensor.NewEvalTape()
	for len(order) > 0 {
		n, shortest := 1, len(ids[order[0]])
		for n < len(order) {
			longest := len(ids[order[n]])
			if (n+1)*longest > batchTokens || longest > shortest && 8*(longest-shortest) > longest && n*longest > 512 {
				break
			}
			n++
		}
		batch := make([][]int32, n)
		for i, k := range order[:n] {
			batch[i] = ids[k]
		}
		x := s.Forward(tape, batch)
		width := x.Dim(1)
		for i, k := range order[:n] {
			vectors[k] = slices.Clone(x.Data()[i*width:][:width])
		}
		tape.Reset()
		order = order[n:]
	}
	return vectors
}

// Forward gives the vectors of ids that Words has made, for training:
// [len(ids), width], each of length 1.
func (s *Sentences) Forward(t *tensor.Tape, ids [][]int32) tensor.Tensor {
	flat, time := text.Pad(ids) // [PAD] is 0, and so is text.Padding
	lengths := tensor.NewInts(make([]int32, len(ids)), len(ids))
	full := true
	for i, s := range ids {
		lengths.Data[i] = int32(len(s))
		full = full && len(s) == time
	}
	if full {
		lengths = tensor.Ints{}
	}
	x := s.Model.Forward(t, tensor.NewInts(flat, len(ids), time), lengths, tensor.Ints{})
	x = nn.MeanOverTime(x, lengths)
	return x.Div(x.Norm(1).Unsqueeze(1).Maximum(t.Scalar(1e-12)))
}
