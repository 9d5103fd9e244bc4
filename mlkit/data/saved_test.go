package data_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"descent/mlkit/data"
)

func TestScalerAndClassesComeBackWhole(t *testing.T) {
	set := data.FromLabels([]float32{0, 1e-30, 5, 3e38, 2, 7}, []int{3}, []int32{0, 1})
	s, err := data.FitStandard(set)
	if err != nil {
		t.Fatal(err)
	}
	in := struct {
		Scaler  *data.Scaler
		Classes data.Classes
	}{s, data.Classes{"no", "ja <b>"}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	out := in
	out.Scaler, out.Classes = nil, nil
	if err := json.Unmarshal(b, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%s: %+v, %v", b, out, err)
	}
	if l, err := out.Classes.Label("ja <b>"); l != 1 || err != nil {
		t.Error(l, err)
	}
	if _, err := out.Classes.Label("jb"); err == nil || !strings.Contains(err.Error(), `no class is named "jb"`) {
		t.Error(err)
	}
}

func TestScalerAndClassesRefuseWhatIsDamaged(t *testing.T) {
	for text, why := range map[string]string{
		`{}`:                                  `"center" is missing`,
		`null`:                                "null",
		`{"center":[1]}`:                      `"scale" is missing`,
		`{"center":[],"scale":[]}`:            "not been fitted",
		`{"center":[1],"scale":[1,2]}`:        "1 centers and 2 scales",
		`{"center":[1],"scale":[0]}`:          "the scale not 0",
		`{"center":[1],"scale":[null]}`:       "null",
		`{"Center":[1],"Scale":[1]}`:          "unknown field",
		`{"center":[1],"scale":[1],"mean":2}`: "unknown field",
		`{"center":[1e999],"scale":[1]}`:      "1e999",
	} {
		s := data.Scaler{Center: []float64{7}, Scale: []float64{7}}
		if err := json.Unmarshal([]byte(text), &s); err == nil || !strings.Contains(err.Error(), why) || s.Center[0] != 7 {
			t.Errorf("%s: %v %v, want %q in it", text, s, err, why)
		}
	}
	for text, why := range map[string]string{`[]`: "no classes", `["a","a"]`: `both named "a"`, `["a",""]`: "no name", `["a",null]`: "null", `{"a":1}`: "cannot unmarshal"} {
		var c data.Classes
		if err := json.Unmarshal([]byte(text), &c); err == nil || !strings.Contains(err.Error(), why) || c != nil {
			t.Errorf("%s: %q %v, want %q in it", text, c, err, why)
		}
	}
	for _, v := range []any{data.Scaler{}, &data.Scaler{Center: []float64{math.NaN()}, Scale: []float64{1}}, data.Classes{}, data.Classes{"\xff"}} {
		if b, err := json.Marshal(v); err == nil {
			t.Errorf("%v was saved as %s", v, b)
		}
	}
}

// What the training part did not have may not fit into float32 once it is
// scaled.
func TestScaledBeyondFloat32(t *testing.T) {
	s := &data.Scaler{Center: []float64{0, 0}, Scale: []float64{1, 1e-10}}
	for _, x := range []float32{1e30, float32(math.NaN())} {
		set := s.Of(data.FromLabels([]float32{1, 1, 1, x}, []int{2}, []int32{0, 1}))
		var b data.Batch
		if err := set.Batch([]int{0}, &b); err != nil {
			t.Error(err)
		}
		if err := set.Batch([]int{0, 1}, &b); err == nil || !strings.Contains(err.Error(), "feature 1 of sample 1 is") {
			t.Errorf("%v: %v", x, err)
		}
	}
}

func TestScalerOnPartsOfRows(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("five numbers were taken for rows of two")
		}
	}()
	(&data.Scaler{Center: []float64{0, 0}, Scale: []float64{1, 1}}).Apply(make([]float32, 5))
}
