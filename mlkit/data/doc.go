// Package data brings samples to a training loop.
//
// A [Dataset] is numbered samples; it keeps them in their own type (images as
// bytes) and converts only the requested batch to floats. A [Loader] serves it
// in batches, epoch after epoch, in an order that depends on its seed and the
// epoch alone:
//
//	set := data.FromSlices(x, []int{3}, y, []int{1})      // n rows of 3 features and 1 target
//	loader := &data.Loader{Dataset: set, BatchSize: 32, Shuffle: true, Seed: 1}
//	for batch, err := range loader.Epoch(0) { … }
//
// Where samples come from: [FromSlices] and [FromLabels] (memory), package
// tabular (CSV files, categories), package formats (folders of images, idx and
// npy files, Pascal VOC) and package datasets.
//
// Pictures with boxes around objects are [ObjectImages] (formats.LoadVOC reads
// them); [Centers] makes training targets of them for a detector and reads its
// answers, and [NMS] leaves one answer for each object.
//
// To prepare them: [Subset], [Concat] and [Map] compose sets; [Split],
// [StratifiedSplit], [KFold], [StratifiedKFold] and [GroupKFold] divide them;
// [FitStandard] and [FitMinMax] scale features by what the training part shows;
// [Augment] changes images at random, [Mixup] and [CutMix] mix them,
// [SpecAugment] masks spectrograms. All that is random is drawn from a seed,
// the epoch and the sample's index, so it is the same for every batch size,
// with Loader.Prefetch and without, and after a resume. For classes of unequal
// size, [ClassWeights] weight the loss or, through Loader.Weights, how often a
// sample is drawn.
//
// What was fitted saves and loads whole: a [Scaler], [Classes] (the names of
// the labels), tabular's Encoder and text's Vocabulary and BPE are
// json.Marshalers and json.Unmarshalers. A field that is unknown, missing, null
// or there twice is an error, as is a value that cannot be used, and after an
// error the receiver is as it was.
//
// A loader allocates nothing for a batch after the first ones.
package data
