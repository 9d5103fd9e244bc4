// Package text converts text into the token ids that models take, and back.
//
//	words := text.Words("It's a film - and what a film!") // it's a film - and what a film !
//	vocabulary := text.NewVocabulary(sentences, 5000, 2)
//	ids := vocabulary.Encode(words)
//
//	bpe := text.TrainBPE(words, 1000) // subwords, for words never seen
//	pieces := bpe.Split("unwatchable")
//
// For models that others have trained there are their tokenizers: [WordPiece]
// reads BERT's vocab.txt, [ByteBPE] the tokenizer.json of GPT-2's kind or the
// description in a GGUF file. They give the ids that Hugging Face's tokenizers
// give:
//
//	w, err := text.ReadWordPiece(vocabTxt)
//	ids := w.Encode("Ça va?") // [CLS] ca va ? [SEP]
//
// Letters are what Go's Unicode tables say; for BERT, Hugging Face uses those
// of Unicode 8. So letters and marks of rare scripts that were encoded since
// 2015 may be split differently; BERT's vocabularies know none of them.
//
// A Vocabulary maps tokens of any kind (words, subwords, letters, phonemes) to
// ids. A Vocabulary and a BPE are saved and loaded with encoding/json; damaged
// JSON is an error. Everything here is deterministic: results depend on the
// arguments alone and are the same on every machine.
package text
