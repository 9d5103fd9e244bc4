// Package search looks for good hyper-parameters: [GridSearch], [RandomSearch]
// and [SuccessiveHalving] evaluate points of a space of [Parameter]s by a score
// that the caller computes, usually the validation loss of a training.
package search
