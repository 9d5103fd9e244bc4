package datasets

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"descent/mlkit/data"
	"descent/mlkit/formats"
)

const fashionURL = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"

// fashionFiles are the files as their makers offer them, and the checksums of
// those in Debian's package dataset-fashion-mnist, which compressed them anew.
var fashionFiles = []struct {
	name           string
	size           int64
	sha256, debian string
}{
	{"train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7"},
	{"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056"},
	{"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa"},
	{"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05"},
}

// fashionFolder is where Debian's package puts them.
var fashionFolder = "/usr/share/datasets/fashion-mnist"

// FashionMNIST is 60,000 training and 10,000 test images of clothes, of the
// same shape as MNIST but harder (Xiao, Rasul & Vollgraf 2017; MIT). It uses
// the files of Debian's package dataset-fashion-mnist if that is installed, or
// those in [Dir] under fashion-mnist. Otherwise 31 MB are downloaded once; with
// a context of [AtHand], the error says how to get them.
func FashionMNIST(ctx context.Context) (train, test *data.Images, err error) {
	dir, err := Dir()
	if err != nil {
		return nil, nil, err
	}
	var paths [4]string
	for i, f := range fashionFiles {
		for _, folder := range []string{fashionFolder, filepath.Join(dir, "fashion-mnist")} {
			paths[i] = filepath.Join(folder, f.name)
			if sum, err := fileSum(paths[i]); err == nil && (sum == f.sha256 || sum == f.debian) {
				break
			}
			paths[i] = ""
		}
		if paths[i] != "" {
			continue
		}
		file := File{Name: "fashion-mnist/" + f.name, URL: fashionURL + f.name, SHA256: f.sha256, Size: f.size}
		if paths[i], err = file.Path(ctx); errors.Is(err, ErrMissing) {
			return nil, nil, fmt.Errorf("datasets: Fashion-MNIST (31 MB) is not on the disk: install Debian's package dataset-fashion-mnist, or allow the download, or provide the files yourself: %w", err)
		} else if err != nil {
			return nil, nil, err
		}
	}
	if train, err = formats.LoadIDXImages(paths[0], paths[1]); err == nil {
		test, err = formats.LoadIDXImages(paths[2], paths[3])
	}
	if err != nil {
		return nil, nil, fmt.Errorf("datasets: Fashion-MNIST: %w", err)
	}
	train.Classes = []string{"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"}
	test.Classes = train.Classes
	return train, test, nil
}
