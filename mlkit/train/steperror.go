package train

import (
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"descent/mlkit/tensor"
)

// StepError is a training step that could not be computed: a wrong shape, which
// is a bug in the model or a batch that does not fit it, or a singular matrix.
type StepError struct {
	Step int // −1 outside of training
	// Where names the layers that were at work, the outermost first:
	// "nn.Sequential > nn.(*Linear)", and the place in the caller's code.
	Where string
	Err   error // a [*tensor.ShapeError] or a [*tensor.SingularError]
}

func (e *StepError) Error() string {
	s := "train: " + e.Err.Error()
	if e.Step >= 0 {
		s = fmt.Sprintf("train: step %d: %v", e.Step, e.Err)
	}
	if e.Where != "" {
		s += ", in " + e.Where
	}
	return s
}

// Unwrap gives the operation's error.
func (e *StepError) Unwrap() error { return e.Err }

// stepError makes an error of an operation's refusal that was just recovered;
// any other panic goes on. It is called while the panicking functions are still
// on the stack, which tells the layers apart at no cost to the forward pass.
func stepError(step int, p any) error {
	err := refusal(p)
	if err == nil {
		panic(p)
	}
	return &StepError{Step: step, Where: where(), Err: err}
}

// refusal is the error that an operation panicked with, nil for another panic.
func refusal(p any) error {
	switch p := p.(type) {
	case *tensor.ShapeError:
		return p
	case *tensor.SingularError:
		return p
	}
	return nil
}

func where() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	var layers []string
	place, panicking := "", false
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if !panicking { // what recovers comes first
			panicking = f.Function == "runtime.gopanic"
			continue
		}
		name := path.Base(f.Function)
		for _, method := range []string{".Forward", ".forwardReLU", ".Run"} {
			if layer, ok := strings.CutSuffix(name, method); ok && !strings.HasPrefix(name, "tensor.") {
				layers = append(layers, layer)
			}
		}
		if strings.HasPrefix(name, "train.Fit[") || strings.HasPrefix(name, "train.(*evaluation") || strings.HasPrefix(name, "train.(*Predictor)") {
			break
		}
		ours := strings.HasPrefix(f.Function, "descent/mlkit/") && !strings.Contains(f.Function, "_test.")
		if place == "" && !ours && !strings.HasPrefix(f.Function, "runtime.") {
			place = fmt.Sprintf("%s:%d", path.Base(f.File), f.Line)
		}
	}
	slices.Reverse(layers)
	s := strings.Join(layers, " > ")
	if place != "" {
		s = strings.TrimSpace(s + " (" + place + ")")
	}
	return s
}
