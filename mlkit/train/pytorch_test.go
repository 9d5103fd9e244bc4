package train_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// testdata/pytorch.safetensors and pytorch.npz were written by
//
//	torch.manual_seed(0)
//	class M(nn.Module):
//	    def __init__(s):
//	        super().__init__()
//	        s.conv = nn.Conv2d(1, 2, 3, padding=1); s.bn = nn.BatchNorm2d(2)
//	        s.lstm = nn.LSTM(4, 3, bidirectional=True, batch_first=True); s.fc = nn.Linear(6, 2)
//	    def forward(s, x):
//	        h = s.bn(s.conv(x)).relu().reshape(x.shape[0], 6, 4)
//	        return s.fc(s.lstm(h)[0][:, -1])
//	m = M(); opt = torch.optim.Adam(m.parameters(), 0.01)
//	for _ in range(5):
//	    opt.zero_grad(); m(torch.randn(8, 1, 3, 4)).square().mean().backward(); opt.step()
//	m.eval(); x = torch.randn(2, 1, 3, 4); y = m(x)
//	save_file(m.state_dict(), "pytorch.safetensors"); np.savez("pytorch.npz", x=x, y=y)
type fromPyTorch struct {
	Conv *nn.Conv2D
	BN   *nn.BatchNorm
	LSTM *nn.LSTM
	FC   *nn.Linear
}

func (m *fromPyTorch) Forward(x tensor.Tensor) tensor.Tensor {
	h := m.BN.Forward(m.Conv.Forward(x)).ReLU().Reshape(x.Dim(0), 6, 4)
	out, _, _ := m.LSTM.Run(h, nn.Sequences{})
	return m.FC.Forward(out.Select(1, -1))
}

func newFromPyTorch(seed uint64) *fromPyTorch {
	rng := nn.NewRand(seed)
	return &fromPyTorch{Conv: nn.NewConv2D(rng, nn.Conv{In: 1, Out: 2, Kernel: 3, Padding: nn.Same}), BN: nn.NewBatchNorm(2),
		LSTM: nn.NewLSTM(rng, nn.Recurrent{In: 4, Hidden: 3, Bidirectional: true}), FC: nn.NewLinear(rng, 6, 2)}
}

// What torch.save wrote of the same state_dict, in either of its formats,
//
//	m.load_state_dict(load_file("pytorch.safetensors"))
//	torch.save(m.state_dict(), "pytorch.pt")
//	torch.save(m.state_dict(), "legacy.pt", _use_new_zipfile_serialization=False)
//
// loads to the same bits, and what does not fit is named.
func TestTorchSave(t *testing.T) {
	want := newFromPyTorch(1)
	if err := train.LoadWeights("testdata/pytorch.safetensors", want); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"testdata/pytorch.pt", "testdata/legacy.pt"} {
		m := newFromPyTorch(2)
		if err := train.LoadWeights(file, m); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(nn.State(m), nn.State(want)) {
			t.Errorf("%s holds other weights than pytorch.safetensors", file)
		}
		var bad *train.MismatchError
		if err := train.LoadWeights(file, nn.NewLinear(nn.NewRand(1), 6, 2)); !errors.As(err, &bad) || len(bad.Missing) != 2 || len(bad.Unexpected) == 0 {
			t.Errorf("%s in another model: %v", file, err)
		}
	}
}

// A state_dict of PyTorch loads as it is, computes the same, and is written
// back byte by byte.
func TestStateDictOfPyTorch(t *testing.T) {
	const file = "testdata/pytorch.safetensors"
	m := newFromPyTorch(1)
	if err := train.LoadWeights(file, m); err != nil {
		t.Fatal(err)
	}
	arrays, err := formats.LoadNPZ("testdata/pytorch.npz")
	if err != nil {
		t.Fatal(err)
	}
	x, want := arrays[0].Data.([]float32), arrays[1].Data.([]float32)
	y, dims, err := train.NewPredictor(m).Predict(x, arrays[0].Dims...)
	if err != nil || !reflect.DeepEqual(dims, arrays[1].Dims) {
		t.Fatal(err, dims)
	}
	for i := range y {
		if math.Abs(float64(y[i]-want[i])) > 1e-6 {
			t.Fatalf("%v, PyTorch computes %v", y, want)
		}
	}
	if m.BN.RunningMean.Count != 5 {
		t.Errorf("num_batches_tracked is %d, want 5", m.BN.RunningMean.Count)
	}
	again := filepath.Join(t.TempDir(), "again.safetensors")
	if err := train.SaveWeights(again, m, nil); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(file)
	if b, err := os.ReadFile(again); err != nil || !bytes.Equal(a, b) {
		t.Errorf("%v: written otherwise\n%.900q\n%.900q", err, a, b)
	}
}
