package tabular

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// EncodeRow gives the features [len(Names)] of one row, as a service gets it
// from a JSON object: values by the names of the columns. Numbers are float64,
// float32, int, int64 or json.Number, categories texts, and dates a time.Time
// or a text of ISO 8601 (2006-01-02T15:04:05Z, in UTC where it tells no
// offset); nil is missing. A column that is not there, or one that the encoder
// does not know, is an error, as is whatever Encode refuses.
func (e *Encoder) EncodeRow(values map[string]any) ([]float32, error) {
	t := &Table{}
	for _, f := range e.columns {
		v, there := values[f.Name]
		if !there {
			return nil, fmt.Errorf("tabular: the row has no value for column %q; null stands for a missing one", f.Name)
		}
		c := Column{Name: f.Name, Kind: Kind(slices.Index(kindNames[:], f.Kind))}
		var err error
		if c.Kind == Category {
			c.Texts = make([]string, 1)
			c.Texts[0], err = textOf(v)
		} else {
			c.Numbers = make([]float64, 1)
			c.Numbers[0], err = numberOf(v, c.Kind)
		}
		if err != nil {
			return nil, fmt.Errorf("tabular: column %q: %w", f.Name, err)
		}
		t.Columns = append(t.Columns, c)
	}
	if len(values) > len(t.Columns) {
		kinds := e.Kinds()
		for name := range values {
			if _, known := kinds[name]; !known {
				return nil, fmt.Errorf("tabular: the row has a value for column %q, which the encoder does not know", name)
			}
		}
	}
	return e.Encode(t)
}

func textOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("%v (%T) is no text", v, v)
}

func numberOf(v any, kind Kind) (float64, error) {
	out := math.NaN()
	switch v := v.(type) {
	case nil:
		return out, nil
	case time.Time:
		if kind == Date {
			return daysOf(v), nil
		}
	case string:
		if kind == Date {
			if days, k := (notation{}).date(v, isoDates); k >= 0 {
				return days, nil
			}
		}
	case json.Number:
		if f, err := v.Float64(); err == nil {
			out = f
		}
	case float64:
		out = v
	case float32:
		out = float64(v)
	case int:
		out = float64(v)
	case int64:
		out = float64(v)
	}
	if kind == Date || math.IsNaN(out) {
		return 0, fmt.Errorf("%v (%T) is no %v; nil is a missing one", v, v, kind)
	}
	return out, nil
}
