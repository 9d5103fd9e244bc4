package compress

import (
	"reflect"
	"slices"
	"strings"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Summary runs the network once, on zeros of the given shape (batch first; ids
// if it begins with an Embedding), and lists its layers: those in bytes, with
// the shapes of their results, and those that keep parameters in float32.
// ParamBytes is what all of it takes in memory.
func (q *Int8) Summary(dims ...int) nn.ModelSummary {
	shapes := map[*product][]int{}
	s := traced(q.layers, func(p *product, dims ...int) { shapes[p] = slices.Clone(dims) })
	t := tensor.NewEvalTape()
	if len(q.tables) > 0 {
		s.ForwardTokens(t, tensor.NewInts(make([]int32, tensor.SizeOf(dims)), dims...))
	} else {
		s.Forward(t.Full(0, dims...))
	}
	out := nn.ModelSummary{ParamBytes: q.Bytes()}
	for _, e := range q.tables {
		out.Rows = append(out.Rows, nn.SummaryRow{Name: e.path, Layer: "Embedding in int8", Params: len(e.q)})
		out.Params += len(e.q)
	}
	for _, c := range q.chains {
		for _, st := range c.steps {
			p := st.product
			if p == nil {
				continue
			}
			kind := strings.TrimPrefix(p.kind, "*nn.") + " in int8"
			if p.relu {
				kind += " + ReLU"
			}
			if p.pool {
				kind += " + MaxPool2D"
			}
			n := tensor.SizeOf(p.dims) + p.w.N
			out.Rows = append(out.Rows, nn.SummaryRow{Name: p.path, Layer: kind, Shape: shapes[p], Params: n})
			out.Params += n
		}
	}
	for _, n := range keptIn(q.layers) {
		row := nn.SummaryRow{Name: n.Name, Layer: "float32"}
		if n.Param != nil {
			row.Params = n.Param.Size()
			out.Params += row.Params
		} else {
			out.Buffers += len(n.Buffer.Data)
		}
		out.Rows = append(out.Rows, row)
	}
	for _, o := range t.Operations() {
		if !o.View {
			out.ActivationBytes += 4 * tensor.SizeOf(o.Dims)
		}
	}
	return out
}

// traced is s with chains that tell the shapes of their results.
func traced(s stage, tell func(p *product, dims ...int)) stage {
	out := slices.Clone(s)
	for i, it := range s {
		if c, ok := it.layer.(*chain); ok {
			copied := *c
			copied.tell = tell
			out[i].layer = &copied
		} else {
			out[i].layer = within(it.layer, func(l nn.Layer) stage { return traced(l.(stage), tell) })
		}
	}
	return out
}

// detached is a layer with parameters and buffers of its own: what happens to
// the model later does not reach it. A layer without any is returned as it is.
func detached(l nn.Layer) nn.Layer {
	v := reflect.ValueOf(l)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return l
	}
	c := reflect.New(v.Type().Elem())
	c.Elem().Set(v.Elem())
	for i := range c.Elem().NumField() {
		f := c.Elem().Field(i)
		if !f.CanSet() {
			continue
		}
		switch p := f.Interface().(type) {
		case *tensor.Param:
			if p != nil {
				f.Set(reflect.ValueOf(copyOf(p)))
			}
		case *tensor.Buffer:
			if p != nil {
				b := tensor.NewBuffer(0, p.Dims()...)
				copy(b.Data, p.Data)
				b.Count = p.Count
				f.Set(reflect.ValueOf(b))
			}
		}
	}
	return c.Interface().(nn.Layer)
}
