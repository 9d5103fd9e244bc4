package nn

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"descent/mlkit/tensor"
)

// A ModelSummary says what a model consists of: see [Summary].
type ModelSummary struct {
	Rows []SummaryRow
	// Params and Trainable count the elements of all parameters, and of those
	// that are not frozen; Buffers those of the buffers.
	Params, Trainable, Buffers int
	// ParamBytes is the memory of parameters and buffers, ActivationBytes that
	// of all results of the forward pass, for the batch that was asked for.
	// Training takes about twice the activations and, for the gradient and
	// the optimizer's moments, 1 to 3 times the parameters more.
	ParamBytes, ActivationBytes int
}

// A SummaryRow is a layer that has parameters of its own, or an operation
// beside those.
type SummaryRow struct {
	Name   string // the path of its parameters in the model; "" for an operation
	Layer  string // the layer's type or the operation's name
	Shape  []int  // of its result; nil when the forward pass did not come there
	Params int    // the elements of its parameters
	Frozen int    // how many of them are frozen
}

// Summary runs a model once, in training mode on zeros of the given shape
// (batch first) and with no effect on it, and lists its layers in the order of
// that run. What happens inside a layer between uses of its parameters is part
// of its row; other operations have rows of their own.
func Summary(model Layer, dims ...int) ModelSummary {
	return SummaryOf(model, func(t *tensor.Tape) { model.Forward(t.Full(0, dims...)) })
}

// SummaryOf is Summary for a model of any kind: forward runs it on a tape.
func SummaryOf(model any, forward func(t *tensor.Tape)) ModelSummary {
	var s ModelSummary
	w := walker{seen: map[any]bool{}, types: map[string]string{}}
	w.walk("", reflect.ValueOf(model), true)
	State(model)                         // sets the names
	owner := map[*tensor.Param]*module{} // the layer a parameter belongs to
	modules := map[string]*module{}      // by path
	var order []*module
	for _, n := range w.found {
		path, name := "", n.Name
		for _, suffix := range []string{loraA, loraB, gainName, uName, vName} {
			name = strings.TrimSuffix(name, suffix)
		}
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			path = name[:dot]
		}
		m := modules[path]
		if m == nil {
			m = &module{path: path, kind: w.types[path], row: -1}
			modules[path] = m
			order = append(order, m)
		}
		if n.Buffer != nil {
			s.Buffers += len(n.Buffer.Data)
			continue
		}
		m.params += n.Param.Size()
		s.Params += n.Param.Size()
		if n.Param.Frozen {
			m.frozen += n.Param.Size()
		} else {
			s.Trainable += n.Param.Size()
		}
		owner[n.Param] = m
	}
	t := tensor.NewTape(1)
	t.SetRecordGrad(false)
	forward(t)
	ops := t.Operations()
	within := regions(ops, owner)
	for i, o := range ops {
		if !o.View {
			s.ActivationBytes += 4 * tensor.SizeOf(o.Dims)
		}
		dims := append([]int{}, o.Dims...)
		if within[i] == nil {
			s.Rows = append(s.Rows, SummaryRow{Layer: o.Name, Shape: dims})
			continue
		}
		if m := within[i]; m.row >= 0 {
			s.Rows[m.row].Shape = dims
		}
		for _, p := range o.Params { // of one layer, or of several computed as one
			if m := owner[p]; m != nil && m.row < 0 {
				m.row = len(s.Rows)
				s.Rows = append(s.Rows, SummaryRow{m.path, m.called(o.Name), dims, m.params, m.frozen})
			}
		}
	}
	for _, m := range order {
		if m.row < 0 && m.params > 0 {
			s.Rows = append(s.Rows, SummaryRow{Name: m.path, Layer: m.kind, Params: m.params, Frozen: m.frozen})
		}
	}
	s.ParamBytes = 4 * (s.Params + s.Buffers)
	return s
}

// module is a layer with parameters of its own.
type module struct {
	path, kind string
	params     int
	frozen     int
	row        int // in the summary, −1 for none yet
}

// called is how a summary names the layer when op is the operation that
// computed it: a layer and its activation may be one.
func (m *module) called(op string) string {
	kind := m.kind
	if kind == "" {
		kind = op
	}
	for _, act := range []string{"ReLU", "GELU"} {
		if strings.HasSuffix(op, act) && !strings.HasSuffix(kind, act) {
			kind += " + " + act
		}
	}
	return kind
}

// regions gives the layer that each operation belongs to: that of its
// parameters or, between operations of one layer and the layers inside it, that
// layer; nil elsewhere.
func regions(ops []tensor.Operation, owner map[*tensor.Param]*module) []*module {
	within := make([]*module, len(ops))
	var last *module
	at := 0
	for i, o := range ops {
		var m *module
		for _, p := range o.Params {
			if m = owner[p]; m != nil {
				break
			}
		}
		if m == nil {
			continue
		}
		if last != nil && (last == m || last.path != "" && strings.HasPrefix(m.path, last.path+".")) {
			for k := at + 1; k < i; k++ {
				within[k] = last
			}
		}
		within[i], last, at = m, m, i
	}
	return within
}

// Table is the summary as a header and rows of cells, for show.Table.
func (s ModelSummary) Table() (header []string, rows [][]any) {
	for _, r := range s.Rows {
		shape := "not reached"
		if r.Shape != nil {
			shape = fmt.Sprint(r.Shape)
		}
		layer := r.Layer
		switch {
		case r.Frozen > 0 && r.Frozen == r.Params:
			layer += ", frozen"
		case r.Frozen > 0:
			layer += fmt.Sprintf(", %d frozen", r.Frozen)
		}
		rows = append(rows, []any{r.Name, layer, shape, r.Params})
	}
	return []string{"name", "layer", "output shape", "parameters"}, rows
}

// String is the summary as a table of text, with the totals below.
func (s ModelSummary) String() string {
	header, rows := s.Table()
	cells := [][]any{{header[0], header[1], header[2], header[3]}}
	cells = append(cells, rows...)
	var width [4]int
	for _, r := range cells {
		for k := range width {
			width[k] = max(width[k], utf8.RuneCountInString(fmt.Sprint(r[k])))
		}
	}
	var b strings.Builder
	for _, r := range cells {
		fmt.Fprintf(&b, "%-*v  %-*v  %-*v  %*v\n", width[0], r[0], width[1], r[1], width[2], r[2], width[3], r[3])
	}
	fmt.Fprintf(&b, "%d parameters, %d of them trainable, %d numbers in buffers: %s; activations: %s\n",
		s.Params, s.Trainable, s.Buffers, bytes(s.ParamBytes), bytes(s.ActivationBytes))
	return b.String()
}

// bytes writes a size in binary units.
func bytes(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
