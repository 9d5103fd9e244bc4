package tensor_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"descent/mlkit/tensor"
)

func TestAccessors(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	if x.Dim(-1) != 3 || x.Dim(0) != 2 || x.Rank() != 2 || x.Size() != 6 || x.At(1, 0) != 4 || x.Select(1, 0).Select(0, 1).Item() != 4 {
		t.Error("a dimension or an element is wrong")
	}
	data, dims := x.Clone()
	data[0] = 9
	if x.At(0, 0) != 1 || !slices.Equal(dims, []int{2, 3}) {
		t.Error("a clone shares memory, or has another shape")
	}
	if got := fmt.Sprint(x.Scale(0.5)); got != "Tensor[2 3]{0.5 1 1.5 2 2.5 3}" {
		t.Error(got)
	}
	if got := fmt.Sprint(tape.Full(1, 9)); got != "Tensor[9]{1 1 1 1 1 1 1 1 …}" {
		t.Error(got)
	}
	for v, want := range map[float32]bool{1: true, inf: false, -inf: false, nan: false} {
		if tape.Full(v, 2).IsFinite() != want {
			t.Errorf("IsFinite of %v is %v", v, !want)
		}
	}
	mustPanic(t, "only a tensor of one element", func() { x.Item() })
	mustPanic(t, "1 indices for rank 2", func() { x.At(1) })
	mustPanic(t, "index 3 outside of axis 1", func() { x.At(0, 3) })

	d := x.Detach().Square()
	if d.NeedsGrad() || !x.Square().NeedsGrad() {
		t.Error("NeedsGrad")
	}
	g := x.Mul(x.Detach()).Sum().Backward()
	if got := g.Wrt(x); !slices.Equal(got, x.Data()) { // only the attached factor
		t.Errorf("gradient %v", got)
	}
	old := x
	tape.Reset()
	if old.Valid() || fmt.Sprint(old) != "Tensor(stale)" {
		t.Error("a tensor outlives its step")
	}
}

func TestEvaluationTape(t *testing.T) {
	tape := tensor.NewEvalTape()
	if tape.Training() || tape.RecordsGrad() {
		t.Error("an evaluation tape trains or records gradients")
	}
	x := tape.Variable([]float32{1, 2}, 2)
	y := x.Dropout(0.5).Square()
	if y.NeedsGrad() || !slices.Equal(y.Data(), []float32{1, 4}) {
		t.Errorf("evaluation gives %v", y)
	}
	tape.SetRecordGrad(true) // in evaluation mode, too, there are gradients
	x = tape.Variable([]float32{1, 2}, 2)
	if g := x.Square().Sum().Backward().Wrt(x); !slices.Equal(g, []float32{2, 4}) {
		t.Errorf("gradient %v", g)
	}
}

// The record tells which parameters an operation used, through operations on
// parameters alone; not inputs, nor what has no operand.
func TestOperations(t *testing.T) {
	tape := tensor.NewTape(1)
	w, b, table := tensor.NewParam(2, 3), tensor.NewParam(2), tensor.NewParam(5, 3)
	x := tape.Use(table).Rows(tensor.NewInts([]int32{1, 1}))
	from := tape.Len()
	y := x.MatMul(tape.Use(w).Transpose(0, 1)).Add(tape.Use(b)).ReLU()
	tape.Group(from, w)
	y.Reshape(4)
	var got []string
	for _, o := range tape.Operations() {
		s := fmt.Sprint(o.Name, o.Dims, len(o.Params), o.View)
		for _, p := range o.Params {
			s += map[*tensor.Param]string{w: "w", b: "b", table: "t"}[p]
		}
		got = append(got, s)
	}
	want := []string{"Rows[2 3] 1 falset", "MatMul[2 2] 1 falsew", "Add[2 2] 1 falsew", "ReLU[2 2] 1 falsew", "Reshape[4] 0 true"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestIntsFloat(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tensor.NewInts([]int32{0, 1, -3, 1 << 20}, 2, 2).Float(tape)
	if !reflect.DeepEqual(x.Data(), []float32{0, 1, -3, 1 << 20}) || !reflect.DeepEqual(x.Dims(), []int{2, 2}) {
		t.Errorf("%v %v", x.Data(), x.Dims())
	}
}
