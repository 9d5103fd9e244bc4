package text

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestVocabularyAndBPEComeBackWhole(t *testing.T) {
	words := Words("der die das der die der <b> été 中文 \"\\")
	type saved struct {
		V *Vocabulary
		B *BPE
	}
	for _, in := range []saved{{NewVocabulary([][]string{words}, 0, 1), TrainBPE(append(words, "dies", "dies"), 20)}, {NewVocabulary(nil, 0, 1), TrainBPE(nil, 3)}} {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out saved
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(in.V, out.V) || !reflect.DeepEqual(in.V.Encode(words), out.V.Encode(words)) || !reflect.DeepEqual(in.B.SplitAll(words), out.B.SplitAll(words)) {
			t.Errorf("%s: %v %v", b, out.V, out.B)
		}
	}
}

func TestVocabularyAndBPERefuseWhatIsDamaged(t *testing.T) {
	for text, why := range map[string]string{
		`{}`:               `"tokens" is missing`,
		`{"tokens":["a"]}`: "begins with",
		`{"Tokens":["a"]}`: "unknown field",
		`{"tokens":null}`:  "null",
		`["<pad>"]`:        "not an object",
		`{"tokens":["<pad>","<unk>","<s>","</s>","a","a"]}`:          `"a" is twice`,
		`{"tokens":["<pad>","<unk>","<s>","</s>","<s>"]}`:            `"<s>" is twice`,
		`{"tokens":["<pad>","<unk>","<s>","</s>","\ud834"]}`:         "surrogate",
		`{"tokens":["<pad>","<unk>","<s>","</s>"],"merges":[]}`:      "unknown field",
		`{"tokens":["<pad>","<unk>","<s>","</s>"],"tokens":["<s>"]}`: "twice",
	} {
		v := NewVocabulary([][]string{{"x"}}, 0, 1)
		if err := json.Unmarshal([]byte(text), v); err == nil || !strings.Contains(err.Error(), why) || v.ID("x") != 4 {
			t.Errorf("%s: %v, want %q in it", text, err, why)
		}
	}
	for text, why := range map[string]string{`{}`: "missing", `{"merges":[["a"]]}`: "1 elements", `{"merges":[["a",""]]}`: "not empty", `{"merges":[["a",null]]}`: "null"} {
		b := NewBPE([][2]string{{"x", "y</w>"}})
		if err := json.Unmarshal([]byte(text), b); err == nil || !strings.Contains(err.Error(), why) || len(b.Split("xy")) != 1 {
			t.Errorf("%s: %v, want %q in it", text, err, why)
		}
	}
	changed := NewVocabulary([][]string{{"x"}}, 0, 1)
	changed.Tokens = append(changed.Tokens, "y")
	for _, v := range []any{changed, NewVocabulary([][]string{{"\xff"}}, 0, 1), Vocabulary{}, NewBPE([][2]string{{"\xff", "a"}})} {
		if b, err := json.Marshal(v); err == nil {
			t.Errorf("%v was saved as %s", v, b)
		}
	}
}

// Made of its exported field alone, a vocabulary would know no token and a BPE
// no merge: a panic, not an answer.
func TestVocabularyAndBPEThatWereNotMade(t *testing.T) {
	for name, f := range map[string]func(){
		"vocabulary": func() { (&Vocabulary{Tokens: []string{"<pad>", "<unk>", "<s>", "</s>", "a"}}).Encode([]string{"a"}) },
		"BPE":        func() { (&BPE{Merges: [][2]string{{"a", "b</w>"}}}).Split("ab") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("the %s answers", name)
				}
			}()
			f()
		}()
	}
}
