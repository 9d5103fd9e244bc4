// Package text turns texts into numbers that models take, and back.
//
//	words := text.Words("It's a film - and what a film!") // it's a film - and what a film !
//	vocabulary := text.NewVocabulary(sentences, 5000, 2)
//	ids := vocabulary.Encode(words)
//
//	bpe := text.TrainBPE(words, 1000) // pieces of words, for those never seen
//	pieces := bpe.Split("unwatchable")
//
// A Vocabulary numbers tokens of any kind: words, pieces of words, letters,
// phonemes. A Vocabulary and a BPE save and load whole with encoding/json; what is
// damaged is an error. Everything here is a function of its arguments alone, in the same
// order on every machine.
package text
