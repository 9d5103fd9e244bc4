package nn_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

type base struct{ InProjWeight *tensor.Param }

type model struct {
	base
	FC1    *nn.Linear
	Body   nn.Sequential
	Heads  map[string]*nn.Linear
	Tied   *nn.Linear
	Skip   *nn.Linear     `nn:"-"`
	Other  *tensor.Param  `nn:"renamed"`
	Stats  *tensor.Buffer `nn:"running_mean"`
	Act    nn.Func
	number int
}

func TestNames(t *testing.T) {
	rng := nn.NewRand(1)
	fc := nn.NewLinear(rng, 2, 3)
	m := &model{base: base{tensor.NewParam(1)}, FC1: fc, Tied: fc, Skip: nn.NewLinear(rng, 1, 1),
		Body:  nn.Sequential{nn.NewLinear(rng, 1, 1), nn.Func(tensor.Tensor.ReLU), nn.NewLinear(rng, 1, 1)},
		Heads: map[string]*nn.Linear{"b": nn.NewLinear(rng, 1, 1), "a": nn.NewLinear(rng, 1, 1)},
		Other: tensor.NewParam(2), Stats: tensor.NewBuffer(0, 1), number: 1}
	m.Heads["a"].Bias = nil
	var names []string
	for _, n := range nn.State(m) {
		names = append(names, n.Name)
	}
	want := "in_proj_weight fc1.weight fc1.bias body.0.weight body.0.bias body.2.weight body.2.bias heads.a.weight heads.b.weight heads.b.bias renamed running_mean"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("names\n%s\nwant\n%s", got, want)
	}
	if n := len(nn.Params(m)); n != 11 {
		t.Errorf("%d parameters", n)
	}
}

func TestUnexportedParameterPanics(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, `"hidden.weight"`) {
			t.Errorf("panic %s", p)
		}
	}()
	nn.Params(&struct{ hidden *nn.Linear }{nn.NewLinear(nn.NewRand(1), 1, 1)})
}

func TestMSERefusesToBroadcast(t *testing.T) {
	defer func() {
		if e, ok := recover().(*tensor.ShapeError); !ok || !strings.Contains(e.Error(), "MSELoss of [3 1] and [3]") {
			t.Errorf("%v", e)
		}
	}()
	tape := tensor.NewTape(1)
	nn.MSE(tape.Input(make([]float32, 3), 3, 1), tape.Input(make([]float32, 3), 3))
}

func TestAliases(t *testing.T) {
	shared := nn.NewLinear(nn.NewRand(1), 2, 2)
	tied := nn.NewLinear(nn.NewRand(2), 2, 2)
	tied.Weight = shared.Weight
	model := &struct {
		Embed, Again, Out *nn.Linear
	}{shared, shared, tied}
	got := nn.Aliases(model)
	want := map[string]string{"again.weight": "embed.weight", "again.bias": "embed.bias", "out.weight": "embed.weight"}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
