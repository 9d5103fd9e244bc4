// Package models holds published networks as plain structs of mlkit's layers.
// Their parameters have the names of the published files, so that
// [descent/mlkit/train.LoadWeights] reads those as they are:
//
//	path, err := datasets.EfficientNetLite(0)         // fetched once, checked by its SHA-256
//	m := models.NewEfficientNetLite(nn.NewRand(1), models.Lite0, 1000)
//	err = train.LoadWeights(path, m)
//	logits := m.Forward(models.Photo{Size: 224}.Forward(tape.Input(pixels, 1, 3, h, w)))
//
//	here              what                                       weights
//	EfficientNetLite  images [n, 3, h, w] to 1,000 classes       datasets.EfficientNetLite
//	Photo             a picture as such a network wants it       –
//	BERT              texts to a vector for every token          –
//	Sentences         sentences to vectors that say what is      datasets.MiniLM
//	                  alike in meaning
//	Llama             texts to the logits of every next token    datasets.SmolLM2
//	OpenLlama         one whose weights stay quantized in a file likewise
//
// How alike sentences are takes ten lines: the example of [Sentences]. That of
// [OpenLlama] is a chat that answers token by token.
//
// To adapt a model to another task, replace its last layer; then freeze the
// rest ([descent/mlkit/nn.Freeze]), or give it a lower learning rate
// ([descent/mlkit/optim.ByDepth]), or small trainable factors beside its
// weights ([descent/mlkit/nn.AddLoRA]).
package models
