package tensor_test

import (
	"strings"
	"testing"

	"descent/mlkit/tensor"
)

func TestEinsumRefuses(t *testing.T) {
	tape := tensor.NewTape(1)
	a, b := tape.Full(1, 2, 3), tape.Full(1, 4, 2)
	for why, f := range map[string]func(){
		`'1' is not a letter`:                  func() { tensor.Einsum("i1->i", a) },
		`'.' is not a letter`:                  func() { tensor.Einsum("...i->i", a) },
		`'k' in the result occurs in no`:       func() { tensor.Einsum("ij->k", a) },
		`'i' in the result occurs in no`:       func() { tensor.Einsum("ij->ii", a) },
		`2 operands are written, 1 given`:      func() { tensor.Einsum("ij,jk->ik", a) },
		`0 given`:                              func() { tensor.Einsum("ij") },
		`operand 0 has 2 axes`:                 func() { tensor.Einsum("ijk->i", a) },
		`'j' is 3 and 4`:                       func() { tensor.Einsum("ij,jk->ik", a, b) },
		`'i' is 2 and 3`:                       func() { tensor.Einsum("ii", a) },
		`an intermediate result would have 8 `: func() { x := tape.Full(1, 1, 1, 1, 1); tensor.Einsum("abcd,efgh->abcdefgh", x, x.Add(x)) },
	} {
		func() {
			defer func() {
				if e, ok := recover().(*tensor.ShapeError); !ok || !strings.Contains(e.Error(), why) {
					t.Errorf("%s: %v", why, e)
				}
			}()
			f()
		}()
	}
}
