// Package text converts text into the token ids that models take, and back.
//
//	words := text.Words("It's a film - and what a film!") // it's a film - and what a film !
//	vocabulary := text.NewVocabulary(sentences, 5000, 2)
//	ids := vocabulary.Encode(words)
//
//	bpe := text.TrainBPE(words, 1000) // subwords, for words never seen
//	pieces := bpe.Split("unwatchable")
//
// A Vocabulary maps tokens of any kind (words, subwords, letters, phonemes) to
// ids. A Vocabulary and a BPE are saved and loaded with encoding/json; damaged
// JSON is an error. Everything here is deterministic: results depend on the
// arguments alone and are the same on every machine.
package text
