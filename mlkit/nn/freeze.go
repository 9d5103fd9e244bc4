package nn

import "reflect"

// Freeze holds a model, or a part of one, as it is: training changes neither
// its parameters nor the running statistics of its batch normalisations, which
// then normalise with them in training, too. PyTorch: requires_grad_(False),
// and eval() of the batch norms. What lies before the first parameter that
// still learns gets no gradients, and the backward pass ends there. Dropout
// goes on dropping.
//
//	nn.Freeze(model.Body) // fine-tune the head alone
func Freeze(model any) { freeze(model, true) }

// Unfreeze lets a model, or a part of one, learn again: all of it.
func Unfreeze(model any) { freeze(model, false) }

func freeze(model any, on bool) {
	w := walker{seen: map[any]bool{}, visit: func(layer any) {
		if b, ok := layer.(*BatchNorm); ok {
			b.Frozen = on
		}
	}}
	w.walk("", reflect.ValueOf(model), true)
	for _, n := range w.found {
		if n.Param != nil {
			n.Param.Frozen = on
		}
	}
}
