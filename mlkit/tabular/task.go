package tabular

import (
	"errors"
	"fmt"

	"descent/mlkit/data"
	"descent/mlkit/internal/strictjson"
)

// A Task says how to make a problem of supervised learning of a table.
type Task struct {
	// Label is the column of classes, or Target that of numbers, which is the
	// answer; all other columns are features.
	Label, Target string
	// Encoding makes features of the others, fitted on the training part alone.
	Encoding Encoding
	// Test is the share of the rows to test on, drawn by Seed, with every class in
	// its proportion (data.StratifiedSplit); 0 means all are for training.
	Test float64
	Seed uint64
}

// Samples are a table as training and test sets, and what was learned to make
// them.
type Samples struct {
	Train, Test data.Dataset // Test is empty where Task.Test is 0
	Fold        data.Fold    // the rows of each

	Preprocessor Preprocessor
}

// Prepare divides the rows, fits the encoder to the training part and encodes
// both parts:
//
//	iris, err := tabular.Task{Label: "class", Test: 0.2}.Prepare(table)
//	loader := &data.Loader{Dataset: iris.Train, BatchSize: 16, Shuffle: true}
func (p Task) Prepare(t *Table) (*Samples, error) {
	if (p.Label == "") == (p.Target == "") {
		return nil, errors.New("tabular: a Task has either a Label, a column of classes, or a Target, one of numbers")
	}
	if !(p.Test >= 0 && p.Test < 1) {
		return nil, fmt.Errorf("tabular: a share of %v of the rows to test on: want 0 to below 1", p.Test)
	}
	var labels []int32
	var y []float32
	var classes []string
	var err error
	if p.Label != "" {
		labels, classes, err = t.Labels(p.Label)
	} else {
		y, err = t.target(p.Target)
	}
	if err != nil {
		return nil, err
	}
	strata := labels
	if strata == nil {
		strata = make([]int32, t.Len())
	}
	s := &Samples{Fold: data.StratifiedSplit(strata, p.Test, p.Seed)}
	if len(s.Fold.Train) == 0 || p.Test > 0 && len(s.Fold.Test) == 0 {
		return nil, fmt.Errorf("tabular: a share of %v of %d rows leaves a part empty", p.Test, t.Len())
	}
	enc, err := p.Encoding.fitAllBut(t.Rows(s.Fold.Train), p.Label+p.Target)
	if err != nil {
		return nil, err
	}
	s.Preprocessor = Preprocessor{Encoder: enc, Classes: classes}
	x, err := enc.Encode(t)
	if err != nil {
		return nil, err
	}
	var all data.Dataset
	if width := []int{len(enc.Names)}; labels != nil {
		all = data.FromLabels(x, width, labels)
	} else {
		all = data.FromSlices(x, width, y, []int{1})
	}
	s.Train, s.Test = data.Subset(all, s.Fold.Train), data.Subset(all, s.Fold.Test)
	return s, nil
}

// A Preprocessor is what a service needs beside the weights of a model of tables:
// how to make features of a row, and the names of its answers. It is saved and
// loaded whole as JSON, {"encoder": {…}, "classes": ["no", "yes"]}.
type Preprocessor struct {
	Encoder *Encoder
	Classes data.Classes // nil of a regression
}

type preprocessorJSON struct {
	Encoder *Encoder      `json:"encoder"`
	Classes *data.Classes `json:"classes,omitempty"`
}

// MarshalJSON writes the encoder and the classes.
func (p Preprocessor) MarshalJSON() ([]byte, error) {
	if p.Encoder == nil {
		return nil, errors.New("tabular: a Preprocessor without an Encoder cannot be saved")
	}
	j := preprocessorJSON{Encoder: p.Encoder}
	if p.Classes != nil {
		j.Classes = &p.Classes
	}
	return strictjson.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote; p is unchanged after an error.
func (p *Preprocessor) UnmarshalJSON(b []byte) error {
	var j preprocessorJSON
	if err := strictjson.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("tabular: preprocessor: %w", err)
	}
	p.Encoder, p.Classes = j.Encoder, nil
	if j.Classes != nil {
		p.Classes = *j.Classes
	}
	return nil
}
