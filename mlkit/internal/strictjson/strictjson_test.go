package strictjson

import (
	"reflect"
	"strings"
	"testing"
)

type part struct {
	Name string   `json:"name"`
	Fill *float64 `json:"fill,omitempty"`
}

type whole struct {
	Parts []part      `json:"parts"`
	Pairs [][2]string `json:"pairs"`
	N     int         `json:"n"`
}

func TestRoundTrip(t *testing.T) {
	fill := 0.1
	in := whole{[]part{{"a\ufffd", &fill}, {"", nil}}, [][2]string{{"x", "y"}}, 3}
	b, err := Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out whole
	if err := Unmarshal(b, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%s\n%+v\n%v", b, out, err)
	}
	if _, err := Marshal(whole{Parts: []part{{Name: "\xff"}}}); err == nil || !strings.Contains(err.Error(), "not UTF-8") {
		t.Error(err)
	}
}

func TestWhatIsNotWholeIsAnError(t *testing.T) {
	for text, why := range map[string]string{
		``:                                    "EOF",
		`[]`:                                  "not an object",
		`{}`:                                  `field "parts" is missing`,
		`{"parts":[],"pairs":[]}`:             `field "n" is missing`,
		`{"parts":[],"pairs":[],"N":1}`:       `unknown field "N"`,
		`{"parts":[],"pairs":[],"n":1,"n":1}`: `"n" is there twice`,
		`{"parts":[],"pairs":[],"n":null}`:    "n: null",
		`{"parts":null,"pairs":[],"n":1}`:     "parts: null",
		`{"parts":[{"name":null}],"pairs":[],"n":1}`:   "parts: element 0: name: null",
		`{"parts":[{"fill":1}],"pairs":[],"n":1}`:      `parts: element 0: field "name" is missing`,
		`{"parts":[{"name":"a","x":0}],"pairs":[]}`:    `unknown field "x"`,
		`{"parts":[],"pairs":[["a"]],"n":1}`:           "1 elements, want 2",
		`{"parts":[],"pairs":[["a",null]],"n":1}`:      "null",
		`{"parts":[],"pairs":[],"n":1.5}`:              "cannot unmarshal",
		`{"parts":[],"pairs":[],"n":"1"}`:              "cannot unmarshal",
		`{"parts":[],"pairs":[],"n":1}{}`:              "something follows",
		`{"parts":[],"pairs":[],"n":1`:                 "EOF",
		`{"parts":[{"name":"\ud800"}],"pairs":[]}`:     "half a surrogate pair",
		"{\"parts\":[{\"name\":\"\xff\"}],\"pairs\":1": "not UTF-8",
	} {
		var v whole
		if err := Unmarshal([]byte(text), &v); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q in it", text, err, why)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"parts":[{"name":"a","fill":1e3}],"pairs":[["a","b"]],"n":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v, again whole
		if Unmarshal(b, &v) != nil {
			return
		}
		out, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := Unmarshal(out, &again); err != nil || !reflect.DeepEqual(v, again) {
			t.Fatalf("%s: %v", out, err)
		}
	})
}
